//! What a TOML file of a pack says at a place, also while it is written.

mod complete;
mod events;
mod explain;
mod outline;
mod reference;
mod schema;

pub(super) use complete::complete;
pub(super) use explain::explain;

use std::ops::Range;

use outline::{Place, TomlOutline};
use reference::Reference;
use schema::SchemaNode;

use super::{definition::Target, workspace::OpenFile};

/// Where what a value names is defined: a script, a mission.
pub(super) fn define(file: &OpenFile, offset: usize) -> Option<Target> {
    let text = file.buffer.text.as_str();
    let Place::Value { path, span } = TomlOutline::of(text).place_at(offset)? else {
        return None;
    };
    let value = written(text, &span)?;
    match Reference::of(&file.path, &path)? {
        Reference::Script => {
            let scripts = &mut file.pack.snapshot.index.scripts();
            let path = scripts
                .find(|script| *script == value.trim_start_matches("./"))?
                .to_owned();
            Some(Target { path, span: 0..0 })
        }
        Reference::Mission => Target::mission(file, value),
        Reference::Field => Target::mission(file, value.strip_prefix("completions.")?),
        Reference::Event => None,
    }
}

/// A value without its quotes.
fn written<'t>(text: &'t str, span: &Range<usize>) -> Option<&'t str> {
    text.get(inside_quotes(text, span).unwrap_or_else(|| span.clone()))
}

/// The bytes within a text's quotes; `None` where there are none. The closing one may be missing.
fn inside_quotes(text: &str, span: &Range<usize>) -> Option<Range<usize>> {
    let value = text.get(span.clone())?;
    let quote = value.chars().next().filter(|first| matches!(first, '"' | '\''))?;
    let end = if value.len() > 1 && value.ends_with(quote) {
        span.end - 1
    } else {
        span.end
    };
    Some(span.start + 1..end)
}
