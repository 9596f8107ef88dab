//! A wallet in a process of its own.

use std::{
    path::Path,
    process::{Command, Stdio},
};

use lapin::{
    BasicProperties,
    options::{BasicGetOptions, ConfirmSelectOptions},
};

use serde_json::json;
use sqlx::Connection as _;
use uuid::Uuid;

use super::{connect, delete_both, eventually, header, live, publish};
use crate::{
    process::{Started, started},
    services::RABBITMQ,
    support::{Client, Server},
};

/// A wallet on a file in a folder.
fn wallet(folder: &Path, url: &str, queue: &str) -> Started {
    let database = format!("sqlite://{}", folder.join("wallet.db").display());
    let mut command = Command::new(env!("CARGO_BIN_EXE_mission-server"));
    command
        .arg("wallet")
        .env_clear()
        .env("MISSION_LISTEN", "127.0.0.1:0")
        .env("MISSION_DATABASE_URL", database)
        .env("MISSION_AMQP_URL", url)
        .env("MISSION_AMQP_WALLET_QUEUE", queue)
        .env("MISSION_LOG", "error")
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    started(&mut command)
}

#[tokio::test]
async fn a_wallet_of_its_own_books_every_grant_once() {
    let Some(url) = RABBITMQ.find() else { return };
    let queue = format!("mission-test-wallet-{}", Uuid::new_v4());
    let server = Server::with(&[("MISSION_AMQP_URL", url), ("MISSION_AMQP_WALLET_QUEUE", &queue)]).await;
    let channel = connect(url).await;
    channel
        .confirm_select(ConfirmSelectOptions::default())
        .await
        .unwrap();
    // This queue gets what other servers of this run tell as well: only what one user earns is looked at.
    let folder = tempfile::tempdir().unwrap();
    let users: Vec<Client<'_>> = (0..3).map(|_| server.user()).collect();
    live(&users, &server, 0..2).await;
    publish(
        &channel,
        "",
        &queue,
        BasicProperties::default(),
        &json!("no event"),
    )
    .await;
    let first = wallet(folder.path(), url, &queue);
    assert!(first.get("/health/ready").contains(r#""status":"ok""#));
    let of_users = async || {
        let url = format!("sqlite://{}?mode=ro", folder.path().join("wallet.db").display());
        let mut database = sqlx::SqliteConnection::connect(&url).await.unwrap();
        let mut sums = Vec::new();
        for user in &users {
            let sum: (i64, i64) = sqlx::query_as(
                "SELECT coalesce(sum(amount_micros), 0), count(*) FROM wallet_entries WHERE user_id = ?",
            )
            .bind(user.user.as_bytes().to_vec())
            .fetch_one(&mut database)
            .await
            .unwrap();
            sums.push(sum);
        }
        sums
    };
    eventually("two days are booked", async || {
        of_users().await == [(20_000_000, 2); 3]
    })
    .await;
    // Killed without a word; what comes meanwhile waits for the next.
    drop(first);
    live(&users, &server, 2..3).await;
    let second = wallet(folder.path(), url, &queue);
    eventually("the third is booked, and nothing twice", async || {
        of_users().await == [(30_000_000, 3); 3]
    })
    .await;
    users[0].delete("/me").await.ok(200);
    eventually("whose it was is forgotten", async || {
        of_users().await[0] == (0, 0)
    })
    .await;
    let metrics = second.get("/metrics");
    assert!(metrics.contains("mission_wallet_messages_total"), "{metrics}");
    let options = BasicGetOptions { no_ack: true };
    let dead = format!("{queue}.dead");
    let message = channel.basic_get(dead.as_str().into(), options).await.unwrap();
    let reason = header(&message.unwrap().delivery, "x-mission-reason");
    assert!(reason.contains("no JSON"), "{reason}");
    drop(second);
    delete_both(&channel, &queue).await;
}

#[test]
fn a_wallet_says_what_it_lacks() {
    let folder = tempfile::tempdir().unwrap();
    for (settings, part) in [
        (vec![], "MISSION_AMQP_URL"),
        (
            vec![
                ("MISSION_AMQP_URL", "amqp://127.0.0.1"),
                ("MISSION_AMQP_WALLET_QUEUE", ""),
            ],
            "`amqp.wallet_queue` must not be empty",
        ),
    ] {
        let ended = Command::new(env!("CARGO_BIN_EXE_mission-server"))
            .arg("wallet")
            .env_clear()
            .envs(settings)
            .current_dir(folder.path())
            .output()
            .unwrap();
        let errors = String::from_utf8_lossy(&ended.stderr);
        assert_eq!(ended.status.code(), Some(2), "{errors}");
        assert!(errors.contains(part), "{errors}");
    }
}
