//! Addresses, compared by what they lead to.

use data_encoding::HEXLOWER_PERMISSIVE;
use url::Url;

/// The one spelling of an address: as the URL standard writes it, unreserved characters plain and other escapes in upper
/// case (RFC 3986, 6.2.2), without a fragment, which no server sees, and without an empty query. `None`: it is none.
pub(super) fn normalized(address: &str) -> Option<String> {
    let mut url = Url::parse(address.trim()).ok()?;
    url.set_fragment(None);
    if url.query() == Some("") {
        url.set_query(None);
    }
    // Escaped letters may spell what the parser would have taken off, so it reads the plain ones once more.
    let plain = Url::parse(&unescaped(url.as_str())).ok()?;
    Some(plain.into())
}

fn unescaped(text: &str) -> String {
    let mut plain = String::with_capacity(text.len());
    let mut parts = text.split('%');
    plain.push_str(parts.next().unwrap_or_default());
    for part in parts {
        let byte = part
            .get(..2)
            .and_then(|hex| HEXLOWER_PERMISSIVE.decode(hex.as_bytes()).ok())
            .and_then(|bytes| bytes.first().copied());
        match (byte, part.get(2..)) {
            (Some(byte), Some(rest)) if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) => {
                plain.push(char::from(byte));
                plain.push_str(rest);
            }
            (Some(byte), Some(rest)) => plain.push_str(&format!("%{byte:02X}{rest}")),
            _ => {
                plain.push('%');
                plain.push_str(part);
            }
        }
    }
    plain
}

#[cfg(test)]
mod tests {
    use super::normalized;

    #[test]
    fn spellings_of_one_address_are_one() {
        let one = normalized("https://example.com/shots/1.png").unwrap();
        for same in [
            "https://example.com/shots/1.png#1",
            "https://example.com/shots/1.png?",
            "https://example.com/shots/1.png?#",
            "https://example.com/%73hots/1%2Epng",
            "https://example.com:443/a/../shots/./1.png",
            "https://EXAMPLE.com/a/%2e%2E/shots/1.png",
            " HTTPS://%65xample.com/shots/1.png ",
        ] {
            assert_eq!(normalized(same), Some(one.clone()), "{same}");
        }
        assert_eq!(
            normalized("https://a.com/x%2fy?q=%c3%a9"),
            normalized("https://a.com/x%2Fy?q=é")
        );
    }

    #[test]
    fn other_addresses_stay_others() {
        for (one, other) in [
            ("https://a.com/1", "https://a.com/2"),
            ("https://a.com/1", "https://a.com/1/"),
            ("https://a.com/a", "https://a.com/A"),
            ("https://a.com/a%2Fb", "https://a.com/a/b"),
            ("https://a.com/?a=1", "https://a.com/?a=2"),
            ("https://a.com/%2541", "https://a.com/%41"),
            ("https://a.com/%+a", "https://a.com/%0A"),
            ("https://a.com/100%", "https://a.com/100"),
        ] {
            assert_ne!(normalized(one), normalized(other), "{one} {other}");
        }
        assert_eq!(normalized("no address"), None);
    }
}
