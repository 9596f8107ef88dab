//! What goes wrong meanwhile: processes are killed and started again, connections are cut and frozen.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use fastrand::Rng;
use tokio::{
    sync::Mutex,
    time::{Instant, sleep, sleep_until},
};

use crate::{
    Result,
    instances::Instances,
    processes::{Process, Signal},
    proxy::Way,
    services::{Service, Services},
};

/// How often what happened.
#[derive(Default)]
pub(crate) struct Tally {
    /// Servers that were killed.
    pub(crate) servers: AtomicU64,
    /// Times that a server stood still.
    pub(crate) stalls: AtomicU64,
    /// Wallets that were killed.
    pub(crate) wallets: AtomicU64,
    /// Services that were restarted.
    pub(crate) services: AtomicU64,
    /// Times that the proxied connection was cut or frozen.
    pub(crate) cuts: AtomicU64,
}

/// Everything that can be broken, and until when.
#[derive(Clone)]
pub(crate) struct Faults {
    /// The services.
    pub(crate) services: Arc<Services>,
    /// The servers and the wallet.
    pub(crate) instances: Arc<Instances>,
    /// What was done.
    pub(crate) tally: Arc<Tally>,
    /// When the run began.
    pub(crate) begun: Instant,
    /// How long it goes on.
    pub(crate) time: Duration,
}

impl Faults {
    fn until(&self) -> Instant {
        self.begun + self.time
    }

    /// A moment in a part of the run.
    fn moment(&self, random: &mut Rng, from: f64, to: f64) -> Instant {
        self.begun + self.time.mul_f64(from + (to - from) * random.f64())
    }

    /// Kills one server after the other.
    pub(crate) async fn kill_servers(self, mut random: Rng) -> Result<()> {
        loop {
            let next = Instant::now() + between(&mut random, 1500, 5000);
            if next >= self.until() {
                return Ok(());
            }
            sleep_until(next).await;
            let victim = random
                .choice(&self.instances.servers)
                .ok_or("there is no server")?;
            let pause = between(&mut random, 0, 1500);
            bounce(&victim.process, Signal::Kill, pause).await?;
            self.tally.servers.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// Has a server stand still now and then, longer than requests wait and leases hold, and go on as if nothing was.
    pub(crate) async fn stall_servers(self, mut random: Rng) -> Result<()> {
        loop {
            let next = Instant::now() + between(&mut random, 2000, 6000);
            if next >= self.until() {
                return Ok(());
            }
            sleep_until(next).await;
            let victim = random
                .choice(&self.instances.servers)
                .ok_or("there is no server")?;
            let pause = between(&mut random, 300, 8000);
            let mut process = victim.process.lock().await;
            process.stall(true)?;
            sleep(pause).await;
            process.stall(false)?;
            self.tally.stalls.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// Kills the wallet once.
    pub(crate) async fn kill_wallet(self, mut random: Rng) -> Result<()> {
        sleep_until(self.moment(&mut random, 0.2, 0.8)).await;
        let pause = between(&mut random, 0, 1000);
        bounce(&self.instances.wallet.process, Signal::Kill, pause).await?;
        self.tally.wallets.fetch_add(1, Ordering::Relaxed);
        Ok(())
    }

    /// Restarts PostgreSQL once, at once and without good order.
    pub(crate) async fn restart_postgres(self, mut random: Rng) -> Result<()> {
        let at = self.moment(&mut random, 0.1, 0.7);
        let pause = between(&mut random, 0, 1500);
        self.restart(at, &self.services.postgres, Signal::Quit, pause)
            .await
    }

    /// Restarts Redis once, which loses what it held.
    pub(crate) async fn restart_redis(self, mut random: Rng) -> Result<()> {
        let at = self.moment(&mut random, 0.1, 0.8);
        let pause = between(&mut random, 0, 2000);
        self.restart(at, &self.services.redis, Signal::Kill, pause).await
    }

    /// Restarts RabbitMQ once, in good order or not.
    pub(crate) async fn restart_rabbitmq(self, mut random: Rng) -> Result<()> {
        let at = self.moment(&mut random, 0.15, 0.6);
        let signal = if random.bool() {
            Signal::Kill
        } else {
            Signal::Terminate
        };
        let pause = between(&mut random, 0, 500);
        self.restart(at, &self.services.rabbitmq, signal, pause).await
    }

    async fn restart(&self, at: Instant, service: &Service, signal: Signal, pause: Duration) -> Result<()> {
        sleep_until(at).await;
        bounce(&service.process, signal, pause).await?;
        service.listens().await?;
        self.tally.services.fetch_add(1, Ordering::Relaxed);
        Ok(())
    }

    /// Cuts or freezes the proxied connection to the broker now and then.
    pub(crate) async fn cut(self, mut random: Rng) -> Result<()> {
        loop {
            let next = Instant::now() + between(&mut random, 200, 1200);
            if next >= self.until() {
                return Ok(());
            }
            sleep_until(next).await;
            // A freeze that is longer than confirmations may take has them given up.
            let (way, pause) = match random.u8(..8) {
                0 => (Way::Frozen, between(&mut random, 2000, 4500)),
                _ => (Way::Cut, between(&mut random, 0, 400)),
            };
            self.instances.proxy.set(way);
            sleep(pause).await;
            self.instances.proxy.set(Way::Open);
            self.tally.cuts.fetch_add(1, Ordering::Relaxed);
        }
    }
}

fn between(random: &mut Rng, least: u64, most: u64) -> Duration {
    Duration::from_millis(random.u64(least..=most))
}

/// Ends a process and starts it again after a while.
async fn bounce(process: &Mutex<Process>, signal: Signal, pause: Duration) -> Result<()> {
    let mut process = process.lock().await;
    tokio::task::block_in_place(|| process.end(signal))?;
    sleep(pause).await;
    process.start()
}
