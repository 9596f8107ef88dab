//! `mission lsp`, spoken with over its standard input and output as editors do.

use std::{
    fs,
    io::{BufReader, Write as _},
    path::{Path, PathBuf},
    process::{Child, ChildStdin, Command, Stdio},
    sync::mpsc::{self, Receiver},
    thread,
    time::Duration,
};

use lsp_server::{Message, Notification, Request, RequestId};
use serde_json::{Value, json};
use url::Url;

use crate::{edit, with_demo};

/// Nothing takes so long unless it never comes.
const PATIENCE: Duration = Duration::from_secs(60);

const SCRIPT: &str = "rules/watch.rhai";
const MISSION: &str = "missions/watch-3-videos.toml";
/// A mission that is being written.
const DRAFT: &str = "missions/draft.toml";

/// An editor.
struct Editor {
    server: Child,
    input: Option<ChildStdin>,
    messages: Receiver<Message>,
    requests: i32,
    root: PathBuf,
}

impl Editor {
    /// An editor that nobody has greeted yet.
    fn silent(root: &Path) -> Editor {
        let mut server = Command::new(assert_cmd::cargo::cargo_bin!("mission"))
            .arg("lsp")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut output = BufReader::new(server.stdout.take().unwrap());
        let (told, messages) = mpsc::channel();
        thread::spawn(move || {
            while let Ok(Some(message)) = Message::read(&mut output) {
                if told.send(message).is_err() {
                    return;
                }
            }
        });
        Editor {
            input: server.stdin.take(),
            server,
            messages,
            requests: 0,
            root: root.to_owned(),
        }
    }

    fn in_folder(root: &Path) -> Editor {
        let mut editor = Editor::silent(root);
        let known = editor.ask(
            "initialize",
            json!({ "capabilities": {}, "processId": null, "rootUri": null }),
        );
        assert_eq!(known["capabilities"]["positionEncoding"], "utf-16");
        editor.tell("initialized", json!({}));
        editor
    }

    fn send(&mut self, message: &Message) {
        message.write(self.input.as_mut().unwrap()).unwrap();
    }

    fn tell(&mut self, method: &str, params: Value) {
        self.send(&Notification::new(method.to_owned(), params).into());
    }

    /// The result of a request, or its error.
    fn ask(&mut self, method: &str, params: Value) -> Value {
        self.requests += 1;
        let id = RequestId::from(self.requests);
        self.send(&Request::new(id.clone(), method.to_owned(), params).into());
        loop {
            match self.messages.recv_timeout(PATIENCE).unwrap() {
                Message::Response(answer) if answer.id == id => {
                    return answer
                        .response_result
                        .unwrap_or_else(|error| json!({ "error": error.code }));
                }
                Message::Response(other) => assert_eq!(other.id, id, "answers come in order"),
                _ => {}
            }
        }
    }

    fn uri(&self, path: &str) -> String {
        Url::from_file_path(self.root.join(path)).unwrap().into()
    }

    fn open(&mut self, path: &str, text: &str) {
        let document = json!({ "uri": self.uri(path), "languageId": "toml", "version": 1, "text": text });
        self.tell("textDocument/didOpen", json!({ "textDocument": document }));
    }

    fn change(&mut self, path: &str, version: i32, text: &str) {
        let document = json!({ "uri": self.uri(path), "version": version });
        let changes = json!([{ "text": text }]);
        self.tell(
            "textDocument/didChange",
            json!({ "textDocument": document, "contentChanges": changes }),
        );
    }

    /// What is published next of a file.
    fn findings(&mut self, path: &str) -> Vec<Value> {
        let uri = self.uri(path);
        loop {
            let message = self.messages.recv_timeout(PATIENCE).unwrap();
            if let Message::Notification(told) = message
                && told.method == "textDocument/publishDiagnostics"
                && told.params["uri"] == uri
            {
                return told.params["diagnostics"].as_array().unwrap().clone();
            }
        }
    }

    /// Code and place of what is published next of a file.
    fn places(&mut self, path: &str) -> Vec<String> {
        let findings = self.findings(path);
        findings
            .iter()
            .map(|found| format!("{} {}", found["code"].as_str().unwrap(), place(&found["range"])))
            .collect()
    }

    /// Asks about the `|` of a text that is opened, or changed, for it.
    fn at(&mut self, what: &str, path: &str, marked: &str) -> Value {
        let offset = marked.find('|').unwrap();
        let text = marked.replacen('|', "", 1);
        self.open(path, &text);
        let before = &text[..offset];
        let character = before.rsplit('\n').next().unwrap().encode_utf16().count();
        let position = json!({ "line": before.matches('\n').count(), "character": character });
        let params = json!({ "textDocument": { "uri": self.uri(path) }, "position": position });
        self.ask(&format!("textDocument/{what}"), params)
    }

    /// The labels of what can be written at the `|` of a text.
    fn completed(&mut self, path: &str, marked: &str) -> Vec<String> {
        let items = self.at("completion", path, marked);
        let items = items.as_array().unwrap().iter();
        items
            .map(|item| item["label"].as_str().unwrap().to_owned())
            .collect()
    }

    fn hovered(&mut self, path: &str, marked: &str) -> String {
        let hover = self.at("hover", path, marked);
        hover["contents"]["value"]
            .as_str()
            .unwrap_or("nothing")
            .to_owned()
    }

    /// File and place of the definition of what is at the `|` of a text.
    fn defined(&mut self, path: &str, marked: &str) -> String {
        let location = self.at("definition", path, marked);
        let root = format!("{}/", self.uri("").trim_end_matches('/'));
        match location["uri"].as_str() {
            Some(uri) => format!(
                "{} {}",
                uri.strip_prefix(&root).unwrap(),
                place(&location["range"])
            ),
            None => "nowhere".to_owned(),
        }
    }

    /// Says that this is all, and answers the exit code.
    fn leave(mut self) -> Option<i32> {
        assert_eq!(self.ask("shutdown", Value::Null), Value::Null);
        self.tell("exit", Value::Null);
        self.server.wait().unwrap().code()
    }
}

impl Drop for Editor {
    fn drop(&mut self) {
        drop(self.server.kill());
        drop(self.server.wait());
    }
}

fn pretty(value: &Value) -> String {
    serde_json::to_string_pretty(value).unwrap()
}

/// A range as `line:character-line:character`, from 0.
fn place(range: &Value) -> String {
    let position = |end: &str| format!("{}:{}", range[end]["line"], range[end]["character"]);
    format!("{}-{}", position("start"), position("end"))
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
    // Twice at once is checked once, as it is at last.
    editor.change(SCRIPT, 3, &typo);
    editor.change(SCRIPT, 4, "fn progress(ctx) {");
    assert_eq!(editor.places(SCRIPT), ["script/syntax 0:17-0:18"]);
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
    let keys = editor.completed(DRAFT, "code = \"a\"\nfr|\n[reward]\n");
    assert!(
        keys.contains(&"frequency".to_owned()) && !keys.contains(&"code".to_owned()),
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
