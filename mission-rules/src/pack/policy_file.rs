//! `checkin.toml` and `referral.toml`.

use mission_core::{
    Percent, Points, PointsScale,
    check_in::{CheckInPolicy, InvalidPolicy, MonthlyRow, PolicyFile, Tier},
};
use rust_decimal::Decimal;

use super::{ReferralPolicy, document::Document, fields::Fields, finding::FileReport};
use crate::{FindingCode, diagnostic::Diagnostic};

/// Reads `checkin.toml`; `None` where it has errors.
pub(super) fn read_check_in(
    text: &str,
    report: &FileReport<'_>,
    scale: PointsScale,
) -> Option<CheckInPolicy> {
    let document = Document::parse(text, report);
    if !document.whole {
        return None;
    }
    let (file, judged) = policy_file(document.fields(report, "checkin.toml"), scale);
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
            FindingCode::PackBadTiers,
            "tier",
            "tiers start at 1 and follow each other without overlap or hole; the last one has no `max_days`",
        ),
        _ => (
            FindingCode::PackBadMonthly,
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
    report.add(Diagnostic::new(code, message).with_help(help).at(span));
}

/// The file as it was read, and each list that was read as a whole, to be judged alone: one with errors would be
/// judged for what it lacks.
fn policy_file(fields: Fields<'_>, scale: PointsScale) -> (PolicyFile, Vec<PolicyFile>) {
    let mut judged = Vec::new();
    let daily_points = fields.points("daily_points", scale);
    let daily = daily_points.unwrap_or(CheckInPolicy::default().daily_points());
    let before = fields.report.errors();
    let tiers: Option<Vec<Tier>> = fields.tables("tiers", "a tier").map(|tiers| {
        tiers
            .into_iter()
            .map(|fields| tier(fields, daily, scale))
            .collect()
    });
    let cycle_days = fields.optional("cycle_days");
    if fields.report.errors() == before {
        judged.push(PolicyFile {
            cycle_days,
            tiers: tiers.clone(),
            ..PolicyFile::default()
        });
    }
    let before = fields.report.errors();
    let monthly: Option<Vec<MonthlyRow>> = fields.tables("monthly", "a monthly row").map(|rows| {
        rows.into_iter()
            .filter_map(|fields| monthly_row(fields, scale))
            .collect()
    });
    if fields.report.errors() == before {
        judged.push(PolicyFile {
            monthly: monthly.clone(),
            ..PolicyFile::default()
        });
    }
    let file = PolicyFile {
        daily_points,
        default_zone: fields.optional("default_zone"),
        grace_days: fields.optional("grace_days"),
        freeze_every: fields.optional("freeze_every"),
        freezes_max: fields.optional("freezes_max"),
        cycle_days,
        tiers,
        monthly,
    };
    if file.freeze_every.unwrap_or(0) > 0 && file.freezes_max.unwrap_or(0) == 0 {
        fields.add_with_help(
            "freeze_every",
            FindingCode::PackNoEffect,
            "nobody can hold a freeze, for `freezes_max` is 0",
            "set `freezes_max` to how many freezes a user can hold",
        );
    }
    fields.finish();
    (file, judged)
}

fn tier(fields: Fields<'_>, daily: Points, scale: PointsScale) -> Tier {
    let tier = Tier {
        min_days: fields
            .required("min_days")
            .map(|min| min.value)
            .unwrap_or_default(),
        max_days: fields.optional("max_days"),
        bonus_percent: fields.optional("bonus_percent").unwrap_or_default(),
        milestone_bonus: fields.points("milestone_bonus", scale).unwrap_or_default(),
    };
    lint_percent(&fields, tier.bonus_percent, daily, scale);
    fields.finish();
    tier
}

/// A percentage that was probably meant as a factor, or that comes to nothing.
fn lint_percent(fields: &Fields<'_>, percent: Percent, daily: Points, scale: PointsScale) {
    let value = percent.get();
    if value.is_zero() {
        return;
    }
    if value < Decimal::ONE {
        let message = format!("`bonus_percent` of {value} is less than one percent");
        let meant = (value * Decimal::ONE_HUNDRED).normalize();
        let help = format!("it is a percentage, not a factor: for {meant} % write \"{meant}\"");
        fields.add_with_help("bonus_percent", FindingCode::PackSmallPercent, message, &help);
    } else if daily.percent(percent, scale).is_ok_and(Points::is_zero) && !daily.is_zero() {
        let message = format!("{value} % of {daily} points are rounded to 0, so the bonus pays nothing");
        let help = "raise `daily_points` or `bonus_percent`, or give `points_scale` more digits";
        fields.add_with_help("bonus_percent", FindingCode::PackNoEffect, message, help);
    }
}

fn monthly_row(fields: Fields<'_>, scale: PointsScale) -> Option<MonthlyRow> {
    let days = fields.required("days");
    fields.demand("points");
    let points = fields.points("points", scale);
    fields.finish();
    Some(MonthlyRow {
        days: days?.value,
        points: points?,
    })
}

/// Reads `referral.toml`; `None` where it has errors.
pub(super) fn read_referral(
    text: &str,
    report: &FileReport<'_>,
    scale: PointsScale,
) -> Option<ReferralPolicy> {
    let document = Document::parse(text, report);
    if !document.whole {
        return None;
    }
    let fields = document.fields(report, "referral.toml");
    let mut policy = ReferralPolicy::default();
    if let Some(points) = fields.points("points", scale) {
        policy.points = points;
    }
    fields.finish();
    (!report.has_errors()).then_some(policy)
}
