//! `replay` over the packs of `examples/`: on one thread and on several, and as a page.

use std::{fmt::Write as _, fs, path::PathBuf};

use mission_core::{UserId, user::InviteCode};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::{edit, mission, replay::Random, run, with_demo};

fn example(pack: &str) -> String {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR"))
        .join("../examples/packs")
        .join(pack);
    folder.to_str().unwrap().to_owned()
}

fn user(number: u64) -> Uuid {
    Uuid::from_u128(0x0190_163d_8694_739b_8000_0000_0000_0000 | u128::from(number))
}

/// What sixty users do in two months, with all that users can share: event ids, invitees, files, invite codes.
pub(crate) fn log_of_examples() -> String {
    let mut random = Random(11);
    let mut log = String::new();
    for n in 0..6000_u64 {
        let who = random.below(60);
        let (kind, data) = match random.below(12) {
            0 => ("checkin", json!({})),
            1 => (
                "user.updated",
                json!({"level": 1 + who % 4, "tags": [format!("group-{}", who % 3)]}),
            ),
            2 => (
                "order.paid",
                json!({"order_id": format!("o{}", n / 2), "shop_id": "x", "total": random.below(90)}),
            ),
            3 => (
                "referral.activated",
                json!({"inviteeId": user(random.below(200)), "inviteCode": "MISSION"}),
            ),
            4 => ("app.opened", json!({"platform": "ios"})),
            5 => ("task.start", json!({"mission": "welcome"})),
            6 => {
                let code = InviteCode::of(UserId(user(random.below(80))));
                (
                    "task.evidence",
                    json!({"mission": "welcome", "type": "invite_code", "data": code.as_str()}),
                )
            }
            7 => ("workout.done", json!({"kind": "run", "minutes": 30})),
            8 => ("profile.completed", json!({"fields": ["name"]})),
            _ => {
                let video = format!("v{}", random.below(500));
                (
                    "video.watched",
                    json!({"video_id": video, "seconds": 20 + random.below(60), "channel_id": format!("c{}", random.below(9))}),
                )
            }
        };
        let time =
            chrono::DateTime::from_timestamp(1_767_600_000 + i64::try_from(n).unwrap() * 800, 0).unwrap();
        let mut line =
            json!({"type": kind, "source": "/e", "subject": user(who), "time": time, "data": data});
        if n % 5 != 0 {
            // One in some is told twice, for whoever comes.
            line["id"] = json!(format!("e{}", n - n % 7 / 6));
        }
        let _ = writeln!(log, "{line}");
    }
    log
}

#[test]
fn threads_change_nothing() {
    let folder = with_demo();
    fs::write(folder.path().join("log.jsonl"), log_of_examples()).unwrap();
    for (pack, against) in [
        ("watch-to-earn", "streak-club"),
        ("invite-friends", "first-purchase"),
        ("double-points-weekend", "spend-tiers"),
        ("starter", "weekly-challenge"),
    ] {
        let (pack, against) = (example(pack), example(against));
        let base = ["replay", &pack, "--events", "log.jsonl"];
        let compared = ["--against", &against, "--segment", "level", "--segment", "tags"];
        for more in [
            &["--format", "json"][..],
            &[],
            &[&compared[..], &["--format", "json"]].concat(),
            &[&compared[..], &["--format", "html"]].concat(),
        ] {
            let on = |threads| {
                let args = [&base[..], more, &["--threads", threads]].concat();
                let run = run(&mut mission(folder.path(), &args));
                assert_eq!(run.code, 0, "{args:?}: {}", run.err);
                run.out
            };
            assert!(on("1") == on("4"), "{pack} {more:?}");
        }
    }
}

#[test]
fn what_the_segments_and_missions_change_adds_up() {
    let folder = with_demo();
    fs::write(folder.path().join("log.jsonl"), log_of_examples()).unwrap();
    let (pack, against) = (example("watch-to-earn"), example("streak-club"));
    let args = [
        "replay",
        &pack,
        "--events",
        "log.jsonl",
        "--against",
        &against,
        "--segment",
        "level",
        "--format",
        "json",
    ];
    let told: Value = serde_json::from_str(&run(&mut mission(folder.path(), &args)).out).unwrap();
    let number = |value: &Value| -> f64 { value.to_string().parse().unwrap() };
    let total = number(&told["totals"]["points"]["change"]);
    assert!(total != 0.0);
    let missions = told["missions"]
        .as_object()
        .unwrap()
        .values()
        .chain([&told["check_ins"]]);
    let by_mission: f64 = missions.map(|mission| number(&mission["points"]["change"])).sum();
    let segments = told["segments"].as_array().unwrap();
    let by_level: f64 = segments
        .iter()
        .map(|group| number(&group["users"]["points"]["change"]))
        .sum();
    let by_day = told["days"].as_object().unwrap().values();
    let by_day: f64 = by_day.map(|day| number(&day["change"])).sum();
    for sum in [by_mission, by_level, by_day] {
        assert!((sum - total).abs() < 1e-6, "{sum} {total}");
    }
    let affected = told["most_affected"].as_array().unwrap();
    let change = |id: &Value| number(&told["users"][id.as_str().unwrap()]["points"]["change"]).abs();
    assert!(affected.is_sorted_by(|one, other| change(one) >= change(other)));
    assert_eq!(segments[0]["field"], "level");
    assert_eq!(segments[0]["value"], "1");
}

#[test]
fn a_page_holds_everything_and_escapes_what_files_say() {
    let folder = with_demo();
    edit(
        folder.path(),
        "pack.toml",
        "version = \"0.1.0\"",
        "version = \"<b>1&\"",
    );
    fs::write(folder.path().join("l<i>.jsonl"), log_of_examples()).unwrap();
    let against = example("watch-to-earn");
    let one = ["replay", "demo", "--events", "l<i>.jsonl", "--format", "html"];
    let two = [&one[..], &["--against", &against, "--segment", "tags"]].concat();
    for args in [&one[..], &two] {
        let run = run(&mut mission(folder.path(), args));
        assert_eq!(run.code, 0, "{}", run.err);
        let page = run.out;
        assert!(page.starts_with("<!DOCTYPE html>"), "{page}");
        for part in [
            "demo &lt;b&gt;1&amp;",
            "l&lt;i&gt;.jsonl",
            "<svg",
            "2026-01-05",
            "watch-3-videos",
            "6,000 lines",
        ] {
            assert!(page.contains(part), "no {part} in {page}");
        }
        for part in [
            "<b>1&", "<i>.", "<script", " onclick", "http://", "https://", "src=", "href=",
        ] {
            assert!(!page.contains(part), "{part} in {page}");
        }
    }
}
