//! What goes wrong meanwhile.

mod broker;
mod database;
mod disks;
mod supervisor;

use std::{
    collections::BTreeMap,
    fmt,
    sync::{Arc, Mutex, PoisonError, atomic::AtomicBool},
    time::Duration,
};

use fastrand::Rng;
use reqwest::Method;
use tokio::time::{Instant, sleep, sleep_until};

use crate::{
    Result,
    client::{Call, Client},
    database::Engine,
    instances::Instances,
    load_state::id,
    processes::{Process, Signal},
    proxy::{Proxy, Way},
    services::{Service, Services},
};

/// How often what happened.
#[derive(Default)]
pub(crate) struct Tally(Mutex<BTreeMap<&'static str, u64>>);

impl Tally {
    fn add(&self, what: &'static str, times: u64) {
        let mut tally = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        *tally.entry(what).or_default() += times;
    }

    fn at_least(&self, what: &'static str, number: u64) {
        let mut tally = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let known = tally.entry(what).or_default();
        *known = number.max(*known);
    }
}

/// A line for each.
impl fmt::Display for Tally {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let tally = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        for (what, times) in &*tally {
            writeln!(f, "{times:>8}  {what}")?;
        }
        Ok(())
    }
}

/// Everything that can be broken, and until when.
#[derive(Clone)]
pub(crate) struct Faults {
    /// The database, Redis and RabbitMQ.
    pub(crate) services: Arc<Services>,
    /// The servers and the wallet.
    pub(crate) instances: Arc<Instances>,
    /// Who sees whether commands are carried out.
    pub(crate) client: Arc<Client>,
    /// What was done.
    pub(crate) tally: Arc<Tally>,
    /// Whether a disk of the database is full or broken, so that whoever uses it may end by itself.
    pub(crate) disk_fails: Arc<AtomicBool>,
    /// When the run began.
    pub(crate) begun: Instant,
    /// How long it goes on.
    pub(crate) time: Duration,
}

impl Faults {
    fn until(&self) -> Instant {
        self.begun + self.time
    }

    fn is_over(&self) -> bool {
        Instant::now() >= self.until()
    }

    /// One moment in each stretch of such a length, at least one in all; the end of the run is left alone.
    fn moments(&self, random: &mut Rng, every: Duration) -> Vec<Instant> {
        let count = (self.time.as_secs() / every.as_secs().max(1)).max(1);
        let stretch = self.time.mul_f64(0.8) / u32::try_from(count).unwrap_or(u32::MAX);
        let mut from = self.begun + self.time.mul_f64(0.1);
        let mut moments = Vec::new();
        for _ in 0..count {
            moments.push(from + stretch.mul_f64(random.f64()));
            from += stretch;
        }
        moments
    }

    /// Kills a server so many times, at moments that are drawn from the whole run.
    pub(crate) async fn kill_servers(self, kills: u64, mut random: Rng) -> Result<()> {
        let mut moments: Vec<f64> = (0..kills).map(|_| random.f64()).collect();
        moments.sort_by(f64::total_cmp);
        for moment in moments {
            sleep_until(self.begun + self.time.mul_f64(moment)).await;
            if self.is_over() {
                break;
            }
            let victim = random
                .choice(&self.instances.servers)
                .ok_or("there is no server")?;
            // Mostly it is started at once, as by a supervisor.
            let pause = match random.u8(..4) {
                0 => between(&mut random, 0, 1500),
                _ => Duration::ZERO,
            };
            self.bounce(&victim.process, Signal::Kill, pause).await?;
            self.tally.add("servers killed and started again", 1);
        }
        Ok(())
    }

    /// Has a server stand still now and then, longer than requests wait and leases hold, and go on as if nothing was. It
    /// may be killed meanwhile.
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
            victim.process.lock().await.stall(true)?;
            sleep(pause).await;
            victim.process.lock().await.stall(false)?;
            self.tally.add("times that a server stood still", 1);
        }
    }

    /// Kills the wallet now and then.
    pub(crate) async fn kill_wallet(self, mut random: Rng) -> Result<()> {
        for moment in self.moments(&mut random, Duration::from_secs(20)) {
            sleep_until(moment).await;
            let pause = between(&mut random, 0, 1000);
            self.bounce(&self.instances.wallet.process, Signal::Kill, pause)
                .await?;
            self.tally.add("wallets killed and started again", 1);
        }
        Ok(())
    }

    /// Restarts Redis now and then, which loses what it held.
    pub(crate) async fn restart_redis(self, mut random: Rng) -> Result<()> {
        for moment in self.moments(&mut random, Duration::from_secs(20)) {
            sleep_until(moment).await;
            let pause = between(&mut random, 0, 2000);
            self.restart(&self.services.redis, Signal::Kill, pause).await?;
            self.tally.add("restarts of Redis", 1);
        }
        Ok(())
    }

    async fn restart(&self, service: &Service, signal: Signal, pause: Duration) -> Result<()> {
        self.bounce(&service.process, signal, pause).await?;
        service.listens().await
    }

    /// Cuts or freezes what goes through a proxy now and then.
    async fn cut(&self, proxy: &Proxy, what: &'static str, mut random: Rng) -> Result<()> {
        loop {
            let next = Instant::now() + between(&mut random, 200, 1200);
            if next >= self.until() {
                return Ok(());
            }
            sleep_until(next).await;
            // A freeze that is longer than confirmations and statements may take has them given up.
            let (way, pause) = match random.u8(..8) {
                0 => (Way::Frozen, between(&mut random, 2000, 4500)),
                _ => (Way::Cut, between(&mut random, 0, 400)),
            };
            proxy.set(way);
            sleep(pause).await;
            proxy.set(Way::Open);
            self.tally.add(what, 1);
        }
    }

    /// Ends a process, where it has not ended by itself for a good reason, and starts it again after a while.
    async fn bounce(
        &self,
        process: &tokio::sync::Mutex<Process>,
        signal: Signal,
        pause: Duration,
    ) -> Result<()> {
        let mut running = process.lock().await;
        if let Some(status) = running.ended()?
            && !self.is_excused(process, status)
        {
            return Err(running.unexpected(status).into());
        }
        tokio::task::block_in_place(|| running.stop(signal))?;
        sleep(pause).await;
        running.start()
    }

    /// The process that has the files of the database open.
    fn holder(&self) -> Result<&tokio::sync::Mutex<Process>> {
        match &self.services.database.engine {
            Engine::Postgres(service) => Ok(&service.process),
            Engine::Sqlite(_) => {
                let server = self.instances.servers.first().ok_or("there is no server")?;
                Ok(&server.process)
            }
        }
    }

    /// How it is told to end at once. PostgreSQL cleans up after itself, without good order.
    fn at_once(&self) -> Signal {
        match &self.services.database.engine {
            Engine::Postgres(_) => Signal::Quit,
            Engine::Sqlite(_) => Signal::Kill,
        }
    }

    /// Waits until a command is carried out again.
    async fn recovers(&self, random: &mut Rng) -> Result<()> {
        let begun = Instant::now();
        let call = Call::by(id(random), Method::POST, "checkin", None);
        let done = self.client.ask(random, call).await?;
        if !done.is_ok() {
            return Err(format!("a first check-in was answered {} {}", done.status, done.body).into());
        }
        let took = u64::try_from(begun.elapsed().as_millis())?;
        self.tally
            .at_least("milliseconds at most until the database was used again", took);
        Ok(())
    }
}

fn between(random: &mut Rng, least: u64, most: u64) -> Duration {
    Duration::from_millis(random.u64(least..=most))
}
