//! Shadow missions: what they are compared with, and that nobody waits for them.

use std::collections::HashMap;

use mission_core::mission::MissionCode;

use super::{
    Finding,
    fields::Located,
    mission_file::MissionFile,
    references::{PlacedMission, compared, has_uncertain_codes, unknown_mission},
};
use crate::{FindingCode, diagnostic::Diagnostic, suggest::in_quotes};

/// Reports missions that ask for the completion of a shadow mission, and shadow missions that are compared with none that
/// pays.
pub(super) fn check_shadows(missions: &[PlacedMission<'_>], findings: &mut Vec<Finding>) {
    let by_code: HashMap<&MissionCode, &MissionFile> = missions
        .iter()
        .filter_map(|(_, mission)| Some((&mission.code.as_ref()?.value, &**mission)))
        .collect();
    let is_shadow = |code: &MissionCode| by_code.get(code).is_some_and(|mission| mission.shadow);
    let is_uncertain = has_uncertain_codes(missions);
    for (file, mission) in missions {
        let waits_for = waits_for(mission).into_iter();
        for waited in waits_for.filter(|waited| is_shadow(&waited.value)) {
            let message = format!("`{}` is a shadow mission: nobody ever completes it", waited.value);
            let diagnostic = Diagnostic::new(FindingCode::PackShadowRequired, message)
                .with_help("name the mission that it is to replace, or take its `shadow` out")
                .at(waited.span);
            findings.push(Finding::new(*file, diagnostic));
        }
        match &mission.shadow_of {
            Some(live) if is_shadow(&live.value) => {
                let message = format!("`{}` is a shadow mission itself", live.value);
                let diagnostic = Diagnostic::new(FindingCode::PackBadValue, message)
                    .with_help("compare it with the mission that it is to replace")
                    .at(live.span.clone());
                findings.push(Finding::new(*file, diagnostic));
            }
            Some(live) if !is_uncertain && !by_code.contains_key(&live.value) => {
                let codes = compared(by_code.keys().copied());
                findings.push(Finding::new(*file, unknown_mission(live, &codes, in_quotes)));
            }
            _ => {}
        }
    }
}

/// The missions that must have been completed, or whose completions are counted, but for its own.
fn waits_for(mission: &MissionFile) -> Vec<Located<MissionCode>> {
    let required = mission.requires.iter().map(|required| required.code.clone());
    let counted = mission.rules.iter().filter_map(|place| {
        let code = place.rule.rule_type.strip_prefix("completions.")?.parse().ok()?;
        Some(Located {
            value: code,
            span: place.path.clone(),
        })
    });
    let own = mission.code.as_ref().map(|code| &code.value);
    let others = required.chain(counted).filter(|named| Some(&named.value) != own);
    others.collect()
}
