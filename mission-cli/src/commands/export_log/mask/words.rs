//! The texts that a pack compares with: they say nothing of a person that the pack does not say.

use std::collections::HashSet;

use mission_rules::pack::PackFiles;

/// Texts that stay readable in a masked log.
#[derive(Debug)]
pub(in crate::commands::export_log) struct Words(HashSet<String>);

/// Where the server's own lines come from.
const JOURNAL: &str = "/journal";

impl Default for Words {
    fn default() -> Self {
        Words(HashSet::from([JOURNAL.to_owned()]))
    }
}

impl Words {
    /// What stands in quotes in a pack's missions, scripts and declared events, and the parts of lists with commas.
    pub(in crate::commands::export_log) fn of(files: &PackFiles) -> Words {
        let mut words = Words::default();
        let is_read =
            |path: &str| path == "pack.toml" || path.starts_with("missions/") || path.starts_with("rules/");
        for (_, text) in files.iter().filter(|(path, _)| is_read(path)) {
            for quote in ['"', '\'', '`'] {
                // Which quote begins and which one ends a text is left open: what lies between two of them is one.
                for quoted in text.lines().flat_map(|line| line.split(quote)) {
                    words.0.insert(quoted.to_owned());
                    words
                        .0
                        .extend(quoted.split(',').map(|part| part.trim().to_owned()));
                }
            }
        }
        words
    }

    pub(super) fn has(&self, text: &str) -> bool {
        self.0.contains(text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_pack_compares_with_stays() {
        let files = PackFiles::from_map([
            ("missions/a.toml", "value = \"DE, VN\"\ntitle = { en = 'Go' }"),
            (
                "rules/a.rhai",
                "fn eligible(ctx) { ctx.event.data.plan == `gold` }",
            ),
            ("tests/a.toml", "user = { country = \"HU\" }"),
        ]);
        let words = Words::of(&files);
        for word in ["DE", "VN", "gold", "/journal"] {
            assert!(words.has(word), "{word}");
        }
        assert!(!words.has("HU") && !words.has("Anna"));
    }
}
