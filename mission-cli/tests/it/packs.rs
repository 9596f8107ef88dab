//! `new`, `check`, `test`, `eval`, `completions`, and mistakes that people make with them.

use std::fs;

use crate::{edit, mission, run, transcript, with_demo};

#[test]
fn a_new_pack_passes_its_own_check_and_tests() {
    let folder = with_demo();
    insta::assert_snapshot!(transcript(
        folder.path(),
        &[
            &["new", "a/deep/one"],
            &["check", "demo"],
            &["check", "demo", "--deny-warnings", "--format", "json"],
            &["test", "demo"],
            &["test", "demo", "--filter", "short", "--format", "json"],
            &["test", "a/deep/one", "--format", "junit"],
        ]
    ));
    assert!(folder.path().join("a/deep/one/pack.toml").is_file());
}

#[test]
fn what_is_unusable_exits_with_2() {
    let folder = with_demo();
    fs::write(folder.path().join("file"), "").unwrap();
    insta::assert_snapshot!(transcript(
        folder.path(),
        &[
            &["new", "demo"],
            &["new", "file"],
            &["check", "no-such-folder"],
            &["check", "demo/pack.toml"],
            &["check", "demo", "--format", "xml"],
            &["check"],
            &["chekc", "demo"],
            &["test", "no-such-folder"],
            &["completions", "cmd"],
        ]
    ));
}

#[test]
fn whatever_keeps_eval_from_a_value_exits_with_1() {
    let folder = with_demo();
    fs::write(folder.path().join("file"), "").unwrap();
    let table: [([&str; 4], &str); 5] = [
        (
            ["none", "watch-3-videos", "eligible", "file"],
            "cannot read the pack `none`",
        ),
        (
            ["demo", "watch-3-video", "eligible", "file"],
            "no mission `watch-3-video`; it has `watch-3-videos`",
        ),
        (
            ["demo", "watch-3-videos", "eligable", "file"],
            "no hook `eligable`; the hooks are `eligible`",
        ),
        (
            ["demo", "watch-3-videos", "eligible", "no-such-file"],
            "cannot read the context `no-such-file`",
        ),
        (
            ["demo", "watch-3-videos", "eligible", "file"],
            "the context `file` is no JSON",
        ),
    ];
    for ([pack, code, hook, file], told) in table {
        let args = ["eval", pack, code, hook, "--context", file];
        let run = run(&mut mission(folder.path(), &args));
        assert_eq!((run.code, run.out.as_str()), (1, ""), "{args:?}");
        assert!(run.err.contains(told), "{args:?}\n{}", run.err);
    }
}

#[test]
fn findings_show_their_place_and_decide_the_exit() {
    let folder = with_demo();
    edit(
        folder.path(),
        "missions/watch-3-videos.toml",
        "auto_start = true",
        "auto_strat = true",
    );
    insta::assert_snapshot!(transcript(
        folder.path(),
        &[
            &["check", "demo"],
            &["check", "demo", "--format", "json"],
            &["test", "demo"],
            &["eval", "demo", "watch-3-videos", "progress", "--context", "-"],
        ]
    ));
    let sarif = run(&mut mission(
        folder.path(),
        &["check", "demo", "--format", "sarif"],
    ));
    let log: serde_json::Value = serde_json::from_str(&sarif.out).unwrap();
    assert_eq!((sarif.code, log["version"].as_str()), (1, Some("2.1.0")));
}

#[test]
fn a_finding_is_explained_by_its_page() {
    let folder = tempfile::tempdir().unwrap();
    let told = run(&mut mission(
        folder.path(),
        &["check", "--explain", "script/unknown-field"],
    ));
    let page = include_str!("../../../docs/rules/script/unknown-field.md");
    assert_eq!((told.code, told.out.as_str()), (0, page));
    insta::assert_snapshot!(transcript(
        folder.path(),
        &[
            &["check", "--explain", "unknown-type"],
            &["check", "--explain", "script/unkown-field"],
            &["check", "--explain", "toml/syntax", "demo"],
            &["check", "demo", "--dry-run"],
        ]
    ));
}

#[test]
fn fix_changes_what_has_one_way_out_and_nothing_else() {
    let folder = with_demo();
    let file = "missions/watch-3-videos.toml";
    edit(
        folder.path(),
        file,
        "auto_start = true",
        "auto_strat   =   true # a comment",
    );
    edit(folder.path(), file, "\"watch_video\"", "\"watch_viedo\"");
    edit(folder.path(), "rules/watch.rhai", "data.seconds", "data.secnods");
    edit(folder.path(), file, "\"daily\"", "\"every now and then\"");
    let before = fs::read_to_string(folder.path().join("demo").join(file)).unwrap();
    let dry = transcript(folder.path(), &[&["check", "demo", "--fix", "--dry-run"]]);
    assert_eq!(
        fs::read_to_string(folder.path().join("demo").join(file)).unwrap(),
        before
    );
    insta::assert_snapshot!(format!(
        "{dry}{}",
        transcript(
            folder.path(),
            &[
                &["check", "demo", "--fix"],
                &["check", "demo", "--fix", "--format", "json"],
            ]
        )
    ));
    let after = fs::read_to_string(folder.path().join("demo").join(file)).unwrap();
    let wanted = before
        .replace("auto_strat", "auto_start")
        .replace("watch_viedo", "watch_video");
    assert_eq!(after, wanted);
}

#[test]
fn check_says_which_hooks_run_in_the_interpreter_and_why() {
    let folder = with_demo();
    let script = "fn eligible(ctx) { true }\nfn progress(ctx) {\n    for n in 0..3 { return n; }\n    1\n}\n";
    fs::write(folder.path().join("demo/rules/watch.rhai"), script).unwrap();
    let told = run(&mut mission(folder.path(), &["check", "demo"])).out;
    let note =
        "note: rules/watch.rhai:3: `progress` runs in the interpreter, which takes longer: it has a loop\n";
    assert!(told.contains(note), "{told}");
    assert!(told.contains(", 1 of 2 hooks compiled\n"), "{told}");
    let json = run(&mut mission(
        folder.path(),
        &["check", "demo", "--format", "json"],
    ))
    .out;
    let report: serde_json::Value = serde_json::from_str(&json).unwrap();
    let expected = serde_json::json!([
        {"file": "rules/watch.rhai", "hook": "eligible", "compiled": true},
        {"file": "rules/watch.rhai", "hook": "progress", "compiled": false, "reason": "it has a loop", "line": 3},
    ]);
    assert_eq!(report["hooks"], expected);
}

#[test]
fn warnings_are_allowed_unless_denied() {
    let folder = with_demo();
    fs::write(folder.path().join("demo/notes.toml"), "").unwrap();
    for (args, code) in [
        (&["check", "demo"][..], 0),
        (&["check", "demo", "--deny-warnings"], 1),
    ] {
        let run = run(&mut mission(folder.path(), args));
        assert_eq!(run.code, code, "{}", run.out);
        assert!(run.out.contains("0 errors, 1 warning"), "{}", run.out);
    }
}

#[test]
fn failing_cases_show_expected_and_found_side_by_side() {
    let folder = with_demo();
    edit(
        folder.path(),
        "tests/watch-3-videos.toml",
        "points = \"50\", experience_points = 20",
        "points = \"55\", experience_points = 2",
    );
    insta::assert_snapshot!(transcript(
        folder.path(),
        &[
            &["test", "demo"],
            &["test", "demo", "--format", "json"],
            &["test", "demo", "--format", "junit"],
            &["test", "demo", "--filter", "short"],
        ]
    ));
}

#[test]
fn a_property_that_fails_shows_a_context_which_eval_takes() {
    let folder = with_demo();
    edit(
        folder.path(),
        "rules/watch.rhai",
        "{ 1 } else { 0 }",
        "{ ctx.event.data.seconds / 30 } else { 0 }",
    );
    insta::assert_snapshot!(transcript(
        folder.path(),
        &[
            &["test", "demo", "--filter", "longer"],
            &[
                "test", "demo", "--filter", "longer", "--seed", "7", "--format", "json"
            ],
            &["test", "demo", "--filter", "longer", "--format", "junit"],
        ]
    ));
    let report = run(&mut mission(
        folder.path(),
        &["test", "demo", "--filter", "longer", "--format", "json"],
    ));
    let report: serde_json::Value = serde_json::from_str(&report.out).unwrap();
    let context = report["cases"][0]["counterexample"].to_string();
    let args = ["eval", "demo", "watch-3-videos", "progress", "--context", "-"];
    let value = run(mission(folder.path(), &args).write_stdin(context));
    assert_eq!(value.out, "{\"value\":2}\n", "{}", value.err);
}

#[test]
fn files_are_formatted_and_nothing_else_changes() {
    let folder = with_demo();
    edit(
        folder.path(),
        "rules/watch.rhai",
        "    if ctx.event.data.seconds >= 30",
        "  if ctx.event.data.seconds>=30",
    );
    edit(
        folder.path(),
        "missions/watch-3-videos.toml",
        "target = 3\n",
        "target  =  3   \n\n\n",
    );
    let before = run(&mut mission(folder.path(), &["test", "demo"])).out;
    insta::assert_snapshot!(transcript(
        folder.path(),
        &[
            &["fmt", "demo", "--check"],
            &["fmt", "demo"],
            &["fmt", "demo", "--check"],
        ]
    ));
    assert_eq!(run(&mut mission(folder.path(), &["test", "demo"])).out, before);

    edit(
        folder.path(),
        "rules/watch.rhai",
        "fn progress(ctx) {",
        "fn progress(ctx) { {",
    );
    let broken = run(&mut mission(folder.path(), &["fmt", "demo"]));
    assert_eq!(broken.code, 1);
    assert!(
        broken.err.contains("demo/rules/watch.rhai: it cannot be read"),
        "{}",
        broken.err
    );
}

#[test]
fn what_a_property_runs_is_covered() {
    let folder = with_demo();
    let cases = folder.path().join("demo/tests/watch-3-videos.toml");
    let text = fs::read_to_string(&cases).unwrap();
    let property = &text[text.find("[[property]]").unwrap()..];
    fs::write(&cases, property).unwrap();
    let told = run(&mut mission(
        folder.path(),
        &["test", "demo", "--min-coverage", "100"],
    ));
    assert_eq!(told.code, 0, "{}{}", told.out, told.err);
    assert!(
        told.out.contains("0 cases, 1 property: 1 passed, 0 failed"),
        "{}",
        told.out
    );
}

#[test]
fn every_example_passes() {
    let examples = concat!(env!("CARGO_MANIFEST_DIR"), "/../examples/packs");
    for pack in fs::read_dir(examples).unwrap() {
        let pack = pack.unwrap().path();
        let (folder, name) = (
            pack.parent().unwrap(),
            pack.file_name().unwrap().to_str().unwrap(),
        );
        for args in [
            &["check", name, "--deny-warnings"][..],
            &["fmt", name, "--check"],
            &["test", name],
        ] {
            let run = run(&mut mission(folder, args));
            assert_eq!(run.code, 0, "{args:?}\n{}{}", run.out, run.err);
        }
    }
}

#[test]
fn eval_prints_the_value_alone_and_its_trace_beside_it() {
    let folder = with_demo();
    let eval = |hook: &str, context: &str, more: &[&str]| {
        let mut args = vec!["eval", "demo", "watch-3-videos", hook, "--context", "-"];
        args.extend(more);
        run(mission(folder.path(), &args).write_stdin(context))
    };
    let long = r#"{"event":{"data":{"seconds":35}}}"#;
    let plain = eval("progress", long, &[]);
    assert_eq!(
        (plain.code, plain.out.as_str(), plain.err.as_str()),
        (0, "{\"value\":1}\n", "")
    );
    let traced = eval("progress", long, &["--trace"]);
    assert_eq!((traced.code, traced.out.as_str()), (0, "{\"value\":1}\n"));
    assert!(
        traced.err.contains("ctx.event.data.seconds = 35"),
        "{}",
        traced.err
    );
    let default = eval("reward", "{}", &[]);
    assert_eq!(
        default.out,
        "{\"value\":{\"experience_points\":20,\"mining_boost_percent\":0,\"points\":50}}\n"
    );
    assert!(default.err.contains("this is the default"), "{}", default.err);

    fs::write(folder.path().join("context.json"), "[1]").unwrap();
    let args = [
        "eval",
        "demo",
        "watch-3-videos",
        "progress",
        "--context",
        "context.json",
    ];
    let list = run(&mut mission(folder.path(), &args));
    assert_eq!(list.code, 1);
    assert!(list.err.contains("must be a JSON object"), "{}", list.err);
}

#[test]
fn eval_reads_decimals_exactly_and_the_mission_of_the_pack() {
    let folder = with_demo();
    fs::write(
        folder.path().join("demo/rules/watch.rhai"),
        "fn reward(ctx) { #{ points: ctx.mission.reward.points * 0.1 + ctx.user.attributes.extra } }\n\
         fn progress(ctx) { 0 - 1 }\n",
    )
    .unwrap();
    let args = ["eval", "demo", "watch-3-videos", "reward", "--context", "-"];
    let context = r#"{"user":{"attributes":{"extra":0.2}}}"#;
    let exact = run(mission(folder.path(), &args).write_stdin(context));
    assert_eq!(
        (exact.code, exact.out.as_str()),
        (0, "{\"value\":{\"points\":5.2}}\n"),
        "{}",
        exact.err
    );
    let args = ["eval", "demo", "watch-3-videos", "progress", "--context", "-"];
    let failed = run(mission(folder.path(), &args).write_stdin("{}"));
    assert_eq!((failed.code, failed.out.as_str()), (1, ""));
    assert!(
        failed.err.contains("`progress` of `watch-3-videos`"),
        "{}",
        failed.err
    );
}

#[test]
fn completions_know_the_commands_of_every_shell() {
    let folder = with_demo();
    for shell in ["bash", "zsh", "fish", "elvish", "powershell"] {
        let run = run(&mut mission(folder.path(), &["completions", shell]));
        assert_eq!(run.code, 0);
        assert!(run.out.contains("replay"), "{shell}");
    }
}

#[test]
fn help_has_examples_for_each_command() {
    let folder = with_demo();
    for command in [
        "new",
        "check",
        "fmt",
        "test",
        "eval",
        "replay",
        "push",
        "diff",
        "pull",
        "token",
        "completions",
    ] {
        let run = run(&mut mission(folder.path(), &[command, "--help"]));
        assert_eq!(run.code, 0);
        assert!(
            run.out.contains(&format!("mission {command}")) && run.out.contains("Example"),
            "{}",
            run.out
        );
    }
    assert_eq!(run(&mut mission(folder.path(), &["--version"])).code, 0);
}

#[test]
fn a_reader_that_goes_away_is_no_error() {
    let folder = with_demo();
    let program = assert_cmd::cargo::cargo_bin!("mission");
    let script = format!(
        "'{}' completions bash | head -c 1; exit ${{PIPESTATUS[0]}}",
        program.display()
    );
    let output = std::process::Command::new("bash")
        .args(["-c", &script])
        .current_dir(folder.path())
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(0));
    assert_eq!(String::from_utf8_lossy(&output.stderr), "");
}

#[test]
fn colours_are_for_terminals() {
    let folder = with_demo();
    assert!(
        !run(&mut mission(folder.path(), &["test", "demo"]))
            .out
            .contains('\u{1b}')
    );
    let forced = run(mission(folder.path(), &["test", "demo"]).env("CLICOLOR_FORCE", "1"));
    assert!(forced.out.contains('\u{1b}'));
    let none = run(mission(folder.path(), &["test", "demo"]).env("NO_COLOR", "1"));
    assert!(!none.out.contains('\u{1b}'));
}

#[test]
fn the_demo_tells_the_main_job() {
    let folder = tempfile::tempdir().unwrap();
    let told = run(&mut mission(folder.path(), &["demo"]));
    assert_eq!((told.code, told.err.as_str()), (0, ""));
    for part in [
        "3 of 3, completed",
        "She takes her reward: 50 points",
        "refused, `already_claimed`",
        "2026-01-11 10:20  A check-in: streak 7, 81 points, a milestone",
    ] {
        assert!(told.out.contains(part), "{part}\n{}", told.out);
    }
    assert_eq!(told.out.matches("A check-in").count(), 7);
}

#[test]
fn the_log_that_is_shipped_can_be_replayed_under_the_starter_pack() {
    let examples = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../examples");
    let args = ["replay", "packs/starter", "--events", "log.jsonl"];
    let replayed = run(&mut mission(&examples, &args));
    assert_eq!(
        (replayed.code, replayed.err.as_str()),
        (0, ""),
        "{}",
        replayed.err
    );
    assert!(replayed.out.contains("0 refused"), "{}", replayed.out);
    assert!(replayed.out.contains("watch-3-videos"), "{}", replayed.out);
}

#[test]
fn a_folder_without_a_manifest_and_a_filter_without_a_match_are_unusable() {
    let folder = with_demo();
    std::fs::create_dir(folder.path().join("empty")).unwrap();
    for command in ["check", "test"] {
        let told = run(&mut mission(folder.path(), &[command, "empty"]));
        assert_eq!(told.code, 2, "{command}");
        assert!(told.err.contains("`empty` holds no `pack.toml`"), "{}", told.err);
    }
    let told = run(&mut mission(
        folder.path(),
        &["test", "demo", "--filter", "thre long"],
    ));
    assert_eq!((told.code, told.out.as_str()), (2, ""));
    assert!(
        told.err
            .contains("contains `thre long`; the cases are `three long videos"),
        "{}",
        told.err
    );
}

#[test]
fn coverage_says_what_no_case_tried() {
    let folder = with_demo();
    let all = run(&mut mission(
        folder.path(),
        &["test", "demo", "--coverage", "--min-coverage", "100"],
    ));
    assert_eq!(all.code, 0, "{}{}", all.out, all.err);
    let script = "fn progress(ctx) {
    if ctx.event.data.seconds >= 30 {
        return 1;
    }
    if ctx.user.level > 90 {
        return 2;
    }
    0
}
";
    fs::write(folder.path().join("demo/rules/watch.rhai"), script).unwrap();
    insta::assert_snapshot!(transcript(
        folder.path(),
        &[
            &["test", "demo", "--coverage", "--lcov", "lcov.info"],
            &["test", "demo", "--min-coverage", "90", "--format", "json"],
        ]
    ));
    insta::assert_snapshot!(
        "lcov",
        fs::read_to_string(folder.path().join("lcov.info")).unwrap()
    );
}

#[test]
fn a_change_is_tested_at_once() {
    use std::io::{BufRead as _, BufReader};

    let folder = with_demo();
    let mut watching = std::process::Command::new(env!("CARGO_BIN_EXE_mission"))
        .args(["test", "demo", "--watch"])
        .current_dir(folder.path())
        .stdout(std::process::Stdio::piped())
        .stderr(std::process::Stdio::null())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(watching.stdout.take().unwrap())
        .lines()
        .map(Result::unwrap);
    let mut until = |text: &str| lines.by_ref().find(|line| line.contains(text));
    assert!(until("watching `demo`").is_some());
    edit(
        folder.path(),
        "rules/watch.rhai",
        "{ 1 } else { 0 }",
        "{ 0 } else { 0 }",
    );
    assert!(until(" failed").is_some_and(|line| !line.ends_with("0 failed")));
    assert!(until("watching `demo`").is_some());
    edit(
        folder.path(),
        "rules/watch.rhai",
        "{ 0 } else { 0 }",
        "{ 1 } else { 0 }",
    );
    assert!(until(" failed").is_some_and(|line| line.ends_with("0 failed")));
    watching.kill().unwrap();
    watching.wait().unwrap();
}
