//! One snapshot a topic; each shows the findings as a person sees them.

use super::{Pack, PackFiles, and, report, with, without};

fn told(mistakes: Vec<(&str, PackFiles)>) -> String {
    let mut text = String::new();
    for (mistake, files) in mistakes {
        let (pack, findings) = Pack::load(&files);
        assert!(!findings.is_empty(), "{mistake}: nothing found");
        assert_eq!(
            pack.is_none(),
            findings.iter().any(crate::pack::Finding::is_error),
            "{mistake}"
        );
        text.push_str(&format!(
            "===== {mistake}\n{}",
            report::human(&findings, &files, "", false)
        ));
    }
    text
}

#[test]
fn in_pack_toml() {
    let pack = |from, to| with("pack.toml", from, to);
    let text = told(vec![
        ("no manifest", without("pack.toml")),
        ("broken syntax", pack("\"demo\"", "\"demo")),
        ("a name that is no text", pack("\"demo\"", "7")),
        ("a name with a slash", pack("\"demo\"", "\"a/b\"")),
        ("a name with capitals", pack("\"demo\"", "\"My Pack\"")),
        ("no version", pack("version = \"1.0\"\n", "")),
        ("a misspelled field", pack("points_scale", "point_scale")),
        (
            "a scale out of bounds",
            pack("points_scale = 2", "points_scale = 7"),
        ),
        (
            "levels that do not start at 0",
            pack("[0, 100, 250]", "[10, 100, 250]"),
        ),
        ("levels that do not rise", pack("[0, 100, 250]", "[0, 100, 100]")),
        ("no levels", pack("[0, 100, 250]", "[]")),
        ("an unknown type of field", pack("\"integer\"", "\"int\"")),
    ]);
    insta::assert_snapshot!(text);
}

#[test]
fn in_checkin_toml() {
    let policy = |from, to| with("checkin.toml", from, to);
    let text = super::GOOD[1].1;
    let tiers = &text[text.find("[[tiers]]").unwrap()..text.find("[[monthly]]").unwrap()];
    let text = told(vec![
        ("an unknown zone", policy("Asia/Ho_Chi_Minh", "Asia/Ho_Chi_Min")),
        (
            "a negative number of days",
            policy("grace_days = 0", "grace_days = -1"),
        ),
        (
            "points that are no number",
            policy("daily_points = \"10\"", "daily_points = \"ten\""),
        ),
        (
            "negative points",
            policy("daily_points = \"10\"", "daily_points = \"-10\""),
        ),
        (
            "points too fine",
            policy("daily_points = \"10\"", "daily_points = 0.1234567"),
        ),
        ("tiers with a hole", policy("min_days = 7", "min_days = 9")),
        ("tiers that overlap", policy("min_days = 7", "min_days = 5")),
        ("tiers that start late", policy("min_days = 1", "min_days = 2")),
        (
            "a tier that ends before it starts",
            policy("max_days = 6", "max_days = 0"),
        ),
        (
            "tiers without an open end",
            policy("min_days = 7", "min_days = 7\nmax_days = 9"),
        ),
        ("a tier after the open end", policy("max_days = 6\n", "")),
        ("no tier at all", policy(tiers, "tiers = []\n")),
        (
            "a misspelled field of a tier",
            policy("milestone_bonus", "milestone_bonous"),
        ),
        (
            "a month of 32 days",
            policy("[[monthly]]\ndays = 7\n", "[[monthly]]\ndays = 32\n"),
        ),
        ("a month of every days", policy("\"all\"", "\"every\"")),
        ("two rows for the same days", policy("days = \"all\"", "days = 7")),
        (
            "a percentage written as a factor",
            policy("bonus_percent = \"10\"", "bonus_percent = \"0.10\""),
        ),
        (
            "a percentage that comes to nothing",
            policy("daily_points = \"10\"", "daily_points = \"0.01\""),
        ),
        (
            "a milestone that is rounded to nothing",
            policy("milestone_bonus = \"50\"", "milestone_bonus = \"0.001\""),
        ),
        ("freezes that nobody can hold", policy("freezes_max = 2\n", "")),
        (
            "a misspelled field of the referral policy",
            with("referral.toml", "points", "point"),
        ),
    ]);
    insta::assert_snapshot!(text);
}

#[test]
fn in_a_mission() {
    let mission = |from, to| with("missions/watch.toml", from, to);
    let text = told(vec![
        ("broken syntax", mission("target = 3", "target = three videos")),
        (
            "an unclosed text and a field given twice",
            mission("priority = 10", "target = 2\nbadge = \"x"),
        ),
        (
            "a brace that is not closed",
            mission("vi = \"Xem 3 video\" }", "vi = \"Xem 3 video\""),
        ),
        (
            "a bracket that is not closed",
            mission("requires = []", "requires = [\"other\","),
        ),
        (
            "a command for an event",
            mission("\"video.watched\"", "\"checkin\""),
        ),
        (
            "two events",
            mission("\"video.watched\"", "[\"video.watched\", \"a\"]"),
        ),
        (
            "points at the top",
            mission("target = 3", "target = 3\npoints = 5"),
        ),
        (
            "a priority below the reward",
            mission("expires_after_days = 30", "expires_after_days = 30\npriority = 3"),
        ),
        (
            "a cooldown of an hour",
            mission("target = 3", "target = 3\ncooldown_seconds = \"1h\""),
        ),
        ("every day", mission("\"daily\"", "\"day\"")),
        ("an operator as a symbol", mission("\"gte\"", "\">=\"")),
        ("a text with U+0000", mission("Xem 3 video", "Xem\\u00003")),
        (
            "several mistakes at once",
            mission(
                "type = \"watch_video\"\ncategory = \"engagement\"\nfrequency = \"daily\"",
                "type = \"watch\"\nfrequencey = \"daily\"\ncategory = 1",
            ),
        ),
        (
            "a code with spaces",
            mission("\"watch-3-videos\"", "\"Watch 3 videos\""),
        ),
        ("no code", mission("code = \"watch-3-videos\"\n", "")),
        ("an unknown frequency", mission("\"daily\"", "\"dayly\"")),
        ("an unknown operator", mission("\"gte\"", "\"=>\"")),
        ("an operator that is nearly one", mission("\"gte\"", "\"notin\"")),
        (
            "a number where a text belongs",
            mission("value = \"3\"", "value = 3"),
        ),
        (
            "a text where a number belongs",
            mission("target = 3", "target = \"3\""),
        ),
        (
            "a target beyond what is counted",
            mission("target = 3", "target = 2_000_000_000_000"),
        ),
        (
            "a title that is one text",
            mission(
                "{ en = \"Watch 3 videos\", vi = \"Xem 3 video\" }",
                "\"Watch 3 videos\"",
            ),
        ),
        (
            "a title without a language",
            mission("{ en = \"Watch 3 videos\", vi = \"Xem 3 video\" }", "{}"),
        ),
        ("a language that is none", mission("vi = ", "vietnamesisch = ")),
        ("an empty text", mission("\"Xem 3 video\"", "\" \"")),
        (
            "an upper-case category",
            mission("\"engagement\"", "\"Engagement\""),
        ),
        (
            "a window that ends before it starts",
            mission("\"2027-01-01T00:00:00Z\"", "\"2025-01-01T00:00:00Z\""),
        ),
        (
            "a time without an offset",
            mission("2026-01-01T00:00:00Z", "2026-01-01T00:00:00"),
        ),
        ("negative points", mission("\"50.25\"", "-50.25")),
        (
            "a reward that expires at once",
            mission("expires_after_days = 30", "expires_after_days = 0"),
        ),
        (
            "a misspelled field of the reward",
            mission("experience_points", "xp_points"),
        ),
        (
            "automatic start without an event",
            mission("[trigger]\nevent = \"video.watched\"\n", ""),
        ),
        (
            "a script inline",
            mission(
                "rules_script = \"rules/watch.rhai\"",
                "script = \"fn reward(ctx) {}\"",
            ),
        ),
        (
            "a budget that limits nothing",
            mission("max_points = \"100000\"", ""),
        ),
        (
            "seconds for a screenshot",
            mission(
                "[budget]",
                "[evidence]\ntype = \"social_proof\"\nmin_seconds = 5\n\n[budget]",
            ),
        ),
        (
            "unknown evidence",
            mission("[budget]", "[evidence]\ntype = \"screenshot\"\n\n[budget]"),
        ),
        (
            "a cooldown of a century",
            mission("target = 3", "target = 3\ncooldown_seconds = 3_155_760_000"),
        ),
        (
            "points that are rounded to nothing",
            mission("\"50.25\"", "\"0.004\""),
        ),
        ("points that are rounded", mission("\"50.25\"", "\"50.255\"")),
        (
            "a cooldown after the only time",
            mission("\"daily\"", "\"one_time\"\ncooldown_seconds = 60"),
        ),
    ]);
    insta::assert_snapshot!(text);
}

#[test]
fn in_rules() {
    let mission = |from, to| with("missions/watch.toml", from, to);
    let rule = |path: &str, operator: &str, value: &str| {
        with(
            "missions/watch.toml",
            "rule_type = \"user.level\"\noperator = \"gte\"\nvalue = \"3\"",
            &format!("rule_type = \"{path}\"\noperator = \"{operator}\"\nvalue = \"{value}\""),
        )
    };
    let text = told(vec![
        (
            "a path into nothing",
            mission("\"user.level\"", "\"player.level\""),
        ),
        ("a misspelled path", mission("\"user.level\"", "\"user.levl\"")),
        (
            "a number compared with a text",
            mission("value = \"3\"", "value = \"three\""),
        ),
        (
            "a range with one end",
            mission(
                "operator = \"gte\"\nvalue = \"3\"",
                "operator = \"between\"\nvalue = \"3\"",
            ),
        ),
        (
            "a list with a text in it",
            mission(
                "operator = \"gte\"\nvalue = \"3\"",
                "operator = \"in\"\nvalue = \"3, vier\"",
            ),
        ),
        ("no value", mission("value = \"3\"\n", "")),
        ("an hour that the day has not", rule("now.hour", "gte", "25")),
        ("an hour that always is", rule("now.hour", "lte", "25")),
        (
            "a range that is turned round",
            rule("user.experience", "between", "3600,20"),
        ),
        ("a list in a text", rule("user.tags", "in", "vip")),
        (
            "a list that is not in a text",
            rule("user.tags", "not_in", "banned, bot"),
        ),
        ("a list with an order", rule("user.tags", "gte", "3")),
        ("a map that equals", rule("user.attributes", "eq", "gold")),
        (
            "exists with a number",
            mission("operator = \"gte\"", "operator = \"exists\""),
        ),
        (
            "a number that contains",
            mission("operator = \"gte\"", "operator = \"contains\""),
        ),
        (
            "an unknown field of the event",
            mission("\"user.level\"", "\"event.data.secs\""),
        ),
        (
            "a declared number compared with a text",
            mission(
                "rule_type = \"user.level\"\noperator = \"gte\"\nvalue = \"3\"",
                "rule_type = \"event.data.seconds\"\noperator = \"gte\"\nvalue = \"long\"",
            ),
        ),
        (
            "a rule on an event that never comes",
            mission(
                "auto_start = true\nrules_script = \"rules/watch.rhai\"\ntitle = { en = \"Watch 3 videos\", vi = \"Xem 3 video\" }\ndescription = { en = \"Any three, half a minute each.\" }\nrequires = []\nstarts_at = 2026-01-01T00:00:00Z\nends_at = \"2027-01-01T00:00:00Z\"\n\n[trigger]\nevent = \"video.watched\"",
                "rules_script = \"rules/watch.rhai\"\ntitle = { en = \"A\" }\ndescription = { en = \"B\" }\n\n[[rules]]\nrule_type = \"event.data.seconds\"\noperator = \"gt\"\nvalue = \"1\"\n",
            ),
        ),
    ]);
    insta::assert_snapshot!(text);
}

const OTHER: &str = "code = \"other\"\ntype = \"click\"\nfrequency = \"weekly\"\ntitle = { en = \"A\", vi = \"B\" }\n\
                     description = { en = \"C\" }\n";

#[test]
fn between_files() {
    let mission = |from, to| with("missions/watch.toml", from, to);
    let other = |from: &str, to: &str| OTHER.replace(from, to);
    let circle = {
        let files = with("missions/watch.toml", "requires = []", "requires = [\"other\"]").into_map();
        PackFiles::from_map(files.into_iter().chain([(
            "missions/other.toml".to_owned(),
            format!("{OTHER}requires = [\"watch-3-videos\"]\n"),
        )]))
    };
    let text = told(vec![
        (
            "a code that is taken",
            and("missions/other.toml", &other("\"other\"", "\"watch-3-videos\"")),
        ),
        (
            "a copied mission that requires the first",
            and(
                "missions/other.toml",
                &format!(
                    "{}requires = [\"watch-3-videos\"]\n",
                    other("\"other\"", "\"watch-3-videos\"")
                ),
            ),
        ),
        (
            "an unknown requirement",
            mission("requires = []", "requires = [\"watch-3-video\"]"),
        ),
        (
            "a mission that requires itself",
            mission("requires = []", "requires = [\"watch-3-videos\"]"),
        ),
        ("missions that require each other", circle),
        ("a shadow mission that is asked for, and compared with nothing", {
            let files = with("missions/watch.toml", "requires = []", "requires = [\"other\"]").into_map();
            let shadow = "shadow = true\nshadow_of = \"watch-3-video\"\nauto_start = true\n\
                              trigger = { event = \"video.watched\" }\n";
            PackFiles::from_map(
                files
                    .into_iter()
                    .chain([("missions/other.toml".to_owned(), format!("{OTHER}{shadow}"))]),
            )
        }),
        (
            "a shadow mission that nothing moves",
            and("missions/other.toml", &format!("{OTHER}shadow = true\n")),
        ),
        (
            "a comparison of a mission that pays",
            mission("requires = []", "shadow_of = \"watch-3-videos\""),
        ),
        (
            "a missing script",
            mission("\"rules/watch.rhai\"", "\"rules/wach.rhai\""),
        ),
        (
            "a script outside the pack",
            mission("\"rules/watch.rhai\"", "\"../rules/watch.rhai\""),
        ),
        (
            "an unused script",
            and("rules/old.rhai", "fn eligible(ctx) { true }"),
        ),
        (
            "an undeclared event",
            mission("\"video.watched\"", "\"video.wached\""),
        ),
        (
            "a missing translation",
            and("missions/other.toml", &other(", vi = \"B\"", "")),
        ),
        ("files in the wrong place", and("missions/old/watch.toml", "")),
        ("a misspelled file", and("check-in.toml", "")),
        ("a folder in capitals", and("MISSIONS/other.toml", OTHER)),
        (
            "a mission in another format",
            and("missions/other.yaml", "code: other\n"),
        ),
        ("a file name in capitals", and("missions/Bad_Name.toml", OTHER)),
        ("notes among the missions", and("missions/notes.md", "")),
        (
            "a path that leaves the pack",
            and("missions/../../etc/passwd.toml", ""),
        ),
    ]);
    insta::assert_snapshot!(text);
}

#[test]
fn in_cases() {
    let cases = |from, to| with("tests/watch.toml", from, to);
    let text = told(vec![
        (
            "an unknown mission",
            cases("mission = \"watch-3-videos\"", "mission = \"watch-three-videos\""),
        ),
        ("an unknown expectation", cases("progress = 2", "progres = 2")),
        ("an unknown status", cases("\"in_progress\"", "\"done\"")),
        (
            "no expectation",
            cases("expect = { status = \"in_progress\", progress = 2 }", ""),
        ),
        (
            "an empty expectation",
            cases("{ status = \"in_progress\", progress = 2 }", "{}"),
        ),
        (
            "an undeclared event",
            cases(
                "type = \"video.watched\", data = { seconds = 12 }",
                "type = \"video.seen\", data = { seconds = 12 }",
            ),
        ),
        (
            "data of another type",
            cases("data = { seconds = 12 }", "data = { seconds = \"12\" }"),
        ),
        (
            "data with a misspelled field",
            cases("data = { seconds = 12 }", "data = { secnods = 12 }"),
        ),
        (
            "an unknown command",
            cases(
                "type = \"video.watched\", data = { seconds = 12 }",
                "type = \"task.finish\"",
            ),
        ),
        ("events out of order", cases("10:10:00Z", "10:01:00Z")),
        (
            "an event without a time",
            cases("at = \"2026-01-05T10:00:00Z\", type", "type"),
        ),
        (
            "a time that is none",
            cases("2026-01-05T10:05:00Z", "2026-02-30T10:05:00Z"),
        ),
        (
            "more check-ins than expectations",
            cases("{ streak = 1, points = \"10\" }, ", ""),
        ),
        (
            "check-ins out of order",
            cases("\"2026-01-06T10:00:00Z\"", "\"2026-01-04T10:00:00Z\""),
        ),
        (
            "a name that is taken",
            cases("\"a week\"", "\"two of three long videos\""),
        ),
        (
            "a table of an unknown name",
            cases("[[checkin_case]]", "[[check_in_case]]"),
        ),
    ]);
    insta::assert_snapshot!(text);
}

#[test]
fn in_scripts() {
    let script = |from, to| with("rules/watch.rhai", from, to);
    let text = told(vec![
        ("broken syntax", script("{ 1 } else", "{ 1 else")),
        (
            "a misspelled field of the event",
            script("data.seconds", "data.secnods"),
        ),
        ("a misspelled hook", script("fn progress", "fn progres")),
        ("a number compared with a text", script(">= 30", ">= \"30\"")),
        (
            "a reward with a misspelled field",
            script("fn progress", "fn reward(ctx) { #{ pionts: 5 } }\nfn progress"),
        ),
        (
            "evidence that nobody shows",
            script("fn progress", "fn verify(ctx) { true }\nfn progress"),
        ),
        (
            "no script at all",
            script(
                "fn progress(ctx) { if ctx.event.data.seconds >= 30 { 1 } else { 0 } }\n",
                "",
            ),
        ),
    ]);
    insta::assert_snapshot!(text);
}

#[test]
fn a_window_that_has_ended_is_told_by_the_time_of_the_check() {
    let files = PackFiles::from_map(super::GOOD);
    let scripts = crate::Scripts::default();
    let codes = |now: &str| {
        let (pack, findings) = Pack::load_at(&files, &scripts, now.parse().unwrap());
        assert!(pack.is_some());
        findings
            .into_iter()
            .map(|finding| finding.diagnostic.code.as_str())
            .collect::<Vec<_>>()
    };
    assert_eq!(codes("2026-12-31T23:59:59Z"), Vec::<&str>::new());
    assert_eq!(codes("2027-01-01T00:00:00Z"), ["pack/window-ended"]);
}

#[test]
fn in_properties() {
    const GOOD_PROPERTY: &str = "[[property]]
name = \"progress is small\"
mission = \"watch-3-videos\"
hook = \"progress\"
given = { event.data.seconds = { min = 0, max = 100000 }, user.level = { min = 1, max = 50 } }
expect = { holds = \"value >= 0 && value <= 1\", monotone_in = \"event.data.seconds\" }
";
    let property = |from: &str, to: &str| {
        assert_eq!(GOOD_PROPERTY.matches(from).count(), 1, "{from}");
        and("tests/property.toml", &GOOD_PROPERTY.replace(from, to))
    };
    let given = |to: &str| property("{ min = 0, max = 100000 }", to);
    let holds = |to: &str| property("value >= 0 && value <= 1", to);
    assert_eq!(Pack::load(&and("tests/property.toml", GOOD_PROPERTY)).1, []);
    let text = told(vec![
        (
            "an unknown mission",
            property("watch-3-videos", "watch-three-videos"),
        ),
        (
            "an unknown hook",
            property("hook = \"progress\"", "hook = \"progres\""),
        ),
        (
            "a hook that the script has not",
            property("hook = \"progress\"", "hook = \"reward\""),
        ),
        ("a misspelled field", property("hook =", "hok =")),
        ("no runs", property("given", "runs = 0\ngiven")),
        ("nothing given", property("given = {", "user = {")),
        ("a path that leads nowhere", property("user.level", "user.levle")),
        (
            "a field that pack.toml does not declare",
            property("event.data.seconds = ", "event.data.secnods = "),
        ),
        (
            "a path that is given twice",
            property("user.level = {", "\"event.data.seconds\" = {"),
        ),
        ("a range turned round", given("{ min = 9, max = 0 }")),
        ("a range with one end", given("{ min = 0 }")),
        ("a misspelled end", given("{ min = 0, mx = 9 }")),
        ("a range of two types", given("{ min = 0, max = \"2026-01-05\" }")),
        ("an end that is none", given("{ min = 0, max = \"many\" }")),
        ("decimals for a whole number", given("{ min = 0.5, max = 9 }")),
        ("texts for a number", given("{ one_of = [1, \"two\"] }")),
        ("a number without a table", given("7")),
        ("an empty table", given("{}")),
        ("a range and a list", given("{ min = 0, max = 3, one_of = [1] }")),
        ("an empty list", given("{ one_of = [] }")),
        (
            "a level below 1",
            property("min = 1, max = 50", "min = 0, max = 50"),
        ),
        (
            "an order of what may be absent",
            given("{ min = 0, max = 9, optional = true }"),
        ),
        (
            "an order of what is not given",
            property(
                "monotone_in = \"event.data.seconds\"",
                "monotone_in = \"event.data.second\"",
            ),
        ),
        ("an expression that ends too early", holds("value >=")),
        (
            "an expression that closes too much",
            holds("value } fn eligible(ctx) { true"),
        ),
        ("an expression with a misspelled variable", holds("vlaue >= 0")),
        (
            "an expression with a misspelled field",
            holds("value <= ctx.user.levle"),
        ),
        (
            "an expression with an unknown function",
            holds("value.ronud() >= 0"),
        ),
        ("an expression that is no condition", holds("ctx.user.level")),
        ("no expression", holds(" ")),
        (
            "nothing expected",
            property(
                "{ holds = \"value >= 0 && value <= 1\", monotone_in = \"event.data.seconds\" }",
                "{}",
            ),
        ),
        ("a misspelled expectation", property("monotone_in", "monoton_in")),
        (
            "a name that is taken",
            and(
                "tests/property.toml",
                &GOOD_PROPERTY.replace("progress is small", "two of three long videos"),
            ),
        ),
    ]);
    insta::assert_snapshot!(text);
}
