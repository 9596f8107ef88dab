//! Request bodies that were refused before they had come to their end.
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

/// At most so much is read for nothing.
const BYTES: usize = 64 << 20;
/// And for so long.
const TIME: Duration = Duration::from_secs(5);

/// A request body whose unread rest can be drained after the handler is done with it.
#[derive(Clone)]
pub(super) struct DrainableBody(Arc<Mutex<Shared>>);

struct Shared {
    body: Incoming,
    /// A client that waits for `100 Continue` sends nothing until its body is asked for.
    sending: bool,
}

impl DrainableBody {
    /// Takes the body apart from its request; the rest is `None` where there is no body.
    pub(super) fn of(request: Request<Incoming>) -> (Request<Body>, Option<DrainableBody>) {
        if request.body().is_end_stream() {
            return (request.map(|_| Body::empty()), None);
        }
        let sending = !request.headers().contains_key(EXPECT);
        let (head, body) = request.into_parts();
        let rest = DrainableBody(Arc::new(Mutex::new(Shared { body, sending })));
        (Request::from_parts(head, Body::new(rest.clone())), Some(rest))
    }

    fn shared(&self) -> MutexGuard<'_, Shared> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Reads and drops what is left.
    pub(super) async fn drop_it(mut self) {
        if !self.shared().sending {
            return;
        }
        let reading = async {
            let mut read = 0;
            while let Some(Ok(frame)) = self.frame().await {
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
