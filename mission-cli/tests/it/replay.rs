//! `replay`: exact output, exact errors, and what the naive model of check-ins says.

use std::{collections::BTreeMap, fmt::Write as _, fs};

use mission_core::{
    PointsScale,
    check_in::{CheckInPolicy, Zone},
    testing::model::CheckInModel,
};
use serde_json::{Value, json};

use crate::{ANNA, edit, mission, run, transcript, with_demo};

fn watched(id: u32, minute: u32) -> String {
    json!({"specversion": "1.0", "id": id.to_string(), "source": "/videos", "type": "video.watched", "subject": ANNA,
        "time": format!("2026-01-05T10:{minute:02}:00Z"), "data": {"seconds": 35}})
    .to_string()
        + "\n"
}

fn log() -> String {
    let mut text: String = (0..3).map(|n| watched(n, n)).collect();
    text.push_str(&watched(2, 9));
    let _ = writeln!(
        text,
        r#"{{"type":"checkin","subject":"{ANNA}","time":"2026-01-05T11:00:00Z","data":{{"zone":"Europe/Budapest"}}}}"#
    );
    let _ = writeln!(
        text,
        r#"{{"type":"checkin","subject":"{ANNA}","time":"2026-01-05T12:00:00Z"}}"#
    );
    let _ = writeln!(
        text,
        r#"{{"type":"page.seen","subject":"0190163d-8694-739b-aea5-966c26f8ad92","time":"2026-01-05T12:00:00Z"}}"#
    );
    text
}

#[test]
fn json_is_exact_and_the_same_from_a_file_and_from_the_input() {
    let folder = with_demo();
    fs::write(folder.path().join("log.jsonl"), log()).unwrap();
    let expected = format!(
        "{{\"users\":{{\"{ANNA}\":{{\"points\":60,\"check_ins\":1,\"streak\":1,\"longest_streak\":1,\"missions\":{{\"watch-3-videos\":1}}}},\
         \"0190163d-8694-739b-aea5-966c26f8ad92\":{{\"points\":0,\"check_ins\":0,\"streak\":0,\"longest_streak\":0,\"missions\":{{}}}}}},\
         \"totals\":{{\"points\":60,\"grants\":2}}}}\n"
    );
    let args = ["replay", "demo", "--events", "log.jsonl", "--format", "json"];
    let from_file = run(&mut mission(folder.path(), &args));
    assert_eq!(
        (from_file.code, from_file.out.as_str(), from_file.err.as_str()),
        (0, expected.as_str(), "")
    );
    let args = ["replay", "demo", "--events", "-", "--format", "json"];
    assert_eq!(
        run(mission(folder.path(), &args).write_stdin(log())).out,
        expected
    );
    for claims in [
        &["--auto-claim"][..],
        &["--auto-claim", "true"],
        &["--auto-claim=true"],
    ] {
        let args = [&args[..], claims].concat();
        assert_eq!(
            run(mission(folder.path(), &args).write_stdin(log())).out,
            expected
        );
    }
    for claims_not in [&["--auto-claim", "false"][..], &["--auto-claim=false"]] {
        let args = [&args[..], claims_not].concat();
        let run = run(mission(folder.path(), &args).write_stdin(log()));
        let totals = "\"totals\":{\"points\":10,\"grants\":1}}\n";
        assert!(run.out.ends_with(totals), "{}", run.out);
    }
}

#[test]
fn a_log_out_of_order_gives_the_same_or_nothing() {
    let folder = with_demo();
    let lines: Vec<String> = log().lines().map(str::to_owned).collect();
    let shuffled = [6, 2, 5, 0, 4, 3, 1]
        .map(|line: usize| lines[line].clone())
        .join("\n");
    fs::write(folder.path().join("log.jsonl"), log()).unwrap();
    fs::write(folder.path().join("shuffled.jsonl"), &shuffled).unwrap();
    let args = |file| ["replay", "demo", "--events", file, "--format", "json"];
    let in_order = run(&mut mission(folder.path(), &args("log.jsonl")));
    let sorted = run(&mut mission(folder.path(), &args("shuffled.jsonl")));
    assert_eq!((sorted.code, &sorted.out), (0, &in_order.out));
    assert!(sorted.err.contains("not in order of time"), "{}", sorted.err);
    let refused = run(mission(folder.path(), &args("-")).write_stdin(shuffled));
    assert_eq!((refused.code, refused.out.as_str()), (2, ""));
    assert!(refused.err.contains("-:2: 2026-01-05"), "{}", refused.err);
    let bad = format!("nonsense\n{}\n{}", lines[1], lines[0]);
    fs::write(folder.path().join("bad.jsonl"), bad).unwrap();
    let args = [&args("bad.jsonl")[..], &["--keep-going"]].concat();
    let kept_going = run(&mut mission(folder.path(), &args));
    assert_eq!(kept_going.code, 1);
    assert_eq!(
        kept_going.err.matches("bad.jsonl:1").count(),
        1,
        "{}",
        kept_going.err
    );
    assert!(
        kept_going.err.contains("1 line could not be read"),
        "{}",
        kept_going.err
    );
}

#[test]
fn people_see_a_summary_and_what_another_pack_would_change() {
    let folder = with_demo();
    fs::write(folder.path().join("log.jsonl"), log()).unwrap();
    fs::write(folder.path().join("empty.jsonl"), "").unwrap();
    assert_eq!(run(&mut mission(folder.path(), &["new", "other"])).code, 0);
    let file = folder.path().join("other/missions/watch-3-videos.toml");
    let text = fs::read_to_string(&file).unwrap();
    fs::write(&file, text.replace("points = \"50\"", "points = \"42.5\"")).unwrap();
    insta::assert_snapshot!(transcript(
        folder.path(),
        &[
            &["replay", "demo", "--events", "log.jsonl"],
            &["replay", "demo", "--events", "log.jsonl", "--auto-claim=false"],
            &["replay", "demo", "--events", "log.jsonl", "--against", "other"],
            &[
                "replay",
                "demo",
                "--events",
                "log.jsonl",
                "--against",
                "other",
                "--format",
                "json"
            ],
            &[
                "replay",
                "demo",
                "--events",
                "log.jsonl",
                "--against",
                "other",
                "--segment",
                "level",
                "--segment",
                "days_known"
            ],
            &["replay", "demo", "--events", "log.jsonl", "--against", "demo"],
            &[
                "replay",
                "demo",
                "--events",
                "log.jsonl",
                "--against",
                "demo",
                "--segment",
                "levl"
            ],
            &["replay", "demo", "--events", "log.jsonl", "--segment", "level"],
            &["replay", "demo", "--events", "empty.jsonl"],
        ]
    ));
}

#[test]
fn a_bad_line_ends_the_replay_and_says_where() {
    let folder = with_demo();
    let bad = "{\"type\":\"checkin\"}\nnot json\n";
    fs::write(
        folder.path().join("log.jsonl"),
        format!("{}\n{bad}{}", watched(1, 1), watched(2, 2)),
    )
    .unwrap();
    fs::write(folder.path().join("bytes.jsonl"), b"\xff\xfe\n").unwrap();
    fs::write(
        folder.path().join("long.jsonl"),
        format!("{}\n{}", "x".repeat(1 << 21), watched(1, 1)),
    )
    .unwrap();
    insta::assert_snapshot!(transcript(
        folder.path(),
        &[
            &["replay", "demo", "--events", "log.jsonl", "--format", "json"],
            &[
                "replay",
                "demo",
                "--events",
                "log.jsonl",
                "--format",
                "json",
                "--keep-going"
            ],
            &["replay", "demo", "--events", "bytes.jsonl"],
            &["replay", "demo", "--events", "long.jsonl"],
            &["replay", "demo", "--events", "no-such-file"],
            &["replay", "demo", "--events", "demo"],
            &["replay", "no-such-pack", "--events", "log.jsonl"],
            &["replay", "demo", "--events", "log.jsonl", "--auto-claim=maybe"],
            &["replay", "demo"],
        ]
    ));
}

#[test]
fn a_pack_with_errors_is_not_replayed() {
    let folder = with_demo();
    edit(
        folder.path(),
        "missions/watch-3-videos.toml",
        "target = 3",
        "target = -3",
    );
    fs::write(folder.path().join("log.jsonl"), log()).unwrap();
    let run = run(&mut mission(
        folder.path(),
        &["replay", "demo", "--events", "log.jsonl"],
    ));
    assert_eq!((run.code, run.out.as_str()), (2, ""));
    assert!(
        run.err.contains("demo/missions/watch-3-videos.toml:"),
        "{}",
        run.err
    );
}

/// A small generator of its own, so that the log is the same at every run.
pub(crate) struct Random(pub(crate) u64);

impl Random {
    pub(crate) fn below(&mut self, bound: u64) -> u64 {
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % bound
    }
}

#[test]
fn fifty_users_over_a_month_and_more_agree_with_the_naive_model() {
    let folder = with_demo();
    let policy = "daily_points = \"10.5\"\ngrace_days = 1\nfreeze_every = 5\nfreezes_max = 2\n";
    fs::write(folder.path().join("demo/checkin.toml"), policy).unwrap();
    let policy = CheckInPolicy::try_from(mission_core::check_in::PolicyFile {
        daily_points: Some(mission_core::testing::points("10.5")),
        grace_days: Some(1),
        freeze_every: Some(5),
        freezes_max: Some(2),
        ..mission_core::check_in::PolicyFile::default()
    })
    .unwrap();
    let zones: Vec<Zone> = [
        "UTC",
        "Asia/Ho_Chi_Minh",
        "America/New_York",
        "Pacific/Apia",
        "Australia/Lord_Howe",
    ]
    .map(|name| name.parse().unwrap())
    .into();
    let mut random = Random(7);
    let begin: chrono::DateTime<chrono::Utc> = "2026-02-20T00:00:00Z".parse().unwrap();
    let mut lines = Vec::new();
    let mut diaries: BTreeMap<u128, CheckInModel> = BTreeMap::new();
    let mut earned: BTreeMap<u128, (rust_decimal::Decimal, u32, u32)> = BTreeMap::new();
    for hour in 0..24 * 60_i64 {
        for user in 1..=50_u128 {
            // Most users come about once a day, some less often.
            if random.below(20 + u64::try_from(user).unwrap()) != 0 {
                continue;
            }
            let at = begin + chrono::Duration::hours(hour);
            let zone = zones[usize::try_from(user).unwrap() % zones.len()];
            let id = uuid::Uuid::from_u128(user);
            lines.push(
                json!({"type": "checkin", "subject": id, "time": at, "data": {"zone": zone.name()}})
                    .to_string(),
            );
            let diary = diaries
                .entry(user)
                .or_insert_with(|| CheckInModel::new(&policy, PointsScale::default()));
            diary.ask_for_zone(zone, at);
            let sums = earned.entry(user).or_default();
            if let Ok(visit) = diary.check_in(at) {
                sums.0 += visit.points();
                (sums.1, sums.2) = (visit.streak, visit.longest);
            }
        }
    }
    fs::write(folder.path().join("log.jsonl"), lines.join("\n")).unwrap();
    let args = ["replay", "demo", "--events", "log.jsonl", "--format", "json"];
    let (first, second) = (
        run(&mut mission(folder.path(), &args)),
        run(&mut mission(folder.path(), &args)),
    );
    assert_eq!(first.code, 0, "{}", first.err);
    assert_eq!(first.out, second.out, "two runs are equal byte for byte");
    let report: Value = serde_json::from_str(&first.out).unwrap();
    assert_eq!(report["users"].as_object().unwrap().len(), 50);
    for (user, (points, streak, longest)) in earned {
        let told = &report["users"][uuid::Uuid::from_u128(user).to_string()];
        assert_eq!(
            told["points"].to_string(),
            points.normalize().to_string(),
            "user {user}"
        );
        assert_eq!(
            (told["streak"].as_u64(), told["longest_streak"].as_u64()),
            (Some(streak.into()), Some(longest.into()))
        );
    }
}

#[test]
fn a_mission_is_explained_after_what_the_log_says() {
    let folder = with_demo();
    let script = "fn eligible(ctx) {\n    ctx.user.level >= 3 && !(\"banned\" in ctx.user.tags)\n}\n";
    fs::write(folder.path().join("demo/rules/watch.rhai"), script).unwrap();
    let log = format!(
        "{{\"type\":\"user.updated\",\"id\":\"1\",\"source\":\"/iam\",\"specversion\":\"1.0\",\"subject\":\"{ANNA}\",\
         \"time\":\"2026-01-05T10:00:00Z\",\"data\":{{\"level\":4,\"tags\":[\"vip\"]}}}}\n"
    );
    fs::write(folder.path().join("log.jsonl"), log).unwrap();
    let ask = ["explain", "demo", "--user", ANNA, "--mission", "watch-3-videos"];
    let with = |more: &[&'static str]| [&ask[..], more].concat();
    let (unknown, known, json) = (
        with(&["--at", "2026-01-05T10:00:00Z"]),
        with(&["--events", "log.jsonl"]),
        with(&["--events", "log.jsonl", "--format", "json"]),
    );
    insta::assert_snapshot!(transcript(folder.path(), &[&unknown, &known, &json]));

    let none = run(&mut mission(
        folder.path(),
        &["explain", "demo", "--user", ANNA, "--mission", "watch-4-videos"],
    ));
    assert_eq!(none.code, 1);
    assert!(
        none.err
            .contains("the pack has no mission `watch-4-videos`; it has `watch-3-videos`"),
        "{}",
        none.err
    );
}
