//! What authors may look for and must not find, each with the reason.

const PURE: &str = "scripts are pure: the same context gives the same answer, always";

/// Keywords of the interpreter that are turned off in its tokenizer.
pub(super) const FORBIDDEN_SYMBOLS: &[(&str, &str)] = &[
    (
        "print",
        "nothing would show it; give a reason from `verify`, or use `mission eval --trace`",
    ),
    (
        "debug",
        "nothing would show it; use `mission eval --trace` to see the values of each line",
    ),
    ("eval", "a script cannot make code while it runs"),
    ("this", "functions take what they need as parameters"),
    ("Fn", "function pointers are off: call the function by its name"),
    ("call", "function pointers are off: call the function by its name"),
    (
        "curry",
        "function pointers are off: call the function by its name",
    ),
    ("is_def_var", "a script's variables are known where it is written"),
    ("is_def_fn", "a script's functions are known where it is written"),
    ("is_shared", "values are never shared"),
];

/// Functions and keywords that other dialects of the language have, and ours does not.
const FORBIDDEN_FUNCTIONS: &[(&str, &str)] = &[
    ("sleep", "it would block the engine; scripts only compute"),
    ("timestamp", PURE),
    ("now", PURE),
    ("rand", PURE),
    ("random", PURE),
    ("exit", "use `return`"),
    ("import", "a script stands alone: copy the function that it needs"),
    (
        "export",
        "a script stands alone: its hooks are found by their names",
    ),
    (
        "global",
        "functions see the script's constants by their plain names",
    ),
    ("parse_json", "the context holds parsed values already"),
    ("open_file", PURE),
    ("async", PURE),
    ("await", PURE),
    ("spawn", PURE),
    ("thread", PURE),
];

/// Why there is no such thing in scripts, where someone may well look for it.
pub(crate) fn forbidden(name: &str) -> Option<&'static str> {
    FORBIDDEN_SYMBOLS
        .iter()
        .chain(FORBIDDEN_FUNCTIONS)
        .find(|(forbidden, _)| *forbidden == name)
        .map(|(_, reason)| *reason)
}
