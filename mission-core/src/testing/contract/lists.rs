use chrono::Duration;
use rust_decimal::Decimal;

use super::{
    WholeStore, records,
    store_fixture::{StoreFixture, noon},
};
use crate::{
    CheckInDayId, RewardId, TaskId, UserId,
    fraud::{Review, ReviewAssignment, ReviewKind, ReviewStatus, ReviewSubject},
    mission::{MissionTotals, ShadowComparison},
    ports::{
        queries::{Assignee, Page, ReviewFilter, TaskFilter, UserExport},
        store::{Claim, StoreError},
    },
    reward::{Reward, RewardStatus},
    task::{Participation, Task, TaskStatus},
    testing::{date, mission_id, user},
    user::{InviteCode, User},
};

#[expect(clippy::expect_used, reason = "a store that fails breaks the contract")]
fn answered<T>(result: Result<T, StoreError>) -> T {
    result.expect("a query must answer")
}

fn all<K>() -> Page<K> {
    Page {
        limit: 1_000,
        after: None,
    }
}

pub(super) async fn users_and_invite_codes_are_found<S: WholeStore>(fixture: &StoreFixture<'_, S>) {
    let code = InviteCode::of(user(1));
    assert_eq!(answered(fixture.store.user(user(1)).await), None);
    assert_eq!(answered(fixture.store.invite_owner(&code).await), None);
    let claim = Claim::InviteCode(code.clone());
    fixture
        .settle(user(1), |change| {
            change.write_set.claims.insert(claim, user(1).0);
        })
        .await;
    assert_eq!(
        answered(fixture.store.user(user(1)).await),
        Some(User::new(user(1), noon()))
    );
    assert_eq!(answered(fixture.store.invite_owner(&code).await), Some(user(1)));
}

/// Seven tasks of a user, an hour apart, oldest first: of two missions, every third completed.
async fn seven_tasks<S: WholeStore>(fixture: &StoreFixture<'_, S>, who: UserId) -> Vec<Task> {
    let mut tasks = Vec::new();
    for n in 0..7_i32 {
        let started_at = noon() + Duration::hours(n.into());
        let mission = mission_id(u64::from(n % 2 == 1));
        let mut task = records::task(who, fixture.fresh(), mission, started_at);
        if n % 3 == 0 {
            task.status = TaskStatus::Completed;
        }
        tasks.push(task);
    }
    // Written out of order: it is the list that sorts.
    for n in [3, 0, 6, 1, 5, 2, 4] {
        let task = tasks[n].clone();
        fixture
            .settle(who, |change| records::write_task(change, task))
            .await;
    }
    tasks
}

pub(super) async fn tasks_are_listed_newest_first<S: WholeStore>(fixture: &StoreFixture<'_, S>) {
    let tasks = seven_tasks(fixture, user(1)).await;
    seven_tasks(fixture, user(2)).await;
    let mut newest_first = tasks.clone();
    newest_first.reverse();
    let compiled = |page| fixture.store.tasks(user(1), TaskFilter::default(), page);
    assert_eq!(
        answered(compiled(all()).await),
        newest_first,
        "one user's tasks, newest first"
    );
    let mut after = None;
    let mut paged: Vec<Task> = Vec::new();
    for size in [3, 3, 1, 0] {
        let page = answered(compiled(Page { limit: 3, after }).await);
        assert_eq!(page.len(), size, "pages follow each other without gap or overlap");
        paged.extend(page);
        after = paged.last().map(|task| task.id);
    }
    assert_eq!(paged, newest_first);
    assert_eq!(
        answered(
            compiled(Page {
                limit: 0,
                after: None
            })
            .await
        ),
        [],
        "none at most"
    );
    let (own, other) = (tasks[0].id, TaskId(fixture.fresh()));
    assert_eq!(
        answered(fixture.store.task(user(1), own).await).as_ref(),
        tasks.first()
    );
    assert_eq!(
        answered(fixture.store.task(user(2), own).await),
        None,
        "another's task is not found"
    );
    assert_eq!(answered(fixture.store.task(user(1), other).await), None);
}

pub(super) async fn tasks_are_filtered<S: WholeStore>(fixture: &StoreFixture<'_, S>) {
    let mut tasks = seven_tasks(fixture, user(1)).await;
    tasks.reverse();
    let statuses = [None, Some(TaskStatus::Completed), Some(TaskStatus::Expired)];
    for status in statuses {
        for mission in [None, Some(mission_id(0)), Some(mission_id(5))] {
            let filter = TaskFilter {
                status,
                mission,
                ..TaskFilter::default()
            };
            let expected: Vec<Task> = tasks
                .iter()
                .filter(|task| status.is_none_or(|status| task.status == status))
                .filter(|task| mission.is_none_or(|mission| task.mission_id == mission))
                .cloned()
                .collect();
            let compiled = answered(fixture.store.tasks(user(1), filter, all()).await);
            assert_eq!(compiled, expected, "{filter:?}");
            let after = Page {
                limit: 1,
                after: expected.first().map(|task| task.id),
            };
            let second = answered(fixture.store.tasks(user(1), filter, after).await);
            assert_eq!(
                second,
                expected.get(1).cloned().into_iter().collect::<Vec<_>>(),
                "{filter:?}"
            );
        }
    }
}

pub(super) async fn tasks_of_hidden_missions_are_left_out<S: WholeStore>(fixture: &StoreFixture<'_, S>) {
    let mut tasks = seven_tasks(fixture, user(1)).await;
    tasks.reverse();
    let hidden = [mission_id(0), mission_id(77)];
    let filter = TaskFilter {
        hidden: &hidden,
        ..TaskFilter::default()
    };
    tasks.retain(|task| task.mission_id != mission_id(0));
    let page = Page {
        limit: tasks.len(),
        after: None,
    };
    let shown = answered(fixture.store.tasks(user(1), filter, page).await);
    assert_eq!(shown, tasks, "a page is full of what is left");
}

pub(super) async fn comparisons_are_listed_by_user<S: WholeStore>(fixture: &StoreFixture<'_, S>) {
    let compared = |n: i64| ShadowComparison {
        since: noon(),
        shadow: MissionTotals {
            started: n,
            completed: n - 1,
            grants: n,
            points: Decimal::new(1_005, 2),
        },
        live: MissionTotals::default(),
    };
    let participation = |comparison| Participation {
        comparison,
        ..Participation::default()
    };
    for (who, mission, comparison) in [
        (3, 1, Some(compared(1))),
        (1, 1, Some(compared(2))),
        (2, 1, None),
        (2, 2, Some(compared(9))),
        // The last word holds.
        (3, 1, Some(compared(4))),
    ] {
        let key = (user(who), mission_id(mission));
        let written = Some(participation(comparison));
        fixture
            .settle(user(who), |change| {
                change.write_set.writes.participation.insert(key, written);
            })
            .await;
    }
    let listed = async |mission, after| {
        let page = Page { limit: 2, after };
        answered(fixture.store.shadow_comparisons(mission_id(mission), page).await)
    };
    assert_eq!(
        listed(1, None).await,
        [(user(1), compared(2)), (user(3), compared(4))]
    );
    assert_eq!(listed(1, Some(user(1))).await, [(user(3), compared(4))]);
    assert_eq!(listed(2, None).await, [(user(2), compared(9))]);
    assert_eq!(listed(3, None).await, []);
}

pub(super) async fn rewards_are_listed_newest_first<S: WholeStore>(fixture: &StoreFixture<'_, S>) {
    let mut rewards = Vec::new();
    for n in 0..5_u32 {
        let earned_at = noon() + Duration::hours(n.into());
        let mut reward = records::reward(user(1), fixture.fresh(), n, earned_at);
        if n % 2 == 0 {
            reward.status = RewardStatus::Held;
        }
        rewards.push(reward.clone());
        fixture
            .settle(user(1), |change| records::write_reward(change, reward))
            .await;
    }
    let other = records::reward(user(2), fixture.fresh(), 1, noon());
    fixture
        .settle(user(2), |change| records::write_reward(change, other.clone()))
        .await;
    rewards.reverse();
    let compiled = |status, page| fixture.store.rewards(user(1), status, page);
    assert_eq!(
        answered(compiled(None, all()).await),
        rewards,
        "one user's rewards, newest first"
    );
    let held: Vec<Reward> = rewards
        .iter()
        .filter(|r| r.status == RewardStatus::Held)
        .cloned()
        .collect();
    let status = Some(RewardStatus::Held);
    assert_eq!(answered(compiled(status, all()).await), held, "of one status");
    let after = Page {
        limit: 1,
        after: Some(held[0].id),
    };
    assert_eq!(
        answered(compiled(status, after).await),
        held[1..2],
        "a page of one status"
    );
    assert_eq!(
        answered(fixture.store.reward(other.id).await),
        Some(other),
        "of whatever user"
    );
    let nowhere = crate::RewardId(fixture.fresh());
    assert_eq!(answered(fixture.store.reward(nowhere).await), None);
}

pub(super) async fn check_in_days_are_listed_by_date<S: WholeStore>(fixture: &StoreFixture<'_, S>) {
    let dates = [
        "0001-01-01",
        "2026-01-31",
        "2026-02-01",
        "2026-02-28",
        "2026-03-01",
    ]
    .map(date);
    let mut days = Vec::new();
    for (n, date) in (0..).zip(dates) {
        let day = records::day(fixture.fresh(), date, noon() + Duration::days(n));
        days.push(day.clone());
        fixture
            .settle(user(1), |change| records::write_day(change, user(1), day))
            .await;
    }
    let other = records::day(fixture.fresh(), dates[2], noon());
    fixture
        .settle(user(2), |change| records::write_day(change, user(2), other))
        .await;
    let compiled = |from, to| fixture.store.check_in_days(user(1), from, to);
    let february = answered(compiled(dates[2], dates[3]).await);
    assert_eq!(february, days[2..4], "both ends included, oldest first");
    assert_eq!(
        answered(compiled(date("0001-01-01"), date("9999-12-31")).await),
        days
    );
    assert_eq!(
        answered(compiled(dates[3], dates[2]).await),
        [],
        "a range without a date"
    );
}

pub(super) async fn reviews_are_listed_oldest_first<S: WholeStore>(fixture: &StoreFixture<'_, S>) {
    let mut reviews = Vec::new();
    for n in 0..5_u32 {
        let who = user(u64::from(n % 2));
        let mut review = records::review(who, fixture.fresh(), noon() + Duration::hours(n.into()));
        if n == 1 {
            review.status = ReviewStatus::Approved;
            review.decided_by = Some(user(9));
            review.decided_at = Some(noon());
            review.note = Some("fine".to_owned());
        }
        reviews.push(review.clone());
        fixture
            .settle(who, |change| records::write_review(change, review))
            .await;
    }
    let compiled = |status, page| {
        let filter = ReviewFilter {
            status,
            ..ReviewFilter::default()
        };
        fixture.store.reviews(filter, page)
    };
    assert_eq!(
        answered(compiled(None, all()).await),
        reviews,
        "of all users, oldest first"
    );
    let open: Vec<Review> = [0, 2, 3, 4].map(|n: usize| reviews[n].clone()).to_vec();
    assert_eq!(answered(compiled(Some(ReviewStatus::Open), all()).await), open);
    let page = Page {
        limit: 2,
        after: Some(open[0].id),
    };
    assert_eq!(
        answered(compiled(Some(ReviewStatus::Open), page).await),
        open[1..3]
    );
    assert_eq!(answered(compiled(Some(ReviewStatus::Rejected), all()).await), []);
    let of_user = |status| ReviewFilter {
        status,
        user: Some(user(0)),
        ..ReviewFilter::default()
    };
    let theirs: Vec<Review> = [0, 2, 4].map(|n: usize| reviews[n].clone()).to_vec();
    for status in [None, Some(ReviewStatus::Open)] {
        assert_eq!(
            answered(fixture.store.reviews(of_user(status), all()).await),
            theirs
        );
    }
    let rejected = of_user(Some(ReviewStatus::Rejected));
    assert_eq!(answered(fixture.store.reviews(rejected, all()).await), []);
    assert_eq!(
        answered(fixture.store.review(reviews[1].id).await).as_ref(),
        Some(&reviews[1])
    );
    assert_eq!(
        answered(fixture.store.review(crate::ReviewId(fixture.fresh())).await),
        None
    );
}

pub(super) async fn reviews_are_found_by_kind_and_reviewer<S: WholeStore>(fixture: &StoreFixture<'_, S>) {
    let subject = |id: uuid::Uuid, n: usize| match n % 3 {
        0 => ReviewSubject::Evidence { task: TaskId(id) },
        1 => ReviewSubject::CheckIn {
            day: CheckInDayId(id),
            date: date("2026-01-05"),
            rewards: vec![],
        },
        _ => ReviewSubject::Grant {
            reward: RewardId(id),
            operator: user(8),
        },
    };
    let assigned = |reviewer, hours| ReviewAssignment {
        reviewer: user(reviewer),
        until: noon() + Duration::hours(hours),
    };
    let mut reviews = Vec::new();
    for n in 0..9_usize {
        let (who, id) = (user(n as u64 % 2), fixture.fresh());
        let mut review = records::review(who, id, noon());
        review.subject = subject(id, n);
        // What a user writes is never taken for what the record says.
        review.note = Some(r#""subject":{"grant": "assignment":{"reviewer":"x""#.to_owned());
        review.assignment = match n {
            0 | 1 => Some(assigned(7, 2)),
            2 => Some(assigned(7, 1)),
            3 => Some(assigned(8, 2)),
            _ => None,
        };
        reviews.push(review.clone());
        fixture
            .settle(who, |change| records::write_review(change, review))
            .await;
    }
    let at = noon() + Duration::hours(1);
    let assigned = |assignee| Some((assignee, at));
    let open = ReviewFilter {
        status: Some(ReviewStatus::Open),
        ..ReviewFilter::default()
    };
    let of_kind = |kind| ReviewFilter {
        kind: Some(kind),
        ..open
    };
    let mine = ReviewFilter {
        assigned: assigned(Assignee::Reviewer(user(7))),
        ..open
    };
    let free = ReviewFilter {
        assigned: assigned(Assignee::Nobody),
        ..open
    };
    let lists: [(ReviewFilter, &[usize]); 9] = [
        (of_kind(ReviewKind::Evidence), &[0, 3, 6]),
        (of_kind(ReviewKind::CheckIn), &[1, 4, 7]),
        (of_kind(ReviewKind::Grant), &[2, 5, 8]),
        (of_kind(ReviewKind::Upload), &[]),
        (mine, &[0, 1]),
        (free, &[2, 4, 5, 6, 7, 8]),
        (
            ReviewFilter {
                user: Some(user(1)),
                kind: Some(ReviewKind::CheckIn),
                ..mine
            },
            &[1],
        ),
        (
            ReviewFilter {
                user: Some(user(0)),
                kind: Some(ReviewKind::Grant),
                ..open
            },
            &[2, 8],
        ),
        (
            ReviewFilter {
                status: Some(ReviewStatus::Approved),
                ..mine
            },
            &[],
        ),
    ];
    for (filter, places) in lists {
        let expected: Vec<Review> = places.iter().map(|&n| reviews[n].clone()).collect();
        assert_eq!(
            answered(fixture.store.reviews(filter, all()).await),
            expected,
            "{filter:?}"
        );
        let rest = Page {
            limit: 1,
            after: expected.first().map(|first| first.id),
        };
        let second = expected.get(1).cloned();
        if !expected.is_empty() {
            let found = answered(fixture.store.reviews(filter, rest).await);
            assert_eq!(found, Vec::from_iter(second), "after the first: {filter:?}");
        }
    }
}

pub(super) async fn an_export_holds_everything_of_one_user<S: WholeStore>(fixture: &StoreFixture<'_, S>) {
    let mut exports = [UserExport::default(), UserExport::default()];
    for (export, n) in exports.iter_mut().zip([1, 2]) {
        let who = user(n);
        export.user = Some(User::new(who, noon()));
        export.tasks = seven_tasks(fixture, who).await;
        for n in 0..2 {
            let when = noon() + Duration::days(n);
            let reward = records::reward(who, fixture.fresh(), 5, when);
            let review = records::review(who, fixture.fresh(), when);
            let day = records::day(fixture.fresh(), when.date_naive(), when);
            let mission = mission_id(n.unsigned_abs());
            fixture
                .settle(who, |change| {
                    records::write_reward(change, reward.clone());
                    records::write_review(change, review.clone());
                    records::write_day(change, who, day.clone());
                    let writes = &mut change.write_set.writes;
                    writes
                        .participation
                        .insert((who, mission), Some(Participation::default()));
                })
                .await;
            export.rewards.push(reward);
            export.reviews.push(review);
            export.check_in_days.push(day);
            export.participations.push((mission, Participation::default()));
        }
    }
    for (n, expected) in [1, 2].into_iter().zip(exports) {
        let mut export = answered(fixture.store.export(user(n)).await);
        export.participations.sort_by_key(|(mission, _)| *mission);
        assert_eq!(export, expected, "everything of one user, oldest first");
    }
    assert_eq!(
        answered(fixture.store.export(user(3)).await),
        UserExport::default(),
        "of nobody, nothing"
    );
}
