//! Rules that read a user's friends: asked for where one does, and nowhere else.

use std::sync::{
    Arc,
    atomic::{AtomicU32, Ordering},
};

use mission_core::{
    UserId,
    engine::{
        ApplyEvent, CatalogBuilder, CheckIn, EngineBuilder, ExecuteError, Rejection, Settings, Signals,
        StartTask,
    },
    event::{ActivityEvent, EventOutcome},
    memory::MemoryStore,
    mission::{Definition, Operator, Rule},
    ports::{
        rules::NoScripts,
        social::{Social, SocialError},
    },
    testing::{CountingIds, FixedClock, active, at, definition, mission_id, user},
};
use serde_json::json;

use crate::play::triggered;

const NOON: &str = "2026-01-05T12:00:00Z";

/// User 1 is friends with 2 and 3; of user 9 it does not know.
#[derive(Default)]
struct FewFriends(AtomicU32);

#[async_trait::async_trait]
impl Social for FewFriends {
    async fn friends(&self, who: UserId) -> Result<Arc<[UserId]>, SocialError> {
        self.0.fetch_add(1, Ordering::Relaxed);
        if who == user(9) {
            return Err(SocialError {
                reason: "away".to_owned(),
            });
        }
        Ok(Arc::new([user(2), user(3)]))
    }

    fn forget(&self, _: UserId) {}
}

fn rule(path: &str, operator: Operator, value: &str) -> Rule {
    Rule {
        rule_type: path.to_owned(),
        operator,
        value: value.to_owned(),
        metadata: serde_json::Map::new(),
    }
}

fn event(who: UserId, friend: UserId) -> ApplyEvent {
    let data = json!({"with": {"friends": [friend, "nobody"]}});
    ApplyEvent {
        event: ActivityEvent {
            id: format!("{who}-{friend}"),
            source: "/test".to_owned(),
            event_type: "game.played".to_owned(),
            user_id: who,
            time: at(NOON),
            data: data.as_object().cloned().unwrap(),
        },
    }
}

#[test]
fn friends_are_asked_for_where_a_rule_reads_them() {
    let social = Arc::new(FewFriends::default());
    let popular = Definition {
        rules: vec![rule("user.friends", Operator::Gte, "2")],
        ..definition("popular")
    };
    let crowded = Definition {
        rules: vec![rule("user.friends", Operator::Gte, "3")],
        ..definition("crowded")
    };
    let played = Definition {
        auto_start: true,
        target: 5,
        rules: vec![rule("event.friends", Operator::Contains, &user(2).to_string())],
        ..triggered("played", "game.played")
    };
    let missions = [popular, crowded, definition("plain"), played];
    let catalog = missions.into_iter().zip(1..).fold(
        CatalogBuilder::new(&NoScripts, Settings::default()),
        |catalog, (definition, id)| catalog.mission(active(id, definition)),
    );
    let clock = FixedClock::at(at(NOON));
    let (engine, writer) = EngineBuilder::new(MemoryStore::default(), clock, CountingIds::default())
        .catalog(catalog.build())
        .social(social.clone())
        .build();
    let writing = std::thread::spawn(|| pollster::block_on(writer.run()));
    let start = |who: UserId, mission| {
        let command = StartTask {
            user: who,
            mission: mission_id(mission),
        };
        pollster::block_on(engine.execute(command, Signals::default(), None))
    };
    let asked = || social.0.load(Ordering::Relaxed);
    start(user(1), 1).unwrap();
    assert_eq!(asked(), 1);
    let alone = start(user(1), 2).unwrap_err();
    assert!(alone.to_string().contains("eligible"), "{alone}");
    let before = asked();
    start(user(1), 3).unwrap();
    pollster::block_on(engine.execute(CheckIn { user: user(9) }, Signals::default(), None)).unwrap();
    assert_eq!(asked(), before, "nobody reads them there");
    start(user(9), 3).expect("a mission that does not read them");
    let unknown = Err(ExecuteError::Rejected(Rejection::FriendsUnknown));
    assert_eq!(start(user(9), 1).map(|_| ()), unknown);
    let event_of_nobody =
        pollster::block_on(engine.execute(event(user(9), user(2)), Signals::default(), None));
    assert_eq!(event_of_nobody.map(|_| ()), unknown, "it can be sent again");
    let apply = |event| {
        pollster::block_on(engine.execute(event, Signals::default(), None))
            .unwrap()
            .reply
    };
    assert_eq!(apply(event(user(1), user(2))).outcome, EventOutcome::Applied);
    let stranger = apply(event(user(1), user(4)));
    assert_eq!(stranger.outcome, EventOutcome::Ignored, "{stranger:?}");
    drop(engine);
    writing.join().unwrap();
}
