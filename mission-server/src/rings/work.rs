//! What was decided on a ring, done with each of its members.
//!
//! Every command has a key that follows from the decision and from what it is about, and a member is ticked off once all of
//! theirs are carried out. So a server that ends half way, or two that do it at once, take nothing back twice.

use std::{sync::Arc, time::Duration};

use mission_core::{
    CommandId, RewardId, UserId,
    engine::{
        Engine, ExecuteError, Fingerprint, HoldUser, IdempotencyKey, Rejection, RevokeReward, Signals,
        TypedCommand,
    },
    ports::{
        queries::{Page, Queries},
        store::StoreError,
    },
    reward::{Reward, RewardStatus},
};
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use super::{RingAction, RingDecision, RingStore, StoredRing};

/// How often decisions of other servers that ended half way are looked for.
const LOOKED_FOR: Duration = Duration::from_secs(10);
/// Rings and members that are read at once.
const TOGETHER: usize = 100;

/// Acts on what was decided.
pub(crate) struct RingWork {
    store: Arc<dyn RingStore>,
    engine: Engine,
    queries: Arc<dyn Queries>,
    decided: Arc<Notify>,
}

/// Why it stopped; it is tried again.
#[derive(Debug, thiserror::Error)]
enum WorkError {
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error(transparent)]
    Execute(#[from] ExecuteError),
}

impl RingWork {
    /// `decided` is notified when there is something to do.
    pub(crate) fn new(
        store: Arc<dyn RingStore>,
        engine: Engine,
        queries: Arc<dyn Queries>,
        decided: Arc<Notify>,
    ) -> Self {
        RingWork {
            store,
            engine,
            queries,
            decided,
        }
    }

    /// Works until it is told to stop.
    pub(crate) async fn run(self, stop: CancellationToken) {
        loop {
            if let Err(error) = self.all(&stop).await {
                tracing::warn!(%error, "what was decided on rings is not all done yet");
            }
            let next = async {
                tokio::select! {
                    () = self.decided.notified() => {}
                    () = tokio::time::sleep(LOOKED_FOR) => {}
                }
            };
            if stop.run_until_cancelled(next).await.is_none() {
                return;
            }
        }
    }

    async fn all(&self, stop: &CancellationToken) -> Result<(), WorkError> {
        for ring in self.store.rings_at_work(TOGETHER).await? {
            self.ring(ring, stop).await?;
        }
        Ok(())
    }

    async fn ring(&self, ring: StoredRing, stop: &CancellationToken) -> Result<(), WorkError> {
        let (Some(action), Some(decision)) = (ring.work, ring.record.decision.clone()) else {
            return Ok(());
        };
        loop {
            let members = self.store.members_at_work(ring.id, decision.at, TOGETHER).await?;
            if members.is_empty() {
                break;
            }
            for member in members {
                if stop.is_cancelled() {
                    return Ok(());
                }
                match action {
                    RingAction::Hold => self.hold(&ring, &decision, member, true).await?,
                    RingAction::Dismiss => self.hold(&ring, &decision, member, false).await?,
                    RingAction::Revoke => self.revoke(&ring, &decision, member).await?,
                }
                self.store.note_done(ring.id, member, decision.at).await?;
            }
        }
        let id = ring.id;
        let done = StoredRing { work: None, ..ring };
        if self.store.change_ring(&done).await? {
            tracing::info!(ring = %id, "what was decided on a ring is done");
        }
        Ok(())
    }

    async fn hold(
        &self,
        ring: &StoredRing,
        decision: &RingDecision,
        user: UserId,
        held: bool,
    ) -> Result<(), WorkError> {
        let command = HoldUser {
            user,
            ring: ring.id,
            held,
        };
        self.execute(ring, decision, user.0, command).await
    }

    /// Takes back all that a member has earned since the ring's first evidence, the latest first.
    async fn revoke(
        &self,
        ring: &StoredRing,
        decision: &RingDecision,
        user: UserId,
    ) -> Result<(), WorkError> {
        let mut after: Option<RewardId> = None;
        loop {
            let page = Page {
                limit: TOGETHER,
                after,
            };
            let rewards = self.queries.rewards(user, None, page).await?;
            let Some(last) = rewards.last() else { return Ok(()) };
            after = Some(last.id);
            let can_be_revoked = |reward: &&Reward| {
                reward.earned_at >= ring.record.since
                    && matches!(
                        reward.status,
                        RewardStatus::Pending | RewardStatus::Held | RewardStatus::Claimed
                    )
            };
            for reward in rewards.iter().filter(can_be_revoked) {
                let command = RevokeReward {
                    user,
                    reward: reward.id,
                    operator: decision.by,
                    reason: decision.note.clone(),
                    reopens: false,
                    // Whoever decides on a ring decides on all that its members hold.
                    needs_approval: false,
                };
                self.execute(ring, decision, reward.id.0, command).await?;
            }
        }
    }

    /// Carries a command out, once for a decision and what it is about.
    async fn execute<C: TypedCommand>(
        &self,
        ring: &StoredRing,
        decision: &RingDecision,
        about: Uuid,
        command: C,
    ) -> Result<(), WorkError> {
        let decided = decision.at.timestamp_micros().to_be_bytes();
        let key = IdempotencyKey {
            caller: ring.id.0,
            command: CommandId(Uuid::new_v5(&about, &decided)),
            fingerprint: Fingerprint::of([C::NAME.as_bytes(), about.as_bytes().as_slice()]),
        };
        let signals = Signals {
            operator: Some(decision.by),
            ..Signals::default()
        };
        match self.engine.execute(command, signals, Some(key)).await {
            Ok(_) => Ok(()),
            // It is lost already, or the member is gone: there is nothing to do.
            Err(ExecuteError::Rejected(refused) | ExecuteError::RejectedBefore(refused))
                if is_settled(&refused) =>
            {
                Ok(())
            }
            Err(error) => Err(error.into()),
        }
    }
}

fn is_settled(refused: &Rejection) -> bool {
    matches!(
        refused,
        Rejection::NotClaimed | Rejection::UserErased | Rejection::NotFound(_)
    )
}
