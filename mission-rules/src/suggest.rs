//! "Did you mean": the known name that a misspelled one is closest to.

/// With how many names a misspelled one is compared: a pack is checked on servers too, in bounded time.
pub(crate) const MOST_COMPARED: usize = 1_000;

/// The candidate that is near enough to be what was meant, if one is.
pub(crate) fn closest<'c>(name: &str, candidates: impl IntoIterator<Item = &'c str>) -> Option<&'c str> {
    // Comparing very long texts takes quadratic time, and they are no misspelling of anything.
    if name.len() > 64 {
        return None;
    }
    let plain = |text: &str| text.to_lowercase().replace(['-', ' ', '.'], "_");
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
) -> Option<&'c str> {
    let lower = name.trim().to_lowercase();
    let synonym = SYNONYMS.iter().find(|(other, _)| *other == lower);
    synonym
        .and_then(|(_, here)| candidates.clone().into_iter().find(|known| known == here))
        .or_else(|| closest(name, candidates))
}

#[cfg(test)]
mod tests {
    use super::{closest, meant};

    #[test]
    fn the_words_of_other_tools_are_known() {
        assert_eq!(meant(">=", ["gt", "gte"]), Some("gte"));
        assert_eq!(meant("Day", ["daily", "weekly"]), Some("daily"));
        assert_eq!(meant("week", ["daily"]), None);
        assert_eq!(meant("dayly", ["daily", "weekly"]), Some("daily"));
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
