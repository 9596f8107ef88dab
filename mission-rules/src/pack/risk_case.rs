//! `[[risk_case]]`: what a user does and how, and how risky the pack's script should call it.

use chrono::{DateTime, TimeDelta, Utc};
use mission_core::{
    fraud::{RiskOutcome, RiskScore, RiskSignals, UserAction},
    mission::MissionCode,
};

use super::{
    case_file::{CaseUser, Expected, expected_something, user},
    fields::{Fields, Located},
};

/// One command of a user, and the judgement that is expected of it.
#[derive(Clone, Debug, PartialEq)]
pub struct RiskCase {
    /// The file that it stands in.
    pub file: String,
    /// Its name, unique in the pack.
    pub name: Located<String>,
    /// The mission that the command is about, if it is about one.
    pub mission: Option<Located<MissionCode>>,
    /// When it happens.
    pub at: DateTime<Utc>,
    /// What is known of the user.
    pub user: CaseUser,
    /// The days of the user's streak.
    pub streak: u32,
    /// What the user does, and how.
    pub signals: RiskSignals,
    /// How it should be judged.
    pub expect: Expected<RiskExpectation>,
}

/// The expected judgement. What is left out is not looked at.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct RiskExpectation {
    /// The score.
    pub score: Option<RiskScore>,
    /// What follows from it by the thresholds of `risk.toml`, whether it acts or only counts.
    pub outcome: Option<RiskOutcome>,
    /// All reasons, in order.
    pub reasons: Option<Vec<String>>,
}

pub(super) fn read_risk_case(fields: Fields<'_>) -> Option<RiskCase> {
    let name = fields.required("name");
    let action = fields.required("action");
    let mission = fields.located("mission");
    let at = fields.optional("at").unwrap_or_else(default_time);
    let user = fields.table("user", "`user`").map(user).unwrap_or_default();
    let streak = fields.optional("streak").unwrap_or_default();
    let signals = fields.table("signals", "`signals`");
    let signals = signals.map(GivenSignals::read).unwrap_or_default();
    fields.demand("expect");
    let expect = fields.table("expect", "`expect`").map(expectation);
    let file = fields.report.file.to_owned();
    fields.finish();
    let registered_for = user.registered_at.map(|registered| at - registered);
    Some(RiskCase {
        file,
        name: name?,
        mission,
        at,
        signals: signals.complete(action?.value, registered_for),
        user,
        streak,
        expect: expect?,
    })
}

/// The moment of what has no time of its own: a Monday morning.
pub(super) fn default_time() -> DateTime<Utc> {
    DateTime::from_timestamp(1_767_607_200, 0).unwrap_or_default()
}

/// The signals that are written down.
#[derive(Default)]
struct GivenSignals {
    account_age_hours: Option<u64>,
    actions_last_minute: Option<u32>,
    actions_last_hour: Option<u32>,
    identical_intervals: Option<u32>,
    is_new_device: Option<bool>,
    device_users: Option<u32>,
    address_users: Option<u32>,
}

impl GivenSignals {
    fn read(fields: Fields<'_>) -> Self {
        let signals = GivenSignals {
            account_age_hours: fields.optional("account_age_hours"),
            actions_last_minute: fields.optional("actions_last_minute"),
            actions_last_hour: fields.optional("actions_last_hour"),
            identical_intervals: fields.optional("identical_intervals"),
            is_new_device: fields.optional("is_new_device"),
            device_users: fields.optional("device_users"),
            address_users: fields.optional("address_users"),
        };
        fields.finish();
        signals
    }

    /// With what follows where nothing is written: the action that is judged is counted, and nothing else happened.
    fn complete(self, action: UserAction, registered_for: Option<TimeDelta>) -> RiskSignals {
        let hours = registered_for.and_then(|age| u64::try_from(age.num_hours()).ok());
        let in_minute = self.actions_last_minute.unwrap_or(1);
        RiskSignals {
            action,
            account_age_hours: self.account_age_hours.or(hours).unwrap_or_default(),
            actions_last_minute: in_minute,
            actions_last_hour: self.actions_last_hour.unwrap_or(in_minute),
            identical_intervals: self.identical_intervals.unwrap_or_default(),
            is_new_device: self.is_new_device.unwrap_or_default(),
            device_users: self.device_users.unwrap_or_default(),
            address_users: self.address_users.unwrap_or_default(),
        }
    }
}

fn expectation(fields: Fields<'_>) -> Expected<RiskExpectation> {
    let reasons = fields.list::<String>("reasons").into_iter();
    let reasons = reasons.map(|reason| reason.value).collect();
    let value = RiskExpectation {
        score: fields.optional("score"),
        outcome: fields.optional("outcome"),
        reasons: fields.has("reasons").then_some(reasons),
    };
    expected_something(fields, value)
}
