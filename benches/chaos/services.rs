//! The database, Redis and RabbitMQ of a run, out of installed programs, each with its data in the run's folder.

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
    Result,
    database::Database,
    installed,
    options::DatabaseKind,
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
    /// One that does not run yet.
    pub(crate) fn new(name: &'static str, port: u16, process: Process) -> Self {
        Service {
            name,
            port,
            process: Mutex::new(process),
        }
    }

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

/// The database and what is beside it.
pub(crate) struct Services {
    /// The store.
    pub(crate) database: Database,
    /// Redis, the cache.
    pub(crate) redis: Service,
    /// RabbitMQ, the broker.
    pub(crate) rabbitmq: Service,
    /// What comes before the arguments of `rabbitmqctl` for that broker.
    pub(crate) rabbitmqctl: Vec<OsString>,
}

impl Services {
    /// Starts all, and waits until they take connections.
    pub(crate) async fn start(kind: DatabaseKind, folder: &Path, watchdog: &Arc<Watchdog>) -> Result<Self> {
        let database = Database::prepare(kind, folder, watchdog)?;
        let redis = subfolder(folder, "redis")?;
        let rabbitmq = subfolder(folder, "rabbitmq")?;
        let (redis_port, rabbitmq_port) = (free_port()?, free_port()?);
        let missing = |name: &str| format!("{name} is not installed, or cannot be set up");
        let command = (installed::REDIS.server)(&redis, redis_port).ok_or_else(|| missing("redis-server"))?;
        let redis = Process::new("redis", command, &redis, watchdog);
        let command =
            installed::rabbitmq_server(&rabbitmq, rabbitmq_port).ok_or_else(|| missing("rabbitmq-server"))?;
        let rabbitmqctl = rabbitmqctl(&command).ok_or_else(|| missing("rabbitmqctl"))?;
        let rabbitmq = Process::new("rabbitmq", command, folder, watchdog);
        let services = Services {
            database,
            redis: Service::new("Redis", redis_port, redis),
            rabbitmq: Service::new("RabbitMQ", rabbitmq_port, rabbitmq),
            rabbitmqctl,
        };
        for service in services.all() {
            service.process.lock().await.start()?;
        }
        for service in services.all() {
            service.listens().await?;
        }
        Ok(services)
    }

    /// Those that are servers.
    pub(crate) fn all(&self) -> impl Iterator<Item = &Service> {
        [&self.redis, &self.rabbitmq]
            .into_iter()
            .chain(self.database.service())
    }

    /// Where the broker is.
    pub(crate) fn amqp_url(&self) -> String {
        installed::amqp_url(self.rabbitmq.port)
    }
}

/// The command beside the one that starts a RabbitMQ, with the same variables.
fn rabbitmqctl(server: &[OsString]) -> Option<Vec<OsString>> {
    let (program, variables) = server.split_last()?;
    let mut command = variables.to_vec();
    command.push(Path::new(program).with_file_name("rabbitmqctl").into());
    Some(command)
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
