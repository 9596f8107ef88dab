//! What holds whatever users, reviewers and operators do, in whatever order and however often.

use std::collections::{BTreeMap, BTreeSet};

use mission_core::{
    MissionId, RewardId, TaskId, UserId,
    engine::{
        ActivateReferral, Answer, ApplyEvent, CheckIn, ClaimReward, ClaimTask, Command, CompleteTask,
        DecideReview, ExpireDue, ReadSet, ReportProgress, Request, RevokeReward, StartTask, SubmitEvidence,
    },
    event::{ActivityEvent, IntegrationEvent},
    fraud::ReviewDecision,
    mission::{BaseReward, Budget, Definition, EvidenceRequirement, EvidenceReview, Frequency},
    ports::store::Store,
    reward::RewardStatus,
    task::{Evidence, EvidenceType, TaskStatus},
    testing::{EngineFixture, active, at, definition, mission_id, points, user},
};
use proptest::prelude::*;
use rust_decimal::Decimal;

use crate::play::{evidence, scripted, triggered};

/// What somebody does; numbers pick among what there is by then.
#[derive(Clone, Debug)]
enum Act {
    Wait(i64),
    ComeFrom(u8),
    CheckIn(u64),
    Start(u64, u64),
    Progress(usize, u64),
    Show(usize, u8),
    Complete(usize),
    ClaimTask(usize),
    ClaimReward(usize),
    Revoke(usize),
    Expire(u64),
    Event(u64, u8, i64),
    Decide(usize, bool),
    Refer(u64, u64),
}

fn act() -> impl Strategy<Value = Act> {
    let (who, mission, any) = (1..4_u64, 1..6_u64, any::<usize>());
    prop_oneof![
        (0..200_000_i64).prop_map(Act::Wait),
        (0..4_u8).prop_map(Act::ComeFrom),
        who.clone().prop_map(Act::CheckIn),
        (who.clone(), mission).prop_map(|(who, mission)| Act::Start(who, mission)),
        (any, 0..6_u64).prop_map(|(task, value)| Act::Progress(task, value)),
        (any, 0..4_u8).prop_map(|(task, shot)| Act::Show(task, shot)),
        any.prop_map(Act::Complete),
        any.prop_map(Act::Complete),
        any.prop_map(Act::ClaimTask),
        any.prop_map(Act::ClaimReward),
        any.prop_map(Act::Revoke),
        who.clone().prop_map(Act::Expire),
        (who.clone(), 0..30_u8, -700_000..100_i64).prop_map(|(who, id, late)| Act::Event(who, id, late)),
        (any, proptest::bool::ANY).prop_map(|(review, approve)| Act::Decide(review, approve)),
        (who.clone(), who).prop_map(|(inviter, invitee)| Act::Refer(inviter, invitee)),
    ]
}

fn limit() -> Budget {
    Budget {
        max_points: Some(points("200")),
        max_grants: Some(3),
    }
}

fn world() -> EngineFixture {
    let offer = |amount: &str, days| BaseReward {
        points: points(amount),
        expires_after_days: days,
        experience_points: 5,
        ..BaseReward::default()
    };
    let plain = Definition {
        target: 3,
        max_completions: Some(2),
        ..definition("plain")
    };
    let scarce = Definition {
        frequency: Frequency::Unlimited,
        budget: Some(limit()),
        reward: offer("70.25", Some(2)),
        ..definition("scarce")
    };
    let watch = Definition {
        frequency: Frequency::Daily,
        target: 2,
        auto_start: true,
        reward: offer("12.5", None),
        ..triggered("watch", "video.watched")
    };
    let scripted_one = Definition {
        frequency: Frequency::Weekly,
        script: Some("reward 7.005 + 0.015".to_owned()),
        budget: Some(Budget {
            max_points: None,
            max_grants: Some(2),
        }),
        auto_start: true,
        ..triggered("scripted", "video.watched")
    };
    let social = Definition {
        frequency: Frequency::Unlimited,
        evidence: Some(EvidenceRequirement {
            evidence_type: EvidenceType::SocialProof,
            min_seconds: None,
            review: EvidenceReview::Manual,
        }),
        cooldown_seconds: 3600,
        reward: offer("5", Some(1)),
        ..definition("social")
    };
    let missions = [plain, scarce, watch, scripted_one, social];
    let world = scripted("2026-01-05T12:00:00Z");
    (1..)
        .zip(missions)
        .fold(world, |world, (n, definition)| world.with(active(n, definition)))
}

fn pick<T: Clone>(all: &[T], n: usize) -> Option<T> {
    (!all.is_empty()).then(|| all[n % all.len()].clone())
}

/// The command that an act is in a world, if it is one there.
fn command(world: &mut EngineFixture, act: &Act) -> Option<Command> {
    let records = world.store.records();
    let task = |n| pick::<(UserId, TaskId)>(&records.task.keys().copied().collect::<Vec<_>>(), n);
    let reward = |n| pick::<(UserId, RewardId)>(&records.reward.keys().copied().collect::<Vec<_>>(), n);
    Some(match *act {
        Act::Wait(seconds) => {
            world.now += chrono::Duration::seconds(seconds);
            return None;
        }
        Act::ComeFrom(device) => {
            world.from_device(&format!("device {device}"));
            return None;
        }
        Act::CheckIn(who) => CheckIn { user: user(who) }.into(),
        Act::Start(who, mission) => StartTask {
            user: user(who),
            mission: mission_id(mission),
        }
        .into(),
        Act::Progress(n, value) => {
            let (user, task) = task(n)?;
            ReportProgress { user, task, value }.into()
        }
        Act::Show(n, shot) => {
            let (user, task) = task(n)?;
            let evidence = Evidence {
                screenshot_url: Some(format!("https://example.com/{shot}.png")),
                ..evidence(EvidenceType::SocialProof, "")
            };
            SubmitEvidence { user, task, evidence }.into()
        }
        Act::Complete(n) => {
            let (user, task) = task(n)?;
            CompleteTask { user, task }.into()
        }
        Act::ClaimTask(n) => {
            let (user, task) = task(n)?;
            ClaimTask { user, task }.into()
        }
        Act::ClaimReward(n) => {
            let (user, reward) = reward(n)?;
            ClaimReward { user, reward }.into()
        }
        Act::Revoke(n) => {
            let (owner, reward) = reward(n)?;
            RevokeReward {
                user: owner,
                reward,
                operator: user(99),
                reason: "a mistake".to_owned(),
                reopens: false,
            }
            .into()
        }
        Act::Expire(who) => ExpireDue {
            user: user(who),
            tasks: records
                .task
                .keys()
                .filter(|key| key.0 == user(who))
                .map(|key| key.1)
                .collect(),
            rewards: records
                .reward
                .keys()
                .filter(|key| key.0 == user(who))
                .map(|key| key.1)
                .collect(),
        }
        .into(),
        Act::Event(who, id, late) => ApplyEvent {
            event: ActivityEvent {
                id: id.to_string(),
                source: "player".to_owned(),
                event_type: "video.watched".to_owned(),
                user_id: user(who),
                time: world.now + chrono::Duration::seconds(late),
                data: serde_json::Map::new(),
            },
        }
        .into(),
        Act::Decide(n, approve) => {
            let (owner, review) = pick(&records.review.keys().copied().collect::<Vec<_>>(), n)?;
            DecideReview {
                user: owner,
                review,
                decision: if approve {
                    ReviewDecision::Approve
                } else {
                    ReviewDecision::Reject
                },
                reviewer: user(99),
                note: None,
            }
            .into()
        }
        Act::Refer(inviter, invitee) => ActivateReferral {
            inviter: user(inviter),
            invitee: user(invitee),
            invite_code: None,
            activated_at: world.now,
        }
        .into(),
    })
}

/// Plays acts one by one; answers the requests that they became.
fn play(world: &mut EngineFixture, acts: &[Act]) -> Result<Vec<(Request, Answer)>, TestCaseError> {
    let mut played = Vec::new();
    for act in acts {
        let Some(command) = command(world, act) else {
            continue;
        };
        let request = world.request(command);
        let before = world.store.records();
        let answer = world.execute_batch(vec![request.clone()]).remove(0);
        let Ok(answer) = answer else {
            return Err(TestCaseError::fail(format!("{request:?}: {answer:?}")));
        };
        let after = world.store.records();
        if answer.is_err() {
            prop_assert_eq!(&before, &after, "a refusal changes nothing");
        }
        for (key, task) in &after.task {
            let (Some(task), before) = (task, before.task.get(key).cloned().flatten()) else {
                continue;
            };
            let progress = task.progress;
            prop_assert!(progress.current() <= progress.target(), "progress is clamped");
            if let Some(before) = before {
                prop_assert!(
                    progress.current() >= before.progress.current(),
                    "progress never goes down"
                );
                let done = before.status == TaskStatus::Completed;
                prop_assert!(
                    !done || task.status == TaskStatus::Completed,
                    "completed stays completed"
                );
                prop_assert!(!before.reward_claimed || task.reward_claimed);
            }
        }
        played.push((request, answer));
    }
    Ok(played)
}

fn sum<'a>(rewards: impl Iterator<Item = &'a mission_core::reward::Reward>) -> Decimal {
    rewards.map(|reward| reward.amount.total()).sum()
}

/// All that must hold of what is stored and told.
fn holds(world: &EngineFixture) -> Result<(), TestCaseError> {
    let records = world.store.records();
    let rewards: Vec<_> = records.reward.values().flatten().collect();
    let tasks: Vec<_> = records.task.values().flatten().collect();

    let mut granted = BTreeSet::new();
    let mut wallets: BTreeMap<UserId, Decimal> = BTreeMap::new();
    let mut completed = BTreeSet::new();
    for event in world.events() {
        match event {
            IntegrationEvent::RewardClaimed(event) => {
                prop_assert!(
                    granted.insert(event.reward_id),
                    "a reward is granted at most once"
                );
                prop_assert_eq!(event.total_points, event.points.get() + event.bonus_points.get());
                *wallets.entry(event.user_id).or_default() += event.total_points;
            }
            IntegrationEvent::RewardRevoked(event) => {
                prop_assert!(
                    granted.contains(&event.reward_id),
                    "only what was granted is revoked"
                );
                *wallets.entry(event.user_id).or_default() -= event.total_points;
            }
            IntegrationEvent::MissionCompleted(event) => {
                prop_assert!(completed.insert(event.task_id), "a completion is told once");
            }
            _ => {}
        }
    }
    let sources: BTreeSet<_> = rewards
        .iter()
        .map(|reward| (reward.reward_type, reward.source_id))
        .collect();
    prop_assert_eq!(
        sources.len(),
        rewards.len(),
        "a source earns one reward of a type"
    );
    for reward in &rewards {
        let was_granted = reward.claimed_at.is_some();
        prop_assert!(
            was_granted || reward.status != RewardStatus::Claimed,
            "a claimed reward says when"
        );
        prop_assert_eq!(
            was_granted,
            granted.contains(&reward.id),
            "granted and told go together"
        );
    }
    for user in records.user.values().flatten() {
        let own = rewards.iter().copied().filter(|reward| reward.user_id == user.id);
        let claimed = sum(own.filter(|reward| reward.status == RewardStatus::Claimed));
        prop_assert_eq!(user.points, claimed, "a balance is the sum of what is claimed");
        prop_assert_eq!(
            wallets.get(&user.id).copied().unwrap_or_default(),
            claimed,
            "in the wallet, too"
        );
    }

    let mut open = BTreeSet::new();
    for task in tasks.iter().filter(|task| task.status.is_open()) {
        prop_assert!(
            open.insert((task.user_id, task.mission_id, task.period)),
            "one open task a period"
        );
    }
    for ((owner, mission), participation) in &records.participation {
        let Some(participation) = participation else {
            continue;
        };
        let own = tasks
            .iter()
            .filter(|task| task.user_id == *owner && task.mission_id == *mission);
        let done: Vec<_> = own.filter(|task| task.status == TaskStatus::Completed).collect();
        prop_assert_eq!(participation.completions as usize, done.len());
        let cap = world
            .catalog
            .mission(*mission)
            .and_then(|listed| listed.mission.definition.completion_cap());
        for (period, state) in &participation.periods {
            let here = done.iter().filter(|task| task.period == *period).count();
            prop_assert_eq!(
                state.completions as usize,
                here,
                "completions are counted by period"
            );
            prop_assert!(cap.is_none_or(|cap| state.completions <= cap), "caps hold");
        }
    }

    for listed in world.catalog.missions() {
        let Some(limit) = listed.mission.definition.budget else {
            continue;
        };
        let id: MissionId = listed.mission.id;
        let standing = |reward: &&&mission_core::reward::Reward| {
            use RewardStatus::{Claimed, Held, Pending};
            reward.mission_id == Some(id) && matches!(reward.status, Pending | Held | Claimed)
        };
        let keys = ReadSet {
            budgets: BTreeSet::from([id]),
            ..ReadSet::default()
        };
        let used = pollster::block_on(world.store.load(&keys)).unwrap().budgets[&id];
        let standing: Vec<_> = rewards.iter().filter(standing).copied().collect();
        prop_assert_eq!(
            used.grants,
            i64::try_from(standing.len()).unwrap(),
            "what is in use is what stands"
        );
        prop_assert_eq!(used.points, sum(standing.into_iter()));
        prop_assert!(limit.allows(used), "a budget is never overspent");
    }
    Ok(())
}

/// The same act, done by user 1.
fn alone(act: Act) -> Act {
    match act {
        Act::CheckIn(_) => Act::CheckIn(1),
        Act::Start(_, mission) => Act::Start(1, mission),
        Act::Expire(_) => Act::Expire(1),
        Act::Event(_, id, late) => Act::Event(1, id, late),
        Act::Refer(_, invitee) => Act::Refer(1, invitee),
        other => other,
    }
}

/// The same commands again, through their serial form, some of them together.
fn play_in_batches(
    world: &mut EngineFixture,
    played: &[(Request, Answer)],
    sizes: &[usize],
) -> Vec<Result<Answer, mission_core::engine::CommandError>> {
    let mut answers = Vec::new();
    let mut left = played.iter();
    for size in sizes.iter().cycle() {
        let batch: Vec<Request> = left
            .by_ref()
            .take(*size)
            .map(|(request, _)| {
                let written = serde_json::to_string(&request.command).unwrap();
                Request {
                    command: serde_json::from_str(&written).unwrap(),
                    ..request.clone()
                }
            })
            .collect();
        if batch.is_empty() {
            break;
        }
        answers.extend(world.execute_batch(batch));
    }
    answers
}

fn sizes() -> impl Strategy<Value = Vec<usize>> {
    proptest::collection::vec(1..12_usize, 1..20)
}

fn acts() -> impl Strategy<Value = Vec<Act>> {
    proptest::collection::vec(act(), 1..120)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 60, ..ProptestConfig::default() })]

    #[test]
    fn nothing_that_anybody_does_breaks_the_books(acts in acts()) {
        let mut world = world();
        play(&mut world, &acts)?;
        holds(&world)?;
    }

    #[test]
    fn deciding_is_deterministic_alone_and_in_batches(acts in acts(), sizes in sizes()) {
        // One user's commands are decided in their order; between users, a batch promises none.
        let acts: Vec<Act> = acts.into_iter().map(alone).collect();
        let mut one_by_one = world();
        let played = play(&mut one_by_one, &acts)?;
        let mut in_batches = world();
        let again = play_in_batches(&mut in_batches, &played, &sizes);
        for ((request, answer), again) in played.iter().zip(again) {
            prop_assert_eq!(Ok(answer), again.as_ref(), "{:?}", request.command);
            let written = serde_json::to_string(answer).unwrap();
            let read: Answer = serde_json::from_str(&written).unwrap();
            prop_assert_eq!(answer, &read, "answers come back from their serial form");
        }
        prop_assert_eq!(one_by_one.store.records(), in_batches.store.records());
        prop_assert_eq!(one_by_one.events(), in_batches.events(), "the same events in the same order");
        holds(&in_batches)?;
    }

    #[test]
    fn batches_of_many_users_keep_the_books(acts in acts(), sizes in sizes()) {
        let played = play(&mut world(), &acts)?;
        let mut in_batches = world();
        let again = play_in_batches(&mut in_batches, &played, &sizes);
        prop_assert_eq!(again.len(), played.len());
        prop_assert!(again.iter().all(Result::is_ok));
        holds(&in_batches)?;
    }

    #[test]
    fn doing_everything_twice_grants_nothing_twice(acts in acts()) {
        let mut world = world();
        let played = play(&mut world, &acts)?;
        // Every command again, as a new one: what can be had once is not had again by asking again.
        for (request, _) in played {
            let again = world.request(request.command);
            prop_assert!(world.execute_batch(vec![again]).remove(0).is_ok());
        }
        holds(&world)?;
    }
}

#[test]
fn many_users_at_once_share_a_budget_without_overspending() {
    let mut world = world();
    world.now = at("2026-01-05T12:00:00Z");
    let mut tasks = Vec::new();
    for n in 1..=20 {
        let start = StartTask {
            user: user(n),
            mission: mission_id(2),
        };
        let task = world.when(start).unwrap().task;
        let full = ReportProgress {
            user: user(n),
            task: task.id,
            value: 1,
        };
        world.when(full).unwrap();
        tasks.push(CompleteTask {
            user: user(n),
            task: task.id,
        });
    }
    let requests = tasks
        .into_iter()
        .map(|complete| world.request(complete))
        .collect();
    let answers = world.execute_batch(requests);
    let (done, refused): (Vec<_>, Vec<_>) = answers.into_iter().map(Result::unwrap).partition(Result::is_ok);
    assert_eq!(
        (done.len(), refused.len()),
        (2, 18),
        "200 points carry two rewards of 70.25"
    );
    assert!(
        refused
            .iter()
            .all(|answer| answer.as_ref().is_err_and(|why| why.code() == "budget_exhausted"))
    );
    holds(&world).unwrap();
}
