//! The connection to Redis, to one server or to a cluster, which heals by itself and never keeps a request waiting.

use std::{
    sync::atomic::{AtomicU64, Ordering},
    time::Duration,
};

use redis::{
    Cmd, FromRedisValue, Pipeline, RedisError, ScriptInvocation,
    aio::{ConnectionManager, ConnectionManagerConfig},
    cluster::{ClusterClient, ClusterConfig},
    cluster_async::ClusterConnection,
};
use secrecy::{ExposeSecret, SecretString};
use tokio::time::Instant;

/// An answer that takes longer is not worth the wait: the database is as fast.
const ANSWER_TIME: Duration = Duration::from_millis(250);
/// How long a connection may take to be made.
const CONNECT_TIME: Duration = Duration::from_secs(1);
/// After a failure nobody tries again for so long, so that requests do not wait for a Redis that is away.
const PAUSE: Duration = Duration::from_millis(500);

/// Redis is away or answered with an error; the reason is for the log.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("Redis is away: {0}")]
pub struct RedisUnavailable(String);

/// The settings lead to no Redis.
#[derive(Debug, thiserror::Error)]
#[error(
    "`redis.url` cannot be used: {0}; use redis://HOST:PORT, rediss://HOST:PORT, or several such addresses with commas \
     between them for a cluster"
)]
pub struct InvalidRedisUrl(String);

/// A connection to Redis; one for a server. Made when it is first used, and again whenever it is lost.
pub struct RedisConnection {
    connection: Connection,
    began: Instant,
    /// Until when nobody tries, in milliseconds since `began`.
    paused_until: AtomicU64,
}

#[derive(Clone)]
enum Connection {
    Single(ConnectionManager),
    Cluster(ClusterConnection),
}

impl RedisConnection {
    /// A link to one server, or with several addresses to the cluster that they are nodes of. Connects to nothing yet;
    /// must be called within a Tokio runtime.
    ///
    /// # Errors
    /// When an address is none.
    pub fn new(addresses: &[SecretString]) -> Result<Self, InvalidRedisUrl> {
        let error = |error: RedisError| InvalidRedisUrl(error.to_string());
        let connection = match addresses {
            [] => return Err(InvalidRedisUrl("it names no server".to_owned())),
            [address] => {
                let client = redis::Client::open(address.expose_secret()).map_err(error)?;
                let config = ConnectionManagerConfig::new()
                    .set_number_of_retries(0)
                    .set_connection_timeout(Some(CONNECT_TIME))
                    .set_response_timeout(Some(ANSWER_TIME));
                Connection::Single(ConnectionManager::new_lazy_with_config(client, config).map_err(error)?)
            }
            nodes => {
                let nodes = nodes.iter().map(ExposeSecret::expose_secret);
                let client = ClusterClient::builder(nodes).retries(1).build().map_err(error)?;
                let config = ClusterConfig::new()
                    .set_connection_timeout(CONNECT_TIME)
                    .set_response_timeout(ANSWER_TIME);
                Connection::Cluster(client.get_pending_async_connection_with_config(config))
            }
        };
        Ok(RedisConnection {
            connection,
            began: Instant::now(),
            paused_until: AtomicU64::new(0),
        })
    }

    /// Sends one command.
    ///
    /// # Errors
    /// When there is no answer in time, or Redis refuses.
    pub async fn send<T: FromRedisValue>(&self, command: &Cmd) -> Result<T, RedisUnavailable> {
        self.in_time(async {
            match self.connection.clone() {
                Connection::Single(mut one) => command.query_async(&mut one).await,
                Connection::Cluster(mut all) => command.query_async(&mut all).await,
            }
        })
        .await
    }

    /// Sends several commands at once, of whose answers none matters. In a cluster each goes to its own node.
    ///
    /// # Errors
    /// When there is no answer in time, or Redis refuses.
    pub async fn send_all(&self, commands: Vec<Cmd>) -> Result<(), RedisUnavailable> {
        self.in_time(async {
            match self.connection.clone() {
                Connection::Single(mut one) => {
                    let mut pipeline = Pipeline::with_capacity(commands.len());
                    for command in commands {
                        pipeline.add_command(command).ignore();
                    }
                    pipeline.exec_async(&mut one).await
                }
                Connection::Cluster(all) => {
                    let each = commands.into_iter().map(|command| {
                        let mut all = all.clone();
                        async move { command.exec_async(&mut all).await }
                    });
                    futures_util::future::try_join_all(each).await.map(drop)
                }
            }
        })
        .await
    }

    /// Runs a script, which happens at once or not at all.
    ///
    /// # Errors
    /// When there is no answer in time, or Redis refuses.
    pub async fn run<T: FromRedisValue>(&self, script: &ScriptInvocation<'_>) -> Result<T, RedisUnavailable> {
        self.in_time(async {
            match self.connection.clone() {
                Connection::Single(mut one) => script.invoke_async(&mut one).await,
                Connection::Cluster(mut all) => script.invoke_async(&mut all).await,
            }
        })
        .await
    }

    /// Looks whether Redis answers, pause or not.
    ///
    /// # Errors
    /// When it does not.
    pub async fn ping(&self) -> Result<(), RedisUnavailable> {
        self.paused_until.store(0, Ordering::Relaxed);
        self.send::<()>(&redis::cmd("PING")).await
    }

    /// Whether the last use failed a moment ago.
    pub fn is_paused(&self) -> bool {
        self.elapsed() < self.paused_until.load(Ordering::Relaxed)
    }

    async fn in_time<T>(
        &self,
        answer: impl Future<Output = Result<T, RedisError>>,
    ) -> Result<T, RedisUnavailable> {
        if self.is_paused() {
            return Err(RedisUnavailable("it was away a moment ago".to_owned()));
        }
        let why = match tokio::time::timeout(CONNECT_TIME + ANSWER_TIME, answer).await {
            Ok(Ok(answer)) => return Ok(answer),
            Ok(Err(error)) => error.to_string(),
            Err(_) => "no answer in time".to_owned(),
        };
        let pause = u64::try_from(PAUSE.as_millis()).unwrap_or(u64::MAX);
        let until = self.elapsed().saturating_add(pause);
        self.paused_until.fetch_max(until, Ordering::Relaxed);
        metrics::counter!("mission_redis_failures_total").increment(1);
        tracing::warn!(reason = %why, "Redis is away or refuses; the server goes on without it");
        Err(RedisUnavailable(why))
    }

    fn elapsed(&self) -> u64 {
        u64::try_from(self.began.elapsed().as_millis()).unwrap_or(u64::MAX)
    }
}
