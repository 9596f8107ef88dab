//! The three forms of a report.

use super::{Pack, and, report, with};

#[test]
fn json_names_bytes_lines_and_columns() {
    let files = with(
        "missions/watch.toml",
        "vi = \"Xem 3 video\" }",
        "vi = \"Xem 3 vidéo\", x = \"é\" }",
    );
    let (_, findings) = Pack::load(&files);
    let text = format!("{:#}", report::json(&findings, &files));
    insta::assert_snapshot!(text);
}

#[test]
fn sarif_names_rules_places_and_related_places() {
    let files = and("missions/watch 2.toml", super::GOOD[3].1);
    let (_, findings) = Pack::load(&files);
    let text = format!("{:#}", report::sarif(&findings, &files, "packs/demo/"));
    let text = text.replace(env!("CARGO_PKG_VERSION"), "[version]");
    insta::assert_snapshot!(text);
}

#[test]
fn counts_are_spelled_out() {
    let (_, findings) = Pack::load(&with("pack.toml", "points_scale = 2", "points_scale = 9\nx = 1"));
    assert_eq!(report::Counts::of(&findings).to_string(), "2 errors, 0 warnings");
}
