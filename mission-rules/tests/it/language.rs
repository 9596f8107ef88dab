//! What scripts can say, and what it means.

use mission_core::ports::rules::Hook;
use mission_rules::Scripts;
use serde_json::{Value, json};

fn context() -> Value {
    json!({
        "user": {"level": 4, "experience": 120, "tags": ["vip", "beta"], "country": "DE", "attributes": {"plan": "gold"}},
        "mission": {"code": "watch", "target": 3, "reward": {"points": 50, "mining_boost_percent": "2.5"}},
        "event": {"type": "video.watched", "data": {
            "seconds": 35, "ratio": 0.1, "big": 12_345_678_901_234_567_890_u64, "whole": 3.0,
            "items": [{"id": 1}, {"id": 2}], "title": "Grüße", "nothing": null, "odd.key": 1,
        }},
    })
}

/// The value of an expression over the context, seen through the field of a map.
fn eval(scripts: &Scripts, expression: &str) -> Result<Value, String> {
    let source = format!("fn verify(ctx) {{ let value = {expression}; #{{ review: value.to_string() }} }}");
    let value = scripts
        .eval_hook(&source, Hook::Verify, &context())
        .map_err(|error| error.to_string())?;
    Ok(value["review"].clone())
}

#[test]
fn expressions_mean_what_authors_expect() {
    let scripts = Scripts::default();
    let table = [
        // Whole numbers and decimals mix, and decimals are exact.
        ("ctx.mission.reward.points * 2", "100"),
        ("0.1 + 0.2", "0.3"),
        ("0.2 * 3", "0.6"),
        ("1 == 1.0", "true"),
        ("1.0 == 1", "true"),
        ("2 > 1.5 && 1.5 < 2", "true"),
        ("7 / 2", "3"),
        ("7 / 2.0", "3.5"),
        ("ctx.mission.reward.points / 4 == 12.5", "true"),
        ("ctx.mission.reward.mining_boost_percent + 1", "3.5"),
        ("ctx.event.data.ratio * 3", "0.3"),
        ("ctx.event.data.big", "12345678901234567890"),
        ("ctx.event.data.whole == 3", "true"),
        ("-5", "-5"),
        ("2 ** 10", "1024"),
        ("7 % 4", "3"),
        ("(-5).abs() + abs(-1.5)", "6.5"),
        ("min(3, 2.5) + max(1, 2)", "4.5"),
        ("round(2.5)", "2"),
        ("round(3.14159, 2)", "3.14"),
        ("(2.1).ceiling() + (2.9).floor()", "5"),
        ("to_int(2.9) + parse_int(\" 40 \")", "42"),
        ("parse_decimal(\"1.50\")", "1.50"),
        ("to_decimal(1) / 8", "0.125"),
        // Texts.
        ("\"a\" + 1 + true + 1.5", "a1true1.5"),
        ("`level ${ctx.user.level} of ${1.50}`", "level 4 of 1.50"),
        ("ctx.event.data.title.len()", "5"),
        (
            "\"Hello\".starts_with(\"He\") && \"Hello\".ends_with(\"lo\")",
            "true",
        ),
        ("\"ell\" in \"Hello\"", "true"),
        ("\"Hello\".contains(\"xyz\")", "false"),
        ("\"  x \".trim() + \"a\".to_upper() + \"B\".to_lower()", "xAb"),
        ("\"a,b,c\".split(\",\").len()", "3"),
        ("\"a-b\".replace(\"-\", \"+\")", "a+b"),
        ("\"Hello\".sub_string(1, 3) + \"Hello\".sub_string(-2)", "elllo"),
        ("\"Grüße\".index_of(\"ß\")", "3"),
        ("\"abc\" < \"abd\"", "true"),
        // Lists and maps.
        ("\"vip\" in ctx.user.tags", "true"),
        ("\"banned\" !in ctx.user.tags", "true"),
        ("!(\"banned\" in ctx.user.tags)", "true"),
        ("ctx.user.country in [\"DE\", \"AT\"]", "true"),
        ("1.0 in [1, 2]", "true"),
        ("3 in 1..5 && 5 !in 1..5 && 5 in 1..=5", "true"),
        ("[1, 2] == [1.0, 2] && [1] != [2]", "true"),
        ("#{a: 1} == #{a: 1.0}", "true"),
        ("[1, 2, 3].sum() + [0.5].sum()", "6.5"),
        ("[3, 1, 2].max() - [3, 1, 2].min()", "2"),
        ("[\"a\", \"b\"].join(\"-\")", "a-b"),
        ("[1, 2, 1].without(1).len()", "1"),
        (
            "#{a: 1, b: 2}.keys().join(\",\") + #{a: 1}.values().len()",
            "a,b1",
        ),
        ("\"plan\" in ctx.user.attributes", "true"),
        ("ctx.event.data.items[1].id", "2"),
        ("ctx.event.data[\"odd.key\"]", "1"),
        (
            "{ let sum = 0; for item in ctx.event.data.items { sum += item.id; } sum }",
            "3",
        ),
        ("{ let n = 0; for i in 0..10 { n += i; } n }", "45"),
        ("{ let m = #{}; m[\"k\"] = 1; m.other = 2; m.k + m.other }", "3"),
        ("{ let a = [1]; a.push(2); a[0] = 5; a.sum() }", "7"),
        ("switch ctx.user.country { \"DE\" => 1, _ => 2 }", "1"),
        ("if ctx.user.level >= 3 { \"yes\" } else { \"no\" }", "yes"),
        // What is absent.
        ("ctx.user.attributes.a.b.c", ""),
        ("ctx.user.attributes.a.b.c == ()", "true"),
        ("ctx.nowhere.at[\"all\"][3].deep", ""),
        ("ctx.user.level.deep.deeper == ()", "true"),
        ("ctx.event.data.nothing ?? 7", "7"),
        ("ctx.evidence.seconds >= 30", "false"),
        ("ctx.evidence.seconds != 30", "true"),
        ("\"x\" in ctx.user.attributes.tags", "false"),
        ("ctx.user.attributes.tags.len()", "0"),
        ("type_of(ctx.event.data.seconds)", "i64"),
        // Types that differ.
        ("ctx.user.level == \"4\"", "false"),
        ("\"35\" >= 30", "false"),
    ];
    let wrong: Vec<_> = table
        .into_iter()
        .map(|(expression, expected)| (expression, eval(&scripts, expression), expected))
        .filter(|(_, value, expected)| *value != Ok(json!(expected)))
        .collect();
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn what_cannot_be_computed_says_so_and_where() {
    let scripts = Scripts::default();
    let table = [
        ("1 / 0", "Division by zero"),
        ("1.5 / 0", "Division by zero"),
        ("9223372036854775807 + 1", "overflow"),
        ("-(-9223372036854775807 - 1)", "overflow"),
        ("79228162514264337593543950335.0 * 10", "overflow"),
        (
            "ctx.user.attributes.x + 1",
            "a field that is absent reads as `()`",
        ),
        (
            "ctx.user.attributes.x * 1.5",
            "`*` cannot take () (nothing) and a decimal",
        ),
        ("parse_int(\"many\")", "`many` is no whole number"),
        ("round(1.5, 99)", "0 to 28 digits"),
        ("[1, \"x\"].sum()", "no number"),
        ("ctx.user.level && ctx.user.level", "true or false is needed here"),
        ("[1][5]", "the index 5 is outside of a list of 1"),
        (
            "[10, 20][(ctx.user.level - 5) % 7] + (1 / 0)",
            "the index -1 is below 0, so it is outside of the list (line 1, column",
        ),
        ("{ let a = [1]; a[-1] = 2; a }", "the index -1 is below 0"),
        ("{ throw \"my own\" }", "my own"),
    ];
    for (expression, expected) in table {
        let error = eval(&scripts, expression).unwrap_err();
        assert!(error.contains(expected), "{expression}: {error}");
        assert!(error.contains("(line 1, column "), "{expression}: {error}");
    }
}

#[test]
fn constants_are_seen_by_functions() {
    let scripts = Scripts::default();
    let source = "const LEAST = 3;\nconst CODES = [\"DE\", \"AT\"];\nconst TWICE = LEAST * 2;\n\
                  fn enough(n) { n >= LEAST && TWICE == 6 }\n\
                  fn eligible(ctx) { enough(ctx.user.level) && ctx.user.country in CODES }";
    assert_eq!(
        scripts.eval_hook(source, Hook::Eligible, &context()),
        Ok(json!(true))
    );
}

#[test]
fn constants_are_indexed_and_have_methods() {
    let scripts = Scripts::default();
    for (expression, expected) in [
        ("BONUS[0]", json!(5)),
        ("BONUS[ctx.user.level % 3] + BONUS[BONUS.len() - 1]", json!(40)),
        ("TIERS.gold", json!(7)),
        ("TIERS[ctx.user.attributes.plan]", json!(7)),
        ("NAME.to_upper().len() + abs(DEBT)", json!(7)),
        ("DEBT.abs()", json!(3)),
        ("of(BONUS)", json!(35)),
        ("{ let BONUS = [1]; BONUS[0] }", json!(1)),
        ("`${NAME.len()} ${BONUS[1]}`.len()", json!(4)),
    ] {
        let source = format!(
            "const BONUS = [5, 10, 30]; const TIERS = #{{gold: 7}}; const NAME = \"club\"; const DEBT = -3;\n\
             fn of(BONUS_) {{ BONUS[0] + BONUS_[2] }}\nfn progress(ctx) {{ {expression} }}"
        );
        let value = scripts.eval_hook(&source, Hook::Progress, &context());
        assert_eq!(value, Ok(expected), "{expression}");
    }
}

#[test]
fn constants_cannot_be_changed() {
    let scripts = Scripts::default();
    for change in ["BONUS.push(1);", "BONUS[0] = 1;", "BONUS = [];", "BONUS += [1];"] {
        let source = format!("const BONUS = [5, 10];\nfn progress(ctx) {{ {change} 1 }}");
        let error = scripts.eval_hook(&source, Hook::Progress, &context());
        assert!(error.is_err(), "{change}: {error:?}");
    }
}

#[test]
fn results_keep_their_exact_digits() {
    let scripts = Scripts::default();
    let source = "fn reward(ctx) { #{ points: 12.50, bonus_points: 0.1 + 0.2, badge_id: \"x\" } }";
    let value = scripts.eval_hook(source, Hook::Reward, &json!({})).unwrap();
    assert_eq!(
        value.to_string(),
        r#"{"badge_id":"x","bonus_points":0.3,"points":12.5}"#
    );
}
