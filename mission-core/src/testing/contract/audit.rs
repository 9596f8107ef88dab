use chrono::{DateTime, Duration, Utc};
use serde_json::json;
use uuid::Uuid;

use super::{
    WholeStore,
    store_fixture::{StoreFixture, noon},
};
use crate::{
    UserId,
    engine::{AuditEntry, AuditSubject},
    ports::{
        queries::{AuditFilter, Page},
        store::Root,
    },
    testing::user,
    user::User,
};

fn entry(
    id: Uuid,
    at: DateTime<Utc>,
    actor: Option<UserId>,
    subject: &str,
    of: Option<UserId>,
) -> AuditEntry {
    AuditEntry {
        id,
        at,
        actor,
        action: "RevokeReward".to_owned(),
        subject_kind: AuditSubject::Reward,
        subject: subject.to_owned(),
        user_id: of,
        before: Some(json!({"status": "claimed", "points": 12.5})),
        after: Some(json!({"reason": "a mistake"})),
        correlation_id: Some("c".to_owned()),
    }
}

/// Four entries, oldest first: by two operators and by nobody, about two users and a pack.
async fn write<S: WholeStore>(fixture: &StoreFixture<'_, S>) -> Vec<AuditEntry> {
    let mut entries = Vec::new();
    for (n, actor, subject, of) in [
        (0, Some(user(8)), "r1", Some(user(1))),
        (1, Some(user(9)), "r2", Some(user(2))),
        (2, Some(user(8)), "r3", Some(user(1))),
        (3, None, "a-pack", None),
    ] {
        let written = entry(fixture.fresh(), noon() + Duration::hours(n), actor, subject, of);
        entries.push(written.clone());
        fixture
            .settle(user(1), |change| change.write_set.audit.push(written))
            .await;
    }
    entries
}

#[expect(clippy::expect_used, reason = "a store that fails breaks the contract")]
async fn found<S: WholeStore>(
    fixture: &StoreFixture<'_, S>,
    filter: AuditFilter,
    page: Page<Uuid>,
) -> Vec<AuditEntry> {
    let found = fixture.store.audit(&filter, page).await;
    found.expect("`audit` must answer")
}

const ALL: Page<Uuid> = Page {
    limit: 100,
    after: None,
};

pub(super) async fn the_audit_is_listed_newest_first_and_filtered<S: WholeStore>(
    fixture: &StoreFixture<'_, S>,
) {
    let written = write(fixture).await;
    let of = |places: &[usize]| -> Vec<AuditEntry> { places.iter().map(|n| written[*n].clone()).collect() };
    let nothing = AuditFilter::default;
    let about = |subject: &str| AuditFilter {
        subjects: vec![subject.to_owned()],
        ..nothing()
    };
    let by = |actor| AuditFilter {
        actor: Some(actor),
        ..nothing()
    };
    let during = |from: i64, to: i64| AuditFilter {
        from: Some(noon() + Duration::hours(from)),
        to: Some(noon() + Duration::hours(to)),
        ..nothing()
    };
    for (filter, expected) in [
        (nothing(), &[3, 2, 1, 0][..]),
        (by(user(8)), &[2, 0]),
        (by(user(7)), &[]),
        (about("r2"), &[1]),
        (about("a-pack"), &[3]),
        (about(&user(1).to_string()), &[2, 0]),
        (about("nothing"), &[]),
        (
            AuditFilter {
                subjects: vec!["r2".to_owned(), "a-pack".to_owned()],
                ..nothing()
            },
            &[3, 1],
        ),
        (during(1, 3), &[2, 1]),
    ] {
        assert_eq!(
            found(fixture, filter.clone(), ALL).await,
            of(expected),
            "{filter:?}"
        );
    }
    let page = Page {
        limit: 2,
        after: Some(written[3].id),
    };
    assert_eq!(found(fixture, nothing(), page).await, of(&[2, 1]));
}

pub(super) async fn an_erasure_empties_what_the_audit_says_of_the_user<S: WholeStore>(
    fixture: &StoreFixture<'_, S>,
) {
    let mut expected = write(fixture).await;
    let version = fixture.version(Root::User(user(1))).await;
    let mut erasure = fixture.change_of(User::tombstone(user(1), noon()), version);
    erasure.write_set.erasures.insert(user(1));
    fixture.committed(&erasure).await;
    for entry in expected.iter_mut().filter(|entry| entry.user_id == Some(user(1))) {
        (entry.before, entry.after) = (None, None);
    }
    expected.reverse();
    assert_eq!(found(fixture, AuditFilter::default(), ALL).await, expected);
}
