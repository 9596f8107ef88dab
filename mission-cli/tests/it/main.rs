//! The command as its callers meet it: what it prints, and what it exits with.

#![expect(clippy::unwrap_used, reason = "helpers of tests may panic as tests do")]

#[cfg(feature = "database")]
mod audit;
#[cfg(feature = "database")]
mod backup;
mod broker;
mod lsp;
mod mask;
mod packs;
mod replay;
mod replay_report;
mod server;
mod tokens;

use std::path::Path;

use assert_cmd::{Command, cargo::cargo_bin_cmd};

/// A user.
const ANNA: &str = "0190163d-8694-739b-aea5-966c26f8ad91";

/// The command in a folder, without what the surroundings may have set.
fn mission(folder: &Path, args: &[&str]) -> Command {
    let mut command = cargo_bin_cmd!("mission");
    for variable in [
        "MISSION_DATABASE_URL",
        "MISSION_TOKEN",
        "MISSION_SERVER",
        "MISSION_JWT_SECRET",
        "CLICOLOR_FORCE",
        "NO_COLOR",
    ] {
        command.env_remove(variable);
    }
    command.current_dir(folder).args(args);
    command
}

/// What a run ended with.
struct Run {
    code: i32,
    out: String,
    err: String,
}

fn run(command: &mut Command) -> Run {
    let output = command.output().unwrap();
    Run {
        code: output.status.code().unwrap(),
        out: String::from_utf8(output.stdout).unwrap(),
        err: String::from_utf8(output.stderr).unwrap(),
    }
}

/// A folder with the template's pack `demo` in it.
fn with_demo() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    assert_eq!(run(&mut mission(folder.path(), &["new", "demo"])).code, 0);
    folder
}

/// Changes a file of the demo pack.
fn edit(folder: &Path, file: &str, from: &str, to: &str) {
    let path = folder.join("demo").join(file);
    let text = std::fs::read_to_string(&path).unwrap();
    assert!(text.contains(from), "{file} has no `{from}`:\n{text}");
    std::fs::write(path, text.replacen(from, to, 1)).unwrap();
}

/// Codes, output and errors of runs, for a snapshot.
fn transcript(folder: &Path, runs: &[&[&str]]) -> String {
    let mut text = String::new();
    for args in runs {
        let Run { code, out, err } = run(&mut mission(folder, args));
        text.push_str(&format!(
            "$ mission {}\n{out}{err}exit {code}\n\n",
            args.join(" ")
        ));
    }
    text
}
