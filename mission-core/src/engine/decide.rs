//! Decide: a plain function from what is known and a command to what changes. It never waits, never reads a clock
//! and never draws randomness.

use crate::{
    check_in,
    decision::{Command, CommandContext, Decision, DecisionContext, Expired, Interrupt, Reply, Snapshot},
    event, fraud, mission, reward, task, user,
};

/// Decides a command on what is known.
///
/// # Errors
/// [`Interrupt::NeedsLoad`] where something was not loaded: load it and ask again. [`Interrupt::Rejected`] where the domain
/// says no.
pub fn decide(
    view: Snapshot<'_>,
    command: &Command,
    context: &CommandContext<'_>,
) -> Result<Decision, Interrupt> {
    let mut cx = DecisionContext::new(view, command, *context);
    let mut reply: Reply = match command {
        Command::CheckIn(c) => check_in::decide::check_in(&mut cx, c.user)?.into(),
        Command::StartTask(c) => task::decide::start(&mut cx, c)?.into(),
        Command::ReportProgress(c) => task::decide::report_progress(&mut cx, c)?.into(),
        Command::SubmitEvidence(c) => task::decide::submit_evidence(&mut cx, c)?.into(),
        Command::CompleteTask(c) => task::decide::complete(&mut cx, c)?.into(),
        Command::ClaimTask(c) => reward::decide::claim_task(&mut cx, c)?.into(),
        Command::ClaimReward(c) => reward::decide::claim_reward(&mut cx, c)?.into(),
        Command::ApplyEvent(c) => event::decide::apply(&mut cx, &c.event)?.into(),
        Command::RegisterUser(c) => user::decide::register(&mut cx, c)?.into(),
        Command::NoteRefusedVisit(c) => user::decide::note_refused_visit(&mut cx, c.user)?.into(),
        Command::AttachUpload(c) => task::decide::attach_upload(&mut cx, c)?.into(),
        Command::NoteRefusedEvidence(c) => task::decide::note_refused_evidence(&mut cx, c)?.into(),
        Command::DescribeUser(c) => user::decide::describe(&mut cx, c)?.into(),
        Command::EraseUser(c) => user::decide::erase(&mut cx, c.user)?.into(),
        Command::ActivateReferral(c) => user::decide::activate_referral(&mut cx, c)?.into(),
        Command::DecideReview(c) => fraud::decide::decide_review(&mut cx, c)?.into(),
        Command::AssignReview(c) => fraud::decide::assign_review(&mut cx, c)?.into(),
        Command::ReleaseReview(c) => fraud::decide::release_review(&mut cx, c)?.into(),
        Command::TimeOutReview(c) => fraud::decide::time_out_review(&mut cx, c)?.into(),
        Command::NoteModeration(c) => fraud::decide::note_moderation(&mut cx, c)?.into(),
        Command::ApplyVerdict(c) => fraud::decide::apply_verdict(&mut cx, c)?.into(),
        Command::HoldUser(c) => fraud::decide::hold_user(&mut cx, c)?.into(),
        Command::LiftBan(c) => fraud::decide::lift_ban(&mut cx, c)?.into(),
        Command::GrantReward(c) => reward::decide::grant_by_hand(&mut cx, c)?.into(),
        Command::RevokeReward(c) => reward::decide::revoke(&mut cx, c)?.into(),
        Command::ExpireDue(c) => Expired {
            tasks: task::decide::expire(&mut cx, c.user, &c.tasks)?,
            rewards: reward::decide::expire(&mut cx, c.user, &c.rewards)?,
        }
        .into(),
        Command::CreateMission(c) => mission::decide::create(&mut cx, c)?.into(),
        Command::UpdateMission(c) => mission::decide::update(&mut cx, c)?.into(),
        Command::MoveMission(c) => mission::decide::change_status(&mut cx, c)?.into(),
        Command::PutPack(c) => mission::decide::put_pack(&mut cx, c)?.into(),
    };
    event::decide::apply_raised(&mut cx, &mut reply)?;
    cx.write_counted()?;
    Ok(cx.into_decision(reply))
}
