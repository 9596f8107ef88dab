//! What other services tell: taken out of the queue in batches, decided by the engine, acknowledged after the commit.

mod message;
#[cfg(test)]
mod tests;

use std::sync::Arc;

use async_trait::async_trait;
use futures_util::future::join_all;
use lapin::{Error, message::Delivery};
use mission_core::{
    engine::{Command, Engine, ExecuteError, Executed, Rejection, Reply, Signals},
    event::EventOutcome,
    ports::queries::Queries,
};
use tokio_util::sync::CancellationToken;

use super::{
    Broker,
    broker::Session,
    consumer::{self, Handler, wait_after},
    failed_delivery,
    topology::{INBOUND_DEAD, INBOUND_QUEUE},
};
use crate::rule_health::RuleHealth;
pub(super) use message::{Deleted, Referral, Registered};
use message::{Message, OriginalMessage};
pub(crate) use message::{REFERRAL, referral};

/// How often a message is decided at once where others were faster.
const TRIES: u32 = 5;

/// Consumes [`INBOUND_QUEUE`].
pub struct Inbound {
    engine: Engine,
    queries: Arc<dyn Queries>,
    rule_health: Arc<RuleHealth>,
    keeps_names: bool,
}

/// The disposition of a message: acknowledged, retried later or dead-lettered.
#[derive(Debug, PartialEq, Eq)]
enum Disposition {
    /// It is done with; how, in a word.
    Done(&'static str),
    /// It is to come again later, for a reason that may pass.
    Later(String),
    /// It will never be taken.
    Dead(String),
    /// The server stops, and nothing is said of it.
    Stopped,
}

impl Inbound {
    /// A consumer that decides by an engine. Names of users who are registered are kept or, where another service has
    /// them, not even looked at.
    #[must_use]
    pub fn new(
        engine: Engine,
        queries: Arc<dyn Queries>,
        rule_health: Arc<RuleHealth>,
        keeps_names: bool,
    ) -> Self {
        Inbound {
            engine,
            queries,
            rule_health,
            keeps_names,
        }
    }

    /// Consumes until told to stop.
    pub async fn run(&self, broker: &Broker, stop: &CancellationToken) {
        consumer::consume(broker, INBOUND_QUEUE, self, stop).await;
    }

    async fn decide(&self, delivery: &Delivery, stop: &CancellationToken) -> Disposition {
        let mut message = match Message::read(&OriginalMessage::of(delivery), self.engine.now()) {
            Ok(message) => message,
            Err(reason) => return Disposition::Dead(reason),
        };
        if let Message::Registered(command) = &mut message
            && !self.keeps_names
        {
            command.display_name = None;
        }
        let signals = Signals {
            correlation_id: message::correlation_id(delivery),
            ..Signals::default()
        };
        let mut verdict = Disposition::Done("ignored");
        for command in message.commands() {
            let done = self.carry_out(command, &signals, stop).await;
            match done {
                // What one of the two has done counts.
                Disposition::Done("ignored" | "duplicate") if verdict == Disposition::Done("applied") => {}
                Disposition::Done(_) => verdict = done,
                other => return other,
            }
        }
        verdict
    }

    async fn carry_out_once(
        &self,
        command: &Command,
        signals: &Signals,
    ) -> Result<Executed<Reply>, ExecuteError> {
        let signals = self.engine.with_friends(command, signals.clone()).await;
        self.engine.submit(command.clone(), signals, None)?.await
    }

    async fn carry_out(&self, command: Command, signals: &Signals, stop: &CancellationToken) -> Disposition {
        let mut tries = 0;
        loop {
            let done = self.carry_out_once(&command, signals).await;
            let reason = match done {
                Ok(executed) => {
                    for fault in &executed.failures {
                        self.rule_health.note(fault, self.engine.now());
                    }
                    return self.verdict_of(executed.reply);
                }
                Err(ExecuteError::Stopped) => return Disposition::Stopped,
                Err(
                    error @ (ExecuteError::Rejected(Rejection::FriendsUnknown)
                    | ExecuteError::Overloaded
                    | ExecuteError::Contended(_)
                    | ExecuteError::Fault(_)),
                ) => error.to_string(),
                Err(ExecuteError::Rejected(why) | ExecuteError::RejectedBefore(why)) => return refused(&why),
            };
            tries += 1;
            let waited = stop
                .run_until_cancelled(self.retry_while_store_is_away(tries))
                .await;
            if waited.is_none() {
                return Disposition::Stopped;
            }
            if tries >= TRIES {
                return Disposition::Later(reason);
            }
        }
    }

    /// Waits a moment, and for as long as the store is away: then no message can be blamed.
    async fn retry_while_store_is_away(&self, tries: u32) {
        let mut tries = tries;
        loop {
            tokio::time::sleep(wait_after(tries)).await;
            match self.queries.catalog_version().await {
                Ok(_) => return,
                Err(error) => tracing::debug!(%error, "messages wait for the database"),
            }
            tries += 1;
        }
    }

    fn verdict_of(&self, reply: Reply) -> Disposition {
        let Reply::EventResult(result) = reply else {
            return Disposition::Done("applied");
        };
        for fault in &result.failures {
            self.rule_health.note(fault, self.engine.now());
        }
        match result.outcome {
            EventOutcome::Applied => Disposition::Done("applied"),
            EventOutcome::Duplicate => Disposition::Done("duplicate"),
            EventOutcome::Ignored => Disposition::Done("ignored"),
            EventOutcome::Rejected => {
                let reason = result.reason.as_deref().unwrap_or("rejected");
                let detail = result.detail.map(|detail| format!(": {detail}"));
                Disposition::Dead(format!("{reason}{}", detail.unwrap_or_default()))
            }
        }
    }
}

#[async_trait]
impl Handler for Inbound {
    async fn handle(
        &self,
        session: &Session,
        batch: &[Delivery],
        stop: &CancellationToken,
    ) -> Result<bool, Error> {
        // Each is put into the engine's queue when it is first polled, and so in order.
        let verdicts = join_all(batch.iter().map(|delivery| self.decide(delivery, stop))).await;
        if verdicts.contains(&Disposition::Stopped) {
            return Ok(false);
        }
        let now = self.engine.now();
        for (delivery, verdict) in batch.iter().zip(verdicts) {
            let outcome = match verdict {
                Disposition::Done(how) => how,
                Disposition::Later(reason) => failed_delivery::retry(session, delivery, &reason, now).await?,
                Disposition::Dead(reason) => {
                    failed_delivery::dead_letter(session, INBOUND_DEAD, delivery, &reason, now).await?
                }
                Disposition::Stopped => continue,
            };
            metrics::counter!("mission_inbound_messages_total", "outcome" => outcome).increment(1);
        }
        Ok(true)
    }
}

/// What a refusal of the domain makes of a message: what was done before, or is about an erased user, is done with.
fn refused(why: &Rejection) -> Disposition {
    match why {
        Rejection::ReferralCounted => Disposition::Done("duplicate"),
        Rejection::UserErased | Rejection::SelfReferral => Disposition::Done("ignored"),
        other => Disposition::Dead(format!("{}: {other}", other.code())),
    }
}
