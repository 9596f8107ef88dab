//! `missions/*.toml`: one mission a file.

use std::{collections::BTreeMap, ops::Range};

use chrono::{DateTime, Utc};
use mission_core::{
    Percent, PointsScale,
    mission::{
        BaseReward, Budget, Definition, EvidenceRequirement, Frequency, InvalidDefinition, LocalizedText,
        MissionCode, Operator, Rule,
    },
    task::EvidenceType,
};
use toml::de::DeValue;

use super::{
    document::Document,
    fields::{Fields, Located, read},
    finding::FileReport,
    goal::{RequiredMission, read_requires, read_stages, read_streak},
    trigger::{self, TriggerPlace, read_triggers},
};
use crate::{FindingCode, diagnostic::Diagnostic};

/// One mission, and where it speaks of other parts of the pack.
#[derive(Debug)]
pub(super) struct MissionFile {
    /// `None` where the file has errors.
    pub(super) definition: Option<Definition>,
    /// The code, even where the rest has errors, so that nothing else misses it.
    pub(super) code: Option<Located<MissionCode>>,
    pub(super) requires: Vec<RequiredMission>,
    /// Whether it is a shadow mission.
    pub(super) shadow: bool,
    /// The mission that it is compared with.
    pub(super) shadow_of: Option<Located<MissionCode>>,
    pub(super) triggers: Vec<TriggerPlace>,
    pub(super) script: Option<Located<String>>,
    pub(super) rules: Vec<RulePlace>,
    pub(super) title: Option<Languages>,
    pub(super) description: Option<Languages>,
    pub(super) places: Places,
}

/// Where a mission says how much it asks for and pays; its beginning where it does not say.
#[derive(Debug, Default)]
pub(super) struct Places {
    pub(super) target: Range<usize>,
    pub(super) reward: Range<usize>,
    pub(super) budget: Range<usize>,
}

/// A rule, and where its path and value stand.
#[derive(Debug)]
pub(super) struct RulePlace {
    pub(super) rule: Rule,
    pub(super) path: Range<usize>,
    pub(super) operator: Range<usize>,
    pub(super) value: Range<usize>,
}

/// The languages of one text, and where the text stands.
pub(super) type Languages = Located<Vec<String>>;

pub(super) fn read_mission(
    text: &str,
    report: &FileReport<'_>,
    scale: PointsScale,
    now: Option<DateTime<Utc>>,
) -> MissionFile {
    let document = Document::parse(text, report);
    if !document.whole {
        // The rest of a broken file would only repeat what the syntax errors say; its code is still known to others.
        let quiet = FileReport::new(report.file);
        let code = document.fields(&quiet, "").located("code");
        return MissionFile {
            definition: None,
            code,
            requires: Vec::new(),
            shadow: false,
            shadow_of: None,
            triggers: Vec::new(),
            script: None,
            rules: Vec::new(),
            title: None,
            description: None,
            places: Places::default(),
        };
    }
    let mut mission = mission(document.fields(report, "a mission"), scale, now);
    if let Some(definition) = &mission.definition {
        // Rules, and missions that require themselves, are judged one by one, each at its own place.
        let whole = |flaw: &InvalidDefinition| match flaw.path.first().map(String::as_str) {
            Some("rules") => false,
            Some("requires") => flaw.path.len() > 2,
            _ => true,
        };
        for flaw in definition.validation_errors().into_iter().filter(whole) {
            let span = document.locate(report, &flaw.path, &flaw.message);
            let message = format!("`{}` {}", flaw.path.join("."), flaw.message);
            report.add(Diagnostic::new(FindingCode::PackBadValue, message).at(span));
        }
    }
    if report.has_errors() {
        mission.definition = None;
    }
    mission
}

fn mission(fields: Fields<'_>, scale: PointsScale, now: Option<DateTime<Utc>>) -> MissionFile {
    let code: Option<Located<MissionCode>> = fields.required("code");
    let mission_type = fields.required("type");
    let (title, title_languages) = localized(&fields, "title");
    let (description, description_languages) = localized(&fields, "description");
    let frequency = fields.required("frequency");
    let (requirements, requires) = read_requires(&fields);
    let triggers = read_triggers(&fields);
    let stages = read_stages(&fields, scale);
    let (count, streak) = (fields.optional("count").unwrap_or_default(), read_streak(&fields));
    let rules = fields
        .tables("rules", "a rule")
        .unwrap_or_default()
        .into_iter()
        .filter_map(rule)
        .collect::<Vec<_>>();
    let script: Option<Located<String>> = fields.located("rules_script");
    if fields.value("script").is_some() {
        let message = "a pack's mission names its script by `rules_script`";
        let help = "put the script into a file, such as rules/watch.rhai, and name that";
        fields.report.add(
            Diagnostic::new(FindingCode::PackInlineScript, message)
                .with_help(help)
                .at(fields.span("script")),
        );
    }
    let optional = Optional {
        category: fields.optional("category").unwrap_or_default(),
        max_completions: fields.optional("max_completions"),
        priority: fields.optional("priority").unwrap_or_default(),
        // The last stage is the target.
        target: fields
            .optional("target")
            .unwrap_or_else(|| stages.last().map_or(1, |last| last.at)),
        auto_start: fields.optional("auto_start").unwrap_or_default(),
        starts_at: fields.optional("starts_at"),
        ends_at: fields.optional("ends_at"),
        cooldown_seconds: fields.optional("cooldown_seconds").unwrap_or_default(),
        reward: fields
            .table("reward", "`[reward]`")
            .map(|fields| offer(fields, scale))
            .unwrap_or_default(),
        evidence: fields.table("evidence", "`[evidence]`").and_then(evidence),
        budget: fields.table("budget", "`[budget]`").map(budget),
        apply_to_running: fields.optional("apply_to_running").unwrap_or_default(),
        shadow: fields.optional("shadow").unwrap_or_default(),
    };
    let shadow = optional.shadow;
    let shadow_of: Option<Located<MissionCode>> = fields.located("shadow_of");
    lint(
        &fields,
        &optional,
        frequency.as_ref().map(|frequency| frequency.value),
        !triggers.is_empty(),
    );
    lint_times(&fields, &optional, now);
    // A trigger that cannot be read is there all the same: what needs one is not told that there is none.
    let trigger_is_read = !triggers.is_empty() || !fields.has("trigger");
    let definition = match (&code, mission_type, title, description, frequency) {
        (Some(code), Some(mission_type), Some(title), Some(description), Some(frequency))
            if trigger_is_read =>
        {
            Some(Definition {
                code: code.value.clone(),
                mission_type: mission_type.value,
                category: optional.category,
                title,
                description,
                frequency: frequency.value,
                max_completions: optional.max_completions,
                priority: optional.priority,
                target: optional.target,
                auto_start: optional.auto_start,
                starts_at: optional.starts_at,
                ends_at: optional.ends_at,
                trigger: trigger::triggers(&triggers),
                count,
                streak,
                stage: stages,
                reward: optional.reward,
                rules: rules.iter().map(|place| place.rule.clone()).collect(),
                evidence: optional.evidence,
                requires: requirements,
                cooldown_seconds: optional.cooldown_seconds,
                budget: optional.budget,
                apply_to_running: optional.apply_to_running,
                shadow,
                shadow_of: shadow_of.as_ref().map(|live| live.value.clone()),
                rules_script: script.as_ref().map(|script| script.value.clone()),
                script: None,
            })
        }
        _ => None,
    };
    misplaced(&fields);
    let places = Places {
        target: fields.span(if fields.has("target") { "target" } else { "stage" }),
        reward: fields.span(if fields.has("reward") { "reward" } else { "stage" }),
        budget: fields.span("budget"),
    };
    fields.finish();
    MissionFile {
        definition,
        code,
        requires,
        shadow,
        shadow_of,
        triggers,
        script,
        rules,
        title: title_languages,
        description: description_languages,
        places,
    }
}

/// Fields of the tables below, written at the top.
fn misplaced(fields: &Fields<'_>) {
    for (table, names) in [
        (
            "[reward]",
            &[
                "points",
                "experience_points",
                "mining_boost_percent",
                "mining_boost_days",
                "badge_id",
                "expires_after_days",
            ][..],
        ),
        ("[trigger]", &["event", "key", "reverses"]),
        ("[streak]", &["period", "grace", "freeze_every", "freezes_max"]),
        ("[evidence]", &["min_seconds", "review"]),
        ("[budget]", &["max_points", "max_grants"]),
        ("[[rules]]", &["rule_type", "operator", "value", "metadata"]),
    ] {
        for name in names.iter().filter(|name| fields.has(name)) {
            fields.value(name);
            let message = format!("`{name}` does not stand at the top of a mission");
            let diagnostic = Diagnostic::new(FindingCode::PackUnknownField, message).at(fields.span(name));
            fields
                .report
                .add(diagnostic.with_help(format!("move it below the line `{table}`")));
        }
    }
}

struct Optional {
    category: String,
    max_completions: Option<u32>,
    priority: i32,
    target: u64,
    auto_start: bool,
    starts_at: Option<DateTime<Utc>>,
    ends_at: Option<DateTime<Utc>>,
    cooldown_seconds: u32,
    reward: BaseReward,
    evidence: Option<EvidenceRequirement>,
    budget: Option<Budget>,
    apply_to_running: bool,
    shadow: bool,
}

/// What is allowed and does nothing.
fn lint(fields: &Fields<'_>, optional: &Optional, frequency: Option<Frequency>, triggered: bool) {
    if fields.has("cooldown_seconds")
        && optional.cooldown_seconds > 0
        && frequency == Some(Frequency::OneTime)
        && optional.max_completions.unwrap_or(1) == 1
    {
        fields.add_with_help(
            "cooldown_seconds",
            FindingCode::PackNoEffect,
            "a mission that is completed once has no use for a cooldown",
            "leave it out, or raise `max_completions`",
        );
    }
    if optional
        .budget
        .is_some_and(|budget| budget.max_points.is_none() && budget.max_grants.is_none())
    {
        fields.add_with_help(
            "budget",
            FindingCode::PackNoEffect,
            "the budget limits nothing",
            "set `max_points` or `max_grants`",
        );
    }
    if !triggered && optional.target == 0 {
        fields.add_with_help(
            "target",
            FindingCode::PackNoEffect,
            "with a target of 0 there is nothing to do",
            "the least is 1",
        );
    }
}

/// Times that were probably meant otherwise.
fn lint_times(fields: &Fields<'_>, optional: &Optional, now: Option<DateTime<Utc>>) {
    const YEAR: u32 = 366 * 24 * 60 * 60;
    if optional.cooldown_seconds > YEAR {
        let days = optional.cooldown_seconds / 86_400;
        fields.add_with_help(
            "cooldown_seconds",
            FindingCode::PackLongCooldown,
            format!("a cooldown of {days} days: `cooldown_seconds` counts seconds"),
            "a day has 86400; `frequency = \"one_time\"` is for what is done once",
        );
    }
    if let (Some(ends_at), Some(now)) = (optional.ends_at, now)
        && ends_at <= now
    {
        fields.add_with_help(
            "ends_at",
            FindingCode::PackWindowEnded,
            "the mission's window has ended: nobody can start it any more",
            "move `ends_at`, or take the file out of the pack, which archives the mission",
        );
    }
}

fn localized(fields: &Fields<'_>, name: &'static str) -> (Option<LocalizedText>, Option<Languages>) {
    fields.demand(name);
    if let Some(DeValue::String(_)) = fields.raw(name) {
        let message = format!("`{name}` must be a table of texts by language, not one text");
        let diagnostic = Diagnostic::new(FindingCode::PackWrongType, message).at(fields.span(name));
        fields
            .report
            .add(diagnostic.with_help(format!("write {name} = {{ en = \"…\" }}")));
        return (None, None);
    }
    let Some(texts) = fields.table(name, name) else {
        return (None, None);
    };
    let mut map = BTreeMap::new();
    for (tag, text) in texts.entries() {
        let Some(text) = read::<String>(fields.report, tag.value, text) else {
            continue;
        };
        let entry = BTreeMap::from([(tag.value.to_owned(), text.value.clone())]);
        match LocalizedText::try_from(entry) {
            Ok(_) => {
                map.insert(tag.value.to_owned(), text.value);
            }
            Err(message) => {
                // The message is about the tag where it is no tag, else about the text.
                let span = if message.starts_with(&format!("`{}`", tag.value)) {
                    tag.span
                } else {
                    text.span
                };
                fields
                    .report
                    .add(Diagnostic::new(FindingCode::PackBadValue, format!("`{name}`: {message}")).at(span));
            }
        }
    }
    let span = texts.place.clone();
    let languages = Located {
        value: map.keys().cloned().collect(),
        span,
    };
    if texts.entries().next().is_none() {
        let message = format!("`{name}` needs at least one language, such as {{ en = \"…\" }}");
        fields
            .report
            .add(Diagnostic::new(FindingCode::PackBadValue, message).at(languages.span));
        return (None, None);
    }
    (LocalizedText::try_from(map).ok(), Some(languages))
}

/// Reads `[reward]`, or that of a stage.
pub(super) fn offer(fields: Fields<'_>, scale: PointsScale) -> BaseReward {
    let offer = BaseReward {
        points: fields.points("points", scale).unwrap_or_default(),
        mining_boost_percent: fields
            .optional::<Percent>("mining_boost_percent")
            .unwrap_or_default(),
        mining_boost_days: fields.optional("mining_boost_days"),
        experience_points: fields.optional("experience_points").unwrap_or_default(),
        badge_id: fields.optional("badge_id"),
        expires_after_days: fields.optional("expires_after_days"),
    };
    fields.finish();
    offer
}

fn budget(fields: Fields<'_>) -> Budget {
    let budget = Budget {
        max_points: fields.optional("max_points"),
        max_grants: fields.optional("max_grants"),
    };
    fields.finish();
    budget
}

fn evidence(fields: Fields<'_>) -> Option<EvidenceRequirement> {
    let evidence_type = fields.required("type");
    let min_seconds = fields.optional("min_seconds");
    let review = fields.optional("review").unwrap_or_default();
    if let Some(kind) = &evidence_type
        && min_seconds.is_some()
        && kind.value != EvidenceType::WatchDuration
    {
        fields.add_with_help(
            "min_seconds",
            FindingCode::PackNoEffect,
            "`min_seconds` is read for `watch_duration` only",
            "leave it out, or ask for evidence of type `watch_duration`",
        );
    }
    fields.finish();
    Some(EvidenceRequirement {
        evidence_type: evidence_type?.value,
        min_seconds,
        review,
    })
}

fn rule(fields: Fields<'_>) -> Option<RulePlace> {
    let rule_type = fields.required::<String>("rule_type");
    let operator: Option<Located<Operator>> = fields.required("operator");
    // Only `exists` has a default; a value that does not fit is reported, and the rule is left out.
    let optional = operator
        .as_ref()
        .is_none_or(|operator| operator.value == Operator::Exists);
    let value: Option<Located<String>> = if optional && !fields.has("value") {
        Some(Located {
            value: String::new(),
            span: fields.place.clone(),
        })
    } else {
        fields.required("value")
    };
    let metadata = fields.optional("metadata").unwrap_or_default();
    fields.value("value");
    fields.finish();
    let (rule_type, operator, value) = (rule_type?, operator?, value?);
    Some(RulePlace {
        rule: Rule {
            rule_type: rule_type.value,
            operator: operator.value,
            value: value.value,
            metadata,
        },
        path: rule_type.span,
        operator: operator.span,
        value: value.span,
    })
}
