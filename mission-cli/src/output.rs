//! Words on a terminal or into a pipe. Colours are stripped where nobody sees them (`NO_COLOR`, a pipe, a file).

use std::io::{self, IsTerminal as _, Write};

use anstyle::{AnsiColor, Style};
use indicatif::{ProgressBar, ProgressStyle};

pub(crate) const BAD: Style = AnsiColor::Red.on_default().bold();
pub(crate) const GOOD: Style = AnsiColor::Green.on_default().bold();
pub(crate) const WARN: Style = AnsiColor::Yellow.on_default().bold();
pub(crate) const FAINT: Style = Style::new().dimmed();

/// Writes a text as it is to the standard output.
pub(crate) fn print(text: &str) -> io::Result<()> {
    let mut out = anstream::stdout().lock();
    out.write_all(text.as_bytes())?;
    out.flush()
}

/// Writes a text and ends the line.
pub(crate) fn line(text: &str) -> io::Result<()> {
    print(&format!("{text}\n"))
}

/// Tells of an error on the standard error. If nobody reads that either, there is nobody to tell.
pub(crate) fn error(message: &str) {
    drop(writeln!(anstream::stderr(), "{BAD}error{BAD:#}: {message}"));
}

/// Tells of something that is worth knowing, on the standard error.
pub(crate) fn note(message: &str) {
    drop(writeln!(anstream::stderr(), "{WARN}note{WARN:#}: {message}"));
}

/// Writes a text as it is to the standard error.
pub(crate) fn tell(text: &str) {
    drop(anstream::stderr().write_all(text.as_bytes()));
}

/// What shows on a terminal how far something has come; its length is unknown until it is set.
pub(crate) fn progress(template: &str) -> Option<ProgressBar> {
    if !io::stderr().is_terminal() {
        return None;
    }
    let style = ProgressStyle::with_template(template).ok()?;
    Some(ProgressBar::new_spinner().with_style(style))
}

/// `1 case`, `2 cases`.
pub(crate) fn count(number: impl TryInto<u64>, thing: &str) -> String {
    let number = number.try_into().unwrap_or(u64::MAX);
    let plural = if number == 1 { "" } else { "s" };
    format!("{number} {thing}{plural}")
}
