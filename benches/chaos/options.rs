//! The command line.

use std::{fmt, time::Duration};

use crate::Result;

/// What is asked for.
pub(crate) struct Options {
    /// How long things break.
    pub(crate) seconds: u64,
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
        let mut options = Options {
            seconds: 60,
            seed: fastrand::u64(..1_000_000_000),
            users: 60,
            instances: 3,
            keep: false,
        };
        let mut words = std::env::args().skip(1);
        while let Some(word) = words.next() {
            if word == "--keep" {
                options.keep = true;
                continue;
            }
            let value = words.next().ok_or_else(|| format!("`{word}` needs a value"))?;
            match word.as_str() {
                "--seconds" => options.seconds = value.parse()?,
                "--seed" => options.seed = value.parse()?,
                "--users" => options.users = value.parse()?,
                "--instances" => options.instances = value.parse()?,
                _ => {
                    let known = "--seconds, --seed, --users, --instances, --keep";
                    return Err(format!("unknown option `{word}`; there are {known}").into());
                }
            }
        }
        if options.users < 8 || options.instances == 0 {
            return Err("there must be at least 8 users and one instance".into());
        }
        Ok(options)
    }

    /// How long things break.
    pub(crate) fn time(&self) -> Duration {
        Duration::from_secs(self.seconds)
    }
}

impl fmt::Display for Options {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Options {
            seconds,
            seed,
            users,
            instances,
            keep,
        } = self;
        write!(
            f,
            "chaos --seconds {seconds} --seed {seed} --users {users} --instances {instances}"
        )?;
        f.write_str(if *keep { " --keep" } else { "" })
    }
}
