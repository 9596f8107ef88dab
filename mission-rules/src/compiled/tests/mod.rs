//! Compiled hooks beside the interpreter.

use std::{collections::HashMap, sync::Arc};

use mission_core::{
    mission::ConditionField,
    ports::rules::{FailureKind, Hook, Script},
};
use proptest::prelude::*;

use super::{
    arena::Arena,
    field::{Field, Resolved},
};
use crate::{
    Limits, Scripts, StoppedStopwatch,
    context::{ContextUse, script_context},
    json::to_json,
    schema::CONTEXT_FIELDS,
    testing::{Bytes, Comparison, ContextFixture, compare},
};

/// Scripts of one run; `MISSION_COMPARED_SCRIPTS` sets another number.
fn cases() -> u32 {
    std::env::var("MISSION_COMPARED_SCRIPTS")
        .ok()
        .and_then(|number| number.parse().ok())
        .unwrap_or(4_000)
}

#[test]
fn generated_scripts_give_what_the_interpreter_gives() {
    let mut counts: HashMap<Comparison, u32> = HashMap::new();
    let mut runner = proptest::test_runner::TestRunner::new(ProptestConfig {
        cases: cases(),
        failure_persistence: None,
        ..ProptestConfig::default()
    });
    let counted = std::cell::RefCell::new(&mut counts);
    let bytes = proptest::collection::vec(any::<u8>(), 16..400);
    runner
        .run(&bytes, |bytes| {
            *counted.borrow_mut().entry(compare(&bytes)).or_default() += 1;
            Ok(())
        })
        .unwrap();
    eprintln!("{counts:?}");
    // A generator whose scripts never came so far would prove nothing.
    assert!(
        counts.get(&Comparison::Same).copied().unwrap_or_default() >= cases() / 10,
        "{counts:?}"
    );
}

/// A context in which nearly every field is there.
fn fixture() -> ContextFixture {
    ContextFixture::generate(&mut Bytes(&[1, 0, 1, 1, 1, 1, 1, 2, 2]))
}

/// Why a hook is interpreted, and the line of that.
fn reason(body: &str) -> Option<(String, Option<usize>)> {
    let source = format!("const PAIR = [1, 2];\nfn eligible(ctx) {{\n{body}\n}}");
    let script = Scripts::default().load(&source).unwrap();
    let because = script.interpreted(Hook::Eligible)?;
    Some((because.reason.clone(), because.line))
}

#[test]
fn every_field_reads_as_the_interpreter_sees_it() {
    let fixture = fixture();
    let context = fixture.context();
    let deep = [
        "event.data.object.deep.x",
        "event.data.title.x",
        "user.attributes.plan",
    ];
    let mut present = 0;
    for path in CONTEXT_FIELDS.iter().map(|(path, _)| *path).chain(deep) {
        let Resolved::Field(field) = Resolved::of(path) else {
            panic!("`{path}` is a field");
        };
        let arena = Arena::default();
        let read = field
            .read(&context, &arena, &Limits::default())
            .unwrap()
            .to_dynamic();
        let keys = ContextUse::Paths([path.to_owned()].into());
        let mut seen = to_json(&script_context(&context, &keys)).unwrap();
        for key in path.split('.') {
            seen = seen.get(key).cloned().unwrap_or_default();
        }
        assert_eq!(to_json(&read).unwrap(), seen, "{path}");
        present += usize::from(!read.is_unit());
    }
    assert!(present > 30, "{present} fields were there");
    assert_eq!(Resolved::of("mission.reward"), Resolved::Parent);
    assert_eq!(Resolved::of("user.levle"), Resolved::Unknown);
    assert_eq!(Resolved::of("user.level"), Resolved::Field(Field::UserLevel));
}

#[test]
fn what_authors_write_is_compiled() {
    for body in [
        "ctx.user.level >= 3 && !(\"banned\" in ctx.user.tags)",
        "let user = ctx.user; user.level > 1 || user.attributes.plan == \"gold\"",
        "let points = ctx.mission.reward.points; if ctx.streak.current >= 7 { points *= 2; } points > 10",
        "if ctx.user.country == () { return false; }\nctx.user.country in [\"DE\", \"AT\"]",
        "switch ctx.now.weekday { 6 | 7 => true, _ => false }",
        "PAIR[ctx.user.level % 2] == 1 && PAIR.len() == 2",
        "(ctx.event.data.seconds ?? 0) >= 30",
        "(ctx.event.data.title ?? \"\").len() > 3 && (ctx.user.level - 5).abs() > 1",
        "ctx.event.data.items[0].id == 1",
        "`${ctx.user.level} of ${min(3, 4)}` != \"\"",
    ] {
        assert_eq!(reason(body), None, "{body}");
    }
}

#[test]
fn what_is_left_to_the_interpreter_says_why_and_where() {
    for (body, expected, line) in [
        (
            "true;\nlet n = 0;\nwhile n < 3 { n += 1; } n == 3",
            "it has a loop",
            Some(5),
        ),
        (
            "for tag in ctx.user.tags { return true; } false",
            "it has a loop",
            Some(3),
        ),
        ("try { true } catch { false }", "it has a `try`", Some(3)),
        (
            "ctx.user.to_string() == \"\"",
            "it reads `ctx.user` as a whole",
            Some(3),
        ),
        ("ctx.user.levle > 3", "no context has `ctx.user.levle`", Some(3)),
        (
            "[1, ctx.user.level].len() == 2",
            "a list in it holds more than constants",
            Some(3),
        ),
        (
            "ctx.user.tags.join(\", \") == \"\"",
            "the function `join` is not compiled",
            Some(3),
        ),
        (
            "let a = #{}; a.b = 1; true",
            "the script changes what is within a list or a map",
            None,
        ),
    ] {
        assert_eq!(reason(body), Some((expected.to_owned(), line)), "{body}");
    }
    let deep = "fn again(n) { again(n) }\nfn eligible(ctx) { again(1) }";
    let script = Scripts::default().load(deep).unwrap();
    let because = script.interpreted(Hook::Eligible).unwrap();
    assert_eq!(because.reason, "its functions call each other too deep");
}

#[test]
fn functions_that_call_each_other_many_times_are_not_written_out() {
    let mut source = "fn f0(n) { n + 1 }\n".to_owned();
    for n in 1..14 {
        let below = n - 1;
        source += &format!("fn f{n}(n) {{ f{below}(n) + f{below}(n) + f{below}(n) }}\n");
    }
    source += "fn eligible(ctx) { f13(1) > 0 }";
    let script = Scripts::default().load(&source).unwrap();
    let because = script.interpreted(Hook::Eligible).unwrap();
    assert_eq!(
        because.reason,
        "it is so long that it might pass the limit of operations"
    );
}

#[test]
fn what_fails_fails_as_in_the_interpreter() {
    let fixture = fixture();
    let context = fixture.context();
    for (body, expected) in [
        ("9223372036854775807 + ctx.user.level > 0", "Addition overflow"),
        ("1 / (ctx.user.level - ctx.user.level) > 0", "Division by zero"),
        ("if ctx.user.level > 0 { throw \"not today\"; } true", "not today"),
        (
            "ctx.user.level",
            "it must give true or false, and gave a whole number",
        ),
        (
            "ctx.user.level && ctx.user.level > 1",
            "true or false is needed here",
        ),
        ("ctx.user.tags[7] == 1", "outside of a list"),
        ("ctx.user.tags[-1] == 1", "the index -1 is below 0"),
        (
            "ctx.event.data.missing > 3 || ctx.event.data.missing + 1 > 3",
            "`+` cannot take () (nothing)",
        ),
    ] {
        let source = format!("fn eligible(ctx) {{ {body} }}");
        let script = Scripts::default().load(&source).unwrap();
        assert_eq!(script.interpreted(Hook::Eligible), None, "{body}");
        let failure = script.eligible(&context).unwrap_err();
        assert!(failure.message.contains(expected), "{body}: {failure}");
    }
}

#[test]
fn a_limit_on_operations_holds_for_compiled_hooks() {
    let limits = Limits {
        operations: 20,
        ..Limits::default()
    };
    let scripts = Scripts::new(limits, Arc::new(StoppedStopwatch));
    let script = scripts
        .load("fn eligible(ctx) { let n = ctx.user.level; n + n + n + n + n + n + n + n + n > 0 }")
        .unwrap();
    let failure = script.eligible(&fixture().context()).unwrap_err();
    assert!(failure.message.contains("more than 20 operations"), "{failure}");
}

/// Conditions of every kind that matters to whether missions can be found by them.
const CONDITIONS: &[&str] = &[
    "ctx.event.data.title == \"Grüße\"",
    "ctx.event.data.seconds == 35",
    "ctx.event.data.whole == 3",
    "ctx.event.data.ratio == 0.1",
    "ctx.event.data.seconds in [35, \"35\"]",
    "ctx.event.data.title in [\"x\", ()]",
    "ctx.event.data.object.title == \"in\"",
    "ctx.event.data.missing == ()",
    "ctx.event.source == \"player\"",
    "ctx.event.source == \"other\"",
    "ctx.user.level >= 3",
    "ctx.user.level == 3",
    "ctx.user.level in [2, 3]",
    "ctx.user.country == \"DE\"",
    "ctx.user.country in [\"VN\", \"US\"]",
    "\"vip\" in ctx.user.tags",
    "ctx.user.tags == \"vip\"",
    "ctx.user.badges == \"vip\"",
    "ctx.user.experience < 100",
    "ctx.user.attributes.plan == \"pro\"",
    "ctx.user.attributes.seats > 4",
    "ctx.user.days_away == 1",
    "ctx.event.data.seconds >= 30",
    "ctx.event.data.seconds > 2.5",
    "ctx.event.data.seconds < 1000",
    "ctx.event.data.title <= 7",
    "!(\"vip\" in ctx.user.tags)",
    "\"a\" in ctx.event.data.title",
    "ctx.event.data.seconds + 1 > 3",
    "ctx.event.data.list == [1]",
    "!(ctx.event.data.title == 5)",
    "true",
];

proptest! {
    #[test]
    fn what_cannot_fit_is_refused_by_the_interpreter(
        chosen in prop::collection::vec(0..CONDITIONS.len(), 1..4),
        bytes in prop::collection::vec(any::<u8>(), 8),
    ) {
        let conditions: Vec<&str> = chosen.into_iter().map(|at| CONDITIONS[at]).collect();
        let source = format!("fn eligible(ctx) {{ {} }}", conditions.join(" && "));
        let script = Scripts::default().load(&source).unwrap();
        let fixture = ContextFixture::generate(&mut Bytes(&bytes));
        let context = fixture.context();
        let Some(condition) = script.field_condition() else {
            return Ok(());
        };
        let field = match &condition.field {
            ConditionField::Event(path) => context.event.and_then(|event| event.field(path)),
            ConditionField::User(path) => context.user.field(path),
        };
        if !field.is_some_and(|field| condition.wanted.allows(&field)) {
            match script.eligible_interpreted(&context) {
                Ok(yes) => prop_assert!(!yes, "{source}\n{condition:?}"),
                Err(failure) => prop_assert_eq!(failure.kind, FailureKind::Limit, "{}", source),
            }
        }
    }
}

#[test]
fn missions_are_found_by_the_most_telling_condition_of_their_scripts() {
    let field = |body: &str| {
        let script = Scripts::default()
            .load(&format!("fn eligible(ctx) {{ {body} }}"))
            .unwrap();
        script.field_condition().map(|condition| condition.field)
    };
    let event = |path: &str| Some(ConditionField::Event(path.to_owned()));
    let user = |path: &str| Some(ConditionField::User(path.to_owned()));
    let shop = event("event.data.shop");
    assert_eq!(field("ctx.event.data.shop == \"s1\""), shop);
    assert_eq!(
        field("ctx.user.level > 3 && ctx.event.data.shop in [\"s1\", \"s2\"]"),
        shop
    );
    let seconds = event("event.data.seconds");
    assert_eq!(field("ctx.event.data.seconds >= 30"), seconds);
    // A few values say more than a range.
    assert_eq!(
        field("ctx.event.data.seconds > 2.5 && ctx.event.data.shop == \"s1\""),
        shop
    );
    assert_eq!(
        field(
            "ctx.event.data.seconds < 9 && ctx.event.data.seconds + 1 > 3 && ctx.event.data.shop == \"s1\""
        ),
        seconds
    );
    assert_eq!(field("ctx.event.data.shop > \"s1\""), None);
    // What stands before it could fail, and must be told of.
    assert_eq!(
        field("ctx.event.data.seconds + 1 > 3 && ctx.event.data.shop == \"s1\""),
        None
    );
    assert_eq!(field("ctx.event.data.shop == \"s1\" || ctx.user.level > 3"), None);
    assert_eq!(field("ctx.event.data.shop == ()"), None);
    assert_eq!(field("ctx.event.data.shop != \"s1\""), None);

    assert_eq!(field("ctx.user.level >= 3"), user("user.level"));
    assert_eq!(
        field("ctx.event.data.seconds >= 30 && ctx.user.country == \"VN\""),
        user("user.country")
    );
    assert_eq!(
        field("\"vip\" in ctx.user.tags && ctx.user.level > 3"),
        user("user.tags")
    );
    assert_eq!(field("!(\"vip\" in ctx.user.tags)"), None);
    assert_eq!(
        field("ctx.user.attributes.plan == \"pro\""),
        user("user.attributes.plan")
    );
    // It changes while an event is applied.
    assert_eq!(field("ctx.user.days_away == 1"), None);
}
