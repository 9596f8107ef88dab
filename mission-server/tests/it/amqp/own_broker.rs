//! A RabbitMQ of a test's own.

use std::{
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
};

use tempfile::TempDir;

use crate::services::{free_port, left_out, rabbitmq_server, wait_for_port};

/// A RabbitMQ of the test's own, which it can stop and start again.
pub(super) struct OwnBroker {
    folder: TempDir,
    pub(super) port: u16,
    server: Option<Child>,
}

impl OwnBroker {
    /// `None` where none is installed, which is said.
    pub(super) fn start() -> Option<OwnBroker> {
        let port = free_port();
        let folder = tempfile::tempdir().unwrap();
        let Some(server) = run(folder.path(), port) else {
            let required = std::env::var("MISSION_TEST_SERVICES").is_ok_and(|mode| mode == "required");
            assert!(!required, "rabbitmq-server is not installed");
            left_out("a RabbitMQ that stops and starts: rabbitmq-server is not installed");
            return None;
        };
        Some(OwnBroker {
            folder,
            port,
            server: Some(server),
        })
    }

    pub(super) fn stop(&mut self) {
        if let Some(mut server) = self.server.take() {
            let id = server.id().to_string();
            Command::new("kill").args(["-TERM", &id]).status().unwrap();
            server.wait().unwrap();
        }
    }

    pub(super) fn start_again(&mut self) {
        self.server = run(self.folder.path(), self.port);
    }

    /// Runs `rabbitmqctl` on it.
    pub(super) fn control(&self, arguments: &[&str]) {
        let mut command = rabbitmq_server(self.folder.path(), self.port).unwrap();
        let server = PathBuf::from(command.pop().unwrap());
        command.push(server.with_file_name("rabbitmqctl").into());
        let done = Command::new(&command[0])
            .args(&command[1..])
            .args(arguments)
            .output()
            .unwrap();
        assert!(done.status.success(), "{arguments:?}: {done:?}");
    }
}

impl Drop for OwnBroker {
    fn drop(&mut self) {
        self.stop();
    }
}

fn run(folder: &Path, port: u16) -> Option<Child> {
    let command = rabbitmq_server(folder, port)?;
    let server = Command::new(&command[0])
        .args(&command[1..])
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .ok()?;
    assert!(wait_for_port(port));
    Some(server)
}
