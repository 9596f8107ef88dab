//! A server of one's own: spawned on a fresh database, ended when it goes out of scope.

use std::{
    ffi::OsStr,
    io::{BufRead, BufReader, Read as _, Write as _},
    net::{SocketAddr, TcpStream},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use tempfile::TempDir;

use crate::Result;

/// The secret that tokens are signed with.
pub(crate) const SECRET: &str = "only-for-measuring-0123456789-abcdefghij";

/// A running server.
pub(crate) struct Server {
    process: Child,
    /// Where it listens.
    pub(crate) address: SocketAddr,
    /// From the start of the process to the line that says where it listens.
    pub(crate) started_in: Duration,
    _folder: TempDir,
}

impl Server {
    /// Starts a server without rate limits, on a fresh SQLite file where no setting says another database.
    /// `processors` are those that it may use, as `taskset` names them.
    pub(crate) fn start_with(
        folder: &Path,
        processors: Option<&str>,
        settings: &[(&str, &OsStr)],
    ) -> Result<Self> {
        let database = tempfile::tempdir_in(folder)?;
        let url = format!("sqlite://{}", database.path().join("mission.db").display());
        let program = binary("mission-server")?;
        let mut command = match processors {
            Some(list) => {
                let mut command = Command::new("taskset");
                command.args(["--cpu-list", list]).arg(program);
                command
            }
            None => Command::new(program),
        };
        command
            .current_dir(database.path())
            .env("MISSION_LISTEN", "127.0.0.1:0")
            .env("MISSION_DATABASE_URL", url)
            .env("MISSION_JWT_SECRET", SECRET)
            .env("MISSION_FRAUD_RATE_LIMIT_PER_USER", "off")
            .env("MISSION_FRAUD_RATE_LIMIT_PER_ADDRESS", "off")
            .env("MISSION_LOG", "warn")
            .envs(settings.iter().copied());
        Self::spawn(command, database)
    }

    /// Starts a program that says where it listens; the folder goes with it.
    pub(crate) fn spawn(mut command: Command, folder: TempDir) -> Result<Self> {
        command.stdout(Stdio::piped());
        let begun = Instant::now();
        let mut process = command.spawn()?;
        let mut line = String::new();
        if let Some(stdout) = process.stdout.take() {
            BufReader::new(stdout).read_line(&mut line)?;
        }
        let started_in = begun.elapsed();
        let address = line.trim().strip_prefix("listening on http://").map(str::parse);
        match address {
            Some(Ok(address)) => Ok(Server {
                process,
                address,
                started_in,
                _folder: folder,
            }),
            _ => {
                process.kill()?;
                Err(format!("the server did not say where it listens, but `{}`", line.trim()).into())
            }
        }
    }

    /// The value of a metric without labels; 0 where nothing was counted yet.
    pub(crate) fn metric(&self, name: &str) -> Result<f64> {
        let mut stream = TcpStream::connect(self.address)?;
        write!(
            stream,
            "GET /metrics HTTP/1.1\r\nHost: bench\r\nConnection: close\r\n\r\n"
        )?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer)?;
        let value = answer
            .lines()
            .find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
        Ok(value.unwrap_or("0").trim().parse()?)
    }

    /// The memory that it holds now, in kB.
    pub(crate) fn resident_kilobytes(&self) -> Result<u64> {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.process.id()))?;
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
        let number = line.and_then(|line| line.split_whitespace().next());
        Ok(number.ok_or("no VmRSS in /proc")?.parse()?)
    }

    /// The files and connections that it has open now.
    pub(crate) fn open_files(&self) -> Result<usize> {
        Ok(std::fs::read_dir(format!("/proc/{}/fd", self.process.id()))?.count())
    }

    /// The processor time that it has used so far, in user space and in the kernel for it. Unlike a rate, it hardly
    /// depends on what else the machine does.
    pub(crate) fn processor_time(&self) -> Result<Duration> {
        /// Linux counts in hundredths of a second, whatever the machine.
        const TICK: Duration = Duration::from_millis(10);
        let stat = std::fs::read_to_string(format!("/proc/{}/stat", self.process.id()))?;
        // The name of the program, in brackets, may hold spaces.
        let (_, numbers) = stat.rsplit_once(')').ok_or("no name in /proc")?;
        let mut ticks = 0;
        for number in numbers.split_whitespace().skip(11).take(2) {
            ticks += number.parse::<u32>()?;
        }
        Ok(TICK * ticks)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // It was only for measuring; there is nothing to be saved, and nobody to tell.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// A binary of this workspace, beside this program.
pub(crate) fn binary(name: &str) -> Result<PathBuf> {
    let path = std::env::current_exe()?.with_file_name(name);
    if path.is_file() {
        Ok(path)
    } else {
        Err(format!(
            "`{}` is missing: build it first with the same profile",
            path.display()
        )
        .into())
    }
}
