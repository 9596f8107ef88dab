//! The broker is restarted, takes no messages, and its connections are cut.

use std::{process::Command, time::Duration};

use fastrand::Rng;
use tokio::time::{Instant, sleep, sleep_until};

use super::{Faults, between};
use crate::{Result, processes::Signal};

/// The broker must do what it is asked within so long.
const PATIENCE: Duration = Duration::from_secs(60);

impl Faults {
    /// Restarts RabbitMQ, in good order or not, and has it take no messages, in turn.
    pub(crate) async fn break_broker(self, mut random: Rng) -> Result<()> {
        let mut restarts = random.bool();
        for moment in self.moments(&mut random, Duration::from_secs(12)) {
            sleep_until(moment).await;
            if self.is_over() {
                break;
            }
            if restarts {
                self.restart_rabbitmq(&mut random).await?;
            } else {
                self.block_publishers(&mut random).await?;
            }
            restarts = !restarts;
        }
        Ok(())
    }

    async fn restart_rabbitmq(&self, random: &mut Rng) -> Result<()> {
        let signal = if random.bool() {
            Signal::Kill
        } else {
            Signal::Terminate
        };
        let pause = between(random, 0, 500);
        self.restart(&self.services.rabbitmq, signal, pause).await?;
        self.tally.add("restarts of RabbitMQ", 1);
        Ok(())
    }

    /// Sets off an alarm, in which the broker reads from no connection that publishes, until it is over.
    async fn block_publishers(&self, random: &mut Rng) -> Result<()> {
        let (alarm, over) = if random.bool() {
            (
                ["set_vm_memory_high_watermark", "0.0000001"],
                ["set_vm_memory_high_watermark", "0.6"],
            )
        } else {
            (
                ["set_disk_free_limit", "1000000GB"],
                ["set_disk_free_limit", "50MB"],
            )
        };
        self.rabbitmqctl(alarm).await?;
        sleep(between(random, 1000, 4000)).await;
        self.rabbitmqctl(over).await?;
        self.tally
            .add("alarms of RabbitMQ, in which it takes no messages", 1);
        Ok(())
    }

    /// Asks the broker for something, until it has started far enough to do it.
    async fn rabbitmqctl(&self, arguments: [&str; 2]) -> Result<()> {
        let (program, variables) = self
            .services
            .rabbitmqctl
            .split_first()
            .ok_or("there is no rabbitmqctl")?;
        let mut command = Command::new(program);
        command.args(variables).arg("--quiet").args(arguments);
        let begun = Instant::now();
        loop {
            let output = tokio::task::block_in_place(|| command.output())?;
            if output.status.success() {
                return Ok(());
            }
            if begun.elapsed() > PATIENCE {
                let told = String::from_utf8_lossy(&output.stderr).into_owned();
                return Err(format!("rabbitmqctl {}: {told}", arguments.join(" ")).into());
            }
            sleep(Duration::from_millis(200)).await;
        }
    }

    /// Cuts or freezes the proxied connections to the broker now and then.
    pub(crate) async fn cut_broker(self, random: Rng) -> Result<()> {
        let what = "times that connections to RabbitMQ were cut or frozen";
        self.cut(&self.instances.broker_proxy, what, random).await
    }
}
