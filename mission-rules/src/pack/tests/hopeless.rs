//! Missions that nobody can complete, and rewards that are not let out.

use super::{Pack, PackFiles};

fn mission(code: &str, frequency: &str, rest: &str) -> (String, String) {
    let text = format!(
        "code = \"{code}\"\ntype = \"click\"\nfrequency = \"{frequency}\"\ntitle = {{ en = \"A\" }}\n\
         description = {{ en = \"B\" }}\n{rest}"
    );
    (format!("missions/{code}.toml"), text)
}

/// The findings of a pack of some missions, with code and a part of the message.
fn found(manifest: &str, missions: &[(String, String)]) -> Vec<(&'static str, String)> {
    let pack = (
        "pack.toml".to_owned(),
        format!("name = \"demo\"\nversion = \"1\"\n{manifest}"),
    );
    let files = PackFiles::from_map(missions.iter().cloned().chain([pack]));
    let findings = Pack::load(&files).1.into_iter();
    findings
        .map(|finding| (finding.diagnostic.code.as_str(), finding.diagnostic.message))
        .collect()
}

fn expect(manifest: &str, missions: &[(String, String)], expected: &[(&str, &str)]) {
    let found = found(manifest, missions);
    let fits = found.len() == expected.len()
        && found
            .iter()
            .zip(expected)
            .all(|((code, message), (wanted, part))| code == wanted && message.contains(part));
    assert!(fits, "{missions:#?}\n{found:#?}");
}

const NEVER: &str = "pack/never-completed";

#[test]
fn a_required_mission_must_begin_before_the_other_ends() {
    let pair = |starts_at: &str| {
        [
            mission("first", "one_time", &format!("starts_at = \"{starts_at}\"\n")),
            mission(
                "second",
                "one_time",
                "requires = [\"first\"]\nends_at = \"2026-02-01T00:00:00Z\"\n",
            ),
        ]
    };
    expect("", &pair("2026-01-31T23:59:59Z"), &[]);
    expect(
        "",
        &pair("2026-02-01T00:00:00Z"),
        &[(NEVER, "`first` begins at 2026-02-01")],
    );
}

#[test]
fn a_streak_must_fit_into_the_time_that_there_is() {
    let streak = |frequency: &str, target: u64, period: &str, window: &str| {
        let rest = format!(
            "target = {target}\n{window}\n[trigger]\nevent = \"checkin.completed\"\n[streak]\nperiod = \"{period}\"\n"
        );
        [mission("streak", frequency, &rest)]
    };
    let january = "starts_at = \"2026-01-01T00:00:00Z\"\nends_at = \"2026-02-01T00:00:00Z\"\n";
    for (frequency, target, period, window, why) in [
        ("one_time", 365, "day", "", None),
        ("weekly", 7, "day", "", None),
        ("monthly", 5, "week", "", None),
        ("monthly", 31, "day", january, None),
        ("daily", 7, "day", "", Some("7 days in a day")),
        ("weekly", 4, "week", "", Some("4 weeks in a week")),
        ("one_time", 60, "day", january, Some("60 days between")),
        ("one_time", 12, "month", january, Some("12 months between")),
    ] {
        let expected: Vec<_> = why.iter().map(|why| (NEVER, *why)).collect();
        expect("", &streak(frequency, target, period, window), &expected);
    }
}

#[test]
fn completions_that_are_counted_must_be_able_to_reach_the_target() {
    let counting = |target: u64, count: &str, frequency: &str| {
        let rest = format!(
            "target = {target}\n{count}[trigger]\nevent = \"mission.completed\"\n[[rules]]\n\
             rule_type = \"event.data.mission\"\noperator = \"in\"\nvalue = \"a, b\"\n"
        );
        let counted = ["a", "b"].map(|code| mission(code, frequency, ""));
        [
            counted[0].clone(),
            counted[1].clone(),
            mission("both", "one_time", &rest),
        ]
    };
    let distinct = "count = \"distinct:event.data.mission\"\n";
    expect("", &counting(2, "", "one_time"), &[]);
    expect("", &counting(9, "", "daily"), &[]);
    expect("", &counting(2, distinct, "daily"), &[]);
    expect(
        "",
        &counting(3, "", "one_time"),
        &[(NEVER, "comes 2 times at most")],
    );
    expect(
        "",
        &counting(3, distinct, "daily"),
        &[(NEVER, "comes 2 times at most")],
    );
}

#[test]
fn a_budget_must_cover_more_than_one_user() {
    let paid = |budget: &str, rest: &str| {
        let rest = format!("{rest}[reward]\npoints = \"50\"\n[budget]\n{budget}\n");
        [mission("paid", "daily", &rest)]
    };
    const SMALL: &str = "pack/small-budget";
    expect("", &paid("max_points = \"50\"", ""), &[]);
    expect("", &paid("max_grants = 1", ""), &[]);
    expect(
        "",
        &paid("max_points = \"49\"", ""),
        &[(SMALL, "does not cover one completion")],
    );
    expect(
        "",
        &paid("max_grants = 0", ""),
        &[(SMALL, "does not cover one completion")],
    );
    expect("", &paid("max_points = \"150\"", "max_completions = 3\n"), &[]);
    let three = paid("max_points = \"149\"", "max_completions = 3\n");
    expect("", &three, &[(SMALL, "by completing the mission 3 times")]);
    let stages = "target = 2\n[[stage]]\nat = 1\nreward = { points = \"5\" }\n[[stage]]\nat = 2\n[budget]\nmax_grants = 1\n";
    expect(
        "",
        &[mission("stages", "daily", stages)],
        &[(SMALL, "5 points in 2 rewards")],
    );
}

#[test]
fn a_reward_above_a_cap_of_its_category_is_told() {
    let paid = [mission(
        "paid",
        "daily",
        "category = \"shop\"\n[reward]\npoints = \"50\"\n",
    )];
    let cap = |text: &str| format!("[[caps]]\n{text}\n");
    expect(&cap("day = \"50\""), &paid, &[]);
    expect(&cap("category = \"video\"\nday = \"10\""), &paid, &[]);
    let told = [("pack/above-cap", "earn 40 a week")];
    expect(
        &cap("category = \"shop\"\nday = \"49\"\nweek = \"40\""),
        &paid,
        &told,
    );
}

#[test]
fn texts_that_a_path_never_is_never_hold() {
    let rule = |path: &str, value: &str| {
        let rest = format!(
            "[trigger]\nevent = \"video.watched\"\n[[rules]]\nrule_type = \"{path}\"\noperator = \"eq\"\nvalue = \"{value}\"\n"
        );
        [mission("ruled", "daily", &rest)]
    };
    expect("", &rule("event.type", "video.watched"), &[]);
    expect("", &rule("mission.type", "click"), &[]);
    let told = [("pack/never-holds", "is video.watched")];
    expect("", &rule("event.type", "video.wached"), &told);
    expect(
        "",
        &rule("evidence.type", "photo"),
        &[("pack/never-holds", "social_proof")],
    );
}
