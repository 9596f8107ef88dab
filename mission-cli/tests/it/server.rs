//! `push`, `diff` and `pull`, against a server that says what it is told to.

use std::{
    fs,
    io::{BufRead, BufReader, Read, Write},
    net::TcpListener,
    thread::JoinHandle,
};

use serde_json::{Value, json};

use crate::{ANNA, Run, edit, mission, run, with_demo};

/// One request: its first line, its authorization and its body.
pub(crate) struct Seen {
    pub(crate) line: String,
    authorization: String,
    body: String,
}

pub(crate) type Answer = (&'static str, Value);

/// Answers one request after the other on a port of its own.
fn server(answers: Vec<Answer>) -> (String, JoinHandle<Vec<Seen>>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = format!("http://{}", listener.local_addr().unwrap());
    let serve = move |(status, answer): Answer| {
        let (mut stream, _) = listener.accept().unwrap();
        let mut reader = BufReader::new(stream.try_clone().unwrap());
        let mut lines = Vec::new();
        loop {
            let mut line = String::new();
            reader.read_line(&mut line).unwrap();
            if line.trim().is_empty() {
                break;
            }
            lines.push(line.trim().to_owned());
        }
        let header = |name: &str| {
            let found = lines.iter().find_map(|line| {
                let (key, value) = line.split_once(':')?;
                key.eq_ignore_ascii_case(name).then(|| value.trim().to_owned())
            });
            found.unwrap_or_default()
        };
        let mut body = vec![0; header("content-length").parse().unwrap_or(0)];
        reader.read_exact(&mut body).unwrap();
        let answer = answer.to_string();
        write!(
            stream,
            "HTTP/1.1 {status}\r\ncontent-type: application/json\r\ncontent-length: {}\r\nconnection: close\r\n\r\n{answer}",
            answer.len()
        )
        .unwrap();
        Seen {
            line: lines[0].clone(),
            authorization: header("authorization"),
            body: String::from_utf8(body).unwrap(),
        }
    };
    (
        address,
        std::thread::spawn(move || answers.into_iter().map(serve).collect()),
    )
}

const TOKEN: &str = "header.claims.signature";

fn ask(folder: &std::path::Path, args: &[&str], status: &'static str, answer: Value) -> (Run, Seen) {
    let (run, mut seen) = asks(folder, args, "", vec![(status, answer)]);
    (run, seen.remove(0))
}

/// Runs a command against a server that expects so many requests; what is typed goes to the standard input.
pub(crate) fn asks(
    folder: &std::path::Path,
    args: &[&str],
    typed: &str,
    answers: Vec<Answer>,
) -> (Run, Vec<Seen>) {
    let (address, serving) = server(answers);
    let args = [args, &["--server", &address]].concat();
    let run = run(mission(folder, &args)
        .env("MISSION_TOKEN", TOKEN)
        .env("NO_PROXY", "127.0.0.1")
        .write_stdin(typed));
    assert!(
        !run.out.contains(TOKEN) && !run.err.contains(TOKEN),
        "the token is never printed"
    );
    (run, serving.join().unwrap())
}

fn files(folder: &std::path::Path) -> Value {
    let mut files = serde_json::Map::new();
    for path in [
        "pack.toml",
        "missions/watch-3-videos.toml",
        "rules/watch.rhai",
        "tests/watch-3-videos.toml",
    ] {
        files.insert(
            path.to_owned(),
            json!(fs::read_to_string(folder.join("demo").join(path)).unwrap()),
        );
    }
    json!({"name": "demo", "version": 3, "files": files})
}

fn unknown() -> Answer {
    ("404 Not Found", json!({"code": "not_found"}))
}

fn taken() -> Answer {
    let missions = json!({"watch-3-videos": {"id": "x", "status": "active", "version": 1}});
    let answer = json!({"name": "demo", "version": 3, "missions": missions, "archived_missions": ["old-one"],
        "open_tasks": {"kept": 2, "moved": 1}, "warnings": {}});
    ("200 OK", answer)
}

#[test]
fn push_shows_the_diff_and_sends_the_whole_pack() {
    let folder = with_demo();
    let (run, seen) = asks(
        folder.path(),
        &["push", "demo", "--yes"],
        "",
        vec![unknown(), taken()],
    );
    assert_eq!(run.code, 0, "{}", run.err);
    assert!(
        run.out.contains("+++ here/missions/watch-3-videos.toml"),
        "{}",
        run.out
    );
    assert!(
        run.out
            .contains("as version 3\n  watch-3-videos  active\n  old-one  archived, because"),
        "{}",
        run.out
    );
    assert!(
        run.out
            .contains("the missions stay as they were for 2 open tasks"),
        "{}",
        run.out
    );
    assert!(
        run.out.contains("taken along by `apply_to_running`: 1 open task"),
        "{}",
        run.out
    );
    assert_eq!(seen[0].line, "GET /api/v1/packs/demo HTTP/1.1");
    assert_eq!(seen[1].line, "PUT /api/v1/packs/demo HTTP/1.1");
    assert_eq!(seen[1].authorization, format!("Bearer {TOKEN}"));
    let sent: Value = serde_json::from_str(&seen[1].body).unwrap();
    assert_eq!(sent, json!({"files": files(folder.path())["files"]}));
    let args = ["push", "demo", "--draft", "-y"];
    let (_, seen) = asks(folder.path(), &args, "", vec![unknown(), taken()]);
    assert_eq!(seen[1].line, "PUT /api/v1/packs/demo?activate=false HTTP/1.1");
}

#[test]
fn shadow_tells_what_would_have_been_granted() {
    let folder = with_demo();
    let totals = |completed: u32, points: f64| json!({"started": 3, "completed": completed, "grants": completed, "points": points});
    let report = json!({
        "mission_id": ANNA, "mission": "watch-v2", "shadow_of": "watch", "since": "2026-01-05T10:00:00Z", "users": 2,
        "is_partial": false, "shadow": totals(3, 37.5), "live": totals(2, 20.0),
        "completed_by": {"both": 1, "shadow_only": 1, "live_only": 0},
        "differences": [{"user_id": ANNA, "points": 12.5, "shadow": totals(1, 12.5), "live": totals(0, 0.0)}],
        "health": {"failures_last_hour": 2, "last_reason": "it failed", "since": "2026-01-05T10:00:00Z"},
    });
    let (run, seen) = ask(folder.path(), &["shadow", "watch-v2"], "200 OK", report.clone());
    assert_eq!(run.code, 0, "{}", run.err);
    assert_eq!(seen.line, "GET /api/v1/missions/watch-v2/shadow HTTP/1.1");
    insta::assert_snapshot!(run.out);
    let (run, _) = ask(
        folder.path(),
        &["shadow", "watch-v2", "--format", "json"],
        "200 OK",
        report.clone(),
    );
    assert_eq!(serde_json::from_str::<Value>(&run.out).unwrap(), report);
    let mut empty = report;
    for field in ["since", "shadow_of", "live", "completed_by"] {
        empty[field] = Value::Null;
    }
    let (run, _) = ask(folder.path(), &["shadow", "watch-v2"], "200 OK", empty);
    assert_eq!(run.out, "`watch-v2` has heard of nothing yet\n");
    let (run, _) = ask(
        folder.path(),
        &["shadow", "watch"],
        "404 Not Found",
        json!({"code": "not_found"}),
    );
    assert_eq!(run.code, 1);
    assert!(run.err.contains("not_found"), "{}", run.err);
}

#[test]
fn push_asks_before_it_sends() {
    let folder = with_demo();
    for yes in ["y\n", "YES\n"] {
        let (run, _) = asks(folder.path(), &["push", "demo"], yes, vec![unknown(), taken()]);
        assert_eq!(run.code, 0, "{}", run.err);
        assert!(
            run.err.contains("put `demo` in place on http://127.0.0.1"),
            "{}",
            run.err
        );
    }
    for no in ["", "n\n", "\n", "maybe\n"] {
        let (run, _) = asks(folder.path(), &["push", "demo"], no, vec![unknown()]);
        assert_eq!(run.code, 1, "{no:?}");
        assert!(
            run.err.contains("nothing was pushed; answer `y`, or give --yes"),
            "{}",
            run.err
        );
    }
}

#[test]
fn a_dry_run_and_a_pack_that_is_the_same_send_nothing() {
    let folder = with_demo();
    let (dry, _) = asks(
        folder.path(),
        &["push", "demo", "--dry-run"],
        "y\n",
        vec![unknown()],
    );
    assert_eq!(dry.code, 0, "{}", dry.err);
    assert!(
        dry.out.ends_with("nothing was pushed: this was a dry run\n"),
        "{}",
        dry.out
    );
    let stored = files(folder.path());
    let (same, _) = ask(folder.path(), &["push", "demo"], "200 OK", stored);
    assert!(
        same.code == 0 && same.out.contains("there is nothing to push"),
        "{}",
        same.out
    );
}

#[test]
fn a_pack_that_fails_its_tests_is_not_pushed() {
    let folder = with_demo();
    edit(
        folder.path(),
        "tests/watch-3-videos.toml",
        "points = \"50\"",
        "points = \"51\"",
    );
    // No request is sent: nobody listens there.
    let args = [
        "push",
        "demo",
        "--yes",
        "--server",
        "http://127.0.0.1:9",
        "--token",
        "t",
    ];
    let run = run(&mut mission(folder.path(), &args));
    assert_eq!(run.code, 1);
    assert!(
        run.err.contains("FAIL")
            && run
                .err
                .contains("does not pass its own tests; nothing was pushed"),
        "{}",
        run.err
    );
}

#[test]
fn a_refusal_is_told_with_its_places() {
    let folder = with_demo();
    let problem = json!({"status": 422, "code": "invalid_body", "detail": "the body is invalid",
        "errors": [{"pointer": "/files/pack.toml", "message": "1:1: too old"}]});
    let answers = vec![unknown(), ("422 Unprocessable Entity", problem)];
    let (run, _) = asks(folder.path(), &["push", "demo", "--yes"], "", answers);
    assert_eq!(run.code, 1);
    assert!(
        run.err.contains(
            "422 Unprocessable Entity: invalid_body: the body is invalid\n  /files/pack.toml: 1:1: too old"
        ),
        "{}",
        run.err
    );
    let unauthorized = json!({"code": "unauthorized"});
    let (run, _) = ask(folder.path(), &["push", "demo"], "401 Unauthorized", unauthorized);
    assert!(
        run.code == 1 && run.err.contains("the token is not one that this server takes"),
        "{}",
        run.err
    );
}

#[test]
fn diff_exits_with_1_where_something_differs() {
    let folder = with_demo();
    let stored = files(folder.path());
    let (same, _) = ask(folder.path(), &["diff", "demo"], "200 OK", stored.clone());
    assert_eq!(same.code, 0, "{}", same.err);
    edit(
        folder.path(),
        "missions/watch-3-videos.toml",
        "target = 3",
        "target = 4",
    );
    let (differs, seen) = ask(folder.path(), &["diff", "demo"], "200 OK", stored);
    assert_eq!(seen.line, "GET /api/v1/packs/demo HTTP/1.1");
    assert_eq!(differs.code, 1);
    assert!(
        differs
            .out
            .contains("--- server/missions/watch-3-videos.toml\n+++ here/missions/watch-3-videos.toml"),
        "{}",
        differs.out
    );
    assert!(
        differs.out.lines().any(|line| line.starts_with("-target = 3")),
        "{}",
        differs.out
    );
    assert!(
        differs.out.lines().any(|line| line.starts_with("+target = 4")),
        "{}",
        differs.out
    );
    let (missing, _) = ask(
        folder.path(),
        &["diff", "demo"],
        "404 Not Found",
        json!({"code": "not_found"}),
    );
    assert!(
        missing.code == 1 && missing.err.contains("has no pack `demo`"),
        "{}",
        missing.err
    );
}

#[test]
fn pull_writes_the_pack_and_keeps_what_would_be_lost() {
    let folder = with_demo();
    let stored = files(folder.path());
    let (fresh, seen) = ask(
        folder.path(),
        &["pull", "copy", "--name", "demo"],
        "200 OK",
        stored.clone(),
    );
    assert_eq!(
        (fresh.code, seen.line.as_str()),
        (0, "GET /api/v1/packs/demo HTTP/1.1"),
        "{}",
        fresh.err
    );
    assert_eq!(run(&mut mission(folder.path(), &["test", "copy"])).code, 0);
    edit(
        folder.path(),
        "missions/watch-3-videos.toml",
        "target = 3",
        "target = 4",
    );
    let (kept, _) = ask(folder.path(), &["pull", "demo"], "200 OK", stored.clone());
    assert!(
        kept.code == 1 && kept.err.contains("--force overwrites them"),
        "{}",
        kept.err
    );
    let (forced, _) = ask(folder.path(), &["pull", "demo", "--force"], "200 OK", stored);
    assert_eq!(forced.code, 0, "{}", forced.err);
    let text = fs::read_to_string(folder.path().join("demo/missions/watch-3-videos.toml")).unwrap();
    assert!(text.contains("target = 3"));
}

#[test]
fn a_server_explains_its_own_missions() {
    let folder = tempfile::tempdir().unwrap();
    let user = "0190163d-8694-739b-aea5-966c26f8ad91";
    let explanation = json!({
        "mission_id": user, "mission": "watch-3-videos", "availability": "unavailable", "refusal": "requirements_not_met",
        "decided_by": 1, "conditions": [
            {"kind": "status", "condition": "the mission is active", "holds": true, "seen": "active"},
            {"kind": "requires", "condition": "`first` is completed", "holds": false, "seen": null}],
        "to_do": [{"kind": "complete_mission", "code": "first"}], "task": null});
    let args = ["explain", "--user", user, "--mission", "watch-3-videos"];
    let (run, seen) = ask(folder.path(), &args, "200 OK", explanation.clone());
    assert_eq!(run.code, 0, "{}", run.err);
    assert_eq!(
        seen.line,
        format!("GET /api/v1/users/{user}/missions/watch-3-videos/explain HTTP/1.1")
    );
    assert!(
        run.out
            .contains("no  `first` is completed  saw nothing  <- decides\nto do: complete `first` first"),
        "{}",
        run.out
    );
    let mut as_json = args.to_vec();
    as_json.extend(["--format", "json"]);
    let (run, _) = ask(folder.path(), &as_json, "200 OK", explanation.clone());
    assert_eq!(serde_json::from_str::<Value>(&run.out).unwrap(), explanation);
    let (unknown, _) = ask(
        folder.path(),
        &args,
        "404 Not Found",
        json!({"code": "not_found"}),
    );
    assert_eq!(unknown.code, 1, "{}", unknown.err);
}

#[test]
fn pull_writes_an_earlier_version() {
    let folder = with_demo();
    let args = ["pull", "copy", "--name", "demo", "--version", "2"];
    let (pulled, seen) = ask(folder.path(), &args, "200 OK", files(folder.path()));
    assert_eq!(pulled.code, 0, "{}", pulled.err);
    assert_eq!(seen.line, "GET /api/v1/packs/demo?version=2 HTTP/1.1");
    assert!(folder.path().join("copy/pack.toml").exists());

    let versions = json!({"items": [
        {"version": 4, "updated_at": "2026-01-06T00:00:00Z"}, {"version": 3, "updated_at": "2026-01-05T00:00:00Z"}],
        "next_cursor": null});
    let answers = vec![unknown(), ("200 OK", versions)];
    let (missing, _) = asks(folder.path(), &args, "", answers);
    assert_eq!(missing.code, 1);
    assert!(
        missing.err.contains(
            "keeps no version 2 of `demo`; it has\n  version 4 of 2026-01-06 00:00:00 UTC\n  version 3 of"
        ),
        "{}",
        missing.err
    );
}

#[test]
fn rollback_puts_an_earlier_version_in_place() {
    let folder = with_demo();
    let old = files(folder.path());
    let mut now = old.clone();
    now["files"]["rules/watch.rhai"] = json!("// newer\n");
    let args = ["rollback", "demo", "2", "--yes"];
    let answers = vec![("200 OK", old.clone()), ("200 OK", now.clone()), taken()];
    let (run, seen) = asks(folder.path(), &args, "", answers);
    assert_eq!(run.code, 0, "{}", run.err);
    assert!(
        run.out.contains("+++ version 2/rules/watch.rhai") && run.out.contains("-// newer"),
        "{}",
        run.out
    );
    assert!(run.out.contains("as version 3"), "{}", run.out);
    let lines: Vec<&str> = seen.iter().map(|seen| seen.line.as_str()).collect();
    assert_eq!(
        lines,
        [
            "GET /api/v1/packs/demo?version=2 HTTP/1.1",
            "GET /api/v1/packs/demo HTTP/1.1",
            "PUT /api/v1/packs/demo HTTP/1.1"
        ]
    );
    let sent: Value = serde_json::from_str(&seen[2].body).unwrap();
    assert_eq!(sent, json!({"files": old["files"]}));

    let (asked, _) = asks(
        folder.path(),
        &["rollback", "demo", "2"],
        "n\n",
        vec![("200 OK", old.clone()), ("200 OK", now)],
    );
    assert!(
        asked.code == 1 && asked.err.contains("nothing was pushed"),
        "{}",
        asked.err
    );

    let mut broken = old;
    broken["files"]["rules/watch.rhai"] = json!("fn eligible(ctx) {");
    let (refused, _) = asks(folder.path(), &args, "", vec![("200 OK", broken)]);
    assert_eq!(refused.code, 1);
    assert!(
        refused.err.contains("demo version 2/rules/watch.rhai:1"),
        "{}",
        refused.err
    );
}

#[test]
fn a_server_cannot_write_outside_the_folder() {
    let folder = with_demo();
    let evil = json!({"files": {"pack.toml": "name = \"demo\"\nversion = \"1\"\n", "../evil.toml": ""}});
    let (run, _) = ask(folder.path(), &["pull", "copy"], "200 OK", evil);
    assert!(run.code == 1 && run.err.contains("`../evil.toml`"), "{}", run.err);
    assert!(!folder.path().join("evil.toml").exists() && !folder.path().join("copy").exists());
}

#[test]
fn what_is_needed_is_named() {
    let folder = with_demo();
    let table: [(&[&str], i32, &str); 4] = [
        (&["push", "demo"], 2, "--server <URL>"),
        (
            &["push", "demo", "--server", "http://127.0.0.1:9"],
            2,
            "set MISSION_TOKEN",
        ),
        (
            &["push", "demo", "--server", "ftp://x", "--token", "t"],
            2,
            "is no http or https address",
        ),
        (
            &["push", "demo", "--server", "http://127.0.0.1:9", "--token", "t"],
            1,
            "cannot reach http://127.0.0.1:9",
        ),
    ];
    for (args, code, told) in table {
        let run = run(mission(folder.path(), args).env("NO_PROXY", "127.0.0.1"));
        assert_eq!(run.code, code, "{args:?}\n{}", run.err);
        assert!(run.err.contains(told), "{args:?}\n{}", run.err);
    }
}

#[test]
fn export_log_writes_all_pages_in_the_order_in_which_lines_came() {
    let folder = with_demo();
    let line = |user: &str, time: &str, recorded: Option<&str>| {
        let mut line = json!({"type": "checkin", "subject": user, "time": time, "data": {}});
        if let Some(recorded) = recorded {
            line["recordedtime"] = json!(recorded);
        }
        line
    };
    let (a, b) = (
        "0190163d-8694-739b-aea5-966c26f8ad91",
        "0190163d-8694-739b-aea5-966c26f8ad92",
    );
    let early = line(b, "2026-01-05T11:00:00Z", None);
    let late = line(a, "2026-01-05T10:00:00Z", Some("2026-01-05T12:00:00Z"));
    let answers = || {
        let first = json!({"items": [late], "next_cursor": "more"});
        let second = json!({"items": [early], "next_cursor": null});
        vec![("200 OK", first), ("200 OK", second)]
    };
    let (run, seen) = asks(
        folder.path(),
        &["export-log", "--output", "log.jsonl"],
        "",
        answers(),
    );
    assert_eq!(run.code, 0, "{}", run.err);
    assert!(
        run.out.starts_with("wrote 2 lines into `log.jsonl`"),
        "{}",
        run.out
    );
    let paths: Vec<&str> = seen.iter().map(|seen| seen.line.as_str()).collect();
    assert_eq!(
        paths,
        [
            "GET /api/v1/journal?limit=200 HTTP/1.1",
            "GET /api/v1/journal?limit=200&cursor=more HTTP/1.1"
        ]
    );
    let written = fs::read_to_string(folder.path().join("log.jsonl")).unwrap();
    let lines: Vec<Value> = written
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    assert_eq!(lines, [early.clone(), late.clone()]);
    let (run, seen) = asks(folder.path(), &["export-log", "--user", a], "", answers());
    assert_eq!(run.out, written);
    assert_eq!(
        seen[0].line,
        format!("GET /api/v1/journal?user={a}&limit=200 HTTP/1.1")
    );
}

#[test]
fn export_log_writes_nothing_where_a_page_fails() {
    let folder = with_demo();
    let page = json!({"items": [], "next_cursor": "more"});
    let refusal = json!({"code": "forbidden", "detail": "this needs the permission `users:read`"});
    let answers = vec![("200 OK", page), ("403 Forbidden", refusal)];
    let (run, _) = asks(
        folder.path(),
        &["export-log", "--output", "log.jsonl"],
        "",
        answers,
    );
    assert_eq!(run.code, 1);
    assert!(
        run.err.contains("this needs the permission `users:read`"),
        "{}",
        run.err
    );
    assert!(!folder.path().join("log.jsonl").exists());
}
