//! What can be written in a script: fields of the context, functions, missions.

use std::{collections::BTreeMap, ops::Range};

use gen_lsp_types::CompletionItemKind;
use mission_rules::{
    FieldKind, FieldSchema,
    authoring::{LANGUAGE_FUNCTIONS, LanguageFunction, ScriptFunction, ScriptOutline, field_description},
};

use super::context_path;
use crate::commands::lsp::{completion::Proposal, workspace::OpenFile};

const KEYWORDS: [&str; 15] = [
    "break", "const", "continue", "else", "false", "fn", "for", "if", "in", "let", "loop", "return",
    "switch", "true", "while",
];

pub(in super::super) fn complete(file: &OpenFile, offset: usize) -> Vec<Proposal> {
    let outline = ScriptOutline::of(&file.buffer.text);
    let index = &file.pack.snapshot.index;
    if let Some(code) = outline.completions_code_at(offset) {
        let proposal = |mission| Proposal::new(mission, code.clone(), CompletionItemKind::Reference);
        return index.mission_codes().map(proposal).collect();
    }
    let Some(chain) = outline.chain_at(offset) else {
        return Vec::new();
    };
    let span = chain.word.start..offset;
    let context = outline.context_at(offset);
    if let Some(path) = context_path(&chain, context) {
        let schemas = index.schemas_of_script(&file.path);
        let mut proposals = fields(&schemas, &path, &span);
        let kinds = schemas.iter().filter_map(|schema| schema.kind(&path));
        let receivers: Vec<&str> = kinds.flat_map(receivers).copied().collect();
        let has = |known: &&LanguageFunction| receivers.iter().any(|receiver| is_method_of(known, receiver));
        proposals.extend(
            LANGUAGE_FUNCTIONS
                .iter()
                .filter(has)
                .map(|known| language(known, &span)),
        );
        return proposals;
    }
    match chain.before.as_deref() {
        Some([]) => words(&outline, context, &span),
        // Of another value nobody knows the type.
        _ => {
            let methods = LANGUAGE_FUNCTIONS.iter().filter(|known| is_method_of(known, ""));
            methods.map(|known| language(known, &span)).collect()
        }
    }
}

/// The fields below a path of the context.
fn fields(schemas: &[FieldSchema], path: &str, span: &Range<usize>) -> Vec<Proposal> {
    let mut found: BTreeMap<&str, (String, Option<FieldKind>)> = BTreeMap::new();
    for schema in schemas {
        for name in schema.names_below(path) {
            let whole = if path.is_empty() {
                name.to_owned()
            } else {
                format!("{path}.{name}")
            };
            let kind = schema.kind(&whole);
            found.entry(name).or_insert((whole, kind));
        }
    }
    let proposals = found.into_iter().map(|(name, (whole, kind))| Proposal {
        detail: kind.map(|kind| kind.plain().to_owned()),
        description: field_description(&whole).map(str::to_owned),
        ..Proposal::new(name, span.clone(), CompletionItemKind::Field)
    });
    proposals.collect()
}

/// What can begin an expression.
fn words(outline: &ScriptOutline<'_>, context: Option<&str>, span: &Range<usize>) -> Vec<Proposal> {
    let context = context.map(|name| Proposal {
        detail: Some("the context".to_owned()),
        ..Proposal::new(name, span.clone(), CompletionItemKind::Variable)
    });
    let own = outline.functions().iter().map(|function| own(function, span));
    let language = LANGUAGE_FUNCTIONS.iter().map(|known| language(known, span));
    let keywords = KEYWORDS.map(|keyword| Proposal::new(keyword, span.clone(), CompletionItemKind::Keyword));
    context
        .into_iter()
        .chain(own)
        .chain(language)
        .chain(keywords)
        .collect()
}

fn own(function: &ScriptFunction, span: &Range<usize>) -> Proposal {
    Proposal {
        detail: Some(function.signature()),
        description: function.comment.clone(),
        ..Proposal::new(&function.name, span.clone(), CompletionItemKind::Function)
    }
}

fn language(known: &LanguageFunction, span: &Range<usize>) -> Proposal {
    Proposal {
        detail: Some(known.signatures.join(", ")),
        description: Some(known.description.to_owned()),
        ..Proposal::new(known.name, span.clone(), CompletionItemKind::Function)
    }
}

/// Whether a function can be called on a value that its signatures call so; on any value for an empty name.
fn is_method_of(known: &LanguageFunction, receiver: &str) -> bool {
    known.signatures.iter().any(|call| {
        let before = call.split('(').next().and_then(|name| name.split_once('.'));
        before.is_some_and(|(value, _)| receiver.is_empty() || value == receiver || value == "value")
    })
}

/// What the signatures call a value of a type.
fn receivers(kind: FieldKind) -> &'static [&'static str] {
    match kind {
        FieldKind::Whole | FieldKind::Decimal => &["number"],
        FieldKind::Text => &["text"],
        FieldKind::List => &["list"],
        FieldKind::Map => &["map"],
        FieldKind::Bool => &["value"],
        FieldKind::Any => &["number", "text", "list", "map"],
    }
}
