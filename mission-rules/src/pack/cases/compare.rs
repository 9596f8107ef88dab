//! What is expected beside what came out.

use std::ops::Range;

use mission_core::{
    Points,
    engine::Reply,
    fraud::{RiskAssessment, RiskPolicy},
    reward::Reward,
    serde_name,
    task::Task,
};
use rust_decimal::Decimal;

use super::Mismatch;
use crate::pack::{CheckInExpectation, Expectation, RiskExpectation, simulation::StepError};

/// The actual outcome of a case.
pub(super) struct ActualOutcome<'a> {
    pub(super) task: Option<&'a Task>,
    pub(super) status: Option<String>,
    pub(super) completions: u64,
    pub(super) rewards: Vec<&'a Reward>,
    pub(super) refused: Option<&'a (String, String)>,
}

pub(super) fn compare_task(comparison: &mut Comparison<'_>, expect: &Expectation, seen: &ActualOutcome<'_>) {
    let none = || "none".to_owned();
    let sum = |part: fn(&Reward) -> Decimal| seen.rewards.iter().map(|reward| part(reward)).sum::<Decimal>();
    if let Some(status) = expect.status {
        let found = seen.status.clone().unwrap_or_else(|| "not started".to_owned());
        comparison.check("status", &serde_name(status), &found);
    }
    if let Some(progress) = expect.progress {
        comparison.check(
            "progress",
            &progress,
            &seen.task.map_or(0, |task| task.progress.current()),
        );
    }
    if let Some(points) = expect.points {
        comparison.amount("points", points.get(), sum(|reward| reward.amount.points.get()));
    }
    if let Some(points) = expect.bonus_points {
        comparison.amount(
            "bonus_points",
            points.get(),
            sum(|reward| reward.amount.bonus_points.get()),
        );
    }
    if let Some(experience) = expect.experience_points {
        let found: u64 = seen
            .rewards
            .iter()
            .map(|reward| u64::from(reward.experience_points))
            .sum();
        comparison.check("experience_points", &experience, &found);
    }
    if let Some(boost) = expect.mining_boost_percent {
        let found = seen
            .rewards
            .last()
            .map_or(Decimal::ZERO, |reward| reward.mining_boost_percent.get());
        comparison.amount("mining_boost_percent", boost.get(), found);
    }
    if let Some(badge) = &expect.badge_id {
        let found = seen.rewards.last().and_then(|reward| reward.badge_id.clone());
        comparison.check("badge_id", badge, &found.unwrap_or_else(none));
    }
    if let Some(completions) = expect.completions {
        comparison.check("completions", &completions, &seen.completions);
    }
    if let Some(not_started) = expect.not_started {
        comparison.check("not_started", &not_started, &seen.task.is_none());
    }
    if let Some(wanted) = &expect.rejected {
        match seen.refused {
            Some((code, reason)) if code == wanted || reason.contains(wanted.as_str()) => {}
            Some((code, reason)) => comparison.differ("rejected", wanted, &format!("{code} ({reason})")),
            None => comparison.differ("rejected", wanted, "none"),
        }
    }
}

pub(super) fn compare_check_in(
    comparison: &mut Comparison<'_>,
    expect: &CheckInExpectation,
    reply: Result<Reply, StepError>,
) {
    let checked_in = match (reply, &expect.error) {
        (Ok(Reply::CheckedIn(checked_in)), None) => checked_in,
        (Ok(_), Some(wanted)) => return comparison.differ("error", wanted, "none"),
        (Err(StepError::Rejected(why)), Some(wanted)) if why.code() == wanted => return,
        (Err(why), wanted) => {
            let found = match &why {
                StepError::Rejected(why) => why.code().to_owned(),
                StepError::Failed(_) => why.to_string(),
            };
            return comparison.differ("error", wanted.as_deref().unwrap_or("none"), &found);
        }
        (Ok(_), None) => return comparison.differ("answer", "a check-in", "something else"),
    };
    let earned = checked_in.day.earned;
    let amounts: [(&str, Option<Points>, Decimal); 5] = [
        ("points", expect.points, earned.total()),
        ("base_points", expect.base_points, earned.base.get()),
        ("streak_bonus", expect.streak_bonus, earned.streak_bonus.get()),
        (
            "milestone_bonus",
            expect.milestone_bonus,
            earned.milestone_bonus.get(),
        ),
        (
            "monthly_reward",
            expect.monthly_reward,
            earned.monthly_reward.get(),
        ),
    ];
    for (what, wanted, found) in amounts {
        if let Some(wanted) = wanted {
            comparison.amount(what, wanted.get(), found);
        }
    }
    let counts = [
        ("streak", expect.streak, checked_in.day.streak),
        ("freezes_used", expect.freezes_used, checked_in.day.freezes_used),
        ("freezes_held", expect.freezes_held, checked_in.freezes_held),
    ];
    for (what, wanted, found) in counts {
        if let Some(wanted) = wanted {
            comparison.check(what, &wanted, &found);
        }
    }
    if let Some(milestone) = expect.milestone {
        comparison.check("milestone", &milestone, &earned.is_milestone());
    }
}

pub(super) fn compare_risk(
    comparison: &mut Comparison<'_>,
    expect: &RiskExpectation,
    policy: &RiskPolicy,
    judged: &RiskAssessment,
) {
    if let Some(score) = expect.score {
        comparison.check("score", &score.get(), &judged.score.get());
    }
    if let Some(outcome) = expect.outcome {
        let found = policy.outcome(judged.score);
        comparison.check("outcome", &serde_name(outcome), &serde_name(found));
    }
    if let Some(reasons) = &expect.reasons
        && *reasons != judged.reasons
    {
        let shown = |reasons: &[String]| match reasons {
            [] => "none".to_owned(),
            reasons => reasons.join("; "),
        };
        comparison.differ("reasons", &shown(reasons), &shown(&judged.reasons));
    }
}

/// Collects what is otherwise than one expectation says.
pub(super) struct Comparison<'a> {
    pub(super) prefix: String,
    /// Where a field of the expectation stands.
    pub(super) place: &'a dyn Fn(&str) -> Range<usize>,
    pub(super) mismatches: &'a mut Vec<Mismatch>,
}

impl Comparison<'_> {
    fn check<T: PartialEq + std::fmt::Display>(&mut self, what: &str, expected: &T, found: &T) {
        if expected != found {
            self.differ(what, &expected.to_string(), &found.to_string());
        }
    }

    fn amount(&mut self, what: &str, expected: Decimal, found: Decimal) {
        self.check(what, &expected.normalize(), &found.normalize());
    }

    pub(super) fn differ(&mut self, what: &str, expected: &str, found: &str) {
        self.mismatches.push(Mismatch {
            what: format!("{}`{what}`", self.prefix),
            expected: expected.to_owned(),
            found: found.to_owned(),
            span: (self.place)(what),
        });
    }
}
