//! Request bodies: one that does not go on is given up, and one that was refused before it had come to its end is read.
//!
//! A server that answers and closes while its client still sends makes the client's system throw the answer away: a 413
//! would be seen as a broken connection. So what is left of the body is read and dropped first, within bounds.

use std::{
    pin::Pin,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    task::{Context, Poll},
    time::Duration,
};

use axum::body::{Body, Bytes};
use http_body_util::BodyExt;
use hyper::{
    Request,
    body::{Body as HttpBody, Frame, Incoming, SizeHint},
    header::EXPECT,
};
use tower_http::timeout::TimeoutBody;

/// At most so much is read for nothing.
const BYTES: usize = 64 << 20;
/// And for so long.
const TIME: Duration = Duration::from_secs(5);

/// A request body whose unread rest can be drained after the handler is done with it.
#[derive(Clone)]
pub(super) struct DrainableBody(Arc<Mutex<Shared>>);

struct Shared {
    body: Incoming,
    /// How long a client may pause while it sends.
    pause: Duration,
    /// A client that waits for `100 Continue` sends nothing until its body is asked for.
    sending: bool,
}

impl DrainableBody {
    /// Takes the body apart from its request; the rest is `None` where there is no body. A client may pause for so long
    /// while it sends.
    pub(super) fn of(request: Request<Incoming>, pause: Duration) -> (Request<Body>, Option<DrainableBody>) {
        if request.body().is_end_stream() {
            return (request.map(|_| Body::empty()), None);
        }
        let sending = !request.headers().contains_key(EXPECT);
        let (head, body) = request.into_parts();
        let rest = DrainableBody(Arc::new(Mutex::new(Shared { body, pause, sending })));
        let body = Body::new(TimeoutBody::new(pause, rest.clone()));
        (Request::from_parts(head, body), Some(rest))
    }

    fn shared(&self) -> MutexGuard<'_, Shared> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Reads and drops what is left.
    pub(super) async fn drop_it(mut self) {
        let pause = {
            let shared = self.shared();
            if !shared.sending {
                return;
            }
            shared.pause
        };
        let reading = async {
            let mut read = 0;
            while let Ok(Some(Ok(frame))) = tokio::time::timeout(pause, self.frame()).await {
                read += frame.data_ref().map_or(0, Bytes::len);
                if read > BYTES {
                    break;
                }
            }
        };
        // A client that is slower than that has to live with a closed connection.
        let _ = tokio::time::timeout(TIME, reading).await;
    }
}

impl HttpBody for DrainableBody {
    type Data = Bytes;
    type Error = hyper::Error;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, hyper::Error>>> {
        let mut shared = self.shared();
        shared.sending = true;
        Pin::new(&mut shared.body).poll_frame(cx)
    }

    fn is_end_stream(&self) -> bool {
        self.shared().body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.shared().body.size_hint()
    }
}
