//! Every place of every file of the example packs, whole and cut off there: an author is at such a place at some time.

use std::{collections::HashSet, fs, path::Path, sync::Arc};

use gen_lsp_types as lsp;

use super::{
    buffers::Buffer, checker::CheckedPack, completion, definition, hover, lines::Lines, snapshot::Snapshot,
    workspace::OpenFile,
};

#[test]
fn whatever_is_asked_of_any_place_is_answered_within_the_text() {
    let packs = Path::new(env!("CARGO_MANIFEST_DIR")).join("../examples/packs");
    let mut kinds = HashSet::new();
    for pack in fs::read_dir(packs).unwrap() {
        let root = pack.unwrap().path().canonicalize().unwrap();
        let Ok(snapshot) = Snapshot::read(&root, Vec::new()) else {
            continue;
        };
        let files: Vec<(String, String)> = snapshot
            .files
            .iter()
            .map(|(path, text)| (path.to_owned(), text.to_owned()))
            .collect();
        let pack = Arc::new(CheckedPack {
            snapshot,
            findings: Vec::new(),
        });
        for (path, text) in files {
            // Every place of all of them would take minutes.
            for (offset, _) in text.char_indices().step_by(23) {
                for shown in [text.as_str(), &text[..offset]] {
                    let buffer = Buffer {
                        uri: lsp::Uri::from_file_path(root.join(&path)).unwrap(),
                        version: 1,
                        text: shown.to_owned(),
                    };
                    let file = OpenFile {
                        path: path.clone(),
                        buffer,
                        pack: Arc::clone(&pack),
                    };
                    kinds.extend(ask(&file, offset));
                }
            }
        }
    }
    assert_eq!(kinds, HashSet::from(["completion", "definition", "hover"]));
}

/// What has an answer at a byte.
fn ask(file: &OpenFile, offset: usize) -> Vec<&'static str> {
    let lines = Lines::of(&file.buffer.text);
    let position = lines.position(offset);
    let mut answered = Vec::new();
    for item in completion::complete(file, offset) {
        let Some(lsp::CompletionItemTextEdit::TextEdit(edit)) = item.text_edit else {
            continue;
        };
        let lsp::Range { start, end } = edit.range;
        assert!(
            start <= position && position <= end && start.line == end.line,
            "{} {offset}",
            file.path
        );
        answered.push("completion");
    }
    if let Some(found) = hover::hover(file, offset) {
        let range = found.range.unwrap();
        assert!(
            range.start <= position && position <= range.end,
            "{} {offset}",
            file.path
        );
        answered.push("hover");
    }
    if definition::define(file, offset).is_some() {
        answered.push("definition");
    }
    answered
}
