//! What a good pack is read as, and what folders and maps are refused.

use mission_core::mission::Definition;
use serde_json::json;

use super::{GOOD, Pack, PackFiles, good, with, without};
use crate::pack::{FieldType, PackLimits};

#[test]
fn every_field_of_a_mission_is_read_as_over_http() {
    let definition = good().missions.remove(0).definition;
    let over_http: Definition = serde_json::from_value(json!({
        "code": "watch-3-videos", "type": "watch_video", "category": "engagement", "frequency": "daily",
        "max_completions": 1, "priority": 10, "target": 3, "auto_start": true, "rules_script": "rules/watch.rhai",
        "title": { "en": "Watch 3 videos", "vi": "Xem 3 video" },
        "description": { "en": "Any three, half a minute each." },
        "starts_at": "2026-01-01T00:00:00Z", "ends_at": "2027-01-01T00:00:00Z",
        "trigger": { "event": "video.watched", "fields": { "seconds": "integer", "country": "string" } },
        "reward": { "points": "50.25", "mining_boost_percent": 1.5, "experience_points": 20, "badge_id": "viewer",
            "expires_after_days": 30 },
        "rules": [{ "rule_type": "user.level", "operator": "gte", "value": "3",
            "metadata": { "why": "newcomers have other missions", "ticket": 17 } }],
        "budget": { "max_points": "100000" },
        "script": GOOD[4].1,
    }))
    .unwrap();
    assert_eq!(definition, over_http);
}

#[test]
fn what_is_left_out_is_as_over_http() {
    let mission = "code = \"m\"\ntype = \"custom\"\nfrequency = \"unlimited\"\ntitle = { en = \"A\" }\ndescription = { en = \"B\" }\n";
    let (pack, findings) = Pack::load(&PackFiles::from_map([
        ("pack.toml", "name = \"p\"\nversion = \"1\"\n"),
        ("missions/m.toml", mission),
    ]));
    assert_eq!(findings, []);
    let pack = pack.unwrap();
    let over_http: Definition = serde_json::from_value(json!({
        "code": "m", "type": "custom", "frequency": "unlimited", "title": { "en": "A" }, "description": { "en": "B" },
    }))
    .unwrap();
    assert_eq!(pack.missions[0].definition, over_http);
    assert_eq!(pack.carried_policy(), None);
}

#[test]
fn a_pack_knows_which_policy_it_carries() {
    assert!(
        good()
            .carried_policy()
            .is_some_and(|policy| policy.check_in.is_some() && policy.levels.is_some())
    );
    let (pack, _) = Pack::load(&without("checkin.toml"));
    let policy = pack.unwrap().policy;
    assert!(policy.check_in.is_none() && policy.referral.is_some() && policy.points_scale.is_some());
    let only_scale = [("pack.toml", "name = \"p\"\nversion = \"1\"\npoints_scale = 0\n")];
    assert!(
        Pack::load(&PackFiles::from_map(only_scale))
            .0
            .unwrap()
            .carried_policy()
            .is_some()
    );
}

#[test]
fn what_checkin_toml_omits_keeps_its_default() {
    let files = PackFiles::from_map([
        ("pack.toml", "name = \"p\"\nversion = \"1\"\n"),
        ("checkin.toml", "daily_points = 5\n"),
    ]);
    let policy = Pack::load(&files).0.unwrap().policy.check_in.unwrap();
    assert_eq!(policy.daily_points(), 5.into());
    assert_eq!(policy.tiers().len(), 5);
    assert_eq!(policy.monthly().len(), 4);
}

#[test]
fn events_are_declared_in_several_ways() {
    let fields = |files: &PackFiles| {
        let (pack, findings) = Pack::load(files);
        assert_eq!(findings, []);
        pack.unwrap()
            .events
            .unwrap()
            .fields("video.watched")
            .unwrap()
            .clone()
    };
    let table = "[events.\"video.watched\"]\nfields = { seconds = \"integer\", country = \"string\" }";
    assert_eq!(fields(&PackFiles::from_map(GOOD))["seconds"], FieldType::Integer);
    let plain = with(
        "pack.toml",
        table,
        "[events.\"video.watched\"]\nseconds = \"number\"",
    );
    assert_eq!(fields(&plain)["seconds"], FieldType::Number);
    assert!(fields(&with("pack.toml", table, "events = [\"video.watched\"]")).is_empty());
}

#[test]
fn amounts_keep_their_digits() {
    for (written, read) in [
        ("0.1", "0.1"),
        ("\"12.50\"", "12.5"),
        ("1_000.25", "1000.25"),
        ("1e2", "100"),
        ("+7", "7"),
    ] {
        let (pack, _) = Pack::load(&with("missions/watch.toml", "\"50.25\"", written));
        assert_eq!(
            pack.unwrap().missions[0].definition.reward.points.to_string(),
            read,
            "{written}"
        );
    }
    for refused in ["nan", "inf", "0x10", "true", "\"\"", "1e400", "1000000001"] {
        assert!(
            Pack::load(&with("missions/watch.toml", "\"50.25\"", refused))
                .0
                .is_none(),
            "{refused}"
        );
    }
}

fn codes(files: &PackFiles) -> Vec<(&str, &str)> {
    files
        .refused()
        .iter()
        .map(|refused| (refused.file.as_str(), refused.diagnostic.code.as_str()))
        .collect()
}

#[test]
fn a_map_of_files_stays_inside_the_pack() {
    for path in [
        "/etc/x.toml",
        "../x.toml",
        "a/../../x.toml",
        "a\\b.toml",
        "c:x.toml",
        "./x.toml",
        "a//b.toml",
        "",
        "a\n.toml",
    ] {
        let files = PackFiles::from_map([(path, "")]);
        assert_eq!(codes(&files), [(path, "pack/bad-path")]);
        assert_eq!(files.iter().count(), 0);
    }
}

#[test]
fn limits_hold() {
    let folder = folder("limits");
    for name in ["a.toml", "b.toml", "c.toml"] {
        std::fs::write(folder.join(name), "x = 1\n").unwrap();
    }
    let limits = PackLimits::default();
    let read = |limits| PackFiles::from_dir_within(&folder, &limits).unwrap();
    assert_eq!(codes(&read(limits)), []);
    assert_eq!(
        codes(&read(PackLimits {
            max_files: 2,
            ..limits
        })),
        [("", "pack/too-many-files")]
    );
    assert_eq!(
        codes(&read(PackLimits {
            max_file_bytes: 5,
            ..limits
        }))
        .len(),
        3
    );
    assert_eq!(
        codes(&read(PackLimits {
            max_total_bytes: 12,
            ..limits
        })),
        [("c.toml", "pack/too-large")]
    );
    // Where not all was read, nothing is said to be missing.
    let few = read(PackLimits {
        max_files: 2,
        ..limits
    });
    let (_, findings) = Pack::load(&few);
    let codes: Vec<&str> = findings
        .iter()
        .map(|found| found.diagnostic.code.as_str())
        .collect();
    assert!(
        codes.contains(&"pack/too-many-files") && !codes.contains(&"pack/no-manifest"),
        "{codes:?}"
    );
}

/// A new, empty folder.
fn folder(name: &str) -> std::path::PathBuf {
    let folder = std::env::temp_dir().join(format!("mission-rules-{name}-{}", std::process::id()));
    let _ = std::fs::remove_dir_all(&folder);
    std::fs::create_dir_all(&folder).unwrap();
    folder
}

#[test]
fn a_folder_is_read() {
    let folder = folder("read");
    for (path, text) in GOOD {
        let path = folder.join(path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    }
    std::fs::write(folder.join("README.md"), "no part of the pack").unwrap();
    std::fs::create_dir(folder.join(".git")).unwrap();
    std::fs::write(folder.join(".git/x.toml"), "hidden").unwrap();
    assert_eq!(PackFiles::from_dir(&folder).unwrap(), PackFiles::from_map(GOOD));
    std::fs::write(folder.join("missions/latin.toml"), b"code = \"caf\xe9\"").unwrap();
    assert_eq!(
        codes(&PackFiles::from_dir(&folder).unwrap()),
        [("missions/latin.toml", "pack/not-utf8")]
    );
    assert!(PackFiles::from_dir(&folder.join("nowhere")).is_err());
    assert!(PackFiles::from_dir(&folder.join("pack.toml")).is_err());
}

#[cfg(unix)]
#[test]
fn links_do_not_leave_the_folder() {
    use std::os::unix::fs::symlink;
    let folder = folder("links");
    let outside = super::reading::folder("outside");
    std::fs::write(outside.join("secret.toml"), "secret = 1").unwrap();
    std::fs::write(folder.join("pack.toml"), "name = \"p\"\nversion = \"1\"\n").unwrap();
    std::fs::create_dir(folder.join("missions")).unwrap();
    symlink(outside.join("secret.toml"), folder.join("missions/secret.toml")).unwrap();
    symlink(&outside, folder.join("rules")).unwrap();
    symlink("..", folder.join("missions/loop")).unwrap();
    symlink("nowhere", folder.join("missions/dangling.toml")).unwrap();
    symlink("pack.toml", folder.join("copy.toml")).unwrap();
    let files = PackFiles::from_dir(&folder).unwrap();
    let texts: Vec<&str> = files.iter().map(|(path, _)| path).collect();
    assert_eq!(texts, ["copy.toml", "pack.toml"]);
    let mut refused = codes(&files);
    refused.sort_unstable();
    assert_eq!(
        refused,
        [
            ("missions/dangling.toml", "pack/link-outside"),
            ("missions/loop", "pack/bad-path"),
            ("missions/secret.toml", "pack/link-outside"),
            ("rules", "pack/link-outside"),
        ]
    );
}
