//! Other rule engines. Each is measured with its context ready, and with the context built for each evaluation, as an
//! engine that gets one event after the other must.

use std::hint::black_box;

use rust_decimal::prelude::ToPrimitive;
use serde::Serialize;
use serde_json::json;
use zen_expression::{Scope, Variable, compile_expression, vm::VM};

use crate::{
    Candidate,
    records::{Records, wanted_by_hand},
};

const ZEN: &str = r#"event.type == "video.watched" and event.seconds >= 30 and user.level >= 3
    and not ("banned" in user.tags) and user.country in ["US", "DE", "VN"]"#;
const CEL: &str = r#"event.type == "video.watched" && event.seconds >= 30 && user.level >= 3
    && !("banned" in user.tags) && user.country in ["US", "DE", "VN"]"#;
const ZEN_SCORE: &str = "points * (streak >= 30 ? 1.5 : streak >= 7 ? 1.2 : 1)";

#[derive(Serialize)]
struct Event<'r> {
    #[serde(rename = "type")]
    event_type: &'r str,
    seconds: i64,
}

#[derive(Serialize)]
struct User<'r> {
    level: u32,
    tags: &'r [String],
    country: &'r str,
}

impl Records {
    fn event(&self) -> Event<'_> {
        Event {
            event_type: &self.event.event_type,
            seconds: self
                .event
                .data
                .get("seconds")
                .and_then(|seconds| seconds.as_i64())
                .unwrap_or_default(),
        }
    }

    fn user(&self) -> User<'_> {
        User {
            level: self.level,
            tags: &self.tags,
            country: self.country,
        }
    }

    fn zen(&self) -> Scope {
        let json = json!({
            "event": {"type": self.event.event_type, "seconds": self.event.data.get("seconds")},
            "user": {"level": self.level, "tags": self.tags, "country": self.country},
        });
        Scope::new(json.into())
    }

    fn cel(&self) -> cel::Context<'static, 'static> {
        let mut context = cel::Context::default();
        context
            .add_variable("event", self.event())
            .expect("it is a value");
        context.add_variable("user", self.user()).expect("it is a value");
        context
    }

    fn zen_score(&self) -> Scope {
        Scope::new(json!({"points": self.points().to_f64(), "streak": self.streak}).into())
    }
}

pub(crate) fn predicates(records: &[Records]) -> Vec<Candidate<'_>> {
    let expected: Vec<bool> = records
        .iter()
        .map(|records| wanted_by_hand(&records.context()))
        .collect();
    let zen = compile_expression(ZEN).expect("it compiles");
    let mut vm = VM::new();
    let scopes: Vec<Scope> = records.iter().map(Records::zen).collect();
    for (scope, expected) in scopes.iter().zip(&expected) {
        let value = zen.evaluate_with_scope(scope, &mut vm).expect("it gives a value");
        assert!(
            matches!(value, Variable::Bool(value) if value == *expected),
            "zen: {value:?}"
        );
    }
    let (zen_each, mut vm_each) = (compile_expression(ZEN).expect("it compiles"), VM::new());
    let program = cel::Program::compile(CEL).expect("it compiles");
    let contexts: Vec<_> = records.iter().map(Records::cel).collect();
    for (context, expected) in contexts.iter().zip(&expected) {
        assert_eq!(
            program.execute(context).expect("it gives a value"),
            cel::Value::Bool(*expected)
        );
    }
    let program_each = cel::Program::compile(CEL).expect("it compiles");
    vec![
        Candidate::new("zen-expression, context ready", move |times| {
            for at in 0..times {
                black_box(zen.evaluate_with_scope(black_box(&scopes[at % 64]), &mut vm))
                    .expect("it gives a value");
            }
        }),
        Candidate::new("zen-expression, context built for each", move |times| {
            for at in 0..times {
                let scope = black_box(&records[at % 64]).zen();
                black_box(zen_each.evaluate_with_scope(&scope, &mut vm_each)).expect("it gives a value");
            }
        }),
        Candidate::new("cel, context ready", move |times| {
            for at in 0..times {
                black_box(program.execute(black_box(&contexts[at % 64]))).expect("it gives a value");
            }
        }),
        Candidate::new("cel, context built for each", move |times| {
            for at in 0..times {
                let context = black_box(&records[at % 64]).cel();
                black_box(program_each.execute(&context)).expect("it gives a value");
            }
        }),
    ]
}

/// `cel` has no decimals; `zen-expression` has.
pub(crate) fn scores(records: &[Records]) -> Vec<Candidate<'_>> {
    let zen = compile_expression(ZEN_SCORE).expect("it compiles");
    let mut vm = VM::new();
    let scopes: Vec<Scope> = records.iter().map(Records::zen_score).collect();
    vec![Candidate::new("zen-expression, context ready", move |times| {
        for at in 0..times {
            black_box(zen.evaluate_with_scope(black_box(&scopes[at % 64]), &mut vm))
                .expect("it gives a value");
        }
    })]
}
