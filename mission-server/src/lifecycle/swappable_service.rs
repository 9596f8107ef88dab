//! Connections: accepted until the server is told to stop, then finished.

use std::{
    convert::Infallible,
    net::SocketAddr,
    sync::{Arc, OnceLock},
    time::Duration,
};

use axum::{Router, body::Body, extract::ConnectInfo, http::Response};
use hyper::{body::Incoming, server::conn::http1, service::service_fn};
use hyper_util::{
    rt::{TokioIo, TokioTimer},
    server::graceful::{GracefulShutdown, Watcher},
};
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::{TcpListener, TcpStream},
    sync::{OwnedSemaphorePermit, Semaphore},
    time::Instant,
};
use tokio_util::sync::CancellationToken;
use tower::ServiceExt;

use super::{request_body::DrainableBody, tls::Tls, write_timeout::WriteTimeout};

/// How long a client may take to send the head of a request, and a connection may be idle.
const TIMES: ConnectionTimes = ConnectionTimes {
    head: Duration::from_secs(75),
    keep_alive: true,
};

/// The same of the last connections.
const RESERVED_TIMES: ConnectionTimes = ConnectionTimes {
    head: Duration::from_secs(5),
    keep_alive: false,
};

/// How long a client may take nothing of its answer.
const WRITE_TIME: Duration = Duration::from_secs(30);

/// The part of the connections that is left for one request each: whoever holds all others open does not keep health checks
/// and operators out.
const RESERVED_PART: usize = 8;

/// The longest head of a request, in bytes; a longer one is answered with 431.
const HEAD_BYTES: usize = 32 << 10;

/// A service that can be replaced while connections are open: a placeholder during start-up, then the real one.
#[derive(Clone)]
pub(super) struct SwappableService {
    starting: Router,
    ready: Arc<OnceLock<Router>>,
    body_timeout: Duration,
}

impl SwappableService {
    /// Answers with a placeholder. A client may pause for so long while it sends a body.
    pub(super) fn new(starting: Router, body_timeout: Duration) -> Self {
        SwappableService {
            starting,
            ready: Arc::default(),
            body_timeout,
        }
    }

    /// Puts the real service in place, for open connections too.
    pub(super) fn open(&self, ready: Router) {
        // A second service would have the same routes; the first stays.
        let _ = self.ready.set(ready);
    }

    async fn answer(
        self,
        mut request: hyper::Request<Incoming>,
        peer: SocketAddr,
    ) -> Result<Response<Body>, Infallible> {
        request.extensions_mut().insert(ConnectInfo(peer));
        let (request, rest) = DrainableBody::of(request, self.body_timeout);
        let response = self
            .ready
            .get()
            .unwrap_or(&self.starting)
            .clone()
            .oneshot(request)
            .await?;
        if let Some(rest) = rest
            && !response.status().is_success()
        {
            rest.drop_it().await;
        }
        Ok(response)
    }
}

/// A connection that is open, until this is dropped.
struct OpenConnection {
    peer: SocketAddr,
    times: ConnectionTimes,
    _permit: OwnedSemaphorePermit,
}

/// For how long a connection is open.
#[derive(Clone, Copy)]
struct ConnectionTimes {
    /// How long the head of a request may take, with the idle time before it.
    head: Duration,
    /// Whether there may be more than one request.
    keep_alive: bool,
}

/// Serves so many connections at once until `stop`, then finishes what runs, for so long at most.
pub(super) async fn serve(
    listener: TcpListener,
    tls: Option<Tls>,
    service: SwappableService,
    max_connections: usize,
    stop: CancellationToken,
    patience: Duration,
) {
    let connections = GracefulShutdown::new();
    let permits = Arc::new(Semaphore::new(max_connections.min(Semaphore::MAX_PERMITS)));
    let reserved = max_connections / RESERVED_PART;
    // Whoever has to wait is in the operating system's queue, which is bounded as well.
    let accept = async || {
        let permit = Arc::clone(&permits).acquire_owned().await.ok()?;
        Some((permit, listener.accept().await))
    };
    while let Some(Some((permit, accepted))) = stop.run_until_cancelled(accept()).await {
        match accepted {
            Ok((stream, peer)) => {
                let is_reserved = permits.available_permits() < reserved;
                let connection = OpenConnection {
                    peer,
                    times: if is_reserved { RESERVED_TIMES } else { TIMES },
                    _permit: permit,
                };
                tokio::spawn(handle(
                    stream,
                    tls.clone(),
                    connection,
                    service.clone(),
                    connections.watcher(),
                ));
            }
            Err(error) => {
                // Out of file descriptors, mostly: others will close theirs.
                tracing::warn!(%error, "a connection could not be accepted");
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
        }
    }
    drop(listener);
    let open = connections.count();
    tracing::info!(open, "accepting no more connections; finishing what runs");
    if tokio::time::timeout_at(Instant::now() + patience, connections.shutdown())
        .await
        .is_err()
    {
        tracing::warn!("some requests were still running when the time to stop was over");
    }
}

async fn handle(
    stream: TcpStream,
    tls: Option<Tls>,
    connection: OpenConnection,
    service: SwappableService,
    watcher: Watcher,
) {
    // An answer is written at once; waiting for more to send would only delay it.
    let _ = stream.set_nodelay(true);
    match tls {
        None => answer_all(stream, &connection, service, watcher).await,
        Some(tls) => match tls.accept(stream).await {
            Ok(stream) => answer_all(stream, &connection, service, watcher).await,
            Err(error) => tracing::debug!(%error, "a client did not agree on keys for TLS"),
        },
    }
}

async fn answer_all(
    stream: impl AsyncRead + AsyncWrite + Send + Unpin + 'static,
    connection: &OpenConnection,
    service: SwappableService,
    watcher: Watcher,
) {
    let OpenConnection { peer, times, .. } = *connection;
    let service = service_fn(move |request| service.clone().answer(request, peer));
    let serving = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(times.head)
        .keep_alive(times.keep_alive)
        .max_buf_size(HEAD_BYTES)
        .serve_connection(TokioIo::new(WriteTimeout::new(stream, WRITE_TIME)), service);
    if let Err(error) = watcher.watch(serving).await {
        tracing::debug!(%error, "a connection ended early");
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};

    use super::*;

    #[tokio::test]
    async fn a_head_that_does_not_come_to_its_end_ends_the_connection() {
        let (mut client, server) = tokio::io::duplex(1024);
        let connection = OpenConnection {
            peer: ([127, 0, 0, 1], 1).into(),
            times: ConnectionTimes {
                head: Duration::from_millis(20),
                ..TIMES
            },
            _permit: Arc::new(Semaphore::new(1)).acquire_owned().await.unwrap(),
        };
        let service = SwappableService::new(Router::new(), Duration::from_secs(60));
        client
            .write_all(b"GET / HTTP/1.1\r\nhost: x\r\nx-slow: ")
            .await
            .unwrap();
        let connections = GracefulShutdown::new();
        answer_all(server, &connection, service, connections.watcher()).await;
        let mut answer = String::new();
        client.read_to_string(&mut answer).await.unwrap();
        assert!(!answer.starts_with("HTTP/1.1 2"), "{answer}");
    }
}
