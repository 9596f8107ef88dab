//! Messages between clients, instances and the inbound queue, and the answers to commands.

use super::{
    super::{
        Mutation, Violation,
        instance::{Caller, Waiting},
        requests::{Message, brief},
        schedule::Transport,
    },
    Deployment,
};
use crate::{
    UserId,
    decision::{Answer, Command, Rejection, Reply, Signals},
    engine::{ExecuteError, Executed, IdempotencyKey},
    reward::RewardStatus,
};

/// What a caller learns, where it learns something.
fn answer_of(result: Result<Executed<Reply>, ExecuteError>) -> Option<Answer> {
    match result {
        Ok(executed) => Some(Ok(executed.reply)),
        Err(ExecuteError::Rejected(why) | ExecuteError::RejectedBefore(why)) => Some(Err(why)),
        Err(_) => None,
    }
}

impl Deployment {
    /// A message comes to its end.
    pub(super) fn deliver(&mut self, number: usize, transport: Transport) -> Result<(), Violation> {
        let in_flight = self.requests.in_flight.remove(number);
        let transport = if in_flight.is_lost(self.now) {
            Transport::Lost
        } else {
            transport
        };
        self.note(|| format!("{}: {transport:?}", in_flight.message));
        match transport {
            Transport::Arrives => {}
            Transport::Lost => return Ok(()),
            Transport::Duplicated => self.requests.in_flight.push(in_flight.clone()),
        }
        match in_flight.message {
            Message::Request {
                request,
                instance,
                key,
            } => {
                let Some(found) = self.requests.get(request) else {
                    return Ok(());
                };
                let (command, signals) = (found.command.clone(), found.signals());
                self.submit(instance, Caller::Client(request), command, signals, Some(key))
            }
            Message::Response { request, answer } => {
                self.requests.heard(request, answer.map(|answer| *answer));
                Ok(())
            }
            Message::Event { request, event } => {
                self.inbound.push(super::InboundEvent { request, event });
                self.requests
                    .transmit(Message::Confirmation { request }, self.now);
                Ok(())
            }
            Message::Confirmation { request } => {
                self.requests.taken(request);
                Ok(())
            }
        }
    }

    /// An instance takes a message out of the inbound queue; it acknowledges it when it is decided.
    pub(super) fn consume(&mut self, instance: usize, number: usize) -> Result<(), Violation> {
        if self
            .instances
            .get(instance)
            .is_none_or(|instance| instance.running.is_none())
        {
            return Ok(());
        }
        let message = self.inbound.remove(number);
        let Some(found) = self.requests.get(message.request) else {
            return Ok(());
        };
        let (command, signals) = (
            message.command(),
            Signals {
                zone: None,
                ..found.signals()
            },
        );
        self.note(|| format!("instance {instance} takes event {}", message.request));
        let caller = if self.mutation == Some(Mutation::AcknowledgeBeforeCommit) {
            Caller::Housekeeping
        } else {
            Caller::Consumer(message)
        };
        self.submit(instance, caller, command, signals, None)
    }

    /// An instance writes down which rewards of a user have expired, as far as the replica says.
    pub(super) fn sweep(&mut self, instance: usize, user: UserId) -> Result<(), Violation> {
        let rewards = self.replica.records.reward.values().flatten();
        let due = rewards.filter(|reward| {
            reward.user_id == user
                && reward.status == RewardStatus::Pending
                && reward.status_at(self.now) == RewardStatus::Expired
        });
        let rewards: Vec<_> = due.map(|reward| reward.id).collect();
        if rewards.is_empty() {
            return Ok(());
        }
        self.note(|| format!("instance {instance} lets rewards of {user} expire"));
        let command = crate::decision::ExpireDue {
            user,
            tasks: Vec::new(),
            rewards,
        };
        self.submit(
            instance,
            Caller::Housekeeping,
            command.into(),
            Signals::default(),
            None,
        )
    }

    /// Puts a command into an instance's queue. Where it is down nobody answers.
    fn submit(
        &mut self,
        instance: usize,
        caller: Caller,
        command: Command,
        signals: Signals,
        key: Option<IdempotencyKey>,
    ) -> Result<(), Violation> {
        let running = self.instances.get_mut(instance);
        let Some(running) = running.and_then(|instance| instance.running.as_mut()) else {
            return Ok(());
        };
        match running.engine.submit(command, signals, key) {
            Ok(pending) => {
                running.waiting.push(Waiting { caller, pending });
                self.poll(instance)
            }
            Err(error) => self.settle(caller, Err(error)),
        }
    }

    /// Lets an instance run until it waits for something.
    pub(super) fn poll(&mut self, instance: usize) -> Result<(), Violation> {
        let running = self.instances.get_mut(instance);
        let settled = running.and_then(|instance| instance.running.as_mut());
        for (caller, result) in settled
            .map(super::super::instance::Running::poll)
            .unwrap_or_default()
        {
            self.settle(caller, result)?;
        }
        Ok(())
    }

    /// What became of a command.
    fn settle(
        &mut self,
        caller: Caller,
        result: Result<Executed<Reply>, ExecuteError>,
    ) -> Result<(), Violation> {
        match caller {
            Caller::Client(request) => {
                let is_replay = match &result {
                    Ok(executed) => executed.replayed,
                    Err(error) => matches!(error, ExecuteError::RejectedBefore(_)),
                };
                self.summary.replays += usize::from(is_replay);
                let answer = answer_of(result);
                let is_exhausted = answer == Some(Err(Rejection::BudgetExhausted));
                self.summary.exhausted += usize::from(is_exhausted);
                let is_review = matches!(answer, Some(Ok(Reply::ReviewDecided(_))));
                self.summary.reviews += usize::from(is_review && !is_replay);
                let told = || answer.as_ref().map_or("unavailable".to_owned(), brief);
                self.note(|| format!("request {request} is answered: {}", told()));
                if let Some(answer) = &answer {
                    self.auditor.answered(request, answer)?;
                }
                if let Some(found) = self.requests.get(request) {
                    self.cache.remove(&found.user);
                }
                self.requests.transmit(
                    Message::Response {
                        request,
                        answer: answer.map(Box::new),
                    },
                    self.now,
                );
                Ok(())
            }
            Caller::Consumer(message) => match answer_of(result) {
                Some(answer) => {
                    self.note(|| format!("event {} is decided: {}", message.request, brief(&answer)));
                    self.auditor.decided(message.request, &answer)
                }
                None => {
                    self.inbound.push(message);
                    Ok(())
                }
            },
            Caller::Housekeeping => Ok(()),
        }
    }
}
