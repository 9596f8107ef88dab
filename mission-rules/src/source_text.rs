//! The code of a script without its comments and texts.

/// The bytes of a script with spaces for its comments, and letters for its texts: what is left is code.
pub(crate) fn blank_out_text(source: &str) -> Vec<u8> {
    let mut code = source.as_bytes().to_vec();
    let mut at = 0;
    while at < code.len() {
        let rest = source.as_bytes().get(at..).unwrap_or_default();
        let Some(length) = other_length(rest) else {
            at += 1;
            continue;
        };
        let filler = if rest.starts_with(b"/") { b' ' } else { b'x' };
        let end = (at + length.max(1)).min(code.len());
        code.get_mut(at..end).unwrap_or_default().fill(filler);
        at = end;
    }
    code
}

/// The length of the comment or text that begins here; `None` where code does.
pub(crate) fn other_length(rest: &[u8]) -> Option<usize> {
    Some(match rest {
        [b'/', b'/', ..] => rest.iter().position(|&byte| byte == b'\n').unwrap_or(rest.len()),
        [b'/', b'*', ..] => comment_length(rest),
        [quote @ (b'"' | b'`'), ..] => text_length(rest, *quote),
        // A character's quotes, but for what could be braces, say nothing.
        [b'\'', _, b'\'', ..] => 3,
        _ => return None,
    })
}

/// The length of a comment, with the comments in it.
fn comment_length(rest: &[u8]) -> usize {
    let (mut depth, mut at) = (0_usize, 0);
    while let Some(pair) = rest.get(at..at + 2) {
        at += match pair {
            b"/*" => {
                depth += 1;
                2
            }
            b"*/" => {
                depth = depth.saturating_sub(1);
                if depth == 0 {
                    return at + 2;
                }
                2
            }
            _ => 1,
        };
    }
    rest.len()
}

/// The length of a text with both its quotes. What is in `${…}` counts as text.
fn text_length(rest: &[u8], quote: u8) -> usize {
    let mut at = 1;
    while let Some(&byte) = rest.get(at) {
        at += match byte {
            b'\\' => 2,
            byte if byte == quote => return at + 1,
            _ => 1,
        };
    }
    rest.len()
}

#[cfg(test)]
mod tests {
    use super::blank_out_text;

    #[test]
    fn only_code_is_left() {
        for (source, code) in [
            ("a // {\nb", "a     \nb"),
            ("a /* { /* ; */ } */ b", "a                   b"),
            ("\"{\\\"\" + `}${;}` + '{'", "xxxxx + xxxxxxx + xxx"),
            ("/* open", "       "),
            ("\"open", "xxxxx"),
        ] {
            assert_eq!(
                String::from_utf8(blank_out_text(source)).unwrap(),
                code,
                "{source}"
            );
        }
    }
}
