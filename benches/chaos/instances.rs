//! The servers under test, and the wallet that hears of them.

use std::{
    ffi::OsString,
    net::SocketAddr,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use tokio::{sync::Mutex, time::Instant};

use crate::{
    Result,
    database::postgres_url,
    installed,
    processes::{Process, Watchdog},
    proxy::Proxy,
    server::{SECRET, binary},
    services::{Services, free_port, subfolder},
};

/// Everything must be ready again within so long.
const PATIENCE: Duration = Duration::from_secs(60);

/// One `mission-server` on a port of its own, which stays the same after a restart.
pub(crate) struct Instance {
    /// Where it listens.
    pub(crate) address: SocketAddr,
    /// Its process.
    pub(crate) process: Mutex<Process>,
}

/// Where a server finds what it needs.
struct Addresses {
    broker: String,
    database: String,
}

/// All servers, and the wallet.
pub(crate) struct Instances {
    /// The servers; all but the last reach the broker and PostgreSQL through the proxies.
    pub(crate) servers: Vec<Instance>,
    /// The wallet.
    pub(crate) wallet: Instance,
    /// The wallet's database.
    pub(crate) ledger: PathBuf,
    /// What stands between most servers and the broker.
    pub(crate) broker_proxy: Proxy,
    /// What stands between most servers and PostgreSQL.
    pub(crate) database_proxy: Option<Proxy>,
    http: reqwest::Client,
}

impl Instances {
    /// Starts so many servers and a wallet, and waits until they are ready.
    pub(crate) async fn start(
        count: usize,
        folder: &Path,
        services: &Services,
        watchdog: &Arc<Watchdog>,
    ) -> Result<Self> {
        let broker_proxy = Proxy::to(format!("127.0.0.1:{}", services.rabbitmq.port)).await;
        let database_proxy = match services.database.service() {
            Some(service) => Some(Proxy::to(format!("127.0.0.1:{}", service.port)).await),
            None => None,
        };
        let through = Addresses {
            broker: installed::amqp_url(broker_proxy.address.port()),
            database: database_proxy.as_ref().map_or_else(
                || services.database.url(),
                |proxy| postgres_url(proxy.address.port()),
            ),
        };
        let direct = Addresses {
            broker: services.amqp_url(),
            database: services.database.url(),
        };
        let pack = Path::new(env!("CARGO_MANIFEST_DIR")).join("../examples/packs/starter");
        let program = binary("mission-server")?;
        // One stays on its own, so that something is always on its way.
        let proxied = count.saturating_sub(1).max(1);
        let mut servers = Vec::new();
        for number in 0..count {
            let address = SocketAddr::from(([127, 0, 0, 1], free_port()?));
            let name = format!("server-{number}");
            let home = subfolder(folder, &name)?;
            let addresses = if number < proxied { &through } else { &direct };
            let process = Process::new(&name, vec![program.clone().into()], &home, watchdog)
                .variable("MISSION_LISTEN", address.to_string())
                .variable("MISSION_DATABASE_URL", &addresses.database)
                // Whoever starts while the database is away waits for it, however long that is.
                .variable("MISSION_DATABASE_CONNECT_TIMEOUT", "10min")
                .variable(
                    "MISSION_REDIS_URL",
                    format!("redis://127.0.0.1:{}", services.redis.port),
                )
                .variable("MISSION_AMQP_URL", &addresses.broker)
                .variable("MISSION_PACK", &pack)
                .variable("MISSION_JWT_SECRET", SECRET)
                .variable("MISSION_FRAUD_RATE_LIMIT_PER_USER", "off")
                .variable("MISSION_FRAUD_RATE_LIMIT_PER_ADDRESS", "off")
                .variable("MISSION_LOG", "info");
            let process = Mutex::new(process);
            servers.push(Instance { address, process });
        }
        let home = subfolder(folder, "wallet")?;
        let ledger = home.join("wallet.db");
        let address = SocketAddr::from(([127, 0, 0, 1], free_port()?));
        let command: Vec<OsString> = vec![program.into(), "wallet".into()];
        let wallet = Process::new("wallet", command, &home, watchdog)
            .variable("MISSION_LISTEN", address.to_string())
            .variable("MISSION_DATABASE_URL", format!("sqlite://{}", ledger.display()))
            .variable("MISSION_AMQP_URL", services.amqp_url())
            .variable("MISSION_LOG", "info");
        let process = Mutex::new(wallet);
        let instances = Instances {
            servers,
            wallet: Instance { address, process },
            ledger,
            broker_proxy,
            database_proxy,
            http: reqwest::Client::builder()
                .no_proxy()
                .timeout(Duration::from_secs(5))
                .build()?,
        };
        for instance in instances.all() {
            instance.process.lock().await.start()?;
        }
        instances.are_ready().await?;
        Ok(instances)
    }

    /// The servers and the wallet.
    pub(crate) fn all(&self) -> impl Iterator<Item = &Instance> {
        self.servers.iter().chain([&self.wallet])
    }

    /// Waits until all are ready; that one has ended by itself is an error.
    pub(crate) async fn are_ready(&self) -> Result<()> {
        let begun = Instant::now();
        for instance in self.all() {
            let url = format!("http://{}/health/ready", instance.address);
            loop {
                let response = self.http.get(&url).send().await;
                if response.is_ok_and(|response| response.status().is_success()) {
                    break;
                }
                let mut process = instance.process.lock().await;
                if let Some(status) = process.ended()? {
                    return Err(process.unexpected(status).into());
                }
                drop(process);
                if begun.elapsed() > PATIENCE {
                    return Err(format!("{url} is not ready within {PATIENCE:?}").into());
                }
                tokio::time::sleep(Duration::from_millis(100)).await;
            }
        }
        Ok(())
    }
}
