//! What clients and producers ask for, and what they have heard.

use std::fmt;

use chrono::{DateTime, Duration, Utc};
use uuid::Uuid;

use super::{Mutation, users::zone_of};
use crate::{
    CommandId, UserId,
    decision::{Answer, ApplyEvent, Command, Fingerprint, Root, Signals},
    engine::IdempotencyKey,
    event::ActivityEvent,
};

/// Who changes missions: nobody who is ever erased.
const OPERATOR: UserId = UserId(Uuid::max());

/// After so long a client no longer asks: well within the life of a receipt.
pub(super) const PATIENCE: Duration = Duration::hours(12);

/// Something that somebody asks for until it is answered.
pub(super) struct ClientRequest {
    pub(super) number: usize,
    pub(super) user: UserId,
    pub(super) command: Command,
    pub(super) first_sent_at: DateTime<Utc>,
    /// How often it was sent.
    tries: u32,
    /// What a client was answered.
    pub(super) answer: Option<Answer>,
    /// Whether the queue has taken an event.
    pub(super) is_taken: bool,
}

impl ClientRequest {
    /// The number under which the engine's journal and events can be traced back to it.
    pub(super) fn signals(&self) -> Signals {
        Signals {
            zone: Some(zone_of(self.user)),
            correlation_id: Some(format!("request-{}", self.number)),
            ..Signals::default()
        }
    }

    /// Whose key it is: the user's, or an operator's.
    fn caller(&self) -> UserId {
        match self.command.home() {
            Root::User(_) => self.user,
            Root::Mission(_) | Root::Pack(_) => OPERATOR,
        }
    }

    pub(super) fn is_event(&self) -> bool {
        matches!(self.command, Command::ApplyEvent(_))
    }

    pub(super) fn is_over(&self, now: DateTime<Utc>) -> bool {
        self.answer.is_some() || self.is_taken || now - self.first_sent_at > PATIENCE
    }

    /// What goes over the wire for it.
    fn message(&mut self, instance: usize, mutation: Option<Mutation>) -> Message {
        self.tries += 1;
        let renewed = if mutation == Some(Mutation::RetryWithNewId) {
            self.tries
        } else {
            1
        };
        let request = self.number;
        match &self.command {
            Command::ApplyEvent(applied) => Message::Event {
                request,
                event: ActivityEvent {
                    id: format!("event-{request}-{renewed}"),
                    ..applied.event.clone()
                },
            },
            _ => Message::Request {
                request,
                instance,
                key: IdempotencyKey {
                    caller: self.caller().0,
                    command: CommandId(Uuid::from_u128((request as u128) << 32 | u128::from(renewed))),
                    fingerprint: Fingerprint::of([request.to_be_bytes().as_slice()]),
                },
            },
        }
    }
}

/// The number of a request out of a correlation id.
pub(super) fn number_of(correlation_id: Option<&str>) -> Option<usize> {
    correlation_id?.strip_prefix("request-")?.parse().ok()
}

/// How long a client waits for a connection: what has not arrived by then never will.
const CONNECTED_FOR: Duration = Duration::minutes(1);

/// A message on its way.
#[derive(Clone, Debug)]
pub(super) struct InFlight {
    pub(super) message: Message,
    sent_at: DateTime<Utc>,
}

impl InFlight {
    /// Whether the connection that it was sent over is gone. What goes to a queue goes at any time.
    pub(super) fn is_lost(&self, now: DateTime<Utc>) -> bool {
        let over_http = matches!(self.message, Message::Request { .. } | Message::Response { .. });
        over_http && now - self.sent_at > CONNECTED_FOR
    }
}

/// What one end tells another.
#[derive(Clone, Debug)]
pub(super) enum Message {
    /// A request of a client, to an instance.
    Request {
        request: usize,
        instance: usize,
        key: IdempotencyKey,
    },
    /// What a client is answered: nothing where the instance could not carry it out.
    Response {
        request: usize,
        answer: Option<Box<Answer>>,
    },
    /// An event of a producer, to the inbound queue.
    Event { request: usize, event: ActivityEvent },
    /// The queue has taken the event.
    Confirmation { request: usize },
}

impl fmt::Display for Message {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Message::Request {
                request, instance, ..
            } => write!(f, "request {request} to instance {instance}"),
            Message::Response { request, answer } => match answer {
                Some(answer) => write!(f, "the answer to request {request}, {}", brief(answer)),
                None => write!(
                    f,
                    "the answer to request {request}, that it cannot be carried out"
                ),
            },
            Message::Event { request, .. } => write!(f, "event {request} to the queue"),
            Message::Confirmation { request } => write!(f, "the confirmation of event {request}"),
        }
    }
}

/// An answer in a word or two.
pub(super) fn brief(answer: &Answer) -> String {
    match answer {
        Ok(reply) => {
            let all = format!("{reply:?}");
            all.split_once('(')
                .map_or(all.clone(), |(name, _)| name.to_owned())
        }
        Err(why) => why.code().to_owned(),
    }
}

/// Everything that was asked for, and what is on its way.
#[derive(Default)]
pub(super) struct Requests {
    pub(super) all: Vec<ClientRequest>,
    pub(super) in_flight: Vec<InFlight>,
}

impl Requests {
    /// Somebody asks for something.
    pub(super) fn add(&mut self, user: UserId, command: Command, now: DateTime<Utc>) -> usize {
        let number = self.all.len();
        self.all.push(ClientRequest {
            number,
            user,
            command,
            first_sent_at: now,
            tries: 0,
            answer: None,
            is_taken: false,
        });
        number
    }

    pub(super) fn get(&self, request: usize) -> Option<&ClientRequest> {
        self.all.get(request)
    }

    /// Sends a request, or sends it again.
    pub(super) fn send(
        &mut self,
        request: usize,
        instance: usize,
        mutation: Option<Mutation>,
        now: DateTime<Utc>,
    ) {
        if let Some(found) = self.all.get_mut(request) {
            let message = found.message(instance, mutation);
            self.transmit(message, now);
        }
    }

    /// Puts a message on its way.
    pub(super) fn transmit(&mut self, message: Message, now: DateTime<Utc>) {
        self.in_flight.push(InFlight {
            message,
            sent_at: now,
        });
    }

    /// Requests that still wait for an answer.
    pub(super) fn waiting(&self, now: DateTime<Utc>) -> Vec<usize> {
        let waiting = self.all.iter().filter(|found| !found.is_over(now));
        waiting.map(|found| found.number).collect()
    }

    pub(super) fn heard(&mut self, request: usize, answer: Option<Answer>) {
        if let Some(found) = self.all.get_mut(request) {
            found.answer = found.answer.take().or(answer);
        }
    }

    pub(super) fn taken(&mut self, request: usize) {
        if let Some(found) = self.all.get_mut(request) {
            found.is_taken = true;
        }
    }
}

/// An event in the inbound queue.
#[derive(Clone, Debug)]
pub(super) struct InboundEvent {
    pub(super) request: usize,
    pub(super) event: ActivityEvent,
}

impl InboundEvent {
    pub(super) fn command(&self) -> Command {
        ApplyEvent {
            event: self.event.clone(),
        }
        .into()
    }
}
