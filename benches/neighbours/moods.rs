//! The time of requests while the services behave in every bad way, against their time while those are good.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
    time::Duration,
};

use mission_neighbours::{Moderation, Mood, StandIn};
use serde_json::json;

use crate::{
    Result, millis, percentile,
    server::Server,
    worker::{Answer, Client, Kind},
};

const SECRET: &str = "whsec_b25seSBmb3IgbWVhc3VyaW5nIGFuZCBub3RoaW5n";

/// Measures, and prints a line a mood.
pub(crate) async fn measure(time: Duration) -> Result<()> {
    let services = StandIn::start().await?;
    services.moderate(Moderation {
        secret: SECRET.to_owned(),
        ..Moderation::default()
    });
    let url: &std::ffi::OsStr = services.url.as_ref();
    let settings = [
        ("MISSION_IAM_URL", url),
        ("MISSION_SOCIAL_URL", url),
        ("MISSION_MODERATION_URL", url),
        ("MISSION_MODERATION_SECRET", SECRET.as_ref()),
    ];
    let server = Server::start_with(&std::env::temp_dir(), None, &settings)?;
    let mut client = Client::new(server.address)?;
    client.register().await?;
    let mission = json!({
        "code": "photo", "type": "upload", "frequency": "unlimited", "target": 1, "title": {"en": "Photo"},
        "description": {"en": "Photo"}, "reward": {"points": 1}, "evidence": {"type": "uploaded_content"},
    });
    let made = client.operate("missions", mission).await?;
    client.photo = made["id"].as_str().ok_or("a mission has no id")?.to_owned();
    client
        .operate(&format!("missions/{}/activate", client.photo), json!({}))
        .await?;
    let client = Arc::new(client);
    let moods = [
        ("slow by 30 s", Mood::Slow(Duration::from_secs(30))),
        ("500", Mood::Status(500)),
        ("cut", Mood::Cut),
        ("wrong JSON", Mood::WrongJson),
        ("5 MB", Mood::Huge(5_000_000, false)),
        ("redirect", Mood::Redirect),
    ];
    let part = time / u32::try_from(moods.len())?;
    println!("services      kind      requests   median       99 %    longest   statuses");
    // The caches and the connections of the first seconds are nobody's.
    run(&client, part).await?;
    let good = report("good", run(&client, part).await?);
    let before = server.resident_kilobytes()?;
    let mut worst: BTreeMap<Kind, f64> = BTreeMap::new();
    for (name, mood) in moods {
        services.mood(mood);
        let bad = report(name, run(&client, part).await?);
        for (kind, (median, _)) in bad {
            let ratio = median / good.get(&kind).map_or(median, |good| good.0);
            let known = worst.entry(kind).or_insert(ratio);
            *known = known.max(ratio);
        }
    }
    services.mood(Mood::Good);
    let after = server.resident_kilobytes()?;
    // Longer than any breaker stays open.
    tokio::time::sleep(Duration::from_secs(15)).await;
    report("good again", run(&client, part).await?);
    for kind in [Kind::Plain, Kind::Upload] {
        let ratio = worst.get(&kind).copied().unwrap_or_default();
        println!("{kind:?}: the worst median is {ratio:.2} of the one with good services");
    }
    println!("memory: {before} kB before, {after} kB after");
    let metrics = client.metrics().await?;
    for line in metrics
        .lines()
        .filter(|line| line.starts_with("mission_neighbour_requests_total"))
    {
        println!("{line}");
    }
    Ok(())
}

async fn run(client: &Arc<Client>, time: Duration) -> Result<Vec<Answer>> {
    let all = Kind::ALL.map(|kind| tokio::spawn(Arc::clone(client).run(kind, time)));
    let mut answers = Vec::new();
    for kind in all {
        answers.extend(kind.await??);
    }
    Ok(answers)
}

/// Prints each kind; gives its median and 99th percentile in milliseconds.
fn report(mood: &str, answers: Vec<Answer>) -> BTreeMap<Kind, (f64, f64)> {
    let mut times: BTreeMap<Kind, Vec<Duration>> = BTreeMap::new();
    let mut statuses: BTreeMap<Kind, BTreeSet<u16>> = BTreeMap::new();
    for answer in answers {
        times.entry(answer.kind).or_default().push(answer.took);
        statuses.entry(answer.kind).or_default().insert(answer.status);
    }
    let mut found = BTreeMap::new();
    for (kind, mut times) in times {
        let (median, slow) = (percentile(&mut times, 50), percentile(&mut times, 99));
        let longest = times.last().copied().unwrap_or_default();
        println!(
            "{mood:12}  {:8}  {:8}  {:7.2} ms  {:7.2} ms  {:7.0} ms  {:?}",
            format!("{kind:?}"),
            times.len(),
            millis(median),
            millis(slow),
            millis(longest),
            statuses.get(&kind).cloned().unwrap_or_default(),
        );
        found.insert(kind, (millis(median), millis(slow)));
    }
    found
}
