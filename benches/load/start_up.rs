//! How long a server takes until it listens, and what memory it holds then.

use std::{path::Path, time::Duration};

use crate::{Result, report::median, server::Server};

/// Starts servers one after the other, each on a fresh database with its migrations to run.
pub(crate) fn measure(folder: &Path, rounds: usize) -> Result<()> {
    let (mut times, mut sizes) = (Vec::new(), Vec::new());
    for _ in 0..rounds.max(1) {
        let server = Server::start_with(folder, None, &[])?;
        // Long enough for the migrations and the first load of the missions.
        std::thread::sleep(Duration::from_millis(500));
        times.push(server.started_in);
        sizes.push(server.resident_kilobytes()?);
    }
    let time = median(times, Duration::cmp).unwrap_or_default();
    let size = median(sizes, u64::cmp).unwrap_or_default();
    println!(
        "start-up until it listens: {time:.1?}; resident after start: {:.1} MB; medians of {rounds}",
        megabytes(size)
    );
    Ok(())
}

fn megabytes(kilobytes: u64) -> f64 {
    f64::from(u32::try_from(kilobytes).unwrap_or(u32::MAX)) / 1024.0
}
