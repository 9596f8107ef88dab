//! Missions made, changed and moved; packs put in place; declarative rules.

use std::collections::BTreeMap;

use mission_core::{
    engine::{
        CreateMission, MissionSaved, MoveMission, PackPolicy, PutPack, ReferralPolicy, Rejection,
        UpdateMission, pack_id,
    },
    mission::{Definition, FieldValue, Frequency, MissionStatus, Operator, Period, Rule, StatusTransition},
    testing::{EngineFixture, active, at, date, definition, mission_id, zone},
};
use serde_json::json;

use crate::play::{code, start};

const NOON: &str = "2026-01-05T12:00:00Z";

fn create(fixture: &mut EngineFixture, n: u64, code: &str) -> Result<MissionSaved, Rejection> {
    fixture.when(CreateMission {
        mission: mission_id(n),
        definition: definition(code),
    })
}

fn change(fixture: &mut EngineFixture, n: u64, asked: StatusTransition) -> Result<MissionSaved, Rejection> {
    fixture.when(MoveMission {
        mission: mission_id(n),
        asked,
        expected_version: None,
    })
}

#[test]
fn only_three_moves_lead_anywhere() {
    use MissionStatus::{Active, Archived, Draft, Paused};
    use StatusTransition::{Activate, Archive, Pause};
    let paths: [(&[StatusTransition], MissionStatus); 4] = [
        (&[], Draft),
        (&[Activate], Active),
        (&[Activate, Pause], Paused),
        (&[Activate, Pause, Archive], Archived),
    ];
    let allowed = [
        (Draft, Activate, Active),
        (Active, Pause, Paused),
        (Paused, Activate, Active),
        (Paused, Archive, Archived),
    ];
    for (path, from) in paths {
        for asked in [Activate, Pause, Archive] {
            let mut fixture = EngineFixture::at(NOON);
            create(&mut fixture, 1, "one").unwrap();
            for step in path {
                change(&mut fixture, 1, *step).unwrap();
            }
            let leads = allowed
                .iter()
                .find(|(status, step, _)| (*status, *step) == (from, asked));
            let seen = change(&mut fixture, 1, asked).map(|saved| saved.mission.status);
            let expected = leads
                .map(|(_, _, to)| *to)
                .ok_or(Rejection::InvalidTransition { from, asked });
            assert_eq!(seen, expected, "{from} {asked}");
        }
    }
}

#[test]
fn a_code_is_one_missions() {
    let mut fixture = EngineFixture::at(NOON);
    let one = create(&mut fixture, 1, "one").unwrap().mission;
    assert_eq!((one.version, one.status), (1, MissionStatus::Draft));
    assert_eq!(code(create(&mut fixture, 2, "one")), "code_taken");
    create(&mut fixture, 2, "two").unwrap();
    let rename = |n, code| UpdateMission {
        mission: mission_id(n),
        definition: definition(code),
        expected_version: None,
    };
    assert_eq!(code(fixture.when(rename(2, "one"))), "code_taken");
    assert_eq!(fixture.when(rename(1, "uno")).unwrap().mission.version, 2);
    assert!(
        fixture.when(rename(2, "one")).is_ok(),
        "a code that was let go is free"
    );
    assert_eq!(
        fixture.catalog.id_of(&definition("one").code),
        Some(mission_id(2))
    );
    assert_eq!(code(fixture.when(rename(9, "nine"))), "not_found");
}

#[test]
fn a_mission_is_made_once() {
    let mut fixture = EngineFixture::at(NOON);
    create(&mut fixture, 1, "one").unwrap();
    change(&mut fixture, 1, StatusTransition::Activate).unwrap();
    let again = create(&mut fixture, 1, "one");
    assert!(
        again.is_err(),
        "making it again would put it back to a draft: {again:?}"
    );
    assert_eq!(
        fixture.store.records().mission[&mission_id(1)]
            .clone()
            .unwrap()
            .status,
        MissionStatus::Active
    );
}

#[test]
fn a_version_that_was_read_is_kept_to() {
    let mut fixture = EngineFixture::at(NOON);
    create(&mut fixture, 1, "one").unwrap();
    let activate = |version| MoveMission {
        mission: mission_id(1),
        asked: StatusTransition::Activate,
        expected_version: Some(version),
    };
    assert_eq!(
        fixture.when(activate(2)).unwrap_err(),
        Rejection::VersionConflict { current: 1 }
    );
    assert_eq!(fixture.when(activate(1)).unwrap().mission.version, 2);
    let update = UpdateMission {
        mission: mission_id(1),
        definition: definition("one"),
        expected_version: Some(1),
    };
    assert_eq!(code(fixture.when(update)), "version_conflict");
}

fn pack(name: &str, missions: &[(u64, Definition)], policy: Option<PackPolicy>, activate: bool) -> PutPack {
    PutPack {
        pack: pack_id(name),
        name: name.to_owned(),
        files: BTreeMap::from([("missions".to_owned(), format!("{missions:?} {policy:?}"))]),
        missions: missions
            .iter()
            .map(|(n, definition)| (mission_id(*n), definition.clone()))
            .collect(),
        policy,
        caps: Vec::new(),
        activate,
    }
}

#[test]
fn a_pack_changes_its_missions_and_never_their_status() {
    let mut fixture = EngineFixture::at(NOON);
    let one = definition("one");
    let first = fixture
        .when(pack("starter", &[(1, one.clone())], None, true))
        .unwrap();
    assert_eq!(
        (first.version, first.missions[0].status),
        (1, MissionStatus::Active)
    );
    assert!(start(&mut fixture, 1).is_ok());
    let same = fixture
        .when(pack("starter", &[(1, one.clone())], None, true))
        .unwrap();
    assert_eq!(
        (same.version, same.missions[0].version),
        (1, 1),
        "the same pack changes nothing"
    );
    change(&mut fixture, 1, StatusTransition::Pause).unwrap();
    let far = Definition { target: 7, ..one };
    let second = fixture
        .when(pack("starter", &[(1, far), (2, definition("two"))], None, true))
        .unwrap();
    assert_eq!(second.version, 2);
    let seen: Vec<_> = second
        .missions
        .iter()
        .map(|m| (m.status, m.version, m.definition.target))
        .collect();
    assert_eq!(
        seen,
        [(MissionStatus::Paused, 3, 7), (MissionStatus::Active, 1, 1)]
    );
    let clash = pack(
        "other",
        &[(3, definition("three")), (4, definition("two"))],
        None,
        false,
    );
    assert_eq!(code(fixture.when(clash)), "code_taken");
    assert_eq!(fixture.store.records().mission.len(), 2, "all or nothing");
}

#[test]
fn a_pack_takes_over_nobody_elses_mission() {
    let mut fixture = EngineFixture::at(NOON);
    let create = CreateMission {
        mission: mission_id(1),
        definition: definition("by-http"),
    };
    fixture.when(create).unwrap();
    fixture
        .when(pack("p1", &[(2, definition("of-p1"))], None, true))
        .unwrap();
    let dear = |code: &str| Definition {
        target: 7,
        ..definition(code)
    };
    let before = fixture.store.records().mission.clone();
    for (n, taken, owner) in [(1, "by-http", None), (2, "of-p1", Some("p1"))] {
        let refused = fixture
            .when(pack("p2", &[(n, dear(taken))], None, true))
            .unwrap_err();
        assert_eq!(
            refused,
            Rejection::CodeTaken {
                code: taken.to_owned(),
                owner: owner.map(str::to_owned)
            }
        );
    }
    assert_eq!(fixture.store.records().mission, before, "nothing changed");
}

#[test]
fn what_a_pack_no_longer_holds_is_archived() {
    let mut fixture = EngineFixture::at(NOON);
    let both = [(1, definition("stays")), (2, definition("goes"))];
    let first = fixture.when(pack("p", &both, None, true)).unwrap();
    assert_eq!((first.created, first.changed, first.archived.len()), (2, 0, 0));
    let second = fixture.when(pack("p", &both[..1], None, true)).unwrap();
    assert_eq!((second.created, second.changed), (0, 0));
    let gone: Vec<_> = second
        .archived
        .iter()
        .map(|m| (m.id, m.status, m.version))
        .collect();
    assert_eq!(gone, [(mission_id(2), MissionStatus::Archived, 2)]);
    assert_eq!(code(start(&mut fixture, 2)), "mission_not_active");
    assert!(start(&mut fixture, 1).is_ok());
    let third = fixture.when(pack("p", &both[..1], None, true)).unwrap();
    assert!(third.archived.is_empty(), "it is archived once");
}

#[test]
fn missions_of_one_pack_may_swap_codes() {
    let mut fixture = EngineFixture::at(NOON);
    fixture
        .when(pack(
            "starter",
            &[(1, definition("a")), (2, definition("b"))],
            None,
            true,
        ))
        .unwrap();
    let swapped = fixture.when(pack(
        "starter",
        &[(1, definition("b")), (2, definition("c"))],
        None,
        true,
    ));
    match swapped {
        Ok(_) => {
            assert_eq!(fixture.catalog.id_of(&definition("b").code), Some(mission_id(1)));
            assert_eq!(fixture.catalog.id_of(&definition("c").code), Some(mission_id(2)));
            assert_eq!(fixture.catalog.id_of(&definition("a").code), None);
        }
        Err(why) => assert_eq!(why.code(), "code_taken"),
    }
}

#[test]
fn one_pack_carries_the_policy() {
    let mut fixture = EngineFixture::at(NOON);
    let policy = |points: u32| {
        Some(PackPolicy {
            referral: Some(ReferralPolicy {
                points: points.into(),
            }),
            ..PackPolicy::default()
        })
    };
    fixture.when(pack("a", &[], policy(7), true)).unwrap();
    assert_eq!(fixture.catalog.referral.points, 7.into());
    assert_eq!(
        code(fixture.when(pack("b", &[], policy(8), true))),
        "policy_taken"
    );
    fixture.when(pack("b", &[], None, true)).unwrap();
    assert_eq!(
        fixture.catalog.referral.points,
        7.into(),
        "a pack without policy changes none"
    );
    fixture.when(pack("a", &[], policy(9), true)).unwrap();
    fixture.when(pack("a", &[], None, true)).unwrap();
    assert_eq!(fixture.catalog.referral, ReferralPolicy::default());
    fixture.when(pack("b", &[], policy(8), true)).unwrap();
    assert_eq!(fixture.catalog.referral.points, 8.into());
}

#[test]
fn operators_judge_present_absent_and_mixed_values() {
    use Operator::{Between, Contains, Eq, Exists, Gt, Gte, In, Lt, Lte, Ne, NotIn};
    let tags = ["vip".to_owned(), "beta".to_owned()];
    let list = [json!("a"), json!(2.50), json!(null), json!(true)];
    let object = json!({"plan": "gold"}).as_object().cloned().unwrap();
    let number = |text: &str| Some(FieldValue::Number(text.parse().unwrap()));
    let text = |text: &'static str| Some(FieldValue::Text(text.into()));
    let cases = [
        (number("5"), Eq, "5", true),
        (number("5.0"), Eq, " 5 ", true),
        (number("5"), Eq, "five", false),
        (number("5"), Ne, "five", true),
        (number("5"), Ne, "5.00", false),
        (number("5"), Gt, "4.999999", true),
        (number("5"), Gt, "5", false),
        (number("5"), Gte, "5", true),
        (number("5"), Lt, "5.0000001", true),
        (number("5"), Lte, "4", false),
        (number("5"), Lte, "a", false),
        (number("10"), Gt, "9", true),
        (number("5"), In, "1, 5,9", true),
        (number("5"), In, "", false),
        (number("5"), NotIn, "1,9", true),
        (number("5"), NotIn, "1,5.0", false),
        (number("5"), Between, "5,5", true),
        (number("5"), Between, "3, 4", false),
        (number("5"), Between, "5", false),
        (number("5"), Contains, "5", false),
        (text("DE"), Eq, "DE", true),
        (text("DE"), Eq, "de", false),
        (text("5"), Gt, "10", true),
        (text("2026-01-05"), Between, "2026-01-01,2026-01-31", true),
        (text("watch-video"), Contains, "video", true),
        (text("DE"), In, "AT, DE", true),
        (text("2026-01-05T10:00:00.5Z"), Gt, "2026-01-05T10:00:00Z", true),
        (
            text("2026-01-05T17:00:00+07:00"),
            Eq,
            "2026-01-05T10:00:00Z",
            true,
        ),
        (
            text("2026-01-05T17:00:00+07:00"),
            Between,
            "2026-01-05T09:00:00Z, 2026-01-05T10:00:00Z",
            true,
        ),
        (text(""), Exists, "", true),
        (Some(FieldValue::Bool(true)), Eq, "true", true),
        (Some(FieldValue::Bool(true)), Ne, "yes", true),
        (Some(FieldValue::Bool(true)), Gt, "false", false),
        (Some(FieldValue::Texts(&tags)), Contains, "vip", true),
        (Some(FieldValue::Texts(&tags)), Contains, "vi", false),
        (Some(FieldValue::Texts(&tags)), Eq, "vip", false),
        (Some(FieldValue::Texts(&[])), Exists, "true", true),
        (Some(FieldValue::List(&list)), Contains, "2.5", true),
        (Some(FieldValue::List(&list)), Contains, "true", true),
        (Some(FieldValue::List(&list)), Contains, "null", false),
        (Some(FieldValue::Object(&object)), Contains, "plan", true),
        (Some(FieldValue::Object(&object)), Lt, "zzz", false),
        (None, Eq, "", false),
        (None, Ne, "5", true),
        (None, Gt, "0", false),
        (None, Gte, "", false),
        (None, Lt, "9", false),
        (None, Lte, "9", false),
        (None, In, "", false),
        (None, NotIn, "5", true),
        (None, Contains, "", false),
        (None, Between, "0,9", false),
        (None, Exists, "true", false),
        (None, Exists, "false", true),
        (number("0"), Exists, "false", false),
    ];
    for (field, operator, value, holds) in cases {
        let rule = Rule {
            rule_type: "user.level".to_owned(),
            operator,
            value: value.to_owned(),
            metadata: serde_json::Map::new(),
        };
        assert_eq!(
            rule.holds_for(field.as_ref()),
            holds,
            "{field:?} {operator:?} `{value}`"
        );
    }
}

#[test]
fn a_period_ends_after_every_instant_that_it_holds() {
    for (name, around) in [
        ("America/St_Johns", "2006-10-29T00:00:00Z"),
        ("Pacific/Apia", "2011-12-29T00:00:00Z"),
        ("America/Sao_Paulo", "2018-11-03T00:00:00Z"),
        ("Europe/Berlin", "2026-10-24T00:00:00Z"),
    ] {
        let home = zone(name);
        for minutes in (0..3 * 24 * 60).step_by(7) {
            let now = at(around) + chrono::Duration::minutes(minutes);
            for frequency in [Frequency::Daily, Frequency::Weekly, Frequency::Monthly] {
                let period = frequency.period_of(home.date(now));
                let end = period.ends_at(home).unwrap();
                assert!(now < end, "{period} holds {now} in {name}, and ended at {end}");
                assert_ne!(
                    frequency.period_of(home.date(end)),
                    period,
                    "{period} in {name} at {end}"
                );
            }
        }
    }
}

#[test]
fn periods_are_read_as_they_are_written() {
    for (frequency, written) in [
        (Frequency::OneTime, "ever"),
        (Frequency::Unlimited, "ever"),
        (Frequency::Daily, "2025-12-29"),
        (Frequency::Weekly, "2026-W01"),
        (Frequency::Monthly, "2025-12"),
    ] {
        let period = frequency.period_of(date("2025-12-29"));
        assert_eq!(period.to_string(), written);
        assert_eq!(written.parse(), Ok(period));
    }
    for wrong in ["", "2026-W54", "2026-13", "2026-02-30", "never", "2026-W", "-"] {
        assert!(wrong.parse::<Period>().is_err(), "{wrong}");
    }
}

#[test]
fn an_older_version_of_a_mission_does_not_come_back_into_the_book() {
    let mut fixture = EngineFixture::at(NOON).with(active(1, definition("one")));
    let newer = mission_core::mission::Mission {
        version: 5,
        ..active(1, definition("uno"))
    };
    fixture.add_mission(newer);
    fixture.add_mission(active(1, definition("one")));
    assert_eq!(
        fixture.catalog.id_of(&definition("uno").code),
        Some(mission_id(1))
    );
    assert_eq!(fixture.catalog.id_of(&definition("one").code), None);
}
