//! The disks of the database fill up and fail.

use std::{sync::atomic::Ordering, time::Duration};

use fastrand::Rng;
use tokio::{
    task::block_in_place,
    time::{Instant, sleep},
};

use super::Faults;
use crate::Result;

/// Room that is given back meanwhile is taken as often.
const BETWEEN_FILLS: Duration = Duration::from_millis(50);

impl Faults {
    /// Fills a disk, and empties it after a while. Half of the time who uses it is killed meanwhile, and has to start on a
    /// full disk.
    pub(super) async fn fill_disk(&self, time: Duration, random: &mut Rng) -> Result<()> {
        let volume = random
            .choice(&self.services.database.volumes)
            .ok_or("there is no disk")?;
        self.disk_fails.store(true, Ordering::Release);
        let (unavailable, begun) = (self.unavailable(), Instant::now());
        let mut killed_at = random.bool().then(|| begun + time.mul_f64(random.f64()));
        while begun.elapsed() < time {
            block_in_place(|| volume.fill())?;
            if killed_at.is_some_and(|at| at <= Instant::now()) {
                killed_at = None;
                self.bounce(self.holder()?, self.at_once(), Duration::ZERO)
                    .await?;
            }
            sleep(BETWEEN_FILLS).await;
        }
        block_in_place(|| volume.free())?;
        self.tally.add(
            "answers 503 while a disk was full",
            self.unavailable() - unavailable,
        );
        Ok(())
    }

    /// Has all disks refuse writes under whoever uses them. They work again only once the machine has started anew.
    pub(super) async fn fail_disks(&self, time: Duration) -> Result<()> {
        let volumes = &self.services.database.volumes;
        self.disk_fails.store(true, Ordering::Release);
        let unavailable = self.unavailable();
        block_in_place(|| volumes.iter().try_for_each(crate::volume::Volume::break_down))?;
        sleep(time).await;
        let mut process = self.holder()?.lock().await;
        self.tally
            .add("answers 503 while disks failed", self.unavailable() - unavailable);
        block_in_place(|| -> Result<()> {
            process.stop(self.at_once())?;
            volumes.iter().try_for_each(crate::volume::Volume::repair)
        })?;
        process.start()
    }

    /// Says that whoever ends by itself from now on has no excuse.
    pub(super) fn disk_works(&self) {
        self.disk_fails.store(false, Ordering::Release);
    }

    fn unavailable(&self) -> u64 {
        self.client.outcomes.unavailable.load(Ordering::Relaxed)
    }
}
