//! The pack that `mission new` writes: small, commented, and passing its own check and cases.

use super::files::suggested_name;

/// The template's files by path, for a pack of a name. What a pack's name cannot hold becomes `-`.
///
/// ```
/// use mission_rules::pack::{Pack, PackFiles, template};
/// let (pack, findings) = Pack::load(&PackFiles::from_map(template::files("My first pack")));
/// assert_eq!(findings, []);
/// assert_eq!(pack.map(|pack| pack.name), Some("my-first-pack".to_owned()));
/// ```
#[must_use]
pub fn files(name: &str) -> Vec<(&'static str, String)> {
    let name = suggested_name(name).unwrap_or_else(|| "my-pack".to_owned());
    [
        ("pack.toml", include_str!("template/pack.toml")),
        (
            "missions/watch-3-videos.toml",
            include_str!("template/missions/watch-3-videos.toml"),
        ),
        ("rules/watch.rhai", include_str!("template/rules/watch.rhai")),
        (
            "tests/watch-3-videos.toml",
            include_str!("template/tests/watch-3-videos.toml"),
        ),
    ]
    .map(|(path, text)| (path, text.replace("PACK_NAME", &name)))
    .into()
}

#[cfg(test)]
mod tests {
    use crate::pack::files::suggested_name;

    fn pack_name(folder: &str) -> String {
        suggested_name(folder).unwrap_or_else(|| "my-pack".to_owned())
    }

    #[test]
    fn any_folder_name_becomes_a_pack_name() {
        for (folder, name) in [
            ("demo", "demo"),
            ("My Pack!", "my-pack"),
            ("..", "my-pack"),
            ("", "my-pack"),
            ("a\"b", "a-b"),
        ] {
            assert_eq!(pack_name(folder), name);
        }
        assert_eq!(pack_name(&"x".repeat(100)).len(), 64);
    }
}
