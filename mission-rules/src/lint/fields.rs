//! Whether the fields that a script reads are there.

use rhai::{ASTNode, Stmt};

use super::{comparisons::Types, inference::Inferred};
use crate::{
    Diagnostic, FieldSchema, FindingCode,
    suggest::suggest,
    syntax::{Chain, Function, chain_at, name_at, word_at},
};

/// Finds fields that no context has, and assignments that nobody would see.
pub(super) fn check(source: &str, function: &Function, types: &Types<'_>) -> Vec<Diagnostic> {
    let mut findings = Vec::new();
    function.walk(|path| {
        findings.extend(written_field(source, path, types));
        if let Some(chain) = chain_at(path)
            && let Some(Inferred::Path(base)) = types.variables.get(chain.root)
        {
            findings.extend(unknown_field(source, &chain, base, types.schema));
        }
    });
    findings
}

/// The first field of a chain that its root, which holds a path of the context, does not have.
fn unknown_field(source: &str, chain: &Chain<'_>, base: &str, schema: &FieldSchema) -> Option<Diagnostic> {
    let mut path = base.to_owned();
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
        // As the script writes it: the root stands for what it holds.
        let written = |path: &str| match path.strip_prefix(base).unwrap_or(path).trim_start_matches('.') {
            "" => root.to_owned(),
            fields => format!("{root}.{fields}"),
        };
        let place = written(&parent);
        let message = format!("`{}` is in no context, so it reads as `()`", written(&path));
        let finding =
            Diagnostic::new(FindingCode::ScriptUnknownField, message).at_known(word_at(source, *position));
        return Some(match suggest(name, siblings.iter().copied()) {
            Some(meant) => {
                let help = format!("did you mean `{place}.{}`?", meant.name);
                let finding =
                    finding.with_suggestion(&meant, name_at(source, *position, name), str::to_owned);
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

fn written_field(source: &str, path: &[ASTNode<'_>], types: &Types<'_>) -> Option<Diagnostic> {
    let Some(ASTNode::Stmt(Stmt::Assignment(assignment))) = path.last() else {
        return None;
    };
    let chain = Chain::of(&assignment.1.lhs)?;
    if types.variables.get(chain.root) != Some(&Inferred::Path(String::new())) {
        return None;
    }
    let context = chain.root;
    let message = format!(
        "`{context}` is this call's own copy: nothing outside of the hook sees what is written to it"
    );
    let finding = Diagnostic::new(FindingCode::ScriptContextWrite, message)
        .with_help("keep the value in a variable, with `let`");
    Some(finding.at_known(word_at(source, chain.root_position)))
}
