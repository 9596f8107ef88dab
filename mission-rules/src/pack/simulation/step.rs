//! The steps of a case or a replay's log, read by name and data.

use chrono::{DateTime, Utc};
use mission_core::{
    check_in::Zone, fraud::ReviewDecision, mission::MissionCode, task::Evidence, user::UserUpdate,
};
use serde_json::{Map, Value};

/// Something that one user does, or that is done for them.
#[derive(Clone, Debug, PartialEq)]
pub enum Step {
    /// A check-in; with a zone, that zone is asked for first.
    CheckIn {
        /// The zone.
        zone: Option<Zone>,
    },
    /// Starts a mission.
    Start {
        /// Its code.
        mission: MissionCode,
    },
    /// Reports the progress of the latest task of a mission.
    Progress {
        /// The mission's code.
        mission: MissionCode,
        /// The progress.
        value: u64,
    },
    /// Shows evidence for the latest task of a mission.
    Evidence {
        /// The mission's code.
        mission: MissionCode,
        /// What is shown.
        evidence: Evidence,
    },
    /// Completes the latest task of a mission.
    Complete {
        /// The mission's code.
        mission: MissionCode,
    },
    /// Claims the reward of the latest completed task of a mission.
    Claim {
        /// The mission's code.
        mission: MissionCode,
    },
    /// Decides the oldest open review, of a mission where one is named.
    Review {
        /// The mission's code.
        mission: Option<MissionCode>,
        /// What is decided.
        decision: ReviewDecision,
        /// Why.
        note: Option<String>,
    },
    /// Describes the user; what is left out stays.
    Describe(UserUpdate),
    /// An activity event.
    Activity {
        /// Its id, if it has one of its own.
        id: Option<String>,
        /// Its type.
        event_type: String,
        /// Its own time, where that is not the moment at which it arrives.
        time: Option<DateTime<Utc>>,
        /// Its data.
        data: Map<String, Value>,
    },
}

/// A step that cannot be read; the message names the field.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{step}`: {message}")]
pub struct InvalidStep {
    /// The step's name.
    pub step: String,
    /// What is wrong with it.
    pub message: String,
}

impl Step {
    /// Reads a step by its name in a case or a replay's log, and its data. `mission` stands in for a `data.mission`
    /// that is left out. A name that is none of [`crate::pack::COMMANDS`] is an activity event's type.
    ///
    /// ```
    /// use mission_rules::pack::simulation::Step;
    /// let step = Step::parse("task.start", serde_json::Map::new(), None);
    /// assert_eq!(step.unwrap_err().to_string(), "`task.start`: `data.mission` is missing");
    /// ```
    ///
    /// # Errors
    /// When a field of the data is missing, unknown or of the wrong form.
    pub fn parse(
        name: &str,
        data: Map<String, Value>,
        mission: Option<&MissionCode>,
    ) -> Result<Step, InvalidStep> {
        let mut body = Body { step: name, data };
        let step = match name {
            "checkin" => Step::CheckIn {
                zone: body.take("zone")?,
            },
            "task.start" => Step::Start {
                mission: body.mission(mission)?,
            },
            "task.progress" => Step::Progress {
                mission: body.mission(mission)?,
                value: body.need("value")?,
            },
            "task.evidence" => {
                let mission = body.mission(mission)?;
                let shown = Value::Object(std::mem::take(&mut body.data));
                let evidence =
                    serde_json::from_value(shown).map_err(|error| body.invalid(error.to_string()))?;
                Step::Evidence { mission, evidence }
            }
            "task.complete" => Step::Complete {
                mission: body.mission(mission)?,
            },
            "task.claim" => Step::Claim {
                mission: body.mission(mission)?,
            },
            "review.decided" => Step::Review {
                mission: body.take("mission")?.or_else(|| mission.cloned()),
                decision: body.need("decision")?,
                note: body.take("note")?,
            },
            UserUpdate::EVENT => Step::Describe(UserUpdate {
                level: body.take("level")?,
                country: body.take("country")?,
                tags: body.take("tags")?,
                attributes: body.take("attributes")?,
                zone: body.take("zone")?,
            }),
            event_type => {
                let data = std::mem::take(&mut body.data);
                Step::Activity {
                    id: None,
                    event_type: event_type.to_owned(),
                    time: None,
                    data,
                }
            }
        };
        match body.data.keys().next() {
            Some(unknown) => Err(body.invalid(format!("`data.{unknown}` is unknown"))),
            None => Ok(step),
        }
    }
}

/// The data of a step, from which fields are taken until none is left.
struct Body<'n> {
    step: &'n str,
    data: Map<String, Value>,
}

impl Body<'_> {
    fn invalid(&self, message: String) -> InvalidStep {
        InvalidStep {
            step: self.step.to_owned(),
            message,
        }
    }

    fn take<T: serde::de::DeserializeOwned>(&mut self, field: &str) -> Result<Option<T>, InvalidStep> {
        let value = self.data.remove(field).filter(|value| !value.is_null());
        value
            .map(|value| {
                serde_json::from_value(value)
                    .map_err(|error| self.invalid(format!("`data.{field}`: {error}")))
            })
            .transpose()
    }

    fn need<T: serde::de::DeserializeOwned>(&mut self, field: &str) -> Result<T, InvalidStep> {
        self.take(field)?
            .ok_or_else(|| self.invalid(format!("`data.{field}` is missing")))
    }

    fn mission(&mut self, default: Option<&MissionCode>) -> Result<MissionCode, InvalidStep> {
        match (self.take("mission")?, default) {
            (Some(named), _) => Ok(named),
            (None, Some(default)) => Ok(default.clone()),
            (None, None) => Err(self.invalid("`data.mission` is missing".to_owned())),
        }
    }
}
