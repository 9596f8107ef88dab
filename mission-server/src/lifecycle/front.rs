//! What a process shows from its first moment: it listens, says where, and answers that it is starting until the real
//! service takes over.

use std::{net::SocketAddr, sync::Once, time::Duration};

use axum::Router;
use tokio::{net::TcpListener, task::JoinHandle};
use tokio_util::sync::CancellationToken;

use super::{
    StartError, Storage,
    serve::{Gate, serve},
    start::print,
    starting::{self, LastFault},
};
use crate::{config::DatabaseSettings, telemetry::Metrics};

/// The first try to open the database may take so long before the address is announced all the same.
const QUIET_START: Duration = Duration::from_millis(1500);
/// How long to wait between two tries.
const BETWEEN_TRIES: Duration = Duration::from_millis(500);

/// An open address.
pub(super) struct Front {
    gate: Gate,
    serving: JoinHandle<()>,
    fault: LastFault,
    announced: Announcement,
}

impl Front {
    /// Listens, until `stop`; what runs then is finished, for so long at most.
    pub(super) async fn open(
        address: &str,
        metrics: Option<Metrics>,
        stop: &CancellationToken,
        patience: Duration,
    ) -> Result<Self, StartError> {
        let (listener, address) = listen(address).await?;
        let fault = LastFault::default();
        let gate = Gate::new(starting::router(fault.clone(), metrics));
        let serving = tokio::spawn(serve(listener, gate.clone(), stop.clone(), patience));
        Ok(Front {
            gate,
            serving,
            fault,
            announced: Announcement::new(address),
        })
    }

    /// Where it listens.
    pub(super) fn address(&self) -> SocketAddr {
        self.announced.address
    }

    /// Puts the real service in place, and says where it is.
    pub(super) fn serve(&self, service: Router) {
        self.gate.open(service);
        self.announced.say();
    }

    /// Waits until every connection is closed, after `stop`.
    pub(super) async fn close(self) {
        // A panic there is told by itself.
        let _ = self.serving.await;
    }

    /// Opens the database, trying again for a while where that may help; `None` where the process is to stop before that
    /// succeeds.
    pub(super) async fn storage(
        &self,
        settings: &DatabaseSettings,
        stop: &CancellationToken,
    ) -> Result<Option<Storage>, StartError> {
        let (fault, announced) = (&self.fault, &self.announced);
        let (url, timeout) = (&settings.url, settings.connect_timeout);
        let deadline = tokio::time::Instant::now() + timeout;
        fault.set("it is being opened");
        let trying = async {
            loop {
                match Storage::open(settings).await {
                    Ok(storage) => return Ok(storage),
                    Err(reason) if reason.is_permanent() => {
                        return Err(StartError::UnusableDatabase {
                            url: url.to_string(),
                            reason,
                        });
                    }
                    Err(error) => {
                        tracing::warn!(%error, database = %url, "the database cannot be opened; trying again");
                        fault.set(&error.to_string());
                        announced.say();
                    }
                }
                tokio::time::sleep(BETWEEN_TRIES).await;
            }
        };
        let announcing = async {
            tokio::time::sleep(QUIET_START).await;
            announced.say();
            std::future::pending::<()>().await;
        };
        tokio::select! {
            storage = trying => storage.map(Some),
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
    address: SocketAddr,
    said: Once,
}

impl Announcement {
    fn new(address: SocketAddr) -> Self {
        Announcement {
            address,
            said: Once::new(),
        }
    }

    fn say(&self) {
        self.said
            .call_once(|| print(&format!("listening on http://{}\n", self.address)));
    }
}
