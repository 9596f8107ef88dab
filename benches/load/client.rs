//! Requests over kept connections, written and read with as little work as possible: the generator shares its
//! processors with the server.

use std::{
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::{Duration, Instant, SystemTime},
};

use jsonwebtoken::{EncodingKey, Header, encode};
use serde::Deserialize;
use serde_json::json;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};
use uuid::Uuid;

use crate::{
    Result,
    server::{SECRET, Server},
};

/// What is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// A check-in, each by a user who was never here before.
    CheckIn,
    /// A hundred activity events in one request, each of a user who was never here before.
    Events,
    /// The route that checks the token and does nothing.
    Ping,
    /// The list of missions.
    Missions,
    /// A user's own profile.
    Me,
    /// A user's rewards.
    Rewards,
    /// The leaderboard of all time, by one of the users who are there already.
    Leaderboard,
    /// A completed mission is claimed, each by a user of its own; see [`Calls::complete_missions`].
    Claim,
    /// The analytics of thirty days by the hour.
    Analytics,
}

/// Events of one request.
pub(crate) const EVENTS: usize = 100;
/// Missions that are completed for each second of claims, at most.
pub(crate) const CLAIMS: f64 = 12_000.0;
/// Users whose mission of three events is completed by one request.
const TOGETHER: u128 = 33;

impl Kind {
    /// Path below the API's root, with its method.
    fn route(self) -> (&'static str, &'static str) {
        match self {
            Kind::CheckIn => ("POST", "checkin"),
            Kind::Events => ("POST", "events"),
            Kind::Ping => ("GET", "ping"),
            Kind::Missions => ("GET", "missions"),
            Kind::Me => ("GET", "me"),
            Kind::Rewards => ("GET", "rewards"),
            Kind::Leaderboard => ("GET", "leaderboards/all_time?limit=10"),
            Kind::Claim => ("POST", "tasks"),
            Kind::Analytics => (
                "GET",
                "analytics?bucket=hour&from=2026-11-01T00:00:00Z&to=2026-12-01T00:00:00Z",
            ),
        }
    }

    /// The status of a good answer.
    fn status(self) -> u16 {
        if self == Kind::Ping { 204 } else { 200 }
    }

    /// The most requests a second that are prepared for a run.
    fn at_most(self) -> f64 {
        match self {
            Kind::Events | Kind::Analytics => 2_000.0,
            Kind::Claim => CLAIMS,
            Kind::Leaderboard | Kind::CheckIn => 40_000.0,
            _ => 160_000.0,
        }
    }
}

/// The id of the user with a number.
pub(crate) fn user(number: u128) -> Uuid {
    Uuid::from_u128(0x0190_0000_0000_7000_8000_0000_0000_0000 | number)
}

/// What one run over some connections gave.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Run {
    /// Answers a second.
    pub(crate) rate: f64,
    /// The time that 99 of 100 answers took at most.
    pub(crate) slow: Duration,
    /// The server's processor time for one answer; with what it does afterwards, such as sending events, as far as
    /// that fell into the run.
    pub(crate) work: Duration,
}

/// Makes requests; every one has a user and a token of its own.
pub(crate) struct Calls {
    users: u128,
    /// Users who are there already: those with the numbers up to this one.
    prefilled: u128,
    /// Completed tasks that nobody has claimed yet, with their users.
    completed: Vec<(Uuid, Uuid)>,
    key: EncodingKey,
}

/// What the answer to a request of events tells.
#[derive(Deserialize)]
struct EventsAnswer {
    results: Vec<EventResult>,
}

#[derive(Deserialize)]
struct EventResult {
    #[serde(default)]
    tasks: Vec<MovedTask>,
}

#[derive(Deserialize)]
struct MovedTask {
    id: Uuid,
    user_id: Uuid,
    mission: String,
    status: String,
}

impl Calls {
    pub(crate) fn new(prefilled: u32) -> Self {
        Calls {
            users: prefilled.into(),
            prefilled: prefilled.into(),
            completed: Vec::new(),
            key: EncodingKey::from_secret(SECRET.as_bytes()),
        }
    }

    /// Asks a server for one thing over some connections, for so long.
    pub(crate) fn run(
        &mut self,
        servers: &[&Server],
        kind: Kind,
        connections: usize,
        time: Duration,
    ) -> Result<Run> {
        let busy = if connections == 1 { 0.4 } else { 1.0 };
        let enough = Duration::from_secs_f64(time.as_secs_f64() * kind.at_most() * busy).as_secs();
        let enough = match kind {
            Kind::Claim => enough.min(self.completed.len() as u64),
            _ => enough,
        };
        let requests: Vec<Vec<u8>> = (0..enough).map(|_| self.request(kind)).collect::<Result<_>>()?;
        let work = Arc::new(Work {
            addresses: servers.iter().map(|server| server.address).collect(),
            status: kind.status(),
            requests,
            next: AtomicUsize::new(0),
            ends: kind == Kind::Claim,
        });
        measure(servers, work, connections, time)
    }

    /// Completes a mission for each of so many users who were never here before, which they can claim then.
    pub(crate) fn complete_missions(&mut self, server: &Server, users: u64) -> Result<()> {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()?;
        let client = reqwest::Client::new();
        let url = format!("http://{}/api/v1/events", server.address);
        let token = self.token(user(0), &["admin"])?;
        for _ in 0..u128::from(users).div_ceil(TOGETHER) {
            let first = self.users;
            self.users += TOGETHER;
            let events = (0..3 * TOGETHER).map(|n| video_event(user(CLAIMANTS + first + n % TOGETHER)));
            let events = serde_json::Value::from_iter(events);
            let answer = async {
                let request = client.post(&url).bearer_auth(&token).json(&events);
                let answer = request.send().await?.error_for_status()?;
                answer.json::<EventsAnswer>().await
            };
            let answer = runtime.block_on(answer)?;
            let tasks = answer.results.into_iter().flat_map(|result| result.tasks);
            let completed =
                tasks.filter(|task| task.mission == "watch-3-videos" && task.status == "completed");
            self.completed
                .extend(completed.map(|task| (task.user_id, task.id)));
        }
        Ok(())
    }

    fn token(&self, caller: Uuid, roles: &[&str]) -> Result<String> {
        let now = SystemTime::now()
            .duration_since(SystemTime::UNIX_EPOCH)?
            .as_secs();
        let claims = json!({"sub": caller, "exp": now + 3600, "roles": roles});
        Ok(encode(&Header::default(), &claims, &self.key)?)
    }

    /// Has users with the numbers up to this one check in, once each.
    pub(crate) fn check_ins(&mut self, server: &Server, users: u32, connections: usize) -> Result<Run> {
        self.users = 0;
        let requests = (0..users)
            .map(|_| self.request(Kind::CheckIn))
            .collect::<Result<_>>()?;
        let work = Arc::new(Work {
            addresses: vec![server.address],
            status: Kind::CheckIn.status(),
            requests,
            next: AtomicUsize::new(0),
            ends: true,
        });
        measure(&[server], work, connections, Duration::from_secs(3600))
    }

    /// A request by the next user.
    pub(crate) fn request(&mut self, kind: Kind) -> Result<Vec<u8>> {
        self.users += 1;
        let (method, path) = kind.route();
        let mut path = path.to_owned();
        let caller = match kind {
            Kind::CheckIn | Kind::Events => user(self.users),
            Kind::Claim => {
                let (claimant, task) = self.completed.pop().ok_or("no mission is completed")?;
                path = format!("{path}/{task}/claim");
                claimant
            }
            // The users who are there, in no order.
            _ => user(1 + self.users.wrapping_mul(7_919) % self.prefilled.max(1)),
        };
        let roles: &[&str] = match kind {
            Kind::Events | Kind::Analytics => &["admin"],
            _ => &[],
        };
        let mut body = String::new();
        if kind == Kind::Events {
            let events =
                (0..EVENTS as u128).map(|n| video_event(user(0x1_0000_0000_0000 | self.users << 7 | n)));
            body = serde_json::Value::from_iter(events).to_string();
        }
        let token = self.token(caller, roles)?;
        let length = if method == "POST" {
            format!(
                "Content-Type: application/json\r\nContent-Length: {}\r\n",
                body.len()
            )
        } else {
            String::new()
        };
        Ok(format!(
            "{method} /api/v1/{path} HTTP/1.1\r\nHost: bench\r\n{length}Authorization: Bearer {token}\r\n\r\n{body}"
        )
        .into_bytes())
    }
}

/// Users who claim, apart from those who check in.
const CLAIMANTS: u128 = 0x2_0000_0000_0000;

fn video_event(subject: Uuid) -> serde_json::Value {
    json!({"specversion": "1.0", "id": Uuid::new_v4(), "source": "load", "type": "video.watched",
        "subject": subject, "data": {"seconds": 60}})
}

fn measure(servers: &[&Server], work: Arc<Work>, connections: usize, time: Duration) -> Result<Run> {
    let processor_time = || {
        servers
            .iter()
            .map(|server| server.processor_time())
            .sum::<Result<Duration>>()
    };
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    let before = processor_time()?;
    let (rate, mut times) = runtime.block_on(over_connections(work, connections, time))?;
    let spent = processor_time()? - before;
    let count = u32::try_from(times.len())?;
    times.sort_unstable();
    let slow = times.get(times.len() * 99 / 100).copied();
    Ok(Run {
        rate,
        slow: slow.ok_or("nothing was answered")?,
        work: spent / count,
    })
}

struct Work {
    /// Servers, which share the connections.
    addresses: Vec<SocketAddr>,
    status: u16,
    requests: Vec<Vec<u8>>,
    next: AtomicUsize,
    /// Whether it is over with the last request.
    ends: bool,
}

/// Answers a second, and how long each took.
async fn over_connections(
    work: Arc<Work>,
    connections: usize,
    time: Duration,
) -> Result<(f64, Vec<Duration>)> {
    let mut open = Vec::new();
    for address in work.addresses.iter().cycle().take(connections) {
        let stream = TcpStream::connect(address).await?;
        stream.set_nodelay(true)?;
        open.push(stream);
    }
    let begun = Instant::now();
    let until = begun + time;
    let tasks: Vec<_> = open
        .into_iter()
        .map(|stream| tokio::spawn(one_connection(stream, Arc::clone(&work), until)))
        .collect();
    let mut times = Vec::new();
    for task in tasks {
        times.append(&mut task.await??);
    }
    let count = u32::try_from(times.len())?;
    Ok((f64::from(count) / begun.elapsed().as_secs_f64(), times))
}

async fn one_connection(mut stream: TcpStream, work: Arc<Work>, until: Instant) -> Result<Vec<Duration>> {
    let mut times = Vec::new();
    let mut buffer = Vec::with_capacity(4096);
    loop {
        let begun = Instant::now();
        if begun >= until {
            return Ok(times);
        }
        let number = work.next.fetch_add(1, Ordering::Relaxed);
        let Some(request) = work.requests.get(number) else {
            return if work.ends {
                Ok(times)
            } else {
                Err("the prepared requests ran out: raise `Kind::at_most`".into())
            };
        };
        stream.write_all(request).await?;
        if read_answer(&mut stream, &mut buffer).await? != work.status {
            return Err(format!("unexpected answer: {}", String::from_utf8_lossy(&buffer)).into());
        }
        times.push(begun.elapsed());
    }
}

/// Reads one answer to its end, and gives its status.
pub(crate) async fn read_answer(stream: &mut TcpStream, buffer: &mut Vec<u8>) -> Result<u16> {
    buffer.clear();
    loop {
        if stream.read_buf(buffer).await? == 0 {
            return Err("the server closed the connection".into());
        }
        let Some(head) = buffer.windows(4).position(|bytes| bytes == b"\r\n\r\n") else {
            continue;
        };
        let text = std::str::from_utf8(&buffer[..head])?;
        if buffer.len() >= head + 4 + content_length(text)? {
            return Ok(text.get(9..12).ok_or("an answer without a status")?.parse()?);
        }
    }
}

fn content_length(head: &str) -> Result<usize> {
    let mut lines = head.lines().filter_map(|line| line.split_once(':'));
    match lines.find(|(name, _)| name.eq_ignore_ascii_case("content-length")) {
        Some((_, length)) => Ok(length.trim().parse()?),
        None => Ok(0),
    }
}
