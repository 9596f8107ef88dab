//! Rule scripts.

mod complete;
mod explain;

pub(super) use complete::complete;
pub(super) use explain::explain;

use mission_rules::authoring::{Chain, ScriptOutline};

use super::{definition::Target, workspace::OpenFile};

/// Where a function, or the mission of a code, is defined.
pub(super) fn define(file: &OpenFile, offset: usize) -> Option<Target> {
    let source = file.buffer.text.as_str();
    let outline = ScriptOutline::of(source);
    if let Some(code) = outline.completions_code_at(offset) {
        return Target::mission(file, source.get(code)?);
    }
    let chain = outline.chain_at(offset).filter(|chain| chain.is_call)?;
    let function = outline.function(source.get(chain.word)?)?;
    Some(Target {
        path: file.path.clone(),
        span: function.name_span.clone(),
    })
}

/// The path into the context that leads to a word, without the word; `None` where it is no part of the context.
fn context_path(chain: &Chain<'_>, context: Option<&str>) -> Option<String> {
    let (first, fields) = chain.before.as_ref()?.split_first()?;
    (context == Some(*first)).then(|| fields.join("."))
}
