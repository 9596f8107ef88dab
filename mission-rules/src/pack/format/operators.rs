//! One space around operators that stand between two values in any place where they can stand.

/// The operators of a language.
#[derive(Clone, Copy, Debug)]
pub(super) struct Operators {
    /// Those that get their spaces.
    spaced: &'static [&'static str],
    /// What begins or ends as one of them and is none.
    others: &'static [&'static str],
}

impl Operators {
    /// Not `-`, `+` and `!`, which can be signs; nor what few would write with spaces.
    pub(super) const SCRIPT: Operators = Operators {
        spaced: &[
            "??=", "**=", "<<=", ">>=", "==", "!=", "<=", ">=", "&&", "||", "??", "=>", "+=", "-=", "*=",
            "/=", "%=", "|=", "&=", "^=", "=", "<", ">",
        ],
        others: &["..=", "===", "!==", "->", "<-", "<<", ">>", "<|", "|>"],
    };
    pub(super) const TOML: Operators = Operators {
        spaced: &["="],
        others: &[],
    };

    /// The operator that a text begins with.
    fn at(self, rest: &str) -> Option<&'static str> {
        let begins = |known: &&&str| rest.starts_with(**known);
        let other = self.others.iter().find(begins).map_or(0, |other| other.len());
        let spaced = self.spaced.iter().find(begins)?;
        (spaced.len() > other).then_some(*spaced)
    }

    fn other_at(self, rest: &str) -> Option<usize> {
        let other = self.others.iter().find(|other| rest.starts_with(**other))?;
        Some(other.len())
    }
}

/// A line with one space on both sides of each operator.
pub(super) fn space_out(line: &str, code: &[bool], operators: Operators) -> String {
    let mut spaced = String::with_capacity(line.len() + 8);
    let mut at = 0;
    while let Some(rest) = line.get(at..).filter(|rest| !rest.is_empty()) {
        let is_code = code.get(at).copied().unwrap_or_default();
        if is_code && let Some(operator) = operators.at(rest) {
            let before = spaced.trim_end_matches([' ', '\t']).len();
            spaced.truncate(before);
            if before > 0 {
                spaced.push(' ');
            }
            spaced.push_str(operator);
            at += operator.len();
            let after = line.get(at..).unwrap_or_default().trim_start_matches([' ', '\t']);
            if !after.is_empty() {
                spaced.push(' ');
            }
            at = line.len() - after.len();
            continue;
        }
        let length = match operators.other_at(rest) {
            Some(length) if is_code => length,
            _ => rest.chars().next().map_or(1, char::len_utf8),
        };
        spaced.push_str(rest.get(..length).unwrap_or_default());
        at += length;
    }
    spaced
}
