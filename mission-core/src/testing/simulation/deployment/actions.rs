//! What users, producers and operators ask for, as commands.

use chrono::Duration;
use uuid::Uuid;

use super::{
    super::{missions, requests::PATIENCE, schedule::Action},
    Deployment, UserView,
};
use crate::{
    ReviewId, UserId,
    decision::{
        ActivateReferral, ApplyEvent, CheckIn, ClaimReward, Command, CompleteTask, CreateMission,
        DecideReview, EraseUser, GrantReward, MoveMission, ReportProgress, RevokeReward, StartTask,
        UpdateMission,
    },
    event::ActivityEvent,
    fraud::{Review, ReviewDecision},
    mission::StatusTransition,
    reward::RewardStatus,
    testing::{mission_id, user},
};

/// How long a view stays in the cache, if nothing is written meanwhile.
const CACHED_FOR: Duration = Duration::minutes(10);
/// Operators: who asks for a grant, and who reviews it. Neither is a user.
const OPERATORS: [UserId; 2] = [UserId(Uuid::from_u128(0xa)), UserId(Uuid::from_u128(0xb))];
/// Users who may be invited; the first ones are taken soon.
const INVITEES: u64 = 3;
const FIRST_INVITEE: u64 = 1_000;

fn pick<T: Copy>(among: &[T], number: u8) -> Option<T> {
    among.get(usize::from(number) % among.len().max(1)).copied()
}

impl Deployment {
    /// Somebody asks for something: the request leaves.
    pub(super) fn act(&mut self, user: UserId, instance: usize, action: Action) {
        let request = match action {
            Action::Repeat(number) => {
                let answered = self.requests.all.iter().filter(|found| {
                    found.user == user && found.answer.is_some() && self.now - found.first_sent_at < PATIENCE
                });
                pick(&answered.map(|found| found.number).collect::<Vec<_>>(), number)
            }
            _ => self.command(user, action).map(|command| {
                self.summary.requests += 1;
                self.requests.add(user, command, self.now)
            }),
        };
        if let Some(request) = request {
            self.note(|| format!("{user} asks for {action:?}: request {request}"));
            self.requests.send(request, instance, self.mutation, self.now);
        }
    }

    fn command(&mut self, user: UserId, action: Action) -> Option<Command> {
        let view = self.view(user);
        let reprice = |number| {
            let mission = pick(&missions::OPERATED, number).map(mission_id)?;
            let mission = self.replica.records.mission.get(&mission)?.as_ref()?;
            let mut definition = mission.definition.clone();
            definition.reward.points = u32::from(number % 30).into();
            Some((mission.id, definition))
        };
        Some(match action {
            Action::CheckIn => CheckIn { user }.into(),
            Action::Watch => ApplyEvent {
                event: ActivityEvent {
                    id: String::new(),
                    source: "videos".to_owned(),
                    event_type: missions::WATCHED.to_owned(),
                    user_id: user,
                    time: self.now,
                    data: serde_json::Map::new(),
                },
            }
            .into(),
            Action::Start(number) => StartTask {
                user,
                mission: pick(&missions::STARTED, number).map(mission_id)?,
            }
            .into(),
            Action::Report(number, value) => ReportProgress {
                user,
                task: pick(&view.open_tasks, number)?,
                value: u64::from(value % 3),
            }
            .into(),
            Action::Complete(number) => CompleteTask {
                user,
                task: pick(&view.open_tasks, number)?,
            }
            .into(),
            Action::Claim(number) => ClaimReward {
                user,
                reward: pick(&view.pending, number).or_else(|| pick(&view.claimed, number))?,
            }
            .into(),
            Action::Repeat(_) => return None,
            Action::Erase => EraseUser { user }.into(),
            Action::Refer(number) => ActivateReferral {
                inviter: user,
                invitee: invitee(number),
                invite_code: None,
                activated_at: self.now,
            }
            .into(),
            Action::Revoke(number) => RevokeReward {
                user,
                reward: pick(&view.claimed, number).or_else(|| pick(&view.pending, number))?,
                operator: user,
                reason: "a mistake".to_owned(),
                reopens: number % 2 == 0,
                needs_approval: number % 3 == 0,
            }
            .into(),
            Action::Grant(number) => GrantReward {
                user,
                points: u32::from(number % 40).into(),
                experience_points: u32::from(number % 3),
                badge_id: None,
                operator: OPERATORS[0],
                reason: "a prize".to_owned(),
                needs_approval: number % 4 != 0,
            }
            .into(),
            Action::Decide(number) => DecideReview {
                user,
                review: self.review_of(user, number)?,
                decision: if number % 3 == 0 {
                    ReviewDecision::Reject
                } else {
                    ReviewDecision::Approve
                },
                // One in five is who asked for it.
                reviewer: OPERATORS[usize::from(number % 5 != 0)],
                note: None,
            }
            .into(),
            Action::Pause(number) => moved(number, StatusTransition::Pause)?,
            Action::Activate(number) => moved(number, StatusTransition::Activate)?,
            Action::Create(number) => {
                let (mission, definition) = missions::created(u64::from(number % 3));
                CreateMission { mission, definition }.into()
            }
            Action::Reprice(number) => {
                let (mission, definition) = reprice(number)?;
                UpdateMission {
                    mission,
                    definition,
                    expected_version: None,
                }
                .into()
            }
        })
    }

    /// A review of a user: operators look into the database itself. Now and then one that was decided before.
    fn review_of(&self, user: UserId, number: u8) -> Option<ReviewId> {
        let records = self.database.store.records();
        let reviews = records.review.values().flatten();
        let (open, decided): (Vec<&Review>, Vec<&Review>) = reviews
            .filter(|review| review.user_id == user)
            .partition(|review| review.is_undecided());
        let found = pick(&open, number).filter(|_| !number.is_multiple_of(8));
        Some(found.or_else(|| pick(&decided, number))?.id)
    }

    /// What a user's client knows: what is cached, else what the replica says.
    fn view(&mut self, user: UserId) -> UserView {
        let cached = self.cache.get(&user);
        if let Some(view) = cached.filter(|view| self.now - view.read_at < CACHED_FOR) {
            return view.clone();
        }
        let records = &self.replica.records;
        let mut view = UserView {
            read_at: self.now,
            ..UserView::default()
        };
        for task in records
            .task
            .values()
            .flatten()
            .filter(|task| task.user_id == user)
        {
            // What only counts is never completed.
            if task.status.is_open() && task.progress.target() < 10 {
                view.open_tasks.push(task.id);
            }
        }
        for reward in records
            .reward
            .values()
            .flatten()
            .filter(|reward| reward.user_id == user)
        {
            match reward.status {
                RewardStatus::Pending => view.pending.push(reward.id),
                RewardStatus::Claimed => view.claimed.push(reward.id),
                _ => {}
            }
        }
        self.cache.insert(user, view.clone());
        view
    }
}

fn invitee(number: u8) -> UserId {
    user(FIRST_INVITEE + u64::from(number) % INVITEES)
}

fn moved(number: u8, asked: StatusTransition) -> Option<Command> {
    let mission = pick(&missions::OPERATED, number).map(mission_id)?;
    let command = MoveMission {
        mission,
        asked,
        expected_version: None,
    };
    Some(command.into())
}
