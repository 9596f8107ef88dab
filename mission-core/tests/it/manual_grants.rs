//! Rewards that operators grant by hand: once, audited, and by two people where it is much.

use mission_core::{
    UserId,
    engine::{CheckIn, DecideReview, GrantReward, Rejection, ReviewDecided, RewardTaken},
    event::IntegrationEvent,
    fraud::{Review, ReviewDecision, ReviewReason, ReviewSubject},
    reward::{RewardStatus, RewardType},
    testing::{EngineFixture, user},
    user::User,
};
use rust_decimal::Decimal;

use crate::play::{code, open_review};

const NOON: &str = "2026-01-05T12:00:00Z";

fn known() -> EngineFixture {
    let mut fixture = EngineFixture::at(NOON);
    fixture.when(CheckIn { user: user(1) }).unwrap();
    fixture
}

fn grant(fixture: &mut EngineFixture, needs_approval: bool) -> Result<RewardTaken, Rejection> {
    fixture.when(GrantReward {
        user: user(1),
        points: 50.into(),
        experience_points: 120,
        badge_id: Some("winner".to_owned()),
        operator: user(9),
        reason: "first prize".to_owned(),
        needs_approval,
    })
}

fn decide(
    fixture: &mut EngineFixture,
    review: &Review,
    decision: ReviewDecision,
    reviewer: UserId,
) -> Result<ReviewDecided, Rejection> {
    fixture.when(DecideReview {
        user: user(1),
        review: review.id,
        decision,
        reviewer,
        note: None,
    })
}

fn owner(fixture: &EngineFixture) -> User {
    fixture.store.records().user[&user(1)].clone().unwrap()
}

fn granted(fixture: &EngineFixture) -> Vec<RewardType> {
    let told = fixture.events().into_iter();
    let types = told.filter_map(|event| match event {
        IntegrationEvent::RewardClaimed(claimed) => Some(claimed.reward_type),
        _ => None,
    });
    types.collect()
}

#[test]
fn a_grant_by_hand_is_the_users_at_once() {
    let mut fixture = known();
    let before = owner(&fixture);
    let taken = grant(&mut fixture, false).unwrap();
    assert_eq!(
        (taken.reward.status, taken.under_review),
        (RewardStatus::Claimed, false)
    );
    let after = owner(&fixture);
    assert_eq!(after.points - before.points, Decimal::from(50));
    assert_eq!((after.experience, after.badges), (120, vec!["winner".to_owned()]));
    assert_eq!(
        granted(&fixture),
        [RewardType::CheckInDaily, RewardType::ManualGrant]
    );
    grant(&mut fixture, false).unwrap();
    assert_eq!(
        owner(&fixture).points - before.points,
        Decimal::from(100),
        "another command"
    );
}

#[test]
fn whoever_asks_for_a_large_grant_does_not_approve_it() {
    let mut fixture = known();
    let before = owner(&fixture);
    let taken = grant(&mut fixture, true).unwrap();
    assert_eq!(
        (taken.reward.status, taken.under_review),
        (RewardStatus::Held, true)
    );
    assert_eq!(owner(&fixture), before);
    let review = open_review(&fixture);
    assert_eq!(
        review.subject,
        ReviewSubject::Grant {
            reward: taken.reward.id,
            operator: user(9)
        }
    );
    assert_eq!(
        review.reasons,
        [ReviewReason::ManualGrant("first prize".to_owned())]
    );
    let own = decide(&mut fixture, &review, ReviewDecision::Approve, user(9));
    assert_eq!(code(own), "second_person_required");
    assert_eq!(owner(&fixture), before);

    decide(&mut fixture, &review, ReviewDecision::Approve, user(8)).unwrap();
    assert_eq!(owner(&fixture).points - before.points, Decimal::from(50));
    assert_eq!(granted(&fixture).len(), 2);
    let again = decide(&mut fixture, &review, ReviewDecision::Approve, user(8));
    assert_eq!(code(again), "already_decided");
}

#[test]
fn a_large_grant_may_be_withdrawn_by_who_asked() {
    let mut fixture = known();
    let before = owner(&fixture);
    let reward = grant(&mut fixture, true).unwrap().reward;
    let review = open_review(&fixture);
    decide(&mut fixture, &review, ReviewDecision::Reject, user(9)).unwrap();
    let kept = fixture.store.records().reward[&(user(1), reward.id)]
        .clone()
        .unwrap();
    assert_eq!(kept.status, RewardStatus::Rejected);
    assert_eq!(owner(&fixture), before);
    assert_eq!(granted(&fixture).len(), 1);
}

#[test]
fn nobody_unknown_is_granted_anything() {
    let mut fixture = EngineFixture::at(NOON);
    assert_eq!(code(grant(&mut fixture, false)), "not_found");
    assert!(fixture.store.records().user.is_empty());
}
