//! Requests to whichever server, each with a key, asked again with that key until one answers.

use std::{
    net::SocketAddr,
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, SystemTime},
};

use fastrand::Rng;
use jsonwebtoken::{EncodingKey, Header, encode};
use reqwest::{
    Method, StatusCode,
    header::{HeaderMap, RETRY_AFTER},
};
use serde_json::{Value, json};
use tokio::time::Instant;
use uuid::Uuid;

use crate::{Result, server::SECRET};

/// A single try may take so long.
const TRY: Duration = Duration::from_secs(2);
/// Somebody must have answered after so long.
const PATIENCE: Duration = Duration::from_secs(90);
/// The wait between two tries.
const PAUSE: Duration = Duration::from_millis(50);

/// The user in whose name operators' commands are given.
pub(crate) const OPERATOR: Uuid = Uuid::from_u128(0x0190_0000_0000_7000_8000_0000_0000_00ad);

/// One request.
#[derive(Clone, Debug)]
pub(crate) struct Call {
    /// The method.
    pub(crate) method: Method,
    /// The path below `/api/v1/`.
    pub(crate) path: String,
    /// The body.
    pub(crate) body: Option<Value>,
    /// Who asks.
    pub(crate) caller: Uuid,
    /// The user whom it is about, where that is one.
    pub(crate) user: Option<Uuid>,
    /// The device that it comes from.
    pub(crate) device: Option<String>,
}

impl Call {
    /// A user's own request.
    pub(crate) fn by(user: Uuid, method: Method, path: impl Into<String>, body: Option<Value>) -> Self {
        Call {
            method,
            path: path.into(),
            body,
            caller: user,
            user: Some(user),
            device: None,
        }
    }

    /// An operator's request.
    pub(crate) fn operate(method: Method, path: impl Into<String>, body: Option<Value>) -> Self {
        Call {
            method,
            path: path.into(),
            body,
            caller: OPERATOR,
            user: None,
            device: None,
        }
    }

    /// The same about a user.
    pub(crate) fn about(mut self, user: Uuid) -> Self {
        self.user = Some(user);
        self
    }

    /// The same on a device.
    pub(crate) fn on_device(mut self, device: Option<String>) -> Self {
        self.device = device;
        self
    }
}

/// What one try gave.
pub(crate) struct Answer {
    /// The status.
    pub(crate) status: u16,
    /// The body.
    pub(crate) body: Value,
    /// Whether it was given before.
    pub(crate) replayed: bool,
}

/// A request that was answered.
#[derive(Clone, Debug)]
pub(crate) struct Done {
    /// What was asked.
    pub(crate) call: Call,
    /// Under which key.
    pub(crate) key: Uuid,
    /// The status of the answer.
    pub(crate) status: u16,
    /// The body of the answer.
    pub(crate) body: Value,
}

impl Done {
    /// Whether it was carried out.
    pub(crate) fn is_ok(&self) -> bool {
        (200..300).contains(&self.status)
    }
}

/// Speaks to all servers.
pub(crate) struct Client {
    http: reqwest::Client,
    addresses: Vec<SocketAddr>,
    key: EncodingKey,
    expires: u64,
    /// What became of all requests.
    pub(crate) outcomes: Outcomes,
}

/// What became of all requests so far.
#[derive(Default)]
pub(crate) struct Outcomes {
    /// Requests that were tried more than once.
    pub(crate) retried: AtomicU64,
    /// Those of them that had been carried out at a try of which the answer was lost.
    pub(crate) answer_lost: AtomicU64,
    /// Tries that got no answer, or one for the time being.
    pub(crate) unanswered: AtomicU64,
    /// Those of them that were answered 503.
    pub(crate) unavailable: AtomicU64,
    /// The longest time from the first try to an answer, in milliseconds.
    pub(crate) longest: AtomicU64,
    /// Answers that no trouble excuses.
    pub(crate) wrong: Mutex<Vec<String>>,
}

impl Outcomes {
    /// Notes a status that asks for another try.
    fn note_unavailable(&self, call: &Call, status: StatusCode, headers: &HeaderMap) {
        if status == StatusCode::SERVICE_UNAVAILABLE && headers.contains_key(RETRY_AFTER) {
            self.unavailable.fetch_add(1, Ordering::Relaxed);
            return;
        }
        let wrong = format!("{} {}: {status}, {headers:?}", call.method, call.path);
        self.wrong
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .push(wrong);
    }
}

impl Client {
    /// A client of these servers.
    pub(crate) fn new(addresses: Vec<SocketAddr>) -> Result<Self> {
        let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH)?;
        Ok(Client {
            http: reqwest::Client::builder()
                .no_proxy()
                .tcp_nodelay(true)
                .timeout(TRY)
                .build()?,
            addresses,
            key: EncodingKey::from_secret(SECRET.as_bytes()),
            expires: (now + Duration::from_secs(24 * 3600)).as_secs(),
            outcomes: Outcomes::default(),
        })
    }

    /// Asks one server; `None` where it did not answer, could not, or still works on the first request.
    pub(crate) async fn once(&self, address: SocketAddr, call: &Call, key: Uuid) -> Result<Option<Answer>> {
        let mut claims = json!({"sub": call.caller, "exp": self.expires});
        if call.caller == OPERATOR {
            claims["roles"] = json!(["admin"]);
        }
        let token = encode(&Header::default(), &claims, &self.key)?;
        let url = format!("http://{address}/api/v1/{}", call.path);
        let mut request = self.http.request(call.method.clone(), url).bearer_auth(token);
        if call.method != Method::GET {
            request = request.header("idempotency-key", key.to_string());
        }
        if let Some(device) = &call.device {
            request = request.header("x-device-id", device);
        }
        if let Some(body) = &call.body {
            request = request.json(body);
        }
        let Ok(response) = request.send().await else {
            return Ok(None);
        };
        if response.status().is_server_error() {
            self.outcomes
                .note_unavailable(call, response.status(), response.headers());
            return Ok(None);
        }
        let status = response.status().as_u16();
        let replayed = response.headers().contains_key("idempotency-replayed");
        let Ok(bytes) = response.bytes().await else {
            return Ok(None);
        };
        let body = serde_json::from_slice(&bytes).unwrap_or(Value::Null);
        let in_progress = status == 409 && body["code"] == "idempotency_in_progress";
        Ok((!in_progress).then_some(Answer {
            status,
            body,
            replayed,
        }))
    }

    /// Asks one server after the other until one answers.
    pub(crate) async fn ask(&self, random: &mut Rng, call: Call) -> Result<Done> {
        let key = Uuid::from_u128(random.u128(..));
        let answer = self.answer(random, &call, key).await?;
        if answer.replayed {
            self.outcomes.answer_lost.fetch_add(1, Ordering::Relaxed);
        }
        Ok(Done {
            call,
            key,
            status: answer.status,
            body: answer.body,
        })
    }

    /// The same under a key that is given.
    pub(crate) async fn answer(&self, random: &mut Rng, call: &Call, key: Uuid) -> Result<Answer> {
        let begun = Instant::now();
        let mut is_first = true;
        let mut place = random.usize(..self.addresses.len().max(1));
        loop {
            let address = *self.addresses.get(place).ok_or("there is no server")?;
            if let Some(answer) = self.once(address, call, key).await? {
                let took = u64::try_from(begun.elapsed().as_millis())?;
                self.outcomes.longest.fetch_max(took, Ordering::Relaxed);
                return Ok(answer);
            }
            self.outcomes.unanswered.fetch_add(1, Ordering::Relaxed);
            if is_first {
                self.outcomes.retried.fetch_add(1, Ordering::Relaxed);
                is_first = false;
            }
            if begun.elapsed() > PATIENCE {
                return Err(format!(
                    "nobody answered {} {} within {PATIENCE:?}",
                    call.method, call.path
                )
                .into());
            }
            tokio::time::sleep(PAUSE).await;
            place = (place + 1) % self.addresses.len().max(1);
        }
    }
}
