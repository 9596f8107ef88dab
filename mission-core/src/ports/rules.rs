//! Mission scripts: the context that they read and the hooks that they may define.

use std::{borrow::Cow, sync::Arc, time::Duration};

use chrono::{DateTime, NaiveDate, SecondsFormat, Timelike, Utc};
use chrono_tz::Tz;
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::{
    MissionId, UserId,
    check_in::{Streak, Zone},
    event::ActivityEvent,
    fraud::{RiskAssessment, RiskSignals},
    mission::{BaseReward, FieldCondition, FieldValue, Mission, MissionCode},
    serde_name,
    task::Evidence,
    user::FriendFacts,
};

/// Everything that a rule may read, borrowed: nothing is built for a rule that does not ask.
#[derive(Clone, Copy, Debug)]
pub struct RuleContext<'a> {
    /// The moment that is judged: an event's own time, else the command's.
    pub now: DateTime<Utc>,
    /// The user's zone then.
    pub zone: Zone,
    /// The user.
    pub user: UserContext<'a>,
    /// The mission; `None` where a command that concerns none is judged for its risk.
    pub mission: Option<&'a Mission>,
    /// The task, or what it would be before it is started.
    pub task: TaskContext,
    /// The activity event that is applied, if one is.
    pub event: Option<&'a ActivityEvent>,
    /// The evidence that is shown, if some is.
    pub evidence: Option<&'a Evidence>,
    /// The user's check-ins.
    pub streak: Streak,
    /// The local date of the last one.
    pub last_check_in: Option<NaiveDate>,
    /// What the mission offers for what is judged: a stage, or the completion.
    pub offer: &'a BaseReward,
    /// How often the user has completed the missions that the rules name, by their codes.
    pub completions: &'a Map<String, Value>,
    /// The user's friends, where somebody knows them.
    pub friends: Option<&'a FriendFacts>,
    /// What the user does and how, where that is judged for its risk.
    pub risk: Option<&'a RiskSignals>,
}

/// The user as rules see it.
#[derive(Clone, Copy, Debug)]
pub struct UserContext<'a> {
    /// The user's id.
    pub id: UserId,
    /// 1 for a user whom nobody described.
    pub level: u32,
    /// Experience points.
    pub experience: u64,
    /// Tags such as `banned` or `vip`.
    pub tags: &'a [String],
    /// ISO 3166 country code.
    pub country: Option<&'a str>,
    /// Whatever else the identity service says.
    pub attributes: &'a Map<String, Value>,
    /// When the user came.
    pub registered_at: Option<DateTime<Utc>>,
    /// Badges out of claimed rewards.
    pub badges: &'a [String],
    /// When the user last did something, before what is judged.
    pub last_seen_at: Option<DateTime<Utc>>,
    /// Whole days since then; of a task that runs, as it was when the task began.
    pub days_away: Option<u32>,
}

/// The task as rules see it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct TaskContext {
    /// Progress so far.
    pub progress: u64,
    /// What completes it.
    pub target: u64,
    /// The user's completions of this mission in this period.
    pub completions: u32,
    /// When it was started.
    pub started_at: Option<DateTime<Utc>>,
    /// How many stages it has reached, the one that is judged with them.
    pub stage: u32,
    /// The streak that it is in, where the mission counts one.
    pub streak: u32,
}

impl<'a> RuleContext<'a> {
    /// The instant in the user's zone.
    #[must_use]
    pub fn local_now(&self) -> DateTime<Tz> {
        self.zone.local(self.now)
    }

    /// What a dotted path leads to, such as `event.data.seconds`; `None` where it leads nowhere.
    #[must_use]
    pub fn field(&self, path: &str) -> Option<FieldValue<'a>> {
        if path == "completions" {
            return Some(FieldValue::Object(self.completions));
        }
        if path == "action" {
            return Some(text(self.risk?.action.name()));
        }
        let (head, rest) = path.split_once('.')?;
        match head {
            "now" => now_field(self.local_now(), rest),
            "user" if rest == "friends" => Some(whole(self.friends.map_or(0, |friends| friends.count))),
            "user" => self.user.field(path),
            "mission" => mission_field(self.mission?, self.offer, rest),
            "signals" => self.risk?.field(rest),
            "task" => self.task.field(rest),
            "event" if rest == "friends" => {
                self.event?;
                Some(FieldValue::Texts(
                    self.friends.map_or(&[], |friends| &friends.named),
                ))
            }
            "event" => event_field(self.event?, rest),
            "evidence" => evidence_field(self.evidence?, rest),
            "streak" => match rest {
                "current" => Some(whole(self.streak.current)),
                "longest" => Some(whole(self.streak.longest)),
                "total" => Some(whole(self.streak.total)),
                "last_date" => Some(text(self.last_check_in?.to_string())),
                "days_since" => {
                    let days = self.local_now().date_naive() - self.last_check_in?;
                    Some(whole(days.num_days().max(0)))
                }
                _ => None,
            },
            "completions" => within_map(self.completions, rest),
            _ => None,
        }
    }
}

fn whole<'a>(number: impl Into<Decimal>) -> FieldValue<'a> {
    FieldValue::Number(number.into())
}

fn text<'a>(text: impl Into<Cow<'a, str>>) -> FieldValue<'a> {
    FieldValue::Text(text.into())
}

/// An instant as rules and the wire write it.
#[must_use]
pub fn rfc3339(at: DateTime<Utc>) -> String {
    at.to_rfc3339_opts(SecondsFormat::AutoSi, true)
}

fn instant<'a>(at: DateTime<Utc>) -> FieldValue<'a> {
    text(rfc3339(at))
}

fn within<'a>(json: &'a Value, path: &str) -> Option<FieldValue<'a>> {
    let found = path.split('.').try_fold(json, |json, key| match json {
        Value::Object(map) => map.get(key),
        Value::Array(items) => items.get(key.parse::<usize>().ok()?),
        _ => None,
    })?;
    FieldValue::from_json(found)
}

fn within_map<'a>(map: &'a Map<String, Value>, path: &str) -> Option<FieldValue<'a>> {
    match path.split_once('.') {
        None => map.get(path).and_then(FieldValue::from_json),
        Some((key, rest)) => within(map.get(key)?, rest),
    }
}

fn now_field<'a>(local: DateTime<Tz>, name: &str) -> Option<FieldValue<'a>> {
    Some(match name {
        "time" => text(local.format("%H:%M:%S").to_string()),
        "date" => text(local.date_naive().to_string()),
        "hour" => whole(local.hour()),
        "weekday" => whole(weekday(local)),
        "unix" => whole(local.timestamp()),
        _ => return None,
    })
}

/// The ISO weekday: Monday is 1, Sunday is 7.
#[must_use]
pub fn weekday(local: DateTime<Tz>) -> u32 {
    chrono::Datelike::weekday(&local).number_from_monday()
}

impl<'a> UserContext<'a> {
    /// What a dotted path such as `user.level` leads to; `None` where it leads nowhere.
    #[must_use]
    pub fn field(self, path: &str) -> Option<FieldValue<'a>> {
        let name = path.strip_prefix("user.")?;
        Some(match name {
            "id" => text(self.id.to_string()),
            "level" => whole(self.level),
            "experience" => whole(self.experience),
            "tags" => FieldValue::Texts(self.tags),
            "country" => text(self.country?),
            "attributes" => FieldValue::Object(self.attributes),
            "registered_at" => instant(self.registered_at?),
            "badges" => FieldValue::Texts(self.badges),
            "last_seen_at" => instant(self.last_seen_at?),
            "days_away" => whole(self.days_away?),
            _ => return within_map(self.attributes, name.strip_prefix("attributes.")?),
        })
    }
}

fn mission_field<'a>(mission: &'a Mission, reward: &'a BaseReward, name: &str) -> Option<FieldValue<'a>> {
    let definition = &mission.definition;
    Some(match name {
        "id" => text(mission.id.to_string()),
        "code" => text(definition.code.as_str()),
        "type" => text(serde_name(definition.mission_type)),
        "frequency" => text(serde_name(definition.frequency)),
        "category" => text(definition.category.as_str()),
        "target" => whole(definition.target),
        "priority" => whole(definition.priority),
        "max_completions" => whole(definition.completion_cap().unwrap_or(0)),
        "starts_at" => instant(definition.starts_at?),
        "ends_at" => instant(definition.ends_at?),
        "reward.points" => FieldValue::Number(reward.points.get()),
        "reward.mining_boost_percent" => FieldValue::Number(reward.mining_boost_percent.get()),
        "reward.experience_points" => whole(reward.experience_points),
        "reward.badge_id" => text(reward.badge_id.as_deref()?),
        "reward.expires_after_days" => whole(reward.expires_after_days?),
        _ => return None,
    })
}

impl TaskContext {
    fn field<'a>(self, name: &str) -> Option<FieldValue<'a>> {
        Some(match name {
            "progress" => whole(self.progress),
            "target" => whole(self.target),
            "completions" => whole(self.completions),
            "started_at" => instant(self.started_at?),
            "stage" => whole(self.stage),
            "streak" => whole(self.streak),
            _ => return None,
        })
    }
}

impl RiskSignals {
    fn field<'a>(self, name: &str) -> Option<FieldValue<'a>> {
        Some(match name {
            "account_age_hours" => whole(self.account_age_hours),
            "actions_last_minute" => whole(self.actions_last_minute),
            "actions_last_hour" => whole(self.actions_last_hour),
            "identical_intervals" => whole(self.identical_intervals),
            "is_new_device" => FieldValue::Bool(self.is_new_device),
            "device_users" => whole(self.device_users),
            "address_users" => whole(self.address_users),
            _ => return None,
        })
    }
}

impl ActivityEvent {
    /// What a dotted path such as `event.data.seconds` leads to in the event; `None` where it leads nowhere.
    #[must_use]
    pub fn field(&self, path: &str) -> Option<FieldValue<'_>> {
        event_field(self, path.strip_prefix("event.")?)
    }
}

fn event_field<'a>(event: &'a ActivityEvent, name: &str) -> Option<FieldValue<'a>> {
    Some(match name {
        "id" => text(event.id.as_str()),
        "type" => text(event.event_type.as_str()),
        "source" => text(event.source.as_str()),
        "time" => instant(event.time),
        "data" => FieldValue::Object(&event.data),
        _ => return within_map(&event.data, name.strip_prefix("data.")?),
    })
}

fn evidence_field<'a>(evidence: &'a Evidence, name: &str) -> Option<FieldValue<'a>> {
    Some(match name {
        "type" => text(serde_name(evidence.evidence_type)),
        "data" => text(evidence.data.as_str()),
        "seconds" => whole(evidence.seconds()?),
        "screenshot_url" => text(evidence.screenshot_url.as_deref()?),
        "video_url" => text(evidence.video_url.as_deref()?),
        "captured_at" => instant(evidence.captured_at?),
        _ => return None,
    })
}

/// One mission's compiled script. A hook that the script does not define answers `None`: the default applies.
///
/// Calls are pure: the same context gives the same answer, always, in bounded time.
pub trait Script: Send + Sync + std::fmt::Debug {
    /// `fn eligible(ctx)`: may this user start or progress?
    ///
    /// # Errors
    /// When the script fails or passes a limit.
    fn eligible(&self, context: &RuleContext<'_>) -> Result<Option<bool>, RuleFailure>;

    /// `fn progress(ctx)`: how much the event adds.
    ///
    /// # Errors
    /// When the script fails, passes a limit, or gives no whole number from 0.
    fn progress(&self, context: &RuleContext<'_>) -> Result<Option<u64>, RuleFailure>;

    /// `fn verify(ctx)`: is the evidence good?
    ///
    /// # Errors
    /// When the script fails, passes a limit, or gives something else than a verdict.
    fn verify(&self, context: &RuleContext<'_>) -> Result<Option<EvidenceVerdict>, RuleFailure>;

    /// `fn reward(ctx)`: what the completion earns, where it differs from the mission's offer.
    ///
    /// # Errors
    /// When the script fails, passes a limit, or gives an amount that is negative or too large.
    fn reward(&self, context: &RuleContext<'_>) -> Result<Option<RewardPatch>, RuleFailure>;

    /// `fn risk(ctx)`: how risky is what the user does? Of a pack's own script, not a mission's.
    ///
    /// # Errors
    /// When the script fails, passes a limit, or gives something else than a score with reasons.
    fn risk(&self, context: &RuleContext<'_>) -> Result<Option<RiskAssessment>, RuleFailure>;

    /// What an event or its user must be like for `eligible` to say yes, where that can be told without a call: whatever
    /// else the context holds, `eligible` answers `Some(false)` to any other, and does not fail.
    fn field_condition(&self) -> Option<FieldCondition> {
        None
    }

    /// The codes of the missions whose completions the script reads.
    fn completions_read(&self) -> &[String] {
        &[]
    }

    /// Whether calls have taken so long of late that other missions' commands should not wait for them. It decides
    /// where a command is carried out, never what becomes of it.
    fn is_slow(&self) -> bool {
        false
    }

    /// What the calls of each hook have cost in this process so far, where somebody measures that.
    fn costs(&self) -> Vec<HookCost> {
        Vec::new()
    }
}

/// What the evaluations of one hook have cost.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HookCost {
    /// The hook.
    pub hook: Hook,
    /// Whether they were compiled ones; else the interpreter's.
    pub compiled: bool,
    /// How many there were.
    pub evaluations: u64,
    /// How long they took together; of compiled ones an estimate.
    pub total: Duration,
    /// How long the longest of those that were timed took.
    pub longest: Duration,
}

/// The result of `verify`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum EvidenceVerdict {
    /// Good.
    Valid,
    /// Not good, and why.
    Invalid(String),
    /// A person should look, and why.
    Review(String),
}

/// The fields of a reward that a script sets; unrounded, as the script computed them.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct RewardPatch {
    /// Points.
    pub points: Option<Decimal>,
    /// Points on top.
    pub bonus_points: Option<Decimal>,
    /// Experience.
    pub experience_points: Option<u32>,
    /// Mining boost in percent.
    pub mining_boost_percent: Option<Decimal>,
    /// A badge.
    pub badge_id: Option<String>,
    /// Days until an unclaimed reward is lost.
    pub expires_after_days: Option<u32>,
}

/// One evaluation failed; nothing else is disturbed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("hook `{hook}`: {message}")]
pub struct RuleFailure {
    /// The hook that failed.
    pub hook: Hook,
    /// What kind of failure it is.
    pub kind: FailureKind,
    /// The line in the script, from 1, where it is known.
    pub line: Option<u32>,
    /// What went wrong, with line and column where the script knows them.
    pub message: String,
}

impl RuleFailure {
    /// The failure of a hook whose script does not compile.
    #[must_use]
    pub fn of_compiling(hook: Hook, error: &CompileError) -> Self {
        RuleFailure {
            hook,
            kind: FailureKind::Compile,
            line: u32::try_from(error.line).ok(),
            message: error.to_string(),
        }
    }
}

/// Kinds of failures, for metrics.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum FailureKind {
    /// The script does not compile.
    Compile,
    /// An error while it ran.
    Error,
    /// It went over a limit.
    Limit,
    /// Its answer is none that the hook can give.
    Answer,
    /// It awards an amount out of bounds.
    Amount,
}

impl FailureKind {
    /// The kind in a word, as metrics and answers have it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            FailureKind::Compile => "compile",
            FailureKind::Error => "error",
            FailureKind::Limit => "limit",
            FailureKind::Answer => "answer",
            FailureKind::Amount => "amount",
        }
    }
}

/// A rule failure with its mission.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error, Serialize, Deserialize)]
#[error("hook `{hook}`: {message}")]
pub struct MissionRuleFailure {
    /// Whose rule it is.
    pub mission_id: MissionId,
    /// The mission's code.
    pub mission: MissionCode,
    /// The hook that failed.
    pub hook: Hook,
    /// What kind of failure it is.
    pub kind: FailureKind,
    /// The line in the script, from 1, where it is known.
    pub line: Option<u32>,
    /// What went wrong.
    pub message: String,
}

impl MissionRuleFailure {
    /// The failure of a mission's script.
    #[must_use]
    pub fn new(mission: &Mission, failure: RuleFailure) -> Self {
        MissionRuleFailure {
            mission_id: mission.id,
            mission: mission.definition.code.clone(),
            hook: failure.hook,
            kind: failure.kind,
            line: failure.line,
            message: failure.message,
        }
    }
}

/// The hooks: four of a mission's script, and one of a pack's own.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Hook {
    /// May this user start or progress?
    Eligible,
    /// How much one event adds.
    Progress,
    /// Is the evidence good?
    Verify,
    /// What a completion earns.
    Reward,
    /// How risky is what a user does?
    Risk,
}

impl Hook {
    /// All five.
    pub const ALL: [Hook; 5] = [
        Hook::Eligible,
        Hook::Progress,
        Hook::Verify,
        Hook::Reward,
        Hook::Risk,
    ];
    /// Those of a mission's script.
    pub const OF_MISSIONS: [Hook; 4] = [Hook::Eligible, Hook::Progress, Hook::Verify, Hook::Reward];

    /// The name of the script's function.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Hook::Eligible => "eligible",
            Hook::Progress => "progress",
            Hook::Verify => "verify",
            Hook::Reward => "reward",
            Hook::Risk => "risk",
        }
    }
}

impl std::fmt::Display for Hook {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.name())
    }
}

/// Makes scripts out of their source. Compiling the same source twice is cheap: implementations keep what they made.
pub trait ScriptCompiler: Send + Sync {
    /// Compiles a script.
    ///
    /// # Errors
    /// When the source is no valid script.
    fn compile(&self, source: &str) -> Result<Arc<dyn Script>, CompileError>;

    /// The lines of a script that run when a hook is evaluated on a context, with the values that they see; none
    /// where nobody can tell.
    fn trace(&self, _source: &str, _hook: Hook, _context: &RuleContext<'_>) -> Vec<TracedLine> {
        Vec::new()
    }
}

/// One line of a script that ran.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct TracedLine {
    /// From 1.
    pub line: usize,
    /// The line of the source, without the white space around it.
    pub code: String,
    /// What it reads, as it is written there, with its value at that moment.
    pub values: Map<String, Value>,
}

impl<C: ScriptCompiler + ?Sized> ScriptCompiler for Arc<C> {
    fn compile(&self, source: &str) -> Result<Arc<dyn Script>, CompileError> {
        (**self).compile(source)
    }

    fn trace(&self, source: &str, hook: Hook, context: &RuleContext<'_>) -> Vec<TracedLine> {
        (**self).trace(source, hook, context)
    }
}

/// A script that does not compile.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message} (line {line}, column {column})")]
pub struct CompileError {
    /// What is wrong.
    pub message: String,
    /// From 1; 0 where unknown.
    pub line: usize,
    /// From 1; 0 where unknown.
    pub column: usize,
}

/// For deployments whose missions use declarative rules only: every script is refused.
#[derive(Clone, Copy, Debug, Default)]
pub struct NoScripts;

impl ScriptCompiler for NoScripts {
    fn compile(&self, _source: &str) -> Result<Arc<dyn Script>, CompileError> {
        Err(CompileError {
            message: "this engine runs no scripts".to_owned(),
            line: 0,
            column: 0,
        })
    }
}
