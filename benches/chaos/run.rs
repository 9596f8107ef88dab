//! One run: everything is started, used and broken, waited for, and looked at.

use std::{
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use fastrand::Rng;
use tokio::{task::JoinSet, time::Instant};

use crate::{
    Result,
    client::{Client, Outcomes},
    facts,
    faults::{Faults, Tally},
    final_checks::FinalChecks,
    inbound::Publisher,
    instances::Instances,
    load::Worker,
    load_state::LoadState,
    missions::{self, KNOWN_EVERYWHERE},
    options::Options,
    processes::Watchdog,
    recorder::Recorder,
    services::Services,
};

/// How many ask at the same time.
const WORKERS: usize = 12;
/// How many publish at the same time.
const PUBLISHERS: usize = 2;

/// Runs once; whether everything holds.
pub(crate) async fn run(options: &Options, folder: &Path, watchdog: &Arc<Watchdog>) -> Result<bool> {
    let begun = Instant::now();
    let mut random = Rng::with_seed(options.seed);
    let services = Arc::new(Services::start(options.database, folder, watchdog).await?);
    let left_out = services.database.without_volumes.as_deref();
    tell_left_out(left_out);
    let instances = Instances::start(options.instances, folder, &services, watchdog).await?;
    let instances = Arc::new(instances);
    facts::keep_journal(&services.database).await?;
    let recorder = Recorder::start(services.amqp_url()).await?;
    let addresses = instances.servers.iter().map(|server| server.address).collect();
    let client = Arc::new(Client::new(addresses)?);
    let load_state = Arc::new(LoadState::new(&mut random, options.users));
    missions::prepare(&client, &load_state, &mut random).await?;
    tokio::time::sleep(KNOWN_EVERYWHERE).await;
    println!("started in {:.1?}", begun.elapsed());

    let begun = Instant::now();
    let until = begun + options.time();
    let mut busy = JoinSet::new();
    for _ in 0..WORKERS {
        let (client, load_state) = (Arc::clone(&client), Arc::clone(&load_state));
        let random = random.fork();
        busy.spawn(
            Worker {
                client,
                load_state,
                random,
            }
            .run(until),
        );
    }
    for _ in 0..PUBLISHERS {
        let publisher = Publisher {
            url: services.amqp_url(),
            load_state: Arc::clone(&load_state),
            random: random.fork(),
            rest: Duration::from_millis(20),
        };
        busy.spawn(publisher.run(until));
    }
    let tally = Arc::new(Tally::default());
    let faults = Faults {
        services: Arc::clone(&services),
        instances: Arc::clone(&instances),
        client: Arc::clone(&client),
        tally: Arc::clone(&tally),
        disk_fails: Arc::default(),
        begun,
        time: options.time(),
    };
    busy.spawn(faults.clone().kill_servers(options.kills, random.fork()));
    busy.spawn(faults.clone().stall_servers(random.fork()));
    busy.spawn(faults.clone().kill_wallet(random.fork()));
    busy.spawn(faults.clone().break_database(random.fork()));
    busy.spawn(faults.clone().cut_database(random.fork()));
    busy.spawn(faults.clone().restart_redis(random.fork()));
    busy.spawn(faults.clone().break_broker(random.fork()));
    busy.spawn(faults.clone().cut_broker(random.fork()));
    busy.spawn(faults.supervise());
    while let Some(done) = busy.join_next().await {
        done??;
    }
    let took = begun.elapsed();
    instances.are_ready().await?;
    figures(&load_state, &client, &tally, took);

    let quiet = FinalChecks {
        services: &services,
        instances: &instances,
        load_state: &load_state,
        recorder: &recorder,
        client: &client,
    };
    let checks = quiet.look(&mut random).await?;
    for check in &checks {
        check.print();
    }
    tell_left_out(left_out);
    Ok(checks.iter().all(crate::checks::Check::holds))
}

/// What cannot be done here is not passed over in silence.
fn tell_left_out(without_volumes: Option<&str>) {
    if let Some(why) = without_volumes {
        println!("*** LEFT OUT: disks that fill up and fail, because none can be mounted: {why}");
    }
}

fn figures(load_state: &LoadState, client: &Client, tally: &Tally, took: Duration) {
    let load_state = load_state.now();
    let carried_out = load_state.done.iter().filter(|done| done.is_ok()).count();
    #[expect(clippy::cast_precision_loss, reason = "a rate is rounded anyway")]
    let rate = load_state.done.len() as f64 / took.as_secs_f64();
    println!(
        "{} commands answered ({carried_out} carried out), {rate:.0} a second; {} messages published, {} users erased",
        load_state.done.len(),
        load_state.published,
        load_state.erased.len()
    );
    let count = |number: &AtomicU64| number.load(Ordering::Relaxed);
    let Outcomes {
        retried,
        answer_lost,
        unanswered,
        unavailable,
        longest,
        ..
    } = &client.outcomes;
    println!(
        "{} requests tried again, {} of them carried out before although the answer was lost; {} tries without an answer, {} of \
         them told to come again; the longest wait for an answer {:.1} s",
        count(retried),
        count(answer_lost),
        count(unanswered),
        count(unavailable),
        Duration::from_millis(count(longest)).as_secs_f64()
    );
    print!("{tally}");
}
