//! Commands: what can be asked of the engine. One struct each, which knows the type of its reply.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use super::{
    CheckedIn, Erased, EvidenceTaken, Expired, MissionSaved, PackSaved, ReferralPaid, Reply, ReviewDecided,
    Revoked, RewardTaken, TaskChanged, TaskCompleted, UploadTaken, UserSaved, catalog::PackPolicy,
};
use crate::{
    FileId, FraudRingId, MissionId, PackId, Points, ReviewId, RewardId, TaskId, UserId,
    decision::Root,
    event::{ActivityEvent, EventResult},
    fraud::{ReviewDecision, ReviewTimeout, Verdict},
    mission::{Definition, StatusTransition},
    task::{Evidence, UploadedFile},
    user::{PointsCap, UserUpdate},
};

/// A command with its reply type; converts into a [`Command`].
pub trait TypedCommand: Into<Command> {
    /// The type of its reply.
    type Reply: TryFrom<Reply>;
    /// The command's name, as [`Command::name`] gives it.
    const NAME: &'static str;
}

macro_rules! commands {
    ($($(#[$doc:meta])* $name:ident -> $reply:ident { $($(#[$field_doc:meta])* $field:ident: $type:ty),* $(,)? })*) => {
        $(
            $(#[$doc])*
            #[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
            pub struct $name { $($(#[$field_doc])* pub $field: $type,)* }

            impl From<$name> for Command {
                fn from(command: $name) -> Command {
                    Command::$name(command)
                }
            }

            impl TypedCommand for $name {
                type Reply = $reply;
                const NAME: &'static str = stringify!($name);
            }
        )*

        /// A command of the engine.
        #[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
        #[expect(missing_docs, reason = "each variant holds the struct of the same name")]
        pub enum Command { $($name($name),)* }

        impl Command {
            /// The command's name, for logs and metrics.
            #[must_use]
            pub fn name(&self) -> &'static str {
                match self { $(Command::$name(_) => <$name as TypedCommand>::NAME,)* }
            }
        }
    };
}

commands! {
    /// The user is here today.
    CheckIn -> CheckedIn {
        /// Who.
        user: UserId,
    }
    /// The user begins a mission.
    StartTask -> TaskChanged {
        /// Who.
        user: UserId,
        /// Which mission.
        mission: MissionId,
    }
    /// The user's client says how far a task without a trigger has come.
    ReportProgress -> TaskChanged {
        /// Who.
        user: UserId,
        /// Which task.
        task: TaskId,
        /// The progress now; what is below the present one changes nothing.
        value: u64,
    }
    /// The user shows that the mission was done.
    SubmitEvidence -> EvidenceTaken {
        /// Who.
        user: UserId,
        /// Which task.
        task: TaskId,
        /// What is shown.
        evidence: Evidence,
    }
    /// The user has uploaded a file to a task; somebody has to look at it.
    AttachUpload -> UploadTaken {
        /// Who.
        user: UserId,
        /// To which task.
        task: TaskId,
        /// The file, which is kept by now.
        file: UploadedFile,
        /// Whether the moderation service looks at it first.
        #[serde(default)]
        moderated: bool,
        /// A file of another task that looks nearly alike: then a person looks at both.
        #[serde(default)]
        near_copy_of: Option<FileId>,
    }
    /// The user says that the mission is done.
    CompleteTask -> TaskCompleted {
        /// Who.
        user: UserId,
        /// Which task.
        task: TaskId,
    }
    /// The user takes the reward of a completed task.
    ClaimTask -> RewardTaken {
        /// Who.
        user: UserId,
        /// Which task.
        task: TaskId,
    }
    /// The user takes a reward.
    ClaimReward -> RewardTaken {
        /// Who.
        user: UserId,
        /// Which reward.
        reward: RewardId,
    }
    /// Something that a user did elsewhere moves the missions that it triggers.
    ApplyEvent -> EventResult {
        /// What was done.
        event: ActivityEvent,
    }
    /// A user came, as the identity service says, or was seen for the first time.
    RegisterUser -> UserSaved {
        /// Who.
        user: UserId,
        /// When, if the identity service says so.
        registered_at: Option<DateTime<Utc>>,
        /// The name that others are to see, where no other service keeps it.
        #[serde(default)]
        display_name: Option<String>,
    }
    /// A check-in was refused as one too many for the day. The wish for a zone that came with it is kept, and where the
    /// user's zone is about to change, the day by the coming zone never counts as missed.
    NoteRefusedVisit -> UserSaved {
        /// Who.
        user: UserId,
    }
    /// Evidence that a user showed was refused: it counts among what was judged. Nothing of it is kept on the user.
    NoteRefusedEvidence -> TaskChanged {
        /// Who.
        user: UserId,
        /// For which task.
        task: TaskId,
    }
    /// What rules may read of a user; what is left out stays as it is.
    DescribeUser -> UserSaved {
        /// Who.
        user: UserId,
        /// What is said.
        update: UserUpdate,
    }
    /// Everything held on a user goes, but for the id and anonymous sums.
    EraseUser -> Erased {
        /// Who.
        user: UserId,
    }
    /// An invitee became active: the inviter is paid, once.
    ActivateReferral -> ReferralPaid {
        /// Who is paid.
        inviter: UserId,
        /// Who came.
        invitee: UserId,
        /// The code that brought them, which is known from now on.
        invite_code: Option<String>,
        /// When.
        activated_at: DateTime<Utc>,
    }
    /// A reviewer decides on a flagged command.
    DecideReview -> ReviewDecided {
        /// Whose command it was.
        user: UserId,
        /// Which review.
        review: ReviewId,
        /// What is decided.
        decision: ReviewDecision,
        /// The reviewer.
        reviewer: UserId,
        /// Why.
        note: Option<String>,
    }
    /// A reviewer takes a review on, leaves it to another one, or prolongs what is theirs.
    AssignReview -> ReviewDecided {
        /// Whose command it was.
        user: UserId,
        /// Which review.
        review: ReviewId,
        /// Who is to work on it.
        reviewer: UserId,
        /// Who says so.
        by: UserId,
        /// For how long, from now on.
        minutes: u32,
    }
    /// A reviewer gives a review back to the others.
    ReleaseReview -> ReviewDecided {
        /// Whose command it was.
        user: UserId,
        /// Which review.
        review: ReviewId,
        /// Who says so.
        by: UserId,
    }
    /// Nobody has decided a review in time: it is decided without a person.
    TimeOutReview -> ReviewDecided {
        /// Whose command it was.
        user: UserId,
        /// Which review.
        review: ReviewId,
        /// What becomes of it.
        timeout: ReviewTimeout,
        /// After how many hours.
        hours: u32,
    }
    /// The moderation service was asked about an upload.
    NoteModeration -> ReviewDecided {
        /// Whose upload it is.
        user: UserId,
        /// Its review.
        review: ReviewId,
        /// Under which id the service tells of it.
        moderation: String,
    }
    /// The moderation service has looked at an upload. What it says first counts; later verdicts change nothing.
    ApplyVerdict -> ReviewDecided {
        /// Whose upload it is.
        user: UserId,
        /// Its review.
        review: ReviewId,
        /// Under which id the service told of it, if it did.
        moderation: Option<String>,
        /// What it found.
        verdict: Verdict,
        /// Why.
        reason: Option<String>,
    }
    /// An operator holds a member of a ring, or lets them go: what a held user earns and claims waits for a reviewer.
    HoldUser -> UserSaved {
        /// Whom.
        user: UserId,
        /// The ring.
        ring: FraudRingId,
        /// Whether the user is held from now on.
        held: bool,
    }
    /// An operator lets a banned user back in.
    LiftBan -> UserSaved {
        /// Whom.
        user: UserId,
        /// Why.
        note: Option<String>,
    }
    /// An operator grants a reward that nothing earned.
    GrantReward -> RewardTaken {
        /// To whom.
        user: UserId,
        /// How many points; rounded as every awarded amount.
        points: Points,
        /// How much experience.
        experience_points: u32,
        /// A badge.
        badge_id: Option<String>,
        /// The operator.
        operator: UserId,
        /// Why.
        reason: String,
        /// Whether another operator has to approve it.
        needs_approval: bool,
    }
    /// An operator takes a granted reward back.
    RevokeReward -> Revoked {
        /// Whose it is.
        user: UserId,
        /// Which reward.
        reward: RewardId,
        /// The operator.
        operator: UserId,
        /// Why.
        reason: String,
        /// Whether the completion that earned it is given back too: it no longer counts towards the user's cap, the
        /// cooldown and what other missions require.
        reopens: bool,
        /// Whether another operator has to approve it, where the reward was granted.
        #[serde(default)]
        needs_approval: bool,
    }
    /// Writes down that tasks and rewards of a user have expired, as far as they really have.
    ExpireDue -> Expired {
        /// Who.
        user: UserId,
        /// Tasks that seem due.
        tasks: Vec<TaskId>,
        /// Rewards that seem due.
        rewards: Vec<RewardId>,
    }
    /// A new mission, as a draft.
    CreateMission -> MissionSaved {
        /// Its id.
        mission: MissionId,
        /// What it is.
        definition: Definition,
    }
    /// A mission's definition is replaced.
    UpdateMission -> MissionSaved {
        /// Which.
        mission: MissionId,
        /// What it is from now on.
        definition: Definition,
        /// The version that the caller read, if it matters.
        expected_version: Option<u64>,
    }
    /// A mission is activated, paused or archived.
    MoveMission -> MissionSaved {
        /// Which.
        mission: MissionId,
        /// Where to.
        asked: StatusTransition,
        /// The version that the caller read, if it matters.
        expected_version: Option<u64>,
    }
    /// A whole pack is put in place, all or nothing.
    PutPack -> PackSaved {
        /// Its id, derived from its name; see [`pack_id`].
        pack: PackId,
        /// Its name.
        name: String,
        /// Its files, as they were given.
        files: std::collections::BTreeMap<String, String>,
        /// Its missions, each with the id that its code has or is to get.
        missions: Vec<(MissionId, Definition)>,
        /// Its policy files, if it carries any.
        policy: Option<PackPolicy>,
        /// How many points its missions pay a user at most.
        #[serde(default)]
        caps: Vec<PointsCap>,
        /// Whether new missions become active.
        activate: bool,
    }
}

/// The id of the pack with a name: the same on every server.
#[must_use]
pub fn pack_id(name: &str) -> PackId {
    PackId(uuid::Uuid::new_v5(
        &uuid::Uuid::NAMESPACE_OID,
        format!("mission-pack:{name}").as_bytes(),
    ))
}

impl Command {
    /// The task that it names.
    #[must_use]
    pub fn task(&self) -> Option<TaskId> {
        match self {
            Command::ReportProgress(c) => Some(c.task),
            Command::SubmitEvidence(c) => Some(c.task),
            Command::NoteRefusedEvidence(c) => Some(c.task),
            Command::AttachUpload(c) => Some(c.task),
            Command::CompleteTask(c) => Some(c.task),
            Command::ClaimTask(c) => Some(c.task),
            _ => None,
        }
    }

    /// The root whose journal, and whose order of events, this command belongs to.
    #[must_use]
    pub fn home(&self) -> Root {
        match self {
            Command::CheckIn(c) => Root::User(c.user),
            Command::StartTask(c) => Root::User(c.user),
            Command::ReportProgress(c) => Root::User(c.user),
            Command::SubmitEvidence(c) => Root::User(c.user),
            Command::AttachUpload(c) => Root::User(c.user),
            Command::CompleteTask(c) => Root::User(c.user),
            Command::ClaimTask(c) => Root::User(c.user),
            Command::ClaimReward(c) => Root::User(c.user),
            Command::ApplyEvent(c) => Root::User(c.event.user_id),
            Command::RegisterUser(c) => Root::User(c.user),
            Command::NoteRefusedVisit(c) => Root::User(c.user),
            Command::NoteRefusedEvidence(c) => Root::User(c.user),
            Command::DescribeUser(c) => Root::User(c.user),
            Command::EraseUser(c) => Root::User(c.user),
            Command::ActivateReferral(c) => Root::User(c.inviter),
            Command::DecideReview(c) => Root::User(c.user),
            Command::AssignReview(c) => Root::User(c.user),
            Command::ReleaseReview(c) => Root::User(c.user),
            Command::TimeOutReview(c) => Root::User(c.user),
            Command::NoteModeration(c) => Root::User(c.user),
            Command::ApplyVerdict(c) => Root::User(c.user),
            Command::HoldUser(c) => Root::User(c.user),
            Command::LiftBan(c) => Root::User(c.user),
            Command::GrantReward(c) => Root::User(c.user),
            Command::RevokeReward(c) => Root::User(c.user),
            Command::ExpireDue(c) => Root::User(c.user),
            Command::CreateMission(c) => Root::Mission(c.mission),
            Command::UpdateMission(c) => Root::Mission(c.mission),
            Command::MoveMission(c) => Root::Mission(c.mission),
            Command::PutPack(c) => Root::Pack(c.pack),
        }
    }
}
