//! How the database plans lists.

use mission_core::{
    ReviewId, UserId,
    fraud::{ReviewKind, ReviewStatus},
    ports::queries::{Assignee, Page, ReviewFilter},
};
use uuid::Uuid;

use super::{block_on, test_store};
use crate::store::{
    database::SqlDatabase as _, queries::reviews_query, row::SqlRow as _, sql_builder::SqlBuilder,
};

/// With any of the filters a page of reviews is found by keys, however many were decided.
#[test]
fn reviews_are_found_by_keys() {
    block_on(async {
        let test_store = test_store().await;
        let id = UserId(Uuid::from_u128(1));
        let at = chrono::DateTime::UNIX_EPOCH;
        let of_status = ReviewFilter {
            status: Some(ReviewStatus::Approved),
            ..ReviewFilter::default()
        };
        let of_kind = ReviewFilter {
            kind: Some(ReviewKind::Grant),
            ..of_status
        };
        let of_user = ReviewFilter {
            user: Some(id),
            ..of_kind
        };
        let of_reviewer = ReviewFilter {
            assigned: Some((Assignee::Reviewer(id), at)),
            ..of_kind
        };
        let free = ReviewFilter {
            assigned: Some((Assignee::Nobody, at)),
            ..of_kind
        };
        for (filter, keys) in [
            (of_status, "(status=? AND id>?)"),
            (of_kind, "(status=? AND kind=? AND id>?)"),
            (of_user, "(user_id=? AND id>?)"),
            (of_reviewer, "(assigned_to=? AND id>?)"),
            (free, "(status=? AND kind=? AND id>?)"),
        ] {
            let after = Some(ReviewId(Uuid::nil()));
            let (sql, values) = reviews_query(filter, Page { limit: 50, after }).into_parts();
            let mut explained = SqlBuilder::new("EXPLAIN QUERY PLAN ");
            explained.name(&sql);
            for value in values {
                explained.bind(value);
            }
            let rows = test_store.store.database.read(explained).await.unwrap();
            let plan: Vec<&str> = rows.iter().map(|row| row.text(3).unwrap()).collect();
            assert!(plan.len() == 1 && plan[0].ends_with(keys), "{filter:?}: {plan:?}");
        }
    });
}
