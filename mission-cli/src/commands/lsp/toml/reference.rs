//! Values that name something of the pack.

/// What a value names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Reference {
    /// A script, by its path.
    Script,
    /// A mission, by its code.
    Mission,
    /// An event, by its type.
    Event,
    /// A field of the context, by its path.
    Field,
}

impl Reference {
    /// What the value behind keys names, in the file of a path in the pack.
    pub(super) fn of(file: &str, path: &[String]) -> Option<Reference> {
        let names: Vec<&str> = path.iter().map(String::as_str).collect();
        match (file.split_once('/')?.0, names.as_slice()) {
            ("missions", ["rules_script"]) => Some(Reference::Script),
            ("missions", ["requires"] | ["requires", "any_of"]) => Some(Reference::Mission),
            ("missions", ["trigger", "event" | "reverses"]) | ("tests", ["case", "events", "type"]) => {
                Some(Reference::Event)
            }
            ("missions", ["rules", "rule_type"] | ["trigger", "key"]) => Some(Reference::Field),
            // Whatever kind of case it is.
            ("tests", [_, "mission"]) => Some(Reference::Mission),
            _ => None,
        }
    }
}
