//! Users apart on several threads: the same report, to the last byte.

use mission_core::{UserId, user::InviteCode};
use proptest::prelude::*;
use serde_json::{Value, json};

use super::{pack, scripts};
use crate::{
    pack::Pack,
    run::{Comparison, LogReader, Options, Replay, Report, SegmentField},
};

const SHARED: &str = "frequency = \"unlimited\"\nreward = { points = \"2.5\" }\n";

/// Evidence that nobody may show twice, invite codes of others, friends whom a referral counts once, keys.
fn pack_of_claims() -> Pack {
    let with = |lines: &str| format!("{SHARED}{lines}");
    pack(&[
        ("show", &with("evidence = { type = \"social_proof\" }\n")),
        ("invited", &with("evidence = { type = \"invite_code\" }\n")),
        (
            "watch",
            "frequency = \"daily\"\ntarget = 2\nauto_start = true\nreward = { points = \"2.5\", expires_after_days = 1 }\n\
             trigger = { event = \"video.watched\", key = \"event.data.video\" }\n",
        ),
        (
            "watch-2",
            "frequency = \"daily\"\nauto_start = true\nreward = { points = \"4\" }\nshadow = true\nshadow_of = \"watch\"\n\
             trigger = { event = \"video.watched\" }\n",
        ),
        (
            "invite",
            &with("auto_start = true\ntrigger = { event = \"referral.activated\" }\n"),
        ),
    ])
}

/// A budget, which all users spend.
fn pack_with_a_budget() -> Pack {
    let watch = format!(
        "{SHARED}auto_start = true\ntrigger = {{ event = \"video.watched\" }}\nbudget = {{ max_grants = 5 }}\n"
    );
    pack(&[("watch", &watch)])
}

/// A rule that reads friends.
fn pack_with_friends() -> Pack {
    let watch = format!(
        "{SHARED}auto_start = true\ntrigger = {{ event = \"video.watched\" }}\n\
         [[rules]]\nrule_type = \"user.friends\"\noperator = \"gte\"\nvalue = \"1\"\n"
    );
    pack(&[("watch", &watch)])
}

fn user(number: u8) -> UserId {
    UserId(uuid::Uuid::from_u128(u128::from(number) << 64 | 0x7000_8000))
}

/// A line of a user at a minute; `n` picks what is shared.
fn line(kind: &str, number: u8, minute: u32, n: u8) -> Value {
    let other = user(n);
    let data = match kind {
        "task.start show" | "task.complete show" => json!({"mission": "show"}),
        "task.progress show" => json!({"mission": "show", "value": 1}),
        "task.start invited" | "task.complete invited" => json!({"mission": "invited"}),
        "task.progress invited" => json!({"mission": "invited", "value": 1}),
        "task.evidence show" => {
            json!({"mission": "show", "type": "social_proof", "screenshot_url": format!("https://e.test/{n}")})
        }
        "task.evidence invited" => {
            json!({"mission": "invited", "type": "invite_code", "data": InviteCode::of(other).as_str()})
        }
        "referral.activated" => json!({"inviteeId": other}),
        "friendship.created" | "friendship.ended" => json!({"friendId": other}),
        "user.updated" => json!({"level": n, "tags": ["vip"]}),
        "video.watched" => json!({"video": n}),
        _ => json!({}),
    };
    let time = chrono::DateTime::from_timestamp(1_767_600_000 + i64::from(minute) * 60, 0).unwrap();
    let kind = kind.split(' ').next().unwrap();
    let mut line =
        json!({"type": kind, "source": "/test", "subject": user(number), "time": time, "data": data});
    // Some events have no id, and some the same one as another's.
    if n > 0 && !kind.starts_with("task.") {
        line["id"] = json!(format!("{kind}-{}", minute % 64 + u32::from(n)));
    }
    line
}

fn logs() -> impl Strategy<Value = Vec<String>> {
    const KINDS: [&str; 14] = [
        "video.watched",
        "video.watched",
        "checkin",
        "user.updated",
        "referral.activated",
        "friendship.created",
        "friendship.ended",
        "task.start show",
        "task.evidence show",
        "task.progress show",
        "task.complete show",
        "task.start invited",
        "task.evidence invited",
        "task.complete invited",
    ];
    let entry = (prop::sample::select(&KINDS[..]), 1..9_u8, 0..200_u32, 0..9_u8);
    prop::collection::vec(entry, 1..200).prop_map(|entries| {
        let mut minute = 0;
        let mut next = |passed: u32| {
            minute += passed;
            minute
        };
        let lines = entries
            .into_iter()
            .map(|(kind, user, passed, n)| line(kind, user, next(passed), n).to_string());
        lines.collect()
    })
}

fn play(pack: &Pack, lines: &[String], partitions: usize, batch: usize) -> Report {
    let mut replay = Replay::partitioned(pack, &scripts(), Options::default(), partitions);
    let mut reader = LogReader::default();
    let numbered: Vec<(u64, &String)> = (1..).zip(lines).collect();
    for batch in numbered.chunks(batch) {
        let read = reader.read(batch);
        assert!(read.refused.is_empty(), "{:?}", read.refused);
        replay.play(read.entries).unwrap();
    }
    replay.finish().unwrap()
}

proptest! {
    #[test]
    fn partitions_change_nothing(lines in logs(), partitions in 2..6_usize, batch in 1..100_usize) {
        for pack in [pack_of_claims(), pack_with_a_budget(), pack_with_friends()] {
            let alone = play(&pack, &lines, 1, lines.len());
            let apart = play(&pack, &lines, partitions, batch);
            prop_assert_eq!(&alone, &apart);
            prop_assert_eq!(alone.to_json(), apart.to_json());
        }
    }

    #[test]
    fn the_sources_of_points_add_up(lines in logs()) {
        let (old, new) = (pack_of_claims(), pack_with_a_budget());
        let (before, after) = (play(&old, &lines, 3, 50), play(&new, &lines, 3, 50));
        for report in [&before, &after] {
            let earnings = &report.earnings;
            let sources = earnings.missions.values().chain([&earnings.check_ins]);
            let (points, grants) = sources.fold((rust_decimal::Decimal::ZERO, 0), |(points, grants), earned| {
                (points + earned.points, grants + earned.grants)
            });
            prop_assert_eq!((points, grants), (report.totals.points, report.totals.grants));
            let days = earnings.days.values().map(|earned| earned.points);
            prop_assert_eq!(days.sum::<rust_decimal::Decimal>(), report.totals.points);
        }
        let comparison = Comparison::of(&before, &after, &[SegmentField::Level]);
        prop_assert_eq!(comparison.totals.points.before, before.totals.points);
        prop_assert_eq!(comparison.totals.points.after, after.totals.points);
        let levels = comparison.segments.iter().map(|segment| segment.users);
        prop_assert_eq!(levels.clone().map(|users| users.users()).sum::<u64>(), comparison.totals.users());
        let points = levels.map(|users| users.points.change);
        prop_assert_eq!(points.sum::<rust_decimal::Decimal>(), comparison.totals.points.change);
    }
}

#[test]
fn claims_follow_the_users_who_ask_for_them() {
    // Each screenshot counts for the first who shows it, whichever partition that user is in.
    let mut lines = Vec::new();
    for (minute, number) in (0..).step_by(4).zip(1..9_u8) {
        for (n, kind) in [
            "task.start show",
            "task.progress show",
            "task.evidence show",
            "task.complete show",
        ]
        .into_iter()
        .enumerate()
        {
            let minute = minute + u32::try_from(n).unwrap();
            lines.push(line(kind, number, minute, number % 2).to_string());
        }
    }
    let report = play(&pack_of_claims(), &lines, 5, 100);
    assert_eq!(report.tally.refused.get("evidence_reused"), Some(&6));
    let earned = report.users.values().filter(|user| user.grants > 0);
    assert_eq!(earned.count(), 2);
}
