//! Rings are found by what their accounts share, and ordinary people are none.

use std::collections::BTreeSet;

use chrono::{DateTime, Duration, Utc};
use mission_core::{
    FraudRingId, UserId,
    engine::{CheckIn, HoldUser, Rejection, ResourceKind},
    fraud::{
        DeviceHash,
        rings::{AccountFacts, CheckInMoment, FraudRing, RingEvidence, RingPolicy, Sighting, find_rings},
    },
    testing::{EngineFixture, at, user},
};
use proptest::prelude::*;

fn now() -> DateTime<Utc> {
    at("2026-06-30T12:00:00Z")
}

/// Accounts with the ids `from..from + count`, made `apart` after each other.
fn accounts(from: u64, count: u64, apart: Duration) -> Vec<AccountFacts> {
    let made = |n: u64| at("2026-06-01T08:00:00Z") + apart * i32::try_from(n).unwrap();
    (0..count)
        .map(|n| AccountFacts::new(user(from + n), made(n)))
        .collect()
}

fn sighting<T>(of: T, account: &AccountFacts) -> Sighting<T> {
    Sighting {
        of,
        first_seen_at: account.created_at,
    }
}

fn with_device(mut accounts: Vec<AccountFacts>, device: &str) -> Vec<AccountFacts> {
    for account in &mut accounts {
        let sighting = sighting(DeviceHash::of(device), account);
        account.devices.push(sighting);
    }
    accounts
}

fn with_address(mut accounts: Vec<AccountFacts>, address: &str) -> Vec<AccountFacts> {
    for account in &mut accounts {
        let sighting = sighting(address.to_owned(), account);
        account.addresses.push(sighting);
    }
    accounts
}

/// Each acts on twenty days, at a time of day that only depends on the day, and on the account by so much.
fn acting(mut accounts: Vec<AccountFacts>, apart: impl Fn(i32, i32) -> Duration) -> Vec<AccountFacts> {
    for (n, account) in (0..).zip(&mut accounts) {
        account.actions = (0..20)
            .map(|day: i32| at("2026-06-05T00:00:00Z") + Duration::days(1) * day + apart(n, day))
            .collect();
    }
    accounts
}

fn at_midnight(mut accounts: Vec<AccountFacts>, seconds: u32) -> Vec<AccountFacts> {
    for account in &mut accounts {
        account.check_ins = (0..10)
            .map(|day: i32| CheckInMoment {
                at: at("2026-06-05T17:00:00Z")
                    + Duration::days(1) * day
                    + Duration::seconds(i64::from(seconds)),
                after_midnight: seconds,
            })
            .collect();
    }
    accounts
}

fn inviting_in_a_circle(mut accounts: Vec<AccountFacts>) -> Vec<AccountFacts> {
    let users: Vec<UserId> = accounts.iter().map(|account| account.user).collect();
    for (n, account) in accounts.iter_mut().enumerate() {
        account.invited_by = Some(users[(n + 1) % users.len()]);
    }
    accounts
}

fn rings(accounts: &[AccountFacts]) -> Vec<FraudRing> {
    find_rings(accounts, &RingPolicy::default(), now())
}

fn the_ring(accounts: &[AccountFacts]) -> FraudRing {
    let rings = rings(accounts);
    assert_eq!(rings.len(), 1, "{rings:?}");
    rings.into_iter().next().unwrap()
}

fn kinds(ring: &FraudRing) -> Vec<&'static str> {
    ring.evidence.iter().map(RingEvidence::kind).collect()
}

#[test]
fn many_new_accounts_of_one_device_are_a_ring() {
    let accounts = with_device(accounts(1, 10, Duration::hours(5)), "farm");
    let ring = the_ring(&accounts);
    assert_eq!(ring.id, FraudRingId::of_oldest(user(1)));
    assert_eq!(ring.members.len(), 10);
    assert_eq!(
        ring.evidence,
        [RingEvidence::SharedDevice {
            device: DeviceHash::of("farm"),
            accounts: 10,
            created_from: at("2026-06-01T08:00:00Z"),
            created_to: at("2026-06-03T05:00:00Z"),
        }]
    );
}

#[test]
fn a_family_on_one_tablet_is_none_nor_is_a_device_that_gathers_accounts_over_months() {
    assert_eq!(
        rings(&with_device(accounts(1, 5, Duration::minutes(3)), "tablet")),
        []
    );
    assert_eq!(rings(&with_device(accounts(1, 8, Duration::days(9)), "shop")), []);
}

#[test]
fn accounts_that_were_made_long_ago_are_not_new() {
    let later = now() + Duration::days(200);
    let accounts = with_device(accounts(1, 10, Duration::hours(5)), "farm");
    assert_eq!(find_rings(&accounts, &RingPolicy::default(), later), []);
}

#[test]
fn many_new_accounts_that_never_leave_an_address_are_a_ring() {
    let apart = |n: i32, day: i32| Duration::minutes(i64::from((n * 131 + day * 577) % 1440));
    let accounts = acting(with_address(accounts(1, 20, Duration::hours(1)), "proxy"), apart);
    let ring = the_ring(&accounts);
    assert_eq!(ring.members.len(), 20);
    assert_eq!(kinds(&ring), ["shared_address"]);
}

#[test]
fn a_class_that_joins_at_school_is_none() {
    let apart = |n: i32, day: i32| Duration::minutes(i64::from((n * 131 + day * 577) % 1440));
    let mut class = acting(
        with_address(accounts(1, 30, Duration::minutes(1)), "school"),
        apart,
    );
    // Most have a home, and some have never come back.
    for (n, pupil) in class.iter_mut().enumerate() {
        if n % 4 == 0 {
            pupil.actions.truncate(1);
        } else {
            let home = sighting(format!("home {n}"), pupil);
            pupil.addresses.push(home);
        }
    }
    assert_eq!(rings(&class), []);
}

#[test]
fn accounts_that_act_at_the_same_instants_are_a_ring() {
    let script = |n: i32, day: i32| Duration::seconds(i64::from(day * 2741 % 80_000 + n * 4));
    let ring = the_ring(&acting(accounts(1, 8, Duration::days(2)), script));
    assert_eq!(ring.members.len(), 8);
    let [
        RingEvidence::SameTiming {
            accounts: 8,
            coincidences,
            of: 20,
            from,
            instants,
        },
    ] = ring.evidence.as_slice()
    else {
        panic!("{:?}", ring.evidence);
    };
    assert!(*coincidences >= 10, "{coincidences}");
    assert_eq!((*from, ring.since), (at("2026-06-05T00:00:00Z"), *from));
    assert!(
        !instants.is_empty() && instants.iter().all(|instant| instant.accounts > 4),
        "{instants:?}"
    );
}

#[test]
fn whoever_comes_when_everybody_does_is_none() {
    // A notification at eight; each of them comes within the next minutes.
    let told = |n: i32, day: i32| Duration::seconds(i64::from(20 * 3600 + (n * 7919 + day * 6007) % 600));
    assert_eq!(rings(&acting(accounts(1, 2000, Duration::minutes(17)), told)), []);
    // And all within the same minute.
    let told = |n: i32, day: i32| Duration::seconds(i64::from(20 * 3600 + (n * 7919 + day * 6007) % 60));
    assert_eq!(rings(&acting(accounts(1, 2000, Duration::minutes(17)), told)), []);
}

#[test]
fn a_circle_of_referrals_is_a_ring() {
    let ring = the_ring(&inviting_in_a_circle(accounts(1, 5, Duration::days(5))));
    assert_eq!(ring.evidence, [RingEvidence::ReferralCycle { accounts: 5 }]);
    assert_eq!(ring.since, at("2026-06-01T08:00:00Z"), "its oldest account");
}

#[test]
fn two_friends_who_invite_each_other_are_none_nor_is_a_chain() {
    assert_eq!(
        rings(&inviting_in_a_circle(accounts(1, 2, Duration::minutes(5)))),
        []
    );
    let mut chain = inviting_in_a_circle(accounts(1, 40, Duration::hours(5)));
    chain[39].invited_by = None;
    assert_eq!(rings(&chain), []);
}

#[test]
fn accounts_of_midnight_that_were_made_together_are_a_ring() {
    let ring = the_ring(&at_midnight(accounts(1, 7, Duration::minutes(10)), 4));
    assert_eq!(ring.members.len(), 7);
    assert!(
        ring.evidence.contains(&RingEvidence::ClockEdge {
            accounts: 7,
            check_ins: 70,
            at_midnight: 70,
            within_seconds: 30,
        }),
        "{ring:?}"
    );
}

#[test]
fn midnight_alone_says_nothing() {
    assert_eq!(rings(&at_midnight(accounts(1, 1, Duration::zero()), 4)), []);
    // They have nothing else in common, and there are too many at that instant.
    assert_eq!(rings(&at_midnight(accounts(1, 150, Duration::hours(4)), 4)), []);
}

#[test]
fn weak_signs_together_are_strong() {
    let family = with_device(accounts(1, 5, Duration::minutes(3)), "tablet");
    assert_eq!(rings(&family), []);
    let ring = the_ring(&at_midnight(family, 4));
    assert!(
        kinds(&ring).contains(&"shared_device") && kinds(&ring).contains(&"clock_edge"),
        "{ring:?}"
    );
}

#[test]
fn a_second_device_brings_its_accounts() {
    let mut farm = with_device(accounts(1, 10, Duration::hours(5)), "first");
    farm.extend(with_device(accounts(100, 1, Duration::zero()), "second"));
    farm[8..].iter_mut().for_each(|account| {
        let second = sighting(DeviceHash::of("second"), account);
        account.devices.push(second);
    });
    let ring = the_ring(&farm);
    assert!(ring.members.contains(&user(100)), "{ring:?}");
}

#[test]
fn a_ring_with_newcomers_is_the_same_ring() {
    let all = with_device(accounts(1, 12, Duration::hours(5)), "farm");
    assert_eq!(the_ring(&all[..9]).id, the_ring(&all).id);
}

/// Accounts that share much of everything.
fn population() -> impl Strategy<Value = Vec<AccountFacts>> {
    let account = (
        1..40_u64,
        0..500_i64,
        proptest::collection::vec(0..4_u8, 0..3),
        proptest::collection::vec(0..3_u8, 0..3),
        proptest::option::of(1..40_u64),
        proptest::collection::vec((0..20_i64, 0..120_u32), 0..8),
    )
        .prop_map(|(id, hours, devices, addresses, inviter, check_ins)| {
            let mut account =
                AccountFacts::new(user(id), at("2026-06-01T08:00:00Z") + Duration::hours(hours));
            for device in devices {
                let sighting = sighting(DeviceHash::of(&device.to_string()), &account);
                account.devices.push(sighting);
            }
            for address in addresses {
                let sighting = sighting(address.to_string(), &account);
                account.addresses.push(sighting);
            }
            account.invited_by = inviter.map(user);
            account.check_ins = check_ins
                .into_iter()
                .map(|(day, after_midnight)| CheckInMoment {
                    at: at("2026-06-05T17:00:00Z")
                        + Duration::days(day)
                        + Duration::seconds(i64::from(after_midnight)),
                    after_midnight,
                })
                .collect();
            account
        });
    proptest::collection::vec(account, 0..60).prop_map(|mut accounts| {
        accounts.sort_by_key(|account| account.user);
        accounts.dedup_by_key(|account| account.user);
        accounts
    })
}

proptest! {
    #[test]
    fn the_order_of_the_accounts_does_not_matter(accounts in population(), seed: u64) {
        let found = rings(&accounts);
        let mut shuffled = accounts;
        shuffled.sort_by_key(|account| account.user.0.as_u128().wrapping_mul(u128::from(seed | 1)) % 1009);
        prop_assert_eq!(rings(&shuffled), found);
    }

    #[test]
    fn a_ring_has_several_accounts_that_there_are_and_shares_none(accounts in population()) {
        let mut seen = std::collections::BTreeSet::new();
        for ring in rings(&accounts) {
            prop_assert!(ring.members.len() >= RingPolicy::default().least_members);
            prop_assert!(ring.members.is_sorted());
            prop_assert!(!ring.evidence.is_empty());
            prop_assert!((75..100).contains(&ring.score));
            for member in ring.members {
                prop_assert!(accounts.iter().any(|account| account.user == member));
                prop_assert!(seen.insert(member));
            }
        }
    }

    #[test]
    fn a_lone_user_is_never_a_ring(accounts in population()) {
        for account in accounts {
            prop_assert_eq!(rings(std::slice::from_ref(&account)), []);
            prop_assert_eq!(rings(&[account.clone(), account]), []);
        }
    }
}

#[test]
fn what_a_held_user_earns_and_claims_waits_for_a_reviewer() {
    let ring = FraudRingId::of_oldest(user(1));
    let mut fixture = EngineFixture::at("2026-06-01T10:00:00Z");
    let hold = |held| HoldUser {
        user: user(1),
        ring,
        held,
    };
    assert_eq!(
        fixture.when(hold(true)),
        Err(Rejection::NotFound(ResourceKind::User)),
        "nobody has seen the user"
    );
    fixture.when(CheckIn { user: user(1) }).unwrap();
    assert_eq!(
        fixture.when(hold(true)).unwrap().user.held_for,
        BTreeSet::from([ring])
    );
    assert_eq!(
        fixture.when(hold(true)).unwrap().user.held_for,
        BTreeSet::from([ring])
    );
    fixture.now += Duration::days(1);
    let held = fixture.when(CheckIn { user: user(1) }).unwrap();
    assert!(held.under_review, "{held:?}");
    fixture.when(hold(false)).unwrap();
    fixture.now += Duration::days(1);
    let free = fixture.when(CheckIn { user: user(1) }).unwrap();
    assert!(!free.under_review, "{free:?}");
}
