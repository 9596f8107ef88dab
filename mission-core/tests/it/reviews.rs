//! Reviews: what a decision does besides, and who may decide.

use chrono::{DateTime, Duration, Utc};
use mission_core::{
    engine::{
        AssignReview, AuditEntry, CheckIn, DescribeUser, GrantReward, LiftBan, Rejection, ReleaseReview,
        ResourceKind, ReviewDecided, TimeOutReview,
    },
    fraud::{Review, ReviewAssignment, ReviewDecision, ReviewStatus, ReviewTimeout},
    ports::queries::{AuditFilter, Page, Queries as _},
    testing::{EngineFixture, user},
    user::{User, UserUpdate},
};

use crate::play::{code, decide, open_review};

/// A check-in from a second device waits for a reviewer.
fn flagged() -> (EngineFixture, Review) {
    let mut fixture = EngineFixture::at("2026-01-05T12:00:00Z");
    for device in ["phone", "tablet"] {
        fixture.from_device(device);
        fixture.when(CheckIn { user: user(1) }).unwrap();
        fixture.now += Duration::days(1);
    }
    let review = open_review(&fixture);
    (fixture, review)
}

fn owner(fixture: &EngineFixture) -> User {
    fixture.store.records().user[&user(1)].clone().unwrap()
}

fn describe(fixture: &mut EngineFixture, tags: &[&str]) -> User {
    let update = UserUpdate {
        tags: Some(tags.iter().map(ToString::to_string).collect()),
        ..UserUpdate::default()
    };
    fixture
        .when(DescribeUser {
            user: user(1),
            update,
        })
        .unwrap()
        .user
}

fn lift(fixture: &mut EngineFixture, n: u64) -> Result<User, Rejection> {
    let note = Some("it was their brother".to_owned());
    let lifted = fixture.when(LiftBan { user: user(n), note });
    lifted.map(|saved| saved.user)
}

/// What operators did, in its order.
fn audit(fixture: &EngineFixture) -> Vec<AuditEntry> {
    let page = Page {
        limit: 100,
        after: None,
    };
    let mut audit = pollster::block_on(fixture.store.audit(&AuditFilter::default(), page)).unwrap();
    audit.sort_by_key(|entry| entry.at);
    audit
}

fn actions(fixture: &EngineFixture) -> Vec<String> {
    audit(fixture).into_iter().map(|entry| entry.action).collect()
}

fn bans(fixture: &EngineFixture) -> Vec<(Option<DateTime<Utc>>, Option<String>)> {
    let bans = audit(fixture).into_iter().filter_map(|entry| {
        let after = entry.after?;
        let banned_at = after.get("banned_at")?;
        Some((
            serde_json::from_value(banned_at.clone()).unwrap(),
            serde_json::from_value(after["note"].clone()).unwrap(),
        ))
    });
    bans.collect()
}

#[test]
fn a_rejection_alone_bans_nobody() {
    let (mut fixture, review) = flagged();
    decide(&mut fixture, &review, ReviewDecision::Reject).unwrap();
    let user = owner(&fixture);
    assert_eq!((user.banned_at, user.description.tags), (None, vec![]));
    assert_eq!(bans(&fixture), []);
}

#[test]
fn a_banned_user_has_the_tag_until_an_operator_lifts_the_ban() {
    let (mut fixture, review) = flagged();
    assert_eq!(describe(&mut fixture, &["vip"]).description.tags, ["vip"]);
    let at = fixture.now;
    decide(&mut fixture, &review, ReviewDecision::RejectAndBan).unwrap();
    let banned = owner(&fixture);
    assert_eq!(banned.banned_at, Some(at));
    assert_eq!(banned.description.tags, ["vip", "banned"]);
    assert_eq!(
        code(decide(&mut fixture, &review, ReviewDecision::RejectAndBan)),
        "already_decided"
    );

    assert_eq!(
        describe(&mut fixture, &["beta"]).description.tags,
        ["beta", "banned"],
        "the identity service does not know of the ban"
    );
    assert_eq!(
        describe(&mut fixture, &["banned"]).description.tags,
        ["banned"],
        "once"
    );
    fixture.now += Duration::days(1);
    let free = lift(&mut fixture, 1).unwrap();
    assert_eq!((free.banned_at, free.description.tags), (None, vec![]));
    assert_eq!(lift(&mut fixture, 1).unwrap().banned_at, None);
    assert_eq!(describe(&mut fixture, &["beta"]).description.tags, ["beta"]);
    assert_eq!(
        bans(&fixture),
        [
            (Some(at), Some("looked at it".to_owned())),
            (None, Some("it was their brother".to_owned()))
        ],
        "once each"
    );
    assert_eq!(
        lift(&mut fixture, 2),
        Err(Rejection::NotFound(ResourceKind::User))
    );
}

#[test]
fn a_ban_is_no_matter_of_what_the_identity_service_says() {
    let mut fixture = EngineFixture::at("2026-01-05T12:00:00Z");
    fixture.when(CheckIn { user: user(1) }).unwrap();
    describe(&mut fixture, &["banned"]);
    let user = lift(&mut fixture, 1).unwrap();
    assert_eq!(user.description.tags, ["banned"], "nobody here has banned them");
}

fn assign(
    fixture: &mut EngineFixture,
    review: &Review,
    by: u64,
    reviewer: u64,
) -> Result<ReviewDecided, Rejection> {
    fixture.when(AssignReview {
        user: review.user_id,
        review: review.id,
        reviewer: user(reviewer),
        by: user(by),
        minutes: 30,
    })
}

fn release(fixture: &mut EngineFixture, review: &Review, by: u64) -> Result<ReviewDecided, Rejection> {
    fixture.when(ReleaseReview {
        user: review.user_id,
        review: review.id,
        by: user(by),
    })
}

/// Decides as reviewer 99.
fn reject(fixture: &mut EngineFixture, review: &Review) -> Result<ReviewDecided, Rejection> {
    decide(fixture, review, ReviewDecision::Reject)
}

#[test]
fn nobody_else_decides_an_assigned_review_until_it_lapses() {
    let (mut fixture, review) = flagged();
    let taken = assign(&mut fixture, &review, 98, 98).unwrap().review;
    let until = fixture.now + Duration::minutes(30);
    assert_eq!(
        taken.assignment,
        Some(ReviewAssignment {
            reviewer: user(98),
            until
        })
    );
    let refused = Rejection::AssignedToAnother { until };
    assert_eq!(reject(&mut fixture, &review), Err(refused.clone()));
    assert_eq!(assign(&mut fixture, &review, 99, 99), Err(refused.clone()));
    assert_eq!(release(&mut fixture, &review, 99), Err(refused.clone()));
    fixture.now = until - Duration::seconds(1);
    assert_eq!(reject(&mut fixture, &review), Err(refused));

    fixture.now = until;
    let decided = reject(&mut fixture, &review).unwrap().review;
    assert_eq!(decided.assignment, None, "who decided it is said by `decided_by`");
    assert_eq!(code(assign(&mut fixture, &review, 98, 98)), "already_decided");
    assert_eq!(code(release(&mut fixture, &review, 98)), "already_decided");
}

#[test]
fn whoever_has_a_review_prolongs_hands_on_and_releases_it() {
    let (mut fixture, review) = flagged();
    assign(&mut fixture, &review, 98, 98).unwrap();
    fixture.now += Duration::minutes(20);
    let prolonged = assign(&mut fixture, &review, 98, 98).unwrap().review;
    let until = fixture.now + Duration::minutes(30);
    assert_eq!(
        prolonged.assignment.map(|assignment| assignment.until),
        Some(until)
    );

    fixture.now += Duration::minutes(1);
    assign(&mut fixture, &review, 98, 99).unwrap();
    fixture.now += Duration::minutes(1);
    assert_eq!(code(release(&mut fixture, &review, 98)), "assigned_to_another");
    assert_eq!(
        release(&mut fixture, &review, 99).unwrap().review.assignment,
        None
    );
    release(&mut fixture, &review, 97).unwrap();
    let actions = actions(&fixture);
    let assignments = ["AssignReview", "AssignReview", "AssignReview", "ReleaseReview"];
    assert_eq!(actions, assignments, "what changes nothing is not told");

    assign(&mut fixture, &review, 98, 99).unwrap();
    reject(&mut fixture, &review).unwrap();
}

/// A review of someone who has never been assigned one is read as it was written.
#[test]
fn a_review_of_an_earlier_version_is_nobodys() {
    let (_, review) = flagged();
    let written = serde_json::to_value(&review).unwrap();
    assert_eq!(written.get("assignment"), None);
    assert_eq!(serde_json::from_value::<Review>(written).unwrap(), review);
}

fn time_out(
    fixture: &mut EngineFixture,
    review: &Review,
    timeout: ReviewTimeout,
) -> Result<Review, Rejection> {
    let decided = fixture.when(TimeOutReview {
        user: review.user_id,
        review: review.id,
        timeout,
        hours: 72,
    });
    decided.map(|decided| decided.review)
}

#[test]
fn what_nobody_decides_is_decided_without_a_person() {
    for (timeout, status, points) in [
        (ReviewTimeout::Reject, ReviewStatus::Rejected, 10),
        (ReviewTimeout::Approve, ReviewStatus::Approved, 20),
    ] {
        let (mut fixture, review) = flagged();
        let decided = time_out(&mut fixture, &review, timeout).unwrap();
        assert_eq!(
            (decided.status, decided.decided_by, decided.decided_at),
            (status, None, Some(fixture.now))
        );
        assert_eq!(decided.note.as_deref(), Some("nobody decided within 72 hours"));
        assert_eq!(owner(&fixture).points, points.into());
        let told = audit(&fixture).pop().unwrap();
        assert_eq!((told.action.as_str(), told.actor), ("TimeOutReview", None));
        assert_eq!(code(time_out(&mut fixture, &review, timeout)), "already_decided");
        assert_eq!(code(reject(&mut fixture, &review)), "already_decided");
    }
}

#[test]
fn what_a_reviewer_works_on_does_not_time_out() {
    let (mut fixture, review) = flagged();
    assign(&mut fixture, &review, 98, 98).unwrap();
    let refused = time_out(&mut fixture, &review, ReviewTimeout::Reject);
    assert_eq!(code(refused), "assigned_to_another");
    fixture.now += Duration::minutes(30);
    time_out(&mut fixture, &review, ReviewTimeout::Reject).unwrap();
}

#[test]
fn a_grant_that_needs_a_second_person_is_not_approved_by_nobody() {
    let mut fixture = EngineFixture::at("2026-01-05T12:00:00Z");
    fixture.when(CheckIn { user: user(1) }).unwrap();
    fixture
        .when(GrantReward {
            user: user(1),
            points: 50.into(),
            experience_points: 0,
            badge_id: None,
            operator: user(9),
            reason: "a prize".to_owned(),
            needs_approval: true,
        })
        .unwrap();
    let review = open_review(&fixture);
    let approved = time_out(&mut fixture, &review, ReviewTimeout::Approve);
    assert_eq!(code(approved), "second_person_required");
    let rejected = time_out(&mut fixture, &review, ReviewTimeout::Reject).unwrap();
    assert_eq!(rejected.status, ReviewStatus::Rejected);
    assert_eq!(owner(&fixture).points, 10.into());
}
