//! What a mission was before it was edited: a task that was started under an earlier definition keeps it.

use chrono::{DateTime, Duration, Utc};
use serde::{Deserialize, Serialize};

use super::{Definition, Frequency, Mission};

/// An earlier definition of a mission, kept for the tasks that were started under it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct MissionEdition {
    /// The last version of the mission that had it.
    pub until_version: u64,
    /// When it was replaced.
    pub replaced_at: DateTime<Utc>,
    /// What the author had written.
    pub definition: Definition,
}

/// Tasks of a day, a week or a month are over by then, whatever late events and reviewers take.
const LIFE_OF_PERIODS: Duration = Duration::days(120);

/// Beyond it the oldest editions go; their tasks move to the next one.
const MOST_EDITIONS: usize = 64;

impl Definition {
    /// Whether a task cannot tell the two apart: they demand the same and earn the same.
    #[must_use]
    pub fn is_the_same_for_tasks(&self, other: &Definition) -> bool {
        self.for_tasks_of(other) == *self
    }

    /// This definition as tasks that were started under an earlier one have it: what they demand and earn, and how
    /// they move, is the earlier one's; texts, window, budget and whatever stands before a start are this one's.
    #[must_use]
    pub fn for_tasks_of(&self, earlier: &Definition) -> Definition {
        Definition {
            mission_type: earlier.mission_type,
            frequency: earlier.frequency,
            target: earlier.target,
            auto_start: earlier.auto_start,
            trigger: earlier.trigger.clone(),
            count: earlier.count.clone(),
            streak: earlier.streak,
            stage: earlier.stage.clone(),
            reward: earlier.reward.clone(),
            rules: earlier.rules.clone(),
            evidence: earlier.evidence.clone(),
            rules_script: earlier.rules_script.clone(),
            script: earlier.script.clone(),
            ..self.clone()
        }
    }
}

impl Mission {
    /// The mission with another definition. Running tasks keep the one before, unless the new one takes them along
    /// ([`Definition::apply_to_running`]).
    #[must_use]
    pub fn edited(self, definition: &Definition, now: DateTime<Utc>) -> Mission {
        let version = self.version + 1;
        let mut running_version = self.running_version;
        let mut editions = self.editions;
        if definition.apply_to_running {
            editions.clear();
            running_version = version;
        } else if !definition.is_the_same_for_tasks(&self.definition) {
            editions.push(MissionEdition {
                until_version: self.version,
                replaced_at: now,
                definition: self.definition,
            });
        }
        editions.retain(|edition| {
            let lasts = matches!(
                edition.definition.frequency,
                Frequency::OneTime | Frequency::Unlimited
            );
            lasts || now - edition.replaced_at < LIFE_OF_PERIODS
        });
        let too_many = editions.len().saturating_sub(MOST_EDITIONS);
        editions.drain(..too_many);
        Mission {
            definition: definition.clone(),
            editions,
            running_version,
            version,
            ..self
        }
    }
}
