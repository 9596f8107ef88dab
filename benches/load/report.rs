//! Medians over rounds, and their ratios.

use std::time::Duration;

use crate::client::Run;

/// The runs of one kind, one a round.
pub(crate) struct Series {
    name: &'static str,
    rates: Vec<f64>,
    slow: Vec<Duration>,
    work: Vec<Duration>,
}

impl Series {
    pub(crate) fn new(name: &'static str) -> Self {
        Series {
            name,
            rates: Vec::new(),
            slow: Vec::new(),
            work: Vec::new(),
        }
    }

    pub(crate) fn add(&mut self, run: Run) {
        self.rates.push(run.rate);
        self.slow.push(run.slow);
        self.work.push(run.work);
    }

    pub(crate) fn rate(&self) -> f64 {
        median(self.rates.clone(), f64::total_cmp).unwrap_or(f64::NAN)
    }

    /// Prints the medians in one line.
    pub(crate) fn print(&self) {
        let slow = median(self.slow.clone(), Duration::cmp).unwrap_or_default();
        let work = median(self.work.clone(), Duration::cmp).unwrap_or_default();
        println!(
            "  {:<32} {:>9.0}/s   p99 {slow:>8.2?}   {work:>8.1?} of the server's processor time each",
            self.name,
            self.rate()
        );
    }
}

/// The middle value; the lower one of two.
pub(crate) fn median<T: Copy>(mut values: Vec<T>, by: impl FnMut(&T, &T) -> std::cmp::Ordering) -> Option<T> {
    values.sort_by(by);
    values.get(values.len().saturating_sub(1) / 2).copied()
}

/// Prints the medians, and each against the first.
pub(crate) fn print(connections: usize, rounds: usize, series: &[Series; 3]) {
    println!(
        "\nSQLite, synchronous=FULL, {connections} connection(s); medians of {rounds} interleaved rounds"
    );
    for one in series {
        one.print();
    }
    let [grouped, single, ping] = series;
    println!(
        "  group commit / one a transaction: {:.2}x",
        grouped.rate() / single.rate()
    );
    println!(
        "  group commit / ping:              {:.3}",
        grouped.rate() / ping.rate()
    );
}
