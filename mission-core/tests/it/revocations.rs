//! Rewards taken back: every effect of a grant has its inverse, and what was not granted is never granted.

use mission_core::{
    RewardId,
    engine::{DecideReview, Rejection, RevokeReward, Revoked},
    event::IntegrationEvent,
    fraud::{ReviewDecision, ReviewReason},
    mission::{BaseReward, Budget, Definition},
    reward::RewardStatus,
    testing::{EngineFixture, active, definition, mission_id, user},
    user::User,
};

use crate::play::{check_in, claim, code, complete, decide, done, open_review, ready, start};

const NOON: &str = "2026-01-05T12:00:00Z";

fn revoke(fixture: &mut EngineFixture, reward: RewardId) -> Result<Revoked, Rejection> {
    ask(fixture, reward, false)
}

fn ask(fixture: &mut EngineFixture, reward: RewardId, needs_approval: bool) -> Result<Revoked, Rejection> {
    fixture.when(RevokeReward {
        user: user(1),
        reward,
        operator: user(9),
        reason: "a mistake".to_owned(),
        reopens: false,
        needs_approval,
    })
}

fn decorated(code: &str) -> Definition {
    let plain = definition(code);
    Definition {
        budget: Some(Budget {
            max_points: None,
            max_grants: Some(1),
        }),
        reward: BaseReward {
            experience_points: 120,
            badge_id: Some("gold".to_owned()),
            ..plain.reward
        },
        ..plain
    }
}

/// A reward that its user has claimed.
fn claimed() -> (EngineFixture, RewardId) {
    let mut fixture = EngineFixture::at(NOON).with(active(1, decorated("one")));
    let task = done(&mut fixture, 1);
    let reward = claim(&mut fixture, task.id).unwrap().reward;
    (fixture, reward.id)
}

fn owner(fixture: &EngineFixture) -> User {
    fixture.store.records().user[&user(1)].clone().unwrap()
}

fn revocations(fixture: &EngineFixture) -> usize {
    let told = fixture.events();
    let revoked = |event: &&IntegrationEvent| matches!(event, IntegrationEvent::RewardRevoked(_));
    told.iter().filter(revoked).count()
}

#[test]
fn a_grant_and_its_revocation_leave_the_user_as_before() {
    let mut fixture = EngineFixture::at(NOON)
        .with(active(1, decorated("one")))
        .with(active(2, decorated("two")));
    let one = done(&mut fixture, 1);
    let two = done(&mut fixture, 2);
    let before = owner(&fixture);
    let one = claim(&mut fixture, one.id).unwrap().reward;
    let with_one = owner(&fixture);
    assert_eq!((with_one.experience, with_one.badges.len()), (120, 1));
    let two = claim(&mut fixture, two.id).unwrap().reward;
    revoke(&mut fixture, one.id).unwrap();
    let with_two = owner(&fixture);
    assert_eq!(with_two.badges, ["gold"], "another reward gave it, too");
    assert_eq!((with_two.experience, with_two.points), (120, with_one.points));
    revoke(&mut fixture, two.id).unwrap();
    assert_eq!(owner(&fixture), before);
    let told = fixture.events();
    let Some(IntegrationEvent::RewardRevoked(last)) = told.last() else {
        panic!("{told:?}");
    };
    assert_eq!(
        (last.experience_points, last.badge_id.as_deref()),
        (120, Some("gold"))
    );
    assert_eq!(code(revoke(&mut fixture, two.id)), "not_claimed");
}

#[test]
fn a_revocation_may_give_the_completion_back() {
    for reopens in [false, true] {
        let once = Definition {
            cooldown_seconds: 3600,
            ..decorated("once")
        };
        let mut fixture = EngineFixture::at(NOON).with(active(1, once));
        let task = done(&mut fixture, 1);
        claim(&mut fixture, task.id).unwrap();
        let records = |fixture: &EngineFixture| {
            fixture.store.records().participation[&(user(1), mission_id(1))].clone()
        };
        let revoked = fixture.when(RevokeReward {
            user: user(1),
            reward: task.reward_id.unwrap(),
            operator: user(9),
            reason: "our mistake".to_owned(),
            reopens,
            needs_approval: false,
        });
        revoked.unwrap();
        let again = start(&mut fixture, 1);
        if reopens {
            assert!(again.is_ok(), "{again:?}");
            let left = records(&fixture).unwrap();
            assert_eq!((left.completions, left.last_completed_at), (0, None));
            assert!(left.attempts.is_empty());
        } else {
            assert_eq!(code(again), "max_completions_reached");
        }
    }
}

#[test]
fn a_pending_reward_is_cancelled_and_its_budget_given_back() {
    let scarce = Definition {
        frequency: mission_core::mission::Frequency::Unlimited,
        max_completions: Some(0),
        ..decorated("scarce")
    };
    let mut fixture = EngineFixture::at(NOON).with(active(1, scarce));
    let first = done(&mut fixture, 1);
    let before = owner(&fixture);
    let second = ready(&mut fixture, 1);
    assert_eq!(code(complete(&mut fixture, second.id)), "budget_exhausted");
    let revoked = revoke(&mut fixture, first.reward_id.unwrap()).unwrap().reward;
    assert_eq!(
        (revoked.status, revoked.claimed_at),
        (RewardStatus::Revoked, None)
    );
    assert_eq!(code(claim(&mut fixture, first.id)), "reward_rejected");
    assert_eq!(owner(&fixture).points, before.points);
    assert_eq!(revocations(&fixture), 0, "no wallet has heard of it");
    complete(&mut fixture, second.id).unwrap();
}

#[test]
fn what_was_revoked_under_review_is_not_granted_by_an_approval() {
    for decision in [ReviewDecision::Approve, ReviewDecision::Reject] {
        let mut fixture = EngineFixture::at(NOON).with(active(1, decorated("one")));
        fixture.from_device("phone");
        let task = done(&mut fixture, 1);
        fixture.from_device("tablet");
        let held = claim(&mut fixture, task.id).unwrap();
        assert!(held.under_review);
        revoke(&mut fixture, held.reward.id).unwrap();
        let review = open_review(&fixture);
        decide(&mut fixture, &review, decision).unwrap();
        let reward = fixture.store.records().reward[&(user(1), held.reward.id)]
            .clone()
            .unwrap();
        assert_eq!((reward.status, reward.claimed_at), (RewardStatus::Revoked, None));
        assert_eq!((owner(&fixture).experience, owner(&fixture).badges.len()), (0, 0));
    }
}

#[test]
fn a_check_in_whose_rewards_were_revoked_under_review_pays_nothing() {
    let mut fixture = EngineFixture::at(NOON);
    fixture.from_device("phone");
    assert!(!check_in(&mut fixture).unwrap().under_review);
    fixture.from_device("tablet");
    fixture.set_time("2026-01-06T12:00:00Z");
    assert!(check_in(&mut fixture).unwrap().under_review);
    let review = open_review(&fixture);
    let rewards = fixture.store.records().reward;
    let held: Vec<RewardId> = rewards
        .into_values()
        .flatten()
        .filter(|reward| reward.status == RewardStatus::Held)
        .map(|reward| reward.id)
        .collect();
    assert!(!held.is_empty());
    let before = owner(&fixture).points;
    for reward in held {
        revoke(&mut fixture, reward).unwrap();
    }
    let told = fixture.events().len();
    decide(&mut fixture, &review, ReviewDecision::Approve).unwrap();
    assert_eq!((owner(&fixture).points, fixture.events().len()), (before, told));
}

fn review_by(fixture: &mut EngineFixture, reviewer: u64, decision: ReviewDecision) -> Result<(), Rejection> {
    let review = open_review(fixture);
    let decided = fixture.when(DecideReview {
        user: user(1),
        review: review.id,
        decision,
        reviewer: user(reviewer),
        note: None,
    });
    decided.map(drop)
}

#[test]
fn whoever_asks_for_a_large_revocation_does_not_approve_it() {
    let (mut fixture, reward) = claimed();
    let before = owner(&fixture);
    let asked = ask(&mut fixture, reward, true).unwrap();
    assert_eq!(
        (asked.reward.status, asked.under_review),
        (RewardStatus::Claimed, true)
    );
    assert_eq!(owner(&fixture).points, before.points, "nothing is taken yet");
    let review = open_review(&fixture);
    assert_eq!(
        review.reasons,
        [ReviewReason::ManualRevocation("a mistake".to_owned())]
    );
    assert_eq!(review.subject.rewards(), [reward]);
    let own = review_by(&mut fixture, 9, ReviewDecision::Approve);
    assert_eq!(code(own), "second_person_required");

    review_by(&mut fixture, 8, ReviewDecision::Approve).unwrap();
    let kept = fixture.store.records().reward[&(user(1), reward)]
        .clone()
        .unwrap();
    assert_eq!(kept.status, RewardStatus::Revoked);
    assert!(owner(&fixture).points < before.points);
    let told = fixture.events().into_iter();
    let reasons = told.filter_map(|event| match event {
        IntegrationEvent::RewardRevoked(revoked) => Some(revoked.reason),
        _ => None,
    });
    assert_eq!(reasons.collect::<Vec<_>>(), ["a mistake"]);
}

#[test]
fn a_large_revocation_that_is_rejected_takes_nothing() {
    let (mut fixture, reward) = claimed();
    let before = owner(&fixture);
    ask(&mut fixture, reward, true).unwrap();
    review_by(&mut fixture, 8, ReviewDecision::Reject).unwrap();
    assert_eq!(owner(&fixture).points, before.points);
    let kept = fixture.store.records().reward[&(user(1), reward)]
        .clone()
        .unwrap();
    assert_eq!(kept.status, RewardStatus::Claimed);
}

#[test]
fn a_reward_that_was_revoked_meanwhile_is_revoked_once() {
    let (mut fixture, reward) = claimed();
    ask(&mut fixture, reward, true).unwrap();
    revoke(&mut fixture, reward).unwrap();
    let after = owner(&fixture);
    review_by(&mut fixture, 8, ReviewDecision::Approve).unwrap();
    assert_eq!(owner(&fixture).points, after.points);
    assert_eq!(code(ask(&mut fixture, reward, true)), "not_claimed");
}

#[test]
fn what_was_not_granted_needs_no_second_person() {
    let mut fixture = EngineFixture::at(NOON).with(active(1, decorated("one")));
    let reward = done(&mut fixture, 1).reward_id.unwrap();
    let revoked = ask(&mut fixture, reward, true).unwrap();
    assert_eq!(
        (revoked.reward.status, revoked.under_review),
        (RewardStatus::Revoked, false)
    );
}
