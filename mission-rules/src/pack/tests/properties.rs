//! Whatever the texts are, a pack is read without a panic and every finding can be shown.

use proptest::prelude::*;

use super::{GOOD, Pack, PackFiles, report};

fn read_and_show(files: &PackFiles) {
    let (pack, findings) = Pack::load(files);
    assert_eq!(
        pack.is_none(),
        findings.iter().any(crate::pack::Finding::is_error)
    );
    let _ = report::human(&findings, files, "pack", true);
    let _ = report::json(&findings, files);
    let _ = report::sarif(&findings, files, "pack");
}

fn path() -> impl Strategy<Value = String> {
    prop_oneof![
        prop::sample::select(GOOD.map(|(path, _)| path.to_owned()).to_vec()),
        "(missions|tests|rules)/[a-z]{1,3}\\.(toml|rhai)",
        any::<String>(),
    ]
}

proptest! {
    #[test]
    fn any_bytes(files in prop::collection::vec((path(), any::<Vec<u8>>()), 0..6)) {
        let texts = files.into_iter().map(|(path, bytes)| (path, String::from_utf8_lossy(&bytes).into_owned()));
        read_and_show(&PackFiles::from_map(texts));
    }

    /// A good file that was cut, or had something strange put into it, gets deeper than noise.
    #[test]
    fn any_damage(which in 0..GOOD.len(), at in any::<prop::sample::Index>(), cut in 0..40_usize, put in any::<String>()) {
        let (path, text) = GOOD[which];
        let start = text.floor_char_boundary(at.index(text.len()));
        let end = text.ceil_char_boundary((start + cut).min(text.len()));
        let damaged = format!("{}{put}{}", &text[..start], &text[end..]);
        let files = GOOD.map(|(p, t)| if p == path { (p, damaged.clone()) } else { (p, t.to_owned()) });
        read_and_show(&PackFiles::from_map(files));
    }
}

#[test]
fn deep_nesting_is_an_error() {
    for text in [
        "[".repeat(100_000),
        format!("a = {}", "[".repeat(100_000)),
        format!("a{} = 1", ".a".repeat(100_000)),
    ] {
        let (pack, findings) = Pack::load(&PackFiles::from_map([("pack.toml", text)]));
        assert!(pack.is_none() && !findings.is_empty());
    }
}

#[test]
fn no_pack_is_told_off_for_ever() {
    let many = |line: &str| {
        (0..20_000)
            .map(|n| line.replace('#', &n.to_string()))
            .collect::<String>()
    };
    let events = many("{ at = \"2026-01-05T10:00:00Z\", type = \"x.#\" },");
    let case =
        format!("[[case]]\nname = \"x\"\nmission = \"watch-3-videos\"\nexpect = {{}}\nevents = [{events}]\n");
    let required = format!("requires = [{}]", many("\"watch-#\","));
    for files in [
        super::and("missions/big.toml", &many("field_# = 1\n")),
        super::and("tests/big.toml", &case),
        super::with("missions/watch.toml", "requires = []", &required),
    ] {
        let (_, findings) = Pack::load(&files);
        assert!((100..=1_001).contains(&findings.len()), "{}", findings.len());
        let _ = report::json(&findings, &files);
    }
}
