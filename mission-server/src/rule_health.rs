//! What is known of rules that fail: counted, logged now and then, and shown with their missions.

use std::{
    collections::HashMap,
    sync::{Mutex, MutexGuard, PoisonError},
};

use chrono::{DateTime, Duration, Utc};
use mission_core::{
    MissionId,
    ports::rules::{Hook, MissionRuleFailure},
};
use serde::Serialize;
use utoipa::ToSchema;

/// The failures of every mission's rules, as this server has seen them since its start.
#[derive(Debug, Default)]
pub struct RuleHealth {
    missions: Mutex<HashMap<MissionId, Failures>>,
}

/// The health of a mission's rules on this server.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, ToSchema)]
#[schema(as = RuleHealth)]
pub struct Health {
    /// Failures in the last hour.
    pub failures_last_hour: u64,
    /// The last failure, in words; `None` where none was in the last hour.
    pub last_reason: Option<String>,
    /// Since when it fails: the first failure after an hour without any.
    pub since: Option<DateTime<Utc>>,
}

/// One mission's failures.
#[derive(Debug)]
struct Failures {
    /// By minute of the last hour, the oldest first.
    minutes: Vec<(DateTime<Utc>, u64)>,
    since: DateTime<Utc>,
    last: DateTime<Utc>,
    last_reason: String,
    /// When each hook was last warned of, and how many failures went suppressed since.
    warned: HashMap<Hook, (DateTime<Utc>, u64)>,
}

/// One warning a hook and this long.
const BETWEEN_WARNINGS: Duration = Duration::minutes(1);

const AN_HOUR: Duration = Duration::hours(1);

impl RuleHealth {
    fn lock(&self) -> MutexGuard<'_, HashMap<MissionId, Failures>> {
        self.missions.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes a failure down.
    pub fn note(&self, fault: &MissionRuleFailure, now: DateTime<Utc>) {
        metrics::counter!(
            "mission_rule_failures_total",
            "mission" => fault.mission.to_string(), "hook" => fault.hook.name(), "kind" => fault.kind.name()
        )
        .increment(1);
        let suppressed = {
            let mut missions = self.lock();
            let failures = missions
                .entry(fault.mission_id)
                .or_insert_with(|| Failures::new(now));
            failures.add(fault, now);
            failures.warn(fault.hook, now)
        };
        if let Some(suppressed) = suppressed {
            tracing::warn!(
                mission = %fault.mission, hook = fault.hook.name(), kind = fault.kind.name(), line = fault.line,
                reason = fault.message, suppressed, "a rule failed"
            );
        }
    }

    /// How a mission's rules do at an instant.
    #[must_use]
    pub fn of(&self, mission: MissionId, now: DateTime<Utc>) -> Health {
        let missions = self.lock();
        let failing = missions
            .get(&mission)
            .filter(|failures| now - failures.last < AN_HOUR);
        failing.map_or_else(Health::default, |failures| Health {
            failures_last_hour: failures.since_an_hour(now),
            last_reason: Some(failures.last_reason.clone()),
            since: Some(failures.since),
        })
    }
}

impl Failures {
    fn new(now: DateTime<Utc>) -> Self {
        Failures {
            minutes: Vec::new(),
            since: now,
            last: now,
            last_reason: String::new(),
            warned: HashMap::new(),
        }
    }

    fn add(&mut self, fault: &MissionRuleFailure, now: DateTime<Utc>) {
        if now - self.last >= AN_HOUR {
            self.since = now;
        }
        self.last = now;
        self.last_reason = fault.to_string();
        self.minutes.retain(|(minute, _)| now - *minute < AN_HOUR);
        match self.minutes.last_mut() {
            Some((minute, count)) if now - *minute < Duration::minutes(1) => *count += 1,
            _ => self.minutes.push((now, 1)),
        }
    }

    /// How many failures went suppressed, where it is time for another warning.
    fn warn(&mut self, hook: Hook, now: DateTime<Utc>) -> Option<u64> {
        match self.warned.get_mut(&hook) {
            Some((at, suppressed)) if now - *at < BETWEEN_WARNINGS => {
                *suppressed += 1;
                None
            }
            _ => {
                let before = self.warned.insert(hook, (now, 0));
                Some(before.map_or(0, |(_, suppressed)| suppressed))
            }
        }
    }

    fn since_an_hour(&self, now: DateTime<Utc>) -> u64 {
        let recent = self.minutes.iter().filter(|(minute, _)| now - *minute < AN_HOUR);
        recent.map(|(_, count)| count).sum()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use mission_core::ports::rules::FailureKind;

    fn fault(message: &str) -> MissionRuleFailure {
        MissionRuleFailure {
            mission_id: MissionId(uuid::Uuid::nil()),
            mission: "watch".parse().unwrap(),
            hook: Hook::Reward,
            kind: FailureKind::Error,
            line: Some(3),
            message: message.to_owned(),
        }
    }

    #[test]
    fn an_hour_of_failures_is_counted_and_forgotten() {
        let health = RuleHealth::default();
        let start: DateTime<Utc> = "2026-01-05T10:00:00Z".parse().unwrap();
        let id = MissionId(uuid::Uuid::nil());
        assert_eq!(health.of(id, start), Health::default());
        for minute in [0, 0, 30, 59] {
            health.note(&fault(&format!("at {minute}")), start + Duration::minutes(minute));
        }
        let seen = health.of(id, start + Duration::minutes(59));
        assert_eq!((seen.failures_last_hour, seen.since), (4, Some(start)));
        assert_eq!(seen.last_reason.as_deref(), Some("hook `reward`: at 59"));
        let seen = health.of(id, start + Duration::minutes(60));
        assert_eq!(
            (seen.failures_last_hour, seen.since),
            (2, Some(start)),
            "the first two are an hour old"
        );
        assert_eq!(health.of(id, start + Duration::minutes(119)), Health::default());
        let later = start + Duration::minutes(200);
        health.note(&fault("again"), later);
        let seen = health.of(id, later);
        assert_eq!(
            (seen.failures_last_hour, seen.since),
            (1, Some(later)),
            "a new failing"
        );
    }

    #[test]
    fn one_warning_a_hook_and_minute() {
        let start: DateTime<Utc> = "2026-01-05T10:00:00Z".parse().unwrap();
        let mut failures = Failures::new(start);
        let after = |seconds| start + Duration::seconds(seconds);
        assert_eq!(failures.warn(Hook::Reward, start), Some(0));
        assert_eq!(failures.warn(Hook::Reward, after(1)), None);
        assert_eq!(failures.warn(Hook::Progress, after(2)), Some(0));
        assert_eq!(failures.warn(Hook::Reward, after(59)), None);
        assert_eq!(
            failures.warn(Hook::Reward, after(60)),
            Some(2),
            "two went suppressed"
        );
    }
}
