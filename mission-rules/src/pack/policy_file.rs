//! `checkin.toml` and `referral.toml`.

use mission_core::{
    Points,
    check_in::{CheckInPolicy, InvalidPolicy, MonthlyRow, PolicyFile, Tier},
};

use super::{ReferralPolicy, document::Document, fields::Fields, finding::FileReport};
use crate::diagnostic::Diagnostic;

/// Reads `checkin.toml`; `None` where it has errors.
pub(super) fn read_check_in(text: &str, report: &FileReport<'_>) -> Option<CheckInPolicy> {
    let document = Document::parse(text, report);
    if !document.whole {
        return None;
    }
    let (file, judged) = policy_file(document.fields(report, "checkin.toml"));
    for list in judged {
        if let Err(flaw) = CheckInPolicy::try_from(list) {
            report_flaw(&flaw, &document, report);
        }
    }
    if report.has_errors() {
        None
    } else {
        CheckInPolicy::try_from(file).ok()
    }
}

fn report_flaw(flaw: &InvalidPolicy, document: &Document<'_>, report: &FileReport<'_>) {
    let (code, subject, help) = match flaw.field {
        "tiers" => (
            "pack/bad-tiers",
            "tier",
            "tiers start at 1 and follow each other without overlap or hole; the last one has no `max_days`",
        ),
        _ => (
            "pack/bad-monthly",
            "row",
            "each row names another number of days, 1 to 31, or \"all\"",
        ),
    };
    let list = flaw.field.to_owned();
    let (message, span) = match flaw.position {
        Some(n) => (
            format!("{subject} {}: {}", n + 1, flaw.message),
            document.locate(report, &[list, n.to_string()], &flaw.message),
        ),
        None => (
            format!("the list of {list}: {}", flaw.message),
            document.locate_last(report, &[list], &flaw.message),
        ),
    };
    report.add(Diagnostic::error(code, message).with_help(help).at(span));
}

/// The file as it was read, and each list that was read as a whole, to be judged alone: one with errors would be
/// judged for what it lacks.
fn policy_file(fields: Fields<'_>) -> (PolicyFile, Vec<PolicyFile>) {
    let mut judged = Vec::new();
    let before = fields.report.errors();
    let tiers: Option<Vec<Tier>> = fields
        .tables("tiers", "a tier")
        .map(|tiers| tiers.into_iter().map(tier).collect());
    if fields.report.errors() == before {
        judged.push(PolicyFile {
            tiers: tiers.clone(),
            ..PolicyFile::default()
        });
    }
    let before = fields.report.errors();
    let monthly: Option<Vec<MonthlyRow>> = fields
        .tables("monthly", "a monthly row")
        .map(|rows| rows.into_iter().filter_map(monthly_row).collect());
    if fields.report.errors() == before {
        judged.push(PolicyFile {
            monthly: monthly.clone(),
            ..PolicyFile::default()
        });
    }
    let file = PolicyFile {
        daily_points: fields.optional("daily_points"),
        default_zone: fields.optional("default_zone"),
        grace_days: fields.optional("grace_days"),
        freeze_every: fields.optional("freeze_every"),
        freezes_max: fields.optional("freezes_max"),
        tiers,
        monthly,
    };
    if file.freeze_every.unwrap_or(0) > 0 && file.freezes_max.unwrap_or(0) == 0 {
        fields.warning(
            "freeze_every",
            "pack/no-effect",
            "nobody can hold a freeze, for `freezes_max` is 0",
            "set `freezes_max` to how many freezes a user can hold",
        );
    }
    fields.finish();
    (file, judged)
}

fn tier(fields: Fields<'_>) -> Tier {
    let tier = Tier {
        min_days: fields
            .required("min_days")
            .map(|min| min.value)
            .unwrap_or_default(),
        max_days: fields.optional("max_days"),
        bonus_percent: fields.optional("bonus_percent").unwrap_or_default(),
        milestone_bonus: fields.optional("milestone_bonus").unwrap_or_default(),
    };
    fields.finish();
    tier
}

fn monthly_row(fields: Fields<'_>) -> Option<MonthlyRow> {
    let (days, points) = (fields.required("days"), fields.required::<Points>("points"));
    fields.finish();
    Some(MonthlyRow {
        days: days?.value,
        points: points?.value,
    })
}

/// Reads `referral.toml`; `None` where it has errors.
pub(super) fn read_referral(text: &str, report: &FileReport<'_>) -> Option<ReferralPolicy> {
    let document = Document::parse(text, report);
    if !document.whole {
        return None;
    }
    let fields = document.fields(report, "referral.toml");
    let mut policy = ReferralPolicy::default();
    if let Some(points) = fields.optional("points") {
        policy.points = points;
    }
    fields.finish();
    (!report.has_errors()).then_some(policy)
}
