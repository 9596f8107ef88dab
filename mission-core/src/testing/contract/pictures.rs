use super::{
    WholeStore,
    store_fixture::{StoreFixture, noon},
};
use crate::{FileId, TaskId, UserId, ports::store::Picture, task::PerceptualHash, testing::user, user::User};

async fn upload<S: WholeStore>(fixture: &StoreFixture<'_, S>, who: UserId, hash: u64) -> Picture {
    let picture = Picture {
        file: FileId(fixture.fresh()),
        user: who,
        task: TaskId(fixture.fresh()),
        hash: PerceptualHash(hash),
    };
    fixture
        .settle(who, |change| change.write_set.pictures.push(picture))
        .await;
    picture
}

#[expect(clippy::expect_used, reason = "a store that fails breaks the contract")]
async fn near<S: WholeStore>(fixture: &StoreFixture<'_, S>, hash: u64) -> Vec<Picture> {
    let found = fixture.store.near_copies(PerceptualHash(hash)).await;
    let mut found = found.expect("`near_copies` must answer");
    found.sort_by_key(|picture| picture.file);
    found
}

pub(super) async fn near_copies_are_found_and_nothing_else<S: WholeStore>(fixture: &StoreFixture<'_, S>) {
    let look = 0xf3a1_0000_9c5e_17b2;
    let one = upload(fixture, user(1), look).await;
    let other = upload(fixture, user(2), !look).await;
    // One bit of each of six bands: as far away as a near copy can be.
    let spread = [0, 9, 18, 27, 36, 45]
        .iter()
        .fold(look, |hash, bit| hash ^ (1 << bit));
    let within_one_band = look ^ 0b11_1111;
    for hash in [look, look ^ 1, look ^ (1 << 63), spread, within_one_band] {
        assert_eq!(near(fixture, hash).await, [one], "{hash:x}");
    }
    assert_eq!(
        near(fixture, spread ^ (1 << 63)).await,
        [],
        "seven bits are too many"
    );
    assert_eq!(near(fixture, !look ^ 1).await, [other]);
    let copy = upload(fixture, user(2), spread).await;
    assert_eq!(near(fixture, look).await, [one, copy]);
}

pub(super) async fn the_newest_of_a_crowd_are_compared<S: WholeStore>(fixture: &StoreFixture<'_, S>) {
    let look = 0xf3a1_0000_9c5e_17b2;
    upload(fixture, user(1), look).await;
    let other = upload(fixture, user(2), !look).await;
    let task = TaskId(fixture.fresh());
    let crowd: Vec<Picture> = (0..PerceptualHash::NEWEST)
        .map(|_| Picture {
            file: FileId(fixture.fresh()),
            user: user(3),
            task,
            hash: PerceptualHash(look),
        })
        .collect();
    fixture
        .settle(user(3), |change| {
            change.write_set.pictures.extend_from_slice(&crowd);
        })
        .await;
    assert_eq!(near(fixture, look).await, crowd, "the oldest is left out");
    assert_eq!(near(fixture, !look).await, [other]);
}

pub(super) async fn an_erasure_forgets_how_images_look<S: WholeStore>(fixture: &StoreFixture<'_, S>) {
    upload(fixture, user(1), 77).await;
    let other = upload(fixture, user(2), 77).await;
    let mut erasing = fixture.change_of(User::tombstone(user(1), noon()), 1);
    erasing.write_set.erasures.insert(user(1));
    fixture.committed(&erasing).await;
    assert_eq!(near(fixture, 77).await, [other]);
}
