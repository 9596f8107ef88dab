//! What a development server prints: tokens, and lines to paste.

use std::{fmt::Write, time::Duration};

use chrono::{DateTime, Days, SecondsFormat, Utc};
use mission_core::UserId;
use uuid::Uuid;

use crate::auth::development_token;

/// How long the printed tokens hold.
const LIFETIME: Duration = Duration::from_secs(30 * 86_400);

/// Tokens of a fresh user and of an admin, and `curl` lines that work in order, each complete on one line.
///
/// # Errors
/// When a token cannot be signed.
pub(super) fn greeting(
    url: &str,
    now: DateTime<Utc>,
    with_clock: bool,
) -> Result<String, jsonwebtoken::errors::Error> {
    let user = UserId(Uuid::now_v7());
    let token = development_token(user, &[], LIFETIME)?;
    let admin = development_token(UserId(Uuid::now_v7()), &["admin"], LIFETIME)?;
    let api = format!("{url}/api/v1");
    let as_user = format!("-H 'Authorization: Bearer {token}'");
    let as_admin = format!("-H 'Authorization: Bearer {admin}'");
    let json = "-H 'Content-Type: application/json'";
    let instant = |at: DateTime<Utc>| at.to_rfc3339_opts(SecondsFormat::Secs, true);
    let mut text = format!("\nuser  {user}\nuser token   {token}\nadmin token  {admin}\n");
    let mut say = |comment: &str, line: String| {
        // Writing to a string cannot fail.
        let _ = write!(text, "\n# {comment}\n{line}\n");
    };
    say("the missions", format!("curl -sS {as_user} '{api}/missions'"));
    for watched in 1..=3 {
        let event = format!(
            r#"{{"specversion":"1.0","id":"{}","source":"/dev","type":"video.watched","subject":"{user}","data":{{"seconds":{}}}}}"#,
            Uuid::now_v7(),
            30 + watched * 5,
        );
        say(
            &format!("another service tells that the user watched a video ({watched} of 3)"),
            format!("curl -sS {as_admin} {json} -d '{event}' '{api}/events'"),
        );
    }
    say(
        "the task that it started, and completed",
        format!("curl -sS {as_user} '{api}/tasks?mission=watch-3-videos'"),
    );
    let task = format!(
        r#"$(curl -sS {as_user} '{api}/tasks?mission=watch-3-videos' | grep -oE '"id": ?"[0-9a-f-]{{36}}"' | head -n 1 | grep -oE '[0-9a-f-]{{36}}')"#
    );
    say(
        "claim its reward; pasted once more, the line is refused: 400 already_claimed",
        format!(r#"curl -sS -X POST {as_user} "{api}/tasks/{task}/claim""#),
    );
    let check_in = format!("curl -sS -X POST {as_user} '{api}/checkin'");
    say("check in", check_in.clone());
    let last = if with_clock { 7 } else { 1 };
    for day in 2..=last {
        let Some(then) = now.checked_add_days(Days::new(day - 1)) else {
            break;
        };
        let clock = format!(r#"{{"now":"{}"}}"#, instant(then));
        say(
            "move the clock on by a day",
            format!("curl -sS -X PUT {json} -d '{clock}' '{url}/dev/clock'"),
        );
        let milestone = if day == 7 { ", a milestone" } else { "" };
        say(
            &format!("check in: a streak of {day}{milestone}"),
            check_in.clone(),
        );
    }
    say("points, level, wallet", format!("curl -sS {as_user} '{api}/me'"));
    Ok(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_line_is_complete_and_nothing_is_used_twice() {
        let say = || {
            greeting(
                "http://127.0.0.1:1",
                "2026-01-05T10:00:00Z".parse().unwrap(),
                true,
            )
            .unwrap()
        };
        let (first, second) = (say(), say());
        let lines: Vec<&str> = first.lines().filter(|line| line.starts_with("curl ")).collect();
        assert_eq!(lines.len(), 20);
        assert!(
            lines
                .iter()
                .all(|line| line.matches('\'').count() % 2 == 0 && !line.contains('\\'))
        );
        assert!(first.contains("2026-01-06T10:00:00Z") && first.contains("2026-01-11T10:00:00Z"));
        assert!(first.contains("# check in: a streak of 7, a milestone"));
        let user = |text: &str| {
            text.lines()
                .find_map(|line| line.strip_prefix("user  ").map(str::to_owned))
                .unwrap()
        };
        assert_ne!(user(&first), user(&second));
        let events = lines
            .iter()
            .filter(|line| line.contains("video.watched"))
            .collect::<std::collections::BTreeSet<_>>();
        assert_eq!(events.len(), 3);
    }
}
