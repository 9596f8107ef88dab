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
    /// The route that checks the token and does nothing.
    Ping,
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
    key: EncodingKey,
}

/// More than any run will take.
const PER_SECOND: f64 = 60_000.0;

impl Calls {
    pub(crate) fn new() -> Self {
        Calls {
            users: 0,
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
        let enough = Duration::from_secs_f64(time.as_secs_f64() * PER_SECOND * busy).as_secs();
        let requests: Vec<Vec<u8>> = (0..enough).map(|_| self.request(kind)).collect::<Result<_>>()?;
        let work = Arc::new(Work {
            address: server.address,
            status: if kind == Kind::Ping { "204" } else { "200" },
            requests,
            next: AtomicUsize::new(0),
        });
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

    fn request(&mut self, kind: Kind) -> Result<Vec<u8>> {
        self.users += 1;
        let expires = SystemTime::now()
            .duration_since(SystemTime::UNIX_EPOCH)?
            .as_secs()
            + 3600;
        let user = Uuid::from_u128(0x0190_0000_0000_7000_8000_0000_0000_0000 | self.users);
        let token = encode(
            &Header::default(),
            &json!({"sub": user, "exp": expires}),
            &self.key,
        )?;
        let (method, path) = match kind {
            Kind::CheckIn => ("POST", "checkin"),
            Kind::Ping => ("GET", "ping"),
        };
        let length = if kind == Kind::CheckIn {
            "Content-Length: 0\r\n"
        } else {
            ""
        };
        Ok(format!(
            "{method} /api/v1/{path} HTTP/1.1\r\nHost: bench\r\n{length}Authorization: Bearer {token}\r\n\r\n"
        )
        .into_bytes())
    }
}

struct Work {
    address: SocketAddr,
    status: &'static str,
    requests: Vec<Vec<u8>>,
    next: AtomicUsize,
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
        let request = work
            .requests
            .get(number)
            .ok_or("the prepared requests ran out: raise `PER_SECOND`")?;
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
