//! A definition over HTTP, checked as `mission check` checks one in a pack.

use std::collections::HashSet;

use mission_core::{
    MissionId,
    engine::Catalog,
    mission::{Definition, MissionCode, MissionStatus, Requirement},
};
use mission_rules::{
    diagnostic::{Diagnostic, Severity},
    pack::{DefinitionFinding, check_definition},
};
use serde::Serialize;
use utoipa::ToSchema;

use crate::http::{AppState, FieldError, Problem, body::Body};

/// What is probably not meant so.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct FindingView {
    /// A JSON pointer to the field.
    pointer: String,
    /// The finding's stable name.
    code: &'static str,
    message: String,
    /// The way out, where one is known.
    help: Option<String>,
}

/// A definition that can be taken, and what was found besides errors.
pub(super) struct Checked {
    pub(super) definition: Definition,
    pub(super) findings: Vec<FindingView>,
}

impl Checked {
    /// Reads a definition, and refuses what could never work: all errors that `mission check` finds, scripts that
    /// do not compile, requirements of missions that do not exist, that are shadow missions or that in the end require this one, a
    /// comparison with a mission that there is not, and a change
    /// of the code that other missions require. `id` is the mission's, where it is known already.
    pub(super) fn read(state: &AppState, body: &Body, id: Option<MissionId>) -> Result<Checked, Problem> {
        let definition: Definition = body.read()?;
        let catalog = state.engine.catalog();
        let mut errors: Vec<FieldError> = definition
            .validation_errors()
            .into_iter()
            .map(|flaw| FieldError {
                pointer: format!("/{}", flaw.path.join("/")),
                message: flaw.message,
            })
            .collect();
        if definition.rules_script.is_some() {
            errors.push(FieldError {
                pointer: "/rules_script".to_owned(),
                message: "names a file of a pack; send the source as `script`".to_owned(),
            });
        }
        errors.extend(requirement_errors(&catalog, &definition, id));
        errors.extend(shadow_error(&catalog, &definition));
        let mut findings = Vec::new();
        // What a flaw has said once is not said again in other words.
        if errors.is_empty() {
            let found = check_definition(
                &definition,
                &state.scripts,
                catalog.points_scale,
                state.engine.now(),
            );
            for DefinitionFinding { pointer, diagnostic } in found {
                match diagnostic.severity {
                    Severity::Error => errors.push(FieldError {
                        pointer,
                        message: message_of(&diagnostic),
                    }),
                    Severity::Warning => findings.push(FindingView {
                        pointer,
                        code: diagnostic.code.as_str(),
                        message: diagnostic.message,
                        help: diagnostic.help,
                    }),
                }
            }
        }
        if errors.is_empty() {
            Ok(Checked { definition, findings })
        } else {
            Err(Problem::invalid_body(errors))
        }
    }
}

fn message_of(diagnostic: &Diagnostic) -> String {
    match &diagnostic.help {
        Some(help) => format!("{} ({help})", diagnostic.message),
        None => diagnostic.message.clone(),
    }
}

fn is_shadow(catalog: &Catalog, id: MissionId) -> bool {
    catalog
        .mission(id)
        .is_some_and(|known| known.mission.definition.shadow)
}

/// Why a shadow mission cannot be compared with the one that it names.
fn shadow_error(catalog: &Catalog, definition: &Definition) -> Option<FieldError> {
    // That no other mission is compared is a flaw of its own, as is a comparison with itself.
    let live = definition.shadow_of.as_ref().filter(|_| definition.shadow)?;
    let message = match catalog.id_of(live) {
        _ if *live == definition.code => return None,
        None => format!("there is no mission `{live}`"),
        Some(id) if is_shadow(catalog, id) => format!("`{live}` is a shadow mission itself"),
        Some(_) => return None,
    };
    Some(FieldError {
        pointer: "/shadow_of".to_owned(),
        message,
    })
}

fn requirement_errors(catalog: &Catalog, definition: &Definition, id: Option<MissionId>) -> Vec<FieldError> {
    let mut errors = Vec::new();
    for (n, requirement) in definition.requires.iter().enumerate() {
        for (place, code) in requirement.codes().enumerate() {
            let pointer = match requirement {
                Requirement::Mission(_) => format!("/requires/{n}"),
                Requirement::AnyOf(_) => format!("/requires/{n}/any_of/{place}"),
            };
            match catalog.id_of(code) {
                // That a mission requires itself is a flaw of its own.
                _ if *code == definition.code => {}
                None => errors.push(FieldError {
                    pointer,
                    message: format!("there is no mission `{code}`"),
                }),
                Some(required) if is_shadow(catalog, required) => errors.push(FieldError {
                    pointer,
                    message: format!("`{code}` is a shadow mission: nobody ever completes it"),
                }),
                Some(required)
                    if requirement.needs(code) && leads_to(catalog, required, id, &definition.code) =>
                {
                    let message =
                        format!("`{code}` requires this mission in the end: nobody could ever start either");
                    errors.push(FieldError { pointer, message });
                }
                Some(_) => {}
            }
        }
    }
    let before = id.and_then(|id| catalog.mission(id));
    if let Some(before) = before.filter(|known| known.mission.definition.code != definition.code) {
        let old = &before.mission.definition.code;
        let mut dependents: Vec<&MissionCode> = catalog
            .missions()
            .map(|listed| &listed.mission)
            .filter(|mission| {
                let mut named = mission.definition.requires.iter().flat_map(Requirement::codes);
                mission.status != MissionStatus::Archived && named.any(|code| code == old)
            })
            .map(|mission| &mission.definition.code)
            .collect();
        dependents.sort_unstable();
        if let Some(dependent) = dependents.first() {
            errors.push(FieldError {
                pointer: "/code".to_owned(),
                message: format!(
                    "`{dependent}` requires `{old}`, which would be there no more; change that first"
                ),
            });
        }
    }
    errors
}

/// Whether a mission requires another one, over however many others.
fn leads_to(catalog: &Catalog, from: MissionId, to: Option<MissionId>, code: &MissionCode) -> bool {
    let mut seen = HashSet::new();
    let mut open = vec![from];
    while let Some(next) = open.pop() {
        if Some(next) == to {
            return true;
        }
        if !seen.insert(next) {
            continue;
        }
        let required = catalog.mission(next).into_iter();
        for requirement in required.flat_map(|listed| &listed.mission.definition.requires) {
            for required in requirement.codes().filter(|code| requirement.needs(code)) {
                if required == code {
                    return true;
                }
                open.extend(catalog.id_of(required));
            }
        }
    }
    false
}
