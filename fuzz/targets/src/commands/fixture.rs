//! A small engine with a few users and missions of every kind, to which operations are put.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::LazyLock,
};

use chrono::{DateTime, Duration, Utc};
use mission_core::{
    CommandId, MissionId, RewardId, TaskId, UserId,
    check_in::Zone,
    engine::{
        ActivateReferral, Answer, ApplyEvent, CheckIn, ClaimReward, ClaimTask, Command, CompleteTask,
        CreateMission, DecideReview, DescribeUser, EraseUser, ExpireDue, Fingerprint, MoveMission,
        ReceiptKey, RegisterUser, Rejection, ReportProgress, Request, RevokeReward, StartTask,
        SubmitEvidence, UpdateMission,
    },
    event::ActivityEvent,
    fraud::{DeviceHash, ReviewDecision},
    memory::MemoryStore,
    mission::{Definition, StatusTransition},
    ports::{
        queries::{Queries, UserExport},
        store::StoreError,
    },
    task::{Evidence, EvidenceType},
    testing::{EngineFixture, mission_id, user},
    user::UserUpdate,
};
use pollster::block_on;
use serde_json::json;
use uuid::Uuid;

use super::{
    audit::Books,
    operation::{Action, Operation},
};

pub const USERS: u64 = 4;

const MISSIONS: [&str; 7] = [
    r#"{"code":"report","type":"custom","frequency":"daily","max_completions":2,"target":3,
        "title":{"en":"t"},"description":{"en":"d"},"reward":{"points":"2.5","experience_points":3}}"#,
    r#"{"code":"watch","type":"watch_video","frequency":"unlimited","target":2,"auto_start":true,
        "title":{"en":"t"},"description":{"en":"d"},"trigger":{"event":"video.watched"},
        "reward":{"points":"10"},"budget":{"max_points":"45","max_grants":6},
        "rules":[{"rule_type":"event.data.seconds","operator":"gte","value":"30"}]}"#,
    r#"{"code":"tour","type":"watch_video","frequency":"weekly","target":1,
        "title":{"en":"t"},"description":{"en":"d"},"reward":{"points":"1","expires_after_days":2},
        "evidence":{"type":"watch_duration","min_seconds":5},"budget":{"max_grants":2}}"#,
    r#"{"code":"post","type":"social","frequency":"monthly","max_completions":0,"target":1,
        "title":{"en":"t"},"description":{"en":"d"},"reward":{"points":"0.333333","mining_boost_percent":"5"},
        "evidence":{"type":"social_proof","review":"manual"}}"#,
    r#"{"code":"invite","type":"referral","frequency":"one_time","target":1,
        "title":{"en":"t"},"description":{"en":"d"},"reward":{"points":"7"},"evidence":{"type":"invite_code"}}"#,
    r#"{"code":"after","type":"custom","frequency":"unlimited","target":0,"cooldown_seconds":7200,"requires":["report"],
        "title":{"en":"t"},"description":{"en":"d"},"reward":{"points":"3","expires_after_days":1}}"#,
    r#"{"code":"season","type":"custom","frequency":"weekly","max_completions":3,"target":2,"auto_start":true,
        "starts_at":"2026-01-06T00:00:00Z","ends_at":"2026-01-20T00:00:00Z","trigger":{"event":"video.watched"},
        "title":{"en":"t"},"description":{"en":"d"},"reward":{"points":"4"},
        "rules":[{"rule_type":"user.level","operator":"gte","value":"2"}]}"#,
];

static DEFINITIONS: LazyLock<Vec<Definition>> = LazyLock::new(|| {
    let read = |text| serde_json::from_str(text).expect("the mission is well-formed");
    MISSIONS.into_iter().map(read).collect()
});

const ZONES: [&str; 6] = [
    "UTC",
    "Asia/Ho_Chi_Minh",
    "America/Los_Angeles",
    "Pacific/Kiritimati",
    "Pacific/Apia",
    "Africa/Cairo",
];

/// The engine, and what its clients remember of it.
pub struct CommandFixture {
    engine: EngineFixture,
    books: Books,
    answered: BTreeMap<ReceiptKey, (Fingerprint, Answer, DateTime<Utc>)>,
    erased: BTreeSet<Uuid>,
}

impl CommandFixture {
    pub fn new() -> Self {
        let mut engine = EngineFixture::at("2026-01-05T10:00:00Z");
        let create = |(n, definition): (u64, &Definition)| CreateMission {
            mission: mission_id(n),
            definition: definition.clone(),
        };
        let creations = (1..).zip(DEFINITIONS.iter()).map(create);
        let requests = creations.map(|create| engine.request(create)).collect();
        let made = engine.execute_batch(requests);
        assert!(made.iter().all(|answer| matches!(answer, Ok(Ok(_)))), "{made:?}");
        let activations = (1..).zip(MISSIONS).map(|(n, _)| MoveMission {
            mission: mission_id(n),
            asked: StatusTransition::Activate,
            expected_version: None,
        });
        let requests = activations.map(|activate| engine.request(activate)).collect();
        let activated = engine.execute_batch(requests);
        assert!(
            activated.iter().all(|answer| matches!(answer, Ok(Ok(_)))),
            "{activated:?}"
        );
        CommandFixture {
            engine,
            books: Books::default(),
            answered: BTreeMap::new(),
            erased: BTreeSet::new(),
        }
    }

    pub fn later(&mut self, minutes: u16, device: u8) {
        self.engine.now += Duration::minutes(i64::from(minutes));
        self.engine.signals.device =
            (!device.is_multiple_of(4)).then(|| DeviceHash::of(&format!("device {}", device % 4)));
        self.engine.signals.correlation_id = Some(format!("round {minutes}"));
    }

    /// Carries operations out in one batch, and holds repeated keys to their first answer.
    pub fn play(&mut self, operations: &[Operation]) {
        let mut requests = Vec::new();
        for operation in operations {
            let Some(command) = self.command(operation) else {
                continue;
            };
            let mut request = self.engine.request(command);
            if let Action::CheckInFrom { zone } = operation.action {
                request.signals.zone = Some(zone_named(zone));
            }
            if let Some(key) = operation.key {
                request.keyed = true;
                request.fingerprint = Fingerprint::of([format!("{:?}", request.command).as_bytes()]);
                request.receipt = ReceiptKey {
                    caller: user(u64::from(operation.user) % USERS).0,
                    command: CommandId(Uuid::from_u128(u128::from(key % 16))),
                };
            }
            requests.push(request);
        }
        // An erasure is decided by itself, so it ends a batch here too.
        for batch in requests.chunk_by(|before, after| !erases(before) && !erases(after)) {
            let answers = self.engine.execute_batch(batch.to_vec());
            assert_eq!(answers.len(), batch.len(), "every command is answered");
            for (request, answer) in batch.iter().zip(answers) {
                let answer = answer.expect("the memory store never fails");
                self.remember(request, answer);
            }
        }
    }

    fn remember(&mut self, request: &Request, answer: Answer) {
        if let (Command::EraseUser(erase), Ok(_)) = (&request.command, &answer) {
            // What an erased user's keys were answered may go with everything else, at once or a little later.
            self.books.forget(erase.user);
            self.erased.insert(erase.user.0);
        }
        if !request.keyed || self.erased.contains(&request.receipt.caller) {
            return;
        }
        let fresh = |at: DateTime<Utc>| request.at - at < Duration::hours(24);
        match self.answered.get(&request.receipt) {
            Some((fingerprint, first, at)) if fresh(*at) => {
                if *fingerprint == request.fingerprint {
                    assert_eq!(&answer, first, "one key, one answer");
                } else {
                    assert_eq!(
                        answer,
                        Err(Rejection::IdempotencyKeyReused),
                        "a key serves one purpose"
                    );
                }
            }
            _ => {
                let entry = (request.fingerprint, answer, request.at);
                self.answered.insert(request.receipt, entry);
            }
        }
    }

    pub fn audit(&mut self) {
        let exports = (0..USERS).map(|n| export(&self.engine.store, user(n)).expect("memory can be read"));
        let exports: Vec<UserExport> = exports.collect();
        let missions: Vec<_> = self
            .engine
            .catalog
            .missions()
            .map(|listed| (*listed.mission).clone())
            .collect();
        self.books.check(&exports, &missions, &self.engine.events());
    }

    fn command(&self, operation: &Operation) -> Option<Command> {
        let who = user(u64::from(operation.user) % USERS);
        let mission = mission_id(1 + u64::from(operation.thing) % MISSIONS.len() as u64);
        let held = || export(&self.engine.store, who).expect("memory can be read");
        let task = || pick(&held().tasks, operation.thing).map(|task| task.id);
        let reward = || pick(&held().rewards, operation.thing).map(|reward| reward.id);
        Some(match operation.action {
            Action::CheckIn | Action::CheckInFrom { .. } => CheckIn { user: who }.into(),
            Action::Start => StartTask { user: who, mission }.into(),
            Action::Report { value } => ReportProgress {
                user: who,
                task: task()?,
                value: value.into(),
            }
            .into(),
            Action::Show { kind, seconds, other } => {
                let evidence = self.evidence(kind, seconds, other);
                SubmitEvidence {
                    user: who,
                    task: task()?,
                    evidence,
                }
                .into()
            }
            Action::Complete => CompleteTask {
                user: who,
                task: task()?,
            }
            .into(),
            Action::Claim => ClaimTask {
                user: who,
                task: task()?,
            }
            .into(),
            Action::ClaimReward => ClaimReward {
                user: who,
                reward: reward()?,
            }
            .into(),
            Action::Event {
                minutes_ago,
                id,
                seconds,
            } => {
                let event = self.event(who, minutes_ago, id, seconds);
                ApplyEvent { event }.into()
            }
            Action::Describe { level, zone } => DescribeUser {
                user: who,
                update: UserUpdate {
                    level: Some(level.into()),
                    zone: Some(zone_named(zone)),
                    ..UserUpdate::default()
                },
            }
            .into(),
            Action::Register => RegisterUser {
                user: who,
                registered_at: None,
                display_name: None,
            }
            .into(),
            Action::Erase => EraseUser { user: who }.into(),
            Action::Refer { invitee } => ActivateReferral {
                inviter: who,
                invitee: user(u64::from(invitee) % (USERS + 8)),
                invite_code: None,
                activated_at: self.engine.now,
            }
            .into(),
            Action::Decide { approve } => DecideReview {
                user: who,
                review: pick(&held().reviews, operation.thing).map(|review| review.id)?,
                decision: if approve {
                    ReviewDecision::Approve
                } else {
                    ReviewDecision::Reject
                },
                reviewer: user(99),
                note: None,
            }
            .into(),
            Action::Revoke => RevokeReward {
                user: who,
                reward: reward()?,
                operator: user(99),
                reason: "fuzzed".to_owned(),
                reopens: false,
                needs_approval: false,
            }
            .into(),
            Action::Expire => ExpireDue {
                user: who,
                tasks: held().tasks.iter().map(|task| task.id).collect::<Vec<TaskId>>(),
                rewards: held()
                    .rewards
                    .iter()
                    .map(|reward| reward.id)
                    .collect::<Vec<RewardId>>(),
            }
            .into(),
            Action::Update { target, points } => self.update(mission, target, points)?.into(),
            Action::StatusTransition { to } => {
                let asked = [
                    StatusTransition::Activate,
                    StatusTransition::Pause,
                    StatusTransition::Activate,
                    StatusTransition::Archive,
                ][usize::from(to % 4)];
                MoveMission {
                    mission,
                    asked,
                    expected_version: None,
                }
                .into()
            }
        })
    }

    fn update(&self, mission: MissionId, target: u8, points: u16) -> Option<UpdateMission> {
        let known = &self.engine.catalog.mission(mission)?.mission.definition;
        let mut definition: Definition = known.clone();
        definition.target = target.into();
        definition.reward.points = u32::from(points).into();
        Some(UpdateMission {
            mission,
            definition,
            expected_version: None,
        })
    }

    fn event(&self, user_id: UserId, minutes_ago: u16, id: u8, seconds: u8) -> ActivityEvent {
        ActivityEvent {
            id: (id % 32).to_string(),
            source: "fuzz".to_owned(),
            event_type: "video.watched".to_owned(),
            user_id,
            time: self.engine.now - Duration::minutes(i64::from(minutes_ago)) + Duration::minutes(10),
            data: json!({"seconds": seconds})
                .as_object()
                .cloned()
                .unwrap_or_default(),
        }
    }

    fn evidence(&self, kind: u8, seconds: u8, other: u8) -> Evidence {
        let plain = |evidence_type, data: String| Evidence {
            evidence_type,
            data,
            screenshot_url: None,
            video_url: None,
            captured_at: None,
        };
        match kind % 4 {
            0 => plain(EvidenceType::WatchDuration, seconds.to_string()),
            1 => Evidence {
                screenshot_url: Some(format!("https://example.com/{}", other % 4)),
                ..plain(EvidenceType::SocialProof, String::new())
            },
            2 => {
                let inviter = user(u64::from(other) % USERS);
                plain(
                    EvidenceType::InviteCode,
                    mission_core::user::InviteCode::of(inviter).to_string(),
                )
            }
            _ => plain(EvidenceType::UploadedContent, other.to_string()),
        }
    }
}

fn export(store: &MemoryStore, of: UserId) -> Result<UserExport, StoreError> {
    block_on(store.export(of))
}

fn erases(request: &Request) -> bool {
    matches!(request.command, Command::EraseUser(_))
}

fn zone_named(number: u8) -> Zone {
    ZONES[usize::from(number) % ZONES.len()]
        .parse()
        .expect("a zone of the database")
}

fn pick<T>(all: &[T], number: u8) -> Option<&T> {
    all.get(usize::from(number) % all.len().max(1))
}
