//! Users who come back: the same users check in once a day. How fast beside the first day, and what each costs on disk.

use std::{
    io::{Read as _, Write as _},
    net::TcpStream,
    time::Duration,
};

use sqlx::{Connection as _, SqliteConnection, sqlite::SqliteConnectOptions};

use crate::{
    Options, Result,
    backend::{Backend, Database},
    client::Calls,
    report::{Report, median},
    server::Server,
};

const USERS: u32 = 20_000;
/// Days after the first.
const RETURNS: u32 = 3;
const CONNECTIONS: usize = 32;

/// What one day of check-ins gave.
struct Day {
    rate: f64,
    bytes: f64,
    /// Of write-ahead log, where it is counted.
    log: Option<f64>,
}

pub(crate) fn measure(backend: Backend<'_>, options: &Options, report: &mut Report) -> Result<()> {
    let product = backend.product(options, &[("MISSION_TEST_CLOCK", "true")])?;
    let mut days = Vec::new();
    let mut before = Use::of(&product.database)?;
    for day in 0..=RETURNS {
        set_clock(&product.server, day)?;
        let run = Calls::new(USERS).check_ins(&product.server, USERS, CONNECTIONS)?;
        let after = Use::of(&product.database)?;
        let each = |before: i64, after: i64| (after - before) as f64 / f64::from(USERS);
        days.push(Day {
            rate: run.rate,
            bytes: each(before.bytes, after.bytes),
            log: before
                .log
                .zip(after.log)
                .map(|(before, after)| each(before, after)),
        });
        before = after;
    }
    let title = format!(
        "{}, {USERS} users day by day, {CONNECTIONS} connections",
        backend.name()
    );
    println!("\n{title}");
    let Some((first, others)) = days.split_first() else {
        return Ok(());
    };
    let of =
        |value: fn(&Day) -> Option<f64>| median(others.iter().filter_map(value).collect(), f64::total_cmp);
    let rate = of(|day| Some(day.rate)).unwrap_or(f64::NAN);
    report.rate(&title, "new users", first.rate);
    report.rate(&title, "returning users", rate);
    report.ratio(&title, "returning users", "new users", rate / first.rate);
    report.bytes(&title, "a new user's check-in on disk", Some(first.bytes));
    report.bytes(
        &title,
        "a returning user's check-in on disk",
        of(|day| Some(day.bytes)),
    );
    report.bytes(&title, "write-ahead log of a new user's", first.log);
    report.bytes(&title, "write-ahead log of a returning user's", of(|day| day.log));
    Ok(())
}

/// What a database takes, once everything that a server does behind its commits is done.
pub(crate) struct Use {
    /// Tables and indexes.
    bytes: i64,
    log: Option<i64>,
}

impl Use {
    pub(crate) fn of(database: &Database) -> Result<Self> {
        let behind = "SELECT 1 FROM outbox_entries UNION ALL SELECT 1 FROM activity LIMIT 1";
        let pause = Duration::from_millis(100);
        match database {
            Database::Schema(schema) => {
                while schema.has_rows(behind)? {
                    std::thread::sleep(pause);
                }
                // Counted before the vacuum, whose share is not the commands' own.
                let log = schema.number("SELECT (pg_current_wal_insert_lsn() - '0/0')::bigint")?;
                schema.run("VACUUM ANALYZE")?;
                let sizes = "SELECT sum(pg_total_relation_size(oid))::bigint FROM pg_class
                    WHERE relnamespace = current_schema()::regnamespace AND relkind = 'r'";
                Ok(Use {
                    bytes: schema.number(sizes)?,
                    log: Some(log),
                })
            }
            Database::File(folder) => {
                let runtime = tokio::runtime::Builder::new_current_thread()
                    .enable_all()
                    .build()?;
                runtime.block_on(async {
                    let options = SqliteConnectOptions::new()
                        .filename(Database::file(folder))
                        .read_only(true);
                    let mut connection = SqliteConnection::connect_with(&options).await?;
                    while !sqlx::query(behind).fetch_all(&mut connection).await?.is_empty() {
                        tokio::time::sleep(pause).await;
                    }
                    let sizes = "SELECT (p.page_count - f.freelist_count) * s.page_size
                        FROM pragma_page_count p, pragma_freelist_count f, pragma_page_size s";
                    let bytes = sqlx::query_scalar(sizes).fetch_one(&mut connection).await?;
                    Ok(Use { bytes, log: None })
                })
            }
        }
    }
}

/// Sets the server's clock to the noon of a day.
pub(crate) fn set_clock(server: &Server, day: u32) -> Result<()> {
    let body = format!("{{\"now\":\"2027-03-{:02}T12:00:00Z\"}}", day + 1);
    let mut stream = TcpStream::connect(server.address)?;
    write!(
        stream,
        "PUT /dev/clock HTTP/1.1\r\nHost: bench\r\nConnection: close\r\nContent-Type: application/json\r\n\
         Content-Length: {}\r\n\r\n{body}",
        body.len()
    )?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer)?;
    if answer.starts_with("HTTP/1.1 200") {
        Ok(())
    } else {
        Err(format!("the clock was not set: {answer}").into())
    }
}
