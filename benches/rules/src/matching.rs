//! One event against many missions of its type: found by what their rules ask, and each asked.

use std::{hint::black_box, time::Duration};

use mission_core::{
    decision::{Catalog, CatalogBuilder, CompiledMission, Settings},
    ports::rules::RuleContext,
    testing::active,
};
use mission_rules::Scripts;
use serde_json::json;

use crate::{
    Candidate,
    records::{Records, definition},
};

/// By what the missions of an event type are told apart.
#[derive(Clone, Copy, Debug)]
enum Field {
    Event,
    User,
}

/// So many missions of one event type, of which so many ask for the event's shop, or for the tag of its user.
fn catalog(missions: usize, matches: usize, field: Field, scripts: &Scripts) -> Catalog {
    let builder = CatalogBuilder::new(scripts, Settings::default());
    let missions = (0..missions).map(|number| {
        let value = number / matches;
        let asked = match field {
            Field::Event => format!("ctx.event.data.shop == \"s{value}\""),
            Field::User => format!("\"s{value}\" in ctx.user.tags"),
        };
        let script = format!(
            "fn eligible(ctx) {{ {asked} && ctx.event.data.seconds >= 30 && ctx.user.level >= 1 }}"
        );
        let definition = definition(json!({
            "code": format!("m{number}"), "trigger": {"event": "video.watched"}, "script": script,
        }));
        active(number as u64 + 1, definition)
    });
    missions.fold(builder, CatalogBuilder::mission).build()
}

fn eligible(compiled: &CompiledMission, context: &RuleContext<'_>) -> bool {
    let script = compiled.script.as_ref().and_then(|script| script.as_ref().ok());
    let script = script.expect("it compiles");
    script.eligible(context).expect("it gives a value") == Some(true)
}

/// Measures catalogs of up to so many missions.
pub(crate) fn compare(most: usize) {
    let mut records = Records::of(40);
    records.event.data.insert("shop".to_owned(), json!("s0"));
    records.tags.push("s0".to_owned());
    let scripts = Scripts::default().with_capacity(0);
    println!(
        "\n{:<44} {:>10} {:>12} {:>9}",
        "One event", "each, us", "found, us", "ratio"
    );
    for missions in [10, 100, 1_000, 10_000, 100_000, 1_000_000] {
        for (matches, field) in [
            (1, Field::Event),
            (100, Field::Event),
            (1, Field::User),
            (100, Field::User),
        ] {
            if missions > most || matches > missions {
                continue;
            }
            let catalog = catalog(missions, matches, field, &scripts);
            let context = records.context();
            let found = catalog
                .concerned_by(&records.event, context.user)
                .filter(|compiled| eligible(compiled, &context));
            assert_eq!(found.count(), matches);
            let mut each = Candidate::new("each", |times| {
                for _ in 0..times {
                    let all = catalog.triggered_by(&records.event.event_type);
                    black_box(all.filter(|compiled| eligible(compiled, &context)).count());
                }
            });
            let mut found = Candidate::new("found", |times| {
                for _ in 0..times {
                    let concerned = catalog.concerned_by(black_box(&records.event), context.user);
                    black_box(concerned.filter(|compiled| eligible(compiled, &context)).count());
                }
            });
            for _ in 0..5 {
                each.measure(Duration::from_millis(20), 1);
                found.measure(Duration::from_millis(20), 64);
            }
            let (each, found) = (each.median() / 1e3, found.median() / 1e3);
            let title = format!("{missions} missions, {matches} of them for the {field:?}").to_lowercase();
            println!("{title:<44} {each:>10.1} {found:>12.2} {:>9.0}", each / found);
        }
    }
}
