//! The pack: a check-in policy out of everything that a policy can have, and missions of every frequency.

use std::{fmt::Write as _, fs, path::Path};

use fastrand::Rng;
use mission_core::{
    Percent, Points, PointsScale,
    check_in::{CheckInPolicy, MonthlyDays, MonthlyRow, PolicyFile, Tier, Zone},
};
use rust_decimal::Decimal;

use crate::Result;

/// The event that moves videos.
pub(crate) const VIDEO: &str = "video.watched";
/// The event that moves missions whose budgets are used up.
pub(crate) const CONTEST: &str = "contest.entered";
/// Moved by events. Whatever one of them earns is the same each time and never expires: of two tasks that events of
/// different days began at one instant, each side may claim either first.
pub(crate) const BY_EVENTS: [&str; 8] = [
    "videos",
    "long-videos",
    "clips",
    "first-videos",
    "monthly-reads",
    STARTED_BY_HAND,
    "first-of-all",
    "while-it-lasts",
];
/// Of these, the missions whose budgets are used up.
pub(crate) const ON_A_BUDGET: [&str; 2] = ["first-of-all", "while-it-lasts"];
/// Moved by events, but started by the user.
pub(crate) const STARTED_BY_HAND: &str = "articles";
/// Started, moved and completed by the user.
pub(crate) const BY_HAND: [&str; 4] = ["pledge", "steps", "profile", "quiz"];

/// A pack that can be written, and what the model needs of it.
pub(crate) struct GeneratedPack {
    pub(crate) points_scale: PointsScale,
    pub(crate) check_in: CheckInPolicy,
    missions: Vec<(&'static str, String)>,
}

/// A number with up to so many digits after the point.
fn decimal(random: &mut Rng, most: i64, digits: u32) -> Decimal {
    let scale = random.u32(..=digits);
    let most = most.saturating_mul(10_i64.pow(scale));
    Decimal::new(random.i64(0..=most), scale)
}

fn points(random: &mut Rng, most: i64) -> Result<Points> {
    Ok(Points::new(decimal(random, most, 4))?)
}

impl GeneratedPack {
    /// Another pack for every state of the generator.
    pub(crate) fn generate(random: &mut Rng) -> Result<Self> {
        Ok(GeneratedPack {
            points_scale: PointsScale::try_from(random.u8(..=4))?,
            check_in: CheckInPolicy::try_from(policy(random)?)?,
            missions: missions(random),
        })
    }

    /// Writes the pack into a folder that is made for it.
    pub(crate) fn write(&self, folder: &Path) -> Result<()> {
        fs::create_dir_all(folder.join("missions"))?;
        fs::create_dir_all(folder.join("rules"))?;
        let scale = u8::from(self.points_scale);
        let head = format!(
            "name = \"agree\"\nversion = \"1.0.0\"\npoints_scale = {scale}\nlevels = [0, 300, 2000]\n\
             [events.\"{VIDEO}\"]\nfields = {{ seconds = \"integer\" }}\n\
             [events.\"{CONTEST}\"]\nfields = {{ seconds = \"integer\" }}\n\
             [events.\"article.read\"]\nfields = {{ seconds = \"integer\" }}\n"
        );
        fs::write(folder.join("pack.toml"), head)?;
        fs::write(folder.join("checkin.toml"), policy_text(&self.check_in)?)?;
        fs::write(folder.join("rules/videos.rhai"), VIDEOS)?;
        fs::write(folder.join("rules/pledge.rhai"), PLEDGE)?;
        for (code, text) in &self.missions {
            fs::write(folder.join(format!("missions/{code}.toml")), text)?;
        }
        Ok(())
    }
}

fn policy(random: &mut Rng) -> Result<PolicyFile> {
    let mut tiers = Vec::new();
    let mut min_days = 1;
    let count = random.u32(3..7);
    for number in 1..=count {
        let max_days = min_days + random.choice([0, 1, 2, 4, 9, 30]).unwrap_or_default();
        tiers.push(Tier {
            min_days,
            max_days: Some(max_days).filter(|_| number < count),
            bonus_percent: Percent::new(decimal(random, 150, 5))?,
            milestone_bonus: if random.bool() {
                points(random, 500)?
            } else {
                Points::ZERO
            },
        });
        min_days = max_days + 1;
    }
    let mut monthly = Vec::new();
    for days in 1..=31 {
        if random.u8(..6) == 0 {
            monthly.push(MonthlyRow {
                days: MonthlyDays::Count(days),
                points: points(random, 50)?,
            });
        }
    }
    monthly.push(MonthlyRow {
        days: MonthlyDays::All,
        points: points(random, 300)?,
    });
    let zones: Vec<Zone> = Zone::all().collect();
    Ok(PolicyFile {
        cycle_days: None,
        daily_points: Some(points(random, 20)?),
        default_zone: random.choice(zones),
        grace_days: Some(random.u32(..3)),
        freeze_every: Some(random.u32(2..9)),
        freezes_max: Some(random.u32(..4)),
        tiers: Some(tiers),
        monthly: Some(monthly),
    })
}

fn policy_text(policy: &CheckInPolicy) -> Result<String> {
    let file = PolicyFile::from(policy.clone());
    let mut text = String::new();
    let daily = file.daily_points.unwrap_or_default().get();
    let zone = file.default_zone.unwrap_or_default();
    writeln!(text, "daily_points = \"{daily}\"\ndefault_zone = \"{zone}\"")?;
    for (name, value) in [
        ("grace_days", file.grace_days),
        ("freeze_every", file.freeze_every),
        ("freezes_max", file.freezes_max),
    ] {
        writeln!(text, "{name} = {}", value.unwrap_or_default())?;
    }
    for tier in file.tiers.iter().flatten() {
        writeln!(text, "[[tiers]]\nmin_days = {}", tier.min_days)?;
        if let Some(max_days) = tier.max_days {
            writeln!(text, "max_days = {max_days}")?;
        }
        let (percent, bonus) = (tier.bonus_percent.get(), tier.milestone_bonus.get());
        writeln!(
            text,
            "bonus_percent = \"{percent}\"\nmilestone_bonus = \"{bonus}\""
        )?;
    }
    for row in file.monthly.iter().flatten() {
        let days = match row.days {
            MonthlyDays::Count(days) => days.to_string(),
            MonthlyDays::All => "\"all\"".to_owned(),
        };
        writeln!(
            text,
            "[[monthly]]\ndays = {days}\npoints = \"{}\"",
            row.points.get()
        )?;
    }
    Ok(text)
}

const VIDEOS: &str = "fn progress(ctx) { if ctx.event.data.seconds >= 30 { 1 } else { 0 } }\n";
const PLEDGE: &str =
    "fn reward(ctx) { #{ points: ctx.mission.reward.points * 1.125, bonus_points: ctx.streak.current } }\n";

fn missions(random: &mut Rng) -> Vec<(&'static str, String)> {
    let max_grants = random.choice([1, 10, 100]).unwrap_or(1);
    let max_points = decimal(random, 3000, 4) + Decimal::ONE;
    let mut mission = |code: &'static str, fields: &str, tables: &str| {
        let reward = decimal(random, 60, 4);
        let text = format!(
            "code = \"{code}\"\ncategory = \"agree\"\ntitle = {{ en = \"{code}\" }}\n\
             description = {{ en = \"{code}\" }}\n{fields}\n{tables}\n"
        );
        (
            code,
            text.replace(
                "REWARD",
                &format!("points = \"{reward}\"\nexperience_points = 15"),
            ),
        )
    };
    vec![
        mission(
            "videos",
            "type = \"watch_video\"\nfrequency = \"daily\"\nmax_completions = 2\ntarget = 3\nauto_start = true\n\
             rules_script = \"rules/videos.rhai\"",
            "[trigger]\nevent = \"video.watched\"\n[reward]\nREWARD",
        ),
        mission(
            "long-videos",
            "type = \"watch_video\"\nfrequency = \"weekly\"\ntarget = 5\nauto_start = true",
            "[trigger]\nevent = \"video.watched\"\n[reward]\nREWARD\n\
             [[rules]]\nrule_type = \"event.data.seconds\"\noperator = \"gte\"\nvalue = \"60\"",
        ),
        mission(
            "clips",
            "type = \"watch_video\"\nfrequency = \"unlimited\"\nauto_start = true\ncooldown_seconds = 5000",
            "[trigger]\nevent = \"video.watched\"\n[reward]\nREWARD\n[budget]\nmax_points = \"1000000000\"",
        ),
        mission(
            "first-videos",
            "type = \"watch_video\"\nfrequency = \"one_time\"\nmax_completions = 3\ntarget = 4\nauto_start = true\n\
             cooldown_seconds = 90000",
            "[trigger]\nevent = \"video.watched\"\n[reward]\nREWARD\n[budget]\nmax_grants = 100000",
        ),
        mission(
            "monthly-reads",
            "type = \"custom\"\nfrequency = \"monthly\"\nmax_completions = 0\ntarget = 2\nauto_start = true",
            "[trigger]\nevent = \"article.read\"\n[reward]\nREWARD",
        ),
        mission(
            "articles",
            "type = \"custom\"\nfrequency = \"monthly\"\ntarget = 4",
            "[trigger]\nevent = \"article.read\"\n[reward]\nREWARD",
        ),
        mission(
            "first-of-all",
            "type = \"custom\"\nfrequency = \"unlimited\"\nauto_start = true",
            &format!(
                "[trigger]\nevent = \"{CONTEST}\"\n[reward]\nREWARD\n[budget]\nmax_grants = {max_grants}"
            ),
        ),
        mission(
            "while-it-lasts",
            "type = \"custom\"\nfrequency = \"daily\"\nmax_completions = 0\ntarget = 2\nauto_start = true",
            &format!(
                "[trigger]\nevent = \"{CONTEST}\"\n[reward]\nREWARD\n[budget]\nmax_points = \"{max_points}\""
            ),
        ),
        mission(
            "pledge",
            "type = \"custom\"\nfrequency = \"daily\"\nrules_script = \"rules/pledge.rhai\"",
            "[reward]\nREWARD",
        ),
        mission(
            "steps",
            "type = \"custom\"\nfrequency = \"weekly\"\nmax_completions = 2\ntarget = 100\ncooldown_seconds = 5000",
            "[reward]\nexpires_after_days = 5\nREWARD",
        ),
        mission(
            "profile",
            "type = \"custom\"\nfrequency = \"one_time\"\nrequires = [\"pledge\"]",
            "[reward]\nREWARD\n[[rules]]\nrule_type = \"user.level\"\noperator = \"gte\"\nvalue = \"2\"",
        ),
        mission(
            "quiz",
            "type = \"social\"\nfrequency = \"unlimited\"\ntarget = 10\ncooldown_seconds = 5000",
            "[reward]\nREWARD",
        ),
    ]
}
