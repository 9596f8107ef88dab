//! Mixed requests for a long time: whether memory and open files grow, and whether answers take longer.

use std::time::{Duration, Instant};

use crate::{
    Options, Result,
    backend::Backend,
    client::{Calls, Kind},
    open_loop::{Outcome, Phase, offer},
    report::Report,
};

/// Users who read again and again.
const ACTIVE: u32 = 1_000;
/// What is asked for, in turns; one request of events holds a hundred.
const KINDS: [Kind; 10] = [
    Kind::CheckIn,
    Kind::Me,
    Kind::CheckIn,
    Kind::Missions,
    Kind::CheckIn,
    Kind::Rewards,
    Kind::CheckIn,
    Kind::Leaderboard,
    Kind::Me,
    Kind::Events,
];
/// Requests a second: what two cores do besides making them.
const RATE: f64 = 500.0;
/// How many times is looked in all.
const LOOKS: u32 = 20;

pub(crate) fn measure(backend: Backend<'_>, options: &Options, report: &mut Report) -> Result<()> {
    let product = backend.product(options, &[])?;
    let server = &product.server;
    let mut calls = Calls::new(ACTIVE);
    calls.check_ins(server, ACTIVE, 32)?;
    let title = format!("{}, {RATE} mixed requests a second", backend.name());
    println!("\n{title}, {:.0?} in all", options.time);
    let interval = Phase {
        rate: RATE,
        time: options.time / LOOKS,
    };
    let begun = Instant::now();
    let mut looks = Vec::new();
    for _ in 0..LOOKS {
        let offer = offer(server, &mut calls, &KINDS, &[interval])?;
        let Some(offered) = offer.phases.first() else {
            return Ok(());
        };
        // Connections that were just closed are gone then.
        std::thread::sleep(Duration::from_millis(100));
        let look = Look {
            minutes: begun.elapsed().as_secs_f64() / 60.0,
            kilobytes: server.resident_kilobytes()? as f64,
            files: server.open_files()? as f64,
            p99: offered.percentile(99),
        };
        println!(
            "  {:>6.1} min   {:>6.0}/s served, {:>4.0}/s shed, {:>4.0}/s failed   p50 {:>8.2?}   p99 {:>8.2?}   \
             resident {:>6.1} MB   {:>4} files open   {:>7.1} MB stored",
            look.minutes,
            offered.rate(Outcome::Served),
            offered.rate(Outcome::Shed),
            offered.rate(Outcome::Failed),
            offered.percentile(50),
            look.p99,
            look.kilobytes / 1024.0,
            look.files,
            product.database.bytes()? as f64 / f64::from(1 << 20),
        );
        looks.push(look);
    }
    let (first, second) = looks.split_at(looks.len() / 2);
    let growth = |of: fn(&Look) -> f64| {
        let points: Vec<(f64, f64)> = second.iter().map(|look| (look.minutes, of(look))).collect();
        slope(&points)
    };
    report.count(
        &title,
        "kB of memory gained a minute, second half",
        growth(|look| look.kilobytes),
    );
    report.count(
        &title,
        "open files gained a minute, second half",
        growth(|look| look.files),
    );
    let slowest = |looks: &[Look]| looks.iter().map(|look| look.p99).max().unwrap_or_default();
    let ratio = slowest(second).as_secs_f64() / slowest(first).as_secs_f64();
    report.ratio(&title, "slowest p99 of the second half", "of the first", ratio);
    Ok(())
}

/// The server at one moment.
struct Look {
    /// Since the begin.
    minutes: f64,
    kilobytes: f64,
    files: f64,
    /// Of the answers since the last look.
    p99: Duration,
}

/// The slope of a line through points by least squares: what is gained in `y` for one of `x`.
fn slope(points: &[(f64, f64)]) -> f64 {
    let count = points.len() as f64;
    let mean = |of: fn(&(f64, f64)) -> f64| points.iter().map(of).sum::<f64>() / count;
    let (x, y) = (mean(|point| point.0), mean(|point| point.1));
    let both: f64 = points.iter().map(|point| (point.0 - x) * (point.1 - y)).sum();
    let own: f64 = points.iter().map(|point| (point.0 - x).powi(2)).sum();
    both / own
}
