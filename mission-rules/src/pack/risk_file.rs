//! `risk.toml`: the script that judges how risky what users do is, and what follows from its score.

use mission_core::{
    fraud::{CheckMode, RiskPolicy, RiskScore},
    ports::rules::Hook,
};

use super::{
    Finding, PackHook,
    document::Document,
    fields::{Fields, Located},
    finding::FileReport,
    hooks::{diagnose, unused_hook},
};
use crate::{FieldSchema, FindingCode, Scripts, diagnostic::Diagnostic};

/// The contents of `risk.toml`.
#[derive(Debug, Default)]
pub(super) struct RiskFile {
    pub(super) script: Option<Located<String>>,
    flag_at: Option<RiskScore>,
    refuse_at: Option<RiskScore>,
    mode: CheckMode,
}

impl RiskFile {
    /// The policy with the text of its script; `None` where the file has errors.
    pub(super) fn with_script(self, script: &str) -> Option<RiskPolicy> {
        Some(RiskPolicy {
            script: script.to_owned(),
            flag_at: self.flag_at?,
            refuse_at: self.refuse_at,
            mode: self.mode,
        })
    }
}

pub(super) fn read_risk(text: &str, report: &FileReport<'_>) -> RiskFile {
    let document = Document::parse(text, report);
    if !document.whole {
        return RiskFile::default();
    }
    let fields = document.fields(report, "risk.toml");
    let file = RiskFile {
        script: fields.required("rules_script"),
        flag_at: fields.required("flag_at").map(|score| score.value),
        refuse_at: fields.optional("refuse_at"),
        mode: fields.optional("mode").unwrap_or_default(),
    };
    check_thresholds(&fields, &file);
    fields.finish();
    file
}

fn check_thresholds(fields: &Fields<'_>, file: &RiskFile) {
    if let (Some(flag_at), Some(refuse_at)) = (file.flag_at, file.refuse_at)
        && refuse_at <= flag_at
    {
        let message = format!(
            "nothing is ever flagged: from a score of {} on all is refused",
            refuse_at.get()
        );
        let help = "a score that is flagged is below one that is refused";
        fields.add_with_help("flag_at", FindingCode::PackNoEffect, message, help);
    }
    if file.flag_at.is_some_and(|flag_at| flag_at.get() == 0) {
        let message = "everything is flagged: a score of 0 is no risk";
        let help = "flag from 1 on, or take out `risk.toml`";
        fields.add_with_help("flag_at", FindingCode::PackBadValue, message, help);
    }
}

/// What is found in the script, and its hooks, if it compiles.
pub(super) fn check_script(
    path: &str,
    source: &str,
    scripts: &Scripts,
) -> (Vec<Finding>, Option<Vec<PackHook>>) {
    let (mut findings, hooks) = diagnose(path, source, &FieldSchema::of_risk(), scripts);
    let defined: Vec<Hook> = hooks.iter().flatten().map(|defined| defined.hook).collect();
    if hooks.is_some() && !defined.contains(&Hook::Risk) {
        // That it has no hook at all is said here, and then nothing is called either.
        findings.retain(|found| {
            !matches!(
                found.diagnostic.code,
                FindingCode::ScriptNoHooks | FindingCode::ScriptUnusedFunction
            )
        });
        let message = "`risk.toml` names this script, and it has no `fn risk(ctx)`";
        let diagnostic = Diagnostic::new(FindingCode::PackNoRiskHook, message)
            .with_help("add `fn risk(ctx)`, which gives a score from 0 to 100");
        findings.push(Finding::new(path, diagnostic.at(0..0)));
    }
    for hook in Hook::OF_MISSIONS
        .into_iter()
        .filter(|hook| defined.contains(hook))
    {
        let message = format!("nobody ever asks `{hook}`: it is a hook of a mission's script");
        let help = "move it into a mission's script, or take it out";
        findings.push(unused_hook((path, source), hook, message, help));
    }
    (findings, hooks)
}
