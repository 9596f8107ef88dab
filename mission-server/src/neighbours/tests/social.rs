use std::collections::HashSet;

use futures_util::future::join_all;
use mission_core::{
    UserId,
    ports::social::{MOST_FRIENDS, Social},
};
use mission_neighbours::{Mood, StandIn};
use uuid::Uuid;

use super::{client, quick};
use crate::neighbours::SocialClient;

const ME: Uuid = Uuid::from_u128(7);

/// A user with so many friends, and the service that knows them.
async fn with_friends(count: u128, page: usize) -> (StandIn, SocialClient) {
    let neighbour = StandIn::start().await.unwrap();
    let friends = (100..100 + count).map(Uuid::from_u128).collect();
    neighbour.friends(ME, friends, page);
    let social = SocialClient::new(client(&neighbour, &quick()));
    (neighbour, social)
}

#[tokio::test]
async fn all_pages_are_read_once_and_kept() {
    let (neighbour, social) = with_friends(250, 100).await;
    let all = join_all((0..20).map(|_| social.friends(UserId(ME)))).await;
    assert!(all.iter().all(|friends| friends.as_ref().unwrap().len() == 250));
    let queries: Vec<String> = neighbour.seen().into_iter().map(|seen| seen.query).collect();
    assert_eq!(
        queries,
        ["limit=500", "limit=500&cursor=100", "limit=500&cursor=200"]
    );
    neighbour.mood(Mood::Status(500));
    assert!(social.friends(UserId(ME)).await.is_ok(), "for ten minutes");
}

#[tokio::test]
async fn the_first_five_thousand_friends_count() {
    let (neighbour, social) = with_friends(5_700, 500).await;
    let friends = social.friends(UserId(ME)).await.unwrap();
    assert_eq!(friends.iter().collect::<HashSet<_>>().len(), MOST_FRIENDS);
    assert_eq!(neighbour.seen().len(), 10, "no further page is asked for");
}

#[tokio::test]
async fn nobody_is_their_own_friend_or_anybodys_twice() {
    let (neighbour, social) = with_friends(0, 10).await;
    let other = Uuid::from_u128(8);
    neighbour.friends(ME, vec![ME, other, other], 10);
    assert_eq!(
        social.friends(UserId(ME)).await.unwrap().as_ref(),
        [UserId(other)]
    );
}

#[tokio::test]
async fn a_service_that_is_away_is_not_remembered() {
    let (neighbour, social) = with_friends(3, 2).await;
    for mood in [
        Mood::Status(500),
        Mood::WrongJson,
        Mood::Cut,
        Mood::Redirect,
        Mood::Huge(200_000, false),
    ] {
        neighbour.mood(mood);
        assert!(social.friends(UserId(ME)).await.is_err(), "{mood:?}");
    }
    neighbour.mood(Mood::Good);
    assert_eq!(social.friends(UserId(ME)).await.unwrap().len(), 3);
    // In the midst of the pages too.
    social.forget(UserId(ME));
    tokio::task::yield_now().await;
    neighbour.next(vec![Mood::Good, Mood::WrongJson]);
    assert!(social.friends(UserId(ME)).await.is_err());
    assert_eq!(social.friends(UserId(ME)).await.unwrap().len(), 3);
}
