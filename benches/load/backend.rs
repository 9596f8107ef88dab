//! What is measured on one back end: check-ins beside the usual designs, events, reads, and leaderboards as users grow.

use std::{
    ffi::OsStr,
    path::{Path, PathBuf},
    process::Command,
    time::Duration,
};

use tempfile::TempDir;

use crate::{
    Options, Result, audit,
    client::{CLAIMS, Calls, EVENTS, Kind},
    overload,
    prefill::{prefill, prefill_check_ins},
    report::{Report, Series},
    returning,
    schema::Schema,
    server::{SECRET, Server, binary},
    soak,
};

/// Users who read again and again.
const ACTIVE: u32 = 1_000;

/// A database for each server.
#[derive(Clone, Copy)]
pub(crate) enum Backend<'o> {
    Sqlite,
    Postgres(&'o str),
}

/// A server on a database that goes with it.
pub(crate) struct Deployment {
    pub(crate) server: Server,
    pub(crate) database: Database,
}

/// A database of one server's own.
pub(crate) enum Database {
    /// A file in a folder.
    File(TempDir),
    Schema(Schema),
}

impl Database {
    pub(crate) fn url(&self) -> String {
        match self {
            Database::File(folder) => format!("sqlite://{}", Self::file(folder).display()),
            Database::Schema(schema) => schema.url(),
        }
    }

    /// What it takes on disk, the log with it; of PostgreSQL without the log.
    pub(crate) fn bytes(&self) -> Result<u64> {
        match self {
            Database::File(folder) => {
                let mut bytes = 0;
                for file in std::fs::read_dir(folder.path())? {
                    bytes += file?.metadata()?.len();
                }
                Ok(bytes)
            }
            Database::Schema(schema) => {
                let size = schema.number("SELECT pg_database_size(current_database())")?;
                Ok(u64::try_from(size)?)
            }
        }
    }

    /// Its file, where it is one.
    pub(crate) fn file(folder: &TempDir) -> PathBuf {
        folder.path().join("load.db")
    }
}

impl Backend<'_> {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Backend::Sqlite => "SQLite, synchronous=FULL",
            Backend::Postgres(_) => "PostgreSQL",
        }
    }

    fn database(self, options: &Options) -> Result<Database> {
        Ok(match self {
            Backend::Sqlite => Database::File(tempfile::tempdir_in(&options.folder)?),
            Backend::Postgres(database) => Database::Schema(Schema::create(database)?),
        })
    }

    pub(crate) fn product(
        self,
        options: &Options,
        extra: &[(&'static str, &'static str)],
    ) -> Result<Deployment> {
        let database = self.database(options)?;
        let server = self.server_on(&database, options, extra)?;
        Ok(Deployment { server, database })
    }

    /// One server, or one more, on a database.
    fn server_on(
        self,
        database: &Database,
        options: &Options,
        extra: &[(&'static str, &'static str)],
    ) -> Result<Server> {
        let pack = Path::new(env!("CARGO_MANIFEST_DIR")).join("../examples/packs/starter");
        let url = database.url();
        let mut settings = vec![
            ("MISSION_PACK", pack.as_os_str()),
            ("MISSION_DATABASE_URL", OsStr::new(&url)),
        ];
        if let (Backend::Postgres(_), Some(redis)) = (self, &options.redis) {
            settings.push(("MISSION_REDIS_URL", OsStr::new(redis)));
        }
        settings.extend(extra.iter().map(|(name, value)| (*name, OsStr::new(value))));
        Server::start_with(&options.folder, options.processors.as_deref(), &settings)
    }

    fn baseline(self, options: &Options, design: &str) -> Result<Deployment> {
        let database = self.database(options)?;
        let mut command = Command::new(binary("load-baseline")?);
        command
            .args([design, &database.url()])
            .env("MISSION_JWT_SECRET", SECRET);
        let server = Server::spawn(command, tempfile::tempdir_in(&options.folder)?)?;
        Ok(Deployment { server, database })
    }
}

/// Measures all of it.
pub(crate) fn measure(backend: Backend<'_>, options: &Options, report: &mut Report) -> Result<()> {
    if options.measures("check-ins") {
        check_ins(backend, options, report)?;
    }
    if options.measures("claims") {
        claims(backend, options, report)?;
    }
    if options.measures("returning") {
        returning::measure(backend, options, report)?;
    }
    if options.measures("events") {
        events_and_reads(backend, options, report)?;
    }
    if options.measures("leaderboards") {
        leaderboards(backend, options, report)?;
    }
    if options.measures("analytics") {
        analytics(backend, options, report)?;
    }
    if options.measures("overload") {
        overload::measure(backend, options, report)?;
    }
    // As long as somebody wants it to be, so only where it is asked for.
    if options.only.as_deref() == Some("soak") {
        soak::measure(backend, options, report)?;
    }
    if options.only.as_deref() == Some("audit") {
        audit::measure(backend, options, report)?;
    }
    if let (Backend::Postgres(_), true) = (backend, options.measures("instances")) {
        instances(backend, options, report)?;
    }
    Ok(())
}

/// Runs the kinds in turns; one round to warm up does not count.
fn in_turns(
    options: &Options,
    calls: &mut Calls,
    connections: usize,
    of: &[(&'static str, Vec<&Server>, Kind)],
) -> Result<Vec<Series>> {
    let mut series: Vec<Series> = of.iter().map(|(name, ..)| Series::new(name)).collect();
    for round in 0..=options.rounds {
        for (series, (_, servers, kind)) in series.iter_mut().zip(of) {
            let run = calls.run(servers, *kind, connections, options.time)?;
            if round > 0 {
                series.add(run);
            }
        }
    }
    Ok(series)
}

fn check_ins(backend: Backend<'_>, options: &Options, report: &mut Report) -> Result<()> {
    for &connections in &options.connections {
        let mut calls = Calls::new(0);
        // Fresh ones, so that neither has events of earlier rounds left to send.
        let product = backend.product(options, &[])?;
        let transaction = backend.baseline(options, "transaction")?;
        let mut of = vec![
            ("check-ins", vec![&product.server], Kind::CheckIn),
            (
                "usual: a transaction a request",
                vec![&transaction.server],
                Kind::CheckIn,
            ),
        ];
        let cte;
        if let Backend::Postgres(_) = backend {
            cte = backend.baseline(options, "cte")?;
            of.push(("usual: one statement a request", vec![&cte.server], Kind::CheckIn));
        }
        of.push(("ping (token check, no-op)", vec![&product.server], Kind::Ping));
        let series = in_turns(options, &mut calls, connections, &of)?;
        report.add(
            &format!("{}, {connections} connection(s)", backend.name()),
            &series,
        );
    }
    Ok(())
}

/// Claims of completed missions, beside the usual design of a check-in, which writes as many rows.
fn claims(backend: Backend<'_>, options: &Options, report: &mut Report) -> Result<()> {
    let mut calls = Calls::new(0);
    let product = backend.product(options, &[])?;
    let transaction = backend.baseline(options, "transaction")?;
    let seconds = options.time.as_secs_f64() * (options.rounds + 1) as f64;
    calls.complete_missions(
        &product.server,
        Duration::from_secs_f64(seconds * CLAIMS).as_secs(),
    )?;
    let of = [
        ("claims", vec![&product.server], Kind::Claim),
        (
            "usual: a transaction a request",
            vec![&transaction.server],
            Kind::CheckIn,
        ),
        ("ping (token check, no-op)", vec![&product.server], Kind::Ping),
    ];
    let series = in_turns(options, &mut calls, 32, &of)?;
    report.add(&format!("{}, claims, 32 connections", backend.name()), &series);
    Ok(())
}

/// Several servers on one database beside one alone.
fn instances(backend: Backend<'_>, options: &Options, report: &mut Report) -> Result<()> {
    let mut calls = Calls::new(0);
    let one = backend.product(options, &[])?;
    let several = backend.product(options, &[])?;
    let more = (1..options.instances)
        .map(|_| backend.server_on(&several.database, options, &[]))
        .collect::<Result<Vec<_>>>()?;
    let all: Vec<&Server> = std::iter::once(&several.server).chain(&more).collect();
    let of = [
        ("check-ins, several servers", all.clone(), Kind::CheckIn),
        ("check-ins, one server", vec![&one.server], Kind::CheckIn),
    ];
    let title = format!(
        "{}, {} servers on one database, 96 connections",
        backend.name(),
        all.len()
    );
    let series = in_turns(options, &mut calls, 96, &of)?;
    report.add(&title, &series);
    let conflicts = all
        .iter()
        .map(|server| server.metric("mission_commit_conflicts_total"))
        .sum::<Result<f64>>()?;
    report.count(&title, "version conflicts", conflicts);
    Ok(())
}

/// The analytics of thirty days by the hour.
fn analytics(backend: Backend<'_>, options: &Options, report: &mut Report) -> Result<()> {
    let product = backend.product(options, &[])?;
    prefill_check_ins(&product.database, options.users)?;
    let of = [(
        "analytics of 30 days by the hour",
        vec![&product.server],
        Kind::Analytics,
    )];
    let series = in_turns(options, &mut Calls::new(0), 1, &of)?;
    let title = format!("{}, analytics at {} check-ins", backend.name(), options.users);
    report.add(&title, &series);
    for one in &series {
        report.time(&title, "one answer", Duration::from_secs_f64(1.0 / one.rate()));
    }
    Ok(())
}

fn events_and_reads(backend: Backend<'_>, options: &Options, report: &mut Report) -> Result<()> {
    let mut calls = Calls::new(ACTIVE);
    let product = backend.product(options, &[])?;
    prefill(&product.database, 10_000)?;
    let of = [
        ("ping (token check, no-op)", vec![&product.server], Kind::Ping),
        ("missions", vec![&product.server], Kind::Missions),
        ("me", vec![&product.server], Kind::Me),
        ("rewards", vec![&product.server], Kind::Rewards),
        (
            "leaderboard with own rank",
            vec![&product.server],
            Kind::Leaderboard,
        ),
    ];
    let series = in_turns(options, &mut calls, 32, &of)?;
    let title = format!("{}, reads by {ACTIVE} users, 32 connections", backend.name());
    report.add(&title, &series);
    let of = [("events, 100 a request", vec![&product.server], Kind::Events)];
    let series = in_turns(options, &mut calls, 8, &of)?;
    let title = format!("{}, events, 8 connections", backend.name());
    report.add(&title, &series);
    for one in &series {
        report.rate(&title, "events", one.rate() * EVENTS as f64);
    }
    Ok(())
}

fn leaderboards(backend: Backend<'_>, options: &Options, report: &mut Report) -> Result<()> {
    const FEW: u32 = 10_000;
    let (few, many) = (backend.product(options, &[])?, backend.product(options, &[])?);
    prefill(&few.database, FEW)?;
    prefill(&many.database, options.users)?;
    // Numbers of users that both have.
    let mut calls = Calls::new(FEW);
    let of = [
        (
            "leaderboard, all the users",
            vec![&many.server],
            Kind::Leaderboard,
        ),
        ("leaderboard, 10,000 users", vec![&few.server], Kind::Leaderboard),
        ("ping (token check, no-op)", vec![&few.server], Kind::Ping),
    ];
    let series = in_turns(options, &mut calls, 32, &of)?;
    let title = format!(
        "{}, leaderboards at {} users, 32 connections",
        backend.name(),
        options.users
    );
    report.add(&title, &series);
    Ok(())
}
