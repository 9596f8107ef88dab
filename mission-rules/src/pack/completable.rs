//! Missions that nobody can complete, whatever happens.

use std::collections::HashMap;

use chrono::TimeDelta;
use mission_core::{
    event::InnerEvent,
    mission::{Counting, Definition, Frequency, MissionCode, Operator, StreakPeriod},
};

use super::{Finding, mission_file::MissionFile, references::PlacedMission};
use crate::{FindingCode, diagnostic::Diagnostic};

/// Reports missions that can never be completed.
pub(super) fn check_completable(missions: &[PlacedMission<'_>], findings: &mut Vec<Finding>) {
    let by_code: HashMap<&MissionCode, &Definition> = missions
        .iter()
        .filter_map(|(_, mission)| Some((&mission.code.as_ref()?.value, mission.definition.as_ref()?)))
        .collect();
    for (file, mission) in missions {
        if let Some(definition) = &mission.definition {
            let found = [
                late_requirement(mission, definition, &by_code),
                long_streak(mission, definition),
                few_completions(mission, definition, &by_code),
            ];
            findings.extend(
                found
                    .into_iter()
                    .flatten()
                    .map(|found| Finding::new(*file, found)),
            );
        }
    }
}

fn never(why: &str) -> Diagnostic {
    Diagnostic::new(
        FindingCode::PackNeverCompleted,
        format!("nobody can ever complete this mission: {why}"),
    )
}

/// A required mission that begins when this one is over.
fn late_requirement(
    mission: &MissionFile,
    definition: &Definition,
    by_code: &HashMap<&MissionCode, &Definition>,
) -> Option<Diagnostic> {
    let ends_at = definition.ends_at?;
    let needed = mission.requires.iter().filter(|required| required.is_needed);
    needed
        .filter_map(|required| Some((&required.code, by_code.get(&required.code.value)?.starts_at?)))
        .find(|(_, starts_at)| *starts_at >= ends_at)
        .map(|(code, starts_at)| {
            let why = format!("`{}` begins at {starts_at}, when this one is over", code.value);
            let help = "move `starts_at` there, or `ends_at` here";
            never(&why).with_help(help).at(code.span.clone())
        })
}

/// A streak of more days, weeks or months than there are between the mission's times, or in one of its periods.
fn long_streak(mission: &MissionFile, definition: &Definition) -> Option<Diagnostic> {
    let streak = definition.streak?;
    let name = match streak.period {
        StreakPeriod::Day => "days",
        StreakPeriod::Week => "weeks",
        StreakPeriod::Month => "months",
    };
    let window = definition.ends_at.zip(definition.starts_at);
    let in_window = window.map(|(end, start)| (end - start, "between `starts_at` and `ends_at`"));
    let in_period = match definition.frequency {
        Frequency::Daily => Some((TimeDelta::days(1), "in a day, after which a task is over")),
        Frequency::Weekly => Some((TimeDelta::days(7), "in a week, after which a task is over")),
        Frequency::Monthly => Some((TimeDelta::days(31), "in a month, after which a task is over")),
        Frequency::OneTime | Frequency::Unlimited => None,
    };
    let too_short = [in_period, in_window].into_iter().flatten();
    too_short
        .map(|(time, place)| (most_periods(streak.period, time), place))
        .find(|(most, _)| definition.target > *most)
        .map(|(_, place)| {
            let why = format!("there are no {} {name} {place}", definition.target);
            let help = "lower `target`, or let the mission run longer (`frequency = \"one_time\"`)";
            never(&why).with_help(help).at(mission.places.target.clone())
        })
}

/// How many periods a stretch of time can touch. One more for where it begins, and one for users who travel.
fn most_periods(period: StreakPeriod, time: TimeDelta) -> u64 {
    let days = match period {
        StreakPeriod::Day => 1,
        StreakPeriod::Week => 7,
        StreakPeriod::Month => 28,
    };
    u64::try_from(time.num_days()).unwrap_or_default() / days + 2
}

/// A target above how often the missions that are counted can be completed.
fn few_completions(
    mission: &MissionFile,
    definition: &Definition,
    by_code: &HashMap<&MissionCode, &Definition>,
) -> Option<Diagnostic> {
    let completed = InnerEvent::MissionCompleted.event_type();
    let is_counted = !definition.trigger.is_empty()
        && definition
            .trigger
            .iter()
            .all(|trigger| trigger.event == completed)
        && definition.streak.is_none()
        && mission.script.is_none();
    let named = mission.rules.iter().find(|place| {
        place.rule.rule_type == "event.data.mission"
            && matches!(place.rule.operator, Operator::Eq | Operator::In)
    })?;
    if !is_counted {
        return None;
    }
    let mut most: u64 = 0;
    for code in named.rule.value.split(',') {
        let code: MissionCode = code.trim().parse().ok()?;
        let other = by_code.get(&code)?;
        most += match &definition.count {
            Counting::Distinct(path) if path == "event.data.mission" => 1,
            Counting::Events if other.frequency == Frequency::OneTime => other.completion_cap()?.into(),
            _ => return None,
        };
    }
    (definition.target > most).then(|| {
        let why = format!(
            "what it counts comes {most} times at most, and `target` is {}",
            definition.target
        );
        let help = "lower `target`, or count more missions";
        never(&why).with_help(help).at(mission.places.target.clone())
    })
}
