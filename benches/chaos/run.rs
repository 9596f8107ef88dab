//! One run: everything is started, used and broken, waited for, and looked at.

use std::{
    path::Path,
    sync::{Arc, atomic::Ordering},
    time::Duration,
};

use fastrand::Rng;
use tokio::{task::JoinSet, time::Instant};

use crate::{
    Result,
    client::Client,
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
    let services = Arc::new(Services::start(folder, watchdog).await?);
    let instances = Instances::start(options.instances, folder, &services, watchdog).await?;
    let instances = Arc::new(instances);
    facts::keep_journal(&services.database_url()).await?;
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
        tally: Arc::clone(&tally),
        begun,
        time: options.time(),
    };
    busy.spawn(faults.clone().kill_servers(random.fork()));
    busy.spawn(faults.clone().stall_servers(random.fork()));
    busy.spawn(faults.clone().kill_wallet(random.fork()));
    busy.spawn(faults.clone().restart_postgres(random.fork()));
    busy.spawn(faults.clone().restart_redis(random.fork()));
    busy.spawn(faults.clone().restart_rabbitmq(random.fork()));
    busy.spawn(faults.cut(random.fork()));
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
    Ok(checks.iter().all(crate::checks::Check::holds))
}

fn figures(load_state: &LoadState, client: &Client, tally: &Tally, took: Duration) {
    let load_state = load_state.now();
    let carried_out = load_state.done.iter().filter(|done| done.is_ok()).count();
    #[expect(clippy::cast_precision_loss, reason = "a rate is rounded anyway")]
    let rate = load_state.done.len() as f64 / took.as_secs_f64();
    println!(
        "{} commands ({carried_out} carried out), {rate:.0} a second; {} messages published, {} users erased",
        load_state.done.len(),
        load_state.published,
        load_state.erased.len()
    );
    let count = |number: &std::sync::atomic::AtomicU64| number.load(Ordering::Relaxed);
    println!(
        "{} servers and {} wallets killed, {} times one stood still, {} services restarted, {} connections cut or frozen; {} tries without an \
         answer, the longest wait for one {:.1} s",
        count(&tally.servers),
        count(&tally.wallets),
        count(&tally.stalls),
        count(&tally.services),
        count(&tally.cuts),
        count(&client.unanswered),
        Duration::from_millis(count(&client.longest)).as_secs_f64()
    );
}
