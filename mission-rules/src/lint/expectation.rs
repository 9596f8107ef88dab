//! What is wrong with the expression that a property expects to hold.

use mission_core::ports::rules::Hook;

use super::{always_fails, answers, comparisons, fields, inference::ScriptTypes, variables};
use crate::{
    Diagnostic, FieldSchema, FindingCode,
    answer::{REWARD_FIELDS, unknown_reward_field},
    expectation::WrittenExpectation,
    program::Engines,
    syntax::{Function, chain_at, word_at},
};

/// Everything that is wrong with an expression over a hook's `value` and its `ctx`, or probably not meant so.
pub(crate) fn lint_expectation(
    engines: &Engines,
    hook: Hook,
    expression: &str,
    schema: &FieldSchema,
) -> Vec<Diagnostic> {
    let read = match WrittenExpectation::read(engines, expression) {
        Ok(read) => read,
        Err(finding) => return vec![finding],
    };
    let source = read.source.as_str();
    let mut found = Vec::new();
    if let Err(findings) = &read.program {
        found.extend(findings.iter().cloned());
    }
    let types = ScriptTypes::of(&read.functions, &[], schema);
    for (n, function) in read.functions.iter().enumerate() {
        found.extend(always_fails::check(source, function));
        found.extend(variables::check(source, function));
        found.extend(fields::check(source, function, &types.of_function(n)));
        found.extend(comparisons::check(source, function, &types.of_function(n)));
        let subject = "the expression";
        found.extend(answers::check_as(
            source,
            subject,
            Hook::Eligible,
            n,
            &read.functions,
            &types,
        ));
        if hook == Hook::Reward {
            found.extend(unknown_amounts(source, function));
        }
    }
    found.into_iter().map(|finding| read.finding(finding)).collect()
}

/// Fields of `value` that no reward has.
fn unknown_amounts(source: &str, function: &Function) -> Vec<Diagnostic> {
    let mut found = Vec::new();
    function.walk(|path| {
        let chain = chain_at(path).filter(|chain| chain.root == "value");
        if let Some((name, position)) = chain.and_then(|chain| chain.fields.first().copied())
            && !REWARD_FIELDS.contains(&name)
        {
            let message = format!("a reward has no field `{name}`");
            let finding = Diagnostic::new(FindingCode::ScriptUnknownField, message);
            found.push(
                finding
                    .with_help(unknown_reward_field(name))
                    .at_known(word_at(source, position)),
            );
        }
    });
    found
}
