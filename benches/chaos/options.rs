//! The command line.

use std::{fmt, str::FromStr, time::Duration};

use crate::Result;

/// Which database the servers use.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum DatabaseKind {
    /// PostgreSQL, for any number of servers.
    Postgres,
    /// A SQLite file, for one server.
    Sqlite,
}

impl FromStr for DatabaseKind {
    type Err = String;

    fn from_str(text: &str) -> std::result::Result<Self, String> {
        match text {
            "postgres" => Ok(DatabaseKind::Postgres),
            "sqlite" => Ok(DatabaseKind::Sqlite),
            _ => Err(format!("`--database {text}`: it is `postgres` or `sqlite`")),
        }
    }
}

impl fmt::Display for DatabaseKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            DatabaseKind::Postgres => "postgres",
            DatabaseKind::Sqlite => "sqlite",
        })
    }
}

/// What is asked for.
pub(crate) struct Options {
    /// Which database the servers use.
    pub(crate) database: DatabaseKind,
    /// How long things break.
    pub(crate) seconds: u64,
    /// How often a server is killed in that time.
    pub(crate) kills: u64,
    /// What everything is decided by.
    pub(crate) seed: u64,
    /// How many users there are at a time.
    pub(crate) users: usize,
    /// How many servers there are.
    pub(crate) instances: usize,
    /// Whether the logs stay.
    pub(crate) keep: bool,
}

impl Options {
    /// Reads the command line.
    pub(crate) fn read() -> Result<Self> {
        let mut database = DatabaseKind::Postgres;
        let mut seconds = 60;
        let mut kills = None;
        let mut seed = fastrand::u64(..1_000_000_000);
        let mut users = 60;
        let mut instances = None;
        let mut keep = false;
        let mut words = std::env::args().skip(1);
        while let Some(word) = words.next() {
            if word == "--keep" {
                keep = true;
                continue;
            }
            let value = words.next().ok_or_else(|| format!("`{word}` needs a value"))?;
            match word.as_str() {
                "--database" => database = value.parse()?,
                "--seconds" => seconds = value.parse()?,
                "--kills" => kills = Some(value.parse()?),
                "--seed" => seed = value.parse()?,
                "--users" => users = value.parse()?,
                "--instances" => instances = Some(value.parse()?),
                _ => {
                    let known = "--database, --seconds, --kills, --seed, --users, --instances, --keep";
                    return Err(format!("unknown option `{word}`; there are {known}").into());
                }
            }
        }
        let most = match database {
            DatabaseKind::Postgres => 3,
            DatabaseKind::Sqlite => 1,
        };
        let instances = instances.unwrap_or(most);
        if users < 8 || instances == 0 {
            return Err("there must be at least 8 users and one instance".into());
        }
        if database == DatabaseKind::Sqlite && instances > 1 {
            return Err("`--instances`: only one server can use a SQLite file".into());
        }
        Ok(Options {
            database,
            seconds,
            kills: kills.unwrap_or(seconds / 3),
            seed,
            users,
            instances,
            keep,
        })
    }

    /// How long things break.
    pub(crate) fn time(&self) -> Duration {
        Duration::from_secs(self.seconds)
    }
}

impl fmt::Display for Options {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Options {
            database,
            seconds,
            kills,
            seed,
            users,
            instances,
            keep,
        } = self;
        write!(
            f,
            "chaos --database {database} --seconds {seconds} --kills {kills} --seed {seed} --users {users} --instances {instances}"
        )?;
        f.write_str(if *keep { " --keep" } else { "" })
    }
}
