//! What a mission asks for besides a number of events: missions before it, a streak, stages.

use mission_core::{
    PointsScale,
    mission::{AnyOf, MissionCode, Requirement, Stage, StreakRule},
};
use toml::{Spanned, de::DeValue};

use super::{
    fields::{Fields, Located, read, read_table},
    mission_file::offer,
};
use crate::FindingCode;

/// More would not be read by anybody, and every one is looked up at every start.
const MOST_REQUIRED: usize = 100;

/// A mission that is named by a requirement.
#[derive(Debug)]
pub(super) struct RequiredMission {
    pub(super) code: Located<MissionCode>,
    /// Whether there is no way around it.
    pub(super) is_needed: bool,
}

/// Reads `requires`: codes, and tables with `any_of`.
pub(super) fn read_requires(fields: &Fields<'_>) -> (Vec<Requirement>, Vec<RequiredMission>) {
    let items = fields.array("requires").map(|items| items.iter());
    let (mut requirements, mut named) = (Vec::new(), Vec::new());
    for item in items.into_iter().flatten() {
        let Some((requirement, codes)) = read_requirement(fields, item) else {
            continue;
        };
        for code in codes {
            let is_needed = requirement.needs(&code.value);
            named.push(RequiredMission { code, is_needed });
        }
        requirements.push(requirement);
    }
    if named.len() > MOST_REQUIRED {
        let message = format!("`requires` must not name more than {MOST_REQUIRED} missions");
        fields.add("requires", FindingCode::PackBadValue, message);
        named.truncate(MOST_REQUIRED);
    }
    (requirements, named)
}

fn read_requirement(
    fields: &Fields<'_>,
    item: &Spanned<DeValue<'_>>,
) -> Option<(Requirement, Vec<Located<MissionCode>>)> {
    if !matches!(item.get_ref(), DeValue::Table(_)) {
        let code: Located<MissionCode> = read(fields.report, "requires", item)?;
        return Some((Requirement::Mission(code.value.clone()), vec![code]));
    }
    let table = read_table(fields.report, "requires", item, "a requirement")?;
    table.demand("any_of");
    let any_of: Vec<Located<MissionCode>> = table.list("any_of");
    let requirement = Requirement::AnyOf(AnyOf {
        any_of: any_of.iter().map(|code| code.value.clone()).collect(),
        count: table.optional("count").unwrap_or(1),
        within: table.optional("within").unwrap_or_default(),
    });
    table.finish();
    Some((requirement, any_of))
}

/// Reads `[streak]`.
pub(super) fn read_streak(fields: &Fields<'_>) -> Option<StreakRule> {
    let streak = fields.table("streak", "`[streak]`")?;
    let rule = StreakRule {
        period: streak.optional("period").unwrap_or_default(),
        grace: streak.optional("grace").unwrap_or_default(),
        freeze_every: streak.optional("freeze_every").unwrap_or_default(),
        freezes_max: streak.optional("freezes_max").unwrap_or_default(),
    };
    if rule.freeze_every > 0 && rule.freezes_max == 0 {
        streak.add_with_help(
            "freeze_every",
            FindingCode::PackNoEffect,
            "nobody can hold a freeze, for `freezes_max` is 0",
            "set `freezes_max` to how many freezes can be held",
        );
    }
    streak.finish();
    Some(rule)
}

/// Reads `[[stage]]`.
pub(super) fn read_stages(fields: &Fields<'_>, scale: PointsScale) -> Vec<Stage> {
    let stages = fields.tables("stage", "a stage").unwrap_or_default().into_iter();
    stages
        .filter_map(|stage| {
            let at = stage.required("at");
            let name = stage.optional("name");
            let reward = stage
                .table("reward", "`reward`")
                .map(|reward| offer(reward, scale));
            stage.finish();
            Some(Stage {
                at: at?.value,
                name,
                reward: reward.unwrap_or_default(),
            })
        })
        .collect()
}
