//! What a word of a script means: a field of the context, or a function.

use mission_core::ports::rules::Hook;
use mission_rules::authoring::{
    ScriptFunction, ScriptOutline, field_description, hook_description, language_function,
};

use super::context_path;
use crate::commands::lsp::{hover::Explanation, workspace::OpenFile};

pub(in super::super) fn explain(file: &OpenFile, offset: usize) -> Option<Explanation> {
    let source = file.buffer.text.as_str();
    let outline = ScriptOutline::of(source);
    let chain = outline.chain_at(offset)?;
    let word = source.get(chain.word.clone()).filter(|word| !word.is_empty())?;
    let context = outline.context_at(offset);
    let text = if chain.is_call {
        let known =
            language_function(word).map(|known| titled(&known.signatures.join("\n"), known.description));
        outline.function(word).map(of_function).or(known)?
    } else if let Some(parent) = context_path(&chain, context) {
        let path = if parent.is_empty() {
            word.to_owned()
        } else {
            format!("{parent}.{word}")
        };
        field(file, context?, &path)?
    } else if context == Some(word) && chain.before.as_deref() == Some(&[]) {
        titled(
            word,
            "The context: what is known of the moment, the user, the mission and the event",
        )
    } else {
        return None;
    };
    Some(Explanation {
        span: chain.word,
        text,
    })
}

fn of_function(function: &ScriptFunction) -> String {
    let hook = Hook::ALL.into_iter().find(|hook| hook.name() == function.name);
    let words: Vec<&str> = function
        .comment
        .as_deref()
        .into_iter()
        .chain(hook.map(hook_description))
        .collect();
    titled(&format!("fn {}", function.signature()), &words.join("\n\n"))
}

/// The type of a field, and what it is.
fn field(file: &OpenFile, context: &str, path: &str) -> Option<String> {
    let schemas = file.pack.snapshot.index.schemas_of_script(&file.path);
    let kind = schemas.iter().find_map(|schema| schema.kind(path))?;
    let description = field_description(path).unwrap_or_default();
    Some(titled(
        &format!("{context}.{path}: {}", kind.plain()),
        description,
    ))
}

/// Code, and words below it.
fn titled(code: &str, words: &str) -> String {
    format!("```rhai\n{code}\n```\n\n{words}").trim_end().to_owned()
}
