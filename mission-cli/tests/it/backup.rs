//! `backup`: what it copies, what it leaves alone, and what it exits with.

use std::{
    fs,
    io::{Seek as _, SeekFrom, Write as _},
    path::Path,
};

use mission_server::store::sqlite::{SqliteOptions, SqliteStore};
use serde_json::Value;

use crate::{Run, mission, run};

/// An empty database as a server makes it.
fn database(folder: &Path) {
    let url = format!("sqlite://{}", folder.join("mission.db").display());
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    runtime.unwrap().block_on(async {
        let store = SqliteStore::open(&url, SqliteOptions::default()).await.unwrap();
        store.close().await;
    });
}

/// The files of a folder, but those that SQLite keeps beside a database.
fn names(folder: &Path) -> Vec<String> {
    let entries = fs::read_dir(folder).unwrap();
    let mut names: Vec<String> = entries
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .filter(|name| !name.ends_with("-shm") && !name.ends_with("-wal"))
        .collect();
    names.sort();
    names
}

const TO_COPY: [&str; 5] = ["backup", "--database", "sqlite://mission.db", "--to", "copy.db"];

#[test]
fn a_copy_is_a_database_and_never_replaces_a_file_unasked() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    database(folder);
    let Run { code, out, err } = run(&mut mission(folder, &TO_COPY));
    assert_eq!((code, err.as_str()), (0, ""));
    assert!(
        out.starts_with("copy.db: ") && out.ends_with("; whole\n"),
        "{out}"
    );
    assert_eq!(names(folder), ["copy.db", "mission.db"], "nothing is left over");
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        let mode = fs::metadata(folder.join("copy.db")).unwrap().permissions().mode();
        assert_eq!(mode & 0o077, 0, "it is the owner's alone");
    }
    let audit = run(&mut mission(folder, &["audit", "--database", "sqlite://copy.db"]));
    assert_eq!(audit.code, 0, "{}", audit.err);

    fs::write(folder.join("copy.db"), "of before").unwrap();
    let Run { code, out, err } = run(&mut mission(folder, &TO_COPY));
    assert_eq!((code, out.as_str()), (2, ""));
    assert!(
        err.contains("`copy.db` is there already") && err.contains("--force"),
        "{err}"
    );
    assert_eq!(fs::read_to_string(folder.join("copy.db")).unwrap(), "of before");

    let forced = [&TO_COPY[..], &["--force", "--format", "json"]].concat();
    let forced = run(&mut mission(folder, &forced));
    let copied: Value = serde_json::from_str(&forced.out).unwrap();
    assert_eq!(copied["file"], "copy.db");
    assert_eq!(
        copied["bytes"],
        fs::metadata(folder.join("copy.db")).unwrap().len()
    );
    assert_eq!(copied["last_command_at"], Value::Null);
    assert!(copied["migration"].as_u64().unwrap() >= 18, "{copied}");
}

#[test]
fn what_cannot_be_copied_is_told_with_the_way_out_and_leaves_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    database(folder);
    fs::write(
        folder.join("text.db"),
        "no database at all, but long enough for a header",
    )
    .unwrap();
    fs::write(folder.join("empty.db"), "").unwrap();
    let before = names(folder);
    for (address, to, why) in [
        ("sqlite://nowhere.db", "copy.db", "cannot open"),
        ("sqlite://text.db", "copy.db", "cannot open"),
        ("sqlite://empty.db", "copy.db", "no database of mission-server"),
        ("sqlite://mission.db", "mission.db", "is the database itself"),
        (
            "postgres://anna:hunter2@127.0.0.1:1/mission",
            "copy.db",
            "pg_basebackup",
        ),
        ("mysql://anna:hunter2@127.0.0.1/mission", "copy.db", "sqlite://"),
    ] {
        let args = ["backup", "--database", address, "--to", to, "--force"];
        let Run { code, out, err } = run(&mut mission(folder, &args));
        assert_eq!((code, out.as_str()), (2, ""), "{address}: {err}");
        assert!(err.contains(why) && !err.contains("hunter2"), "{address}: {err}");
    }
    let nowhere = [
        "backup",
        "--database",
        "sqlite://mission.db",
        "--to",
        "no/copy.db",
    ];
    let Run { code, err, .. } = run(&mut mission(folder, &nowhere));
    assert_eq!(code, 1);
    assert!(err.contains("cannot write `no`"), "{err}");
    assert_eq!(names(folder), before);
}

#[test]
fn a_damaged_database_is_found_out() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    database(folder);
    let mut file = fs::File::options()
        .write(true)
        .open(folder.join("mission.db"))
        .unwrap();
    let size = file.metadata().unwrap().len();
    // All but the schema's first page.
    file.seek(SeekFrom::Start(4096)).unwrap();
    file.write_all(&vec![0x5a; usize::try_from(size - 4096).unwrap()])
        .unwrap();
    drop(file);
    let Run { code, out, err } = run(&mut mission(folder, &TO_COPY));
    assert_ne!(code, 0, "{out}{err}");
    assert!(err.contains("malformed") || err.contains("damaged"), "{err}");
    assert_eq!(names(folder), ["mission.db"]);
}
