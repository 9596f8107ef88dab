//! The database goes away, is out of connections, is locked or takes no writes; one after the other.

use std::{str::FromStr, time::Duration};

use fastrand::Rng;
use sqlx::{
    Connection as _, Executor as _, PgConnection, SqliteConnection, postgres::PgConnectOptions,
    sqlite::SqliteConnectOptions,
};
use tokio::time::{Instant, sleep};

use super::{Faults, between};
use crate::{Result, database::Engine, services::Service};

/// What can happen to a database.
#[derive(Clone, Copy)]
enum DatabaseFault {
    /// It ends at once.
    Ends,
    /// Others take all connections that it has.
    OutOfConnections,
    /// Another holds a lock that every command needs.
    Locked,
    /// It refuses writes, as one that has become a replica.
    RefusesWrites,
    /// A disk is full.
    DiskFull,
    /// The disks fail, and the machine starts anew.
    DisksFail,
}

impl Faults {
    /// Breaks the database in one way after the other.
    pub(crate) async fn break_database(self, mut random: Rng) -> Result<()> {
        let mut possible = match &self.services.database.engine {
            Engine::Postgres(_) => vec![
                DatabaseFault::Ends,
                DatabaseFault::OutOfConnections,
                DatabaseFault::Locked,
                DatabaseFault::RefusesWrites,
            ],
            Engine::Sqlite(_) => vec![DatabaseFault::Locked],
        };
        if !self.services.database.volumes.is_empty() {
            possible.extend([DatabaseFault::DiskFull, DatabaseFault::DisksFail]);
        }
        loop {
            random.shuffle(&mut possible);
            for fault in &possible {
                sleep(between(&mut random, 300, 2000)).await;
                if self.is_over() {
                    return Ok(());
                }
                self.inflict(*fault, &mut random).await?;
            }
        }
    }

    async fn inflict(&self, fault: DatabaseFault, random: &mut Rng) -> Result<()> {
        let time = between(random, 500, 3000);
        let what = match fault {
            DatabaseFault::Ends => {
                if let Some(service) = self.services.database.service() {
                    self.restart(service, self.at_once(), between(random, 0, 1500))
                        .await?;
                }
                "restarts of PostgreSQL"
            }
            DatabaseFault::OutOfConnections => {
                if let Some(service) = self.services.database.service() {
                    self.take_connections(service, time).await?;
                }
                "times that PostgreSQL was out of connections"
            }
            DatabaseFault::Locked => {
                self.hold_lock(time * 2).await?;
                "times that somebody else held a lock on the database"
            }
            DatabaseFault::RefusesWrites => {
                self.refuse_writes(time).await?;
                "times that PostgreSQL was read-only"
            }
            DatabaseFault::DiskFull => {
                self.fill_disk(time, random).await?;
                "times that a disk of the database was full"
            }
            DatabaseFault::DisksFail => {
                self.fail_disks(time).await?;
                "times that the disks of the database failed and lost what was not synchronized"
            }
        };
        self.recovers(random).await?;
        self.disk_works();
        self.tally.add(what, 1);
        Ok(())
    }

    /// Takes every connection that there is or becomes free.
    async fn take_connections(&self, service: &Service, time: Duration) -> Result<()> {
        let options = PgConnectOptions::from_str(&crate::database::postgres_url(service.port))?;
        let until = Instant::now() + time;
        let mut taken = Vec::new();
        while Instant::now() < until {
            match PgConnection::connect_with(&options).await {
                Ok(connection) => taken.push(connection),
                Err(_) => sleep(Duration::from_millis(20)).await,
            }
        }
        Ok(())
    }

    async fn hold_lock(&self, time: Duration) -> Result<()> {
        match &self.services.database.engine {
            Engine::Postgres(_) => {
                let mut holder = self.postgres().await?;
                holder
                    .execute("BEGIN; LOCK TABLE users IN ACCESS EXCLUSIVE MODE")
                    .await?;
                sleep(time).await;
                Ok(holder.close().await?)
            }
            Engine::Sqlite(file) => {
                let options = SqliteConnectOptions::new()
                    .filename(file)
                    .busy_timeout(Duration::from_secs(30));
                let mut holder = SqliteConnection::connect_with(&options).await?;
                holder.execute("BEGIN IMMEDIATE").await?;
                sleep(time).await;
                Ok(holder.close().await?)
            }
        }
    }

    async fn refuse_writes(&self, time: Duration) -> Result<()> {
        let mut operator = self.postgres().await?;
        for statement in [
            "ALTER SYSTEM SET default_transaction_read_only = on",
            "SELECT pg_reload_conf()",
        ] {
            operator.execute(statement).await?;
        }
        sleep(time).await;
        for statement in [
            "ALTER SYSTEM RESET default_transaction_read_only",
            "SELECT pg_reload_conf()",
        ] {
            operator.execute(statement).await?;
        }
        Ok(operator.close().await?)
    }

    async fn postgres(&self) -> Result<PgConnection> {
        let options = PgConnectOptions::from_str(&self.services.database.url())?;
        Ok(PgConnection::connect_with(&options).await?)
    }

    /// Cuts or freezes the proxied connections to PostgreSQL now and then.
    pub(crate) async fn cut_database(self, random: Rng) -> Result<()> {
        let what = "times that connections to PostgreSQL were cut or frozen";
        match &self.instances.database_proxy {
            Some(proxy) => self.cut(proxy, what, random).await,
            None => Ok(()),
        }
    }
}
