//! A mission as readers see it.

use chrono::{DateTime, Utc};
use mission_core::{
    MissionId,
    mission::{
        BaseReward, Budget, BudgetUse, Counting, EvidenceRequirement, Frequency, Mission, MissionCode,
        MissionStatus, MissionType, Requirement, Rule, Stage, StreakRule, Triggers,
    },
};
use rust_decimal::Decimal;
use serde::Serialize;
use utoipa::ToSchema;

use crate::{
    http::locale::{Locale, Text},
    rule_health::Health,
};

/// A mission in the reader's language.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Mission)]
pub(in crate::http) struct MissionView {
    id: MissionId,
    code: MissionCode,
    title: Text,
    description: Text,
    #[serde(rename = "type")]
    mission_type: MissionType,
    category: String,
    rules: Vec<Rule>,
    reward: BaseReward,
    frequency: Frequency,
    /// 0 = no cap.
    max_completions: u32,
    starts_at: Option<DateTime<Utc>>,
    ends_at: Option<DateTime<Utc>>,
    status: MissionStatus,
    priority: i32,
    #[schema(value_type = Option<Triggers>)]
    trigger: Triggers,
    /// How events add up, where it is not one by one: `distinct:` and the path of what has to differ.
    #[serde(skip_serializing_if = "Counting::is_events")]
    #[schema(value_type = String)]
    count: Counting,
    /// Where progress is the length of a streak.
    #[serde(skip_serializing_if = "Option::is_none")]
    streak: Option<StreakRule>,
    /// Thresholds with a reward each; the last one's is `reward`.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    stage: Vec<Stage>,
    auto_start: bool,
    target: u64,
    evidence: Option<EvidenceRequirement>,
    requires: Vec<Requirement>,
    cooldown_seconds: u32,
    budget: Option<Budget>,
    /// Whether a change takes running tasks along; else they keep the mission as it was when they were started.
    apply_to_running: bool,
    /// Whether it is tried out alone: nobody but its authors sees it, and nothing is granted.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    #[schema(required = false)]
    shadow: bool,
    /// The mission that a shadow mission is compared with.
    #[serde(skip_serializing_if = "Option::is_none")]
    shadow_of: Option<MissionCode>,
    /// The pack that it came with.
    pack: Option<String>,
    /// The script's path in the pack.
    rules_script: Option<String>,
    /// The script's source, for who may write missions.
    #[serde(skip_serializing_if = "Option::is_none")]
    script: Option<String>,
    created_at: DateTime<Utc>,
    version: u64,
    /// How its rules do, for who may write missions.
    #[serde(skip_serializing_if = "Option::is_none")]
    health: Option<Health>,
    /// What is used up of its budget, where it has one, for who may write missions; of a shadow mission what its rewards
    /// would have cost so far.
    #[serde(skip_serializing_if = "Option::is_none")]
    budget_used: Option<UsedBudget>,
    /// How many tasks of it are open, for who may write missions, where one mission is asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    open_task_count: Option<u64>,
}

/// How a mission does, for its authors.
#[derive(Debug)]
pub(in crate::http) struct MissionState {
    pub(in crate::http) health: Health,
    pub(in crate::http) budget_used: Option<UsedBudget>,
    pub(in crate::http) open_task_count: Option<u64>,
}

/// The used part of a budget.
#[derive(Debug, Serialize, ToSchema)]
pub(in crate::http) struct UsedBudget {
    #[serde(with = "mission_core::points::exact")]
    #[schema(value_type = f64)]
    points: Decimal,
    /// Rewards.
    grants: i64,
}

impl From<BudgetUse> for UsedBudget {
    fn from(used: BudgetUse) -> Self {
        UsedBudget {
            points: used.points,
            grants: used.grants,
        }
    }
}

impl MissionView {
    /// What a reader sees; an author sees the script as well.
    pub(in crate::http) fn of(mission: &Mission, locale: &Locale, author: bool) -> Self {
        let definition = &mission.definition;
        MissionView {
            id: mission.id,
            code: definition.code.clone(),
            title: locale.text(&definition.title),
            description: locale.text(&definition.description),
            mission_type: definition.mission_type,
            category: definition.category.clone(),
            rules: definition.rules.clone(),
            reward: definition.completion_reward().clone(),
            frequency: definition.frequency,
            max_completions: definition.completion_cap().unwrap_or(0),
            starts_at: definition.starts_at,
            ends_at: definition.ends_at,
            status: mission.status,
            priority: definition.priority,
            trigger: definition.trigger.clone(),
            count: definition.count.clone(),
            streak: definition.streak,
            stage: definition.stage.clone(),
            auto_start: definition.auto_start,
            target: definition.target,
            evidence: definition.evidence.clone(),
            requires: definition.requires.clone(),
            cooldown_seconds: definition.cooldown_seconds,
            budget: definition.budget,
            apply_to_running: definition.apply_to_running,
            shadow: definition.shadow,
            shadow_of: definition.shadow_of.clone(),
            pack: mission.pack.clone(),
            rules_script: definition.rules_script.clone(),
            script: definition.script.clone().filter(|_| author),
            created_at: mission.created_at,
            version: mission.version,
            health: None,
            budget_used: None,
            open_task_count: None,
        }
    }

    /// With how it does.
    pub(in crate::http) fn with_state(self, state: MissionState) -> Self {
        MissionView {
            health: Some(state.health),
            budget_used: state.budget_used,
            open_task_count: state.open_task_count,
            ..self
        }
    }
}
