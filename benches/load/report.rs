//! Medians over rounds, their ratios, and the file of both.

use std::{path::Path, time::Duration};

use serde_json::{Value, json};

use crate::{
    Result,
    client::Run,
    open_loop::{Offered, Outcome},
};

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
}

/// The middle value; the lower one of two.
pub(crate) fn median<T: Copy>(mut values: Vec<T>, by: impl FnMut(&T, &T) -> std::cmp::Ordering) -> Option<T> {
    values.sort_by(by);
    values.get(values.len().saturating_sub(1) / 2).copied()
}

/// All that was measured, printed as it comes and written as JSON at the end.
#[derive(Default)]
pub(crate) struct Report {
    measured: Vec<Value>,
    ratios: Vec<Value>,
}

impl Report {
    /// Prints the medians of series that were measured in turns, each in one line, and the ratio of the first to each
    /// other.
    pub(crate) fn add(&mut self, title: &str, series: &[Series]) {
        println!("\n{title}");
        for one in series {
            let slow = median(one.slow.clone(), Duration::cmp).unwrap_or_default();
            let work = median(one.work.clone(), Duration::cmp).unwrap_or_default();
            println!(
                "  {:<36} {:>9.0}/s   p99 {slow:>8.2?}   {work:>8.1?} of the server's processor time each",
                one.name,
                one.rate()
            );
            self.measured.push(json!({
                "title": title, "name": one.name, "per_second": one.rate().round(),
                "p99_ms": slow.as_secs_f64() * 1e3, "processor_us": work.as_secs_f64() * 1e6,
            }));
        }
        if let Some((first, others)) = series.split_first() {
            for other in others {
                self.ratio(title, first.name, other.name, first.rate() / other.rate());
            }
        }
    }

    /// Prints what became of requests that were offered at a part of the capacity.
    pub(crate) fn offered(&mut self, title: &str, load: f64, offered: &Offered) {
        let [served, shed, failed] =
            [Outcome::Served, Outcome::Shed, Outcome::Failed].map(|outcome| offered.rate(outcome));
        let [half, slow] = [50, 99].map(|percent| offered.percentile(percent));
        println!(
            "  {load:.1} of the capacity offered: {served:>7.0}/s served, {shed:>7.0}/s shed, {failed:>6.0}/s failed   \
             p50 {half:>8.2?}   p99 {slow:>8.2?}"
        );
        self.measured.push(json!({
            "title": title, "name": format!("{load} of the capacity offered"), "per_second": served.round(),
            "shed_per_second": shed.round(), "failed_per_second": failed.round(),
            "p50_ms": half.as_secs_f64() * 1e3, "p99_ms": slow.as_secs_f64() * 1e3,
        }));
    }

    /// Prints a rate that is not one of requests.
    pub(crate) fn rate(&mut self, title: &str, name: &str, rate: f64) {
        println!("  {name}: {rate:.0}/s");
        self.measured
            .push(json!({"title": title, "name": name, "per_second": rate.round()}));
    }

    /// Prints a number of things.
    pub(crate) fn count(&mut self, title: &str, name: &str, count: f64) {
        println!("  {name}: {count:.0}");
        self.measured
            .push(json!({"title": title, "name": name, "count": count}));
    }

    /// Prints how long one thing takes.
    pub(crate) fn time(&mut self, title: &str, name: &str, time: Duration) {
        println!("  {name}: {time:.2?}");
        self.measured
            .push(json!({"title": title, "name": name, "ms": time.as_secs_f64() * 1e3}));
    }

    /// Prints bytes, where they were counted.
    pub(crate) fn bytes(&mut self, title: &str, name: &str, bytes: Option<f64>) {
        let Some(bytes) = bytes else { return };
        println!("  {name}: {bytes:.0} bytes");
        self.measured
            .push(json!({"title": title, "name": name, "bytes": bytes.round()}));
    }

    /// Prints one ratio.
    pub(crate) fn ratio(&mut self, title: &str, of: &str, to: &str, ratio: f64) {
        println!("  {of} / {to}: {ratio:.2}");
        let ratio = (ratio * 1000.0).round() / 1000.0;
        self.ratios
            .push(json!({"title": title, "of": of, "to": to, "ratio": ratio}));
    }

    /// The rates of requests but for those that do nothing, with their names, of the titles that are wanted; the last first.
    pub(crate) fn rates(&self, wanted: impl Fn(&str) -> bool) -> impl Iterator<Item = (String, f64)> {
        self.measured.iter().rev().filter_map(move |one| {
            let (title, name) = (one["title"].as_str()?, one["name"].as_str()?);
            let rate = one["per_second"].as_f64()?;
            (wanted(title) && !name.starts_with("ping")).then(|| (format!("{title}: {name}"), rate))
        })
    }

    pub(crate) fn write(&self, path: &Path) -> Result<()> {
        let all = json!({"measured": self.measured, "ratios": self.ratios});
        Ok(std::fs::write(path, format!("{all:#}\n"))?)
    }
}
