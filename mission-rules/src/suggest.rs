//! "Did you mean": the known name that a misspelled one is closest to.

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

#[cfg(test)]
mod tests {
    use super::closest;

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
