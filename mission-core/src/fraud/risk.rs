//! The risk of a user's command: signals, the score that a pack's `fn risk(ctx)` gives them, and what follows from it.

use chrono::{DateTime, Duration, Utc};
use serde::{Deserialize, Serialize};

use super::CheckMode;

/// What a user does through one of the state-changing routes, as `ctx.action` names it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum UserAction {
    /// The daily check-in.
    CheckIn,
    /// A task is started.
    Start,
    /// Progress is reported.
    Progress,
    /// Evidence is shown.
    Evidence,
    /// A file is uploaded.
    Upload,
    /// A task is completed.
    Complete,
    /// A reward is claimed.
    Claim,
}

impl UserAction {
    /// Every action.
    pub const ALL: [UserAction; 7] = [
        UserAction::CheckIn,
        UserAction::Start,
        UserAction::Progress,
        UserAction::Evidence,
        UserAction::Upload,
        UserAction::Complete,
        UserAction::Claim,
    ];

    /// As `ctx.action` names it.
    ///
    /// ```
    /// use mission_core::fraud::UserAction;
    /// assert_eq!(UserAction::CheckIn.name(), "check_in");
    /// ```
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            UserAction::CheckIn => "check_in",
            UserAction::Start => "start",
            UserAction::Progress => "progress",
            UserAction::Evidence => "evidence",
            UserAction::Upload => "upload",
            UserAction::Complete => "complete",
            UserAction::Claim => "claim",
        }
    }
}

/// What is known of the velocity and the surroundings of a command, as `ctx.signals` has it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RiskSignals {
    /// What the user does.
    pub action: UserAction,
    /// Whole hours since the user registered, or else came first.
    pub account_age_hours: u64,
    /// The user's actions within the last minute, this one too.
    pub actions_last_minute: u32,
    /// The user's actions within the last hour, this one too; no more than [`RecentActions::MOST`].
    pub actions_last_hour: u32,
    /// How many of the latest pauses between the user's actions are as long as the very last one; see
    /// [`RecentActions::identical_intervals`].
    pub identical_intervals: u32,
    /// Whether the command came with a device that the user is not trusted with.
    pub is_new_device: bool,
    /// How many other users came with the device within the time that makes one shared; a store knows the latest fifty.
    pub device_users: u32,
    /// How many other users came from the address within that time; a store knows the latest fifty.
    pub address_users: u32,
}

/// When a user acted lately, as far as the velocity signals ask.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct RecentActions(Vec<i64>);

impl RecentActions {
    /// So many are kept, of the last hour.
    pub const MOST: usize = 32;

    /// Whether none is known.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The instants, in order.
    pub fn times(&self) -> impl Iterator<Item = DateTime<Utc>> {
        self.0
            .iter()
            .filter_map(|&at| DateTime::from_timestamp_millis(at))
    }

    /// Notes an action, and forgets what is older than an hour before it.
    pub(crate) fn note(&mut self, at: DateTime<Utc>) {
        let at = at.timestamp_millis();
        let hour = Duration::hours(1).num_milliseconds();
        self.0.retain(|known| at - known < hour);
        if self.0.len() >= Self::MOST {
            self.0.drain(..=self.0.len() - Self::MOST);
        }
        self.0.push(at);
    }

    /// How many of them were less than so long ago.
    #[must_use]
    pub fn within(&self, window: Duration, now: DateTime<Utc>) -> u32 {
        let since = now.timestamp_millis() - window.num_milliseconds();
        let count = self.0.iter().filter(|&&at| at > since).count();
        u32::try_from(count).unwrap_or(u32::MAX)
    }

    /// How many of the latest pauses, one after the other, are as long as the last one: within a tenth of it, and within
    /// a second. Of fewer than three actions none is.
    ///
    /// People pause as they please; programs on a timer do not.
    #[must_use]
    pub fn identical_intervals(&self) -> u32 {
        let mut pauses = self.0.windows(2).rev().map(|pair| match pair {
            [before, after] => after - before,
            _ => 0,
        });
        let Some(last) = pauses.next() else { return 0 };
        let tolerance = (last / 10).min(1_000);
        let alike = pauses
            .take_while(|pause| (pause - last).abs() <= tolerance)
            .count();
        match u32::try_from(alike) {
            Ok(0) | Err(_) => 0,
            Ok(alike) => alike + 1,
        }
    }
}

/// What a pack says of risk (`risk.toml`).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RiskPolicy {
    /// The script with `fn risk(ctx)`.
    pub script: String,
    /// From this score on a completion, claim or check-in waits for a reviewer.
    pub flag_at: RiskScore,
    /// From this score on any action is refused; never, where it is `None`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub refuse_at: Option<RiskScore>,
    /// Whether it acts or only counts.
    #[serde(default)]
    pub mode: CheckMode,
}

/// A score of risk: 0 to 100.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "u8")]
pub struct RiskScore(u8);

/// A number that is no score.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a score of risk is 0 to 100, and not {0}")]
pub struct NoRiskScore(u8);

impl RiskScore {
    /// The highest one.
    pub const MAX: RiskScore = RiskScore(100);

    /// As a number.
    #[must_use]
    pub const fn get(self) -> u8 {
        self.0
    }
}

impl TryFrom<u8> for RiskScore {
    type Error = NoRiskScore;

    fn try_from(score: u8) -> Result<Self, NoRiskScore> {
        if score <= Self::MAX.0 {
            Ok(RiskScore(score))
        } else {
            Err(NoRiskScore(score))
        }
    }
}

/// What `fn risk(ctx)` gives: a score, and what speaks for it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct RiskAssessment {
    /// The score: 0 to 100.
    #[cfg_attr(feature = "openapi", schema(value_type = u8, maximum = 100))]
    pub score: RiskScore,
    /// Why, in the author's words.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub reasons: Vec<String>,
}

/// What follows from a score.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RiskOutcome {
    /// Nothing.
    Passed,
    /// What earns waits for a reviewer.
    Flagged,
    /// The command is refused.
    Refused,
}

impl RiskPolicy {
    /// What follows from a score, whether the policy acts or only counts.
    ///
    /// ```
    /// use mission_core::fraud::{CheckMode, RiskOutcome, RiskPolicy};
    /// let policy = RiskPolicy {
    ///     script: "fn risk(ctx) { 0 }".to_owned(),
    ///     flag_at: 50.try_into()?,
    ///     refuse_at: Some(90.try_into()?),
    ///     mode: CheckMode::On,
    /// };
    /// assert_eq!(policy.outcome(49.try_into()?), RiskOutcome::Passed);
    /// assert_eq!(policy.outcome(50.try_into()?), RiskOutcome::Flagged);
    /// assert_eq!(policy.outcome(90.try_into()?), RiskOutcome::Refused);
    /// # Ok::<(), mission_core::fraud::NoRiskScore>(())
    /// ```
    #[must_use]
    pub fn outcome(&self, score: RiskScore) -> RiskOutcome {
        if self.refuse_at.is_some_and(|refuse_at| score >= refuse_at) {
            RiskOutcome::Refused
        } else if score >= self.flag_at {
            RiskOutcome::Flagged
        } else {
            RiskOutcome::Passed
        }
    }
}

/// What the check of the risk found, with its mode.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RiskCheck {
    /// Whether it acts.
    pub mode: CheckMode,
    /// What follows, or would.
    pub outcome: RiskOutcome,
    /// The score and its reasons; `None` where the script failed, which sends what earns to a reviewer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub assessment: Option<RiskAssessment>,
    /// How the script failed, if it did.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub failure: Option<String>,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn actions(seconds: &[i64]) -> RecentActions {
        let mut actions = RecentActions::default();
        for &second in seconds {
            actions.note(at(second));
        }
        actions
    }

    fn at(second: i64) -> DateTime<Utc> {
        DateTime::from_timestamp(1_700_000_000 + second, 0).unwrap()
    }

    #[test]
    fn actions_are_counted_within_a_window_that_ends_now() {
        let actions = actions(&[0, 30, 59, 60, 61]);
        assert_eq!(actions.within(Duration::minutes(1), at(61)), 4);
        assert_eq!(actions.within(Duration::hours(1), at(61)), 5);
        assert_eq!(actions.within(Duration::minutes(1), at(1_000)), 0);
    }

    #[test]
    fn no_more_than_an_hour_and_so_many_actions_are_kept() {
        assert_eq!(actions(&[0, 3_599]).0.len(), 2);
        assert_eq!(actions(&[0, 3_600]).0.len(), 1);
        let many: Vec<i64> = (0..100).collect();
        let kept = actions(&many);
        assert_eq!(kept.0.len(), RecentActions::MOST);
        assert_eq!(kept.within(Duration::hours(1), at(99)), 32);
        assert_eq!(kept.within(Duration::seconds(1), at(99)), 1);
    }

    #[test]
    fn pauses_of_a_timer_are_identical_and_those_of_a_person_are_not() {
        for (seconds, expected) in [
            (&[][..], 0),
            (&[0], 0),
            (&[0, 30], 0),
            (&[0, 30, 60], 2),
            (&[0, 30, 60, 90, 121], 4),
            // A tenth of ten seconds is one.
            (&[0, 10, 21, 31], 3),
            (&[0, 10, 22, 32], 0),
            (&[0, 300, 303, 400, 900], 0),
            // What was before an irregular pause does not count.
            (&[0, 30, 60, 200, 230, 260], 2),
        ] {
            assert_eq!(actions(seconds).identical_intervals(), expected, "{seconds:?}");
        }
    }

    #[test]
    fn a_score_is_no_more_than_a_hundred() {
        assert_eq!(RiskScore::try_from(100), Ok(RiskScore::MAX));
        assert_eq!(RiskScore::try_from(101), Err(NoRiskScore(101)));
        assert!(serde_json::from_str::<RiskScore>("101").is_err());
    }
}
