//! A Redis of a test's own.

use std::process::{Child, Command, Stdio};

use crate::services::{free_port, left_out, wait_for_port};

/// A Redis that a test can stop and start again; ended with it.
pub(crate) struct OwnRedis {
    port: u16,
    server: Option<Child>,
}

impl OwnRedis {
    /// `None` where none is installed, which is said.
    pub(crate) fn start() -> Option<OwnRedis> {
        let port = free_port();
        let server = run(port);
        if server.is_none() {
            let required = std::env::var("MISSION_TEST_SERVICES").is_ok_and(|mode| mode == "required");
            assert!(!required, "redis-server is not installed");
            left_out("a Redis of a test's own: redis-server is not installed");
        }
        Some(OwnRedis {
            port,
            server: Some(server?),
        })
    }

    /// Its address.
    pub(crate) fn url(&self) -> String {
        format!("redis://127.0.0.1:{}", self.port)
    }

    pub(crate) fn stop(&mut self) {
        if let Some(mut server) = self.server.take() {
            server.kill().unwrap();
            server.wait().unwrap();
        }
    }

    pub(crate) fn start_again(&mut self) {
        self.server = run(self.port);
    }
}

impl Drop for OwnRedis {
    fn drop(&mut self) {
        self.stop();
    }
}

fn run(port: u16) -> Option<Child> {
    let server = Command::new("redis-server")
        .args(["--save", "", "--port", &port.to_string()])
        .stdout(Stdio::null())
        .spawn()
        .ok()?;
    assert!(wait_for_port(port));
    Some(server)
}
