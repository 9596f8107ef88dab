use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, Duration, Utc};

use super::{
    WholeStore,
    store_fixture::{StoreFixture, noon},
};
use crate::{UserId, engine::ReadSet, fraud::DeviceHash, testing::user};

async fn users<S: WholeStore>(
    fixture: &StoreFixture<'_, S>,
    device: &DeviceHash,
) -> BTreeMap<UserId, DateTime<Utc>> {
    let keys = ReadSet {
        devices: BTreeSet::from([device.clone()]),
        ..ReadSet::default()
    };
    let loaded = fixture.load(keys).await.devices[device].clone();
    let nobodys = DeviceHash::of("nobody's");
    let asked = [nobodys.clone(), device.clone()];
    let mut found = fixture.store.device_users(&asked).await.unwrap_or_default();
    let compiled = found.remove(device).unwrap_or_default();
    assert_eq!(found, BTreeMap::new(), "nobody came with the other");
    let latest: BTreeMap<_, _> = loaded
        .iter()
        .filter(|(who, _)| compiled.contains_key(who))
        .collect();
    assert_eq!(
        compiled.iter().collect::<BTreeMap<_, _>>(),
        latest,
        "the list shows what a load shows"
    );
    assert!(
        compiled.len() >= loaded.len().min(50),
        "the latest fifty at least"
    );
    loaded
}

async fn sight<S: WholeStore>(
    fixture: &StoreFixture<'_, S>,
    device: &DeviceHash,
    who: UserId,
    when: DateTime<Utc>,
) {
    fixture
        .settle(who, |change| {
            change.write_set.sightings.insert((device.clone(), who), when);
        })
        .await;
}

pub(super) async fn devices_remember_who_came_and_when<S: WholeStore>(fixture: &StoreFixture<'_, S>) {
    let (phone, tablet) = (DeviceHash::of("phone"), DeviceHash::of("tablet"));
    let later = noon() + Duration::days(2);
    sight(fixture, &phone, user(1), noon()).await;
    sight(fixture, &phone, user(2), noon()).await;
    sight(fixture, &tablet, user(2), noon()).await;
    sight(fixture, &phone, user(1), later).await;
    assert_eq!(
        users(fixture, &phone).await,
        BTreeMap::from([(user(1), later), (user(2), noon())]),
        "the latest sighting of each user"
    );
    assert_eq!(users(fixture, &tablet).await, BTreeMap::from([(user(2), noon())]));
}

pub(super) async fn devices_show_at_least_the_latest_fifty<S: WholeStore>(fixture: &StoreFixture<'_, S>) {
    let shared = DeviceHash::of("an internet café's");
    let when = |n: u64| noon() + Duration::minutes(i64::try_from(n).unwrap_or(0));
    for n in 0..60 {
        sight(fixture, &shared, user(n), when(n)).await;
    }
    let users = users(fixture, &shared).await;
    for n in 10..60 {
        assert_eq!(
            users.get(&user(n)),
            Some(&when(n)),
            "the latest fifty users of a device are shown"
        );
    }
}
