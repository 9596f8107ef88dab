//! PostgreSQL, by the commands of docs/backup.md.

use std::time::Duration;

use serde_json::{Value, json};

use super::{audited, check_in, check_ins};
use crate::{
    documents,
    own_postgres::OwnPostgres,
    services::free_port,
    support::{Home, Server},
};

/// The text of the blocks of one language below a heading of the page.
fn blocks(heading: &str, language: &str) -> String {
    let page = documents::read("docs/backup.md");
    let (_, section) = page.split_once(&format!("# {heading}\n")).expect(heading);
    let section = section.split("\n#").next().unwrap_or_default();
    let blocks: Vec<&str> = section
        .split(&format!("```{language}\n"))
        .skip(1)
        .filter_map(|rest| rest.split("```").next())
        .collect();
    assert!(!blocks.is_empty(), "{heading} has no {language}");
    blocks.concat()
}

/// The commands below a heading.
fn commands(heading: &str) -> String {
    blocks(heading, "sh")
}

/// The settings of the page, what makes a server of a test quick, and what its command line says too: a restored server has
/// to allow as many connections.
fn settings() -> String {
    let archiving = blocks("A base backup", "ini").replace("/backup", "{folder}");
    format!("{archiving}\nunix_socket_directories = ''\nfsync = off\nmax_connections = 300\n")
}

fn url(port: u16, database: &str) -> String {
    format!("postgres://postgres@127.0.0.1:{port}/{database}")
}

/// Whatever the test comes to, the restored server ends with it.
struct Stopped<'p>(&'p OwnPostgres);

impl Drop for Stopped<'_> {
    fn drop(&mut self) {
        self.0
            .sh("pg_ctl --pgdata=restored --mode=immediate stop || true", &[]);
    }
}

#[tokio::test]
async fn it_is_restored_to_a_moment_and_goes_on() {
    let Some(mut postgres) = OwnPostgres::start(&settings()) else {
        return;
    };
    let folder = postgres.folder().to_str().unwrap().to_owned();
    let (backup, base) = (folder.as_str(), format!("{folder}/base"));
    postgres.sh("mkdir wal", &[]);
    let database = url(postgres.port, "postgres");
    let server = Server::on(Home::beside(database), &[]).await;
    let mission = server.admin().mission("kept", json!({})).await;
    let mut before = vec![check_in(&server).await];

    let variables = [("BACKUP", backup), ("BASE", base.as_str())];
    postgres.sh(&commands("A base backup"), &variables);

    // Between the base backup and the moment: only the log has it.
    for _ in 0..20 {
        before.push(check_in(&server).await);
    }
    let claimer = server.user();
    let claim = format!("/tasks/{}/claim", claimer.complete(&mission).await);
    let keyed = claimer.header("idempotency-key", "claim");
    let claimed = keyed.post(&claim, Value::Null).await.ok(200);
    let moment = postgres.sh(
        "psql --no-align --tuples-only --command='SELECT clock_timestamp()'",
        &[],
    );
    let mut after = Vec::new();
    for _ in 0..20 {
        after.push(check_in(&server).await);
    }
    postgres.sh(
        "last=$(psql -Atc 'SELECT pg_walfile_name(pg_switch_wal())')
        until test -f wal/$last; do sleep 0.05; done",
        &[],
    );
    let claimer = claimer.user;
    drop(server);
    postgres.stop();

    let port = free_port();
    let restored_to = format!("{folder}/restored");
    let shown = port.to_string();
    let variables = [
        ("BACKUP", backup),
        ("BASE", base.as_str()),
        ("RESTORED", restored_to.as_str()),
        ("MOMENT", moment.trim()),
        ("PGPORT", shown.as_str()),
    ];
    let _stopped = Stopped(&postgres);
    postgres.sh(&commands("Restore to a moment"), &variables);
    let server = Server::on(Home::beside(url(port, "postgres")), &[]).await;
    audited(server.database()).await;
    for user in &before {
        assert_eq!(check_ins(&server, *user).await, 1, "{user}");
    }
    let claimer = server.client(claimer, json!({}));
    let same = claimer.header("idempotency-key", "claim");
    let again = same.post(&claim, Value::Null).await;
    assert_eq!(again.headers["idempotency-replayed"], "true");
    assert_eq!(again.ok(200), claimed);
    // What came after the moment is as if it had never been, and can be done anew.
    for user in &after {
        assert_eq!(check_ins(&server, *user).await, 0, "{user}");
        let user = server.client(*user, json!({}));
        user.post("/checkin", Value::Null).await.ok(200);
    }
    for _ in 0..20 {
        check_in(&server).await;
    }
    server.admin().mission("new", json!({})).await;
    let mut me = Value::Null;
    for _ in 0..200 {
        me = claimer.get("/me").await.ok(200);
        if me["wallet_points"] == 50 {
            break;
        }
        tokio::time::sleep(Duration::from_millis(25)).await;
    }
    assert_eq!(me["wallet_points"], 50, "{me}");
    audited(server.database()).await;

    let dumped = url(port, "postgres");
    let variables = [
        ("PGPORT", shown.as_str()),
        ("MISSION_DATABASE_URL", dumped.as_str()),
    ];
    postgres.sh(&commands("A dump"), &variables);
    let from_dump = Server::on(Home::beside(url(port, "mission_restored")), &[]).await;
    for user in before.iter().chain(&after) {
        assert_eq!(check_ins(&from_dump, *user).await, 1, "{user}");
    }
    check_in(&from_dump).await;
    audited(from_dump.database()).await;
}
