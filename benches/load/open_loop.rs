//! Requests that come at a fixed rate, whether or not earlier ones are answered, as users do. What one takes is counted from
//! the moment at which it was to be sent, so that a server which answers late is not asked more seldom for it.

use std::{
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use tokio::{io::AsyncWriteExt, net::TcpStream, task::JoinSet, time::Instant};

use crate::{
    Result,
    client::{Calls, Kind, read_answer},
    server::Server,
};

/// Connections over which requests are offered: as many can be unanswered at once.
const CONNECTIONS: usize = 2048;
/// After so long a client has no use for an answer.
const PATIENCE: Duration = Duration::from_secs(2);
/// How often the server's memory is looked at.
const LOOK: Duration = Duration::from_millis(50);

/// How a request ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// With a good answer.
    Served,
    /// With 503.
    Shed,
    /// With another answer, or none in time.
    Failed,
}

/// So many requests a second, for so long.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Phase {
    pub(crate) rate: f64,
    pub(crate) time: Duration,
}

impl Phase {
    /// When its requests are due, from its begin.
    fn due(self) -> impl Iterator<Item = Duration> {
        let pause = 1.0 / self.rate;
        let due = (0_u32..).map(move |number| Duration::from_secs_f64(pause * f64::from(number)));
        due.take_while(move |due| *due < self.time)
    }
}

/// What became of one request.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Answer {
    /// When it was to be sent, from the begin of its phase.
    pub(crate) due: Duration,
    /// From then on.
    pub(crate) took: Duration,
    pub(crate) outcome: Outcome,
}

/// What became of all requests of a phase.
#[derive(Debug)]
pub(crate) struct Offered {
    /// In the order in which they were due.
    answers: Vec<Answer>,
    time: Duration,
}

impl Offered {
    /// Requests that ended so, a second.
    pub(crate) fn rate(&self, outcome: Outcome) -> f64 {
        let ended = self.answers.iter().filter(|answer| answer.outcome == outcome);
        ended.count() as f64 / self.time.as_secs_f64()
    }

    /// The time in which so many of a hundred good answers had come.
    pub(crate) fn percentile(&self, percent: usize) -> Duration {
        percentile(&self.answers, percent)
    }

    /// How long it took from the begin until requests were served as they usually are: until the first tenth of a second in
    /// which none was refused, and none of a hundred took longer than so.
    pub(crate) fn recovery(&self, usual: Duration) -> Option<Duration> {
        const WINDOW: Duration = Duration::from_millis(100);
        let window_of = |answer: &Answer| answer.due.as_millis() / WINDOW.as_millis();
        let mut windows = self.answers.chunk_by(|a, b| window_of(a) == window_of(b));
        let good = windows.find(|window| {
            window.iter().all(|answer| answer.outcome == Outcome::Served) && percentile(window, 99) <= usual
        })?;
        Some(good.first()?.due)
    }
}

fn percentile(answers: &[Answer], percent: usize) -> Duration {
    let mut times: Vec<Duration> = answers
        .iter()
        .filter(|answer| answer.outcome == Outcome::Served)
        .map(|answer| answer.took)
        .collect();
    times.sort_unstable();
    let place = (times.len() * percent / 100).min(times.len().saturating_sub(1));
    times.get(place).copied().unwrap_or_default()
}

/// Requests, each with its phase and the moment at which it is due.
struct Schedule {
    address: SocketAddr,
    requests: Vec<Request>,
    next: AtomicUsize,
    begin: Instant,
}

struct Request {
    phase: usize,
    /// From the begin of the phase.
    due: Duration,
    /// From the begin of all.
    due_in_all: Duration,
    bytes: Vec<u8>,
}

/// What was offered, phase by phase.
pub(crate) struct Offer {
    pub(crate) phases: Vec<Offered>,
    /// The most memory that the server held meanwhile, in kB.
    pub(crate) peak_kilobytes: u64,
}

/// Offers requests of some kinds in turns to a server, one phase right behind the other, and waits until each has ended.
pub(crate) fn offer(server: &Server, calls: &mut Calls, kinds: &[Kind], phases: &[Phase]) -> Result<Offer> {
    let mut requests = Vec::new();
    let mut kinds = kinds.iter().copied().cycle();
    let mut begin = Duration::ZERO;
    for (number, phase) in phases.iter().enumerate() {
        for (due, kind) in phase.due().zip(&mut kinds) {
            requests.push(Request {
                phase: number,
                due,
                due_in_all: begin + due,
                bytes: calls.request(kind)?,
            });
        }
        begin += phase.time;
    }
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    let (answers, peak_kilobytes) = runtime.block_on(send(server, requests))?;
    let mut offered: Vec<Offered> = phases
        .iter()
        .map(|phase| Offered {
            answers: Vec::new(),
            time: phase.time,
        })
        .collect();
    for (phase, answer) in answers {
        if let Some(offered) = offered.get_mut(phase) {
            offered.answers.push(answer);
        }
    }
    for offered in &mut offered {
        offered.answers.sort_unstable_by_key(|answer| answer.due);
    }
    Ok(Offer {
        phases: offered,
        peak_kilobytes,
    })
}

/// Answers, each with the number of its phase.
type Answers = Vec<(usize, Answer)>;

async fn send(server: &Server, requests: Vec<Request>) -> Result<(Answers, u64)> {
    let mut open = Vec::new();
    for _ in 0..CONNECTIONS {
        open.push(connect(server.address).await?);
    }
    let schedule = Arc::new(Schedule {
        address: server.address,
        requests,
        next: AtomicUsize::new(0),
        begin: Instant::now(),
    });
    let mut clients = JoinSet::new();
    for stream in open {
        clients.spawn(send_in_turn(stream, Arc::clone(&schedule)));
    }
    let mut answers = Vec::new();
    let mut peak_kilobytes = 0;
    loop {
        tokio::select! {
            client = clients.join_next() => match client {
                Some(sent) => answers.append(&mut sent??),
                None => return Ok((answers, peak_kilobytes)),
            },
            () = tokio::time::sleep(LOOK) => {
                peak_kilobytes = peak_kilobytes.max(server.resident_kilobytes()?);
            }
        }
    }
}

async fn connect(address: SocketAddr) -> Result<TcpStream> {
    let stream = TcpStream::connect(address).await?;
    stream.set_nodelay(true)?;
    Ok(stream)
}

/// One of the clients, which share the schedule: takes the next request, waits until it is due, sends it, and reads the
/// answer.
async fn send_in_turn(mut stream: TcpStream, schedule: Arc<Schedule>) -> Result<Answers> {
    let mut answers = Vec::new();
    let mut buffer = Vec::with_capacity(4096);
    while let Some(request) = schedule
        .requests
        .get(schedule.next.fetch_add(1, Ordering::Relaxed))
    {
        let due = schedule.begin + request.due_in_all;
        tokio::time::sleep_until(due).await;
        let exchange = async {
            stream.write_all(&request.bytes).await?;
            read_answer(&mut stream, &mut buffer).await
        };
        let ended = tokio::time::timeout_at(due + PATIENCE, exchange).await;
        let outcome = match ended {
            Ok(Ok(200 | 204)) => Outcome::Served,
            Ok(Ok(503)) => Outcome::Shed,
            Ok(Ok(_)) => Outcome::Failed,
            // The answer would be taken for that of the next request.
            Ok(Err(_)) | Err(_) => {
                stream = connect(schedule.address).await?;
                Outcome::Failed
            }
        };
        let answer = Answer {
            due: request.due,
            took: due.elapsed(),
            outcome,
        };
        answers.push((request.phase, answer));
    }
    Ok(answers)
}
