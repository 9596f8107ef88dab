//! The missions that the load is about.

use std::{collections::BTreeMap, time::Duration};

use fastrand::Rng;
use reqwest::Method;
use serde_json::{Value, json};

use crate::{
    Result,
    client::{Call, Client, Done},
    load::text,
    load_state::{Kind, LoadState, STEP},
};

/// Makes and activates the missions that the load is about.
pub(crate) async fn prepare(client: &Client, load_state: &LoadState, random: &mut Rng) -> Result<()> {
    let shapes = [
        (Some(Kind::Plain), json!({"reward": {"points": "5"}})),
        (
            Some(Kind::Proof),
            json!({"reward": {"points": "2.5"}, "type": "social", "evidence": {"type": "social_proof"}}),
        ),
        (
            Some(Kind::Scarce),
            json!({"reward": {"points": "7"}, "budget": {"max_grants": BUDGET, "max_points": 1_000_000}}),
        ),
        (
            None,
            json!({"frequency": "one_time", "target": 1_000_000, "auto_start": true, "trigger": {"event": STEP}}),
        ),
    ];
    for (number, (kind, shape)) in shapes.into_iter().enumerate() {
        let mission = author(client, random, &format!("chaos-{number}"), shape).await?;
        match kind {
            Some(kind) => drop(load_state.now().missions.insert(kind, mission)),
            None => load_state.now().counting = mission,
        }
    }
    Ok(())
}

/// A server knows of what another one has done within so long.
pub(crate) const KNOWN_EVERYWHERE: Duration = Duration::from_millis(1500);

/// How many grants the mission with a budget has.
pub(crate) const BUDGET: i64 = 40;

async fn author(client: &Client, random: &mut Rng, code: &str, shape: Value) -> Result<String> {
    let made = client.ask(
        random,
        Call::operate(Method::POST, "missions", Some(definition(code, shape))),
    );
    let made = expect(made.await?)?;
    let mission = text(&made.body, "id").ok_or("a mission has no id")?;
    tokio::time::sleep(KNOWN_EVERYWHERE).await;
    let path = format!("missions/{mission}/activate");
    expect(
        client
            .ask(random, Call::operate(Method::POST, path, None))
            .await?,
    )?;
    Ok(mission)
}

fn expect(done: Done) -> Result<Done> {
    if done.is_ok() {
        return Ok(done);
    }
    Err(format!("{}: {} {}", done.call.path, done.status, done.body).into())
}

/// A mission's definition with sensible values; the shape overrides them.
pub(crate) fn definition(code: &str, shape: Value) -> Value {
    let mut definition = json!({
        "code": code, "type": "custom", "frequency": "unlimited", "target": 1, "title": {"en": "Chaos"},
        "description": {"en": "Chaos"}, "reward": {"points": "1"},
    });
    if let (Some(definition), Value::Object(shape)) = (definition.as_object_mut(), shape) {
        definition.extend(shape);
    }
    definition
}

/// One of a few packs, with other missions and another rule each time.
pub(crate) fn pack(random: &mut Rng) -> (String, BTreeMap<String, String>) {
    let name = format!("pack-{}", random.u8(..3));
    let mut files = BTreeMap::from([
        (
            "pack.toml".to_owned(),
            format!("name = \"{name}\"\nversion = \"1.0.0\"\n"),
        ),
        (
            "rules/extra.rhai".to_owned(),
            format!(
                "fn reward(ctx) {{ #{{ bonus_points: ctx.mission.reward.points * {} }} }}\n",
                random.u8(1..9)
            ),
        ),
    ]);
    for number in 0..random.u8(1..4) {
        let code = format!("{name}-{number}");
        let mission = format!(
            "code = \"{code}\"\ntype = \"custom\"\nfrequency = \"unlimited\"\ntarget = 3\ntitle = {{ en = \"Chaos\" }}\n\
             description = {{ en = \"Chaos\" }}\nreward = {{ points = \"1\" }}\n\
             trigger = {{ event = \"chaos.watch\" }}\nrules_script = \"rules/extra.rhai\"\n"
        );
        files.insert(format!("missions/{code}.toml"), mission);
    }
    (name, files)
}
