//! What a key or value of a TOML file means.

use mission_rules::authoring::field_description;

use super::{Place, Reference, SchemaNode, TomlOutline, written};
use crate::commands::lsp::{hover::Explanation, workspace::OpenFile};

pub(in super::super) fn explain(file: &OpenFile, offset: usize) -> Option<Explanation> {
    let outline = TomlOutline::of(&file.buffer.text);
    match outline.place_at(offset)? {
        Place::Key {
            table, word, name, ..
        }
        | Place::Header {
            table, word, name, ..
        } => {
            let path = [table, vec![name.to_owned()]].concat();
            let node = SchemaNode::of_file(&file.path)?.at(&path)?;
            Some(Explanation {
                span: word,
                text: of_key(name, &node),
            })
        }
        Place::Value { path, span } => {
            let value = written(&file.buffer.text, &span)?;
            let index = &file.pack.snapshot.index;
            let text = match Reference::of(&file.path, &path)? {
                Reference::Field => {
                    let kind = index.schema_of_mission(&file.buffer.text).kind(value)?;
                    let description = field_description(value).unwrap_or_default();
                    format!("`{value}`: {}\n\n{description}", kind.plain())
                }
                Reference::Mission => format!("The mission of `{}`", index.mission(value)?.file),
                Reference::Script | Reference::Event => return None,
            };
            Some(Explanation {
                span,
                text: text.trim_end().to_owned(),
            })
        }
    }
}

fn of_key(name: &str, node: &SchemaNode) -> String {
    let mut text = format!("`{name}`: {}", node.kind());
    if let Some(description) = node.description() {
        text.push_str("\n\n");
        text.push_str(description);
    }
    let choices = node.choices();
    if !choices.is_empty() {
        text.push_str("\n\nOne of `");
        text.push_str(&choices.join("`, `"));
        text.push('`');
    }
    if let Some(default) = node.default() {
        text.push_str(&format!("\n\nDefault: `{default}`"));
    }
    text
}
