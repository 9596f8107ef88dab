//! The views that analysts read say what the API says.

use std::{str::FromStr, time::Duration};

use chrono::{DateTime, Utc};
use rust_decimal::{Decimal, prelude::FromPrimitive};
use serde_json::{Value, json};
use sqlx::{
    Column, ConnectOptions, Row, TypeInfo, ValueRef, postgres::PgConnectOptions, sqlite::SqliteConnectOptions,
};

use crate::support::Server;

/// The rows of a view, each as an object.
async fn rows(server: &Server, view: &str) -> Vec<Value> {
    if let Ok(options) = SqliteConnectOptions::from_str(server.database()) {
        let mut database = options.read_only(true).connect().await.unwrap();
        let sql = format!("SELECT * FROM {view}");
        let rows = sqlx::query(&sql).fetch_all(&mut database).await.unwrap();
        let object = |row: &sqlx::sqlite::SqliteRow| {
            let fields = row.columns().iter().map(|column| {
                let raw = row.try_get_raw(column.ordinal()).unwrap();
                let value = match raw.type_info().name() {
                    _ if raw.is_null() => Value::Null,
                    "INTEGER" => json!(row.get::<i64, _>(column.ordinal())),
                    "REAL" => json!(row.get::<f64, _>(column.ordinal())),
                    _ => json!(row.get::<String, _>(column.ordinal())),
                };
                (column.name().to_owned(), value)
            });
            Value::Object(fields.collect())
        };
        return rows.iter().map(object).collect();
    }
    let options = PgConnectOptions::from_str(server.database()).unwrap();
    let mut database = options.connect().await.unwrap();
    let sql = format!("SELECT to_jsonb(v)::text FROM {view} v");
    let rows = sqlx::query_scalar::<_, String>(&sql)
        .fetch_all(&mut database)
        .await;
    let rows = rows.unwrap();
    rows.iter()
        .map(|row| serde_json::from_str(row).unwrap())
        .collect()
}

/// Whether a column says what the API does, which has instants with nanoseconds and points as numbers.
fn agree(column: &Value, answer: &Value) -> bool {
    let number = |value: &Value| match value {
        Value::Bool(yes) => Some(Decimal::from(u8::from(*yes))),
        value => Decimal::from_str(&value.to_string())
            .ok()
            .or_else(|| value.as_f64().and_then(Decimal::from_f64)),
    };
    let instant = |value: &Value| value.as_str()?.parse::<DateTime<Utc>>().ok();
    match (instant(column), instant(answer)) {
        (Some(column), Some(answer)) => (column - answer).num_milliseconds() == 0,
        _ if column == answer => true,
        _ => number(column).is_some() && number(column) == number(answer),
    }
}

#[track_caller]
fn same(row: &Value, answer: &Value, fields: &[(&str, &str)]) {
    for (column, field) in fields {
        let answer = answer.pointer(field).unwrap_or(&Value::Null);
        assert!(agree(&row[column], answer), "`{column}`: {row} is not {answer}");
    }
}

/// The ledger, once it is as it should be: the wallet hears of everything a moment later.
async fn ledger(server: &Server, is_complete: impl Fn(&[Value]) -> bool) -> Vec<Value> {
    let mut ledger = Vec::new();
    for _ in 0..200 {
        ledger = rows(server, "v_ledger").await;
        if is_complete(&ledger) {
            return ledger;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    panic!("the wallet does not hear of it: {ledger:?}");
}

/// Every column is in the documentation, in the paragraph of its view.
#[track_caller]
fn documented(view: &str, row: &Value) {
    let page = include_str!("../../../docs/reporting.md");
    let from = page.find(&format!("**`{view}`**")).expect("a paragraph");
    let paragraph = page[from..].split("\n\n").next().unwrap();
    for column in row.as_object().unwrap().keys() {
        assert!(paragraph.contains(&format!("`{column}`")), "`{view}.{column}`");
    }
}

#[tokio::test]
async fn views_say_what_the_api_says() {
    let server = Server::start().await;
    let (admin, user) = (server.admin(), server.user());
    let mission = json!({"type": "custom", "category": "news", "reward": {"points": 12.25}});
    let mission = admin.mission("read-it", mission).await;
    server.set_clock("2026-01-05T10:00:00Z").await;
    user.post("/checkin", Value::Null).await.ok(200);
    server.set_clock("2026-01-06T10:00:00Z").await;
    let day = user.post("/checkin", Value::Null).await.ok(200);
    let task = user.complete(&mission).await;
    let claimed = user
        .post(&format!("/tasks/{task}/claim"), Value::Null)
        .await
        .ok(200);
    let me = user.get("/me").await.ok(200);

    let missions = rows(&server, "v_missions").await;
    let known = missions.iter().find(|row| row["code"] == "read-it").unwrap();
    documented("v_missions", known);
    let answer = admin.get(&format!("/missions/{mission}")).await.ok(200);
    same(
        known,
        &answer,
        &[
            ("id", "/id"),
            ("status", "/status"),
            ("type", "/type"),
            ("category", "/category"),
            ("frequency", "/frequency"),
            ("target", "/target"),
            ("reward_points", "/reward/points"),
            ("created_at", "/created_at"),
            ("version", "/version"),
        ],
    );

    let tasks = rows(&server, "v_user_tasks").await;
    assert_eq!(tasks.len(), 1);
    documented("v_user_tasks", &tasks[0]);
    let answer = user.get(&format!("/tasks/{task}")).await.ok(200);
    same(
        &tasks[0],
        &answer,
        &[
            ("id", "/id"),
            ("user_id", "/user_id"),
            ("mission_id", "/mission_id"),
            ("mission_version", "/mission_version"),
            ("status", "/status"),
            ("progress", "/progress/current"),
            ("target", "/progress/target"),
            ("period", "/period"),
            ("started_at", "/started_at"),
            ("completed_at", "/completed_at"),
            ("reward_id", "/reward_id"),
            ("reward_claimed", "/reward_claimed"),
        ],
    );

    let states = rows(&server, "v_user_check_ins").await;
    same(
        &states[0],
        &day,
        &[
            ("current_streak", "/streak"),
            ("longest_streak", "/longest_streak"),
            ("total_check_ins", "/total_check_ins"),
            ("last_date", "/date"),
            ("freezes_held", "/freezes_held"),
        ],
    );
    documented("v_user_check_ins", &states[0]);
    let mut days = rows(&server, "v_check_in_days").await;
    days.sort_by_key(|day| day["date"].to_string());
    assert_eq!(days.len(), 2);
    documented("v_check_in_days", &days[1]);
    assert_eq!(days[1]["user_id"], me["id"]);
    same(
        &days[1],
        &day,
        &[
            ("date", "/date"),
            ("streak", "/streak"),
            ("base_points", "/base_points"),
            ("streak_bonus", "/streak_bonus"),
            ("milestone_bonus", "/milestone_bonus"),
            ("monthly_reward", "/monthly_reward"),
            ("freezes_used", "/freezes_used"),
        ],
    );

    let rewards = rows(&server, "v_user_rewards").await;
    let reward = rewards
        .iter()
        .find(|row| row["id"] == claimed["reward_id"])
        .unwrap();
    assert_eq!(
        (&reward["type"], &reward["status"]),
        (&json!("MISSION_COMPLETE"), &json!("claimed"))
    );
    documented("v_user_rewards", reward);
    assert_eq!(reward["source_id"], json!(task));
    same(
        reward,
        &claimed,
        &[("points", "/points_earned"), ("bonus_points", "/bonus_points")],
    );
    let sum: i64 = rewards
        .iter()
        .map(|row| row["total_millionths"].as_i64().unwrap())
        .sum();
    assert!(
        agree(&json!(sum), &json!(me["points"].as_f64().unwrap() * 1e6)),
        "{sum}"
    );

    let ledger_now = ledger(&server, |rows| rows.len() == 3).await;
    let booked = ledger_now
        .iter()
        .find(|row| row["grant_id"] == claimed["reward_id"])
        .unwrap();
    assert_eq!(
        (&booked["user_id"], &booked["kind"]),
        (&me["id"], &json!("grant"))
    );
    documented("v_ledger", booked);
    assert_eq!(booked["millionths"], 12_250_000);
    same(booked, &claimed, &[("points", "/points_earned")]);

    let users = rows(&server, "v_users").await;
    let known = users.iter().find(|row| row["id"] == me["id"]).unwrap();
    same(
        known,
        &me,
        &[
            ("points", "/points"),
            ("experience", "/experience"),
            ("first_seen_at", "/first_seen_at"),
            ("registered_at", "/registered_at"),
        ],
    );

    documented("v_users", known);

    user.delete("/me").await.ok(200);
    assert_eq!(rows(&server, "v_user_tasks").await, [] as [Value; 0]);
    let erased = rows(&server, "v_users").await;
    let known = erased.iter().find(|row| row["id"] == me["id"]).unwrap();
    assert_ne!(known["erased_at"], Value::Null);
    let nobodys = |rows: &[Value]| rows.len() == 3 && rows.iter().all(|row| row["user_id"].is_null());
    ledger(&server, nobodys).await;
}
