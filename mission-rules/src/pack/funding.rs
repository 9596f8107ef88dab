//! Rewards that the mission's budget, or the pack's caps, do not let out.

use mission_core::{
    Points,
    mission::{Budget, Definition},
    user::PointsCap,
};
use rust_decimal::Decimal;

use super::mission_file::MissionFile;
use crate::{FindingCode, diagnostic::Diagnostic};

/// What is to be said of what a mission pays, where no script decides on it.
pub(super) fn check_funding(mission: &MissionFile, caps: &[PointsCap]) -> Vec<Diagnostic> {
    let Some(definition) = &mission.definition else {
        return Vec::new();
    };
    let limits = caps.iter().filter(|cap| cap.concerns(&definition.category));
    let lowest = limits
        .flat_map(|cap| [(cap.day, "day"), (cap.week, "week"), (cap.month, "month")])
        .filter_map(|(limit, period)| Some((limit?, period)))
        .min_by_key(|(limit, _)| limit.get());
    let payments = Payments::of(definition);
    let over_cap = lowest.and_then(|(limit, period)| above_cap(&payments, limit, period));
    let over_budget = match definition.budget {
        // What a cap keeps back does not count against the budget.
        Some(budget) if over_cap.is_none() => small_budget(definition, &payments, budget),
        _ => None,
    };
    [
        over_cap.map(|found| found.at(mission.places.reward.clone())),
        over_budget.map(|found| found.at(mission.places.budget.clone())),
    ]
    .into_iter()
    .flatten()
    .collect()
}

/// The points that a user earns on the way to one completion.
struct Payments {
    total: Decimal,
    largest: Decimal,
    count: u64,
}

impl Payments {
    fn of(definition: &Definition) -> Self {
        let of_stages = definition.stage.iter().map(|stage| stage.reward.points);
        let points: Vec<Decimal> = if definition.stage.is_empty() {
            vec![definition.reward.points.get()]
        } else {
            of_stages.map(Points::get).collect()
        };
        Payments {
            total: points.iter().sum(),
            largest: points.iter().copied().max().unwrap_or_default(),
            count: points.len() as u64,
        }
    }
}

fn above_cap(payments: &Payments, limit: Points, period: &str) -> Option<Diagnostic> {
    (payments.largest > limit.get()).then(|| {
        let message = format!(
            "{} points are never paid as a whole: a cap of pack.toml lets a user earn {limit} a {period}",
            payments.largest
        );
        let help = "lower the points, or raise the cap";
        Diagnostic::new(FindingCode::PackAboveCap, message).with_help(help)
    })
}

fn small_budget(definition: &Definition, payments: &Payments, budget: Budget) -> Option<Diagnostic> {
    let per_user = definition.completion_cap().map_or(1, u64::from).max(1);
    let points = budget.max_points.map(Points::get);
    let grants = budget.max_grants.map(u64::from);
    let fits = |times: u64| {
        points.is_none_or(|max| payments.total * Decimal::from(times) <= max)
            && grants.is_none_or(|max| payments.count.saturating_mul(times) <= max)
    };
    let (message, help) = if !fits(1) {
        (
            format!(
                "the budget does not cover one completion, which takes {} points in {} rewards",
                payments.total, payments.count
            ),
            "raise the budget, or lower the reward: nobody can complete the mission",
        )
    } else if !fits(per_user) {
        (
            format!("one user can use the whole budget up, by completing the mission {per_user} times"),
            "raise the budget, or lower `max_completions`",
        )
    } else {
        return None;
    };
    Some(Diagnostic::new(FindingCode::PackSmallBudget, message).with_help(help))
}
