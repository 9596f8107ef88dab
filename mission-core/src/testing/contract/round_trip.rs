use std::collections::{BTreeMap, BTreeSet};

use super::{
    WholeStore, records,
    store_fixture::{StoreFixture, noon},
};
use crate::{
    CommandId, Points,
    engine::{ReadSet, ReceiptKey, Rejection, Reply, UserSaved},
    mission::{BaseReward, LocalizedText},
    ports::store::{Root, Version},
    reward::{Reward, RewardAmount},
    task::{Evidence, EvidenceType, Task},
    testing::{active, at, definition, mission_id, points, user},
    user::User,
};

const TEXTS: [&str; 8] = [
    "a nul \0 inside",
    "'; DROP TABLE users; --",
    "\"quoted\" \\backslash\\ %_ $1 ?1 :name",
    "línea\nnueva\ttab\r\n",
    "日本語 🎯 e\u{301} \u{202e}right-to-left",
    "  blanks around  ",
    "null",
    "{\"json\":[1,2]}",
];

#[expect(clippy::expect_used, reason = "a typing error in a test is to stop it")]
pub(super) async fn numbers_come_back_exactly<S: WholeStore>(fixture: &StoreFixture<'_, S>) {
    for (n, number) in [
        "0",
        "0.000001",
        "12.5",
        "999999999.999999",
        "1000000000",
        "123456.1",
    ]
    .iter()
    .enumerate()
    {
        let who = user(n as u64);
        let mut owner = User::new(who, noon());
        owner.experience = u64::MAX;
        owner.points = points(number).get() * rust_decimal::Decimal::from(-1000);
        let reward = Reward {
            amount: RewardAmount::new(points(number), Points::MAX),
            experience_points: u32::MAX,
            mining_boost_percent: crate::Percent::new(points(number).get()).expect("a percent"),
            ..records::reward(who, fixture.fresh(), 0, noon())
        };
        let attributes = format!(
            r#"{{"score":{number},"big":123456789012345678901234567890.000000000000000000001,"deep":{{"list":[1.10,-7,1000]}}}}"#
        );
        owner.description.attributes = serde_json::from_str(&attributes).expect("an object");
        let mut change = fixture.change_of(owner.clone(), 0);
        records::write_reward(&mut change, reward.clone());
        fixture.committed(&change).await;

        let mut keys = ReadSet::default();
        keys.records.user.insert(who);
        keys.records.reward.insert((who, reward.id));
        let loaded = fixture.load(keys).await;
        assert_eq!(loaded.records.user[&who], Some(owner), "a user with {number}");
        assert_eq!(
            loaded.records.reward[&(who, reward.id)],
            Some(reward),
            "a reward of {number}"
        );
    }
}

#[expect(clippy::expect_used, reason = "a typing error in a test is to stop it")]
pub(super) async fn texts_come_back_as_they_were<S: WholeStore>(fixture: &StoreFixture<'_, S>) {
    for (n, text) in TEXTS.iter().enumerate() {
        let n = n as u64;
        let who = user(n);
        let mut owner = User::new(who, noon());
        owner.description.tags = TEXTS.map(str::to_owned).to_vec();
        owner.description.country = Some((*text).to_owned());
        owner
            .description
            .attributes
            .insert((*text).to_owned(), (*text).into());
        owner.badges.push((*text).to_owned());
        let task = Task {
            evidence: Some(Evidence {
                evidence_type: EvidenceType::SocialProof,
                data: (*text).to_owned(),
                screenshot_url: Some((*text).to_owned()),
                video_url: None,
                captured_at: None,
            }),
            ..records::task(who, fixture.fresh(), mission_id(n), noon())
        };
        let mut mission = active(n, definition(&format!("mission-{n}")));
        mission.definition.title = LocalizedText::try_from(BTreeMap::from([
            ("en".to_owned(), (*text).to_owned()),
            ("vi-VN".to_owned(), "x".repeat(10_000)),
        ]))
        .expect("a title");
        mission.definition.script = Some((*text).to_owned());
        mission.pack = Some((*text).to_owned());
        let mut change = fixture.change_of(owner.clone(), 0);
        change.expected.insert(Root::Mission(mission.id), Version(0));
        records::write_task(&mut change, task.clone());
        change
            .write_set
            .writes
            .mission
            .insert(mission.id, Some(mission.clone()));
        fixture.committed(&change).await;

        let mut keys = ReadSet::default();
        keys.records.user.insert(who);
        keys.records.task.insert((who, task.id));
        keys.records.mission.insert(mission.id);
        let loaded = fixture.load(keys).await;
        assert_eq!(loaded.records.user[&who], Some(owner), "a user with {text:?}");
        assert_eq!(
            loaded.records.task[&(who, task.id)],
            Some(task),
            "a task with {text:?}"
        );
        assert_eq!(
            loaded.records.mission[&mission.id],
            Some(mission),
            "a mission with {text:?}"
        );
    }
}

pub(super) async fn absurd_instants_come_back<S: WholeStore>(fixture: &StoreFixture<'_, S>) {
    let instants = [
        "0000-01-01T00:00:00Z",
        "0001-12-31T23:59:59Z",
        "1582-10-10T12:00:00Z",
        "1969-12-31T23:59:59.999999999Z",
        "2016-12-31T23:59:60Z",
        "2262-04-11T23:47:16.854775808Z",
        "9999-12-31T23:59:59.999999Z",
    ];
    for (n, text) in instants.into_iter().enumerate() {
        let (n, instant) = (n as u64, at(text));
        let who = user(n);
        let owner = User {
            registered_at: Some(instant),
            ..User::new(who, instant)
        };
        let mut mission = active(n, definition(&format!("mission-{n}")));
        mission.definition.ends_at = Some(instant);
        mission.definition.reward = BaseReward::default();
        let task = Task {
            due_at: Some(instant),
            completed_at: Some(instant),
            ..records::task(who, fixture.fresh(), mission.id, instant)
        };
        let reward = Reward {
            claimed_at: Some(instant),
            expires_at: Some(instant),
            ..records::reward(who, fixture.fresh(), 1, instant)
        };
        let day = records::day(fixture.fresh(), instant.date_naive(), instant);
        let date = day.date;
        let mut change = fixture.change_of(owner.clone(), 0);
        change.expected.insert(Root::Mission(mission.id), Version(0));
        records::write_task(&mut change, task.clone());
        records::write_reward(&mut change, reward.clone());
        records::write_day(&mut change, who, day.clone());
        change
            .write_set
            .writes
            .mission
            .insert(mission.id, Some(mission.clone()));
        fixture.committed(&change).await;

        let mut keys = ReadSet::default();
        keys.records.user.insert(who);
        keys.records.task.insert((who, task.id));
        keys.records.reward.insert((who, reward.id));
        keys.records.check_in_day.insert((who, date));
        keys.records.mission.insert(mission.id);
        let records = fixture.load(keys).await.records;
        assert_eq!(
            records,
            {
                let mut expected = change.write_set.writes.clone();
                expected.user.retain(|id, _| *id == who);
                expected
            },
            "records of {text}"
        );
    }
}

pub(super) async fn answers_come_back_as_they_were<S: WholeStore>(fixture: &StoreFixture<'_, S>) {
    let mut owner = User::new(user(1), at("0000-01-01T00:00:00.000000001Z"));
    owner.points = rust_decimal::Decimal::new(-123_456_789_012_345, 6);
    owner.description.tags = TEXTS.map(str::to_owned).to_vec();
    let mut change = fixture.change(user(1), 0);
    change.journal.clear();
    let answers = [
        Ok(Reply::UserSaved(UserSaved { user: owner })),
        Err(Rejection::Cooldown {
            until: noon(),
            retry_after_seconds: u64::from(u32::MAX),
        }),
        Err(Rejection::EvidenceRejected(TEXTS.concat())),
        Err(Rejection::AlreadyClaimed),
    ];
    for answer in &answers {
        let mut entry = fixture.entry(Root::User(user(1)), noon());
        entry.request.receipt = ReceiptKey {
            caller: user(1).0,
            command: CommandId(fixture.fresh()),
        };
        entry.request.keyed = true;
        entry.answer = answer.clone();
        change.journal.push(entry);
    }
    fixture.committed(&change).await;
    let keys: BTreeSet<_> = change.journal.iter().map(|entry| entry.request.receipt).collect();
    let loaded = fixture
        .load(ReadSet {
            receipts: keys,
            ..ReadSet::default()
        })
        .await;
    for entry in &change.journal {
        let receipt = loaded.receipts[&entry.request.receipt].clone();
        assert_eq!(receipt.map(|receipt| receipt.answer), Some(entry.answer.clone()));
    }
}
