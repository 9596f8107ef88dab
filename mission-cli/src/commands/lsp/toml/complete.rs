//! What can be written in a TOML file: keys by its schema, values that are some of several, names of the pack's parts.

use std::ops::Range;

use gen_lsp_types::CompletionItemKind;
use mission_rules::{FieldSchema, authoring::field_description};

use super::{Place, Reference, SchemaNode, TomlOutline, inside_quotes};
use crate::commands::lsp::{completion::Proposal, workspace::OpenFile};

pub(in super::super) fn complete(file: &OpenFile, offset: usize) -> Vec<Proposal> {
    let outline = TomlOutline::of(&file.buffer.text);
    let Some(schema) = SchemaNode::of_file(&file.path) else {
        return Vec::new();
    };
    match outline.place_at(offset) {
        Some(Place::Key {
            table,
            word,
            present,
            is_followed,
            ..
        }) => {
            let keys = schema.at(&table).map(|table| table.keys()).unwrap_or_default();
            let missing = keys.into_iter().filter(|(name, _)| !present.contains(name));
            let ending = if is_followed { "" } else { " = " };
            missing
                .map(|(name, node)| key(name, ending, &node, &word))
                .collect()
        }
        Some(Place::Header {
            table, word, is_list, ..
        }) => {
            let keys = schema.at(&table).map(|table| table.keys()).unwrap_or_default();
            let fits = |node: &SchemaNode| {
                if is_list {
                    node.is_list_of_tables()
                } else {
                    node.is_table()
                }
            };
            let tables = keys.into_iter().filter(|(_, node)| fits(node));
            tables.map(|(name, node)| key(name, "", &node, &word)).collect()
        }
        Some(Place::Value { path, span }) => {
            let text = file.buffer.text.as_str();
            if text.get(span.clone()).is_none_or(|value| value.contains('\n')) {
                // A text of several lines names nothing.
                return Vec::new();
            }
            let written = Written::of(text, span, offset);
            let mut proposals = names(file, &path, &written);
            let choices = schema.at(&path).map(|node| node.choices()).unwrap_or_default();
            let choice = |value: String| written.replaced_by(&value, CompletionItemKind::EnumMember);
            proposals.extend(choices.into_iter().map(choice));
            proposals
        }
        None => Vec::new(),
    }
}

fn key(name: &str, ending: &str, node: &SchemaNode, word: &Range<usize>) -> Proposal {
    Proposal {
        text: format!("{name}{ending}"),
        detail: Some(node.kind()),
        description: node.description().map(str::to_owned),
        ..Proposal::new(name, word.clone(), CompletionItemKind::Property)
    }
}

/// A value as far as it is written.
struct Written {
    span: Range<usize>,
    /// Whether the span is within quotes.
    is_inside: bool,
}

impl Written {
    /// What a value at a byte takes the place of: what is within the quotes where the byte is, else all of it.
    fn of(text: &str, span: Range<usize>, offset: usize) -> Self {
        let inside =
            inside_quotes(text, &span).filter(|inside| inside.start <= offset && offset <= inside.end);
        Written {
            is_inside: inside.is_some(),
            span: inside.unwrap_or(span),
        }
    }

    fn replaced_by(&self, value: &str, kind: CompletionItemKind) -> Proposal {
        let plain = value.trim_matches('"');
        Proposal {
            text: if self.is_inside { plain } else { value }.to_owned(),
            ..Proposal::new(plain, self.span.clone(), kind)
        }
    }
}

/// The names of what the pack has of a kind, where the value behind keys is one.
fn names(file: &OpenFile, path: &[String], written: &Written) -> Vec<Proposal> {
    let index = &file.pack.snapshot.index;
    let quoted = |name: &str, kind| written.replaced_by(&format!("\"{name}\""), kind);
    match Reference::of(&file.path, path) {
        Some(Reference::Script) => index
            .scripts()
            .map(|name| quoted(name, CompletionItemKind::File))
            .collect(),
        Some(Reference::Mission) => {
            let codes = index.mission_codes();
            codes
                .map(|code| quoted(code, CompletionItemKind::Reference))
                .collect()
        }
        Some(Reference::Event) => index
            .events()
            .map(|name| quoted(name, CompletionItemKind::Event))
            .collect(),
        Some(Reference::Field) => {
            let schema = index.schema_of_mission(&file.buffer.text);
            let paths = schema
                .paths()
                .map(|path| field(&schema, path, quoted(path, CompletionItemKind::Field)));
            paths.collect()
        }
        None => Vec::new(),
    }
}

fn field(schema: &FieldSchema, path: &str, proposal: Proposal) -> Proposal {
    Proposal {
        detail: schema.kind(path).map(|kind| kind.plain().to_owned()),
        description: field_description(path).map(str::to_owned),
        ..proposal
    }
}
