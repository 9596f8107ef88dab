//! What a machine does by itself: a database that has ended because of its disk is started again.

use std::{os::unix::process::ExitStatusExt, process::ExitStatus, sync::atomic::Ordering, time::Duration};

use tokio::{sync::Mutex, time::sleep};

use super::Faults;
use crate::{
    Result,
    database::Engine,
    processes::{Process, Signal},
};

/// How often is looked whether all are still there.
const BETWEEN_LOOKS: Duration = Duration::from_millis(200);

/// The signal of a process that aborts itself.
const ABORT: i32 = 6;

impl Faults {
    /// Starts whoever has ended because of its disk; that anybody else has ended by itself is an error.
    pub(crate) async fn supervise(self) -> Result<()> {
        while !self.is_over() || self.disk_fails.load(Ordering::Acquire) {
            sleep(BETWEEN_LOOKS).await;
            let servers = self.instances.all().map(|instance| &instance.process);
            let services = self.services.all().map(|service| &service.process);
            for process in servers.chain(services) {
                self.look_after(process).await?;
            }
        }
        Ok(())
    }

    async fn look_after(&self, process: &Mutex<Process>) -> Result<()> {
        // Whoever holds it stops or starts it.
        let Ok(mut ended) = process.try_lock() else {
            return Ok(());
        };
        let Some(status) = ended.ended()? else {
            return Ok(());
        };
        if !self.is_excused(process, status) {
            return Err(ended.unexpected(status).into());
        }
        ended.stop(Signal::Kill)?;
        ended.start()?;
        self.tally
            .add("starts of one that had ended because of its disk", 1);
        Ok(())
    }

    /// Whether one may have ended by itself: it uses a disk that is full or broken, and has told that as an error.
    pub(super) fn is_excused(&self, process: &Mutex<Process>, status: ExitStatus) -> bool {
        let uses_disk = self.holder().is_ok_and(|holder| std::ptr::eq(holder, process));
        let as_it_should = match &self.services.database.engine {
            // Where its control file cannot be read it panics, by an abort.
            Engine::Postgres(_) => status.code() == Some(1) || status.signal() == Some(ABORT),
            Engine::Sqlite(_) => status.code() == Some(1),
        };
        uses_disk && as_it_should && self.disk_fails.load(Ordering::Acquire)
    }
}
