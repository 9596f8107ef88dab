//! The steps of a case or a replay's log, read by name and data.

use chrono::{DateTime, Utc};
use mission_core::{
    FileId, TaskId, UserId,
    check_in::Zone,
    engine::AttachUpload,
    fraud::ReviewDecision,
    mission::MissionCode,
    task::{ContentHash, Evidence, UploadedFile},
    user::UserUpdate,
};
use serde::Serialize;
use serde_json::{Map, Value, json};
use sha2::{Digest, Sha256};
use uuid::Uuid;

/// Something that one user does, or that is done for them.
#[derive(Clone, Debug, PartialEq)]
pub enum CaseStep {
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
    /// Uploads a file to the latest task of a mission.
    Upload {
        /// The mission's code.
        mission: MissionCode,
        /// What stands for the file: the same text is the same bytes.
        file: String,
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

impl CaseStep {
    /// Reads a step by its name in a case or a replay's log, and its data. `mission` stands in for a `data.mission`
    /// that is left out. A name that is none of [`crate::pack::COMMANDS`] is an activity event's type.
    ///
    /// ```
    /// use mission_rules::pack::simulation::CaseStep;
    /// let step = CaseStep::parse("task.start", serde_json::Map::new(), None);
    /// assert_eq!(step.unwrap_err().to_string(), "`task.start`: `data.mission` is missing");
    /// ```
    ///
    /// # Errors
    /// When a field of the data is missing, unknown or of the wrong form.
    pub fn parse(
        name: &str,
        data: Map<String, Value>,
        mission: Option<&MissionCode>,
    ) -> Result<CaseStep, InvalidStep> {
        let mut body = StepData { step: name, data };
        let step = match name {
            "checkin" => CaseStep::CheckIn {
                zone: body.take("zone")?,
            },
            "task.start" => CaseStep::Start {
                mission: body.mission(mission)?,
            },
            "task.progress" => CaseStep::Progress {
                mission: body.mission(mission)?,
                value: body.need("value")?,
            },
            "task.evidence" => {
                let mission = body.mission(mission)?;
                let shown = Value::Object(std::mem::take(&mut body.data));
                let evidence =
                    serde_json::from_value(shown).map_err(|error| body.invalid(error.to_string()))?;
                CaseStep::Evidence { mission, evidence }
            }
            "task.upload" => CaseStep::Upload {
                mission: body.mission(mission)?,
                file: body.need("file")?,
            },
            "task.complete" => CaseStep::Complete {
                mission: body.mission(mission)?,
            },
            "task.claim" => CaseStep::Claim {
                mission: body.mission(mission)?,
            },
            "review.decided" => CaseStep::Review {
                mission: body.take("mission")?.or_else(|| mission.cloned()),
                decision: body.need("decision")?,
                note: body.take("note")?,
            },
            UserUpdate::EVENT => CaseStep::Describe(UserUpdate {
                level: body.take("level")?,
                country: body.take("country")?,
                tags: body.take("tags")?,
                attributes: body.take("attributes")?,
                zone: body.take("zone")?,
            }),
            event_type => {
                let data = std::mem::take(&mut body.data);
                CaseStep::Activity {
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

impl CaseStep {
    /// The step's name and data, such that [`CaseStep::parse`] reads them as the same step; of an activity event, its type
    /// and data alone.
    ///
    /// ```
    /// use mission_rules::pack::simulation::CaseStep;
    /// let (name, data) = CaseStep::Start { mission: "watch-ad".parse()? }.into_parts();
    /// assert_eq!((name.as_str(), data["mission"].as_str()), ("task.start", Some("watch-ad")));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[must_use]
    pub fn into_parts(self) -> (String, Map<String, Value>) {
        let (name, data) = match self {
            CaseStep::CheckIn { zone } => ("checkin", json!({ "zone": zone })),
            CaseStep::Start { mission } => ("task.start", json!({ "mission": mission })),
            CaseStep::Progress { mission, value } => {
                ("task.progress", json!({ "mission": mission, "value": value }))
            }
            CaseStep::Evidence { mission, evidence } => {
                let mut data = object(&evidence);
                data.insert("mission".to_owned(), json!(mission));
                return ("task.evidence".to_owned(), data);
            }
            CaseStep::Upload { mission, file } => {
                ("task.upload", json!({ "mission": mission, "file": file }))
            }
            CaseStep::Complete { mission } => ("task.complete", json!({ "mission": mission })),
            CaseStep::Claim { mission } => ("task.claim", json!({ "mission": mission })),
            CaseStep::Review {
                mission,
                decision,
                note,
            } => (
                "review.decided",
                json!({ "mission": mission, "decision": decision, "note": note }),
            ),
            CaseStep::Describe(update) => return (UserUpdate::EVENT.to_owned(), object(&update)),
            CaseStep::Activity { event_type, data, .. } => return (event_type, data),
        };
        let mut data = object(&data);
        data.retain(|_, value| !value.is_null());
        (name.to_owned(), data)
    }
}

/// The command that uploads a file for which a text stands.
pub(crate) fn attach(user: UserId, task: TaskId, file: &str) -> AttachUpload {
    AttachUpload {
        user,
        task,
        file: UploadedFile {
            id: FileId(Uuid::new_v5(&task.0, file.as_bytes())),
            stored_as: None,
            sha256: hash_of(file),
            perceptual_hash: None,
            content_type: "image/png".to_owned(),
            size_bytes: 0,
        },
        moderated: false,
        near_copy_of: None,
    }
}

/// The hash of the file for which a text stands.
pub(crate) fn hash_of(file: &str) -> ContentHash {
    ContentHash(Sha256::digest(file).into())
}

fn object(value: &impl Serialize) -> Map<String, Value> {
    match serde_json::to_value(value) {
        Ok(Value::Object(map)) => map,
        _ => Map::new(),
    }
}

/// The data of a step, from which fields are taken until none is left.
struct StepData<'n> {
    step: &'n str,
    data: Map<String, Value>,
}

impl StepData<'_> {
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_step_is_read_as_it_was_written() {
        for (name, data) in [
            ("checkin", json!({})),
            ("checkin", json!({"zone": "Asia/Tokyo"})),
            ("task.start", json!({"mission": "a"})),
            ("task.progress", json!({"mission": "a", "value": 3})),
            (
                "task.evidence",
                json!({"mission": "a", "type": "social_proof", "data": "", "screenshot_url": "https://e.test/1"}),
            ),
            ("task.upload", json!({"mission": "a", "file": "cat.png"})),
            ("task.complete", json!({"mission": "a"})),
            ("task.claim", json!({"mission": "a"})),
            ("review.decided", json!({"decision": "reject"})),
            ("review.decided", json!({"decision": "reject_and_ban"})),
            (
                "review.decided",
                json!({"mission": "a", "decision": "approve", "note": "fine"}),
            ),
            (
                "user.updated",
                json!({"level": 2, "country": "VN", "tags": ["x"], "attributes": {"a": [1]}, "zone": "Asia/Tokyo"}),
            ),
            ("video.watched", json!({"seconds": 3, "mission": null})),
        ] {
            let step = CaseStep::parse(name, object(&data), None).unwrap();
            let (written, with) = step.into_parts();
            assert_eq!((written.as_str(), Value::Object(with)), (name, data));
        }
    }
}
