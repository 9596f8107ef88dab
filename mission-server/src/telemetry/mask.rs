//! Masking: what must never be written down, wherever it turns up.

use std::borrow::Cow;

/// What stands in the place of what was masked.
const MASK: &str = "***";

/// Names of fields whose values are never shown.
const SECRET_NAMES: [&str; 11] = [
    "secret",
    "token",
    "password",
    "authorization",
    "cookie",
    "email",
    "evidence",
    "screenshot_url",
    "video_url",
    "jwt",
    "api_key",
];

/// Whether a field of this name must not show its value.
pub(super) fn is_secret_name(name: &str) -> bool {
    let name = name.to_ascii_lowercase();
    let last = name.rsplit('.').next().unwrap_or(&name);
    SECRET_NAMES.iter().any(|secret| {
        last == *secret || last.ends_with(&format!("_{secret}")) || last == format!("{secret}s")
    })
}

/// A text without tokens, e-mail addresses, and the credentials of URLs.
///
/// ```
/// use mission_server::telemetry::mask;
/// assert_eq!(mask("mail to an.na@example.org failed"), "mail to *** failed");
/// assert_eq!(mask("amqp://user:pass@host/x"), "amqp://***@host/x");
/// assert_eq!(mask("Authorization: Bearer abc.def"), "Authorization: Bearer ***");
/// assert_eq!(mask("nothing to hide"), "nothing to hide");
/// ```
#[must_use]
pub fn mask(text: &str) -> Cow<'_, str> {
    let suspicious = text.contains('@') || text.contains("eyJ") || find_bearer(text).is_some();
    if !suspicious {
        return Cow::Borrowed(text);
    }
    Cow::Owned(mask_addresses(&mask_tokens(&mask_bearers(text))))
}

fn find_bearer(text: &str) -> Option<usize> {
    const BEARER: &[u8] = b"bearer ";
    text.as_bytes()
        .windows(BEARER.len())
        .position(|window| window.eq_ignore_ascii_case(BEARER))
        .map(|at| at + BEARER.len())
}

fn mask_bearers(text: &str) -> String {
    let mut masked = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(start) = find_bearer(rest) {
        let (before, token) = rest.split_at(start);
        let end = token
            .find(|c: char| c.is_whitespace() || "\"',;".contains(c))
            .unwrap_or(token.len());
        masked.push_str(before);
        if end > 0 {
            masked.push_str(MASK);
        }
        rest = &token[end..];
    }
    masked + rest
}

/// JSON web tokens begin with `eyJ`, the encoded `{"`.
fn mask_tokens(text: &str) -> String {
    let mut masked = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(start) = rest.find("eyJ") {
        let (before, token) = rest.split_at(start);
        let of_token = |c: char| c.is_ascii_alphanumeric() || "-_.=".contains(c);
        let end = token.find(|c: char| !of_token(c)).unwrap_or(token.len());
        masked.push_str(before);
        masked.push_str(if end >= 16 { MASK } else { &token[..end] });
        rest = &token[end..];
    }
    masked + rest
}

/// E-mail addresses, and what stands before the `@` of a URL.
fn mask_addresses(text: &str) -> String {
    let mut masked = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find('@') {
        let (before, after) = (&rest[..at], &rest[at + 1..]);
        let credentials = before.rfind("://").map(|scheme| scheme + 3).filter(|start| {
            let between = &before[*start..];
            !between.is_empty() && !between.contains(|c: char| c.is_whitespace() || "/\"'".contains(c))
        });
        if let Some(start) = credentials {
            masked.push_str(&before[..start]);
            masked.push_str(MASK);
            masked.push('@');
            rest = after;
            continue;
        }
        let local = before.rfind(|c: char| !is_local(c)).map_or(0, |end| {
            end + before[end..].chars().next().map_or(1, char::len_utf8)
        });
        let domain = after.find(|c: char| !is_domain(c)).unwrap_or(after.len());
        if local < before.len() && domain > 0 {
            masked.push_str(&before[..local]);
            masked.push_str(MASK);
            // A full stop that ends the sentence is not part of the address.
            let tail = after[..domain].trim_end_matches('.').len();
            rest = &after[tail..];
        } else {
            masked.push_str(before);
            masked.push('@');
            rest = after;
        }
    }
    masked + rest
}

fn is_local(c: char) -> bool {
    c.is_alphanumeric() || ".!#$%&'*+-/=?^_`{|}~".contains(c) && c != '\''
}

fn is_domain(c: char) -> bool {
    c.is_alphanumeric() || c == '.' || c == '-'
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_must_not_leave_is_masked_wherever_it_stands() {
        let jwt = "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.c2lnbmF0dXJl";
        for (text, expected) in [
            (format!("got {jwt}, sorry"), "got ***, sorry"),
            (format!("{jwt} {jwt}"), "*** ***"),
            (
                format!("\"authorization\": \"bearer {jwt}\""),
                "\"authorization\": \"bearer ***\"",
            ),
            ("Bearer opaque-token".to_owned(), "Bearer ***"),
            ("Bearer ".to_owned(), "Bearer "),
            (
                "redis://:pw@h:6379 and postgres://u:p%40@h/d".to_owned(),
                "redis://***@h:6379 and postgres://***@h/d",
            ),
            ("a@b.c, d.e+f@g-h.org.".to_owned(), "***, ***."),
            ("{\"mail\":\"ä.ö@exämple.de\"}".to_owned(), "{\"mail\":\"***\"}"),
            ("just @ or @name or name@".to_owned(), "just @ or @name or name@"),
            ("eyJ".to_owned(), "eyJ"),
        ] {
            assert_eq!(mask(&text), expected);
        }
    }

    #[test]
    fn fields_are_secret_by_name() {
        for name in [
            "token",
            "access_token",
            "jwt.secret",
            "Authorization",
            "user_email",
            "evidence",
            "emails",
        ] {
            assert!(is_secret_name(name), "{name}");
        }
        for name in ["user", "tokens_verified", "path", "email_count", "evidence_kind"] {
            assert!(!is_secret_name(name), "{name}");
        }
    }

    proptest::proptest! {
        #[test]
        fn any_text_can_be_masked_and_no_address_survives(text in ".{0,60}", name in "[a-z]{1,8}") {
            let address = format!("{name}@example.org");
            let masked = mask(&format!("{text} {address} {text}")).into_owned();
            proptest::prop_assert!(!masked.contains(&address));
        }
    }
}
