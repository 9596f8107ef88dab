//! Missions: what a user can be asked to do, when, how often, under which rules and for what.

mod budget;
mod code;
mod comparison;
mod counting;
pub(crate) mod decide;
mod definition;
mod edition;
mod field_condition;
mod lifecycle;
mod period;
mod requirement;
mod rule;
mod text;
mod trigger;

pub use budget::{Budget, BudgetUse};
pub use code::{InvalidCode, MissionCode};
pub(crate) use comparison::ComparisonSide;
pub use comparison::{MissionTotals, ShadowComparison};
pub use counting::{Counting, MAX_REMEMBERED, MAX_STAGES, Stage, StreakPeriod, StreakRule};
pub use definition::{
    BaseReward, Definition, EvidenceRequirement, EvidenceReview, InvalidDefinition, MAX_TARGET, Mission,
    MissionType, Window, is_badge_id,
};
pub use edition::MissionEdition;
pub use field_condition::{ConditionField, FieldCondition, FieldKey, WantedField};
pub use lifecycle::{InvalidTransition, MissionStatus, StatusTransition};
pub use period::{Frequency, Period};
pub use requirement::{AnyOf, Requirement, RequirementWindow};
pub use rule::{FieldValue, Operator, Rule, json_number};
pub use text::{LocalizedText, MAX_TEXT_CHARS};
pub(crate) use trigger::contradiction;
pub use trigger::{FieldType, MAX_TRIGGERS, Trigger, Triggers};
