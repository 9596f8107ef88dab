//! One call, before it is sent.

use std::fmt;

use bytes::Bytes;
use mission_core::ports::storage::NewFile;
use opentelemetry::trace::SpanContext;
use reqwest::Method;
use serde::Serialize;

use crate::http::correlation;

/// Whether a failed call may be repeated.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RetryPolicy {
    /// It changes nothing.
    Safe,
    /// The service tells the second from a new one by this key, which is sent along as `Idempotency-Key`.
    Keyed(String),
    /// Never.
    Never,
}

/// The body of a call.
#[derive(Clone)]
pub(super) enum Body {
    Json(Bytes),
    /// The one file of a form, in its part `file`. It is read from its beginning by each try.
    Form(NewFile),
}

impl fmt::Debug for Body {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Body::Json(body) => write!(f, "Json({} bytes)", body.len()),
            Body::Form(file) => write!(f, "Form({} bytes)", file.content.size_bytes()),
        }
    }
}

/// A call to a neighbour.
#[derive(Clone, Debug)]
pub struct Call {
    pub(super) method: Method,
    /// The path without ids, for metrics.
    pub(super) route: &'static str,
    /// What is added to the service's address, to be encoded.
    pub(super) path: Vec<String>,
    pub(super) query: Vec<(&'static str, String)>,
    pub(super) body: Option<Body>,
    pub(super) repeat: RetryPolicy,
    pub(super) origin: CallOrigin,
}

impl Call {
    /// A GET of the request that is being served. `route` names `path` for metrics, without what differs from call to
    /// call, such as `/users/{id}`.
    #[must_use]
    pub fn get<P: Into<String>>(route: &'static str, path: impl IntoIterator<Item = P>) -> Self {
        Call {
            method: Method::GET,
            route,
            path: path.into_iter().map(Into::into).collect(),
            query: Vec::new(),
            body: None,
            repeat: RetryPolicy::Safe,
            origin: CallOrigin::current(),
        }
    }

    /// A POST of JSON.
    ///
    /// # Errors
    /// When the body cannot be written as JSON.
    pub fn post<P: Into<String>>(
        route: &'static str,
        path: impl IntoIterator<Item = P>,
        body: &impl Serialize,
        repeat: RetryPolicy,
    ) -> Result<Self, serde_json::Error> {
        Ok(Call {
            method: Method::POST,
            body: Some(Body::Json(serde_json::to_vec(body)?.into())),
            repeat,
            ..Call::get(route, path)
        })
    }

    /// A POST of a form with a file.
    #[must_use]
    pub fn post_file<P: Into<String>>(
        route: &'static str,
        path: impl IntoIterator<Item = P>,
        file: NewFile,
        repeat: RetryPolicy,
    ) -> Self {
        Call {
            method: Method::POST,
            body: Some(Body::Form(file)),
            repeat,
            ..Call::get(route, path)
        }
    }

    /// The same with a query parameter more.
    #[must_use]
    pub fn query(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.query.push((name, value.into()));
        self
    }

    /// The same on behalf of another request.
    #[must_use]
    pub(super) fn of(self, origin: CallOrigin) -> Self {
        Call { origin, ..self }
    }
}

/// The request on whose behalf a call is made.
#[derive(Clone, Debug)]
pub(super) struct CallOrigin {
    pub(super) correlation_id: String,
    pub(super) trace: SpanContext,
}

impl CallOrigin {
    /// The request that is being served; outside of one, a new one.
    pub(super) fn current() -> Self {
        CallOrigin {
            correlation_id: correlation::current().unwrap_or_else(|| uuid::Uuid::now_v7().to_string()),
            trace: correlation::trace(),
        }
    }
}
