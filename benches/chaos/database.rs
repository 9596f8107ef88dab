//! The database of a run: a PostgreSQL of its own, or a SQLite file. Its files are on volumes of their own, where
//! those can be mounted.

use std::{
    ffi::OsString,
    path::{Path, PathBuf},
    sync::Arc,
};

use crate::{
    Result, installed,
    options::DatabaseKind,
    processes::{Process, Watchdog},
    services::{Service, free_port, subfolder},
    volume::Volume,
};

const MIB: u64 = 1024 * 1024;
/// Enough for what some ten minutes write.
const DATA: u64 = 1024 * MIB;
/// A checkpoint is forced long before this is used up.
const WRITE_AHEAD_LOG: u64 = 160 * MIB;

/// What a server can be told to use.
pub(crate) enum Engine {
    /// A server on a port of its own.
    Postgres(Service),
    /// A file.
    Sqlite(PathBuf),
}

/// A database with the disks that it is on.
pub(crate) struct Database {
    /// What it is.
    pub(crate) engine: Engine,
    /// Its disks; none where they cannot be mounted.
    pub(crate) volumes: Vec<Volume>,
    /// Why there are no disks.
    pub(crate) without_volumes: Option<String>,
}

impl Database {
    /// Prepares one in the folder of a run. A PostgreSQL does not run yet.
    pub(crate) fn prepare(kind: DatabaseKind, folder: &Path, watchdog: &Arc<Watchdog>) -> Result<Self> {
        match kind {
            DatabaseKind::Postgres => Self::postgres(folder, watchdog),
            DatabaseKind::Sqlite => Self::sqlite(folder),
        }
    }

    fn postgres(folder: &Path, watchdog: &Arc<Watchdog>) -> Result<Self> {
        let (data, log) = (subfolder(folder, "postgres")?, subfolder(folder, "wal")?);
        let mounted = mount(&[(&data, DATA), (&log, WRITE_AHEAD_LOG)]);
        let mut initdb = vec![OsString::from("--wal-segsize=1")];
        if mounted.is_ok() {
            let mut option = OsString::from("--waldir=");
            option.push(log.join("pg_wal"));
            initdb.push(option);
        }
        let port = free_port()?;
        let mut command = installed::postgres_server_with(&data, port, &initdb)
            .ok_or("PostgreSQL is not installed, or cannot be set up")?;
        // `initdb` did not.
        mounted.iter().flatten().try_for_each(Volume::synchronize)?;
        // The later of two settings counts. A segment of the log that was used before would need no room.
        for setting in [
            "fsync=on",
            "max_connections=60",
            "wal_recycle=off",
            "recovery_init_sync_method=syncfs",
        ] {
            command.extend(["-c", setting].map(OsString::from));
        }
        let process = Process::new("postgres", command, folder, watchdog);
        let service = Service::new("PostgreSQL", port, process);
        Ok(Self::on(Engine::Postgres(service), mounted))
    }

    fn sqlite(folder: &Path) -> Result<Self> {
        let data = subfolder(folder, "sqlite")?;
        let mounted = mount(&[(&data, DATA)]);
        Ok(Self::on(Engine::Sqlite(data.join("mission.db")), mounted))
    }

    fn on(engine: Engine, mounted: Result<Vec<Volume>>) -> Self {
        let (volumes, without_volumes) = match mounted {
            Ok(volumes) => (volumes, None),
            Err(error) => (Vec::new(), Some(error.to_string())),
        };
        Database {
            engine,
            volumes,
            without_volumes,
        }
    }

    /// Where it is.
    pub(crate) fn url(&self) -> String {
        match &self.engine {
            Engine::Postgres(service) => postgres_url(service.port),
            Engine::Sqlite(file) => format!("sqlite://{}", file.display()),
        }
    }

    /// The server that it is, where it is one.
    pub(crate) fn service(&self) -> Option<&Service> {
        match &self.engine {
            Engine::Postgres(service) => Some(service),
            Engine::Sqlite(_) => None,
        }
    }
}

/// The address of a PostgreSQL that listens on this machine.
pub(crate) fn postgres_url(port: u16) -> String {
    format!("postgres://postgres@127.0.0.1:{port}/postgres")
}

fn mount(volumes: &[(&Path, u64)]) -> Result<Vec<Volume>> {
    let mounted = volumes
        .iter()
        .map(|(folder, bytes)| Volume::mount(folder, *bytes));
    mounted.collect()
}
