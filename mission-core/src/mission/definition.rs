//! What an author writes about a mission, and the mission that the engine keeps of it.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use super::{
    Budget, Counting, Frequency, LocalizedText, MAX_REMEMBERED, MAX_STAGES, MAX_TRIGGERS, MissionCode,
    MissionEdition, MissionStatus, Requirement, Rule, Stage, StreakRule, Triggers,
};
use crate::{MissionId, Percent, Points, task::EvidenceType};

/// A mission as the engine keeps it: the author's definition, its status and its version.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Mission {
    /// The mission's id.
    pub id: MissionId,
    /// What the author wrote.
    pub definition: Definition,
    /// Where it stands.
    pub status: MissionStatus,
    /// The pack that it came with, if it came with one.
    pub pack: Option<String>,
    /// Where it stood when its pack dropped it, which archived it: tasks of one that was active may be finished, and
    /// a pack that holds it again puts it back there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub dropped_from: Option<MissionStatus>,
    /// The last version that took running tasks along: none has an earlier one.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub running_version: u64,
    /// Earlier definitions that running tasks may still have, the oldest first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub editions: Vec<MissionEdition>,
    /// When it was made.
    pub created_at: DateTime<Utc>,
    /// Raised by every change; an `ETag` on the wire.
    pub version: u64,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde asks so")]
fn is_zero(version: &u64) -> bool {
    *version == 0
}

impl Mission {
    /// Whether the mission can be started at an instant.
    #[must_use]
    pub fn is_open_at(&self, at: DateTime<Utc>) -> bool {
        self.status == MissionStatus::Active && self.definition.window().contains(at)
    }

    /// Whether it is active or was once, so that users may have tasks of it.
    #[must_use]
    pub fn was_active(&self) -> bool {
        self.dropped_from.unwrap_or(self.status) != MissionStatus::Draft
    }

    /// Whether a task that is running can be moved and completed at an instant.
    #[must_use]
    pub fn is_running_at(&self, at: DateTime<Utc>) -> bool {
        let runs = [Some(self.status), self.dropped_from].contains(&Some(MissionStatus::Active));
        runs && self.definition.window().contains(at)
    }
}

/// The definition of a mission, as its author writes it in a pack's `missions/*.toml` or over HTTP.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct Definition {
    /// The unique name.
    pub code: MissionCode,
    /// What kind of thing the user is asked to do.
    #[serde(rename = "type")]
    pub mission_type: MissionType,
    /// Free text in lower case, for grouping.
    #[serde(default)]
    pub category: String,
    /// A short text for users.
    pub title: LocalizedText,
    /// A longer text for users.
    pub description: LocalizedText,
    /// How often.
    pub frequency: Frequency,
    /// How many completions a user can have in a period; 0 = no cap. Default 1, for `unlimited` 0.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_completions: Option<u32>,
    /// Higher ones are listed first.
    #[serde(default)]
    pub priority: i32,
    /// How much progress completes it.
    #[serde(default = "one")]
    pub target: u64,
    /// Whether a matching activity event starts the task.
    #[serde(default)]
    pub auto_start: bool,
    /// From when it can be done.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub starts_at: Option<DateTime<Utc>>,
    /// Until when (exclusive) it can be done.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ends_at: Option<DateTime<Utc>>,
    /// Which activity events move progress; without one the client reports it.
    #[serde(default, skip_serializing_if = "Triggers::is_empty")]
    pub trigger: Triggers,
    /// How they add up.
    #[serde(default, skip_serializing_if = "Counting::is_events")]
    #[cfg_attr(feature = "openapi", schema(value_type = String, example = "distinct:event.data.shop_id"))]
    pub count: Counting,
    /// Where progress is the length of a streak.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub streak: Option<StreakRule>,
    /// What a completion earns. Where there are stages the last of them says so.
    #[serde(default)]
    pub reward: BaseReward,
    /// Thresholds with a reward each, in rising order; the last is the target.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub stage: Vec<Stage>,
    /// Conditions without a script.
    #[serde(default)]
    pub rules: Vec<Rule>,
    /// What the user has to show.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub evidence: Option<EvidenceRequirement>,
    /// Missions that the user must have completed before.
    #[serde(default)]
    pub requires: Vec<Requirement>,
    /// How long after a completion the user cannot start again.
    #[serde(default)]
    pub cooldown_seconds: u32,
    /// Limits over all users.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub budget: Option<Budget>,
    /// Whether a change of the mission takes running tasks along, target, reward, rules and script together. Without
    /// it they keep the mission as it was when they were started.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub apply_to_running: bool,
    /// Whether it is tried out alone: events move it, and all is evaluated as if it were active, but nobody sees it and
    /// nothing is granted.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub shadow: bool,
    /// The mission that a shadow mission is compared with.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub shadow_of: Option<MissionCode>,
    /// Where in the pack the script is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rules_script: Option<String>,
    /// The script itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub script: Option<String>,
}

fn one() -> u64 {
    1
}

/// The type of a mission.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum MissionType {
    /// Watch something.
    WatchVideo,
    /// Follow a link.
    Click,
    /// Upload a file.
    Upload,
    /// Do something on a social network; earns `SOCIAL_ACTION`.
    Social,
    /// Bring other users.
    Referral,
    /// Anything else.
    Custom,
}

/// The reward of a completion before a script changes it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct BaseReward {
    /// Points for the wallet.
    #[serde(default)]
    pub points: Points,
    /// Percent by which the mining service speeds up.
    #[serde(default)]
    pub mining_boost_percent: Percent,
    /// For how many days from the claim it speeds up; for good without it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mining_boost_days: Option<u32>,
    /// Experience, from which levels follow.
    #[serde(default)]
    pub experience_points: u32,
    /// A badge.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub badge_id: Option<String>,
    /// Days after which an unclaimed reward is lost.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires_after_days: Option<u32>,
}

/// The evidence that a task needs before it completes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct EvidenceRequirement {
    /// Which type of evidence.
    #[serde(rename = "type")]
    pub evidence_type: EvidenceType,
    /// The least that `watch_duration` must show, in seconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub min_seconds: Option<u32>,
    /// Who looks at it.
    #[serde(default)]
    pub review: EvidenceReview,
}

/// Who reviews evidence that passed its checks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum EvidenceReview {
    /// Nobody: the checks decide.
    #[default]
    Automatic,
    /// A reviewer, through the review queue.
    Manual,
}

/// When a mission can be done: `[starts_at, ends_at)`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Window {
    /// The first instant, if bounded.
    pub starts_at: Option<DateTime<Utc>>,
    /// The first instant after it, if bounded.
    pub ends_at: Option<DateTime<Utc>>,
}

impl Window {
    /// Whether an instant is inside.
    #[must_use]
    pub fn contains(&self, at: DateTime<Utc>) -> bool {
        self.starts_at.is_none_or(|start| start <= at) && !self.has_ended(at)
    }

    /// Whether the window has ended by an instant.
    #[must_use]
    pub fn has_ended(&self, at: DateTime<Utc>) -> bool {
        self.ends_at.is_some_and(|end| end <= at)
    }
}

/// One thing that is wrong with a definition, and where.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{}`: {message}", .path.join("."))]
pub struct InvalidDefinition {
    /// Field names and list positions from the definition's top.
    pub path: Vec<String>,
    /// What is wrong and what would be right.
    pub message: String,
}

/// The largest target and progress.
pub const MAX_TARGET: u64 = 1_000_000_000_000;

impl Definition {
    /// Whether a rule or the script names the field of friends. One that says so in a comment alone is looked up for
    /// nothing.
    pub(crate) fn names_friends(&self) -> bool {
        let by_rule = self.rules.iter().any(|rule| rule.rule_type.ends_with(".friends"));
        by_rule
            || self
                .script
                .as_deref()
                .is_some_and(|script| script.contains("friends"))
    }

    /// When the mission can be done.
    #[must_use]
    pub fn window(&self) -> Window {
        Window {
            starts_at: self.starts_at,
            ends_at: self.ends_at,
        }
    }

    /// How many completions a period takes; `None` = no cap.
    #[must_use]
    pub fn completion_cap(&self) -> Option<u32> {
        let default = if self.frequency == Frequency::Unlimited {
            0
        } else {
            1
        };
        Some(self.max_completions.unwrap_or(default)).filter(|&cap| cap > 0)
    }

    /// What completing it earns.
    #[must_use]
    pub fn completion_reward(&self) -> &BaseReward {
        self.stage.last().map_or(&self.reward, |last| &last.reward)
    }

    /// What its stages before the last earn, with the progress that reaches them.
    pub(crate) fn stages_on_the_way(&self) -> &[Stage] {
        self.stage.split_last().map_or(&[], |(_, before)| before)
    }

    /// Whether progress alone completes a task: the mission is moved by events and asks for no evidence.
    #[must_use]
    pub fn completes_itself(&self) -> bool {
        !self.trigger.is_empty() && self.evidence.is_none()
    }

    /// All that is wrong across fields; what one field alone can break is refused when it is read.
    #[must_use]
    pub fn validation_errors(&self) -> Vec<InvalidDefinition> {
        let mut flaws = Flaws::default();
        if let (Some(start), Some(end)) = (self.starts_at, self.ends_at)
            && end <= start
        {
            flaws.add(&["ends_at"], "must be after `starts_at`");
        }
        if self.target > MAX_TARGET {
            flaws.add(&["target"], format!("must not exceed {MAX_TARGET}"));
        }
        if self.category != self.category.to_lowercase() || self.category.chars().count() > 64 {
            flaws.add(&["category"], "must be lower case and at most 64 characters");
        }
        if self.auto_start && self.trigger.is_empty() {
            flaws.add(
                &["auto_start"],
                "needs a `trigger`, the event that starts the task",
            );
        }
        self.judge_shadow(&mut flaws);
        self.judge_triggers(&mut flaws);
        self.judge_counting(&mut flaws);
        self.judge_stages(&mut flaws);
        for (n, requirement) in self.requires.iter().enumerate() {
            let place = n.to_string();
            if requirement.codes().any(|code| *code == self.code) {
                flaws.add(&["requires", &place], "a mission cannot require itself");
            } else if let Some((field, message)) = requirement.flaw() {
                flaws.add(&["requires", &place, field], message);
            }
        }
        judge_reward(&self.reward, &["reward"], &mut flaws);
        for (n, rule) in self.rules.iter().enumerate() {
            if let Some(message) = rule.validation_error() {
                flaws.add(&["rules", &n.to_string()], message);
            }
        }
        flaws.0
    }

    fn judge_shadow(&self, flaws: &mut Flaws) {
        match &self.shadow_of {
            Some(_) if !self.shadow => {
                flaws.add(
                    &["shadow_of"],
                    "needs `shadow = true`: only a shadow mission is compared with another",
                );
            }
            Some(live) if *live == self.code => {
                flaws.add(&["shadow_of"], "a mission cannot be compared with itself");
            }
            _ => {}
        }
        if !self.shadow {
            return;
        }
        if self.trigger.is_empty() || !self.auto_start {
            flaws.add(
                &["shadow"],
                "needs a `trigger` and `auto_start`: events alone move what nobody sees",
            );
        }
        if self.evidence.is_some() {
            flaws.add(
                &["evidence"],
                "nobody can show anything for a shadow mission: leave it out",
            );
        }
    }

    fn judge_triggers(&self, flaws: &mut Flaws) {
        if self.trigger.iter().count() > MAX_TRIGGERS {
            flaws.add(
                &["trigger"],
                format!("must not list more than {MAX_TRIGGERS} events"),
            );
        }
        let several = self.trigger.iter().count() > 1;
        for (n, trigger) in self.trigger.iter().enumerate() {
            let position = n.to_string();
            let at = |field: &'static str| -> Vec<&str> {
                match several {
                    true => vec!["trigger", &position, field],
                    false => vec!["trigger", field],
                }
            };
            let has_length = |text: &str| !text.trim().is_empty() && text.chars().count() <= 255;
            if !has_length(&trigger.event) {
                flaws.add(&at("event"), "must have 1 to 255 characters");
            }
            if self
                .trigger
                .iter()
                .take(n)
                .any(|before| before.event == trigger.event)
            {
                flaws.add(
                    &at("event"),
                    format!("`{}` stands in another trigger too", trigger.event),
                );
            }
            if let Some(key) = &trigger.key
                && !(has_length(key) && key.starts_with("event."))
            {
                flaws.add(
                    &at("key"),
                    "must be a path of the event, such as `event.data.order_id`",
                );
            }
            let Some(reverses) = &trigger.reverses else {
                continue;
            };
            if !has_length(reverses) {
                flaws.add(&at("reverses"), "must have 1 to 255 characters");
            }
            if trigger.key.is_none() {
                flaws.add(
                    &at("reverses"),
                    "needs a `key`, the path of what both events are about, such as `event.data.order_id`",
                );
            }
            if self
                .trigger
                .event_types()
                .filter(|known| known == reverses)
                .count()
                > 1
            {
                flaws.add(
                    &at("reverses"),
                    format!("`{reverses}` stands in a trigger already"),
                );
            }
            if !self.count.is_events() || self.streak.is_some() {
                flaws.add(
                    &at("reverses"),
                    "takes back what was added up: it goes with neither `count` nor `[streak]`",
                );
            }
        }
    }

    fn judge_counting(&self, flaws: &mut Flaws) {
        let remembers = if self.streak.is_some() {
            "streak"
        } else if self.count.is_events() {
            return;
        } else {
            "count"
        };
        if self.streak.is_some() && !self.count.is_events() {
            flaws.add(
                &["count"],
                "progress is either the length of a `[streak]` or a `count`",
            );
        }
        if self.trigger.is_empty() {
            flaws.add(&[remembers], "needs a `trigger`, the event that is counted");
        }
        if self.target > MAX_REMEMBERED {
            flaws.add(
                &["target"],
                format!("must not exceed {MAX_REMEMBERED} with `{remembers}`"),
            );
        }
    }

    fn judge_stages(&self, flaws: &mut Flaws) {
        let Some(last) = self.stage.last() else { return };
        if self.stage.len() > MAX_STAGES {
            flaws.add(&["stage"], format!("must not list more than {MAX_STAGES} stages"));
        }
        if last.at != self.target {
            flaws.add(
                &["target"],
                format!("must be {}, where the last stage is", last.at),
            );
        }
        if self.reward != BaseReward::default() {
            flaws.add(
                &["reward"],
                "each stage has a reward of its own: write it there, the last one's for the completion",
            );
        }
        for (n, stage) in self.stage.iter().enumerate() {
            let position = n.to_string();
            let before = n
                .checked_sub(1)
                .and_then(|n| self.stage.get(n))
                .map_or(0, |before| before.at);
            if stage.at <= before {
                flaws.add(
                    &["stage", &position, "at"],
                    format!("must be above {before}: stages rise"),
                );
            }
            if stage
                .name
                .as_ref()
                .is_some_and(|name| name.trim().is_empty() || name.chars().count() > 255)
            {
                flaws.add(&["stage", &position, "name"], "must have 1 to 255 characters");
            }
            judge_reward(&stage.reward, &["stage", &position, "reward"], flaws);
        }
    }
}

/// What is wrong, as it is found.
#[derive(Default)]
struct Flaws(Vec<InvalidDefinition>);

impl Flaws {
    fn add(&mut self, path: &[&str], message: impl Into<String>) {
        self.0.push(InvalidDefinition {
            path: path.iter().map(|&part| part.to_owned()).collect(),
            message: message.into(),
        });
    }
}

/// Whether a text can be the id of a badge: 1 to 255 characters, not all of them spaces.
#[must_use]
pub fn is_badge_id(text: &str) -> bool {
    !text.trim().is_empty() && text.chars().count() <= 255
}

fn judge_reward(reward: &BaseReward, path: &[&str], flaws: &mut Flaws) {
    let at = |field: &'static str| -> Vec<&str> { path.iter().copied().chain([field]).collect() };
    if reward
        .badge_id
        .as_deref()
        .is_some_and(|badge| !is_badge_id(badge))
    {
        flaws.add(&at("badge_id"), "must have 1 to 255 characters");
    }
    if reward
        .expires_after_days
        .is_some_and(|days| days == 0 || days > 36_500)
    {
        flaws.add(&at("expires_after_days"), "must be 1 to 36500");
    }
}
