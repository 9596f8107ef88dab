//! `mission lsp`, spoken with over its standard input and output as editors do.

mod editor;

use std::{fs, io::Write as _};

use editor::{Editor, place};
use serde_json::{Value, json};
use url::Url;

use crate::{edit, with_demo};

const SCRIPT: &str = "rules/watch.rhai";
const MISSION: &str = "missions/watch-3-videos.toml";
/// A mission that is being written.
const DRAFT: &str = "missions/draft.toml";

fn pretty(value: &Value) -> String {
    serde_json::to_string_pretty(value).unwrap()
}

#[test]
fn findings_come_while_the_author_types_and_go_when_they_are_gone() {
    let folder = with_demo();
    let mut editor = Editor::in_folder(&folder.path().join("demo"));
    let good = "fn progress(ctx) { 1 }\nfn eligible(ctx) { /* 𝄞é */ ctx.user.level >= 3 }\n";
    let typo = good.replace("level", "levle");
    editor.open(SCRIPT, &typo);
    let found = editor.findings(SCRIPT);
    insta::assert_snapshot!(pretty(&json!(found)));
    editor.change(SCRIPT, 2, good);
    assert_eq!(editor.findings(SCRIPT), Vec::<Value>::new());
    // Of two changes at once the last one counts.
    editor.change(SCRIPT, 3, &typo);
    editor.change(SCRIPT, 4, "fn progress(ctx) {");
    let found = editor.findings_of(SCRIPT, 4);
    assert_eq!((found.len(), &found[0]["code"]), (1, &json!("script/syntax")));
    assert_eq!(place(&found[0]["range"]), "0:17-0:18");
    assert_eq!(editor.leave(), Some(0));
}

#[test]
fn a_text_that_is_not_saved_counts_for_the_other_files_of_its_pack_and_no_other() {
    let folder = with_demo();
    let root = folder.path().join("demo");
    let other = folder.path().join("other");
    assert_eq!(
        crate::run(&mut crate::mission(folder.path(), &["new", "other"])).code,
        0
    );
    let mut editor = Editor::in_folder(folder.path());
    let text = fs::read_to_string(root.join(MISSION)).unwrap();
    let renamed = text.replace("code = \"watch-3-videos\"", "code = \"watch-4-videos\"");
    let (mission, cases) = (
        format!("demo/{MISSION}"),
        "demo/tests/watch-3-videos.toml".to_owned(),
    );
    editor.open(&mission, &renamed);
    let found = editor.findings(&cases);
    assert_eq!(found[0]["code"], "pack/unknown-mission");
    assert!(
        found[0]["message"]
            .as_str()
            .unwrap()
            .ends_with("help: did you mean `watch-4-videos`?"),
        "{found:?}"
    );
    // The pack beside it is its own.
    editor.open(
        &format!("other/{MISSION}"),
        &fs::read_to_string(other.join(MISSION)).unwrap(),
    );
    assert_eq!(editor.findings(&format!("other/{MISSION}")), Vec::<Value>::new());
    // Closed without saving: what is on the disk counts again.
    let document = json!({ "textDocument": { "uri": editor.uri(&mission) } });
    editor.tell("textDocument/didClose", document);
    assert_eq!(editor.findings(&cases), Vec::<Value>::new());
    // So does what another program writes, once the editor tells.
    edit(
        folder.path(),
        MISSION,
        "frequency = \"daily\"",
        "frequency = \"dayly\"",
    );
    let changed = json!({ "changes": [{ "uri": editor.uri(&mission), "type": 2 }] });
    editor.tell("workspace/didChangeWatchedFiles", changed);
    assert_eq!(editor.findings(&mission)[0]["code"], "pack/bad-value");
    // A pack that is no more has no findings.
    fs::remove_dir_all(&root).unwrap();
    let gone = json!({ "changes": [{ "uri": editor.uri("demo/pack.toml"), "type": 3 }] });
    editor.tell("workspace/didChangeWatchedFiles", gone);
    assert_eq!(editor.findings(&mission), Vec::<Value>::new());
}

#[test]
fn scripts_are_completed() {
    let folder = with_demo();
    let mut editor = Editor::in_folder(&folder.path().join("demo"));
    let roots = [
        "completions",
        "event",
        "evidence",
        "mission",
        "now",
        "streak",
        "task",
        "user",
    ];
    assert_eq!(editor.completed(SCRIPT, "fn eligible(ctx) { ctx.|")[..8], roots);
    assert_eq!(
        editor.completed(SCRIPT, "fn eligible(c) { c.mission.re|wa }")[..1],
        ["category"]
    );
    let reward = [
        "badge_id",
        "experience_points",
        "expires_after_days",
        "mining_boost_percent",
        "points",
    ];
    assert_eq!(
        editor.completed(SCRIPT, "fn reward(ctx) { ctx.mission.reward.| }")[..5],
        reward
    );
    // As `pack.toml` declares the event of the mission.
    assert_eq!(
        editor.completed(SCRIPT, "fn progress(ctx) { ctx.event.data.|")[..1],
        ["seconds"]
    );
    let of_lists = editor.completed(SCRIPT, "fn eligible(ctx) { ctx.user.tags.| }");
    assert!(
        of_lists.contains(&"without".to_owned()) && !of_lists.contains(&"trim".to_owned()),
        "{of_lists:?}"
    );
    let words = editor.completed(SCRIPT, "fn eligible(ctx) { he| }\nfn helper(ctx) { true }");
    for word in ["ctx", "helper", "parse_int", "switch"] {
        assert!(words.contains(&word.to_owned()), "{word}: {words:?}");
    }
    assert_eq!(
        editor.completed(SCRIPT, "fn eligible(ctx) { ctx.completions[\"|\"] }"),
        ["watch-3-videos"]
    );
    assert_eq!(editor.completed(SCRIPT, "// ctx.|"), Vec::<String>::new());
    let items = editor.at("completion", SCRIPT, "fn eligible(ctx) { /* 𝄞 */ ctx.user.le| }");
    let items = items.as_array().unwrap();
    insta::assert_snapshot!(pretty(
        items.iter().find(|item| item["label"] == "level").unwrap()
    ));
}

#[test]
fn toml_is_completed() {
    let folder = with_demo();
    let mut editor = Editor::in_folder(&folder.path().join("demo"));
    let evidence = ["min_seconds", "review"];
    assert_eq!(
        editor.completed(DRAFT, "[evidence]\ntype = \"watch_duration\"\n|"),
        evidence
    );
    let keys = editor.completed(DRAFT, "category = \"a\"\nfr|\n[reward]\n");
    assert!(
        keys.contains(&"frequency".to_owned()) && !keys.contains(&"category".to_owned()),
        "{keys:?}"
    );
    let frequencies = ["one_time", "daily", "weekly", "monthly", "unlimited"];
    assert_eq!(editor.completed(DRAFT, "frequency = \"|"), frequencies);
    assert_eq!(editor.completed(DRAFT, "auto_start = |"), ["true", "false"]);
    assert_eq!(editor.completed(DRAFT, "[[|"), ["rules", "stage", "trigger"]);
    assert_eq!(
        editor.completed(DRAFT, "requires = [{ any_of = [\"|\"], wi = 1 }]"),
        ["watch-3-videos"]
    );
    assert_eq!(editor.completed(DRAFT, "rules_script = |"), [SCRIPT]);
    assert!(
        editor
            .completed(DRAFT, "[[rules]]\nrule_type = \"us|\"")
            .contains(&"user.level".to_owned())
    );
    assert_eq!(
        editor.completed("tests/a.toml", "[[case]]\nmission = \"|\""),
        ["watch-3-videos"]
    );
    assert!(
        editor
            .completed("tests/a.toml", "[[case]]\nexpect = { st|")
            .contains(&"status".to_owned())
    );
    assert!(
        editor
            .completed("pack.toml", "name = \"demo\"\n|")
            .contains(&"points_scale".to_owned())
    );
    assert!(
        editor
            .completed("checkin.toml", "[[tiers]]\n|")
            .contains(&"bonus_percent".to_owned())
    );
    assert_eq!(editor.completed("referral.toml", "|"), ["points"]);
    let items = editor.at("completion", DRAFT, "frequency = da|");
    insta::assert_snapshot!(pretty(&items[1]));
}

#[test]
fn words_are_explained() {
    let folder = with_demo();
    let mut editor = Editor::in_folder(&folder.path().join("demo"));
    let script = "fn eligible(ctx) { ctx.user.le|vel > add(1) }";
    let mut told = vec![editor.hovered(SCRIPT, script)];
    for (path, marked) in [
        (SCRIPT, "fn progress(ctx) { ctx.event.data.sec|onds }"),
        (SCRIPT, "fn eligible(c|tx) { true }"),
        (
            SCRIPT,
            "fn eligible(ctx) { ad|d(1) }\n// One more.\nfn add(n) { n + 1 }",
        ),
        (SCRIPT, "// Who may.\nfn eli|gible(ctx) { true }"),
        (SCRIPT, "fn eligible(ctx) { ctx.user.tags.con|tains(\"vip\") }"),
        (SCRIPT, "fn eligible(ctx) { le|t a = 1; }"),
        (DRAFT, "freq|uency = \"daily\""),
        (DRAFT, "[rew|ard]"),
        (DRAFT, "[trigger]\nfields = { seconds = \"\" }\nev|ent = \"\""),
        (DRAFT, "title = { e|n = \"\" }"),
        (DRAFT, "[[rules]]\nrule_type = \"user.day|s_away\""),
        ("tests/a.toml", "[[case]]\nmission = \"watch-3|-videos\""),
    ] {
        told.push(editor.hovered(path, marked));
    }
    insta::assert_snapshot!(told.join("\n----\n"));
}

#[test]
fn definitions_are_found() {
    let folder = with_demo();
    let mut editor = Editor::in_folder(&folder.path().join("demo"));
    let mission = "missions/watch-3-videos.toml 2:7-2:23";
    for (path, marked, expected) in [
        (
            DRAFT,
            "rules_script = \"rules/|watch.rhai\"",
            "rules/watch.rhai 0:0-0:0",
        ),
        (DRAFT, "requires = [\"watch|-3-videos\"]", mission),
        (DRAFT, "requires = [{ any_of = [\"watch-3-videos|\"] }]", mission),
        (
            DRAFT,
            "[[rules]]\nrule_type = \"completions.wa|tch-3-videos\"",
            mission,
        ),
        ("tests/a.toml", "[[case]]\nmission = \"watch|-3-videos\"", mission),
        ("tests/a.toml", "[[case]]\nmission = \"nob|ody\"", "nowhere"),
        ("tests/a.toml", "[[case]]\nname = \"watch|-3-videos\"", "nowhere"),
        (
            SCRIPT,
            "fn eligible(ctx) { ctx.completions[\"watch|-3-videos\"] }",
            mission,
        ),
        (
            SCRIPT,
            "fn eligible(ctx) { hel|per(1) }\n\nfn helper(n) { n }",
            "rules/watch.rhai 2:3-2:9",
        ),
        (
            SCRIPT,
            "fn eligible(ctx) { 1.hel|per() }\n\nfn helper(n) { n }",
            "rules/watch.rhai 2:3-2:9",
        ),
        (SCRIPT, "fn eligible(ctx) { ctx.us|er }", "nowhere"),
    ] {
        assert_eq!(editor.defined(path, marked), expected, "{marked}");
    }
}

#[test]
fn a_correction_is_offered_where_only_one_thing_can_be_meant() {
    let folder = with_demo();
    let root = folder.path().join("demo");
    let mut editor = Editor::in_folder(&root);
    let text = fs::read_to_string(root.join(MISSION)).unwrap();
    let broken = text
        .replace("frequency = \"daily\"", "frequency = \"dayly\"")
        .replace("auto_start", "auto_strat")
        + "colour = \"red\"\n";
    editor.open(MISSION, &broken);
    let found = editor.findings(MISSION);
    assert_eq!(found.len(), 3, "{found:?}");
    let whole = json!({ "start": { "line": 0, "character": 0 }, "end": { "line": 99, "character": 0 } });
    let params = |only: Value| {
        json!({
            "textDocument": { "uri": Url::from_file_path(root.join(MISSION)).unwrap() },
            "range": whole, "context": { "diagnostics": [], "only": only },
        })
    };
    let offered = editor.ask("textDocument/codeAction", params(Value::Null));
    let uri = editor.uri(MISSION);
    let actions = offered.as_array().unwrap();
    let edits: Vec<&Value> = actions
        .iter()
        .map(|action| &action["edit"]["changes"][&uri][0]["newText"])
        .collect();
    assert_eq!(edits, ["\"daily\"", "auto_start"]);
    assert_eq!(actions[0]["diagnostics"][0], found[0]);
    assert_eq!(
        editor.ask("textDocument/codeAction", params(json!(["refactor"]))),
        json!([])
    );
    // Of a text that was not checked yet nobody knows where it is.
    editor.change(MISSION, 2, &format!("\n\n{broken}"));
    assert_eq!(
        editor.ask("textDocument/codeAction", params(json!(["quickfix"]))),
        json!([])
    );
    editor.findings(MISSION);
    let again = editor.ask("textDocument/codeAction", params(json!(["quickfix"])));
    assert_eq!(again.as_array().map(Vec::len), Some(2));
}

#[test]
fn nothing_that_an_editor_sends_stops_the_server() {
    let folder = with_demo();
    let root = folder.path().join("demo");
    fs::write(root.join("missions/latin.toml"), b"code = \"caf\xe9\"").unwrap();
    let mut editor = Editor::in_folder(folder.path());
    // In no pack, and no file.
    editor.open("notes.toml", "a = ");
    assert_eq!(editor.hovered("notes.toml", "a| = 1"), "nothing");
    let unnamed = json!({ "uri": "untitled:a", "languageId": "toml", "version": 1, "text": "" });
    editor.tell("textDocument/didOpen", json!({ "textDocument": unnamed }));
    let nowhere =
        json!({ "textDocument": { "uri": "untitled:a" }, "position": { "line": 9, "character": 9 } });
    assert_eq!(editor.ask("textDocument/hover", nowhere), Value::Null);
    // Not UTF-8 on the disk, and laid over by the editor.
    editor.open("demo/pack.toml", "name = \"demo\"\nversion = \"1\"\n");
    assert_eq!(
        editor.places("demo/missions/latin.toml"),
        ["pack/not-utf8 0:0-0:0"]
    );
    editor.open("demo/missions/latin.toml", "code = ");
    assert_eq!(
        editor.places("demo/missions/latin.toml")[0],
        "toml/syntax 0:7-0:7"
    );
    // Half written, deep, strange.
    for text in [
        String::new(),
        "fn".to_owned(),
        "fn eligible(".to_owned(),
        "\"".to_owned(),
        "/*".to_owned(),
        "\u{feff}\r\r\n\u{0}𝄞".to_owned(),
        "(".repeat(20_000),
        "a = [".repeat(20_000),
        format!("fn eligible(ctx) {{ {}1", "1 + ".repeat(20_000)),
    ] {
        for path in ["demo/rules/watch.rhai", "demo/missions/watch-3-videos.toml"] {
            editor.open(path, &text);
            editor.findings(path);
            for what in ["hover", "completion", "definition"] {
                let position = json!({ "line": u32::MAX, "character": u32::MAX });
                let params = json!({ "textDocument": { "uri": editor.uri(path) }, "position": position });
                assert_eq!(
                    editor.ask(&format!("textDocument/{what}"), params)["error"],
                    Value::Null
                );
            }
        }
    }
    assert_eq!(
        editor.ask("textDocument/hover", json!({ "position": 1 }))["error"],
        -32602
    );
    assert_eq!(editor.ask("textDocument/rename", json!({}))["error"], -32601);
    editor.tell("textDocument/didOpen", json!({ "textDocument": 1 }));
    editor.tell("$/setTrace", json!({ "value": "off" }));
    assert_eq!(editor.leave(), Some(0));
}

#[test]
fn the_end_of_the_conversation_decides_the_exit() {
    let folder = with_demo();
    let mut rude = Editor::in_folder(folder.path());
    rude.tell("exit", Value::Null);
    assert_eq!(rude.server.wait().unwrap().code(), Some(1));
    let mut gone = Editor::in_folder(folder.path());
    gone.input = None;
    assert_eq!(gone.server.wait().unwrap().code(), Some(1));
    let mut strange = Editor::silent(folder.path());
    strange
        .input
        .as_mut()
        .unwrap()
        .write_all(b"GET / HTTP/1.1\r\n\r\n")
        .unwrap();
    assert_eq!(strange.server.wait().unwrap().code(), Some(1));
    let told = std::io::read_to_string(strange.server.stderr.take().unwrap()).unwrap();
    assert!(
        told.starts_with("error: cannot read what the editor sends"),
        "{told}"
    );
}
