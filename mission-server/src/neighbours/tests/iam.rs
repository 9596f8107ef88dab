use std::{
    collections::BTreeSet,
    time::{Duration, Instant},
};

use futures_util::future::join_all;
use mission_core::{
    UserId,
    ports::iam::{Iam, Person},
};
use mission_neighbours::{Mood, StandIn};

use super::{client, quick};
use crate::neighbours::IamClient;

/// Long enough for any answer.
const PATIENT: Duration = Duration::from_secs(5);

fn users(numbers: std::ops::Range<u128>) -> Vec<UserId> {
    numbers
        .map(|number| UserId(uuid::Uuid::from_u128(number << 96)))
        .collect()
}

async fn iam() -> (StandIn, IamClient) {
    let neighbour = StandIn::start().await.unwrap();
    let iam = IamClient::new(client(&neighbour, &quick()));
    (neighbour, iam)
}

#[tokio::test]
async fn many_who_ask_at_once_make_one_call() {
    let (neighbour, iam) = iam().await;
    let users = users(0..50);
    let answers = join_all(
        users
            .iter()
            .map(|user| iam.people(std::slice::from_ref(user), PATIENT)),
    )
    .await;
    for (user, answer) in users.iter().zip(answers) {
        let name = format!("User {}", &user.to_string()[..8]);
        assert_eq!(answer[user].display_name.as_deref(), Some(name.as_str()));
        assert_eq!(answer.len(), 1, "only who was asked about");
    }
    let seen = neighbour.seen();
    assert_eq!(seen.len(), 1, "{seen:?}");
    assert_eq!(seen[0].body["ids"].as_array().unwrap().len(), 50);
    iam.people(&users, PATIENT).await;
    assert_eq!(neighbour.seen().len(), 1, "they are known");
}

#[tokio::test]
async fn a_call_asks_for_two_hundred_at_most() {
    let (neighbour, iam) = iam().await;
    let users = users(0..450);
    assert_eq!(iam.people(&users, PATIENT).await.len(), 450);
    let mut sizes: Vec<usize> = neighbour
        .seen()
        .iter()
        .map(|seen| seen.body["ids"].as_array().unwrap().len())
        .collect();
    sizes.sort_unstable();
    assert_eq!(sizes, [50, 200, 200]);
}

#[tokio::test]
async fn whoever_is_unknown_is_not_asked_about_again() {
    let (neighbour, iam) = iam().await;
    let users = users(1..3);
    neighbour.unknown(users[0].0);
    let found: BTreeSet<UserId> = iam.people(&users, PATIENT).await.into_keys().collect();
    assert_eq!(found, [users[1]].into());
    assert_eq!(iam.person(users[0], PATIENT).await, Ok(None));
    assert!(iam.people(&users[..1], PATIENT).await.is_empty());
    assert_eq!(neighbour.seen().len(), 1);
    let (neighbour, iam) = self::iam().await;
    neighbour.unknown(users[0].0);
    for _ in 0..2 {
        assert_eq!(iam.person(users[0], PATIENT).await, Ok(None));
        assert!(iam.person(users[1], PATIENT).await.unwrap().is_some());
    }
    assert_eq!(neighbour.seen().len(), 2, "one GET each");
}

/// A client to which somebody is known, but no longer freshly.
async fn with_stale(user: UserId) -> (StandIn, IamClient, Person) {
    let (neighbour, iam) = iam().await;
    let old = Person {
        display_name: Some("Anna, as she was".to_owned()),
        avatar_url: None,
    };
    let long_ago = Instant::now().checked_sub(Duration::from_secs(301)).unwrap();
    iam.people.put(user, Some(old.clone()), long_ago);
    (neighbour, iam, old)
}

#[tokio::test]
async fn what_was_known_stands_in_while_the_service_is_away_or_slow() {
    let users = users(1..3);
    for mood in [
        Mood::Status(500),
        Mood::Cut,
        Mood::WrongJson,
        Mood::Slow(Duration::from_secs(30)),
    ] {
        let (neighbour, iam, old) = with_stale(users[0]).await;
        neighbour.mood(mood);
        let began = Instant::now();
        let wait = Duration::from_millis(100);
        let found = iam.people(&users, wait).await;
        assert_eq!(found, [(users[0], old.clone())].into(), "{mood:?}");
        assert_eq!(iam.person(users[0], wait).await, Ok(Some(old)), "{mood:?}");
        assert!(iam.person(users[1], wait).await.is_err(), "{mood:?}");
        assert!(
            began.elapsed() < Duration::from_secs(1),
            "{mood:?}: names delay nothing"
        );
    }
    let (_neighbour, iam, old) = with_stale(users[0]).await;
    let found = iam.people(&users, PATIENT).await;
    assert_ne!(
        found[&users[0]], old,
        "it is asked for again as soon as it can be"
    );
}

#[tokio::test]
async fn an_answer_that_comes_late_is_kept() {
    let (neighbour, iam) = iam().await;
    let users = users(1..3);
    neighbour.mood(Mood::Slow(Duration::from_millis(150)));
    let soon = Duration::from_millis(50);
    assert!(iam.people(&users[..1], soon).await.is_empty());
    assert!(iam.person(users[1], soon).await.is_err());
    tokio::time::sleep(Duration::from_millis(600)).await;
    assert_eq!(iam.people(&users, soon).await.len(), 2);
    assert_eq!(neighbour.seen().len(), 2);
}

#[tokio::test]
async fn the_erased_are_forgotten_and_not_asked_about() {
    let (neighbour, iam) = iam().await;
    let users = users(1..3);
    iam.people(&users, PATIENT).await;
    iam.forget(users[0]);
    let found: BTreeSet<UserId> = iam.people(&users, PATIENT).await.into_keys().collect();
    assert_eq!(found, [users[1]].into());
    assert_eq!(iam.person(users[0], PATIENT).await, Ok(None));
    assert_eq!(neighbour.seen().len(), 1);
}
