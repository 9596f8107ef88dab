//! Rewards taken back: every effect of a grant has its inverse, and what was not granted is never granted.

use mission_core::{
    RewardId,
    engine::{Rejection, RevokeReward, Revoked},
    event::IntegrationEvent,
    fraud::ReviewDecision,
    mission::{BaseReward, Budget, Definition},
    reward::RewardStatus,
    testing::{EngineFixture, active, definition, mission_id, user},
    user::User,
};

use crate::play::{check_in, claim, code, complete, decide, done, open_review, ready, start};

const NOON: &str = "2026-01-05T12:00:00Z";

fn revoke(world: &mut EngineFixture, reward: RewardId) -> Result<Revoked, Rejection> {
    world.when(RevokeReward {
        user: user(1),
        reward,
        operator: user(9),
        reason: "a mistake".to_owned(),
        reopens: false,
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

fn owner(world: &EngineFixture) -> User {
    world.store.records().user[&user(1)].clone().unwrap()
}

fn revocations(world: &EngineFixture) -> usize {
    let told = world.events();
    let revoked = |event: &&IntegrationEvent| matches!(event, IntegrationEvent::RewardRevoked(_));
    told.iter().filter(revoked).count()
}

#[test]
fn a_grant_and_its_revocation_leave_the_user_as_before() {
    let mut world = EngineFixture::at(NOON)
        .with(active(1, decorated("one")))
        .with(active(2, decorated("two")));
    let one = done(&mut world, 1);
    let two = done(&mut world, 2);
    let before = owner(&world);
    let one = claim(&mut world, one.id).unwrap().reward;
    let with_one = owner(&world);
    assert_eq!((with_one.experience, with_one.badges.len()), (120, 1));
    let two = claim(&mut world, two.id).unwrap().reward;
    revoke(&mut world, one.id).unwrap();
    let with_two = owner(&world);
    assert_eq!(with_two.badges, ["gold"], "another reward gave it, too");
    assert_eq!((with_two.experience, with_two.points), (120, with_one.points));
    revoke(&mut world, two.id).unwrap();
    assert_eq!(owner(&world), before);
    let told = world.events();
    let Some(IntegrationEvent::RewardRevoked(last)) = told.last() else {
        panic!("{told:?}");
    };
    assert_eq!(
        (last.experience_points, last.badge_id.as_deref()),
        (120, Some("gold"))
    );
    assert_eq!(code(revoke(&mut world, two.id)), "not_claimed");
}

#[test]
fn a_revocation_may_give_the_completion_back() {
    for reopens in [false, true] {
        let once = Definition {
            cooldown_seconds: 3600,
            ..decorated("once")
        };
        let mut world = EngineFixture::at(NOON).with(active(1, once));
        let task = done(&mut world, 1);
        claim(&mut world, task.id).unwrap();
        let records =
            |world: &EngineFixture| world.store.records().participation[&(user(1), mission_id(1))].clone();
        let revoked = world.when(RevokeReward {
            user: user(1),
            reward: task.reward_id.unwrap(),
            operator: user(9),
            reason: "our mistake".to_owned(),
            reopens,
        });
        revoked.unwrap();
        let again = start(&mut world, 1);
        if reopens {
            assert!(again.is_ok(), "{again:?}");
            let left = records(&world).unwrap();
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
    let mut world = EngineFixture::at(NOON).with(active(1, scarce));
    let first = done(&mut world, 1);
    let before = owner(&world);
    let second = ready(&mut world, 1);
    assert_eq!(code(complete(&mut world, second.id)), "budget_exhausted");
    let revoked = revoke(&mut world, first.reward_id.unwrap()).unwrap().reward;
    assert_eq!(
        (revoked.status, revoked.claimed_at),
        (RewardStatus::Revoked, None)
    );
    assert_eq!(code(claim(&mut world, first.id)), "reward_rejected");
    assert_eq!(owner(&world).points, before.points);
    assert_eq!(revocations(&world), 0, "no wallet has heard of it");
    complete(&mut world, second.id).unwrap();
}

#[test]
fn what_was_revoked_under_review_is_not_granted_by_an_approval() {
    for decision in [ReviewDecision::Approve, ReviewDecision::Reject] {
        let mut world = EngineFixture::at(NOON).with(active(1, decorated("one")));
        world.from_device("phone");
        let task = done(&mut world, 1);
        world.from_device("tablet");
        let held = claim(&mut world, task.id).unwrap();
        assert!(held.under_review);
        revoke(&mut world, held.reward.id).unwrap();
        let review = open_review(&world);
        decide(&mut world, &review, decision).unwrap();
        let reward = world.store.records().reward[&(user(1), held.reward.id)]
            .clone()
            .unwrap();
        assert_eq!((reward.status, reward.claimed_at), (RewardStatus::Revoked, None));
        assert_eq!((owner(&world).experience, owner(&world).badges.len()), (0, 0));
    }
}

#[test]
fn a_check_in_whose_rewards_were_revoked_under_review_pays_nothing() {
    let mut world = EngineFixture::at(NOON);
    world.from_device("phone");
    assert!(!check_in(&mut world).unwrap().under_review);
    world.from_device("tablet");
    world.set_time("2026-01-06T12:00:00Z");
    assert!(check_in(&mut world).unwrap().under_review);
    let review = open_review(&world);
    let rewards = world.store.records().reward;
    let held: Vec<RewardId> = rewards
        .into_values()
        .flatten()
        .filter(|reward| reward.status == RewardStatus::Held)
        .map(|reward| reward.id)
        .collect();
    assert!(!held.is_empty());
    let before = owner(&world).points;
    for reward in held {
        revoke(&mut world, reward).unwrap();
    }
    let told = world.events().len();
    decide(&mut world, &review, ReviewDecision::Approve).unwrap();
    assert_eq!((owner(&world).points, world.events().len()), (before, told));
}
