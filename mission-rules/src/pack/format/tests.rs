use std::path::Path;

use proptest::prelude::*;

use super::{FormatError, format, format_script, without_positions};
use crate::{
    Scripts,
    pack::{PackFiles, template},
    testing::{Bytes, script as generated},
};

fn script(text: &str) -> String {
    let formatted =
        format_script(text, &Scripts::default()).unwrap_or_else(|error| panic!("{error}\n{text}"));
    let again = format_script(&formatted, &Scripts::default());
    assert_eq!(again.as_ref(), Ok(&formatted), "formatting twice");
    formatted
}

#[test]
fn scripts_are_indented_by_their_brackets() {
    for (written, formatted) in [
        (
            "\n\nfn a(ctx) {\nif ctx.user.level>=3 {\n\ttrue   \n} else {\n        false\n  }\n}",
            "fn a(ctx) {\n    if ctx.user.level >= 3 {\n        true\n    } else {\n        false\n    }\n}\n",
        ),
        (
            "fn a(ctx) {\nlet x=1; // one  =  1\n\n\n\nlet y   =  -x;\nx==1&&y<2\n|| x != 3\n}\n",
            "fn a(ctx) {\n    let x = 1; // one  =  1\n\n    let y = -x;\n    x == 1 && y < 2\n        || x != 3\n}\n",
        ),
        (
            "fn a(ctx) {\nmax(#{\nx: 1,\n}.len(), [\n1,\n2\n].len())\n}\n",
            "fn a(ctx) {\n    max(#{\n        x: 1,\n    }.len(), [\n        1,\n        2\n    ].len())\n}\n",
        ),
        (
            "fn a(ctx) {\n      /* a {\n   b   \n  /* nested */ */\nlet t = `x\n  {  ${ 1+1 }  =\n`;\n\"{ a=b\"\n}\n",
            "fn a(ctx) {\n    /* a {\n   b   \n  /* nested */ */\n    let t = `x\n  {  ${ 1+1 }  =\n`;\n    \"{ a=b\"\n}\n",
        ),
        (
            "fn a(ctx) {\nswitch 1 {\n1=>2,\n_ => { 3 }\n}\n}\nfn b(ctx) { 1 in 0..=5 }\n",
            "fn a(ctx) {\n    switch 1 {\n        1 => 2,\n        _ => { 3 }\n    }\n}\nfn b(ctx) { 1 in 0..=5 }\n",
        ),
    ] {
        assert_eq!(script(written), formatted, "{written}");
    }
}

#[test]
fn toml_keeps_comments_order_and_texts() {
    let written = "#  a comment  \n\n\n\n[b]\n  x=1   # why = so\n  y    = [\n1, # one\n    { z = \"a=b\" },\n ]\n\n[a]\nt = \"\"\"\n  kept   \n\n\n  = \"\"\"\n\n";
    let formatted = "#  a comment\n\n[b]\nx = 1   # why = so\ny = [\n  1, # one\n  { z = \"a=b\" },\n]\n\n[a]\nt = \"\"\"\n  kept   \n\n\n  = \"\"\"\n";
    let scripts = Scripts::default();
    assert_eq!(format("pack.toml", written, &scripts).as_deref(), Ok(formatted));
    assert_eq!(format("pack.toml", formatted, &scripts).as_deref(), Ok(formatted));
}

#[test]
fn what_cannot_be_read_is_left_alone() {
    let scripts = Scripts::default();
    for (path, text) in [("a.rhai", "fn a( {"), ("a.toml", "a = = 1")] {
        assert!(
            matches!(format(path, text, &scripts), Err(FormatError::Unreadable(_))),
            "{path}"
        );
    }
}

#[test]
fn places_are_taken_out_of_a_tree_and_nothing_else() {
    for (tree, kept) in [
        ("Var(\"a:1\" @ 12:34), x: 3, 5:6", "Var(\"a:1\" @ ), x: 3, "),
        (
            "Block[1 @ 2:3] @ 1:21-33, b: 1 @ 2:10-3:12",
            "Block[1 @ ] @ , b: 1 @ ",
        ),
    ] {
        assert_eq!(without_positions(tree), kept);
    }
}

#[test]
fn the_packs_that_are_shipped_are_formatted() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../examples/packs");
    let mut packs = vec![PackFiles::from_map(template::files("demo"))];
    for pack in std::fs::read_dir(folder).unwrap() {
        packs.push(PackFiles::from_dir(&pack.unwrap().path()).unwrap());
    }
    for (path, text) in packs.iter().flat_map(PackFiles::iter) {
        assert_eq!(
            format(path, text, &Scripts::default()).as_deref(),
            Ok(text),
            "{path}"
        );
    }
}

/// A generated script with its white space disturbed; `None` where it is none.
fn disturbed(bytes: &[u8]) -> Option<String> {
    let source = generated(&mut Bytes(bytes));
    let disturbed = source.replace('\n', "\n\n\n \t ").replace(" >= ", ">=  ");
    let readable = [&source, &disturbed].map(|text| Scripts::default().engines.parse(text).is_ok());
    readable
        .iter()
        .all(|is_readable| *is_readable)
        .then_some(disturbed)
}

#[test]
fn most_generated_scripts_are_scripts() {
    let bytes = |seed: u8| -> Vec<u8> { (0..200).map(|n| seed.wrapping_mul(n).wrapping_add(n)).collect() };
    let scripts = (0..100).filter(|seed| disturbed(&bytes(*seed)).is_some());
    assert!(scripts.count() > 50);
}

proptest! {
    /// A result whose tree is another is refused by `format_script` itself.
    #[test]
    fn generated_scripts_keep_their_meaning(bytes in prop::collection::vec(any::<u8>(), 0..400)) {
        let Some(source) = disturbed(&bytes) else { return Ok(()) };
        let scripts = Scripts::default();
        let formatted = format_script(&source, &scripts)
            .map_err(|error| TestCaseError::fail(format!("{error}: {source}")))?;
        prop_assert_eq!(format_script(&formatted, &scripts), Ok(formatted));
    }
}
