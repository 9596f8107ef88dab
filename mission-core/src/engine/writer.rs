//! The writer: takes all that waits, decides it together, commits it at once, answers each.

use std::{collections::VecDeque, sync::Arc};

use super::{
    Again, Command, ExecuteError, Executed, Fault, Limits, Outcome, Reply, Request,
    batch::{self},
    handle::{Job, SharedBook},
};
use crate::ports::store::Store;

/// Owns the store and does the engine's work until every handle is gone.
#[must_use = "nothing is committed until the writer runs"]
pub struct Writer<S> {
    store: S,
    queue: async_channel::Receiver<Job>,
    book: Arc<SharedBook>,
    limits: Limits,
}

impl<S> Drop for Writer<S> {
    /// Whoever still waits is told that nobody will come: the queue itself lives on with the engine's handles.
    fn drop(&mut self) {
        self.queue.close();
        while self.queue.try_recv().is_ok() {}
    }
}

impl<S: Store> Writer<S> {
    pub(super) fn new(
        store: S,
        queue: async_channel::Receiver<Job>,
        book: Arc<SharedBook>,
        limits: Limits,
    ) -> Self {
        Writer {
            store,
            queue,
            book,
            limits,
        }
    }

    /// Runs until every [`super::Engine`] is gone and all that waited is answered.
    pub async fn run(self) {
        let mut again = VecDeque::new();
        loop {
            if again.is_empty() {
                match self.queue.recv().await {
                    Ok(job) => again.push_back(job),
                    Err(_) => return,
                }
            }
            let mut jobs = self.next_batch(&mut again);
            // Who has gone away before anything was tried need not be served; after a try the outcome matters.
            jobs.retain(|job| job.tries > 0 || !job.answer.is_canceled());
            if jobs.is_empty() {
                continue;
            }
            // What is to be tried again goes before all that waits, so that a user's commands keep their order.
            let mut retries = self.process(jobs).await;
            retries.append(&mut again);
            again = retries;
        }
    }

    /// First what is to be tried again, in its order, a suspect by itself; then what waits.
    fn next_batch(&self, again: &mut VecDeque<Job>) -> Vec<Job> {
        if again.front().is_some_and(|job| job.alone) {
            return again.pop_front().into_iter().collect();
        }
        let mut jobs = Vec::new();
        while jobs.len() < self.limits.batch && again.front().is_some_and(|job| !job.alone) {
            jobs.extend(again.pop_front());
        }
        while jobs.len() < self.limits.batch && again.is_empty() {
            match self.queue.try_recv() {
                Ok(job) => jobs.push(job),
                Err(_) => break,
            }
        }
        jobs
    }

    async fn process(&self, jobs: Vec<Job>) -> VecDeque<Job> {
        let recheck = jobs.iter().any(|job| job.recheck);
        let mut requests = Vec::with_capacity(jobs.len());
        let mut waiting = Vec::with_capacity(jobs.len());
        for Job {
            request,
            tries,
            recheck,
            alone,
            answer,
        } in jobs
        {
            requests.push(request);
            waiting.push((tries, recheck, alone, answer));
        }
        let settled = batch::run(&self.store, batch::start(requests, self.book.get(), recheck)).await;
        self.take_into_book(&settled);
        let mut retries = VecDeque::new();
        for ((request, outcome), (tries, recheck, alone, answer)) in settled.into_iter().zip(waiting) {
            let result = match outcome {
                Outcome::Answered {
                    answer: Ok(reply),
                    replayed,
                } => {
                    // An answer that the engine itself asked for again is no replay to its caller.
                    Ok(Executed {
                        reply,
                        replayed: replayed && request.keyed && !recheck,
                    })
                }
                Outcome::Answered {
                    answer: Err(why),
                    replayed: true,
                } if request.keyed && !recheck => Err(ExecuteError::RejectedBefore(why)),
                Outcome::Answered { answer: Err(why), .. } => Err(why.into()),
                Outcome::Failed(fault) => Err(fault.into()),
                Outcome::Again(Again::Uncertain) if recheck => {
                    Err(Fault::Unknown("the store failed twice".to_owned()).into())
                }
                Outcome::Again(why) => {
                    let tries = tries + u8::from(why != Again::NextBatch);
                    if tries >= self.limits.tries {
                        Err(ExecuteError::Contended(tries))
                    } else {
                        retries.push_back(Job {
                            request,
                            tries,
                            recheck: recheck || why == Again::Uncertain,
                            alone: alone || why == Again::Alone,
                            answer,
                        });
                        continue;
                    }
                }
            };
            // Whoever asked may be gone; the command stands all the same.
            let _ = answer.send(result);
        }
        retries
    }

    /// Missions and policies that were just committed are in force before anybody hears of it.
    fn take_into_book(&self, settled: &[(Request, Outcome)]) {
        for (request, outcome) in settled {
            let Outcome::Answered {
                answer: Ok(reply), ..
            } = outcome
            else {
                continue;
            };
            match (reply, &request.command) {
                (Reply::MissionSaved(saved), _) => {
                    self.book.edit(|builder| builder.mission(saved.mission.clone()));
                }
                (Reply::PackSaved(saved), Command::PutPack(command)) => self.book.edit(|builder| {
                    let builder = builder.pack_policy(command.pack, command.policy.clone());
                    saved
                        .missions
                        .iter()
                        .cloned()
                        .fold(builder, super::BookBuilder::mission)
                }),
                _ => {}
            }
        }
    }
}
