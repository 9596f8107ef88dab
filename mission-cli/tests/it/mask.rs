//! `export-log --mask`: nothing leads back to a person, and everything adds up as before.

use std::{collections::BTreeSet, fs};

use serde_json::{Value, json};

use crate::{ANNA, mission, replay_report::log_of_examples, run, server::asks, with_demo};

const BELA: &str = "0190163d-8694-739b-aea5-966c26f8ad92";

#[expect(clippy::needless_pass_by_value, reason = "reads better in lists")]
fn line(kind: &str, user: &str, minute: u32, data: Value) -> Value {
    json!({"specversion": "1.0", "id": format!("{user}-{minute}"), "source": "/journal", "type": kind, "subject": user,
        "time": format!("2026-01-05T10:{minute:02}:00Z"), "data": data})
}

/// Lines with everything that is somebody's.
fn personal() -> Vec<Value> {
    let code = mission_core::user::InviteCode::of(BELA.parse().unwrap());
    let evidence = |mission: &str, more: Value| {
        let mut data = json!({"mission": mission});
        data.as_object_mut()
            .unwrap()
            .extend(more.as_object().unwrap().clone());
        data
    };
    let start = |user, minute, mission: &str| line("task.start", user, minute, json!({"mission": mission}));
    let mut event = line(
        "video.watched",
        ANNA,
        20,
        json!({"seconds": 35, "device": "anna-phone-77", "ip": "203.0.113.77", "note": "Anna was here",
            "friends": [BELA], "plan": "gold", "video": "v-secret"}),
    );
    event["source"] = json!("/players/anna-phone-77");
    event["correlationid"] = json!("corr-anna-1");
    vec![
        line("checkin", ANNA, 0, json!({"zone": "Asia/Tokyo"})),
        line("checkin", BELA, 1, json!({})),
        line(
            "user.updated",
            ANNA,
            2,
            json!({"level": 3, "tags": ["vip"], "attributes": {"email": "anna@e.test"}}),
        ),
        start(ANNA, 3, "invited"),
        line(
            "task.evidence",
            ANNA,
            4,
            evidence(
                "invited",
                json!({"type": "invite_code", "data": code.as_str().to_lowercase()}),
            ),
        ),
        line(
            "task.progress",
            ANNA,
            5,
            json!({"mission": "invited", "value": 1}),
        ),
        line("task.complete", ANNA, 6, json!({"mission": "invited"})),
        line("task.claim", ANNA, 7, json!({"mission": "invited"})),
        start(BELA, 8, "show"),
        line(
            "task.evidence",
            BELA,
            9,
            evidence(
                "show",
                json!({"type": "social_proof", "screenshot_url": "https://pics.test/bela.png"}),
            ),
        ),
        line(
            "review.decided",
            BELA,
            10,
            json!({"mission": "show", "decision": "approve", "note": "Bela is fine"}),
        ),
        start(ANNA, 11, "show"),
        // Spelled in another way, and so the same as Bela's.
        line(
            "task.evidence",
            ANNA,
            12,
            evidence(
                "show",
                json!({"type": "social_proof", "screenshot_url": "https://PICS.test/%62ela.png"}),
            ),
        ),
        start(BELA, 13, "click"),
        line(
            "task.evidence",
            BELA,
            14,
            evidence(
                "click",
                json!({"type": "click_data",
            "data": json!({"url": "https://shop.test/bela", "clicked_at": "2026-01-05T10:13:30Z"}).to_string()}),
            ),
        ),
        start(ANNA, 15, "file"),
        line(
            "task.upload",
            ANNA,
            16,
            json!({"mission": "file", "file": "annas-photo"}),
        ),
        start(BELA, 17, "file"),
        line(
            "task.upload",
            BELA,
            18,
            json!({"mission": "file", "file": "annas-photo"}),
        ),
        line(
            "referral.activated",
            ANNA,
            19,
            json!({"inviterId": ANNA, "inviteeId": BELA, "inviteCode": "MISSION"}),
        ),
        event.clone(),
        // The same event for another user.
        {
            event["subject"] = json!(BELA);
            event
        },
    ]
}

/// Parts of the lines that nobody may read in a masked log.
const SECRETS: [&str; 16] = [
    ANNA,
    BELA,
    "anna",
    "bela",
    "Anna",
    "Bela",
    "203.0.113",
    "corr-",
    "pics.test",
    "PICS.test",
    "shop.test",
    "photo",
    "e.test",
    "v-secret",
    "MISSION",
    "players",
];

fn write_pack(folder: &std::path::Path) {
    // Without the events that the template declares, any event is known.
    fs::write(
        folder.join("demo/pack.toml"),
        "name = \"demo\"\nversion = \"1\"\n",
    )
    .unwrap();
    let mission = |code: &str, lines: &str| {
        let text = format!(
            "code = \"{code}\"\ntype = \"custom\"\ntitle = {{ en = \"T\" }}\ndescription = {{ en = \"D\" }}\n\
             frequency = \"unlimited\"\nreward = {{ points = \"3\" }}\n{lines}"
        );
        fs::write(folder.join(format!("demo/missions/{code}.toml")), text).unwrap();
    };
    mission("invited", "evidence = { type = \"invite_code\" }\n");
    mission(
        "show",
        "evidence = { type = \"social_proof\", review = \"manual\" }\n",
    );
    mission("click", "evidence = { type = \"click_data\" }\n");
    mission("file", "evidence = { type = \"uploaded_content\" }\n");
    mission(
        "gold",
        "auto_start = true\ntrigger = { event = \"video.watched\", key = \"event.data.video\" }\n\
         [[rules]]\nrule_type = \"event.data.plan\"\noperator = \"in\"\nvalue = \"silver,gold\"\n",
    );
    mission(
        "friend",
        "auto_start = true\ntrigger = { event = \"referral.activated\" }\n",
    );
}

fn export(folder: &std::path::Path, lines: &[Value], more: &[&str]) -> String {
    let answers = vec![("200 OK", json!({"items": lines, "next_cursor": null}))];
    let (run, _) = asks(folder, &[&["export-log"], more].concat(), "", answers);
    assert_eq!(run.code, 0, "{}", run.err);
    run.out
}

/// Totals, refusals and so on: what people see without the users.
fn replayed(folder: &std::path::Path, log: &str) -> (String, Value, Vec<String>) {
    fs::write(folder.join("log.jsonl"), log).unwrap();
    let args = ["replay", "demo", "--events", "log.jsonl", "--auto-claim=true"];
    let shown = run(&mut mission(folder, &args));
    assert_eq!(shown.code, 0, "{}", shown.err);
    let summary = shown.out.split("\nuser ").next().unwrap().to_owned();
    let json = run(&mut mission(folder, &[&args[..], &["--format", "json"]].concat()));
    let report: Value = serde_json::from_str(&json.out).unwrap();
    let mut users: Vec<String> = report["users"]
        .as_object()
        .unwrap()
        .values()
        .map(ToString::to_string)
        .collect();
    users.sort();
    (summary, report["totals"].clone(), users)
}

#[test]
fn a_masked_log_names_nobody_and_gives_the_same_sums() {
    let folder = with_demo();
    write_pack(folder.path());
    let lines = personal();
    let plain = export(folder.path(), &lines, &[]);
    let masked = export(folder.path(), &lines, &["--mask", "--mask-for", "demo"]);
    for secret in SECRETS {
        assert!(!masked.contains(secret), "{secret} in {masked}");
    }
    assert_eq!(masked.lines().count(), lines.len());
    let (before, after) = (replayed(folder.path(), &plain), replayed(folder.path(), &masked));
    assert_eq!(before, after);
    let paid: Vec<&str> = ["invited", "gold", "friend"]
        .into_iter()
        .filter(|code| before.0.contains(&format!("\n{code} ")))
        .collect();
    assert_eq!(paid, ["invited", "gold", "friend"], "{}", before.0);
    assert!(before.0.contains("evidence_reused 2"), "{}", before.0);
}

#[test]
fn the_logs_of_the_examples_give_the_same_sums_masked() {
    let folder = with_demo();
    let lines: Vec<Value> = log_of_examples()
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    let plain = export(folder.path(), &lines, &[]);
    let masked = export(folder.path(), &lines, &["--mask"]);
    assert!(!masked.contains("0190163d-8694-739b"));
    assert_eq!(replayed(folder.path(), &plain), replayed(folder.path(), &masked));
}

#[test]
fn pseudonyms_last_as_long_as_their_key() {
    let folder = with_demo();
    fs::write(folder.path().join("key"), "a secret of more than sixteen\n").unwrap();
    fs::write(folder.path().join("short"), "secret\n").unwrap();
    let lines = personal();
    let subjects = |more: &[&str]| -> BTreeSet<String> {
        let log = export(folder.path(), &lines, &[&["--mask"], more].concat());
        let subject = |line: &str| serde_json::from_str::<Value>(line).unwrap()["subject"].to_string();
        log.lines().map(subject).collect()
    };
    let keyed = ["--mask-key-file", "key"];
    assert_eq!(subjects(&keyed), subjects(&keyed));
    assert!(subjects(&keyed).is_disjoint(&subjects(&[])));
    assert!(subjects(&[]).is_disjoint(&subjects(&[])));

    let server = ["--server", "http://127.0.0.1:9"];
    let args = [&["export-log", "--mask", "--mask-key-file", "short"], &server[..]].concat();
    let refused = run(&mut mission(folder.path(), &args));
    assert_eq!(refused.code, 2);
    assert!(
        refused.err.contains("`short` has fewer than 16 characters"),
        "{}",
        refused.err
    );
    let args = [&["export-log", "--mask-for", "demo"], &server[..]].concat();
    assert!(run(&mut mission(folder.path(), &args)).err.contains("--mask"));
}
