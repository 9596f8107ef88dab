//! Whether PostgreSQL is there. Once it is known to be away nobody waits for it any longer: what runs is interrupted,
//! what comes is refused at once, until a look from time to time finds it again.

use std::{
    fmt, io,
    sync::{
        Arc, Weak,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::Duration,
};

use futures_util::future::BoxFuture;
use sqlx::{ConnectOptions, Connection, Executor, PgPool};
use tokio::{sync::watch, time::Instant};

/// What takes longer gives reason to look whether the database is still there.
const PATIENCE: Duration = Duration::from_secs(1);
/// How long a connection and an answer may take when that is looked at.
const LOOK_TIME: Duration = Duration::from_secs(1);
/// How long to wait between two looks at a database that is away.
const BETWEEN_LOOKS: Duration = Duration::from_millis(250);
/// Nobody waits longer for a statement. On a connection whose other end is gone without a word, it would take the
/// kernel a quarter of an hour to say so.
const LONGEST: Duration = Duration::from_secs(60);

/// Guards all that is asked of a database; clones guard the same one.
#[derive(Clone)]
pub(super) struct Breaker(Arc<Shared>);

struct Shared {
    pool: PgPool,
    relaxed: PgPool,
    /// Why the database is away, while it is.
    away: watch::Sender<Option<String>>,
    /// Whether somebody is looking.
    looking: AtomicBool,
    began: Instant,
    /// When it last answered, in milliseconds since `began`.
    answered: AtomicU64,
}

impl fmt::Debug for Breaker {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Breaker").field(&*self.0.away.borrow()).finish()
    }
}

impl Breaker {
    pub(super) fn new(pool: PgPool, relaxed: PgPool) -> Self {
        Breaker(Arc::new(Shared {
            pool,
            relaxed,
            away: watch::Sender::new(None),
            looking: AtomicBool::new(false),
            began: Instant::now(),
            answered: AtomicU64::new(0),
        }))
    }

    /// Asks something of the database, unless and until it is known to be away.
    pub(super) async fn ask<T>(
        &self,
        mut transaction: BoxFuture<'_, Result<T, sqlx::Error>>,
    ) -> Result<T, sqlx::Error> {
        let mut away = self.0.away.subscribe();
        if let Some(reason) = &*away.borrow() {
            return Err(gone(reason));
        }
        let began = Instant::now();
        let mut patience = PATIENCE;
        loop {
            tokio::select! {
                biased;
                done = &mut transaction => {
                    match &done {
                        Err(error) if is_suspicious(error) => self.look(),
                        _ => self.0.note_answer(),
                    }
                    return done;
                }
                // The sender lives as long as this.
                Ok(reason) = away.wait_for(Option::is_some) => {
                    return Err(gone(reason.as_deref().unwrap_or_default()));
                }
                () = tokio::time::sleep_until(began + patience) => {
                    if patience > LONGEST {
                        return Err(late());
                    }
                    self.look();
                    patience *= 2;
                }
            }
        }
    }

    /// Has somebody look whether the database is there, and go on looking until it is.
    fn look(&self) {
        if !self.0.looking.swap(true, Ordering::AcqRel) {
            tokio::spawn(look(Arc::downgrade(&self.0)));
        }
    }
}

impl Shared {
    fn elapsed(&self) -> u64 {
        u64::try_from(self.began.elapsed().as_millis()).unwrap_or(u64::MAX)
    }

    fn note_answer(&self) {
        self.answered.fetch_max(self.elapsed(), Ordering::Relaxed);
    }

    /// Connects anew, because a connection from before says nothing of the next.
    async fn is_there(&self) -> Result<(), String> {
        let began = self.elapsed();
        let asking = async {
            let mut connection = self.pool.connect_options().connect().await?;
            connection.execute("SELECT 1").await?;
            connection.close().await
        };
        match tokio::time::timeout(LOOK_TIME, asking).await {
            Ok(Ok(())) => Ok(()),
            // It may be out of connections because this server holds them; whoever has one can go on.
            Ok(Err(error)) if !is_lost(&error) && self.pool.size() + self.relaxed.size() > 0 => Ok(()),
            Ok(Err(error)) => Err(error.to_string()),
            Err(_) if self.answered.load(Ordering::Relaxed) >= began.max(1) => Ok(()),
            Err(_) => Err(format!("no answer within {LOOK_TIME:?}")),
        }
    }

    /// Connections that nobody uses are of the time before.
    fn forget_idle_connections(&self) {
        for pool in [&self.pool, &self.relaxed] {
            while let Some(connection) = pool.try_acquire() {
                drop(connection.detach());
            }
        }
    }
}

async fn look(shared: Weak<Shared>) {
    let mut reason = None;
    while let Some(shared) = shared.upgrade() {
        match shared.is_there().await {
            Ok(()) => {
                if reason.is_some() {
                    tracing::info!("the database is there again");
                    shared.forget_idle_connections();
                    shared.away.send_replace(None);
                }
                shared.looking.store(false, Ordering::Release);
                return;
            }
            Err(why) => {
                if reason.as_ref() != Some(&why) {
                    tracing::warn!(
                        reason = why,
                        "the database is away: what needs it is refused until it is there again"
                    );
                    shared.away.send_replace(Some(why.clone()));
                    reason = Some(why);
                }
            }
        }
        drop(shared);
        tokio::time::sleep(BETWEEN_LOOKS).await;
    }
}

fn gone(reason: &str) -> sqlx::Error {
    let text = format!("the database is away: {reason}");
    sqlx::Error::Io(io::Error::new(io::ErrorKind::NotConnected, text))
}

fn late() -> sqlx::Error {
    let text = format!("no answer within {LONGEST:?}");
    sqlx::Error::Io(io::Error::new(io::ErrorKind::TimedOut, text))
}

/// Whether a connection was lost, or there was none to be had: the server stops, restarts or cannot be reached.
pub(super) fn is_lost(error: &sqlx::Error) -> bool {
    match error {
        sqlx::Error::Database(refusal) => refusal
            .code()
            .is_some_and(|code| code.starts_with("57P") || code.starts_with("08")),
        sqlx::Error::Io(_) | sqlx::Error::Tls(_) | sqlx::Error::Protocol(_) => true,
        _ => false,
    }
}

/// Whether an error gives reason to look.
fn is_suspicious(error: &sqlx::Error) -> bool {
    is_lost(error) || matches!(error, sqlx::Error::PoolTimedOut)
}
