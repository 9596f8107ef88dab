use std::collections::BTreeSet;

use chrono::Duration;

use super::{
    WholeStore,
    store_fixture::{StoreFixture, noon},
};
use crate::{
    CommandId,
    engine::{Fingerprint, ReadSet, Receipt, ReceiptKey, Rejection},
    ports::store::{Change, RECEIPT_LIFETIME, Root, WriteSet},
    testing::user,
};

fn keyed<S: WholeStore>(fixture: &StoreFixture<'_, S>, who: u64, version: u64, key: ReceiptKey) -> Change {
    let mut change = fixture.change(user(who), version);
    let request = &mut change.journal[0].request;
    request.receipt = key;
    request.keyed = true;
    request.fingerprint = Fingerprint::of([b"POST /checkin".as_slice()]);
    change
}

async fn receipt<S: WholeStore>(fixture: &StoreFixture<'_, S>, key: ReceiptKey) -> Option<Receipt> {
    let keys = ReadSet {
        receipts: BTreeSet::from([key]),
        ..ReadSet::default()
    };
    fixture.load(keys).await.receipts[&key].clone()
}

pub(super) async fn a_receipt_is_found_as_it_was_given<S: WholeStore>(fixture: &StoreFixture<'_, S>) {
    let command = CommandId(fixture.fresh());
    let [one, other] = [1, 2].map(|n| ReceiptKey {
        caller: user(n).0,
        command,
    });
    let mut change = keyed(fixture, 1, 0, one);
    let mut refusal = keyed(fixture, 1, 0, other).journal.remove(0);
    refusal.answer = Err(Rejection::NotEligible("`user.level` gte 3".to_owned()));
    change.journal.push(refusal);
    fixture.committed(&change).await;
    for entry in &change.journal {
        let expected = Receipt {
            fingerprint: entry.request.fingerprint,
            at: entry.request.at,
            answer: entry.answer.clone(),
        };
        assert_eq!(
            receipt(fixture, entry.request.receipt).await,
            Some(expected),
            "answers and refusals are remembered, each under its caller's key"
        );
    }
}

pub(super) async fn an_answer_without_a_key_is_found_in_its_journal<S: WholeStore>(
    fixture: &StoreFixture<'_, S>,
) {
    let root = Root::User(user(1));
    let change = fixture.change(user(1), 0);
    let request = &change.journal[0].request;
    let keys = ReadSet {
        unkeyed: BTreeSet::from([(root, request.receipt)]),
        ..ReadSet::default()
    };
    let answer = async || {
        let loaded = fixture.load(keys.clone()).await;
        loaded.receipts[&request.receipt].clone()
    };
    assert_eq!(answer().await, None, "nothing was committed");
    fixture.committed(&change).await;
    fixture.committed(&fixture.change(user(1), 1)).await;
    let expected = Receipt {
        fingerprint: request.fingerprint,
        at: request.at,
        answer: change.journal[0].answer.clone(),
    };
    assert_eq!(
        answer().await,
        Some(expected),
        "whoever does not know whether it was committed finds it"
    );
    let mut erasure = fixture.change(user(1), 2);
    erasure.write_set.erasures.insert(user(1));
    fixture.committed(&erasure).await;
    assert_eq!(answer().await, None, "an erased user's answers are gone");
}

pub(super) async fn a_refusal_alone_is_remembered<S: WholeStore>(fixture: &StoreFixture<'_, S>) {
    // A command that is refused under a key changes nothing, and rests on no version; the user need not even exist.
    let key = ReceiptKey {
        caller: user(1).0,
        command: CommandId(fixture.fresh()),
    };
    let mut refusal = keyed(fixture, 1, 0, key);
    refusal.expected.clear();
    refusal.write_set = WriteSet::default();
    refusal.journal[0].answer = Err(Rejection::MissionNotActive);
    fixture.committed(&refusal).await;
    let answer = receipt(fixture, key).await.map(|receipt| receipt.answer);
    assert_eq!(answer, Some(Err(Rejection::MissionNotActive)));
    assert_eq!(
        fixture.version(Root::User(user(1))).await,
        0,
        "and raises no version"
    );
    fixture.refused(&refusal, "a refusal is given once, too").await;
    fixture.committed(&fixture.change(user(1), 0)).await;
}

pub(super) async fn a_receipt_is_given_once<S: WholeStore>(fixture: &StoreFixture<'_, S>) {
    let key = ReceiptKey {
        caller: user(1).0,
        command: CommandId(fixture.fresh()),
    };
    fixture.committed(&keyed(fixture, 1, 0, key)).await;
    fixture
        .refused(
            &keyed(fixture, 1, 1, key),
            "a command takes effect once, even with the right version",
        )
        .await;
    fixture
        .refused(&keyed(fixture, 2, 0, key), "whichever root it is on")
        .await;
    assert_eq!(fixture.version(Root::User(user(1))).await, 1);
}

pub(super) async fn a_receipt_lives_for_a_day<S: WholeStore>(fixture: &StoreFixture<'_, S>) {
    let key = ReceiptKey {
        caller: user(1).0,
        command: CommandId(fixture.fresh()),
    };
    fixture.committed(&keyed(fixture, 1, 0, key)).await;
    let later = |version, after| {
        let mut change = keyed(fixture, 1, version, key);
        change.journal[0].request.at = noon() + after;
        change
    };
    fixture
        .refused(
            &later(1, RECEIPT_LIFETIME - Duration::seconds(1)),
            "within 24 hours a key belongs to its first command",
        )
        .await;
    fixture.committed(&later(1, RECEIPT_LIFETIME)).await;
    assert_eq!(
        receipt(fixture, key).await.map(|receipt| receipt.at),
        Some(noon() + RECEIPT_LIFETIME),
        "afterwards it can be given again"
    );
}
