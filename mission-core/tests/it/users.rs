//! Users registered, described, referred and erased.

use mission_core::{
    engine::{
        ActivateReferral, CheckIn, Command, DescribeUser, EraseUser, PackPolicy, ReferralPolicy,
        RegisterUser, Reply, StartTask,
    },
    event::{ActivityEvent, EventOutcome, IntegrationEvent},
    reward::RewardType,
    testing::{EngineFixture, active, at, definition, mission_id, user},
    user::{InviteCode, User, UserUpdate},
};
use serde_json::json;

use crate::play::{check_in, claim, code, done, start, triggered};

const NOON: &str = "2026-01-05T12:00:00Z";

fn refer(inviter: u64, invitee: u64) -> ActivateReferral {
    ActivateReferral {
        inviter: user(inviter),
        invitee: user(invitee),
        invite_code: None,
        activated_at: at(NOON),
    }
}

fn describe(n: u64, update: UserUpdate) -> DescribeUser {
    DescribeUser {
        user: user(n),
        update,
    }
}

#[test]
fn an_inviter_is_paid_once_for_an_invitee() {
    let mut fixture = EngineFixture::at(NOON).with_policy(PackPolicy {
        referral: Some(ReferralPolicy { points: 25.into() }),
        ..PackPolicy::default()
    });
    assert_eq!(code(fixture.when(refer(1, 1))), "self_referral");
    let paid = fixture.when(refer(1, 2)).unwrap().reward;
    assert_eq!(code(fixture.when(refer(1, 2))), "referral_counted");
    assert_eq!(
        code(fixture.when(refer(3, 2))),
        "referral_counted",
        "nor by another inviter"
    );
    fixture.when(refer(1, 3)).unwrap();
    let records = fixture.store.records();
    assert_eq!(records.user[&user(1)].clone().unwrap().points, 50.into());
    let reward = records.reward[&(user(1), paid)].clone().unwrap();
    assert_eq!(
        (reward.reward_type, reward.source_id),
        (RewardType::ReferralBonus, user(2).0)
    );
    assert_eq!(fixture.events().len(), 2);
}

#[test]
fn a_description_changes_what_it_names() {
    let mut fixture = EngineFixture::at(NOON);
    let whole = UserUpdate {
        level: Some(4),
        country: Some("DE".to_owned()),
        tags: Some(vec!["vip".to_owned()]),
        attributes: json!({"plan": "gold"}).as_object().cloned(),
        ..UserUpdate::default()
    };
    let described = fixture.when(describe(1, whole)).unwrap().user;
    let again = fixture.when(describe(1, UserUpdate::default())).unwrap().user;
    assert_eq!(again.description, described.description, "what is left out stays");
    let less = UserUpdate {
        tags: Some(Vec::new()),
        ..UserUpdate::default()
    };
    assert!(
        fixture
            .when(describe(1, less))
            .unwrap()
            .user
            .description
            .tags
            .is_empty()
    );
    assert_eq!(described.level(&fixture.catalog.levels), 4);
}

#[test]
fn a_user_keeps_an_invite_code_from_the_first_write() {
    let mut fixture = EngineFixture::at(NOON);
    check_in(&mut fixture).unwrap();
    let owner = pollster::block_on(mission_core::ports::queries::Queries::invite_owner(
        &fixture.store,
        &InviteCode::of(user(1)),
    ));
    assert_eq!(owner.unwrap(), Some(user(1)));
}

#[test]
fn nobody_can_take_the_code_that_another_user_is_going_to_have() {
    let mut fixture = EngineFixture::at(NOON);
    let taken = ActivateReferral {
        invite_code: Some(InviteCode::of(user(1)).to_string()),
        ..refer(2, 3)
    };
    fixture.when(taken).unwrap();
    check_in(&mut fixture).unwrap();
    let owner = pollster::block_on(mission_core::ports::queries::Queries::invite_owner(
        &fixture.store,
        &InviteCode::of(user(1)),
    ));
    assert_eq!(owner.unwrap(), Some(user(1)));
}

#[test]
fn the_codes_of_an_erased_user_are_free_again() {
    let mut fixture = EngineFixture::at(NOON);
    let told = |inviter, invitee| ActivateReferral {
        invite_code: Some("ada-lovelace".to_owned()),
        ..refer(inviter, invitee)
    };
    let code = InviteCode::typed("ada-lovelace");
    let owner = |fixture: &EngineFixture| {
        let found = mission_core::ports::queries::Queries::invite_owner(&fixture.store, &code);
        pollster::block_on(found).unwrap()
    };
    fixture.when(told(1, 3)).unwrap();
    fixture.when(told(2, 4)).unwrap();
    assert_eq!(owner(&fixture), Some(user(1)), "the first one has it");
    fixture.when(EraseUser { user: user(2) }).unwrap();
    assert_eq!(owner(&fixture), Some(user(1)), "it was never the other's");
    fixture.when(EraseUser { user: user(1) }).unwrap();
    assert_eq!(owner(&fixture), None);
}

#[test]
fn an_erased_user_leaves_a_tombstone() {
    let mut fixture = EngineFixture::at(NOON)
        .with(active(1, definition("read-it")))
        .with(active(2, triggered("watch", "video.watched")));
    check_in(&mut fixture).unwrap();
    let task = done(&mut fixture, 1);
    let told = fixture.events();
    assert!(fixture.when(EraseUser { user: user(1) }).unwrap().now);
    assert!(
        !fixture.when(EraseUser { user: user(1) }).unwrap().now,
        "done before"
    );

    let records = fixture.store.records();
    assert_eq!(records.user[&user(1)], Some(User::tombstone(user(1), at(NOON))));
    assert_eq!(
        (
            records.task.len(),
            records.reward.len(),
            records.check_in_day.len()
        ),
        (0, 0, 0)
    );
    assert_eq!(
        fixture.events()[..told.len()],
        told,
        "what was granted before still leaves"
    );
    assert!(matches!(
        fixture.events()[told.len()..],
        [IntegrationEvent::UserErased(_)]
    ));

    fixture.set_time("2026-01-06T12:00:00Z");
    assert_eq!(code(check_in(&mut fixture)), "user_erased");
    assert_eq!(code(start(&mut fixture, 1)), "user_erased");
    assert_eq!(code(claim(&mut fixture, task.id)), "not_found");
    assert_eq!(code(fixture.when(refer(1, 2))), "user_erased");
    assert_eq!(
        code(fixture.when(describe(1, UserUpdate::default()))),
        "user_erased"
    );
    let register = RegisterUser {
        user: user(1),
        registered_at: None,
        display_name: None,
    };
    assert_eq!(
        code(fixture.when(register)),
        "user_erased",
        "a late registration does not bring it back"
    );
    let late = fixture.event("video.watched", user(1), NOON, &json!({})).unwrap();
    assert_eq!(
        (late.outcome, late.reason.as_deref()),
        (EventOutcome::Ignored, Some("user_erased"))
    );
    assert_eq!(fixture.store.records().user.len(), 1);
}

#[test]
fn an_erasure_forgets_what_the_same_batch_wrote_before() {
    let mut fixture = EngineFixture::at(NOON).with(active(1, definition("read-it")));
    fixture.from_device("phone");
    let commands: [Command; 3] = [
        CheckIn { user: user(1) }.into(),
        StartTask {
            user: user(1),
            mission: mission_id(1),
        }
        .into(),
        EraseUser { user: user(1) }.into(),
    ];
    let requests = commands.map(|command| fixture.request(command)).to_vec();
    let answers = fixture.execute_batch(requests);
    assert!(
        answers.iter().all(|answer| matches!(answer, Ok(Ok(_)))),
        "{answers:?}"
    );
    let records = fixture.store.records();
    assert_eq!(records.user[&user(1)], Some(User::tombstone(user(1), at(NOON))));
    assert_eq!(
        (
            records.task.len(),
            records.participation.len(),
            records.reward.len(),
            records.check_in_day.len()
        ),
        (0, 0, 0, 0),
        "nothing of the batch outlives the erasure"
    );
    let types: Vec<_> = fixture
        .events()
        .iter()
        .map(IntegrationEvent::event_type)
        .collect();
    assert_eq!(
        types,
        [
            "RewardClaimedEvent",
            "CheckInCompletedEvent",
            "TaskStartedEvent",
            "UserErasedEvent"
        ],
        "what was granted still leaves"
    );
    let phone = mission_core::fraud::DeviceHash::of("phone");
    let keys = mission_core::engine::ReadSet {
        devices: [phone.clone()].into(),
        ..Default::default()
    };
    let facts = pollster::block_on(mission_core::ports::store::Store::load(&fixture.store, &keys)).unwrap();
    assert!(
        facts.devices[&phone].is_empty(),
        "the device forgets the user too"
    );
}

#[test]
fn commands_around_an_erasure_keep_their_order_in_a_batch() {
    let mut fixture = EngineFixture::at(NOON);
    let commands: [Command; 6] = [
        CheckIn { user: user(1) }.into(),
        EraseUser { user: user(1) }.into(),
        CheckIn { user: user(1) }.into(),
        EraseUser { user: user(2) }.into(),
        EraseUser { user: user(1) }.into(),
        CheckIn { user: user(3) }.into(),
    ];
    let requests = commands.map(|command| fixture.request(command)).to_vec();
    let answers: Vec<String> = fixture
        .execute_batch(requests)
        .into_iter()
        .map(|answer| match answer.unwrap() {
            Ok(Reply::CheckedIn(_)) => "checked in".to_owned(),
            Ok(Reply::Erased(erased)) => format!("erased now: {}", erased.now),
            Ok(other) => panic!("{other:?}"),
            Err(why) => why.code().to_owned(),
        })
        .collect();
    assert_eq!(
        answers,
        [
            "checked in",
            "erased now: true",
            "user_erased",
            "erased now: true",
            "erased now: false",
            "checked in"
        ]
    );
}

#[test]
fn a_user_updated_event_says_what_put_attributes_says_once() {
    let mut fixture = EngineFixture::at(NOON);
    let data = json!({"level": 4, "tags": ["vip"], "zone": "Asia/Tokyo"});
    let told = fixture.event("user.updated", user(1), NOON, &data).unwrap();
    assert_eq!((told.outcome, told.tasks.len()), (EventOutcome::Applied, 0));
    let known = fixture.store.records().user[&user(1)].clone().unwrap();
    assert_eq!(
        (known.description.level, known.description.tags),
        (Some(4), vec!["vip".to_owned()])
    );
    assert_eq!(known.zones.unwrap().requested().name(), "Asia/Tokyo");
    for (data, field) in [
        (json!({"level": 0}), "level"),
        (json!({"country": "Germany"}), "country"),
        (json!({"zone": "Tokyo"}), "Tokyo"),
        (json!({"shoe_size": 43}), "shoe_size"),
    ] {
        let told = fixture.event("user.updated", user(1), NOON, &data).unwrap();
        assert_eq!(
            (told.outcome, told.reason.as_deref()),
            (EventOutcome::Rejected, Some("invalid_data"))
        );
        let event = ActivityEvent {
            id: "1".to_owned(),
            source: "iam".to_owned(),
            event_type: "user.updated".to_owned(),
            user_id: user(1),
            time: at(NOON),
            data: data.as_object().cloned().unwrap(),
        };
        let why = UserUpdate::of(&event).unwrap().unwrap_err();
        assert!(why.contains(field), "{why}");
    }
}
