//! Check-ins: what they earn, whose device flags, what a reviewer lets through.

use mission_core::{
    PointsScale,
    check_in::{CheckInPolicy, MonthlyDays, MonthlyRow, PolicyFile, Tier, Zone},
    engine::{CheckIn, NoteRefusedVisit, PackPolicy, RegisterUser, Settings},
    event::IntegrationEvent,
    fraud::{CheckMode, FraudPolicy, ReviewDecision, ReviewKind, ReviewReason},
    ports::rules::NoScripts,
    reward::{RewardStatus, RewardType},
    testing::{EngineFixture, at, points, user, zone},
    user::User,
};
use proptest::prelude::*;

use crate::play::{check_in, claim_reward, code, decide, open_review};

const NOON: &str = "2026-01-05T12:00:00Z";

#[test]
fn a_streak_earns_what_the_contract_reckons() {
    // From the 5th: the 7th day of the month is the 7th of the streak.
    let mut fixture = EngineFixture::at(NOON);
    let mut earned = Vec::new();
    for _ in 0..31 {
        let done = check_in(&mut fixture).unwrap();
        let parts = done.day.earned;
        let parts = [
            parts.base,
            parts.streak_bonus,
            parts.milestone_bonus,
            parts.monthly_reward,
        ];
        earned.push(parts.map(|part| part.to_string()).join(" + "));
        fixture.now += chrono::Duration::days(1);
    }
    for (streak, expected) in [
        (1, "10 + 0 + 0 + 0"),
        (6, "10 + 0 + 0 + 0"),
        (7, "10 + 1 + 50 + 20"),
        (8, "10 + 1 + 0 + 0"),
        (14, "10 + 2 + 100 + 50"),
        (21, "10 + 2 + 0 + 100"),
        (29, "10 + 2 + 0 + 0"),
        (30, "10 + 5 + 500 + 0"),
        (31, "10 + 5 + 0 + 0"),
    ] {
        assert_eq!(earned[streak - 1], expected, "streak {streak}");
    }
}

#[test]
fn a_whole_month_earns_its_reward_on_the_last_day() {
    let mut fixture = EngineFixture::at("2026-02-01T12:00:00Z");
    for day in 1..=28 {
        let done = check_in(&mut fixture).unwrap();
        let expected = match day {
            7 => "20",
            14 => "50",
            21 => "100",
            28 => "200",
            _ => "0",
        };
        assert_eq!(done.day.earned.monthly_reward.to_string(), expected, "day {day}");
        fixture.now += chrono::Duration::days(1);
    }
}

#[test]
fn a_check_in_grants_a_daily_and_a_milestone_reward_and_tells_of_both() {
    let mut fixture = EngineFixture::at(NOON);
    for _ in 0..6 {
        check_in(&mut fixture).unwrap();
        fixture.now += chrono::Duration::days(1);
    }
    let before = fixture.events().len();
    let day = check_in(&mut fixture).unwrap().day;
    let told = &fixture.events()[before..];
    let [
        IntegrationEvent::RewardClaimed(daily),
        IntegrationEvent::RewardClaimed(milestone),
        IntegrationEvent::CheckInCompleted(completed),
    ] = told
    else {
        panic!("{told:?}")
    };
    assert_eq!(
        (daily.reward_type, milestone.reward_type),
        (RewardType::CheckInDaily, RewardType::CheckInMilestone)
    );
    assert_eq!((daily.source_id, milestone.source_id), (day.id.0, day.id.0));
    assert_eq!(
        (daily.points.to_string(), daily.bonus_points.to_string()),
        ("10".into(), "1".into())
    );
    assert_eq!(milestone.total_points.to_string(), "70");
    assert_eq!(
        completed.total_points,
        daily.total_points + milestone.total_points
    );
    assert_eq!(completed.milestone_bonus.to_string(), "70");
    assert_eq!(completed.daily_reward_id, daily.reward_id);
    assert_eq!(completed.milestone_reward_id, Some(milestone.reward_id));
    assert_eq!(told[2].grant_id(), Some(daily.reward_id));
    assert_eq!(
        code(claim_reward(&mut fixture, daily.reward_id)),
        "already_claimed"
    );
}

#[test]
fn a_day_counts_once_and_midnight_is_the_users() {
    let mut fixture = EngineFixture::at("2026-01-05T16:59:59Z");
    fixture.signals.zone = "Asia/Ho_Chi_Minh".parse().ok();
    check_in(&mut fixture).unwrap();
    assert_eq!(code(check_in(&mut fixture)), "already_checked_in");
    fixture.set_time("2026-01-05T17:00:00Z");
    assert_eq!(check_in(&mut fixture).unwrap().streak.current, 2);
    // A clock that goes back does not help.
    fixture.set_time("2026-01-05T12:00:00Z");
    assert_eq!(code(check_in(&mut fixture)), "already_checked_in");
}

#[test]
fn another_zone_never_yields_a_second_check_in() {
    for (from, to) in [
        ("Asia/Tokyo", "America/Los_Angeles"),
        ("America/Los_Angeles", "Pacific/Kiritimati"),
    ] {
        let mut fixture = EngineFixture::at("2026-01-05T06:30:00Z");
        fixture.signals.zone = from.parse().ok();
        check_in(&mut fixture).unwrap();
        fixture.signals.zone = to.parse().ok();
        let mut streaks = vec![1];
        for _ in 0..4 * 24 {
            fixture.now += chrono::Duration::hours(1);
            if let Ok(done) = check_in(&mut fixture) {
                streaks.push(done.streak.current);
            }
        }
        assert!(
            streaks.len() <= 6 && streaks.is_sorted(),
            "{from} to {to}: {streaks:?}"
        );
        assert_eq!(
            streaks.last(),
            Some(&u32::try_from(streaks.len()).unwrap()),
            "nothing was missed"
        );
    }
}

/// User 1 checked in from `phone` the day before, and now comes from another device.
fn flagged() -> EngineFixture {
    let mut fixture = EngineFixture::at(NOON);
    fixture.from_device("phone");
    assert!(
        !check_in(&mut fixture).unwrap().under_review,
        "the first device is trusted"
    );
    fixture.set_time("2026-01-06T12:00:00Z").from_device("tablet");
    fixture
}

#[test]
fn a_new_device_holds_the_rewards_and_keeps_the_streak() {
    for decision in [ReviewDecision::Approve, ReviewDecision::Reject] {
        let mut fixture = flagged();
        let told = fixture.events().len();
        let done = check_in(&mut fixture).unwrap();
        assert_eq!((done.under_review, done.streak.current), (true, 2));
        assert_eq!(fixture.events().len(), told, "nothing is granted yet");
        let review = open_review(&fixture);
        assert_eq!(review.reasons, [ReviewReason::NewDevice]);
        let held = fixture.store.records().reward;
        let held = held
            .values()
            .flatten()
            .find(|reward| reward.status == RewardStatus::Held)
            .unwrap()
            .clone();
        assert!(claim_reward(&mut fixture, held.id).unwrap().under_review);
        fixture.set_time("2026-01-07T12:00:00Z");
        assert!(
            check_in(&mut fixture).unwrap().under_review,
            "until a review approves it"
        );

        let other = fixture.store.records().review.into_values().flatten();
        let other = other.into_iter().find(|one| one.id != review.id).unwrap();
        decide(&mut fixture, &review, decision).unwrap();
        assert_eq!(
            code(decide(&mut fixture, &review, ReviewDecision::Approve)),
            "already_decided"
        );
        let approved = decision == ReviewDecision::Approve;
        let told: Vec<_> = fixture.events()[told..]
            .iter()
            .map(IntegrationEvent::event_type)
            .collect();
        let expected: &[_] = if approved {
            &["RewardClaimedEvent", "CheckInCompletedEvent"]
        } else {
            &[]
        };
        assert_eq!(told, expected);
        let points = fixture.store.records().user[&user(1)].clone().unwrap().points;
        assert_eq!(points, if approved { 20.into() } else { 10.into() });
        let again = code(claim_reward(&mut fixture, held.id));
        assert_eq!(
            again,
            if approved {
                "already_claimed"
            } else {
                "reward_rejected"
            }
        );
        assert_eq!(
            decide(&mut fixture, &other, ReviewDecision::Reject)
                .unwrap()
                .review
                .subject
                .kind(),
            ReviewKind::CheckIn
        );
        fixture.set_time("2026-01-08T12:00:00Z");
        let done = check_in(&mut fixture).unwrap();
        assert_eq!(done.under_review, !approved, "an approved device is trusted");
        assert_eq!(done.streak.current, 4);
    }
}

#[test]
fn a_device_of_three_others_flags_even_as_the_first() {
    let mut fixture = EngineFixture::at(NOON);
    fixture.from_device("shared");
    for n in 2..=4 {
        assert!(
            !fixture.when(CheckIn { user: user(n) }).unwrap().under_review,
            "user {n}"
        );
    }
    assert!(check_in(&mut fixture).unwrap().under_review);
    assert_eq!(open_review(&fixture).reasons, [ReviewReason::SharedDevice]);
    let mut fixture = EngineFixture::at(NOON);
    fixture.from_device("shared");
    for n in 2..=4 {
        fixture.when(CheckIn { user: user(n) }).unwrap();
    }
    fixture.set_time("2026-02-04T12:00:01Z");
    assert!(
        !check_in(&mut fixture).unwrap().under_review,
        "thirty days later they are forgotten"
    );
}

#[test]
fn the_operator_chooses_how_strict_devices_are() {
    for (mode, require, from, expected) in [
        (CheckMode::On, true, None, Err("device_required")),
        (CheckMode::On, false, None, Ok(false)),
        (CheckMode::On, true, Some("tablet"), Ok(true)),
        (CheckMode::Observe, false, Some("tablet"), Ok(false)),
        (CheckMode::Off, false, Some("tablet"), Ok(false)),
    ] {
        let fraud = FraudPolicy {
            devices: mode,
            require_device: require,
            ..FraudPolicy::default()
        };
        let settings = Settings {
            fraud,
            ..Settings::default()
        };
        let mut fixture = EngineFixture::set_up(at(NOON), settings, std::sync::Arc::new(NoScripts));
        fixture.from_device("phone");
        check_in(&mut fixture).unwrap();
        fixture.set_time("2026-01-06T12:00:00Z");
        fixture.signals.device = None;
        if let Some(device) = from {
            fixture.from_device(device);
        }
        let seen = check_in(&mut fixture)
            .map(|done| done.under_review)
            .map_err(|why| why.code());
        assert_eq!(seen, expected, "{mode:?} {require} {from:?}");
    }
}

#[test]
fn grace_and_freezes_bridge_gaps() {
    let file = PolicyFile {
        grace_days: Some(1),
        freeze_every: Some(2),
        freezes_max: Some(2),
        ..PolicyFile::default()
    };
    let mut fixture = EngineFixture::at(NOON).with_policy(PackPolicy {
        check_in: CheckInPolicy::try_from(file).ok(),
        ..PackPolicy::default()
    });
    // Days since the last check-in; then streak, freezes used and held, dates that it was kept over.
    let steps = [
        (0, 1, 0, 0, 0),
        (1, 2, 0, 1, 0),
        (2, 3, 0, 1, 1),
        (3, 4, 1, 1, 2),
        (1, 5, 0, 1, 0),
        (1, 6, 0, 2, 0),
        (4, 7, 2, 0, 3),
        (3, 1, 0, 0, 0),
    ];
    for (n, (days, streak, used, held, between)) in steps.into_iter().enumerate() {
        fixture.now += chrono::Duration::days(days);
        let done = check_in(&mut fixture).unwrap();
        assert_eq!(
            (done.streak.current, done.day.freezes_used, done.freezes_held),
            (streak, used, held),
            "step {n}"
        );
        assert_eq!(done.day.dates_between, between, "step {n}");
    }
}

#[test]
fn a_policy_whose_tiers_overlap_or_leave_holes_is_refused() {
    let tier = |min_days, max_days| Tier {
        min_days,
        max_days,
        bonus_percent: 1.into(),
        milestone_bonus: 0.into(),
    };
    for (tiers, part) in [
        (vec![], "at least one"),
        (vec![tier(2, None)], "leaves a hole"),
        (vec![tier(1, Some(6))], "no tier holds a streak of 7"),
        (vec![tier(1, Some(6)), tier(8, None)], "leaves a hole"),
        (vec![tier(1, Some(6)), tier(6, None)], "overlaps"),
        (vec![tier(1, None), tier(7, None)], "has no end"),
        (vec![tier(1, Some(0)), tier(1, None)], "must not be below"),
        (vec![tier(0, None)], "overlaps"),
    ] {
        let file = PolicyFile {
            tiers: Some(tiers.clone()),
            ..PolicyFile::default()
        };
        let why = CheckInPolicy::try_from(file).unwrap_err().to_string();
        assert!(why.contains(part), "{tiers:?}: {why}");
    }
}

proptest! {
    #[test]
    fn tiers_partition_the_days(lengths in proptest::collection::vec(1..20_u32, 0..8), streak in 1..400_u32) {
        let mut tiers = Vec::new();
        let mut next = 1;
        for (n, length) in (0..).zip(&lengths) {
            tiers.push(Tier {
                min_days: next,
                max_days: Some(next + length - 1),
                bonus_percent: n.into(),
                milestone_bonus: 1.into(),
            });
            next += length;
        }
        tiers.push(Tier { min_days: next, max_days: None, bonus_percent: 99.into(), milestone_bonus: 1.into() });
        let file = PolicyFile { tiers: Some(tiers.clone()), ..PolicyFile::default() };
        let policy = CheckInPolicy::try_from(file).unwrap();
        let holding: Vec<_> = tiers
            .iter()
            .filter(|tier| tier.min_days <= streak && tier.max_days.is_none_or(|max| streak <= max))
            .collect();
        prop_assert_eq!(holding.len(), 1, "each streak is in one tier");
        prop_assert_eq!(policy.tier(streak), Some(holding[0]));
        let reached: Vec<_> = tiers.iter().filter(|tier| tier.min_days <= streak).collect();
        prop_assert_eq!(policy.milestones_up_to(streak).collect::<Vec<_>>(), reached);
        let next = tiers.iter().find(|tier| tier.min_days > streak);
        prop_assert_eq!(policy.next_milestone(streak).map(|(_, tier)| tier), next);
    }
}

fn tiered(milestones: &[(u32, &str)], monthly: &[(u32, &str)]) -> PackPolicy {
    let starts = milestones.iter().map(|(days, _)| *days);
    let ends: Vec<_> = starts.skip(1).map(|next| Some(next - 1)).chain([None]).collect();
    let tiers = milestones
        .iter()
        .zip(ends)
        .map(|((min_days, bonus), max_days)| Tier {
            min_days: *min_days,
            max_days,
            bonus_percent: 0.into(),
            milestone_bonus: points(bonus),
        });
    let monthly = monthly.iter().map(|(days, bonus)| MonthlyRow {
        days: MonthlyDays::Count(*days),
        points: points(bonus),
    });
    let file = PolicyFile {
        tiers: Some(tiers.collect()),
        monthly: Some(monthly.collect()),
        ..PolicyFile::default()
    };
    PackPolicy {
        check_in: CheckInPolicy::try_from(file).ok(),
        ..PackPolicy::default()
    }
}

#[test]
fn a_milestone_that_an_edit_put_below_a_running_streak_is_paid_at_the_next_check_in_once() {
    let policy = tiered(&[(1, "0"), (3, "30"), (10, "100")], &[(4, "4"), (20, "20")]);
    let mut fixture = EngineFixture::at(NOON).with_policy(policy);
    let day = |fixture: &mut EngineFixture| {
        let earned = check_in(fixture).unwrap().day.earned;
        fixture.now += chrono::Duration::days(1);
        (earned.milestone_bonus, earned.monthly_reward)
    };
    let nothing = (points("0"), points("0"));
    for expected in [
        nothing,
        nothing,
        (points("30"), points("0")),
        (points("0"), points("4")),
        nothing,
    ] {
        assert_eq!(day(&mut fixture), expected);
    }
    // On the fifth day 10 becomes 5, 3 becomes 2, and 20 days of a month become 3.
    let lowered = tiered(&[(1, "0"), (2, "20"), (5, "100")], &[(3, "3")]);
    fixture = fixture.with_policy(lowered);
    assert_eq!(day(&mut fixture), (points("120"), points("3")));
    for _ in 0..3 {
        assert_eq!(day(&mut fixture), nothing);
    }
    // A new streak earns them anew.
    fixture.now += chrono::Duration::days(3);
    let again: Vec<_> = (0..5).map(|_| day(&mut fixture).0).collect();
    assert_eq!(again, ["0", "20", "0", "0", "100"].map(points));
}

#[test]
fn a_record_of_before_payments_were_kept_earns_no_milestone_twice() {
    let mut fixture = EngineFixture::at(NOON);
    for _ in 0..8 {
        check_in(&mut fixture).unwrap();
        fixture.now += chrono::Duration::days(1);
    }
    let record = fixture.store.records().user[&user(1)].clone().unwrap();
    let mut json = serde_json::to_value(record).unwrap();
    json["check_in"]
        .as_object_mut()
        .unwrap()
        .remove("milestones_paid");
    json["check_in"]["month"].as_object_mut().unwrap().remove("paid");
    let before: User = serde_json::from_value(json).unwrap();
    let zones = before.zone_history(Zone::default());
    let policy = CheckInPolicy::default();
    let step = before
        .check_in
        .check_in(fixture.now.date_naive(), &zones, &policy, PointsScale::default())
        .unwrap()
        .unwrap();
    assert_eq!(
        (step.earned.milestone_bonus, step.earned.monthly_reward),
        (points("0"), points("0"))
    );
}

#[test]
fn a_visit_that_a_change_of_zone_refuses_costs_no_streak() {
    // From Los Angeles to Tokyo: on landing it is the 6th there, and still the 5th by the zone that holds.
    let mut fixture = EngineFixture::at("2026-01-05T20:00:00Z");
    fixture.signals.zone = Some(zone("America/Los_Angeles"));
    check_in(&mut fixture).unwrap();
    fixture.set_time("2026-01-06T07:00:00Z");
    fixture.signals.zone = Some(zone("Asia/Tokyo"));
    assert_eq!(code(check_in(&mut fixture)), "already_checked_in");
    fixture.when(NoteRefusedVisit { user: user(1) }).unwrap();
    fixture.set_time("2026-01-06T23:00:00Z");
    let next = check_in(&mut fixture).unwrap();
    assert_eq!(
        (next.date().to_string().as_str(), next.streak.current),
        ("2026-01-07", 2)
    );
}

#[test]
fn a_date_of_which_less_than_half_a_day_was_the_users_is_not_missed() {
    for (to, streak) in [("Asia/Tokyo", 2), ("Europe/London", 1)] {
        let mut fixture = EngineFixture::at("2026-01-05T20:00:00Z");
        fixture.signals.zone = Some(zone("America/Los_Angeles"));
        check_in(&mut fixture).unwrap();
        fixture.signals.zone = Some(zone(to));
        fixture.set_time("2026-01-05T21:00:00Z");
        assert_eq!(code(check_in(&mut fixture)), "already_checked_in");
        let register = RegisterUser {
            user: user(1),
            registered_at: None,
            display_name: None,
        };
        fixture.when(register).unwrap();
        fixture.set_time("2026-01-07T12:00:00Z");
        assert_eq!(check_in(&mut fixture).unwrap().streak.current, streak, "to {to}");
    }
}

#[test]
fn the_default_zone_is_the_policys() {
    let file = PolicyFile {
        default_zone: Some("Asia/Tokyo".parse::<Zone>().unwrap()),
        ..PolicyFile::default()
    };
    let mut fixture = EngineFixture::at("2026-01-05T15:00:00Z").with_policy(PackPolicy {
        check_in: CheckInPolicy::try_from(file).ok(),
        ..PackPolicy::default()
    });
    assert_eq!(check_in(&mut fixture).unwrap().date().to_string(), "2026-01-06");
}

#[test]
fn a_milestone_whose_bonus_is_rounded_to_nothing_is_one_all_the_same() {
    let mut fixture = EngineFixture::at(NOON).with_policy(tiered(&[(1, "0"), (2, "0.001")], &[]));
    let earned = [0, 1, 2].map(|_| {
        let earned = check_in(&mut fixture).unwrap().day.earned;
        fixture.now += chrono::Duration::days(1);
        (earned.milestone_bonus, earned.is_milestone())
    });
    let nothing = points("0");
    assert_eq!(earned, [(nothing, false), (nothing, true), (nothing, false)]);
}
