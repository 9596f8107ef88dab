//! What a command surely needs, named before it is decided, so that most commands load once.

use super::{Catalog, Command, ReadSet, Request};
use crate::{
    ReviewId, RewardId, TaskId, UserId,
    decision::{Claim, Root},
    event::InnerEvent,
    reward::Reward,
    user::InviteCode,
};

/// The roots that a request may change (these are fixed) and the records that it will surely read (a hint:
/// decide may ask for more below the same roots).
pub(super) fn read_set(request: &Request, catalog: &Catalog) -> ReadSet {
    let mut keys = ReadSet::default();
    keys.roots.insert(request.command.home());
    match &request.command {
        Command::CheckIn(c) => {
            actor(&mut keys, c.user, request, catalog);
            let heard = catalog.triggered_by(InnerEvent::CheckInCompleted.event_type());
            let heard = heard.filter(|compiled| compiled.mission.is_running_at(request.at));
            let missions = heard.map(|compiled| (c.user, compiled.mission.id));
            keys.records.participation.extend(missions);
        }
        Command::StartTask(c) => {
            actor(&mut keys, c.user, request, catalog);
            keys.records.participation.insert((c.user, c.mission));
        }
        Command::ReportProgress(c) => task(&mut keys, c.user, c.task, request, catalog),
        Command::SubmitEvidence(c) => {
            task(&mut keys, c.user, c.task, request, catalog);
            keys.claims
                .extend(c.evidence.unique_content().map(Claim::Evidence));
        }
        Command::AttachUpload(c) => {
            task(&mut keys, c.user, c.task, request, catalog);
            keys.claims.insert(Claim::Evidence(c.file.sha256.0));
        }
        Command::CompleteTask(c) => task(&mut keys, c.user, c.task, request, catalog),
        Command::ClaimTask(c) => {
            task(&mut keys, c.user, c.task, request, catalog);
            keys.records.reward.insert((c.user, Reward::id_for_task(c.task)));
        }
        Command::ClaimReward(c) => {
            actor(&mut keys, c.user, request, catalog);
            keys.records.reward.insert((c.user, c.reward));
        }
        Command::ApplyEvent(c) => {
            let event = &c.event;
            keys.records.user.insert(event.user_id);
            keys.claims.insert(Claim::Inbound {
                source: event.source.clone(),
                id: event.id.clone(),
            });
            keys.claims.extend(event.invitee().map(Claim::ReferralEvent));
            let open = catalog
                .probably_concerned_by(event)
                .filter(|compiled| compiled.mission.is_running_at(event.time));
            for compiled in open {
                let key = (event.user_id, compiled.mission.id);
                keys.records.participation.insert(key);
                if compiled.mission.definition.shadow {
                    keys.claims.insert(Claim::shadow_inbound(event));
                }
            }
        }
        Command::RegisterUser(c) => user(&mut keys, c.user),
        Command::NoteRefusedEvidence(c) => {
            keys.records.task.insert((c.user, c.task));
        }
        Command::NoteRefusedVisit(c) => user(&mut keys, c.user),
        Command::DescribeUser(c) => user(&mut keys, c.user),
        Command::EraseUser(c) => user(&mut keys, c.user),
        Command::ActivateReferral(c) => {
            user(&mut keys, c.inviter);
            keys.claims.insert(Claim::Invitee(c.invitee));
            keys.claims.extend(
                c.invite_code
                    .as_deref()
                    .map(|code| Claim::InviteCode(InviteCode::typed(code))),
            );
        }
        Command::DecideReview(c) => review(&mut keys, c.user, c.review),
        Command::AssignReview(c) => review(&mut keys, c.user, c.review),
        Command::ReleaseReview(c) => review(&mut keys, c.user, c.review),
        Command::TimeOutReview(c) => review(&mut keys, c.user, c.review),
        Command::NoteModeration(c) => review(&mut keys, c.user, c.review),
        Command::ApplyVerdict(c) => review(&mut keys, c.user, c.review),
        Command::HoldUser(c) => user(&mut keys, c.user),
        Command::LiftBan(c) => user(&mut keys, c.user),
        Command::GrantReward(c) => user(&mut keys, c.user),
        Command::RevokeReward(c) => {
            user(&mut keys, c.user);
            keys.records.reward.insert((c.user, c.reward));
        }
        Command::ExpireDue(c) => {
            user(&mut keys, c.user);
            keys.records
                .task
                .extend(c.tasks.iter().map(|&task: &TaskId| (c.user, task)));
            keys.records
                .reward
                .extend(c.rewards.iter().map(|&reward: &RewardId| (c.user, reward)));
        }
        Command::CreateMission(c) => {
            keys.records.mission.insert(c.mission);
            keys.claims.insert(Claim::MissionCode(c.definition.code.clone()));
        }
        Command::UpdateMission(c) => {
            keys.records.mission.insert(c.mission);
            keys.claims.insert(Claim::MissionCode(c.definition.code.clone()));
        }
        Command::MoveMission(c) => {
            keys.records.mission.insert(c.mission);
        }
        Command::PutPack(c) => {
            keys.records.pack.insert(c.pack);
            keys.claims.insert(Claim::Policy);
            for mission in catalog.removed_by(c) {
                keys.roots.insert(Root::Mission(mission));
                keys.records.mission.insert(mission);
            }
            for (id, definition) in &c.missions {
                keys.roots.insert(Root::Mission(*id));
                keys.records.mission.insert(*id);
                keys.claims.insert(Claim::MissionCode(definition.code.clone()));
            }
        }
    }
    keys
}

/// A review and its user.
fn review(keys: &mut ReadSet, of: UserId, review: ReviewId) {
    user(keys, of);
    keys.records.review.insert((of, review));
}

fn user(keys: &mut ReadSet, id: UserId) {
    keys.records.user.insert(id);
}

fn actor(keys: &mut ReadSet, id: UserId, request: &Request, catalog: &Catalog) {
    user(keys, id);
    keys.devices.extend(request.signals.device.clone());
    if catalog.risk().is_some() {
        let address = request.signals.address.as_ref();
        keys.devices
            .extend(address.map(|address| address.as_device().clone()));
    }
}

fn task(keys: &mut ReadSet, owner: UserId, id: TaskId, request: &Request, catalog: &Catalog) {
    actor(keys, owner, request, catalog);
    keys.records.task.insert((owner, id));
}
