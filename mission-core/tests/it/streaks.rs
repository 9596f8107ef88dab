//! Check-ins against the naive model, in every zone of the time-zone database.

use chrono::{DateTime, Duration, Utc};
use mission_core::{
    PointsScale,
    check_in::{CheckInPolicy, MonthlyDays, MonthlyRow, PolicyFile, Tier, Zone, ZoneHistory},
    engine::{CheckIn, NoteRefusedVisit, PackPolicy, Rejection},
    testing::{EngineFixture, at, model::CheckInModel, points, user, zone},
};
use proptest::prelude::*;

/// What a user does, `after` so long.
#[derive(Clone, Debug)]
struct Action {
    after: Duration,
    wish: Option<Zone>,
}

fn any_zone() -> impl Strategy<Value = Zone> {
    proptest::sample::select(Zone::all().collect::<Vec<_>>())
}

/// Zones where something happened at midnight, to a whole day, or by an odd amount.
fn odd_zone() -> impl Strategy<Value = Zone> {
    let names = [
        "Pacific/Apia",
        "Pacific/Kwajalein",
        "Pacific/Kiritimati",
        "America/St_Johns",
        "America/Sao_Paulo",
        "Antarctica/Troll",
        "Australia/Lord_Howe",
        "Asia/Manila",
        "America/Juneau",
        "Pacific/Pago_Pago",
        "Pacific/Marquesas",
        "Africa/Cairo",
        "Asia/Tehran",
        "Africa/Monrovia",
        "America/Scoresbyhavn",
    ];
    proptest::sample::select(
        names
            .into_iter()
            .filter_map(|name| name.parse().ok())
            .collect::<Vec<Zone>>(),
    )
}

fn some_zone() -> impl Strategy<Value = Zone> {
    prop_oneof![any_zone(), odd_zone()]
}

/// Anywhere in three centuries, and often on the eve of something odd.
fn some_start() -> impl Strategy<Value = DateTime<Utc>> {
    let odd = [
        "2011-12-25T00:00:00Z",
        "1993-08-15T00:00:00Z",
        "1844-12-20T00:00:00Z",
        "1867-10-10T00:00:00Z",
        "1994-12-25T00:00:00Z",
        "1987-10-20T00:00:00Z",
        "2006-10-25T00:00:00Z",
        "2018-10-30T00:00:00Z",
        "2024-10-20T00:00:00Z",
        "2026-03-25T00:00:00Z",
    ];
    prop_oneof![
        (-4_000_000_000_i64..4_000_000_000)
            .prop_map(|second| DateTime::from_timestamp(second, 0).unwrap_or_default()),
        (proptest::sample::select(odd.map(at).to_vec()), 0_i64..864_000)
            .prop_map(|(eve, second)| eve + Duration::seconds(second)),
    ]
}

fn actions(zones: impl Strategy<Value = Zone>) -> impl Strategy<Value = Vec<Action>> {
    let after = prop_oneof![
        6 => 60_000_i64..100_000,
        2 => 1_i64..50_000,
        2 => 86_400_i64..400_000,
        1 => 400_000_i64..4_000_000,
    ];
    let wish = proptest::option::weighted(0.2, zones);
    let action = (after, wish).prop_map(|(seconds, wish)| Action {
        after: Duration::seconds(seconds),
        wish,
    });
    proptest::collection::vec(action, 1..60)
}

fn policy() -> impl Strategy<Value = CheckInPolicy> {
    (0..3_u32, 0..8_u32, 0..4_u32, 0..2000_i64, some_zone()).prop_map(|(grace, every, most, cents, zone)| {
        let tier = |min_days, max_days, percent: &str, bonus| Tier {
            min_days,
            max_days,
            bonus_percent: mission_core::Percent::new(points(percent).get()).unwrap_or_default(),
            milestone_bonus: points(bonus),
        };
        let file = PolicyFile {
            cycle_days: None,
            daily_points: mission_core::Points::new(rust_decimal::Decimal::new(cents, 3)).ok(),
            default_zone: Some(zone),
            grace_days: Some(grace),
            freeze_every: Some(every),
            freezes_max: Some(most),
            tiers: Some(vec![
                tier(1, Some(3), "0", "0"),
                tier(4, Some(6), "12.5", "0.125"),
                tier(7, None, "33.333", "50"),
            ]),
            monthly: Some(vec![
                MonthlyRow {
                    days: MonthlyDays::Count(7),
                    points: points("20"),
                },
                MonthlyRow {
                    days: MonthlyDays::All,
                    points: points("200.005"),
                },
            ]),
        };
        CheckInPolicy::try_from(file).unwrap_or_default()
    })
}

/// Lives the actions in the engine and in the diary, and compares after each.
fn agrees(start: DateTime<Utc>, policy: &CheckInPolicy, actions: &[Action]) -> Result<(), TestCaseError> {
    let mut fixture = EngineFixture::at("2026-01-01T00:00:00Z").with_policy(PackPolicy {
        check_in: Some(policy.clone()),
        ..PackPolicy::default()
    });
    let mut diary = CheckInModel::new(policy, PointsScale::default());
    let mut total = rust_decimal::Decimal::ZERO;
    fixture.now = start;
    for action in actions {
        fixture.now += action.after;
        fixture.signals.zone = action.wish;
        let answer = fixture.when(CheckIn { user: user(1) });
        if answer.is_err() {
            fixture.when(NoteRefusedVisit { user: user(1) }).unwrap();
        }
        if let Some(wish) = action.wish {
            diary.ask_for_zone(wish, fixture.now);
        }
        match (answer, diary.check_in(fixture.now)) {
            (Ok(done), Ok(visit)) => {
                total += visit.points();
                let day = &done.day;
                let streak = done.streak;
                let seen = (day.date, streak.current, streak.longest, streak.total as usize);
                prop_assert_eq!(
                    seen,
                    (visit.date, visit.streak, visit.longest, visit.total),
                    "at {}",
                    fixture.now
                );
                let earned = &day.earned;
                let seen = [
                    earned.base,
                    earned.streak_bonus,
                    earned.milestone_bonus,
                    earned.monthly_reward,
                ];
                let parts = [
                    visit.base,
                    visit.streak_bonus,
                    visit.milestone_bonus,
                    visit.monthly_reward,
                ];
                prop_assert_eq!(seen.map(mission_core::Points::get), parts, "at {}", fixture.now);
                prop_assert_eq!(
                    earned.total(),
                    visit.points(),
                    "the total is the sum of its parts"
                );
                prop_assert_eq!(
                    (day.freezes_used, done.freezes_held),
                    (visit.freezes_used, visit.freezes_held)
                );
            }
            (Err(Rejection::AlreadyCheckedIn), Err(_)) => {}
            (answer, visit) => prop_assert!(false, "at {}: {answer:?}, but {visit:?}", fixture.now),
        }
    }
    let records = fixture.store.records();
    let user = records.user[&user(1)].clone();
    prop_assert_eq!(
        user.map(|user| user.points),
        Some(total),
        "all that was earned was granted"
    );
    let granted: rust_decimal::Decimal = records
        .reward
        .values()
        .flatten()
        .map(|reward| reward.amount.total())
        .sum();
    prop_assert_eq!(granted, total, "and nothing else");
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 100, ..ProptestConfig::default() })]

    #[test]
    fn check_ins_agree_with_the_model(start in some_start(), policy in policy(), actions in actions(some_zone())) {
        agrees(start, &policy, &actions)?;
    }

    #[test]
    fn check_ins_agree_with_the_model_where_zones_are_odd(
        start in some_start(), policy in policy(), actions in actions(odd_zone()),
    ) {
        agrees(start, &policy, &actions)?;
    }
}

#[test]
fn a_full_month_agrees_with_the_model_in_every_zone() {
    for home in Zone::all() {
        // Samoa lost a day in December 2011, Manila the last one of 1844.
        for first in ["2011-11-30T12:00:00Z", "1844-11-30T12:00:00Z"] {
            let file = PolicyFile {
                default_zone: Some(home),
                ..PolicyFile::default()
            };
            let actions = vec![
                Action {
                    after: Duration::days(1),
                    wish: None
                };
                32
            ];
            agrees(at(first), &CheckInPolicy::try_from(file).unwrap(), &actions).unwrap();
        }
    }
}

/// Every instant of a stretch of time, in steps.
fn scan(from: &str, to: &str, step: Duration) -> impl Iterator<Item = DateTime<Utc>> {
    let to = at(to);
    std::iter::successors(Some(at(from)), move |at| Some(*at + step)).take_while(move |at| *at <= to)
}

#[test]
fn days_start_and_end_where_the_wall_clock_says() {
    let stretches = [
        ("Pacific/Apia", "2011-12-27T00:00:00Z", "2012-01-02T00:00:00Z"),
        (
            "Pacific/Kwajalein",
            "1993-08-18T00:00:00Z",
            "1993-08-25T00:00:00Z",
        ),
        ("America/St_Johns", "2006-10-27T00:00:00Z", "2006-11-01T00:00:00Z"),
        ("America/St_Johns", "2006-03-31T00:00:00Z", "2006-04-05T00:00:00Z"),
        (
            "America/Sao_Paulo",
            "2018-11-02T00:00:00Z",
            "2018-11-07T00:00:00Z",
        ),
        (
            "America/Sao_Paulo",
            "2018-02-15T00:00:00Z",
            "2018-02-20T00:00:00Z",
        ),
        ("Antarctica/Troll", "2026-03-27T00:00:00Z", "2026-03-31T00:00:00Z"),
        (
            "Australia/Lord_Howe",
            "2026-04-03T00:00:00Z",
            "2026-04-07T00:00:00Z",
        ),
        ("Asia/Manila", "1844-12-28T00:00:00Z", "1845-01-03T00:00:00Z"),
        ("America/Juneau", "1867-10-15T00:00:00Z", "1867-10-21T00:00:00Z"),
    ];
    for (name, from, to) in stretches {
        let home = zone(name);
        let instants: Vec<_> = scan(from, to, Duration::seconds(1))
            .map(|instant| (instant, home.date(instant)))
            .collect();
        let mut dates: Vec<_> = instants.iter().map(|(_, date)| *date).collect();
        dates.sort();
        dates.dedup();
        // The first and the last date may go on beyond the stretch.
        for date in &dates[1..dates.len() - 1] {
            let first = instants.iter().find(|(_, shown)| shown == date).unwrap().0;
            let last = instants.iter().rfind(|(_, shown)| shown == date).unwrap().0;
            assert_eq!(home.start_of(*date), first, "{date} begins in {name}");
            assert_eq!(
                home.end_of(*date),
                last + Duration::seconds(1),
                "{date} is over in {name}"
            );
            assert!(home.has_date(*date), "{name} has {date}");
        }
        let (first, last) = (dates[0], dates[dates.len() - 1]);
        for date in first.iter_days().take_while(|date| *date < last) {
            assert_eq!(
                home.has_date(date),
                dates.contains(&date),
                "whether {name} has {date}"
            );
        }
    }
}

#[test]
fn days_cover_every_instant_in_every_zone() {
    for home in Zone::all() {
        for instant in scan(
            "2005-01-01T00:00:00Z",
            "2007-01-01T00:00:00Z",
            Duration::minutes(467),
        ) {
            let date = home.date(instant);
            assert!(
                home.start_of(date) <= instant && instant < home.end_of(date),
                "{instant} in {home}"
            );
        }
    }
}

proptest! {
    #[test]
    fn a_change_of_zone_waits_for_the_end_of_both_days(
        now in some_start(), from in some_zone(), to in some_zone(), back in any::<bool>(),
    ) {
        let line = ZoneHistory::new(from).with_zone(to, now);
        let line = if back { line.with_zone(from, now) } else { line };
        prop_assert_eq!(line.at(now), from, "nothing changes at once");
        let mut last = from.date(now);
        for hours in 0..80 {
            let later = now + Duration::hours(hours);
            let date = line.at(later).date(later);
            if line.at(later) == to && from != to {
                prop_assert!(from.date(later) > from.date(now) && to.date(later) > to.date(now));
            }
            prop_assert!(date >= last || (last - date).num_days() <= 1);
            last = last.max(date);
        }
        let end = now + Duration::hours(80);
        prop_assert_eq!(line.at(end), if back { from } else { to });
    }
}
