//! HTTPS by the server itself, with a certificate that the tests sign.

use std::{
    fs,
    io::{BufRead, BufReader, Read, Write},
    net::TcpStream,
    path::Path,
    process::{Child, Command, Output, Stdio},
    time::{Duration, Instant},
};

use rcgen::{CertifiedKey, generate_simple_self_signed};
use serde_json::Value;
use uuid::Uuid;

use crate::support::{SECRET, token};

/// Writes `server.pem` and `server.key`; gives the certificate.
fn write_certificate(folder: &Path) -> reqwest::Certificate {
    let CertifiedKey { cert, signing_key } =
        generate_simple_self_signed(["localhost".to_owned(), "127.0.0.1".to_owned()]).unwrap();
    fs::write(folder.join("server.pem"), cert.pem()).unwrap();
    fs::write(folder.join("server.key"), signing_key.serialize_pem()).unwrap();
    reqwest::Certificate::from_pem(cert.pem().as_bytes()).unwrap()
}

fn command(folder: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_mission-server"));
    command
        .env_clear()
        .current_dir(folder)
        .env("MISSION_LISTEN", "127.0.0.1:0")
        .env("MISSION_JWT_SECRET", SECRET)
        .env("MISSION_DRAIN", "1s")
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    command
}

/// A server that is killed when the test ends.
struct Process(Child);

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn start(command: &mut Command) -> (Process, String) {
    let mut child = command.spawn().unwrap();
    let mut line = String::new();
    let mut stdout = BufReader::new(child.stdout.take().unwrap());
    stdout.read_line(&mut line).unwrap();
    let address = line
        .strip_prefix("listening on https://")
        .map(|address| address.trim_end().to_owned());
    let Some(address) = address else {
        let mut errors = String::new();
        child.stderr.take().unwrap().read_to_string(&mut errors).unwrap();
        panic!("the first line is {line:?}; {errors}");
    };
    std::thread::spawn(move || stdout.lines().for_each(drop));
    (Process(child), address)
}

fn with_tls(folder: &Path) -> Command {
    let mut command = command(folder);
    command
        .env("MISSION_TLS_CERT", "server.pem")
        .env("MISSION_TLS_KEY", "server.key");
    command
}

#[tokio::test]
async fn requests_are_served_over_tls_and_over_nothing_else() {
    let folder = tempfile::tempdir().unwrap();
    let certificate = write_certificate(folder.path());
    let (server, address) = start(&mut with_tls(folder.path()));
    let client = reqwest::Client::builder()
        .tls_certs_only([certificate])
        .build()
        .unwrap();
    let url = format!("https://{address}/api/v1/checkin");
    let token = token(Uuid::new_v4(), serde_json::json!({}));
    let answer = client.post(&url).bearer_auth(&token).send().await.unwrap();
    assert_eq!(answer.status(), 200);
    let calendar: Value = client
        .get(&url)
        .bearer_auth(&token)
        .send()
        .await
        .unwrap()
        .json()
        .await
        .unwrap();
    assert_eq!(calendar["total_check_ins"], 1);

    let stranger = reqwest::Client::new().get(&url).send().await;
    assert!(stranger.is_err(), "nobody vouches for the certificate");
    let plain = reqwest::Client::new()
        .get(format!("http://{address}/health/live"))
        .send()
        .await;
    assert!(plain.is_err(), "HTTP is not spoken: {plain:?}");
    // Who connects and says nothing holds nobody up.
    let _silent: Vec<_> = (0..20).map(|_| TcpStream::connect(&address).unwrap()).collect();
    let mut nonsense = TcpStream::connect(&address).unwrap();
    nonsense.write_all(&[0xff; 600]).unwrap();
    let live = client
        .get(format!("https://{address}/health/live"))
        .send()
        .await
        .unwrap();
    assert_eq!(live.status(), 200);
    drop(server);
}

#[tokio::test]
async fn a_server_with_tls_drains_and_ends_as_one_without() {
    let folder = tempfile::tempdir().unwrap();
    let certificate = write_certificate(folder.path());
    let (mut server, address) = start(&mut with_tls(folder.path()));
    let client = reqwest::Client::builder()
        .tls_certs_only([certificate])
        .build()
        .unwrap();
    let ready = async || {
        let answer = client.get(format!("https://{address}/health/ready")).send().await;
        answer.unwrap().status().as_u16()
    };
    let begun = Instant::now();
    while ready().await != 200 {
        assert!(begun.elapsed() < Duration::from_secs(10));
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    let sent = Command::new("kill")
        .args(["-TERM", &server.0.id().to_string()])
        .status()
        .unwrap();
    assert!(sent.success());
    let begun = Instant::now();
    while ready().await != 503 {
        assert!(begun.elapsed() < Duration::from_secs(1), "not ready, and serving");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    let status = loop {
        if let Some(status) = server.0.try_wait().unwrap() {
            break status;
        }
        assert!(begun.elapsed() < Duration::from_secs(20));
        tokio::time::sleep(Duration::from_millis(50)).await;
    };
    assert_eq!(status.code(), Some(0));
}

fn check(folder: &Path, certificate: Option<&str>, key: Option<&str>) -> Output {
    let mut command = command(folder);
    command.arg("--check-config");
    if let Some(certificate) = certificate {
        command.env("MISSION_TLS_CERT", certificate);
    }
    if let Some(key) = key {
        command.env("MISSION_TLS_KEY", key);
    }
    command.output().unwrap()
}

#[test]
fn certificates_of_no_use_are_found_before_the_start() {
    let (folder, other) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    write_certificate(folder.path());
    write_certificate(other.path());
    let other_key = other.path().join("server.key");
    let other_key = other_key.to_str().unwrap();
    fs::write(folder.path().join("empty.pem"), "").unwrap();
    let good = check(folder.path(), Some("server.pem"), Some("server.key"));
    assert!(good.status.success(), "{}", String::from_utf8_lossy(&good.stderr));
    assert!(String::from_utf8_lossy(&good.stdout).contains("by server.pem"));
    for (certificate, key, named) in [
        (Some("server.pem"), None, "tls.key"),
        (None, Some("server.key"), "tls.cert"),
        (Some("missing.pem"), Some("server.key"), "missing.pem"),
        (Some("server.pem"), Some("missing.key"), "missing.key"),
        (Some("empty.pem"), Some("server.key"), "empty.pem"),
        (Some("server.key"), Some("server.key"), "server.key"),
        (Some("server.pem"), Some("server.pem"), "server.pem"),
        (Some("server.pem"), Some(other_key), other_key),
    ] {
        let checked = check(folder.path(), certificate, key);
        let errors = String::from_utf8_lossy(&checked.stderr).into_owned();
        assert_eq!(checked.status.code(), Some(1), "{errors}");
        assert!(
            errors.contains(named) && !errors.contains("PRIVATE KEY"),
            "{errors}"
        );
    }
}
