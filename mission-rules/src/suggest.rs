//! "Did you mean": the known name that a misspelled one is closest to.

use std::{collections::BTreeSet, ops::Range};

use crate::{Diagnostic, Fix};

/// With how many names a misspelled one is compared: a pack is checked on servers too, in bounded time.
pub(crate) const MOST_COMPARED: usize = 1_000;

/// What was probably meant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Suggestion {
    /// The known name.
    pub(crate) name: String,
    /// Whether no other known name is within so few typing errors: a program may write this one by itself.
    pub(crate) is_certain: bool,
}

/// How many typing errors there may be in a name that a program mends by itself: one in three letters, two at most.
fn most_errors(name: &str) -> usize {
    (name.chars().count() / 3).min(2)
}

/// The candidate that is near enough to be what was meant, if one is.
pub(crate) fn suggest<'c>(
    name: &str,
    candidates: impl IntoIterator<Item = &'c str> + Clone,
) -> Option<Suggestion> {
    let nearest = closest(name, candidates.clone())?;
    let wanted = plain(name);
    let is_near = |candidate: &&str| strsim::osa_distance(&wanted, &plain(candidate)) <= most_errors(name);
    let near: BTreeSet<&str> = candidates.into_iter().filter(is_near).collect();
    Some(Suggestion {
        name: nearest.to_owned(),
        is_certain: near == BTreeSet::from([nearest]),
    })
}

fn plain(text: &str) -> String {
    text.to_lowercase().replace(['-', ' ', '.'], "_")
}

/// As [`suggest`], for those who only tell it.
pub(crate) fn closest<'c>(name: &str, candidates: impl IntoIterator<Item = &'c str>) -> Option<&'c str> {
    // Comparing very long texts takes quadratic time, and they are no misspelling of anything.
    if name.len() > 64 {
        return None;
    }
    let wanted = plain(name);
    candidates
        .into_iter()
        .map(|candidate| (strsim::jaro_winkler(&wanted, &plain(candidate)), candidate))
        .filter(|(likeness, _)| *likeness > 0.84)
        .max_by(|(a, _), (b, _)| a.total_cmp(b))
        .map(|(_, candidate)| candidate)
}

/// What other tools call a thing, and what it is called here.
const SYNONYMS: &[(&str, &str)] = &[
    ("==", "eq"),
    ("=", "eq"),
    ("equals", "eq"),
    ("!=", "ne"),
    ("<>", "ne"),
    (">", "gt"),
    (">=", "gte"),
    ("=>", "gte"),
    ("<", "lt"),
    ("<=", "lte"),
    ("=<", "lte"),
    ("has", "contains"),
    ("day", "daily"),
    ("week", "weekly"),
    ("month", "monthly"),
    ("once", "one_time"),
    ("single", "one_time"),
    ("always", "unlimited"),
    ("infinite", "unlimited"),
    ("video", "watch_video"),
    ("int", "integer"),
    ("float", "number"),
    ("decimal", "number"),
    ("text", "string"),
    ("bool", "boolean"),
    ("list", "array"),
    ("map", "object"),
];

/// The candidate that a name of another tool means, or else the closest.
pub(crate) fn meant<'c>(
    name: &str,
    candidates: impl IntoIterator<Item = &'c str> + Clone,
) -> Option<Suggestion> {
    let lower = name.trim().to_lowercase();
    let synonym = SYNONYMS.iter().find(|(other, _)| *other == lower);
    synonym
        .and_then(|(_, here)| candidates.clone().into_iter().find(|known| known == here))
        .map(|name| Suggestion {
            name: name.to_owned(),
            is_certain: true,
        })
        .or_else(|| suggest(name, candidates))
}

/// A text as TOML writes it.
pub(crate) fn in_quotes(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}

impl Diagnostic {
    /// Asks whether a name was meant; where it surely was, it can be written over some bytes.
    #[must_use]
    pub(crate) fn with_suggestion(
        self,
        meant: &Suggestion,
        span: Option<Range<usize>>,
        written: impl FnOnce(&str) -> String,
    ) -> Self {
        let fix = span.filter(|_| meant.is_certain).map(|span| Fix {
            span,
            replacement: written(&meant.name),
        });
        self.with_help(format!("did you mean `{}`?", meant.name))
            .with_fix(fix)
    }
}

#[cfg(test)]
mod tests {
    use super::{closest, meant, suggest};

    #[test]
    fn the_words_of_other_tools_are_known() {
        let name = |name, candidates: &[&'static str]| {
            meant(name, candidates.iter().copied()).map(|meant| meant.name)
        };
        assert_eq!(name(">=", &["gt", "gte"]).as_deref(), Some("gte"));
        assert_eq!(name("Day", &["daily", "weekly"]).as_deref(), Some("daily"));
        assert_eq!(name("week", &["daily"]), None);
        assert_eq!(name("dayly", &["daily", "weekly"]).as_deref(), Some("daily"));
    }

    #[test]
    fn a_suggestion_is_certain_where_nothing_else_is_as_near() {
        let certain = |name, candidates: &[&'static str]| {
            let meant = suggest(name, candidates.iter().copied())?;
            Some((
                candidates.iter().copied().find(|known| meant.name == *known)?,
                meant.is_certain,
            ))
        };
        assert_eq!(certain("levle", &["level", "tags"]), Some(("level", true)));
        assert_eq!(
            certain("maxCompletions", &["max_completions"]),
            Some(("max_completions", true))
        );
        // Which of the two nobody knows.
        let watches = ["watch-3-videos", "watch-5-videos"];
        assert_eq!(
            certain("watch-4-videos", &watches).map(|(_, certain)| certain),
            Some(false)
        );
        // Alike, and more than a typing error away.
        assert_eq!(certain("reward_points", &["reward"]), Some(("reward", false)));
        assert_eq!(certain("to", &["tp"]).map(|(_, certain)| certain), None);
    }

    #[test]
    fn near_names_are_suggested_and_far_ones_are_not() {
        let names = [
            "frequency",
            "max_completions",
            "auto_start",
            "rules_script",
            "target",
        ];
        for (typed, meant) in [
            ("frequencey", Some("frequency")),
            ("maxCompletions", Some("max_completions")),
            ("auto-start", Some("auto_start")),
            ("rule_script", Some("rules_script")),
            ("Target", Some("target")),
            ("colour", None),
            ("", None),
        ] {
            assert_eq!(closest(typed, names), meant, "{typed}");
        }
        assert_eq!(closest(&"x".repeat(100_000), names), None);
    }
}
