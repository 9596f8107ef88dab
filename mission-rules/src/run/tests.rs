mod partitions;

use std::{collections::BTreeMap, sync::Arc};

use chrono::{DateTime, Duration, Utc};
use mission_core::{UserId, engine::Settings, task::TaskStatus};
use proptest::prelude::*;
use rust_decimal::Decimal;
use serde_json::{Map, Value, json};

use super::{Comparison, Options, Replay, Report};
use crate::{
    Limits, Scripts, StoppedStopwatch,
    pack::{
        Pack, PackFiles,
        simulation::{CaseStep, Simulation},
    },
};

const ANNA: &str = "0190163d-8694-739b-aea5-966c26f8ad91";
const BELA: &str = "0190163d-8694-739b-aea5-966c26f8ad92";

fn scripts() -> Scripts {
    Scripts::new(Limits::default(), Arc::new(StoppedStopwatch))
}

/// A pack of missions, each with its own lines after a common head.
fn pack(missions: &[(&str, &str)]) -> Pack {
    let manifest = (
        "pack.toml".to_owned(),
        "name = \"demo\"\nversion = \"1\"\n".to_owned(),
    );
    let files = missions.iter().map(|(code, lines)| {
        let text = format!("code = \"{code}\"\ntype = \"custom\"\ntitle = {{ en = \"T\" }}\ndescription = {{ en = \"D\" }}\n{lines}");
        (format!("missions/{code}.toml"), text)
    });
    let (pack, findings) = Pack::load(&PackFiles::from_map(files.chain([manifest])));
    pack.unwrap_or_else(|| panic!("{findings:?}"))
}

#[expect(clippy::needless_pass_by_value, reason = "reads better in tables")]
fn line(kind: &str, user: &str, time: &str, data: Value) -> String {
    json!({"specversion": "1.0", "id": format!("{kind}-{user}-{time}-{data}"), "source": "/test", "type": kind,
        "subject": user, "time": time, "data": data})
    .to_string()
}

fn replay(pack: &Pack, auto_claim: bool, lines: &[String]) -> Report {
    let mut replay = Replay::new(pack, &scripts(), Options { auto_claim });
    for line in lines {
        replay.line(line).unwrap();
    }
    replay.finish().unwrap()
}

fn points(report: &Report, user: &str) -> Decimal {
    report.users[&user.parse::<UserId>().unwrap()].points
}

fn refused(report: &Report) -> Vec<(&str, u64)> {
    report
        .tally
        .refused
        .iter()
        .map(|(code, count)| (code.as_str(), *count))
        .collect()
}

const WATCH: (&str, &str) = (
    "watch",
    "frequency = \"daily\"\ntarget = 2\nauto_start = true\ntrigger = { event = \"video.watched\" }\nreward = { points = \"12.5\" }\n",
);

#[test]
fn json_is_as_documented_and_names_everybody() {
    let lines = [
        line("video.watched", BELA, "2026-01-05T10:00:00Z", json!({})),
        line("video.watched", ANNA, "2026-01-05T10:00:00Z", json!({})),
        line("video.watched", ANNA, "2026-01-05T10:01:00Z", json!({})),
        line(
            "checkin",
            ANNA,
            "2026-01-05T10:02:00Z",
            json!({"zone": "Asia/Ho_Chi_Minh"}),
        ),
    ];
    let report = replay(&pack(&[WATCH]), true, &lines);
    let expected = format!(
        "{{\"users\":{{\
         \"{ANNA}\":{{\"points\":22.5,\"check_ins\":1,\"streak\":1,\"longest_streak\":1,\"missions\":{{\"watch\":1}}}},\
         \"{BELA}\":{{\"points\":0,\"check_ins\":0,\"streak\":0,\"longest_streak\":0,\"missions\":{{}}}}}},\
         \"totals\":{{\"points\":22.5,\"grants\":2}}}}"
    );
    assert_eq!(report.to_json(), expected);
}

#[test]
fn shadow_missions_are_told_apart_from_all_sums() {
    let shadow = (
        "watch-2",
        "frequency = \"unlimited\"\nauto_start = true\nshadow = true\nshadow_of = \"watch\"\n\
         trigger = { event = \"video.watched\" }\nreward = { points = \"4\", experience_points = 9 }\n",
    );
    let lines = [
        line("video.watched", ANNA, "2026-01-05T10:00:00Z", json!({})),
        line("video.watched", ANNA, "2026-01-05T10:00:00Z", json!({})),
        line("video.watched", ANNA, "2026-01-05T10:01:00Z", json!({})),
        line("video.watched", BELA, "2026-01-05T10:02:00Z", json!({})),
    ];
    let with = replay(&pack(&[WATCH, shadow]), true, &lines);
    let without = replay(&pack(&[WATCH]), true, &lines);
    let totals = &with.shadows[&"watch-2".parse().unwrap()];
    assert_eq!(
        serde_json::to_value(totals).unwrap(),
        json!({
            "shadow": {"started": 3, "completed": 3, "grants": 3, "points": 12},
            "shadow_of": "watch", "live": {"started": 2, "completed": 1, "grants": 1, "points": 12.5},
        })
    );
    let rest = Report {
        shadows: BTreeMap::new(),
        ..with
    };
    assert_eq!(rest, without);
}

#[test]
fn what_completes_is_claimed_at_once_or_by_the_log() {
    let mut lines = vec![
        line("video.watched", ANNA, "2026-01-05T10:00:00Z", json!({})),
        line("video.watched", ANNA, "2026-01-05T10:01:00Z", json!({})),
    ];
    assert_eq!(
        points(&replay(&pack(&[WATCH]), true, &lines), ANNA),
        Decimal::new(125, 1)
    );
    let unclaimed = replay(&pack(&[WATCH]), false, &lines);
    assert_eq!(points(&unclaimed, ANNA), Decimal::ZERO);
    assert_eq!(unclaimed.totals.grants, 0);
    for time in ["2026-01-05T10:02:00Z", "2026-01-05T10:03:00Z"] {
        lines.push(line("task.claim", ANNA, time, json!({"mission": "watch"})));
    }
    let claimed = replay(&pack(&[WATCH]), false, &lines);
    assert_eq!(points(&claimed, ANNA), Decimal::new(125, 1));
    assert_eq!(refused(&claimed), [("already_claimed", 1)]);
    assert_eq!(
        refused(&replay(&pack(&[WATCH]), true, &lines)),
        [("already_claimed", 2)]
    );
}

#[test]
fn a_budget_is_never_overspent_and_comes_back_with_an_expired_reward() {
    let once = "frequency = \"unlimited\"\nauto_start = true\ntrigger = { event = \"go\" }\n\
                reward = { points = \"5\", expires_after_days = 2 }\nbudget = { max_grants = 1 }\n";
    let pack = pack(&[("scarce", once)]);
    let lines = [
        line("go", ANNA, "2026-01-05T10:00:00Z", json!({})),
        line("go", BELA, "2026-01-05T10:00:01Z", json!({})),
        line("go", BELA, "2026-01-07T09:59:59Z", json!({})),
        line("go", BELA, "2026-01-07T10:00:00Z", json!({})),
        line(
            "task.claim",
            BELA,
            "2026-01-07T10:00:01Z",
            json!({"mission": "scarce"}),
        ),
        line(
            "task.claim",
            ANNA,
            "2026-01-07T10:00:02Z",
            json!({"mission": "scarce"}),
        ),
    ];
    let report = replay(&pack, false, &lines);
    assert_eq!(
        points(&report, BELA),
        Decimal::from(5),
        "Anna's budget came back as hers expired"
    );
    assert_eq!(points(&report, ANNA), Decimal::ZERO);
    assert_eq!(refused(&report), [("reward_expired", 1)]);
    assert_eq!(
        points(&replay(&pack, true, &lines), ANNA),
        Decimal::from(5),
        "claimed rewards do not expire"
    );
    assert_eq!(points(&replay(&pack, true, &lines), BELA), Decimal::ZERO);
}

#[test]
fn a_late_event_counts_for_its_own_day_until_the_task_has_expired() {
    let late = |recorded: &str| {
        let mut line: Value =
            serde_json::from_str(&line("video.watched", ANNA, "2026-01-05T11:00:00Z", json!({}))).unwrap();
        line["recordedtime"] = json!(recorded);
        line.to_string()
    };
    let first = line("video.watched", ANNA, "2026-01-05T10:00:00Z", json!({}));
    let in_time = replay(
        &pack(&[WATCH]),
        true,
        &[first.clone(), late("2026-01-12T10:59:00Z")],
    );
    assert_eq!(points(&in_time, ANNA), Decimal::new(125, 1));
    let too_late = replay(&pack(&[WATCH]), true, &[first, late("2026-01-12T11:00:01Z")]);
    assert_eq!(points(&too_late, ANNA), Decimal::ZERO);
    assert_eq!(refused(&too_late), [("too_late", 1)]);
}

#[test]
fn tasks_expire_as_time_passes() {
    let mut replay = Replay::new(&pack(&[WATCH]), &scripts(), Options::default());
    replay
        .line(&line("video.watched", ANNA, "2026-01-05T10:00:00Z", json!({})))
        .unwrap();
    let anna: UserId = ANNA.parse().unwrap();
    let status = |replay: &Replay| {
        let loaded = replay.partitions[0].state.loaded(anna).unwrap();
        loaded
            .records
            .task
            .values()
            .flatten()
            .map(|task| task.status)
            .collect::<Vec<_>>()
    };
    // The day has ended at midnight, and late events can come for seven days more.
    replay
        .line(&line("checkin", BELA, "2026-01-12T23:59:59Z", json!({})))
        .unwrap();
    assert_eq!(status(&replay), [TaskStatus::InProgress]);
    replay
        .line(&line("checkin", BELA, "2026-01-13T00:00:00Z", json!({})))
        .unwrap();
    assert_eq!(status(&replay), [TaskStatus::Expired]);
}

#[test]
fn a_review_lets_the_completion_through() {
    let reviewed = "frequency = \"one_time\"\nevidence = { type = \"social_proof\", review = \"manual\" }\nreward = { points = \"7\" }\n";
    let data = json!({"mission": "post"});
    let with = |more: Value| {
        let mut all = data.clone();
        all.as_object_mut()
            .unwrap()
            .extend(more.as_object().unwrap().clone());
        all
    };
    let shown = json!({"type": "social_proof", "screenshot_url": "https://img.example/1.png"});
    let lines = [
        line("task.start", ANNA, "2026-01-05T10:00:00Z", data.clone()),
        line(
            "task.progress",
            ANNA,
            "2026-01-05T10:01:00Z",
            with(json!({"value": 1})),
        ),
        line("task.evidence", ANNA, "2026-01-05T10:02:00Z", with(shown.clone())),
        line("task.complete", ANNA, "2026-01-05T10:03:00Z", data.clone()),
        line(
            "review.decided",
            ANNA,
            "2026-01-05T10:04:00Z",
            with(json!({"decision": "approve"})),
        ),
        line("task.start", BELA, "2026-01-05T10:05:00Z", data.clone()),
        line("task.evidence", BELA, "2026-01-05T10:06:00Z", with(shown)),
        line(
            "task.start",
            BELA,
            "2026-01-05T10:07:00Z",
            json!({"mission": "no-such-mission"}),
        ),
    ];
    let report = replay(&pack(&[("post", reviewed)]), true, &lines);
    assert_eq!(points(&report, ANNA), Decimal::from(7));
    assert_eq!(
        refused(&report),
        [("evidence_reused", 1), ("not_found", 1), ("task_not_open", 1)]
    );
}

#[test]
fn what_a_user_is_described_as_decides() {
    let picky = format!(
        "{}[[rules]]\nrule_type = \"user.level\"\noperator = \"gte\"\nvalue = \"3\"\n",
        WATCH.1
    );
    let lines = [
        line(
            "user.updated",
            ANNA,
            "2026-01-05T09:00:00Z",
            json!({"level": 3, "country": "DE", "tags": ["vip"]}),
        ),
        line("video.watched", ANNA, "2026-01-05T10:00:00Z", json!({})),
        line("video.watched", BELA, "2026-01-05T10:00:00Z", json!({})),
        line("video.watched", ANNA, "2026-01-05T10:01:00Z", json!({})),
        line("video.watched", ANNA, "2026-01-05T10:01:00Z", json!({})),
    ];
    let report = replay(&pack(&[("watch", &picky)]), true, &lines);
    assert_eq!(points(&report, ANNA), Decimal::new(125, 1));
    let tally = &report.tally;
    assert_eq!(
        (tally.lines, tally.applied, tally.ignored, tally.duplicates),
        (5, 3, 1, 1)
    );
}

#[test]
fn malformed_lines_name_the_field_and_change_nothing() {
    let time = "2026-01-05T10:00:00Z";
    let table = [
        ("{", "EOF while parsing an object (column 1)".to_owned()),
        ("[]", "a line holds one CloudEvent, a JSON object".to_owned()),
        (
            "{}",
            "`type` is missing, or not of 1 to 255 characters".to_owned(),
        ),
        (
            &line("checkin", "anna", time, json!({})),
            "`subject` must be the user's id, a UUID".to_owned(),
        ),
        (
            r#"{"type":"checkin","subject":"x"}"#,
            "`subject` must be the user's id, a UUID".to_owned(),
        ),
        (
            &format!(r#"{{"type":"checkin","subject":"{ANNA}"}}"#),
            "`time` is missing: a log says when things happened".to_owned(),
        ),
        (
            &line("checkin", ANNA, "yesterday", json!({})),
            "input contains invalid characters".to_owned(),
        ),
        (
            &line("task.strat", ANNA, time, json!({"mission": "watch"})),
            "`task.strat` is none of a log's commands; did you mean `task.start`?".to_owned(),
        ),
        (
            &line("task.start", ANNA, time, json!({})),
            "`task.start`: `data.mission` is missing".to_owned(),
        ),
        (
            &line(
                "task.progress",
                ANNA,
                time,
                json!({"mission": "watch", "value": -1}),
            ),
            "`task.progress`: `data.value`: invalid number".to_owned(),
        ),
        (
            &line("checkin", ANNA, time, json!({"zone": "Mars/Base"})),
            "`checkin`: `data.zone`:".to_owned(),
        ),
        (
            &line("checkin", ANNA, time, json!({"zoen": "UTC"})),
            "`checkin`: `data.zoen` is unknown".to_owned(),
        ),
    ];
    let mut replay = Replay::new(&pack(&[WATCH]), &scripts(), Options::default());
    for (line, expected) in table {
        let error = replay.line(line).unwrap_err().to_string();
        assert!(error.starts_with(&expected), "{line}\n  {error}\n  {expected}");
    }
    replay.line("   ").unwrap();
    let report = replay.finish().unwrap();
    assert_eq!(
        report.to_json(),
        r#"{"users":{},"totals":{"points":0,"grants":0}}"#
    );
}

#[test]
fn two_packs_are_compared_by_user_and_mission() {
    let lines: Vec<String> = [(ANNA, "10:00:00"), (ANNA, "10:01:00"), (BELA, "10:02:00")]
        .map(|(user, time)| line("video.watched", user, &format!("2026-01-05T{time}Z"), json!({})))
        .into();
    let easier = (
        WATCH.0,
        &*WATCH.1.replace("target = 2", "target = 1").replace("12.5", "10"),
    );
    let (before, after) = (
        replay(&pack(&[WATCH]), true, &lines),
        replay(&pack(&[easier]), true, &lines),
    );
    let comparison = Comparison::of(&before, &after, &[]);
    assert_eq!((comparison.totals.gaining, comparison.totals.losing), (1, 1));
    assert_eq!(comparison.totals.points.change, Decimal::new(75, 1));
    let ranked: Vec<String> = comparison
        .by_points()
        .iter()
        .map(|(id, change)| format!("{id} {}", change.points.change))
        .collect();
    assert_eq!(ranked, [format!("{BELA} 10"), format!("{ANNA} -2.5")]);
    assert!(Comparison::of(&before, &before, &[]).users.is_empty());
}

/// One thing that a user does in a random log.
#[derive(Clone, Debug)]
struct RandomAction {
    user: u128,
    minutes: i64,
    kind: &'static str,
    mission: &'static str,
    value: u64,
}

fn actions() -> impl Strategy<Value = Vec<RandomAction>> {
    const KINDS: [&str; 7] = [
        "video.watched",
        "video.watched",
        "checkin",
        "task.start",
        "task.progress",
        "task.complete",
        "task.claim",
    ];
    let action = (
        1..4_u128,
        0..900_i64,
        prop::sample::select(&KINDS[..]),
        prop::sample::select(&["watch", "walk"][..]),
        0..6_u64,
    );
    prop::collection::vec(
        action.prop_map(|(user, minutes, kind, mission, value)| RandomAction {
            user,
            minutes,
            kind,
            mission,
            value,
        }),
        1..120,
    )
}

fn random_pack() -> Pack {
    let walk = "frequency = \"weekly\"\ntarget = 5\nmax_completions = 2\ncooldown_seconds = 3600\npriority = 1\n\
                reward = { points = \"3.25\", experience_points = 10 }\nbudget = { max_points = \"13\" }\nrequires = [\"watch\"]\n";
    pack(&[WATCH, ("walk", walk)])
}

fn data_of(action: &RandomAction) -> Value {
    match action.kind {
        "task.progress" => json!({"mission": action.mission, "value": action.value}),
        kind if kind.starts_with("task.") => json!({"mission": action.mission}),
        _ => json!({}),
    }
}

proptest! {
    /// The server's way (batches over the memory store) and the replay's (records in place) decide alike.
    #[test]
    fn a_replay_gives_what_the_batched_engine_gives(actions in actions()) {
        let pack = random_pack();
        let definitions = pack.missions.iter().map(|mission| &mission.definition);
        let mut engine = Simulation::new(definitions, &pack.policy, Vec::new(), Settings::default(), &scripts());
        let mut replay = Replay::new(&pack, &scripts(), Options { auto_claim: false });
        let mut at: DateTime<Utc> = "2026-01-05T10:00:00Z".parse().unwrap();
        for (n, action) in actions.iter().enumerate() {
            at += Duration::minutes(action.minutes);
            let user = UserId(uuid::Uuid::from_u128(action.user));
            let data = data_of(action);
            let json = json!({"id": n.to_string(), "type": action.kind, "subject": user, "time": at, "data": data});
            replay.line(&json.to_string()).unwrap();
            let fields: Map<String, Value> = data.as_object().unwrap().clone();
            drop(engine.step(user, at, CaseStep::parse(action.kind, fields, None).unwrap()));
        }
        let report = replay.finish().unwrap();
        for (id, totals) in &report.users {
            let export = engine.export(*id).unwrap();
            let user = export.user.unwrap_or_else(|| mission_core::user::User::new(*id, at));
            prop_assert_eq!(totals.points, user.points.normalize());
            prop_assert_eq!(totals.check_ins, user.check_in.streak.total);
            prop_assert_eq!(totals.streak, user.check_in.streak.current);
            let completions: BTreeMap<_, _> = export.participations.iter()
                .filter(|(_, participation)| participation.completions > 0)
                .map(|(id, participation)| {
                    let listed = engine.catalog().mission(*id).unwrap();
                    (listed.mission.definition.code.clone(), participation.completions)
                })
                .collect();
            prop_assert_eq!(&totals.missions, &completions);
        }
    }
}

#[test]
fn rules_that_fail_are_told_by_file_line_and_count() {
    let files = [
        ("pack.toml", "name = \"demo\"\nversion = \"1\"\n".to_owned()),
        (
            "missions/watch.toml",
            format!(
                "code = \"watch\"\ntype = \"custom\"\ntitle = {{ en = \"T\" }}\ndescription = {{ en = \"D\" }}\n\
                 rules_script = \"rules/watch.rhai\"\n{}",
                WATCH.1
            ),
        ),
        (
            "rules/watch.rhai",
            "fn progress(ctx) {\n    10 / ctx.event.data.parts\n}\n".to_owned(),
        ),
        (
            "tests/watch.toml",
            "[[case]]\nname = \"none\"\nmission = \"watch\"\nexpect = { progress = 10 }\n\
             events = [{ at = \"2026-01-05T10:00:00Z\", type = \"video.watched\", data = { parts = 0 } }]\n"
                .to_owned(),
        ),
    ];
    let (pack, findings) = Pack::load(&PackFiles::from_map(files));
    let pack = pack.unwrap_or_else(|| panic!("{findings:?}"));
    let lines = ["2026-01-05T10:00:00Z", "2026-01-05T10:01:00Z"]
        .map(|time| line("video.watched", ANNA, time, json!({"parts": 0})));
    let report = replay(&pack, true, &lines);
    let failures: Value = serde_json::from_str(&report.to_json()).unwrap();
    let expected = json!({"mission": "watch", "file": "rules/watch.rhai", "line": 2, "hook": "progress",
        "kind": "error", "message": failures["failures"][0]["message"]});
    let told = |count: u64| {
        let mut told = expected.clone();
        told["count"] = json!(count);
        json!([told])
    };
    assert_eq!(failures["failures"], told(2));
    let failed = report.failures.iter().next().unwrap().to_string();
    assert!(
        failed.starts_with("rules/watch.rhai:2: `progress` of `watch` failed 2 times: "),
        "{failed}"
    );
    let outcome = pack.run_case(pack.all_cases()[0], &scripts());
    assert!(!outcome.passed());
    assert_eq!(serde_json::to_value(&outcome.failures).unwrap(), told(1));
}

#[test]
fn friends_whom_the_log_tells_of_can_be_read() {
    let pack = pack(&[(
        "play",
        "frequency = \"unlimited\"\nauto_start = true\nreward = { points = \"5\" }\ntrigger = { event = \"game.played\" }\n\
         [[rules]]\nrule_type = \"user.friends\"\noperator = \"gte\"\nvalue = \"1\"\n\
         [[rules]]\nrule_type = \"event.friends\"\noperator = \"contains\"\nvalue = \"0190163d-8694-739b-aea5-966c26f8ad92\"\n",
    )]);
    let played = |time, with: &str| line("game.played", ANNA, time, json!({"with": [with]}));
    let lines = [
        played("2026-01-05T10:00:00Z", BELA),
        line(
            "friendship.created",
            BELA,
            "2026-01-05T11:00:00Z",
            json!({"friendId": ANNA}),
        ),
        played("2026-01-05T12:00:00Z", BELA),
        played("2026-01-05T12:10:00Z", ANNA),
        line(
            "friendship.ended",
            ANNA,
            "2026-01-05T13:00:00Z",
            json!({"friendId": BELA}),
        ),
        played("2026-01-05T14:00:00Z", BELA),
    ];
    assert_eq!(points(&replay(&pack, true, &lines), ANNA), Decimal::from(5));
    let definitions = pack.missions.iter().map(|mission| &mission.definition);
    let mut simulation = Simulation::new(
        definitions,
        &pack.policy,
        Vec::new(),
        Settings::default(),
        &scripts(),
    );
    for line in &lines {
        let event: Value = serde_json::from_str(line).unwrap();
        let (kind, time) = (event["type"].as_str().unwrap(), event["time"].as_str().unwrap());
        let data = event["data"].as_object().unwrap().clone();
        let user = event["subject"].as_str().unwrap().parse().unwrap();
        let step = CaseStep::parse(kind, data, None).unwrap();
        simulation.step(user, time.parse().unwrap(), step).unwrap();
    }
    let earned = simulation.export(ANNA.parse().unwrap()).unwrap();
    assert_eq!(earned.rewards.len(), 1);
}

#[test]
fn a_script_reads_friends() {
    let source =
        "fn eligible(ctx) { ctx.user.friends >= 2 && ctx.event.data.friend_id in ctx.event.friends }";
    let scripts = scripts();
    let findings = scripts.diagnose(source, &crate::FieldSchema::default());
    assert!(findings.is_empty(), "{findings:?}");
    for (friends, friend, expected) in [(2, ANNA, true), (2, BELA, false), (1, ANNA, false)] {
        let context = json!({
            "user": {"friends": friends}, "event": {"friends": [ANNA], "data": {"friend_id": friend}},
        });
        let value = scripts.eval_hook(source, mission_core::ports::rules::Hook::Eligible, &context);
        assert_eq!(value, Ok(json!(expected)));
    }
}
