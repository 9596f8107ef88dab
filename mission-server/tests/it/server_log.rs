//! What servers log. The log of every server of the suite is read when the server ends: whatever a test has sent,
//! no token, secret or e-mail address may be in it.

use std::{
    io::{BufRead, BufReader},
    process::ChildStderr,
    thread::JoinHandle,
};

use crate::support::SECRET;

/// Everything that one server writes to stderr.
pub(crate) struct ServerLog {
    reader: Option<JoinHandle<String>>,
    whole: String,
}

impl ServerLog {
    /// Reads on until the server ends; warnings and errors are shown to who runs the tests.
    pub(crate) fn read(stderr: ChildStderr) -> Self {
        let reader = std::thread::spawn(move || {
            let mut whole = String::new();
            for line in BufReader::new(stderr).lines().map_while(Result::ok) {
                let is_noise = ["INFO", "DEBUG", "TRACE"]
                    .iter()
                    .any(|level| line.contains(&format!("\"level\":\"{level}\"")));
                if !is_noise {
                    eprintln!("{line}");
                }
                whole.push_str(&line);
                whole.push('\n');
            }
            whole
        });
        ServerLog {
            reader: Some(reader),
            whole: String::new(),
        }
    }

    /// All of it, once the server has ended.
    pub(crate) fn whole(&mut self) -> String {
        if let Some(reader) = self.reader.take() {
            self.whole = reader.join().unwrap();
        }
        self.whole.clone()
    }
}

/// Checks that a log holds none of what is secret or personal by its form.
#[track_caller]
pub(crate) fn assert_nothing_personal(log: &str) {
    for line in log.lines() {
        assert!(!line.contains(SECRET), "the key for tokens is in the log: {line}");
        assert!(!has_token(line), "a token is in the log: {line}");
        assert!(
            !has_webhook_secret(line),
            "a webhook's secret is in the log: {line}"
        );
        assert!(!has_address(line), "an e-mail address is in the log: {line}");
    }
}

/// JSON web tokens begin with `eyJ`, the encoded `{"`.
fn has_token(line: &str) -> bool {
    let mut parts = line.split("eyJ").skip(1);
    parts.any(|rest| {
        rest.chars()
            .take_while(|c| c.is_ascii_alphanumeric() || "-_.".contains(*c))
            .count()
            >= 8
    })
}

fn has_webhook_secret(line: &str) -> bool {
    let mut parts = line.split("whsec_").skip(1);
    parts.any(|rest| {
        rest.chars()
            .take_while(|c| c.is_ascii_alphanumeric() || "+/=".contains(*c))
            .count()
            >= 8
    })
}

fn has_address(line: &str) -> bool {
    let is_word = |c: char| c.is_alphanumeric() || c == '-' || c == '_';
    line.match_indices('@').any(|(at, _)| {
        let domain: String = line[at + 1..]
            .chars()
            .take_while(|c| is_word(*c) || *c == '.')
            .collect();
        line[..at].ends_with(is_word) && domain.trim_matches('.').contains('.')
    })
}

#[test]
fn what_must_not_be_logged_is_found() {
    let found = |line: &str| std::panic::catch_unwind(|| assert_nothing_personal(line)).is_err();
    for line in [
        &format!("the key is {SECRET}"),
        "got eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.c2ln",
        "signed with whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
        "mail to ada@example.org failed",
        "{\"to\":\"ada.b@mail.example.org\"}",
    ] {
        assert!(found(line), "{line}");
    }
    for line in [
        "eyJ and whsec_",
        "postgres://***@host.example/x",
        "a @ b",
        "@example.org",
    ] {
        assert!(!found(line), "{line}");
    }
}
