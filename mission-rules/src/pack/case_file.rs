//! `tests/*.toml`: what the author expects of missions (`[[case]]`), of check-ins (`[[checkin_case]]`), of the judgement of
//! risk (`[[risk_case]]`) and of hooks (`[[property]]`).

use std::{collections::BTreeMap, ops::Range};

use chrono::{DateTime, Utc};
use mission_core::{Percent, Points, UserId, check_in::Zone, mission::MissionCode, task::TaskStatus};
use serde_json::{Map, Value};
use toml::de::DeValue;

use super::{
    document::Document,
    fields::{Fields, Located, quoted},
    finding::FileReport,
    property::{Property, read_property},
    risk_case::{RiskCase, read_risk_case},
};
use crate::{FindingCode, diagnostic::Diagnostic, suggest};

/// One user's story with one mission, and how it should end.
#[derive(Clone, Debug, PartialEq)]
pub struct Case {
    /// The file that it stands in.
    pub file: String,
    /// Its name, unique in the pack.
    pub name: Located<String>,
    /// The mission that it is about.
    pub mission: Located<MissionCode>,
    /// What is known of the user.
    pub user: CaseUser,
    /// What happens, in time order.
    pub events: Vec<CaseEvent>,
    /// How it should end.
    pub expect: Expected<Expectation>,
}

/// The user of a case. What is left out is as for a user whom nobody described.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct CaseUser {
    /// The id; each case has a user of its own where it is left out.
    pub id: Option<UserId>,
    /// The level.
    pub level: Option<u32>,
    /// Experience points, from which the level may follow.
    pub experience: Option<u32>,
    /// ISO 3166 country code.
    pub country: Option<String>,
    /// Tags.
    pub tags: Option<Vec<String>>,
    /// Whatever else the identity service says.
    pub attributes: Option<Map<String, Value>>,
    /// The zone; else the policy's default.
    pub zone: Option<Zone>,
    /// When the user came.
    pub registered_at: Option<DateTime<Utc>>,
}

/// Something that happens in a case: an activity event, or one of the commands in [`COMMANDS`].
#[derive(Clone, Debug, PartialEq)]
pub struct CaseEvent {
    /// When it arrives.
    pub at: DateTime<Utc>,
    /// The event's own time, where it is not `at`: for events that come late.
    pub time: Option<DateTime<Utc>>,
    /// Its id; two with the same id are one event and its repetition.
    pub id: Option<String>,
    /// An activity event's type, or a command.
    pub event_type: Located<String>,
    /// The event's data, or the command's body.
    pub data: Map<String, Value>,
    /// Where each field of the data stands.
    pub(super) data_places: BTreeMap<String, DataPlace>,
}

/// Where a field of an event's data stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct DataPlace {
    pub(super) key: Range<usize>,
    pub(super) value: Range<usize>,
}

/// What a case's events can ask for besides being activity events; the names are those of a replay's log.
pub const COMMANDS: [&str; 9] = [
    "checkin",
    "task.start",
    "task.progress",
    "task.evidence",
    "task.upload",
    "task.complete",
    "task.claim",
    "review.decided",
    "user.updated",
];

/// An expectation, and where each part of it stands in the file.
#[derive(Clone, Debug, PartialEq)]
pub struct Expected<T> {
    /// What is expected.
    pub value: T,
    place: Range<usize>,
    places: BTreeMap<String, Range<usize>>,
}

impl<T> Expected<T> {
    /// The bytes of one field's value; of the whole expectation where the field is not named.
    #[must_use]
    pub fn span_of(&self, field: &str) -> Range<usize> {
        self.places.get(field).unwrap_or(&self.place).clone()
    }
}

/// The expected end of a case. What is left out is not looked at.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Expectation {
    /// The status of the latest task.
    pub status: Option<TaskStatus>,
    /// Its progress.
    pub progress: Option<u64>,
    /// Points of all rewards for the mission, without bonus.
    pub points: Option<Points>,
    /// Bonus points of all rewards for the mission.
    pub bonus_points: Option<Points>,
    /// Experience of all rewards for the mission.
    pub experience_points: Option<u64>,
    /// The mining boost of the latest reward for the mission.
    pub mining_boost_percent: Option<Percent>,
    /// The badge of the latest reward for the mission.
    pub badge_id: Option<String>,
    /// How often the mission was completed.
    pub completions: Option<u64>,
    /// The last refusal on the way had this code, or this in its reason.
    pub rejected: Option<String>,
    /// Whether no task was ever started.
    pub not_started: Option<bool>,
}

/// One user's check-ins, and what each should give.
#[derive(Clone, Debug, PartialEq)]
pub struct CheckInCase {
    /// The file that it stands in.
    pub file: String,
    /// Its name, unique in the pack.
    pub name: Located<String>,
    /// The user's zone; else the policy's default.
    pub zone: Option<Zone>,
    /// The check-ins, in time order.
    pub at: Vec<Located<DateTime<Utc>>>,
    /// One a check-in.
    pub expect: Vec<Expected<CheckInExpectation>>,
}

/// The expected result of one check-in. What is left out is not looked at.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct CheckInExpectation {
    /// The streak with it.
    pub streak: Option<u32>,
    /// All points.
    pub points: Option<Points>,
    /// The policy's daily points.
    pub base_points: Option<Points>,
    /// The tier's percentage of them.
    pub streak_bonus: Option<Points>,
    /// For reaching a tier.
    pub milestone_bonus: Option<Points>,
    /// For the number of days this month.
    pub monthly_reward: Option<Points>,
    /// Whether a milestone is reached.
    pub milestone: Option<bool>,
    /// Freezes that keep the streak.
    pub freezes_used: Option<u32>,
    /// Freezes held after it.
    pub freezes_held: Option<u32>,
    /// It is refused, with this code; nothing else is looked at.
    pub error: Option<String>,
}

/// The cases of one file.
#[derive(Debug, Default)]
pub(super) struct CaseFile {
    pub(super) cases: Vec<Case>,
    pub(super) check_in_cases: Vec<CheckInCase>,
    pub(super) risk_cases: Vec<RiskCase>,
    pub(super) properties: Vec<Property>,
}

pub(super) fn read_cases(text: &str, report: &FileReport<'_>) -> CaseFile {
    let document = Document::parse(text, report);
    if !document.whole {
        return CaseFile::default();
    }
    let fields = document.fields(report, "a file of cases");
    let cases = fields.tables("case", "a case").unwrap_or_default();
    let check_in_cases = fields
        .tables("checkin_case", "a check-in case")
        .unwrap_or_default();
    let risk_cases = fields.tables("risk_case", "a case of risk").unwrap_or_default();
    let properties = fields.tables("property", "a property").unwrap_or_default();
    let file = CaseFile {
        cases: cases.into_iter().filter_map(case).collect(),
        check_in_cases: check_in_cases.into_iter().filter_map(check_in_case).collect(),
        risk_cases: risk_cases.into_iter().filter_map(read_risk_case).collect(),
        properties: properties.into_iter().filter_map(read_property).collect(),
    };
    fields.finish();
    file
}

fn case(fields: Fields<'_>) -> Option<Case> {
    let name = fields.required("name");
    let mission = fields.required("mission");
    let user = fields.table("user", "`user`").map(user).unwrap_or_default();
    let events = fields
        .tables("events", "an event")
        .unwrap_or_default()
        .into_iter();
    let events: Vec<Option<CaseEvent>> = events.map(event).collect();
    fields.demand("expect");
    let expect = fields.table("expect", "`expect`").map(expectation);
    let file = fields.report.file.to_owned();
    let mut times = events.iter().flatten();
    if let Some(mut before) = times.next() {
        for event in times {
            if event.at < before.at {
                let message = "the events of a case are in time order; this one is before the one above it";
                let help = "sort them by `at`; an event that arrives late has its own, earlier `time`";
                let place = event.event_type.span.clone();
                fields.report.add(
                    Diagnostic::new(FindingCode::PackBadOrder, message)
                        .with_help(help)
                        .at(place),
                );
            }
            before = event;
        }
    }
    fields.finish();
    let events = events.into_iter().collect::<Option<_>>()?;
    Some(Case {
        file,
        name: name?,
        mission: mission?,
        user,
        events,
        expect: expect?,
    })
}

pub(super) fn user(fields: Fields<'_>) -> CaseUser {
    let id = fields
        .located::<String>("id")
        .and_then(|id| match id.value.parse() {
            Ok(id) => Some(id),
            Err(_) => {
                fields.add("id", FindingCode::PackBadValue, "`id` must be a UUID");
                None
            }
        });
    let tags = fields
        .list::<String>("tags")
        .into_iter()
        .map(|tag| tag.value)
        .collect();
    let user = CaseUser {
        id,
        level: fields.optional("level"),
        experience: fields.optional("experience"),
        country: fields.optional("country"),
        tags: fields.has("tags").then_some(tags),
        attributes: fields.optional("attributes"),
        zone: fields.optional("zone"),
        registered_at: fields.optional("registered_at"),
    };
    fields.finish();
    user
}

fn event(fields: Fields<'_>) -> Option<CaseEvent> {
    let at: Option<Located<DateTime<Utc>>> = fields.required("at");
    let event_type: Option<Located<String>> = fields.required("type");
    let (time, id) = (fields.optional("time"), fields.optional("id"));
    let data = fields.optional("data").unwrap_or_default();
    let table = fields.table("data", "`data`");
    let data_places = table.iter().flat_map(|data| {
        let entries = data.entries();
        entries.map(|(name, value)| {
            let place = DataPlace {
                key: name.span,
                value: value.span(),
            };
            (name.value.to_owned(), place)
        })
    });
    let data_places = data_places.collect();
    if let Some(name) = event_type.as_ref().map(|name| name.value.as_str())
        && name.starts_with("task.")
        && !COMMANDS.contains(&name)
    {
        let span = fields.span("type");
        let message = format!("`{name}` is none of a case's commands");
        let diagnostic = Diagnostic::new(FindingCode::PackBadValue, message).at(span.clone());
        fields.report.add(match suggest::suggest(name, COMMANDS) {
            Some(meant) => diagnostic.with_suggestion(&meant, Some(span), suggest::in_quotes),
            None => diagnostic.with_help(format!("the commands are {}", quoted(&COMMANDS))),
        });
    }
    fields.finish();
    Some(CaseEvent {
        at: at?.value,
        time,
        id,
        event_type: event_type?,
        data,
        data_places,
    })
}

fn expectation(fields: Fields<'_>) -> Expected<Expectation> {
    let value = Expectation {
        status: fields.optional("status"),
        progress: fields.optional("progress"),
        points: fields.optional("points"),
        bonus_points: fields.optional("bonus_points"),
        experience_points: fields.optional("experience_points"),
        mining_boost_percent: fields.optional("mining_boost_percent"),
        badge_id: fields.optional("badge_id"),
        completions: fields.optional("completions"),
        rejected: fields.optional("rejected"),
        not_started: fields.optional("not_started"),
    };
    expected_something(fields, value)
}

fn expects_nothing(place: &Range<usize>) -> Diagnostic {
    Diagnostic::new(
        FindingCode::PackNoEffect,
        "this expects nothing, so it cannot fail",
    )
    .with_help("say what should come out, such as { points = \"10\" }")
    .at(place.clone())
}

/// An expectation; one that expects nothing is reported.
pub(super) fn expected_something<T>(fields: Fields<'_>, value: T) -> Expected<T> {
    let report = fields.report;
    let expected = expected(fields, value);
    if expected.places.is_empty() {
        report.add(expects_nothing(&expected.place));
    }
    expected
}

fn expected<T>(fields: Fields<'_>, value: T) -> Expected<T> {
    let place = fields.place.clone();
    let places: BTreeMap<String, Range<usize>> = fields
        .entries()
        .map(|(name, value)| (name.value.to_owned(), value.span()))
        .collect();
    fields.finish();
    Expected { value, place, places }
}

fn check_in_case(fields: Fields<'_>) -> Option<CheckInCase> {
    let name = fields.required("name");
    let zone = fields.optional("zone");
    fields.demand("at");
    let at: Vec<Located<DateTime<Utc>>> = fields.list("at");
    fields.demand("expect");
    let expect: Vec<_> = fields
        .tables("expect", "`expect`")
        .unwrap_or_default()
        .into_iter()
        .map(check_in_expectation)
        .collect();
    if let (Some(DeValue::Array(times)), Some(DeValue::Array(expected))) =
        (fields.raw("at"), fields.raw("expect"))
        && times.len() != expected.len()
    {
        let message = format!(
            "{} check-ins in `at`, but {} in `expect`",
            times.len(),
            expected.len()
        );
        fields.add("expect", FindingCode::PackBadValue, message);
    }
    for pair in at.windows(2) {
        if let [before, after] = pair
            && after.value < before.value
        {
            let message = "the check-ins of a case are in time order; this one is before the one above it";
            fields
                .report
                .add(Diagnostic::new(FindingCode::PackBadOrder, message).at(after.span.clone()));
        }
    }
    // An empty one among others only stands for a day that is not looked at.
    if !expect.is_empty() && expect.iter().all(|expected| expected.places.is_empty()) {
        fields.report.add(expects_nothing(&fields.span("expect")));
    }
    let file = fields.report.file.to_owned();
    fields.finish();
    Some(CheckInCase {
        file,
        name: name?,
        zone,
        at,
        expect,
    })
}

fn check_in_expectation(fields: Fields<'_>) -> Expected<CheckInExpectation> {
    let value = CheckInExpectation {
        streak: fields.optional("streak"),
        points: fields.optional("points"),
        base_points: fields.optional("base_points"),
        streak_bonus: fields.optional("streak_bonus"),
        milestone_bonus: fields.optional("milestone_bonus"),
        monthly_reward: fields.optional("monthly_reward"),
        milestone: fields.optional("milestone"),
        freezes_used: fields.optional("freezes_used"),
        freezes_held: fields.optional("freezes_held"),
        error: fields.optional("error"),
    };
    expected(fields, value)
}
