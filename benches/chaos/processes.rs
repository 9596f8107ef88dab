//! Processes that are killed and started again, each in a process group of its own.

use std::{
    ffi::{OsStr, OsString},
    fs::OpenOptions,
    io::Write,
    os::unix::process::CommandExt,
    path::{Path, PathBuf},
    process::{Child, ChildStdin, Command, ExitStatus, Stdio},
    sync::{Arc, Mutex, PoisonError},
};

use crate::Result;

/// Kills what still runs when this program ends, however it ends, and unmounts and removes its folder then.
pub(crate) struct Watchdog(Mutex<ChildStdin>);

/// Reads `+ GROUP` and `- GROUP`, and at the end kills the groups that are left. What `sh` has built in knows no groups.
const WATCH: &str = r#"groups=
while read -r sign group; do
    if [ "$sign" = + ]; then groups="$groups $group"; continue; fi
    left=
    for one in $groups; do [ "$one" = "$group" ] || left="$left $one"; done
    groups=$left
done
for one in $groups; do env kill -KILL -- "-$one" 2>/dev/null; done
while read -r _ place _; do
    case $place in "$1"/*) umount --lazy "$place" ;; esac
done </proc/mounts
[ "$2" = keep ] || rm -rf "$1""#;

impl Watchdog {
    /// Watches from now on; the folder is removed at the end, unless it is kept.
    pub(crate) fn start(folder: &Path, keep: bool) -> Result<Arc<Self>> {
        let mut child = Command::new("sh")
            .args(["-c", WATCH, "sh"])
            .arg(folder)
            .args(keep.then_some("keep"))
            .stdin(Stdio::piped())
            .stderr(Stdio::null())
            .process_group(0)
            .spawn()?;
        let stdin = child.stdin.take().ok_or("the watchdog has no stdin")?;
        Ok(Arc::new(Watchdog(Mutex::new(stdin))))
    }

    fn note(&self, sign: char, group: u32) {
        let mut stdin = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        // Without a watchdog, what runs is still killed where it is dropped.
        let _ = writeln!(stdin, "{sign} {group}");
    }
}

/// How a process is told to end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Signal {
    /// At once, with nothing to be done about it.
    Kill,
    /// PostgreSQL: at once, with a recovery at the next start.
    Quit,
    /// In good order.
    Terminate,
}

/// So many lines of the log of one that has ended by itself are shown.
const LAST_LINES: usize = 20;

/// One that can be started again with the same command line.
pub(crate) struct Process {
    name: String,
    command: Vec<OsString>,
    variables: Vec<(&'static str, OsString)>,
    folder: PathBuf,
    watchdog: Arc<Watchdog>,
    child: Option<Child>,
}

impl Process {
    /// One that does not run yet; it logs to `NAME.log` in the folder.
    pub(crate) fn new(name: &str, command: Vec<OsString>, folder: &Path, watchdog: &Arc<Watchdog>) -> Self {
        Process {
            name: name.to_owned(),
            command,
            variables: Vec::new(),
            folder: folder.to_owned(),
            watchdog: Arc::clone(watchdog),
            child: None,
        }
    }

    /// Sets an environment variable.
    pub(crate) fn variable(mut self, name: &'static str, value: impl AsRef<OsStr>) -> Self {
        self.variables.push((name, value.as_ref().to_owned()));
        self
    }

    /// Starts it.
    pub(crate) fn start(&mut self) -> Result<()> {
        let log = OpenOptions::new().create(true).append(true).open(self.log())?;
        let (program, arguments) = self.command.split_first().ok_or("there is no command")?;
        let mut command = Command::new(program);
        for (name, _) in std::env::vars_os() {
            // Settings of whoever runs this are not meant for it.
            if name.to_string_lossy().starts_with("MISSION_") {
                command.env_remove(name);
            }
        }
        let child = command
            .args(arguments)
            .envs(self.variables.iter().map(|(name, value)| (name, value)))
            .current_dir(&self.folder)
            .stdin(Stdio::null())
            .stdout(log.try_clone()?)
            .stderr(log)
            .process_group(0)
            .spawn()
            .map_err(|error| format!("{} cannot be started: {error}", self.name))?;
        self.watchdog.note('+', child.id());
        self.child = Some(child);
        Ok(())
    }

    /// That it has ended by itself, as an error.
    pub(crate) fn unexpected(&self, status: ExitStatus) -> String {
        format!(
            "{} had ended by itself: {status}\n{}",
            self.name,
            self.last_lines()
        )
    }

    fn log(&self) -> PathBuf {
        self.folder.join(format!("{}.log", self.name))
    }

    /// The end of its log.
    fn last_lines(&self) -> String {
        let log = std::fs::read_to_string(self.log()).unwrap_or_default();
        let lines: Vec<&str> = log.lines().collect();
        lines[lines.len().saturating_sub(LAST_LINES)..].join("\n")
    }

    /// Ends it, where it has not ended yet, and waits until it has.
    pub(crate) fn stop(&mut self, signal: Signal) -> Result<()> {
        let Some(mut child) = self.child.take() else {
            return Ok(());
        };
        let id = child.id();
        if child.try_wait()?.is_some() {
            self.watchdog.note('-', id);
            return Ok(());
        }
        let (name, whom) = match signal {
            Signal::Kill => ("-KILL", format!("-{id}")),
            Signal::Quit => ("-QUIT", id.to_string()),
            Signal::Terminate => ("-TERM", id.to_string()),
        };
        Command::new("kill").args([name, "--", &whom]).status()?;
        child.wait()?;
        self.watchdog.note('-', id);
        Ok(())
    }

    /// Has it stand still for as long as this is not undone.
    pub(crate) fn stall(&mut self, still: bool) -> Result<()> {
        if let Some(child) = &self.child {
            let (signal, group) = (if still { "-STOP" } else { "-CONT" }, format!("-{}", child.id()));
            // It may have ended meanwhile.
            Command::new("kill")
                .args([signal, "--", &group])
                .stderr(Stdio::null())
                .status()?;
        }
        Ok(())
    }

    /// How it ended, where it did so by itself.
    pub(crate) fn ended(&mut self) -> Result<Option<ExitStatus>> {
        Ok(match &mut self.child {
            Some(child) => child.try_wait()?,
            None => None,
        })
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // Nobody is left to tell of a failure; the watchdog tries again.
        let _ = self.stop(Signal::Kill);
    }
}
