//! A PostgreSQL of a test's own.

use std::{
    ffi::OsString,
    fs,
    io::Write as _,
    path::Path,
    process::{Child, Command, Stdio},
};

use tempfile::TempDir;

use crate::services::{
    as_nobody_special, free_port, left_out, postgres_programs, postgres_server, wait_for_port,
};

/// A PostgreSQL with settings of its own, whose programs can be run; ended with it.
pub(crate) struct OwnPostgres {
    folder: TempDir,
    pub(crate) port: u16,
    /// What comes before its programs, so that they run as its user.
    as_user: Vec<OsString>,
    server: Option<Child>,
}

impl OwnPostgres {
    /// `None` where none is installed, which is said. `settings` are lines of its configuration, in which `{folder}` stands
    /// for [`OwnPostgres::folder`].
    pub(crate) fn start(settings: &str) -> Option<OwnPostgres> {
        let folder = tempfile::tempdir().unwrap();
        let port = free_port();
        let as_user = as_nobody_special(folder.path()).unwrap_or_default();
        let Some(command) = postgres_server(folder.path(), port) else {
            let required = std::env::var("MISSION_TEST_SERVICES").is_ok_and(|mode| mode == "required");
            assert!(!required, "PostgreSQL's programs are not installed");
            left_out("a PostgreSQL of a test's own: its programs are not installed");
            return None;
        };
        let configuration = folder.path().join("data/postgresql.conf");
        let mut configuration = fs::File::options().append(true).open(configuration).unwrap();
        let settings = settings.replace("{folder}", folder.path().to_str().unwrap());
        configuration.write_all(settings.as_bytes()).unwrap();
        let server = Command::new(&command[0])
            .args(&command[1..])
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        assert!(wait_for_port(port));
        Some(OwnPostgres {
            folder,
            port,
            as_user,
            server: Some(server),
        })
    }

    /// A folder that its user may write to, with its data in `data`.
    pub(crate) fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// Runs a script with its programs, as its user and in its folder, and gives what it printed.
    pub(crate) fn sh(&self, script: &str, variables: &[(&str, &str)]) -> String {
        let mut command = self.as_user.clone();
        command.extend(["sh", "-euc", script].map(Into::into));
        let mut path = postgres_programs().unwrap().into_os_string();
        path.push(":");
        path.push(std::env::var_os("PATH").unwrap());
        let done = Command::new(&command[0])
            .args(&command[1..])
            .current_dir(self.folder())
            .env("PATH", path)
            .env("PGHOST", "127.0.0.1")
            .env("PGUSER", "postgres")
            .env("PGPORT", self.port.to_string())
            .envs(variables.iter().copied())
            .output()
            .unwrap();
        let said = String::from_utf8_lossy(&done.stdout).into_owned();
        let errors = String::from_utf8_lossy(&done.stderr);
        assert!(done.status.success(), "{script}\n{said}\n{errors}");
        said
    }

    /// Ends it at once.
    pub(crate) fn stop(&mut self) {
        if let Some(mut server) = self.server.take() {
            let id = server.id().to_string();
            Command::new("kill").args(["-QUIT", &id]).status().unwrap();
            server.wait().unwrap();
        }
    }
}

impl Drop for OwnPostgres {
    fn drop(&mut self) {
        self.stop();
    }
}
