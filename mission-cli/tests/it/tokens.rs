//! `token`: what it claims, and what it is signed with.

use std::fs;

use jsonwebtoken::{Algorithm, DecodingKey, Validation, decode};
use mission_core::development::DEVELOPMENT_SECRET;
use serde_json::{Value, json};

use crate::{ANNA, Run, mission, run};

fn claims(token: &str, secret: &str) -> Option<Value> {
    let key = DecodingKey::from_secret(secret.as_bytes());
    let claims = decode::<Value>(token.trim(), &key, &Validation::new(Algorithm::HS256));
    claims.ok().map(|token| token.claims)
}

#[test]
fn it_claims_what_was_asked_for() {
    let folder = tempfile::tempdir().unwrap();
    let args = [
        "token",
        "--sub",
        ANNA,
        "--permission",
        "missions:write",
        "--permission",
        "events:write",
        "--role",
        "admin",
        "--expires",
        "2h",
        "--zone",
        "Asia/Ho_Chi_Minh",
    ];
    let Run { code, out, err } = run(&mut mission(folder.path(), &args));
    assert_eq!((code, err.as_str()), (0, ""));
    let claims = claims(&out, DEVELOPMENT_SECRET).unwrap();
    assert_eq!(claims["sub"], ANNA);
    assert_eq!(claims["permissions"], json!(["missions:write", "events:write"]));
    assert_eq!(claims["roles"], json!(["admin"]));
    assert_eq!(claims["zoneinfo"], "Asia/Ho_Chi_Minh");
    assert_eq!(
        claims["exp"].as_u64().unwrap() - claims["iat"].as_u64().unwrap(),
        7200
    );
}

#[test]
fn another_secret_can_sign() {
    let folder = tempfile::tempdir().unwrap();
    let secret = "another secret, of at least 32 bytes";
    fs::write(folder.path().join("secret"), format!("{secret}\n")).unwrap();
    let args = ["token", "--sub", ANNA];
    let from_environment = run(mission(folder.path(), &args).env("MISSION_JWT_SECRET", secret));
    let from_file = run(&mut mission(
        folder.path(),
        &[&args[..], &["--secret-file", "secret"]].concat(),
    ));
    for run in [from_environment, from_file] {
        assert_eq!(run.code, 0, "{}", run.err);
        assert!(claims(&run.out, secret).is_some() && claims(&run.out, DEVELOPMENT_SECRET).is_none());
    }
}

#[test]
fn bad_arguments_are_named() {
    let folder = tempfile::tempdir().unwrap();
    let table: [(&[&str], &str); 5] = [
        (&["token"], "--sub <UUID>"),
        (
            &["token", "--sub", "anna"],
            "invalid value 'anna' for '--sub <UUID>'",
        ),
        (
            &["token", "--sub", ANNA, "--expires", "soon"],
            "such as 30m or 8h",
        ),
        (
            &["token", "--sub", ANNA, "--zone", "Mars/Base"],
            "invalid value 'Mars/Base'",
        ),
        (
            &["token", "--sub", ANNA, "--secret-file", "none"],
            "cannot read the secret `none`",
        ),
    ];
    for (args, told) in table {
        let run = run(&mut mission(folder.path(), args));
        assert_eq!((run.code, run.out.as_str()), (2, ""), "{args:?}");
        assert!(run.err.contains(told), "{args:?}\n{}", run.err);
    }
    let args = ["token", "--sub", ANNA, "--permission", "mission:write"];
    let unknown = run(&mut mission(folder.path(), &args));
    assert_eq!(unknown.code, 0);
    assert!(
        unknown
            .err
            .contains("no route asks for the permission `mission:write`"),
        "{}",
        unknown.err
    );
}
