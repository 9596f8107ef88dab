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
}

/// Events of one request.
pub(crate) const EVENTS: usize = 100;

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
        }
    }

    /// The most requests a second that are prepared for a run.
    fn at_most(self) -> f64 {
        match self {
            Kind::Events => 2_000.0,
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
    key: EncodingKey,
}

impl Calls {
    pub(crate) fn new(prefilled: u32) -> Self {
        Calls {
            users: prefilled.into(),
            prefilled: prefilled.into(),
            key: EncodingKey::from_secret(SECRET.as_bytes()),
        }
    }

    /// Asks a server for one thing over some connections, for so long.
    pub(crate) fn run(
        &mut self,
        server: &Server,
        kind: Kind,
        connections: usize,
        time: Duration,
    ) -> Result<Run> {
        let busy = if connections == 1 { 0.4 } else { 1.0 };
        let enough = Duration::from_secs_f64(time.as_secs_f64() * kind.at_most() * busy).as_secs();
        let requests: Vec<Vec<u8>> = (0..enough).map(|_| self.request(kind)).collect::<Result<_>>()?;
        let work = Arc::new(Work {
            address: server.address,
            status: if kind == Kind::Ping { "204" } else { "200" },
            requests,
            next: AtomicUsize::new(0),
            ends: false,
        });
        measure(server, work, connections, time)
    }

    /// Has users with the numbers up to this one check in, once each.
    pub(crate) fn check_ins(&mut self, server: &Server, users: u32, connections: usize) -> Result<Run> {
        self.users = 0;
        let requests = (0..users)
            .map(|_| self.request(Kind::CheckIn))
            .collect::<Result<_>>()?;
        let work = Arc::new(Work {
            address: server.address,
            status: "200",
            requests,
            next: AtomicUsize::new(0),
            ends: true,
        });
        measure(server, work, connections, Duration::from_secs(3600))
    }

    fn request(&mut self, kind: Kind) -> Result<Vec<u8>> {
        self.users += 1;
        let now = SystemTime::now()
            .duration_since(SystemTime::UNIX_EPOCH)?
            .as_secs();
        let caller = match kind {
            Kind::CheckIn | Kind::Events => user(self.users),
            // The users who are there, in no order.
            _ => user(1 + self.users.wrapping_mul(7_919) % self.prefilled.max(1)),
        };
        let mut claims = json!({"sub": caller, "exp": now + 3600});
        let mut body = String::new();
        if kind == Kind::Events {
            claims["roles"] = json!(["admin"]);
            let events = (0..EVENTS as u128).map(|n| {
                let subject = user(0x1_0000_0000_0000 | self.users << 7 | n);
                json!({"specversion": "1.0", "id": Uuid::new_v4(), "source": "load", "type": "video.watched",
                    "subject": subject, "data": {"seconds": 60}})
            });
            body = serde_json::Value::from_iter(events).to_string();
        }
        let token = encode(&Header::default(), &claims, &self.key)?;
        let (method, path) = kind.route();
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

fn measure(server: &Server, work: Arc<Work>, connections: usize, time: Duration) -> Result<Run> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    let before = server.processor_time()?;
    let (rate, mut times) = runtime.block_on(over_connections(work, connections, time))?;
    let spent = server.processor_time()? - before;
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
    address: SocketAddr,
    status: &'static str,
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
    for _ in 0..connections {
        let stream = TcpStream::connect(work.address).await?;
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
        read_answer(&mut stream, &mut buffer, work.status).await?;
        times.push(begun.elapsed());
    }
}

/// Reads one answer to its end; any other status than the expected one ends the program.
async fn read_answer(stream: &mut TcpStream, buffer: &mut Vec<u8>, status: &str) -> Result<()> {
    buffer.clear();
    loop {
        if stream.read_buf(buffer).await? == 0 {
            return Err("the server closed the connection".into());
        }
        let Some(head) = buffer.windows(4).position(|bytes| bytes == b"\r\n\r\n") else {
            continue;
        };
        let text = std::str::from_utf8(&buffer[..head])?;
        if text.get(9..12) != Some(status) {
            return Err(format!("unexpected answer: {}", String::from_utf8_lossy(buffer)).into());
        }
        if buffer.len() >= head + 4 + content_length(text)? {
            return Ok(());
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
