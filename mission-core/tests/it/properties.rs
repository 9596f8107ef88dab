//! What holds whatever users, reviewers and operators do, in whatever order and however often.

use std::collections::{BTreeMap, BTreeSet};

use mission_core::{
    MissionId, RewardId, TaskId, UserId,
    engine::{
        ActivateReferral, Answer, ApplyEvent, CheckIn, ClaimReward, ClaimTask, Command, CompleteTask,
        DecideReview, ReadSet, ReportProgress, Request, RevokeReward, StartTask, SubmitEvidence,
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

use crate::play::{evidence, expire_all_of, scripted, triggered};

/// What somebody does; numbers pick among what there is by then.
#[derive(Clone, Debug)]
enum Action {
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

fn action() -> impl Strategy<Value = Action> {
    let (who, mission, any) = (1..4_u64, 1..6_u64, any::<usize>());
    prop_oneof![
        (0..200_000_i64).prop_map(Action::Wait),
        (0..4_u8).prop_map(Action::ComeFrom),
        who.clone().prop_map(Action::CheckIn),
        (who.clone(), mission).prop_map(|(who, mission)| Action::Start(who, mission)),
        (any, 0..6_u64).prop_map(|(task, value)| Action::Progress(task, value)),
        (any, 0..4_u8).prop_map(|(task, shot)| Action::Show(task, shot)),
        any.prop_map(Action::Complete),
        any.prop_map(Action::Complete),
        any.prop_map(Action::ClaimTask),
        any.prop_map(Action::ClaimReward),
        any.prop_map(Action::Revoke),
        who.clone().prop_map(Action::Expire),
        (who.clone(), 0..30_u8, -700_000..100_i64).prop_map(|(who, id, late)| Action::Event(who, id, late)),
        (any, proptest::bool::ANY).prop_map(|(review, approve)| Action::Decide(review, approve)),
        (who.clone(), who).prop_map(|(inviter, invitee)| Action::Refer(inviter, invitee)),
    ]
}

fn limit() -> Budget {
    Budget {
        max_points: Some(points("200")),
        max_grants: Some(3),
    }
}

fn fixture() -> EngineFixture {
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
    let fixture = scripted("2026-01-05T12:00:00Z");
    (1..).zip(missions).fold(fixture, |fixture, (n, definition)| {
        fixture.with(active(n, definition))
    })
}

fn pick<T: Clone>(all: &[T], n: usize) -> Option<T> {
    (!all.is_empty()).then(|| all[n % all.len()].clone())
}

/// The command of an action, if there is one with what there is.
fn command(fixture: &mut EngineFixture, action: &Action) -> Option<Command> {
    let records = fixture.store.records();
    let task = |n| pick::<(UserId, TaskId)>(&records.task.keys().copied().collect::<Vec<_>>(), n);
    let reward = |n| pick::<(UserId, RewardId)>(&records.reward.keys().copied().collect::<Vec<_>>(), n);
    Some(match *action {
        Action::Wait(seconds) => {
            fixture.now += chrono::Duration::seconds(seconds);
            return None;
        }
        Action::ComeFrom(device) => {
            fixture.from_device(&format!("device {device}"));
            return None;
        }
        Action::CheckIn(who) => CheckIn { user: user(who) }.into(),
        Action::Start(who, mission) => StartTask {
            user: user(who),
            mission: mission_id(mission),
        }
        .into(),
        Action::Progress(n, value) => {
            let (user, task) = task(n)?;
            ReportProgress { user, task, value }.into()
        }
        Action::Show(n, shot) => {
            let (user, task) = task(n)?;
            let evidence = Evidence {
                screenshot_url: Some(format!("https://example.com/{shot}.png")),
                ..evidence(EvidenceType::SocialProof, "")
            };
            SubmitEvidence { user, task, evidence }.into()
        }
        Action::Complete(n) => {
            let (user, task) = task(n)?;
            CompleteTask { user, task }.into()
        }
        Action::ClaimTask(n) => {
            let (user, task) = task(n)?;
            ClaimTask { user, task }.into()
        }
        Action::ClaimReward(n) => {
            let (user, reward) = reward(n)?;
            ClaimReward { user, reward }.into()
        }
        Action::Revoke(n) => {
            let (owner, reward) = reward(n)?;
            RevokeReward {
                user: owner,
                reward,
                operator: user(99),
                reason: "a mistake".to_owned(),
                reopens: false,
                needs_approval: false,
            }
            .into()
        }
        Action::Expire(who) => expire_all_of(&records, user(who)).into(),
        Action::Event(who, id, late) => ApplyEvent {
            event: ActivityEvent {
                id: id.to_string(),
                source: "player".to_owned(),
                event_type: "video.watched".to_owned(),
                user_id: user(who),
                time: fixture.now + chrono::Duration::seconds(late),
                data: serde_json::Map::new(),
            },
        }
        .into(),
        Action::Decide(n, approve) => {
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
        Action::Refer(inviter, invitee) => ActivateReferral {
            inviter: user(inviter),
            invitee: user(invitee),
            invite_code: None,
            activated_at: fixture.now,
        }
        .into(),
    })
}

/// Plays actions one by one; answers the requests that they became.
fn play(fixture: &mut EngineFixture, actions: &[Action]) -> Result<Vec<(Request, Answer)>, TestCaseError> {
    let mut played = Vec::new();
    for action in actions {
        let Some(command) = command(fixture, action) else {
            continue;
        };
        let request = fixture.request(command);
        let before = fixture.store.records();
        let answer = fixture.execute_batch(vec![request.clone()]).remove(0);
        let Ok(answer) = answer else {
            return Err(TestCaseError::fail(format!("{request:?}: {answer:?}")));
        };
        let after = fixture.store.records();
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
fn holds(fixture: &EngineFixture) -> Result<(), TestCaseError> {
    let records = fixture.store.records();
    let rewards: Vec<_> = records.reward.values().flatten().collect();
    let tasks: Vec<_> = records.task.values().flatten().collect();

    let mut granted = BTreeSet::new();
    let mut wallets: BTreeMap<UserId, Decimal> = BTreeMap::new();
    let mut completed = BTreeSet::new();
    for event in fixture.events() {
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
        let cap = fixture
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

    for listed in fixture.catalog.missions() {
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
        let used = pollster::block_on(fixture.store.load(&keys)).unwrap().budgets[&id];
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

/// The same action, done by user 1.
fn alone(action: Action) -> Action {
    match action {
        Action::CheckIn(_) => Action::CheckIn(1),
        Action::Start(_, mission) => Action::Start(1, mission),
        Action::Expire(_) => Action::Expire(1),
        Action::Event(_, id, late) => Action::Event(1, id, late),
        Action::Refer(_, invitee) => Action::Refer(1, invitee),
        other => other,
    }
}

/// The same commands again, through their serial form, some of them together.
fn play_in_batches(
    fixture: &mut EngineFixture,
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
        answers.extend(fixture.execute_batch(batch));
    }
    answers
}

fn sizes() -> impl Strategy<Value = Vec<usize>> {
    proptest::collection::vec(1..12_usize, 1..20)
}

fn actions() -> impl Strategy<Value = Vec<Action>> {
    proptest::collection::vec(action(), 1..120)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 60, ..ProptestConfig::default() })]

    #[test]
    fn nothing_that_anybody_does_breaks_the_books(actions in actions()) {
        let mut fixture = fixture();
        play(&mut fixture, &actions)?;
        holds(&fixture)?;
    }

    #[test]
    fn deciding_is_deterministic_alone_and_in_batches(actions in actions(), sizes in sizes()) {
        // One user's commands are decided in their order; between users, a batch promises none.
        let actions: Vec<Action> = actions.into_iter().map(alone).collect();
        let mut one_by_one = fixture();
        let played = play(&mut one_by_one, &actions)?;
        let mut in_batches = fixture();
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
    fn batches_of_many_users_keep_the_books(actions in actions(), sizes in sizes()) {
        let played = play(&mut fixture(), &actions)?;
        let mut in_batches = fixture();
        let again = play_in_batches(&mut in_batches, &played, &sizes);
        prop_assert_eq!(again.len(), played.len());
        prop_assert!(again.iter().all(Result::is_ok));
        holds(&in_batches)?;
    }

    #[test]
    fn doing_everything_twice_grants_nothing_twice(actions in actions()) {
        let mut fixture = fixture();
        let played = play(&mut fixture, &actions)?;
        // Every command again, as a new one: what can be had once is not had again by asking again.
        for (request, _) in played {
            let again = fixture.request(request.command);
            prop_assert!(fixture.execute_batch(vec![again]).remove(0).is_ok());
        }
        holds(&fixture)?;
    }
}

#[test]
fn many_users_at_once_share_a_budget_without_overspending() {
    let mut fixture = fixture();
    fixture.now = at("2026-01-05T12:00:00Z");
    let mut tasks = Vec::new();
    for n in 1..=20 {
        let start = StartTask {
            user: user(n),
            mission: mission_id(2),
        };
        let task = fixture.when(start).unwrap().task;
        let full = ReportProgress {
            user: user(n),
            task: task.id,
            value: 1,
        };
        fixture.when(full).unwrap();
        tasks.push(CompleteTask {
            user: user(n),
            task: task.id,
        });
    }
    let requests = tasks
        .into_iter()
        .map(|complete| fixture.request(complete))
        .collect();
    let answers = fixture.execute_batch(requests);
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
    holds(&fixture).unwrap();
}
