//! A disk of a database's own, which can fill up and break: ext4 in a file, mounted where that is allowed.

use std::{
    ffi::OsStr,
    fs::{File, OpenOptions},
    io::{ErrorKind, Write},
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    process::{Command, Stdio},
    time::{Duration, Instant},
};

use crate::Result;

/// Processes that were killed have closed their files within so long.
const PATIENCE: Duration = Duration::from_secs(10);

/// One that is mounted.
pub(crate) struct Volume {
    image: PathBuf,
    folder: PathBuf,
}

impl Volume {
    /// Makes one of so many bytes and mounts it at `FOLDER`, with its image beside as `FOLDER.img`.
    ///
    /// # Errors
    /// Where this user may not mount, or there are no loop devices.
    pub(crate) fn mount(folder: &Path, bytes: u64) -> Result<Self> {
        let volume = Volume {
            image: folder.with_extension("img"),
            folder: folder.to_owned(),
        };
        File::create(&volume.image)?.set_len(bytes)?;
        run("mkfs.ext4", &["-q", "-m", "0"], &[&volume.image])?;
        volume.attach()?;
        // PostgreSQL runs as another user.
        std::fs::set_permissions(folder, std::fs::Permissions::from_mode(0o777))?;
        Ok(volume)
    }

    fn attach(&self) -> Result<()> {
        let options = ["-o", "loop,errors=remount-ro"];
        run("mount", &options, &[&self.image, &self.folder])
    }

    /// Waits until all that was written so far would survive a failure.
    pub(crate) fn synchronize(&self) -> Result<()> {
        run("sync", &["--file-system"], &[&self.folder])
    }

    fn ballast(&self) -> PathBuf {
        self.folder.join("ballast")
    }

    /// Takes all the room that is free at this moment.
    pub(crate) fn fill(&self) -> Result<()> {
        let free = Command::new("stat")
            .args(["--file-system", "--format=%a %S"])
            .arg(&self.folder)
            .output()?;
        let free = String::from_utf8_lossy(&free.stdout).into_owned();
        let blocks = free.trim().split_once(' ').ok_or("stat tells of no blocks")?;
        let free = blocks.0.parse::<u64>()? * blocks.1.parse::<u64>()?;
        let ballast = self.ballast();
        let held = ballast.metadata().map_or(0, |ballast| ballast.len());
        // What others take at this moment cannot be had any more: not an error.
        let _ = Command::new("fallocate")
            .args(["--offset", &held.to_string()])
            .args(["--length", &(free / 100 * 99).to_string()])
            .arg(&ballast)
            .stderr(Stdio::null())
            .status()?;
        let mut rest = OpenOptions::new().create(true).append(true).open(&ballast)?;
        loop {
            match rest.write_all(&[0; 1024]) {
                Err(error) if error.kind() == ErrorKind::StorageFull => return Ok(()),
                written => written?,
            }
        }
    }

    /// Gives the room back.
    pub(crate) fn free(&self) -> Result<()> {
        Ok(std::fs::remove_file(self.ballast())?)
    }

    /// Has it refuse every write from now on, as a disk that has failed; what was not synchronized is lost.
    ///
    /// Whoever has files open on it stands still meanwhile: ext4 answers one in eight calls of `fsync` that are under way
    /// at that moment with success, and loses what they were about. No program can tell, and no disk fails like that.
    pub(crate) fn break_down(&self) -> Result<()> {
        let users = Stopped::users_of(&self.folder)?;
        run("mount", &["-o", "remount,abort"], &[&self.folder])?;
        drop(users);
        Ok(())
    }

    /// Mounts it anew, as the start of a machine does. Whoever had files open on it must have ended.
    pub(crate) fn repair(&self) -> Result<()> {
        let begun = Instant::now();
        while let Err(error) = run("umount", &[], &[&self.folder]) {
            if begun.elapsed() > PATIENCE {
                return Err(error);
            }
            std::thread::sleep(Duration::from_millis(50));
        }
        let checked = Command::new("e2fsck").arg("-p").arg(&self.image).output()?;
        // 1: something was corrected.
        if !matches!(checked.status.code(), Some(0 | 1)) {
            return Err(format!("e2fsck: {}", String::from_utf8_lossy(&checked.stdout)).into());
        }
        self.attach()
    }
}

/// Processes that stand still until this is dropped.
struct Stopped(Vec<String>);

impl Stopped {
    /// Stops all who have files open below a folder; none of them is within a system call then.
    fn users_of(folder: &Path) -> Result<Self> {
        let mut users = Vec::new();
        for process in std::fs::read_dir("/proc")?.flatten() {
            let name = process.file_name().to_string_lossy().into_owned();
            if name.bytes().all(|byte| byte.is_ascii_digit()) && has_open(&process.path(), folder) {
                users.push(name);
            }
        }
        let stopped = Stopped(users);
        stopped.signal("-STOP")?;
        let begun = Instant::now();
        while !stopped.0.iter().all(|process| stands_still(process)) {
            if begun.elapsed() > PATIENCE {
                return Err("who uses the disk could not be stopped".into());
            }
            std::thread::sleep(Duration::from_millis(1));
        }
        Ok(stopped)
    }

    fn signal(&self, signal: &str) -> Result<()> {
        if !self.0.is_empty() {
            // One of them may have ended meanwhile.
            let kill = Command::new("kill").arg(signal).args(&self.0).output();
            kill.map_err(|error| format!("kill: {error}"))?;
        }
        Ok(())
    }
}

impl Drop for Stopped {
    fn drop(&mut self) {
        // They are killed with all that this program started, if nothing else.
        let _ = self.signal("-CONT");
    }
}

fn has_open(process: &Path, folder: &Path) -> bool {
    let files = std::fs::read_dir(process.join("fd"));
    let mut files = files.into_iter().flatten().flatten();
    files.any(|file| std::fs::read_link(file.path()).is_ok_and(|place| place.starts_with(folder)))
}

/// Whether every thread of a process is stopped, or the process is gone.
fn stands_still(process: &str) -> bool {
    let threads = std::fs::read_dir(format!("/proc/{process}/task"));
    threads.into_iter().flatten().flatten().all(|thread| {
        let status = std::fs::read_to_string(thread.path().join("status")).unwrap_or_default();
        let state = status.lines().find_map(|line| line.strip_prefix("State:"));
        state.is_none_or(|state| matches!(state.trim_start().chars().next(), Some('T' | 'Z' | 'X')))
    })
}

impl Drop for Volume {
    fn drop(&mut self) {
        // Where it fails, the watchdog tries again.
        let _ = run("umount", &["--lazy"], &[&self.folder]);
    }
}

fn run(program: &str, options: &[&str], paths: &[&PathBuf]) -> Result<()> {
    let paths = paths.iter().map(|path| path.as_os_str());
    let output = Command::new(program)
        .args(options.iter().map(OsStr::new).chain(paths))
        .output()
        .map_err(|error| format!("{program}: {error}"))?;
    if output.status.success() {
        return Ok(());
    }
    Err(format!("{program}: {}", String::from_utf8_lossy(&output.stderr).trim()).into())
}
