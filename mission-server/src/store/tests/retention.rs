// What is kept for a time. Included by a module that knows how to make a store (`test_store`).

use chrono::Duration;
use mission_core::{
    ports::{
        queries::{JournalPosition, Page, Queries},
        store::{CommitOutcome, Store},
    },
    task::{Task, TaskStatus},
    testing::user,
};

use crate::store::{
    RetainedTable,
    tests::{
        block_on,
        builders::{change, erasure, noon, task},
    },
};

#[test]
fn the_oldest_journal_entries_go_and_nothing_else() {
    block_on(async {
        let Some(test_store) = test_store().await else { return };
        let store = &test_store.store;
        for hour in 0..5 {
            let mut one = change(hour, 0);
            one.journal[0].request.at = noon() + Duration::hours(hour.cast_signed());
            one.journal[0].request.keyed = hour % 2 == 0;
            assert_eq!(store.commit(&[one]).await.unwrap(), [CommitOutcome::Committed]);
        }
        let before = noon() + Duration::hours(3);
        let overdue = async |limit| store.overdue(RetainedTable::Journal, before, limit).await.unwrap();
        let first = overdue(2).await.unwrap();
        assert_eq!((first.lines.len(), first.oldest), (2, noon()), "oldest first, and so many");
        let line = &first.lines[1];
        assert_eq!(
            (&line["name"], &line["root"]["kind"], &line["recorded_at"]),
            (&"RegisterUser".into(), &"user".into(), &serde_json::json!(noon() + Duration::hours(1)))
        );
        assert!(line["request"][0]["RegisterUser"].is_object(), "{line}");
        assert!(line["answer"]["Ok"].is_object(), "of a command without a key, too: {line}");
        store.remove_overdue(first).await.unwrap();
        let second = overdue(2).await.unwrap();
        assert_eq!(second.lines.len(), 1);
        let number = second.lines[0]["number"].as_i64().unwrap();
        assert_eq!(second.range(), format!("{number:020}-{number:020}"));
        store.remove_overdue(second).await.unwrap();
        assert!(overdue(2).await.is_none(), "what is younger stays");
        let page = Page {
            limit: 10,
            after: None::<JournalPosition>,
        };
        assert_eq!(store.journal(None, page).await.unwrap().len(), 2);
    });
}

#[test]
fn expired_tasks_go_by_when_they_expired() {
    block_on(async {
        let Some(test_store) = test_store().await else { return };
        let store = &test_store.store;
        for who in 0..3 {
            let mut started = change(who, 0);
            let open = task(who, noon() + Duration::days(who.cast_signed()));
            let key = (user(who), open.id);
            started.write_set.writes.task.insert(key, Some(open.clone()));
            let mut ended = change(who, 1);
            let expired = Task {
                status: TaskStatus::Expired,
                due_at: None,
                ..open
            };
            if who > 0 {
                ended.write_set.writes.task.insert(key, Some(expired));
            }
            for one in [started, ended] {
                assert_eq!(store.commit(&[one]).await.unwrap(), [CommitOutcome::Committed]);
            }
        }
        let overdue = async |days| {
            let before = noon() + Duration::days(days);
            store.overdue(RetainedTable::ExpiredTasks, before, 10).await.unwrap()
        };
        assert!(overdue(1).await.is_none(), "an open task stays, however old");
        let rows = overdue(2).await.unwrap();
        assert_eq!((rows.lines.len(), rows.oldest), (1, noon() + Duration::days(1)));
        assert_eq!(rows.lines[0]["user_id"], user(1).to_string());
        store.remove_overdue(rows).await.unwrap();
        let left = overdue(3).await.unwrap();
        assert_eq!(left.lines.len(), 1);
        assert_eq!(left.lines[0]["user_id"], user(2).to_string());
    });
}

#[test]
fn an_erasure_is_noted_until_the_archive_was_looked_through() {
    block_on(async {
        let Some(test_store) = test_store().await else { return };
        let store = &test_store.store;
        for who in 1..=2 {
            for one in [change(who, 0), erasure(who, 1)] {
                assert_eq!(store.commit(&[one]).await.unwrap(), [CommitOutcome::Committed]);
            }
        }
        let noted = async || store.archive_erasures(10).await.unwrap();
        assert_eq!(noted().await, [(user(1), noon()), (user(2), noon())].into());
        assert_eq!(store.archive_erasures(1).await.unwrap().len(), 1);
        store.erased_from_archive(&[user(1)]).await.unwrap();
        assert_eq!(noted().await, [(user(2), noon())].into());
    });
}
