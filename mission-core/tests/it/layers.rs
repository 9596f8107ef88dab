//! The layers of the crate: each module imports from its own layer and those below it.

use std::{
    fs,
    path::{Path, PathBuf},
};

use syn::{UseTree, visit::Visit};

/// The layers of `lib.rs`, lowest first.
const LAYERS: [&str; 6] = [
    "values of the aggregates, and the ports that know nothing else",
    "decision: what a decision sees and returns",
    "decide: the decisions of the aggregates",
    "ports of what runs decisions: store, queries, bus; the machine's clock and ids",
    "engine",
    "what surrounds the engine: memory, testing, development",
];

/// The layer of a module, by its path below the crate.
fn layer(path: &[String]) -> usize {
    let path: Vec<&str> = path.iter().map(String::as_str).collect();
    match path.as_slice() {
        ["memory" | "testing" | "development", ..] => 5,
        ["engine", ..] => 4,
        ["ports", "store" | "queries" | "bus", ..] | ["system", ..] => 3,
        [_, "decide", ..] => 2,
        ["decision", ..] => 1,
        _ => 0,
    }
}

/// Collects the paths that a file names, in imports and elsewhere.
#[derive(Default)]
struct CratePaths(Vec<Vec<String>>);

impl CratePaths {
    fn add(&mut self, prefix: &[String], tree: &UseTree) {
        let below = |name: String| [prefix, &[name]].concat();
        match tree {
            UseTree::Path(path) => self.add(&below(path.ident.to_string()), &path.tree),
            UseTree::Group(group) => group.items.iter().for_each(|item| self.add(prefix, item)),
            UseTree::Name(name) => self.0.push(below(name.ident.to_string())),
            UseTree::Rename(rename) => self.0.push(below(rename.ident.to_string())),
            UseTree::Glob(_) => self.0.push(prefix.to_vec()),
        }
    }
}

impl<'ast> Visit<'ast> for CratePaths {
    fn visit_item_use(&mut self, item: &'ast syn::ItemUse) {
        self.add(&[], &item.tree);
    }

    fn visit_path(&mut self, path: &'ast syn::Path) {
        let segments = path.segments.iter();
        self.0
            .push(segments.map(|segment| segment.ident.to_string()).collect());
        syn::visit::visit_path(self, path);
    }

    fn visit_item_mod(&mut self, module: &'ast syn::ItemMod) {
        let is_test = |attribute: &syn::Attribute| {
            attribute.path().is_ident("cfg")
                && attribute.parse_args::<syn::Ident>().is_ok_and(|of| of == "test")
        };
        if !module.attrs.iter().any(is_test) {
            syn::visit::visit_item_mod(self, module);
        }
    }
}

/// What a path means below the crate, seen from a module: `crate::`, `self::` and `super::` are resolved. `None` for a
/// path that begins otherwise: of another crate, or of something that is imported or declared in the module.
fn resolve(module: &[String], path: &[String]) -> Option<Vec<String>> {
    let (first, rest) = path.split_first()?;
    match first.as_str() {
        "crate" => Some(rest.to_vec()),
        "self" => Some([module, rest].concat()),
        "super" => {
            let mut parent = module.split_last()?.1;
            let mut rest = rest;
            while let Some(("super", behind)) =
                rest.split_first().map(|(next, behind)| (next.as_str(), behind))
            {
                (parent, rest) = (parent.split_last()?.1, behind);
            }
            Some([parent, rest].concat())
        }
        _ => None,
    }
}

#[test]
fn paths_are_resolved() {
    let path = |text: &str| text.split("::").map(str::to_owned).collect::<Vec<String>>();
    for (seen_from, named, meant) in [
        ("task::state", "crate::engine::Engine", Some("engine::Engine")),
        ("task::state", "super::decide::start", Some("task::decide::start")),
        ("task::decide::uploads", "super::super::Task", Some("task::Task")),
        ("task", "self::decide::start", Some("task::decide::start")),
        ("task::state", "serde::Serialize", None),
    ] {
        assert_eq!(
            resolve(&path(seen_from), &path(named)),
            meant.map(path),
            "{named}"
        );
    }
}

fn files(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            files(&path, found);
        } else {
            found.push(path);
        }
    }
}

#[test]
fn nothing_runs_back_up() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut all = Vec::new();
    files(&root, &mut all);
    let (mut upward, mut seen) = (Vec::new(), [0; LAYERS.len()]);
    for file in all {
        let relative = file.strip_prefix(&root).unwrap().with_extension("");
        let module = relative.iter().map(|part| part.to_str().unwrap().to_owned());
        let module: Vec<String> = module.filter(|part| part != "mod").collect();
        // It names all layers, and the second makes the first one's public face.
        if module == ["lib"] {
            continue;
        }
        let own = layer(&module);
        seen[own] += 1;
        let mut paths = CratePaths::default();
        paths.visit_file(&syn::parse_file(&fs::read_to_string(&file).unwrap()).unwrap());
        for path in paths.0 {
            if let Some(below) = resolve(&module, &path) {
                let other = layer(&below);
                if other > own {
                    upward.push(format!(
                        "`{}` ({}) names `crate::{}` ({})",
                        relative.display(),
                        LAYERS[own],
                        below.join("::"),
                        LAYERS[other],
                    ));
                }
            }
        }
    }
    assert!(upward.is_empty(), "{}", upward.join("\n"));
    assert!(seen.iter().all(|files| *files > 0), "{seen:?}");
}
