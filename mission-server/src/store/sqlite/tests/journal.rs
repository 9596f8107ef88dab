//! The journal: what it keeps, and for how long.

use chrono::Duration;
use mission_core::{
    engine::ReadSet,
    ports::{
        bus::Outbox,
        store::{Claim, CommitOutcome, RECEIPT_LIFETIME, Store},
    },
    testing::user,
};
use sqlx::Row;

use super::{
    super::{PrunedRows, SqliteStore},
    block_on,
    builders::{change, entry, erasure, event, noon},
    test_store,
};

/// What the journal says: name, whether it keeps a receipt, the request, the answer.
async fn journal(store: &SqliteStore) -> Vec<(String, [bool; 3])> {
    let rows = sqlx::query(
        "SELECT name, caller IS NOT NULL, request IS NOT NULL, answer IS NOT NULL
        FROM journal ORDER BY number",
    )
    .fetch_all(store.database.readers())
    .await
    .unwrap();
    rows.iter()
        .map(|row| (row.get(0), [1, 2, 3].map(|column: usize| row.get(column))))
        .collect()
}

fn said(name: &str, what: [bool; 3]) -> (String, [bool; 3]) {
    (name.to_owned(), what)
}

#[test]
fn an_erasure_leaves_nothing_in_the_journal_but_itself() {
    block_on(async {
        let test_store = test_store().await;
        let store = &test_store.store;
        let (mut sent, mut unsent) = (change(1, 0), change(1, 1));
        sent.journal[0].events.push(event(user(1)));
        unsent.journal[0].events.push(event(user(1)));
        let silent = change(1, 2);
        for one in [sent, unsent, silent, change(2, 0)] {
            assert_eq!(store.commit(&[one]).await.unwrap(), [CommitOutcome::Committed]);
        }
        let first = store.waiting(1, noon()).await.unwrap()[0].position.entry;
        store.sent(&[first], noon()).await.unwrap();
        store.commit(&[erasure(1, 3)]).await.unwrap();
        assert_eq!(
            journal(store).await,
            [
                said("RegisterUser", [true, true, true]),
                said("EraseUser", [true, true, true]),
            ]
        );
        let waiting = store.waiting(10, noon()).await.unwrap();
        assert_eq!(waiting.len(), 2, "what was not sent before still leaves");
    });
}

#[test]
fn what_a_user_asked_in_the_same_change_as_the_erasure_is_not_kept() {
    block_on(async {
        let test_store = test_store().await;
        let store = &test_store.store;
        let mut both = erasure(1, 0);
        both.journal.insert(0, entry(1, noon()));
        store.commit(&[both]).await.unwrap();
        assert_eq!(
            journal(store).await,
            [
                said("RegisterUser", [true, false, true]),
                said("EraseUser", [true, true, true]),
            ],
            "its answer stays for whoever asks again, as long as the receipt"
        );
        let later = noon() + RECEIPT_LIFETIME;
        assert_eq!(store.housekeeping(later).await.unwrap().receipts, 2);
        assert_eq!(journal(store).await, [said("EraseUser", [false, true, true])]);
    });
}

#[test]
fn housekeeping_forgets_receipts_after_a_day_and_inbound_ids_after_thirty() {
    block_on(async {
        let test_store = test_store().await;
        let store = &test_store.store;
        let inbound = |n: u64| Claim::Inbound {
            source: "s".to_owned(),
            id: n.to_string(),
        };
        let mut keys = ReadSet::default();
        for n in 0..1_200 {
            let mut one = change(n, 0);
            one.write_set.claims.insert(inbound(n), user(n).0);
            let late = if n < 1_100 { 0 } else { 1 };
            one.journal[0].request.at = noon() + Duration::hours(late);
            keys.receipts.insert(one.journal[0].request.receipt);
            keys.claims.insert(inbound(n));
            if n % 100 == 0 {
                one.write_set
                    .claims
                    .insert(Claim::Evidence([u8::try_from(n / 100).unwrap(); 32]), user(n).0);
            }
            store.commit(&[one]).await.unwrap();
        }
        let before = noon() + RECEIPT_LIFETIME - Duration::microseconds(1);
        assert_eq!(store.housekeeping(before).await.unwrap(), PrunedRows::default());
        let forgotten = store.housekeeping(noon() + RECEIPT_LIFETIME).await.unwrap();
        assert_eq!((forgotten.receipts, forgotten.inbound), (1_100, 0));
        let loaded = store.load(&keys).await.unwrap();
        assert_eq!(loaded.receipts.values().flatten().count(), 100);
        assert_eq!(loaded.claims.values().flatten().count(), 1_200);
        let forgotten = store.housekeeping(noon() + Duration::days(30)).await.unwrap();
        assert_eq!((forgotten.receipts, forgotten.inbound), (100, 1_100));
        assert_eq!(
            store.load(&keys).await.unwrap().claims.values().flatten().count(),
            100
        );
        assert_eq!(journal(store).await.len(), 1_200, "the audit log stays");
        let evidence = sqlx::query("SELECT count(*) FROM claims WHERE kind = 'evidence'");
        let evidence: i64 = evidence.fetch_one(store.database.readers()).await.unwrap().get(0);
        assert_eq!(evidence, 12, "other claims are for ever");
    });
}
