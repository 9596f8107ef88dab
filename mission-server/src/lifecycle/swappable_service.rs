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
    time::Instant,
};
use tokio_util::sync::CancellationToken;
use tower::ServiceExt;

use super::{request_body::DrainableBody, tls::Tls};

/// How long a client may take to send the head of a request, and a connection may be idle.
const HEAD_TIME: Duration = Duration::from_secs(75);

/// The longest head of a request, in bytes; a longer one is answered with 431.
const HEAD_BYTES: usize = 32 << 10;

/// A service that can be replaced while connections are open: a placeholder during start-up, then the real one.
#[derive(Clone)]
pub(super) struct SwappableService {
    starting: Router,
    ready: Arc<OnceLock<Router>>,
}

impl SwappableService {
    pub(super) fn new(starting: Router) -> Self {
        SwappableService {
            starting,
            ready: Arc::default(),
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
        let (request, rest) = DrainableBody::of(request);
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

/// Serves until `stop`, then finishes what runs, for so long at most.
pub(super) async fn serve(
    listener: TcpListener,
    tls: Option<Tls>,
    service: SwappableService,
    stop: CancellationToken,
    patience: Duration,
) {
    let connections = GracefulShutdown::new();
    while let Some(accepted) = stop.run_until_cancelled(listener.accept()).await {
        match accepted {
            Ok((stream, peer)) => {
                tokio::spawn(handle(
                    stream,
                    tls.clone(),
                    peer,
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
    peer: SocketAddr,
    service: SwappableService,
    watcher: Watcher,
) {
    // An answer is written at once; waiting for more to send would only delay it.
    let _ = stream.set_nodelay(true);
    match tls {
        None => answer_all(stream, peer, service, watcher).await,
        Some(tls) => match tls.accept(stream).await {
            Ok(stream) => answer_all(stream, peer, service, watcher).await,
            Err(error) => tracing::debug!(%error, "a client did not agree on keys for TLS"),
        },
    }
}

async fn answer_all(
    stream: impl AsyncRead + AsyncWrite + Send + Unpin + 'static,
    peer: SocketAddr,
    service: SwappableService,
    watcher: Watcher,
) {
    let service = service_fn(move |request| service.clone().answer(request, peer));
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEAD_TIME)
        .max_buf_size(HEAD_BYTES)
        .serve_connection(TokioIo::new(stream), service);
    if let Err(error) = watcher.watch(connection).await {
        tracing::debug!(%error, "a connection ended early");
    }
}
