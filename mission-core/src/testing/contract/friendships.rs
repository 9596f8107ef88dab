use chrono::{DateTime, Duration, Utc};

use super::{
    WholeStore,
    store_fixture::{StoreFixture, noon},
};
use crate::{UserId, ports::store::Friendship, testing::user, user::User};

async fn tell<S: WholeStore>(
    fixture: &StoreFixture<'_, S>,
    pair: (UserId, UserId),
    at: DateTime<Utc>,
    are_friends: bool,
) {
    let told = Friendship { at, are_friends };
    fixture
        .settle(pair.0, |change| {
            let pairs = [(pair, told), ((pair.1, pair.0), told)];
            change.write_set.friendships.extend(pairs);
        })
        .await;
}

#[expect(clippy::expect_used, reason = "a store that fails breaks the contract")]
async fn friends<S: WholeStore>(fixture: &StoreFixture<'_, S>, who: UserId) -> Vec<UserId> {
    let mut friends = fixture
        .store
        .friends(who, 100)
        .await
        .expect("`friends` must answer");
    friends.sort();
    friends
}

pub(super) async fn of_two_users_the_latest_word_holds<S: WholeStore>(fixture: &StoreFixture<'_, S>) {
    let [anna, bert, carl] = [1, 2, 3].map(user);
    let later = noon() + Duration::days(1);
    tell(fixture, (anna, bert), noon(), true).await;
    tell(fixture, (anna, carl), later, true).await;
    assert_eq!(friends(fixture, anna).await, [bert, carl]);
    assert_eq!(friends(fixture, bert).await, [anna]);
    tell(fixture, (bert, anna), later, false).await;
    assert_eq!(friends(fixture, anna).await, [carl]);
    assert_eq!(friends(fixture, bert).await, []);
    // What comes late is about an earlier time.
    tell(fixture, (carl, anna), noon(), false).await;
    assert_eq!(friends(fixture, carl).await, [anna]);
    let limited = fixture.store.friends(anna, 0).await;
    assert_eq!(limited, Ok(Vec::new()));
}

pub(super) async fn an_erasure_ends_friendships<S: WholeStore>(fixture: &StoreFixture<'_, S>) {
    let [anna, bert, carl] = [1, 2, 3].map(user);
    tell(fixture, (anna, bert), noon(), true).await;
    tell(fixture, (bert, carl), noon(), true).await;
    let mut erasing = fixture.change_of(User::tombstone(anna, noon()), 1);
    erasing.write_set.erasures.insert(anna);
    fixture.committed(&erasing).await;
    assert_eq!(friends(fixture, anna).await, []);
    assert_eq!(friends(fixture, bert).await, [carl]);
}
