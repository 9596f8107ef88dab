//! Sources that the compiler must refuse, or get through soon.

use mission_core::ports::rules::Hook;
use mission_rules::{FieldSchema, Limits, MonotonicStopwatch, Stopwatch};
use proptest::prelude::*;
use serde_json::json;

use crate::hostile::{SOON_MILLIS, scripts};

/// Sources that are a burden to the compiler.
#[test]
fn hostile_sources_are_refused_soon() {
    let scripts = scripts();
    let bytes = Limits::default().script_bytes;
    let hook = |body: String| format!("fn eligible(ctx) {{ {body} }}");
    let table = [
        (hook(format!("\"{}\" == \"\"", "x".repeat(bytes))), "bytes"),
        (hook("(".repeat(8_000)), "deep"),
        (hook("[".repeat(8_000)), "deep"),
        (hook("!".repeat(8_000)), "deep"),
        (hook("-".repeat(8_000)), ""),
        (hook("{".repeat(8_000)), "deep"),
        (hook("if true {".repeat(1_000)), "deep"),
        (hook(format!("1{}", " + 1".repeat(3_500))), "deep"),
        (hook("`${".repeat(4_000)), ""),
        (hook("a.".repeat(4_000)), ""),
        (hook("/*".repeat(4_000)), ""),
        (
            (0..500).map(|n| format!("fn f{n}() {{}}")).collect(),
            "64 functions",
        ),
        (
            hook((0..40).map(|n| format!("let v{n} = {n}; ")).collect::<String>() + "true"),
            "32 variables",
        ),
        (hook(format!("[{}].len() > 1", "1,".repeat(3_000))), "1000 items"),
        (
            hook(format!(
                "#{{{}}}.len() > 1",
                (0..600).map(|n| format!("k{n}: 1,")).collect::<String>()
            )),
            "500 entries",
        ),
        (hook(format!("{} > 1", "9".repeat(5_000))), "number"),
        ("fn eligible(ctx) { \u{0}".to_owned(), ""),
        (
            "fn eligible(ctx) { true } fn eligible(ctx) { false }".to_owned(),
            "already exists",
        ),
        ("fn eligible(a, b) { true }".to_owned(), "takes one parameter"),
        ("fn eligible() { true }".to_owned(), "takes one parameter"),
        ("fn print(x) { x } fn eligible(ctx) { true }".to_owned(), ""),
        (
            "let x = 1; fn eligible(ctx) { true }".to_owned(),
            "make it a `const`",
        ),
        ("loop {}".to_owned(), "only `fn` and `const`"),
        (
            "fn f(n) { n > 1 } f(1); fn eligible(ctx) { true }".to_owned(),
            "only `fn` and `const`",
        ),
        (
            "const X = { loop {} }; fn eligible(ctx) { true }".to_owned(),
            "a constant cannot be computed",
        ),
        (
            "const X = 1 / 0; fn eligible(ctx) { true }".to_owned(),
            "Division by zero",
        ),
        (
            "const ctx = 5; fn eligible(ctx) { ctx > 1 }".to_owned(),
            "rename one of them",
        ),
    ];
    let mut wrong = Vec::new();
    for (source, expected) in table {
        let start = MonotonicStopwatch::start();
        let result = scripts.eval_hook(&source, Hook::Eligible, &json!({}));
        assert!(
            start.elapsed().as_millis() < SOON_MILLIS,
            "{}",
            source.get(..80).unwrap_or(&source)
        );
        let error = result.map_or_else(|error| error.to_string(), |value| format!("gave {value}"));
        if error.starts_with("gave ") || !error.contains(expected) {
            wrong.push((source.get(..80).unwrap_or(&source).to_owned(), error, expected));
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

/// The optimizer is quadratic in the length of a script; the cap on its bytes is what bounds it.
#[test]
fn the_longest_scripts_compile_soon() {
    let scripts = scripts();
    let bytes = Limits::default().script_bytes;
    for (head, repeated) in [
        ("", "let x = 1; "),
        ("let x = 1; ", "x += 1; "),
        ("", "if ctx.a { 1 } else { 2 }; "),
        ("", "ctx.user.level > 1; "),
        ("", ";"),
    ] {
        let count = (bytes - 40) / repeated.len();
        let source = format!("fn eligible(ctx) {{ {head}{} true }}", repeated.repeat(count));
        let start = MonotonicStopwatch::start();
        scripts.load(&source).unwrap();
        assert!(
            start.elapsed().as_millis() < SOON_MILLIS,
            "{repeated}: {:?}",
            start.elapsed()
        );
    }
}

proptest! {
    /// Whatever an author's keyboard gives, there is an answer and no panic.
    #[test]
    fn any_text_is_compiled_or_refused(
        words in prop::collection::vec(
            prop_oneof![
                Just("ctx"), Just("."), Just("user"), Just("level"), Just("fn f(a) {"), Just("}"), Just("{"), Just("("),
                Just(")"), Just("if "), Just("else"), Just("let x ="), Just("x"), Just("=="), Just("&&"), Just("1"),
                Just("0.5"), Just("\"t\""), Just("`${"), Just("}`"), Just("["), Just("]"), Just("#{"), Just("a:"),
                Just(","), Just(";"), Just("in "), Just("switch "), Just("=>"), Just("_"), Just("for i in "), Just("!"),
                Just("-"), Just("??"), Just("?."), Just("const K = "), Just("\n"), Just("//"), Just("ö"), Just("..")
            ],
            0..40,
        ),
        closed in any::<bool>(),
    ) {
        let body = words.concat();
        let source = if closed { format!("fn eligible(ctx) {{ {body} }}") } else { body };
        let scripts = scripts();
        let findings = scripts.diagnose(&source, &FieldSchema::default());
        for span in findings.iter().filter_map(|finding| finding.span.clone()) {
            prop_assert!(source.get(span.clone()).is_some(), "{span:?} is no part of {source:?}");
        }
        if scripts.load(&source).is_ok_and(|script| script.defines(Hook::Eligible)) {
            let context = json!({"user": {"level": 1}});
            let value = scripts.eval_hook(&source, Hook::Eligible, &context).map_err(|error| error.to_string());
            let trace = scripts.trace_hook(&source, Hook::Eligible, &context).unwrap();
            prop_assert_eq!(&trace.result.map_err(|error| error.to_string()), &value);
            if let Err(message) = value {
                prop_assert!(!message.contains("broke down"), "{message}: {source}");
            }
        }
    }
}
