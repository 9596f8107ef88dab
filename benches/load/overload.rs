//! More than a server can do: what it still does, how long that takes, what memory it holds, and how soon it is over. Beside
//! a server without limits.

use crate::{
    Options, Result,
    backend::Backend,
    client::{Calls, Kind},
    open_loop::{Outcome, Phase, offer},
    report::Report,
    server::Server,
};

/// The part of the capacity that all others are held to.
const USUAL: f64 = 0.8;
/// Parts of the capacity that are offered.
const LOADS: [f64; 3] = [1.0, 2.0, 4.0];
/// Connections with which the capacity is measured.
const CONNECTIONS: usize = 128;
/// How much longer one load is offered than a rate is measured.
const LONGER: f64 = 4.0;

pub(crate) fn measure(backend: Backend<'_>, options: &Options, report: &mut Report) -> Result<()> {
    let product = backend.product(options, &[])?;
    let unlimited = backend.product(options, &[("MISSION_HTTP_MAX_REQUESTS", "1000000")])?;
    let capacity = Calls::new(0).run(&[&product.server], Kind::CheckIn, CONNECTIONS, options.time)?;
    let mut calls = Calls::new(1_000_000_000);
    // The first of all was a warm-up.
    let capacity = calls
        .run(&[&product.server], Kind::CheckIn, CONNECTIONS, options.time)?
        .rate
        .max(capacity.rate);
    for (name, server) in [("", &product.server), (", without limits", &unlimited.server)] {
        let title = format!("{}, overload by check-ins{name}", backend.name());
        offer_all(&title, server, capacity, &mut calls, options, report)?;
    }
    Ok(())
}

fn offer_all(
    title: &str,
    server: &Server,
    capacity: f64,
    calls: &mut Calls,
    options: &Options,
    report: &mut Report,
) -> Result<()> {
    println!("\n{title}");
    report.rate(title, "capacity", capacity);
    let before = server.resident_kilobytes()?;
    let phase_at = |load: f64| Phase {
        rate: capacity * load,
        time: options.time.mul_f64(LONGER),
    };
    let usual = offer(server, calls, &[Kind::CheckIn], &[phase_at(USUAL)])?;
    let mut peak = usual.peak_kilobytes;
    let Some(usual) = usual.phases.first() else {
        return Ok(());
    };
    report.offered(title, USUAL, usual);
    for load in LOADS {
        // The usual load comes right behind the heavy one.
        let offer = offer(
            server,
            calls,
            &[Kind::CheckIn],
            &[phase_at(load), phase_at(USUAL)],
        )?;
        peak = peak.max(offer.peak_kilobytes);
        let [offered, after] = &offer.phases[..] else {
            return Ok(());
        };
        report.offered(title, load, offered);
        for percent in [50, 99] {
            let ratio = offered.percentile(percent).as_secs_f64() / usual.percentile(percent).as_secs_f64();
            let of = format!("p{percent} at {load} of the capacity");
            report.ratio(title, &of, &format!("at {USUAL}"), ratio);
        }
        let served = offered.rate(Outcome::Served) / capacity;
        report.ratio(
            title,
            &format!("served at {load} of the capacity"),
            "capacity",
            served,
        );
        match after.recovery(2 * usual.percentile(99)) {
            Some(time) => report.time(title, "until it serves the usual load as usual", time),
            None => println!(
                "  it did not come back within {:.1?}",
                options.time.mul_f64(LONGER)
            ),
        }
    }
    let resident = [
        ("before", before),
        ("at most", peak),
        ("after", server.resident_kilobytes()?),
    ];
    for (name, kilobytes) in resident {
        report.bytes(
            title,
            &format!("resident {name}"),
            Some(kilobytes as f64 * 1024.0),
        );
    }
    Ok(())
}
