//! A pack with scripts in an engine of one's own: the missions that authors write and test with the `mission` command.
//!
//! ```text
//! cargo run --example embed_pack
//! ```

#![expect(clippy::print_stdout, reason = "an example shows what it does")]

use std::{error::Error, path::Path, sync::Arc};

use mission_core::{
    UserId,
    engine::{ApplyEvent, ClaimTask, EngineBuilder, Signals},
    event::ActivityEvent,
    memory::MemoryStore,
};
use mission_rules::{
    Scripts,
    pack::{PackFiles, put_command, report},
};
use serde_json::json;

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let scripts = Arc::new(Scripts::default());
    let (engine, writer) = EngineBuilder::system(MemoryStore::default())
        .scripts(Arc::clone(&scripts))
        .build();
    tokio::spawn(writer.run());

    // All or nothing: a pack with errors says where they are, and changes nothing.
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("packs/starter");
    let files = PackFiles::from_dir(&folder)?;
    let put = put_command(&engine, &scripts, files.clone(), true)
        .map_err(|findings| report::human(&findings, &files, "starter", true))?;
    let saved = engine.execute(put.0, Signals::default(), None).await?.reply;
    println!("`{}` has {} missions", saved.name, saved.missions.len());

    // Users whom another system names by something else than a UUID have an id that is always the same.
    let crm = uuid::uuid!("0190163d-8694-739b-aea5-966c26f8ad91");
    let user = UserId::from_external(crm, "customer-4711");
    for video in 1..=3 {
        let event = ActivityEvent {
            id: format!("video-{video}"),
            source: "/player".to_owned(),
            event_type: "video.watched".to_owned(),
            user_id: user,
            time: engine.now(),
            data: json!({"seconds": 40}).as_object().cloned().unwrap_or_default(),
        };
        let result = engine
            .execute(ApplyEvent { event }, Signals::default(), None)
            .await?
            .reply;
        for task in &result.tasks {
            println!(
                "video {video}: {} of {}",
                task.progress.current(),
                task.progress.target()
            );
            if task.completed_at.is_some() {
                let claim = ClaimTask { user, task: task.id };
                let reward = engine
                    .execute(claim, Signals::default(), None)
                    .await?
                    .reply
                    .reward;
                println!("claimed {} points", reward.amount.total());
            }
        }
    }
    Ok(())
}
