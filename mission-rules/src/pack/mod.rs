//! Packs: a folder with missions, rule scripts, check-in policy and their tests.
//!
//! ```text
//! pack.toml          name, version, points_scale?, levels?, events?
//! checkin.toml       the check-in policy (optional)
//! referral.toml      what a referral pays (optional)
//! risk.toml          how risky what users do is, and what follows (optional)
//! missions/*.toml    one mission a file
//! rules/*.rhai       scripts
//! tests/*.toml       cases and properties
//! ```
//!
//! ```
//! use mission_rules::pack::{Pack, PackFiles};
//!
//! let files = PackFiles::from_map([("pack.toml", "name = \"demo\"\nversion = \"1\"\npoint_scale = 2\n")]);
//! let (pack, findings) = Pack::load(&files);
//! assert!(pack.is_none());
//! assert_eq!(findings[0].diagnostic.code, "pack/unknown-field");
//! assert_eq!(findings[0].diagnostic.help.as_deref(), Some("did you mean `points_scale`?"));
//! ```

mod case_file;
mod cases;
mod completable;
mod decode;
mod definition;
mod document;
mod events;
mod fields;
mod file_kind;
mod files;
mod finding;
mod fix;
mod format;
mod funding;
mod goal;
mod hooks;
mod index;
mod json_schema;
mod load;
mod manifest;
mod mission_file;
mod policy_file;
mod property;
mod put;
mod references;
pub mod report;
mod risk_case;
mod risk_file;
mod rule_paths;
mod shadow;
pub mod simulation;
pub mod template;
#[cfg(test)]
mod tests;
mod trigger;

use chrono::{DateTime, Utc};

pub use case_file::{
    COMMANDS, Case, CaseEvent, CaseUser, CheckInCase, CheckInExpectation, Expectation, Expected,
};
pub use cases::{CaseOutcome, HookTrace, Mismatch, PackCase, TriedContexts};
pub use definition::{DefinitionFinding, check_definition};
pub use events::{EventCatalog, EventFields};
pub use fields::Located;
pub use files::{PackFiles, PackLimits, UnreadablePack};
pub use finding::{Finding, Related};
pub use fix::{FixedFile, fixed_files};
pub use format::{FormatError, format};
pub use hooks::PackHook;
pub use index::{MissionPlace, PackIndex};
pub use json_schema::{JSON_SCHEMAS, JsonSchema, SCHEMA_FOLDER};
pub use mission_core::engine::{PackPolicy, ReferralPolicy};
use mission_core::mission::Definition;
pub use mission_core::mission::FieldType;
use mission_core::ports::rules::Hook;
pub use mission_core::user::PointsCap;
pub use property::{FieldValues, GivenField, Interval, Property, PropertyExpectation};
#[cfg(any(test, feature = "properties"))]
pub use property::{PropertyRun, mission_context};
pub use put::put_command;
pub use risk_case::{RiskCase, RiskExpectation};

use crate::Scripts;

/// A pack without errors.
#[derive(Clone, Debug, PartialEq)]
pub struct Pack {
    /// Its name, by which a server knows it.
    pub name: String,
    /// The author's version.
    pub version: String,
    /// The policy files that it carries; each is `None` where it carries none, and the default holds.
    pub policy: PackPolicy,
    /// How many points its missions pay a user at most.
    pub caps: Vec<PointsCap>,
    /// The activity events that it declares, if it declares some.
    pub events: Option<EventCatalog>,
    /// Its missions, by file.
    pub missions: Vec<PackMission>,
    /// Its cases for missions, by file.
    pub cases: Vec<Case>,
    /// Its cases for check-ins, by file.
    pub check_in_cases: Vec<CheckInCase>,
    /// Its cases for the judgement of risk, by file.
    pub risk_cases: Vec<RiskCase>,
    /// What holds of its missions' hooks for every context, by file.
    pub properties: Vec<Property>,
    /// The hooks of the scripts that its missions name, by file.
    pub hooks: Vec<PackHook>,
}

/// A mission of a pack, with its script inside.
#[derive(Clone, Debug, PartialEq)]
pub struct PackMission {
    /// Its file.
    pub file: String,
    /// What the author wrote; `script` holds the text of `rules_script`.
    pub definition: Definition,
}

impl Pack {
    /// Reads a pack. All findings of all files come at once, by file and place; there is a pack unless one of them is
    /// an error. Scripts are held to the default limits.
    #[must_use]
    pub fn load(files: &PackFiles) -> (Option<Pack>, Vec<Finding>) {
        Self::load_with(files, &Scripts::default())
    }

    /// As [`Pack::load`], with the scripts that will run the missions, and their limits.
    #[must_use]
    pub fn load_with(files: &PackFiles, scripts: &Scripts) -> (Option<Pack>, Vec<Finding>) {
        load::load(files, scripts, None)
    }

    /// As [`Pack::load_with`], and says which missions are over at an instant.
    #[must_use]
    pub fn load_at(files: &PackFiles, scripts: &Scripts, now: DateTime<Utc>) -> (Option<Pack>, Vec<Finding>) {
        load::load(files, scripts, Some(now))
    }

    /// The file and the text of the script that judges risk, if the pack has one.
    #[must_use]
    pub fn risk_script(&self) -> Option<(&str, &str)> {
        let risk = self.policy.risk.as_ref()?;
        let defined = self.hooks.iter().find(|defined| defined.hook == Hook::Risk)?;
        Some((&defined.file, &risk.script))
    }

    /// The policy files, if the pack carries any: a server takes them from one pack only.
    #[must_use]
    pub fn carried_policy(&self) -> Option<&PackPolicy> {
        Some(&self.policy).filter(|policy| **policy != PackPolicy::default())
    }
}
