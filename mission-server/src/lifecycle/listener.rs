//! What a process shows from its first moment: it listens, says where, and answers that it is starting until the real
//! service takes over.

use std::{net::SocketAddr, sync::Once, time::Duration};

use axum::Router;
use tokio::{net::TcpListener, task::JoinHandle};
use tokio_util::sync::CancellationToken;

use super::{
    StartError, Storage, file_limit,
    start::print,
    startup::{self, LastDatabaseError},
    swappable_service::{SwappableService, serve},
    tls::Tls,
};
use crate::{config::DatabaseSettings, http::HttpSettings, telemetry::Metrics};

/// The first try to open the database may take so long before the address is announced all the same.
const QUIET_START: Duration = Duration::from_millis(1500);
/// How long to wait between two tries.
const BETWEEN_TRIES: Duration = Duration::from_millis(500);

/// The listening socket with its server.
pub(super) struct Listener {
    service: SwappableService,
    serving: JoinHandle<()>,
    fault: LastDatabaseError,
    announced: Announcement,
}

/// Why an attempt to start failed.
pub(super) enum StartupFailure {
    /// The next one may succeed.
    Passing(String),
    /// No other would end in another way, until somebody has put it right.
    Lasting(StartError),
}

impl From<StartError> for StartupFailure {
    fn from(error: StartError) -> Self {
        if error.is_transient() {
            StartupFailure::Passing(error.to_string())
        } else {
            StartupFailure::Lasting(error)
        }
    }
}

impl Listener {
    /// Listens, until `stop`; what runs then is finished, for so long at most.
    pub(super) async fn open(
        address: &str,
        tls: Option<Tls>,
        limits: &HttpSettings,
        metrics: Option<Metrics>,
        stop: &CancellationToken,
        patience: Duration,
    ) -> Result<Self, StartError> {
        let (listener, address) = listen(address).await?;
        let fault = LastDatabaseError::default();
        let starting = startup::router(fault.clone(), metrics);
        let service = SwappableService::new(starting, limits.body_timeout);
        let scheme = if tls.is_some() { "https" } else { "http" };
        let serving = serve(
            listener,
            tls,
            service.clone(),
            file_limit::connections(limits.max_connections),
            stop.clone(),
            patience,
        );
        let serving = tokio::spawn(serving);
        Ok(Listener {
            service,
            serving,
            fault,
            announced: Announcement::new(scheme, address),
        })
    }

    /// Where it listens.
    pub(super) fn address(&self) -> SocketAddr {
        self.announced.address
    }

    /// Puts the real service in place, and says where it is.
    pub(super) fn serve(&self, service: Router) {
        self.service.open(service);
        self.announced.announce();
    }

    /// Waits until every connection is closed, after `stop`.
    pub(super) async fn close(self) {
        // A panic there is told by itself.
        let _ = self.serving.await;
    }

    /// Opens the database, as [`Listener::retry`] does.
    pub(super) async fn storage(
        &self,
        settings: &DatabaseSettings,
        stop: &CancellationToken,
    ) -> Result<Option<Storage>, StartError> {
        let open = async || {
            Storage::open(settings).await.map_err(|reason| {
                if reason.is_permanent() {
                    let url = settings.url.to_string();
                    StartupFailure::Lasting(StartError::UnusableDatabase { url, reason })
                } else {
                    StartupFailure::Passing(reason.to_string())
                }
            })
        };
        self.retry(settings, stop, open).await
    }

    /// Does what needs the database, trying again for a while where that may help; `None` where the process is to stop
    /// before that succeeds.
    pub(super) async fn retry<T>(
        &self,
        settings: &DatabaseSettings,
        stop: &CancellationToken,
        attempt: impl AsyncFn() -> Result<T, StartupFailure>,
    ) -> Result<Option<T>, StartError> {
        let (fault, announced) = (&self.fault, &self.announced);
        let (url, timeout) = (&settings.url, settings.connect_timeout);
        let deadline = tokio::time::Instant::now() + timeout;
        fault.set("it is being opened");
        let trying = async {
            loop {
                match attempt().await {
                    Ok(done) => return Ok(done),
                    Err(StartupFailure::Lasting(error)) => return Err(error),
                    Err(StartupFailure::Passing(error)) => {
                        tracing::warn!(error, database = %url, "the database cannot be used; trying again");
                        fault.set(&error);
                        announced.announce();
                    }
                }
                tokio::time::sleep(BETWEEN_TRIES).await;
            }
        };
        let announcing = async {
            tokio::time::sleep(QUIET_START).await;
            announced.announce();
            std::future::pending::<()>().await;
        };
        tokio::select! {
            done = trying => done.map(Some),
            () = announcing => Ok(None),
            () = stop.cancelled() => Ok(None),
            () = tokio::time::sleep_until(deadline) => {
                Err(StartError::Database { url: url.to_string(), timeout, reason: fault.get() })
            }
        }
    }
}

async fn listen(address: &str) -> Result<(TcpListener, SocketAddr), StartError> {
    let bound = async {
        let listener = TcpListener::bind(address).await?;
        let address = listener.local_addr()?;
        Ok::<_, std::io::Error>((listener, address))
    };
    bound.await.map_err(|error| StartError::Listen {
        address: address.to_owned(),
        reason: error.to_string(),
    })
}

/// The first line on stdout, once.
struct Announcement {
    scheme: &'static str,
    address: SocketAddr,
    said: Once,
}

impl Announcement {
    fn new(scheme: &'static str, address: SocketAddr) -> Self {
        Announcement {
            scheme,
            address,
            said: Once::new(),
        }
    }

    fn announce(&self) {
        self.said
            .call_once(|| print(&format!("listening on {}://{}\n", self.scheme, self.address)));
    }
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use mission_core::{
        engine::{CommandError, ExecuteError, Rejection},
        ports::store::StoreError,
    };

    use super::*;
    use crate::{config::DatabaseUrl, lifecycle::PackError};

    fn settings(connect_timeout: Duration) -> DatabaseSettings {
        DatabaseSettings {
            url: DatabaseUrl::Sqlite("nowhere.db".into()),
            connect_timeout,
            connections: 1,
            prepared_statements: true,
        }
    }

    async fn listener(stop: &CancellationToken) -> Listener {
        let patience = Duration::from_secs(1);
        let limits = HttpSettings::default();
        Listener::open("127.0.0.1:0", None, &limits, None, stop, patience)
            .await
            .unwrap()
    }

    #[tokio::test]
    async fn a_start_survives_a_database_that_is_away_for_a_moment() {
        let stop = CancellationToken::new();
        let listener = listener(&stop).await;
        let (settings, tries) = (settings(Duration::from_millis(1300)), Cell::new(0));
        let away = || StartError::Store(StoreError::Unavailable("it is shutting down".to_owned()));
        let attempt = async || {
            tries.set(tries.get() + 1);
            match tries.get() {
                1 => Err(StartupFailure::from(away())),
                2 => Err(StartupFailure::from(StartError::Pack(PackError::Refused(
                    "starter".to_owned(),
                    ExecuteError::Fault(CommandError::Unknown("the connection was lost".to_owned())),
                )))),
                tries => Ok(tries),
            }
        };
        let done = listener.retry(&settings, &stop, attempt).await;
        assert_eq!(done.unwrap(), Some(3));

        let never = async || Err::<(), _>(StartupFailure::from(away()));
        let ended = listener.retry(&settings, &stop, never).await;
        let Err(StartError::Database { reason, .. }) = ended else {
            panic!("it must give up: {ended:?}");
        };
        assert!(reason.contains("it is shutting down"), "{reason}");
        stop.cancel();
        let stopped = listener.retry(&settings, &stop, never).await;
        assert!(matches!(stopped, Ok(None)), "{stopped:?}");
    }

    #[tokio::test]
    async fn a_start_ends_at_once_where_another_try_is_in_vain() {
        let stop = CancellationToken::new();
        let listener = listener(&stop).await;
        let tries = Cell::new(0);
        let attempt = async || {
            tries.set(tries.get() + 1);
            let refused = ExecuteError::Rejected(Rejection::PolicyTaken);
            let refused = PackError::Refused("starter".to_owned(), refused);
            Err::<(), _>(StartupFailure::from(StartError::Pack(refused)))
        };
        let ended = listener
            .retry(&settings(Duration::from_secs(30)), &stop, attempt)
            .await;
        assert!(matches!(ended, Err(StartError::Pack(_))), "{ended:?}");
        assert_eq!(tries.get(), 1);
    }
}
