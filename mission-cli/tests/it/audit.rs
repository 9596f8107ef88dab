//! `audit`: what it prints of a database, and what it exits with.

use std::{fs, path::Path};

use mission_core::{RewardId, UserId, testing::at};
use mission_server::{
    store::sqlite::{SqliteOptions, SqliteStore},
    wallet::{Booking, BookingKind, LedgerCommand},
};
use rust_decimal::Decimal;
use serde_json::Value;
use uuid::Uuid;

use crate::{ANNA, Run, mission, run};

/// A database as a server makes it, with a grant in the ledger that no reward stands for.
fn database(folder: &Path, has_stray_grant: bool) {
    let url = format!("sqlite://{}", folder.join("mission.db").display());
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    runtime.unwrap().block_on(async {
        let store = SqliteStore::open(&url, SqliteOptions::default()).await.unwrap();
        if has_stray_grant {
            let booking = Booking {
                grant: RewardId(Uuid::from_u128(7)),
                kind: BookingKind::Grant,
                user: UserId(ANNA.parse().unwrap()),
                amount: Decimal::new(125, 1),
                currency: "POINTS".to_owned(),
                at: at("2026-01-05T10:00:00Z"),
            };
            store
                .wallet()
                .book(&[LedgerCommand::Book(booking)])
                .await
                .unwrap();
        }
        store.close().await;
    });
}

#[test]
fn a_database_that_agrees_exits_with_0() {
    let folder = tempfile::tempdir().unwrap();
    database(folder.path(), false);
    let Run { code, out, err } = run(&mut mission(
        folder.path(),
        &["audit", "--database", "sqlite://mission.db"],
    ));
    assert_eq!((code, err.as_str()), (0, ""));
    assert!(out.ends_with("everything agrees\n"), "{out}");
    let from_environment = run(mission(folder.path(), &["audit", "--format", "json"])
        .env("MISSION_DATABASE_URL", "sqlite://mission.db"));
    let report: Value = serde_json::from_str(&from_environment.out).unwrap();
    assert_eq!(report["deviations"], Value::Array(Vec::new()));
    assert_eq!(report["report"]["users"], 0);
}

#[test]
fn a_deviation_is_listed_and_exits_with_1() {
    let folder = tempfile::tempdir().unwrap();
    database(folder.path(), true);
    fs::write(folder.path().join("address"), "sqlite://mission.db\n").unwrap();
    let args = ["audit", "--database-file", "address"];
    let people = run(&mut mission(folder.path(), &args));
    assert_eq!((people.code, people.err.as_str()), (1, ""));
    assert!(
        people.out.contains("booking_unknown") && people.out.contains("a grant of 12.5"),
        "{}",
        people.out
    );
    let machines = run(&mut mission(
        folder.path(),
        &[&args[..], &["--format", "json"]].concat(),
    ));
    assert_eq!(machines.code, 1);
    let report: Value = serde_json::from_str(&machines.out).unwrap();
    let unknown = &report["deviations"]
        .as_array()
        .unwrap()
        .iter()
        .find(|one| one["kind"] == "booking_unknown");
    let unknown = unknown.unwrap();
    assert_eq!(unknown["user"], ANNA);
    assert_eq!(unknown["found"], "a grant of 12.5");
    assert_eq!(report["report"]["deviations"]["booking_unknown"], 1);
}

#[test]
fn what_cannot_be_read_exits_with_2_and_tells_no_password() {
    let folder = tempfile::tempdir().unwrap();
    for address in [
        "sqlite://nowhere.db",
        "postgres://anna:hunter2@127.0.0.1:1/mission",
        "mysql://anna:hunter2@127.0.0.1/mission",
        "anna:hunter2",
    ] {
        let Run { code, out, err } = run(&mut mission(folder.path(), &["audit", "--database", address]));
        assert_eq!((code, out.as_str()), (2, ""), "{address}: {err}");
        assert!(err.starts_with("error: ") && !err.contains("hunter2"), "{err}");
    }
    assert_eq!(run(&mut mission(folder.path(), &["audit"])).code, 2);
    assert!(!folder.path().join("nowhere.db").exists(), "nothing is made");
}
