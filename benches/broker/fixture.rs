//! A server of one's own behind the broker: activity events into it, through the broker and over HTTP in batches, and
//! check-ins whose events leave.

use std::{
    error::Error,
    path::Path,
    time::{Duration, Instant, SystemTime},
};

use futures_util::StreamExt as _;
use jsonwebtoken::{EncodingKey, Header, encode};
use lapin::{BasicProperties, Channel, options::BasicPublishOptions};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::{
    Result, WINDOW, rate,
    server::{SECRET, Server},
};

/// How many events go into one request.
const BATCH: usize = 256;
/// All must be taken within so long.
const PATIENCE: Duration = Duration::from_secs(120);

/// A server with the starter pack, and the right to tell it of events.
pub(crate) struct ServerFixture {
    server: Server,
    http: reqwest::Client,
    key: EncodingKey,
    expires: u64,
    token: String,
}

/// How many events a first check-in has.
const EVENTS_A_CHECK_IN: u64 = 2;

/// Whether events left as fast as check-ins came.
pub(crate) struct KeptUp {
    /// How many check-ins were answered.
    pub(crate) check_ins: u64,
    /// In so long.
    pub(crate) took: Duration,
    /// How many of their events had left by the end.
    sent: u64,
    /// How long the others took after it.
    pub(crate) rest: Duration,
}

impl KeptUp {
    /// The part of the events that had left by the end.
    #[expect(clippy::cast_precision_loss, reason = "a ratio is rounded anyway")]
    pub(crate) fn ratio(&self) -> f64 {
        self.sent as f64 / (self.check_ins * EVENTS_A_CHECK_IN) as f64
    }
}

impl ServerFixture {
    pub(crate) fn start(url: &str, wallet_queue: &str) -> Result<Self> {
        let pack = Path::new(env!("CARGO_MANIFEST_DIR")).join("../examples/packs/starter");
        let server = Server::start_with(
            &std::env::temp_dir(),
            None,
            &[
                ("MISSION_AMQP_URL", url.as_ref()),
                ("MISSION_AMQP_WALLET_QUEUE", wallet_queue.as_ref()),
                ("MISSION_PACK", pack.as_os_str()),
            ],
        )?;
        let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH)?;
        let expires = now.as_secs() + 3600;
        let claims = json!({"sub": Uuid::nil(), "exp": expires, "roles": ["admin"]});
        let key = EncodingKey::from_secret(SECRET.as_bytes());
        Ok(ServerFixture {
            server,
            http: reqwest::Client::builder().no_proxy().tcp_nodelay(true).build()?,
            token: encode(&Header::default(), &claims, &key)?,
            key,
            expires,
        })
    }

    fn token_of(&self, user: Uuid) -> Result<String> {
        let claims = json!({"sub": user, "exp": self.expires});
        Ok(encode(&Header::default(), &claims, &self.key)?)
    }

    /// Events a second in requests of [`BATCH`], one after the other.
    pub(crate) async fn over_http(&self, count: usize) -> Result<f64> {
        let url = format!("http://{}/api/v1/events", self.server.address);
        let events: Vec<Value> = (0..count).map(|_| event()).collect();
        let begun = Instant::now();
        for batch in events.chunks(BATCH) {
            let request = self.http.post(&url).bearer_auth(&self.token).json(batch);
            let response = request.send().await?.error_for_status()?;
            let answer: Value = serde_json::from_slice(&response.bytes().await?)?;
            let applied = answer["results"].as_array().into_iter().flatten();
            if applied.filter(|result| result["status"] == "applied").count() != batch.len() {
                return Err("an event was not applied".into());
            }
        }
        Ok(rate(count, begun.elapsed()))
    }

    /// Events a second through the broker, from the first that is published to the last that is applied.
    pub(crate) async fn by_broker(&self, channel: &Channel, count: usize) -> Result<f64> {
        let bodies: Vec<Vec<u8>> = (0..count)
            .map(|_| serde_json::to_vec(&event()))
            .collect::<std::result::Result<_, _>>()?;
        let before = self.applied().await?;
        let begun = Instant::now();
        let sent = futures_util::stream::iter(&bodies).map(|body| async move {
            let properties = BasicProperties::default().with_delivery_mode(2);
            let options = BasicPublishOptions::default();
            let key = "activity.video.watched".into();
            let sent = channel.basic_publish("activity.events".into(), key, options, body, properties);
            sent.await?.await
        });
        let mut sent = sent.buffer_unordered(WINDOW);
        while let Some(confirmation) = sent.next().await {
            confirmation?;
        }
        while self.applied().await? < before + count as u64 {
            if begun.elapsed() > PATIENCE {
                return Err("not all messages were applied".into());
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        Ok(rate(count, begun.elapsed()))
    }

    /// Check-ins of one user after the other over so many connections, for so long.
    pub(crate) async fn check_ins(&self, connections: usize, time: Duration) -> Result<KeptUp> {
        let before = self.quiet().await?;
        let begun = Instant::now();
        let one = async || {
            let mut answered = 0_u64;
            while begun.elapsed() < time {
                let url = format!("http://{}/api/v1/checkin", self.server.address);
                let request = self.http.post(url).bearer_auth(self.token_of(Uuid::new_v4())?);
                request.send().await?.error_for_status()?.bytes().await?;
                answered += 1;
            }
            Ok::<u64, Box<dyn Error + Send + Sync>>(answered)
        };
        let answered = futures_util::future::try_join_all((0..connections).map(|_| one())).await?;
        let (answered, took) = (answered.into_iter().sum::<u64>(), begun.elapsed());
        let sent = self.sent().await? - before;
        let ended = Instant::now();
        while self.sent().await? - before < answered * EVENTS_A_CHECK_IN {
            if ended.elapsed() > PATIENCE {
                return Err("not all events have left".into());
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        Ok(KeptUp {
            check_ins: answered,
            took,
            sent,
            rest: ended.elapsed(),
        })
    }

    /// Waits until nothing leaves any more; how many events had left by then.
    async fn quiet(&self) -> Result<u64> {
        let mut before = self.sent().await?;
        loop {
            tokio::time::sleep(Duration::from_millis(300)).await;
            let now = self.sent().await?;
            if now == before {
                return Ok(now);
            }
            before = now;
        }
    }

    /// How many messages were applied so far.
    async fn applied(&self) -> Result<u64> {
        self.metric("mission_inbound_messages_total{outcome=\"applied\"}")
            .await
    }

    /// How many events have left so far.
    async fn sent(&self) -> Result<u64> {
        self.metric("mission_outbox_published_total").await
    }

    /// The sum of what begins so.
    async fn metric(&self, name: &str) -> Result<u64> {
        let url = format!("http://{}/metrics", self.server.address);
        let text = self.http.get(url).send().await?.text().await?;
        let mut sum = 0;
        for line in text.lines().filter(|line| line.starts_with(name)) {
            let value = line.rsplit_once(' ').map_or("0", |(_, value)| value);
            sum += value.parse::<u64>()?;
        }
        Ok(sum)
    }
}

/// Somebody watched a video, which starts a mission of theirs.
fn event() -> Value {
    json!({
        "specversion": "1.0", "id": Uuid::new_v4(), "source": "/bench", "type": "video.watched",
        "subject": Uuid::new_v4(), "data": {"seconds": 35},
    })
}
