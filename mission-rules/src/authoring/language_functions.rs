//! The functions that every script can call, with what they take and give.

/// A function of the language.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LanguageFunction {
    /// Its name.
    pub name: &'static str,
    /// How it is called, one a line.
    pub signatures: &'static [&'static str],
    /// What it gives, in one sentence without a full stop.
    pub description: &'static str,
}

const fn function(
    name: &'static str,
    signatures: &'static [&'static str],
    description: &'static str,
) -> LanguageFunction {
    LanguageFunction {
        name,
        signatures,
        description,
    }
}

/// Every function of the language, by name.
pub const LANGUAGE_FUNCTIONS: &[LanguageFunction] = &[
    function("abs", &["number.abs()"], "The number without its sign"),
    function(
        "ceiling",
        &["number.ceiling()"],
        "The number rounded up to a whole one",
    ),
    function(
        "contains",
        &[
            "text.contains(part)",
            "list.contains(value)",
            "map.contains(key)",
            "range.contains(number)",
        ],
        "Whether it is in there, as `in` asks the other way round",
    ),
    function("ends_with", &["text.ends_with(end)"], "Whether the text ends so"),
    function(
        "first",
        &["list.first()"],
        "The first value; `()` of an empty list",
    ),
    function(
        "floor",
        &["number.floor()"],
        "The number rounded down to a whole one",
    ),
    function(
        "get",
        &["map.get(key)"],
        "The value of a key; `()` where there is none",
    ),
    function(
        "index_of",
        &["text.index_of(part)", "list.index_of(value)"],
        "Where it first is, from 0; -1 where it is not",
    ),
    function(
        "insert",
        &["list.insert(at, value)"],
        "Puts a value in at a place, from 0",
    ),
    function(
        "is_empty",
        &["text.is_empty()", "list.is_empty()", "map.is_empty()"],
        "Whether nothing is in there",
    ),
    function("join", &["list.join(separator)"], "One text of all values"),
    function("keys", &["map.keys()"], "The list of all keys"),
    function("last", &["list.last()"], "The last value; `()` of an empty list"),
    function(
        "len",
        &["text.len()", "list.len()", "map.len()"],
        "How many characters, values or keys there are; 0 of what is absent",
    ),
    function(
        "max",
        &["max(a, b)", "list.max()"],
        "The greater number, or the greatest of a list",
    ),
    function(
        "min",
        &["min(a, b)", "list.min()"],
        "The lesser number, or the least of a list",
    ),
    function(
        "parse_decimal",
        &["text.parse_decimal()"],
        "The decimal number that a text spells; fails where it spells none",
    ),
    function(
        "parse_int",
        &["text.parse_int()"],
        "The whole number that a text spells; fails where it spells none",
    ),
    function(
        "pop",
        &["list.pop()"],
        "Takes the last value out, and gives it; `()` where there is none",
    ),
    function("push", &["list.push(value)"], "Puts a value at the end"),
    function(
        "remove",
        &["list.remove(at)", "map.remove(key)"],
        "Takes a value out, and gives it; `()` where there is none",
    ),
    function(
        "replace",
        &["text.replace(part, by)"],
        "The text with every such part replaced",
    ),
    function(
        "round",
        &["number.round()", "number.round(digits)"],
        "The nearest number with so many digits after the point, 0 without any said; the midpoint to even",
    ),
    function("set", &["map.set(key, value)"], "Puts a value in under a key"),
    function(
        "split",
        &["text.split(separator)"],
        "The list of the parts between separators",
    ),
    function(
        "starts_with",
        &["text.starts_with(start)"],
        "Whether the text begins so",
    ),
    function(
        "sub_string",
        &["text.sub_string(start)", "text.sub_string(start, length)"],
        "A part of the text, counted in characters from 0",
    ),
    function("sum", &["list.sum()"], "All numbers of a list added up"),
    function(
        "to_decimal",
        &["number.to_decimal()"],
        "The same number as a decimal",
    ),
    function(
        "to_int",
        &["number.to_int()"],
        "The number without what is after the point",
    ),
    function("to_lower", &["text.to_lower()"], "The text in lower case"),
    function("to_string", &["value.to_string()"], "The value as a text"),
    function("to_upper", &["text.to_upper()"], "The text in upper case"),
    function("trim", &["text.trim()"], "The text without white space around it"),
    function("type_of", &["type_of(value)"], "The name of the value's type"),
    function("values", &["map.values()"], "The list of all values"),
    function(
        "without",
        &["list.without(value)"],
        "The list without such values",
    ),
];

/// The function of the language with a name.
///
/// ```
/// use mission_rules::authoring::language_function;
/// assert_eq!(language_function("sum").map(|known| known.signatures), Some(&["list.sum()"][..]));
/// ```
#[must_use]
pub fn language_function(name: &str) -> Option<&'static LanguageFunction> {
    LANGUAGE_FUNCTIONS.iter().find(|known| known.name == name)
}

#[cfg(test)]
mod tests {
    use super::LANGUAGE_FUNCTIONS;
    use crate::sandbox::Language;

    #[test]
    fn every_function_is_described_with_all_its_parameters() {
        let language = Language::new();
        let described: Vec<&str> = LANGUAGE_FUNCTIONS.iter().map(|known| known.name).collect();
        assert_eq!(described, language.names().collect::<Vec<_>>());
        for known in LANGUAGE_FUNCTIONS {
            let mut arities: Vec<usize> = known.signatures.iter().map(|call| parameters(call)).collect();
            arities.sort_unstable();
            arities.dedup();
            let taken = language.arities(known.name).unwrap().iter().copied();
            assert_eq!(arities, taken.collect::<Vec<_>>(), "{}", known.name);
        }
    }

    /// The number of parameters of a call, with what stands before the point.
    fn parameters(call: &str) -> usize {
        let (before, inside) = call.trim_end_matches(')').split_once('(').unwrap();
        let receiver = usize::from(before.contains('.'));
        receiver
            + inside
                .split(',')
                .filter(|parameter| !parameter.is_empty())
                .count()
    }
}
