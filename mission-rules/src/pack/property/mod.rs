//! `[[property]]`: what holds of a hook for all contexts, as opposed to one user's story.

mod check;
#[cfg(any(test, feature = "properties"))]
mod context;
mod given;
mod interval;
#[cfg(any(test, feature = "properties"))]
mod run;
#[cfg(any(test, feature = "properties"))]
mod strategy;
#[cfg(test)]
mod tests;

use std::ops::Range;

use mission_core::{mission::MissionCode, ports::rules::Hook};
use toml::de::DeValue;

pub(super) use check::{PropertyCheck, check_property};
#[cfg(any(test, feature = "properties"))]
pub use context::mission_context;
pub use given::{FieldValues, GivenField};
pub use interval::Interval;
#[cfg(any(test, feature = "properties"))]
pub use run::PropertyRun;

use super::fields::{Fields, Located};
use crate::{FindingCode, diagnostic::Diagnostic};

/// What holds of a mission's hook for every context of some form.
#[derive(Clone, Debug, PartialEq)]
pub struct Property {
    /// The file that it stands in.
    pub file: String,
    /// Its name, unique in the pack.
    pub name: Located<String>,
    /// The mission whose hook is evaluated.
    pub mission: Located<MissionCode>,
    /// The hook.
    pub hook: Located<Hook>,
    /// How many contexts are tried.
    pub runs: u32,
    /// The fields of the contexts; what is left out is as for a user whom nobody described.
    pub given: Vec<GivenField>,
    /// What holds.
    pub expect: PropertyExpectation,
}

/// What is expected of a hook on every context.
#[derive(Clone, Debug, PartialEq)]
pub struct PropertyExpectation {
    /// An expression over the hook's `value` and its `ctx` that gives true.
    pub holds: Option<Located<String>>,
    /// Whether the hook answers every context; else those on which it fails are left out.
    pub never_fails: bool,
    /// The path of a given field: the greater it is, all else being equal, the greater the hook's value, or as great.
    pub monotone_in: Option<Located<String>>,
    /// Where it stands.
    pub(super) place: Range<usize>,
}

/// How many contexts are tried where a property does not say it.
const DEFAULT_RUNS: u32 = 256;

/// More would take too long for a test that runs at every change.
const MOST_RUNS: u32 = 10_000;

pub(super) fn read_property(fields: Fields<'_>) -> Option<Property> {
    let name = fields.required("name");
    let mission = fields.required("mission");
    let hook = fields.required("hook");
    let runs = fields.optional("runs").unwrap_or(DEFAULT_RUNS);
    if !(1..=MOST_RUNS).contains(&runs) {
        let message = format!("`runs` must be 1 to {MOST_RUNS}, not {runs}");
        fields.add("runs", FindingCode::PackBadValue, message);
    }
    fields.demand("given");
    let given = fields.table("given", "`given`");
    let given = given.as_ref().and_then(given::read_given);
    fields.demand("expect");
    let expect = read_expectation(&fields);
    let file = fields.report.file.to_owned();
    fields.finish();
    Some(Property {
        file,
        name: name?,
        mission: mission?,
        hook: hook?,
        runs,
        given: given?,
        expect: expect?,
    })
}

/// Reads `expect`: an expression, or a table that can say more.
fn read_expectation(fields: &Fields<'_>) -> Option<PropertyExpectation> {
    let place = fields.span("expect");
    let expect = if matches!(fields.raw("expect"), Some(DeValue::String(_))) {
        PropertyExpectation {
            holds: fields.located("expect"),
            never_fails: true,
            monotone_in: None,
            place,
        }
    } else {
        let table = fields.table("expect", "`expect`")?;
        let expect = PropertyExpectation {
            holds: table.located("holds"),
            never_fails: table.optional("never_fails").unwrap_or(true),
            monotone_in: table.located("monotone_in"),
            place,
        };
        let says_something = ["holds", "never_fails", "monotone_in"]
            .iter()
            .any(|name| table.has(name));
        table.finish();
        if !says_something || (expect.holds.is_none() && expect.monotone_in.is_none() && !expect.never_fails)
        {
            let diagnostic = Diagnostic::new(
                FindingCode::PackNoEffect,
                "this expects nothing, so it cannot fail",
            )
            .with_help("say what holds, such as \"value >= 0\"");
            fields.report.add(diagnostic.at(expect.place.clone()));
        }
        expect
    };
    Some(expect)
}
