//! A SQLite file, copied while its server writes.

use std::{
    sync::{
        Mutex,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use futures_util::future::{join, join_all};
use mission_server::store::sqlite::{BackupProgress, ExistingFile, back_up};
use serde_json::{Value, json};

use super::{audited, check_in, check_ins};
use crate::support::{Home, Server};

#[tokio::test]
async fn a_copy_holds_all_that_was_answered_before_it_began() {
    let server = Server::on(Home::file_in(tempfile::tempdir().unwrap()), &[]).await;
    let copies = tempfile::tempdir().unwrap();
    let folder = copies.path().join("last");
    std::fs::create_dir(&folder).unwrap();
    let targets = [
        copies.path().join("1.db"),
        copies.path().join("2.db"),
        folder.join("mission.db"),
    ];
    let (answered, stop) = (Mutex::new(Vec::new()), AtomicBool::new(false));
    let writing = join_all((0..8).map(|_| async {
        while !stop.load(Ordering::Relaxed) {
            let user = check_in(&server).await;
            answered.lock().unwrap().push(user);
        }
    }));
    let copying = async {
        let mut before = Vec::new();
        for target in &targets {
            let more = answered.lock().unwrap().len() + 100;
            while answered.lock().unwrap().len() < more {
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
            before = answered.lock().unwrap().clone();
            let mut seen = Vec::new();
            let copy = back_up(server.database(), target, ExistingFile::Keep, &mut |now| {
                seen.push(now);
            })
            .await
            .unwrap();
            assert_eq!(seen.last(), Some(&BackupProgress::Checking));
            assert_eq!(copy.bytes, target.metadata().unwrap().len());
            assert!(copy.last_command_at.is_some());
        }
        stop.store(true, Ordering::Relaxed);
        before
    };
    let (before, _) = join(copying, writing).await;
    assert!(
        before.len() < answered.lock().unwrap().len(),
        "somebody was answered while it was copied"
    );
    for target in &targets {
        audited(&format!("sqlite://{}", target.display())).await;
    }

    // The copy is put in the place of a database that is gone.
    drop(server);
    let last = tempfile::tempdir().unwrap();
    std::fs::rename(&targets[2], last.path().join("mission.db")).unwrap();
    let restored = Server::on(Home::file_in(last), &[]).await;
    for user in before {
        assert_eq!(check_ins(&restored, user).await, 1, "{user}");
        let user = restored.client(user, json!({}));
        user.post("/checkin", Value::Null)
            .await
            .refused(400, "already_checked_in");
    }
    check_in(&restored).await;
    audited(restored.database()).await;
}
