//! The connection to the broker: made when the server starts, and again whenever it is lost.

use std::{sync::Arc, time::Duration};

use futures_util::StreamExt as _;
use lapin::{
    Channel, Connection, ConnectionProperties, Error, Event, ExchangeKind,
    options::{ConfirmSelectOptions, ExchangeDeclareOptions, QueueDeclareOptions},
    types::FieldTable,
    uri::AMQPUri,
};
use secrecy::{ExposeSecret, SecretString};
use tokio::{
    sync::watch,
    task::JoinHandle,
    time::{MissedTickBehavior, timeout},
};
use tokio_util::sync::CancellationToken;

use super::topology;
use crate::back_off;

/// Settings of the broker: address and names.
#[derive(Clone, Debug)]
pub struct BrokerSettings {
    /// `amqp://` or `amqps://`.
    pub url: SecretString,
    /// The name of the wallet's queue; none is declared without one.
    pub wallet_queue: Option<String>,
}

/// The role of a connection. A broker that is short of memory or disk stops those that publish, and no others.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ConnectionRole {
    /// Integration events leave by it.
    Publish,
    /// Messages of other services come by it.
    Consume,
    /// Events come by it to a wallet in a process of its own.
    Wallet,
}

/// The address leads to no broker.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`amqp.url` cannot be used: {0}; use amqp://USER:PASSWORD@HOST:PORT/VHOST, or amqps:// for TLS")]
pub struct BrokerError(pub String);

/// How long a connection with all that is declared over it may take.
const CONNECT_TIME: Duration = Duration::from_secs(5);
/// How long the start of the server waits for the first try.
const FIRST_TRY: Duration = Duration::from_secs(2);
/// How long an orderly end may take.
const CLOSE_TIME: Duration = Duration::from_secs(1);
/// The wait after the first failure, doubled each time after.
const FIRST_BACK_OFF: Duration = Duration::from_millis(100);
/// The longest such wait.
const LONGEST_BACK_OFF: Duration = Duration::from_secs(5);
/// How often the connection is looked at, beside what it tells by itself.
const LOOK: Duration = Duration::from_millis(500);
/// A peer that is gone without a word is noticed after two of these, in seconds, unless the address says otherwise.
const HEARTBEAT: u16 = 10;

/// A connection to the broker; one for a server and a purpose. Clones share it.
#[derive(Clone)]
pub struct Broker {
    state: watch::Receiver<State>,
    stop: CancellationToken,
}

#[derive(Clone)]
enum State {
    /// Nothing was tried yet.
    New,
    /// Why there is no connection.
    Away(Arc<str>),
    Up(Arc<Session>),
}

/// One connection, with a channel in confirm mode on which everything is declared.
pub(super) struct Session {
    connection: Connection,
    pub(super) channel: Channel,
    /// Cancelled by whoever finds that it is of no more use.
    pub(super) lost: CancellationToken,
}

impl Session {
    async fn open(uri: AMQPUri, settings: &BrokerSettings, purpose: ConnectionRole) -> Result<Self, Error> {
        let name = match purpose {
            ConnectionRole::Publish => "mission-server: events out",
            ConnectionRole::Consume => "mission-server: messages in",
            ConnectionRole::Wallet => "mission-server wallet",
        };
        let properties = ConnectionProperties::default().with_connection_name(name.into());
        let connection = Connection::connect_uri(uri, properties).await?;
        let channel = match purpose {
            ConnectionRole::Publish => {
                topology::declare_events(&connection, settings.wallet_queue.as_deref()).await?
            }
            ConnectionRole::Consume => topology::declare_inbound(&connection).await?,
            ConnectionRole::Wallet => {
                topology::declare_wallet(&connection, settings.wallet_queue.as_deref()).await?
            }
        };
        channel.confirm_select(ConfirmSelectOptions::default()).await?;
        Ok(Session {
            connection,
            channel,
            lost: CancellationToken::new(),
        })
    }

    fn is_up(&self) -> bool {
        !self.lost.is_cancelled() && self.connection.status().connected() && self.channel.status().connected()
    }

    /// Until it is lost, and why.
    async fn until_lost(&self) -> String {
        let mut events = std::pin::pin!(self.connection.events_listener());
        let mut looks = tokio::time::interval(LOOK);
        looks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                () = self.lost.cancelled() => return "it was given up".to_owned(),
                event = events.next() => match event {
                    Some(Event::ConnectionBlocked(reason)) => {
                        tracing::warn!(reason, "the broker takes no messages for now; events wait");
                    }
                    Some(Event::ConnectionUnblocked) => tracing::info!("the broker takes messages again"),
                    Some(Event::Error(error)) => return error.to_string(),
                    Some(_) => {}
                    None => return "the connection has ended".to_owned(),
                },
                _ = looks.tick() => {
                    if !self.is_up() {
                        return "the connection or its channel is closed".to_owned();
                    }
                }
            }
        }
    }

    async fn close(&self) {
        let closing = self.connection.close(200, "the server stops".into());
        // Nobody is left to be told.
        let _ = timeout(CLOSE_TIME, closing).await;
    }
}

impl Broker {
    /// Begins to connect, within a Tokio runtime. The task ends after [`Broker::close`].
    ///
    /// # Errors
    /// When the address is none.
    pub fn start(
        settings: BrokerSettings,
        purpose: ConnectionRole,
    ) -> Result<(Self, JoinHandle<()>), BrokerError> {
        let mut uri: AMQPUri = settings.url.expose_secret().parse().map_err(BrokerError)?;
        uri.query.heartbeat.get_or_insert(HEARTBEAT);
        let (state_sender, state) = watch::channel(State::New);
        let stop = CancellationToken::new();
        let keeping = tokio::spawn(keep(uri, settings, purpose, state_sender, stop.clone()));
        Ok((Broker { state, stop }, keeping))
    }

    /// Waits until the first try has ended, or for a moment.
    pub async fn first_try(&self) {
        let mut state = self.state.clone();
        let tried = state.wait_for(|state| !matches!(state, State::New));
        // What is not there by now comes later.
        let _ = timeout(FIRST_TRY, tried).await;
    }

    /// The connection, where messages can leave by it at this moment.
    ///
    /// # Errors
    /// Why they cannot.
    pub(super) fn session(&self) -> Result<Arc<Session>, String> {
        match &*self.state.borrow() {
            State::New => Err("the broker was not reached yet".to_owned()),
            State::Away(reason) => Err(format!("the broker is away: {reason}")),
            State::Up(session) if !session.is_up() => Err("the connection to the broker was lost".to_owned()),
            State::Up(session) if session.connection.status().blocked() => {
                Err("the broker takes no messages for now: one of its alarms is on".to_owned())
            }
            State::Up(session) => Ok(Arc::clone(session)),
        }
    }

    /// The next connection, as soon as there is one; `None` once there will be no more.
    pub(super) async fn next_session(&self) -> Option<Arc<Session>> {
        let mut state = self.state.clone();
        let up = |state: &State| matches!(state, State::Up(session) if session.is_up());
        match &*state.wait_for(up).await.ok()? {
            State::Up(session) => Some(Arc::clone(session)),
            State::New | State::Away(_) => None,
        }
    }

    /// A channel of one's own.
    ///
    /// # Errors
    /// Why there is none.
    pub(super) async fn channel(&self) -> Result<Channel, String> {
        let opened = self.session()?.connection.create_channel().await;
        opened.map_err(|error| error.to_string())
    }

    /// How many messages wait in each of some queues.
    ///
    /// # Errors
    /// Why it cannot be said.
    pub async fn depths<const N: usize>(&self, queues: [&str; N]) -> Result<[u32; N], String> {
        // A queue that is missing closes the channel.
        let channel = self.channel().await?;
        let passive = QueueDeclareOptions {
            passive: true,
            ..QueueDeclareOptions::default()
        };
        let mut depths = [0; N];
        for (depth, queue) in depths.iter_mut().zip(queues) {
            let declared = channel.queue_declare(queue.into(), passive, FieldTable::default());
            *depth = declared.await.map_err(|error| error.to_string())?.message_count();
        }
        let closed = channel.close(200, "done".into()).await;
        closed.map_err(|error| error.to_string())?;
        Ok(depths)
    }

    /// Looks whether the broker answers and would take messages.
    ///
    /// # Errors
    /// When it does not.
    pub async fn ping(&self) -> Result<(), String> {
        let session = self.session()?;
        let passive = ExchangeDeclareOptions {
            passive: true,
            ..ExchangeDeclareOptions::default()
        };
        let exchange = topology::EVENTS_EXCHANGE.into();
        let declared =
            session
                .channel
                .exchange_declare(exchange, ExchangeKind::Topic, passive, FieldTable::default());
        declared.await.map_err(|error| error.to_string())
    }

    /// Ends the connection. The task of [`Broker::start`] ends then.
    pub fn close(&self) {
        self.stop.cancel();
    }
}

/// Connects, and again whenever the connection is lost, until told to stop.
async fn keep(
    uri: AMQPUri,
    settings: BrokerSettings,
    purpose: ConnectionRole,
    state: watch::Sender<State>,
    stop: CancellationToken,
) {
    let mut failures = 0_u32;
    while !stop.is_cancelled() {
        let opening = timeout(CONNECT_TIME, Session::open(uri.clone(), &settings, purpose));
        let Some(opened) = stop.run_until_cancelled(opening).await else {
            return;
        };
        let reason = match opened {
            Ok(Ok(session)) => {
                tracing::info!(?purpose, "connected to the broker");
                failures = 0;
                let session = Arc::new(session);
                state.send_replace(State::Up(Arc::clone(&session)));
                let Some(reason) = stop.run_until_cancelled(session.until_lost()).await else {
                    session.close().await;
                    return;
                };
                session.lost.cancel();
                // Whatever is still in its buffers must not leave any more.
                drop(tokio::spawn(async move { session.close().await }));
                reason
            }
            Ok(Err(error)) => error.to_string(),
            Err(_) => format!("no connection within {CONNECT_TIME:?}"),
        };
        if failures == 0 {
            tracing::warn!(reason, ?purpose, "the broker is away; everything else goes on");
        }
        state.send_replace(State::Away(reason.into()));
        failures = failures.saturating_add(1);
        let wait = back_off::after(failures, FIRST_BACK_OFF, LONGEST_BACK_OFF);
        stop.run_until_cancelled(tokio::time::sleep(wait)).await;
    }
}
