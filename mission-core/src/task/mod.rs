//! Tasks: one user's attempt at one mission.

mod address;
pub(crate) mod decide;
mod evidence;
mod explanation;
mod participation;
mod progress;
mod state;
mod tally;
mod upload;
mod verification;

pub use evidence::{ClickData, Evidence, EvidenceRefusal, EvidenceType, check_evidence};
pub use explanation::{Availability, Condition, ConditionKind, Explanation, OpenTask, ScriptFailure, ToDo};
pub use participation::{Attempt, Participation, PeriodState};
pub use progress::Progress;
pub use state::{Task, TaskStatus};
pub use tally::Tally;
pub use upload::{
    ContentHash, MOST_UPLOADS_A_DAY, MOST_UPLOADS_OF_A_TASK, PerceptualHash, Upload, UploadCount,
    UploadStatus, UploadedFile,
};
pub use verification::{Verification, VerificationMethod};
