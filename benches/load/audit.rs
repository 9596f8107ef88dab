//! How fast `mission audit` recounts a database that a server has filled: users who check in once a day.

use std::{process::Command, time::Instant};

use crate::{
    Options, Result,
    backend::Backend,
    client::Calls,
    report::Report,
    returning::{self, Use},
    server::binary,
};

/// Days on which each user checks in.
const DAYS: u32 = 4;
const CONNECTIONS: usize = 128;

/// Has a server grant about as many rewards as `--users` says, and recounts them.
pub(crate) fn measure(backend: Backend<'_>, options: &Options, report: &mut Report) -> Result<()> {
    let product = backend.product(options, &[("MISSION_TEST_CLOCK", "true")])?;
    let users = options.users / DAYS;
    for day in 0..DAYS {
        returning::set_clock(&product.server, day)?;
        Calls::new(users).check_ins(&product.server, users, CONNECTIONS)?;
    }
    // Until the wallet has booked all.
    Use::of(&product.database)?;
    let begun = Instant::now();
    let audit = Command::new(binary("mission")?)
        .args(["audit", "--format", "json", "--database"])
        .arg(product.database.url())
        .output()?;
    let time = begun.elapsed();
    if !audit.status.success() {
        return Err(format!("mission audit: {}", String::from_utf8_lossy(&audit.stderr)).into());
    }
    let audited: serde_json::Value = serde_json::from_slice(&audit.stdout)?;
    let of = |count: &str| audited["report"][count].as_f64().unwrap_or(f64::NAN);
    let title = format!("{}, audit of {} grants", backend.name(), of("grants"));
    println!("\n{title}");
    report.time(&title, "whole", time);
    report.count(&title, "rewards decided again", of("recounted"));
    report.rate(&title, "grants", of("grants") / time.as_secs_f64());
    Ok(())
}
