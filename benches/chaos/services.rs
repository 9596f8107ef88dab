//! The PostgreSQL, Redis and RabbitMQ of a run, out of installed programs, each with its data in the run's folder.

use std::{
    collections::BTreeSet,
    ffi::OsString,
    net::TcpListener,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    sync::{Arc, PoisonError},
    time::Duration,
};

use tokio::{net::TcpStream, sync::Mutex, time::Instant};

use crate::{
    Result, installed,
    processes::{Process, Watchdog},
};

/// A service may take so long to start.
const PATIENCE: Duration = Duration::from_secs(60);

/// A service on a port of its own.
pub(crate) struct Service {
    /// Its name for people.
    pub(crate) name: &'static str,
    /// Where it listens on this machine.
    pub(crate) port: u16,
    /// Its process.
    pub(crate) process: Mutex<Process>,
}

impl Service {
    /// Waits until it takes connections.
    pub(crate) async fn listens(&self) -> Result<()> {
        let begun = Instant::now();
        while TcpStream::connect(("127.0.0.1", self.port)).await.is_err() {
            if begun.elapsed() > PATIENCE {
                return Err(format!("{} does not listen within {PATIENCE:?}", self.name).into());
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        Ok(())
    }
}

/// All three.
pub(crate) struct Services {
    /// PostgreSQL, the store.
    pub(crate) postgres: Service,
    /// Redis, the cache.
    pub(crate) redis: Service,
    /// RabbitMQ, the broker.
    pub(crate) rabbitmq: Service,
}

impl Services {
    /// Starts all three, and waits until they take connections.
    pub(crate) async fn start(folder: &Path, watchdog: &Arc<Watchdog>) -> Result<Self> {
        let postgres = subfolder(folder, "postgres")?;
        let redis = subfolder(folder, "redis")?;
        let rabbitmq = subfolder(folder, "rabbitmq")?;
        let (postgres_port, redis_port, rabbitmq_port) = (free_port()?, free_port()?, free_port()?);
        let missing = |name: &str| format!("{name} is not installed, or cannot be set up");
        let mut command =
            installed::postgres_server(&postgres, postgres_port).ok_or_else(|| missing("PostgreSQL"))?;
        // The later of two settings counts.
        command.extend(["-c", "fsync=on"].map(OsString::from));
        let postgres = Process::new("postgres", command, folder, watchdog);
        let command = (installed::REDIS.server)(&redis, redis_port).ok_or_else(|| missing("redis-server"))?;
        let redis = Process::new("redis", command, &redis, watchdog);
        let command =
            installed::rabbitmq_server(&rabbitmq, rabbitmq_port).ok_or_else(|| missing("rabbitmq-server"))?;
        let rabbitmq = Process::new("rabbitmq", command, folder, watchdog);
        let service = |name, port, process| Service {
            name,
            port,
            process: Mutex::new(process),
        };
        let services = Services {
            postgres: service("PostgreSQL", postgres_port, postgres),
            redis: service("Redis", redis_port, redis),
            rabbitmq: service("RabbitMQ", rabbitmq_port, rabbitmq),
        };
        for service in services.all() {
            service.process.lock().await.start()?;
        }
        for service in services.all() {
            service.listens().await?;
        }
        Ok(services)
    }

    fn all(&self) -> [&Service; 3] {
        [&self.postgres, &self.redis, &self.rabbitmq]
    }

    /// Where the store is.
    pub(crate) fn database_url(&self) -> String {
        format!("postgres://postgres@127.0.0.1:{}/postgres", self.postgres.port)
    }

    /// Where the broker is.
    pub(crate) fn amqp_url(&self) -> String {
        installed::amqp_url(self.rabbitmq.port)
    }
}

/// A folder that other users may look into: PostgreSQL runs as one where this program runs as root.
pub(crate) fn subfolder(folder: &Path, name: &str) -> Result<PathBuf> {
    let path = folder.join(name);
    std::fs::create_dir(&path)?;
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755))?;
    Ok(path)
}

/// A free port below those that the system gives to outgoing connections, so that it is still free after a restart.
/// Each is given once.
pub(crate) fn free_port() -> Result<u16> {
    static GIVEN: std::sync::Mutex<BTreeSet<u16>> = std::sync::Mutex::new(BTreeSet::new());
    let mut given = GIVEN.lock().unwrap_or_else(PoisonError::into_inner);
    for _ in 0..1000 {
        let port = fastrand::u16(15_000..32_000);
        if TcpListener::bind(("127.0.0.1", port)).is_ok() && given.insert(port) {
            return Ok(port);
        }
    }
    Err("there is no free port".into())
}
