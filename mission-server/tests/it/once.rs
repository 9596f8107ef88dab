//! The same thing asked for 64 times at once happens once.

use std::collections::BTreeMap;

use futures_util::future::join_all;
use serde_json::{Value, json};

use crate::support::{Answer, Client, Server};

async fn at_once(client: &Client<'_>, path: &str) -> Vec<Answer> {
    join_all((0..64).map(|_| client.post(path, Value::Null))).await
}

fn tally(answers: &[Answer]) -> BTreeMap<(u16, String), usize> {
    let mut tally = BTreeMap::new();
    for answer in answers {
        *tally
            .entry((answer.status, answer.code().to_owned()))
            .or_default() += 1;
    }
    tally
}

async fn ledger(user: &Client<'_>, entries: usize) {
    for _ in 0..200 {
        let found = user.get("/me/export").await.ok(200)["ledger"]
            .as_array()
            .unwrap()
            .len();
        assert!(found <= entries, "{found} ledger entries, not {entries}");
        if found == entries {
            return;
        }
        tokio::time::sleep(std::time::Duration::from_millis(25)).await;
    }
    panic!("the ledger never had {entries} entries");
}

#[tokio::test]
async fn one_claim_of_64_is_granted() {
    let server = Server::start().await;
    let mission = server.admin().mission("once", json!({})).await;
    let user = server.user();
    let task = user.complete(&mission).await;
    let answers = at_once(&user, &format!("/tasks/{task}/claim")).await;
    let expected = BTreeMap::from([
        ((200, String::new()), 1),
        ((400, "already_claimed".to_owned()), 63),
    ]);
    assert_eq!(tally(&answers), expected);
    let rewards = user.get("/rewards").await.ok(200);
    assert_eq!(rewards["items"].as_array().unwrap().len(), 1);
    ledger(&user, 1).await;
    assert_eq!(user.get("/me").await.ok(200)["wallet_points"], 50);
}

#[tokio::test]
async fn one_check_in_of_64_counts() {
    let server = Server::start().await;
    let user = server.user();
    let answers = at_once(&user, "/checkin").await;
    let expected = BTreeMap::from([
        ((200, String::new()), 1),
        ((400, "already_checked_in".to_owned()), 63),
    ]);
    assert_eq!(tally(&answers), expected);
    assert_eq!(
        user.get("/rewards").await.ok(200)["items"]
            .as_array()
            .unwrap()
            .len(),
        1
    );
    ledger(&user, 1).await;
}

#[tokio::test]
async fn one_key_of_64_takes_effect() {
    let server = Server::start().await;
    let user = server.user();
    let keyed = user.header("idempotency-key", "the-one");
    let answers = at_once(&keyed, "/checkin").await;
    let fresh = answers
        .iter()
        .filter(|a| a.status == 200 && !a.headers.contains_key("idempotency-replayed"))
        .count();
    assert_eq!(fresh, 1);
    for answer in &answers {
        match answer.status {
            200 => assert_eq!(
                answer.body,
                answers.iter().find(|a| a.status == 200).unwrap().body
            ),
            409 => assert_eq!(answer.code(), "idempotency_in_progress"),
            other => panic!("{other}: {answer:?}"),
        }
    }
    assert_eq!(user.get("/checkin").await.ok(200)["total_check_ins"], 1);
}

#[tokio::test]
async fn a_budget_is_never_overspent() {
    let server = Server::start().await;
    let mission = server
        .admin()
        .mission("scarce", json!({"budget": {"max_grants": 5, "max_points": 1000}}))
        .await;
    let users: Vec<Client<'_>> = (0..40).map(|_| server.user()).collect();
    let tasks = join_all(users.iter().map(|user| user.start(&mission))).await;
    join_all(users.iter().zip(&tasks).map(|(user, task)| async move {
        user.post(&format!("/tasks/{task}/progress"), json!({"value": 1}))
            .await
            .ok(200)
    }))
    .await;
    let paths: Vec<String> = tasks
        .iter()
        .map(|task| format!("/tasks/{task}/complete"))
        .collect();
    let answers = join_all(
        users
            .iter()
            .zip(&paths)
            .map(|(user, path)| user.post(path, Value::Null)),
    )
    .await;
    let expected = BTreeMap::from([
        ((200, String::new()), 5),
        ((400, "budget_exhausted".to_owned()), 35),
    ]);
    assert_eq!(tally(&answers), expected);
}
