//! Whether the fields that a script reads are there.

use rhai::{ASTNode, Stmt};

use crate::{
    Diagnostic, FieldSchema, FindingCode,
    suggest::suggest,
    syntax::{Chain, Function, chain_at, name_at, word_at},
};

/// Finds fields that no context has, and assignments that nobody would see.
pub(super) fn check(
    source: &str,
    function: &Function,
    context: &str,
    schema: &FieldSchema,
) -> Vec<Diagnostic> {
    let mut findings = Vec::new();
    function.walk(|path| {
        if let Some(finding) = written_field(source, path, context) {
            findings.push(finding);
        }
        if let Some(chain) = chain_at(path).filter(|chain| chain.root == context) {
            findings.extend(unknown_field(source, &chain, schema));
        }
    });
    findings
}

fn unknown_field(source: &str, chain: &Chain<'_>, schema: &FieldSchema) -> Option<Diagnostic> {
    let mut path = String::new();
    for (name, position) in &chain.fields {
        let parent = path.clone();
        if !path.is_empty() {
            path.push('.');
        }
        path.push_str(name);
        if schema.kind(&path).is_some() {
            continue;
        }
        let root = chain.root;
        let siblings: Vec<&str> = schema.names_below(&parent).collect();
        let place = if parent.is_empty() {
            root.to_owned()
        } else {
            format!("{root}.{parent}")
        };
        let message = format!("`{root}.{path}` is in no context, so it reads as `()`");
        let finding =
            Diagnostic::new(FindingCode::ScriptUnknownField, message).at_known(word_at(source, *position));
        return Some(match suggest(name, siblings.iter().copied()) {
            Some(meant) => {
                let help = format!("did you mean `{place}.{}`?", meant.name);
                let finding = finding.with_suggestion(meant, name_at(source, *position, name), str::to_owned);
                finding.with_help(help)
            }
            None if siblings.is_empty() => finding.with_help(format!(
                "`{place}` is {}, which has no fields",
                schema.kind(&parent).map_or("nothing", |kind| kind.plain())
            )),
            None => finding.with_help(format!("`{place}` has {}", siblings.join(", "))),
        });
    }
    None
}

fn written_field(source: &str, path: &[ASTNode<'_>], context: &str) -> Option<Diagnostic> {
    let Some(ASTNode::Stmt(Stmt::Assignment(assignment))) = path.last() else {
        return None;
    };
    let chain = Chain::of(&assignment.1.lhs).filter(|chain| chain.root == context)?;
    let message = format!(
        "`{context}` is this call's own copy: nothing outside of the hook sees what is written to it"
    );
    let finding = Diagnostic::new(FindingCode::ScriptContextWrite, message)
        .with_help("keep the value in a variable, with `let`");
    Some(finding.at_known(word_at(source, chain.root_position)))
}
