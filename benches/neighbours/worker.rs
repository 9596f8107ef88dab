//! Requests at a steady pace, whatever becomes of them: a slow answer does not thin out the others.

use std::{
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering},
    },
    time::{Duration, SystemTime},
};

use jsonwebtoken::{EncodingKey, Header, encode};
use reqwest::{
    Method,
    multipart::{Form, Part},
};
use serde_json::{Value, json};
use tokio::time::{Instant, MissedTickBehavior};
use uuid::Uuid;

use crate::{Result, server::SECRET};

/// What is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Kind {
    /// Routes that need no other service.
    Plain,
    /// An upload, which moderation judges after it was answered.
    Upload,
    /// A leaderboard, with the names that can be had in time.
    Names,
    /// A user's page, with the name.
    Page,
    /// A leaderboard among friends.
    Friends,
}

impl Kind {
    pub(crate) const ALL: [Kind; 5] = [Kind::Plain, Kind::Upload, Kind::Names, Kind::Page, Kind::Friends];

    /// The pause between two requests.
    fn pace(self) -> Duration {
        Duration::from_millis(match self {
            Kind::Plain => 4,
            Kind::Upload => 100,
            Kind::Names | Kind::Page | Kind::Friends => 40,
        })
    }
}

/// One answer.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Answer {
    pub(crate) kind: Kind,
    pub(crate) status: u16,
    pub(crate) took: Duration,
}

/// Speaks to the server.
pub(crate) struct Client {
    http: reqwest::Client,
    address: SocketAddr,
    key: EncodingKey,
    expires: u64,
    pub(crate) photo: String,
    users: AtomicU32,
    pictures: AtomicU32,
}

/// Users whom the server knows beforehand.
pub(crate) const USERS: u32 = 4000;
const OPERATOR: Uuid = Uuid::from_u128(1);

fn user(number: u32) -> Uuid {
    Uuid::from_u128(0x0190_0000_0000_7000_8000_0000_0000_0000 + u128::from(number))
}

impl Client {
    pub(crate) fn new(address: SocketAddr) -> Result<Self> {
        let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH)?;
        Ok(Client {
            http: reqwest::Client::builder().no_proxy().tcp_nodelay(true).build()?,
            address,
            key: EncodingKey::from_secret(SECRET.as_bytes()),
            expires: (now + Duration::from_secs(24 * 3600)).as_secs(),
            photo: String::new(),
            users: AtomicU32::new(0),
            pictures: AtomicU32::new(0),
        })
    }

    fn request(&self, who: Uuid, method: Method, path: &str) -> Result<reqwest::RequestBuilder> {
        let mut claims = json!({"sub": who, "exp": self.expires});
        if who == OPERATOR {
            claims["roles"] = json!(["admin"]);
        }
        let token = encode(&Header::default(), &claims, &self.key)?;
        let url = format!("http://{}/api/v1/{path}", self.address);
        Ok(self.http.request(method, url).bearer_auth(token))
    }

    /// An operator's request, which must succeed.
    pub(crate) async fn operate(&self, path: &str, body: Value) -> Result<Value> {
        let request = self.request(OPERATOR, Method::POST, path)?.json(&body);
        Ok(request.send().await?.error_for_status()?.json().await?)
    }

    /// Has the server know so many users.
    pub(crate) async fn register(&self) -> Result<()> {
        for number in 0..USERS {
            let request = self.request(user(number), Method::POST, "checkin")?;
            request.send().await?.error_for_status()?;
        }
        Ok(())
    }

    pub(crate) async fn metrics(&self) -> Result<String> {
        let url = format!("http://{}/metrics", self.address);
        Ok(self.http.get(url).send().await?.text().await?)
    }

    /// Asks for something at a steady pace for so long.
    pub(crate) async fn run(self: Arc<Self>, kind: Kind, time: Duration) -> Result<Vec<Answer>> {
        let end = Instant::now() + time;
        let mut ticks = tokio::time::interval(kind.pace());
        ticks.set_missed_tick_behavior(MissedTickBehavior::Burst);
        let mut asked = Vec::new();
        while ticks.tick().await < end {
            let client = Arc::clone(&self);
            asked.push(tokio::spawn(async move { client.one(kind).await }));
        }
        let mut answers = Vec::with_capacity(asked.len());
        for answer in asked {
            answers.extend(answer.await??);
        }
        Ok(answers)
    }

    async fn one(&self, kind: Kind) -> Result<Option<Answer>> {
        // Somebody whom nobody has asked about yet, as long as there are some.
        let number = self.users.fetch_add(1, Ordering::Relaxed) % USERS;
        let who = user(number);
        let request = match kind {
            Kind::Plain => {
                let path = ["me", "tasks", "checkin", "missions", "rewards"][number as usize % 5];
                self.request(who, Method::GET, path)?
            }
            Kind::Names => self.request(who, Method::GET, "leaderboards/weekly?limit=200")?,
            Kind::Friends => self.request(who, Method::GET, "leaderboards/weekly?scope=friends")?,
            Kind::Page => self.request(OPERATOR, Method::GET, &format!("users/{who}"))?,
            Kind::Upload => {
                let start = self.request(who, Method::POST, &format!("missions/{}/start", self.photo))?;
                let started = start.send().await?;
                if started.status() != 201 {
                    return Ok(None);
                }
                let task: Value = started.json().await?;
                let part =
                    Part::bytes(gif(self.pictures.fetch_add(1, Ordering::Relaxed))).mime_str("image/gif")?;
                let path = format!("tasks/{}/upload", task["id"].as_str().unwrap_or_default());
                self.request(who, Method::POST, &path)?
                    .multipart(Form::new().part("file", part))
            }
        };
        let began = Instant::now();
        let response = request.send().await?;
        let status = response.status().as_u16();
        response.bytes().await?;
        let took = began.elapsed();
        Ok(Some(Answer { kind, status, took }))
    }
}

/// A GIF of one pixel in a colour of its own.
fn gif(number: u32) -> Vec<u8> {
    let [_, red, green, blue] = number.to_be_bytes();
    let mut bytes = b"GIF89a\x01\0\x01\0\x80\0\0".to_vec();
    bytes.extend([red, green, blue, 0, 0, 0]);
    bytes.extend(b",\0\0\0\0\x01\0\x01\0\0\x02\x02D\x01\0;");
    bytes
}
