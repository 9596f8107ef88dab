//! The lines of a log, out of a file or the standard input, with a progress bar where somebody sees it.

use std::{
    fs::File,
    io::{self, BufRead, BufReader, Read},
    path::{Path, PathBuf},
};

use indicatif::ProgressBar;

use crate::{failure::Failure, output};

/// The longest line, in bytes: longer than any event that a server takes.
const LONGEST: usize = 1 << 20;

/// How much is read before it is played: some lines for each thread, and little enough for the memory.
pub(super) const LINES_A_BATCH: usize = 1 << 14;
const BYTES_A_BATCH: u64 = 8 << 20;

pub(super) struct Log {
    path: PathBuf,
    reader: Box<dyn BufRead>,
    buffer: Vec<u8>,
    number: u64,
    bytes: u64,
    progress: Option<ProgressBar>,
}

/// Lines with their numbers, from 1.
#[derive(Default)]
pub(super) struct Batch {
    pub(super) lines: Vec<(u64, String)>,
    /// Those that are too long, or no text, and why.
    pub(super) unreadable: Vec<(u64, String)>,
}

impl Log {
    pub(super) fn open(path: &Path) -> Result<Log, Failure> {
        let unreadable = |error: io::Error| unreadable(path, &error);
        let (source, length): (Box<dyn Read>, Option<u64>) = if path == Path::new("-") {
            (Box::new(io::stdin()), None)
        } else {
            let file = File::open(path).map_err(unreadable)?;
            let about = file.metadata().map_err(unreadable)?;
            if about.is_dir() {
                return Err(unreadable(io::ErrorKind::IsADirectory.into()));
            }
            (Box::new(file), Some(about.len()).filter(|length| *length > 0))
        };
        Ok(Log {
            path: path.to_owned(),
            reader: Box::new(BufReader::with_capacity(1 << 18, source)),
            buffer: Vec::new(),
            number: 0,
            bytes: 0,
            progress: progress(length),
        })
    }

    /// The next lines; `None` at the end. Asking for them says that those before are done with, and moves the progress bar.
    pub(super) fn next_batch(&mut self) -> Result<Option<Batch>, Failure> {
        if let Some(bar) = &self.progress {
            bar.set_position(self.bytes);
        }
        let mut batch = Batch::default();
        let begin = self.bytes;
        while batch.lines.len() + batch.unreadable.len() < LINES_A_BATCH && self.bytes - begin < BYTES_A_BATCH
        {
            match self.next_line()? {
                None => break,
                Some(Ok(text)) => batch.lines.push((self.number, text)),
                Some(Err(why)) => batch.unreadable.push((self.number, why)),
            }
        }
        Ok(Some(batch).filter(|_| self.bytes > begin))
    }

    /// The next line; why it is none, where it is too long or no text.
    fn next_line(&mut self) -> Result<Option<Result<String, String>>, Failure> {
        self.buffer.clear();
        let most = LONGEST as u64 + 1;
        let read = (&mut self.reader).take(most).read_until(b'\n', &mut self.buffer);
        let read = read.map_err(|error| unreadable(&self.path, &error))?;
        if read == 0 {
            return Ok(None);
        }
        self.number += 1;
        self.bytes += read as u64;
        if read as u64 == most && self.buffer.last() != Some(&b'\n') {
            let skipped = self
                .reader
                .skip_until(b'\n')
                .map_err(|error| unreadable(&self.path, &error))?;
            self.bytes += skipped as u64;
            return Ok(Some(Err(format!("the line has more than {LONGEST} bytes"))));
        }
        let line = std::str::from_utf8(&self.buffer)
            .map(|text| text.trim_end_matches(['\n', '\r']).to_owned())
            .map_err(|error| format!("the line is no UTF-8: {error}"));
        Ok(Some(line))
    }
}

impl Drop for Log {
    /// Takes the progress bar away.
    fn drop(&mut self) {
        if let Some(bar) = &self.progress {
            bar.finish_and_clear();
        }
    }
}

fn unreadable(path: &Path, error: &io::Error) -> Failure {
    Failure::Unusable(format!("cannot read the log `{}`: {error}", path.display()))
}

fn progress(length: Option<u64>) -> Option<ProgressBar> {
    match length {
        Some(length) => {
            let bar = output::progress("{bar:40} {percent:>3} %  {bytes} of {total_bytes}  {eta} to go")?;
            bar.set_length(length);
            Some(bar)
        }
        None => output::progress("{spinner} {bytes} read  {elapsed}"),
    }
}
