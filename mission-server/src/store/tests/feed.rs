// The feed and its store. Included by a module that knows how to make a store (`test_store`).

use std::sync::Arc;

use chrono::Duration;
use mission_core::{
    EventId,
    event::CloudEvent,
    testing::{FixedClock, user},
};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use crate::{
    feed::{EventFeed, FeedStore},
    outbox::Subscriber,
    store::tests::{block_on, builders::noon},
};

fn event(number: u128, event_type: &str, who: u64) -> CloudEvent {
    CloudEvent {
        specversion: "1.0".to_owned(),
        id: EventId(Uuid::from_u128(number)).to_string(),
        source: "/mission-server".to_owned(),
        event_type: event_type.to_owned(),
        subject: Some(user(who).to_string()),
        time: Some(noon()),
        datacontenttype: None,
        grantid: None,
        correlationid: None,
        data: None,
    }
}

#[test]
fn an_erased_user_leaves_the_feed_even_while_nobody_follows() {
    block_on(async {
        let Some(test_store) = test_store().await else { return };
        let store = Arc::new(test_store.store.clone());
        let clock = FixedClock::at(noon());
        let feed = EventFeed::new(store.clone(), Arc::new(clock.clone()), CancellationToken::new());
        let fed = async || {
            let events = store.fed_after(0, None, 10).await.unwrap();
            let names = events.into_iter().map(|event| (event.event_type, event.user));
            names.collect::<Vec<_>>()
        };
        let (claimed, erased) = ("RewardClaimedEvent".to_owned(), "UserErasedEvent".to_owned());

        feed.handle(&[event(1, &claimed, 1)]).await.unwrap();
        assert_eq!(fed().await, [], "nobody has followed yet");
        let follower = feed.follow().await.unwrap();
        let both = [event(2, &claimed, 1), event(3, &claimed, 2)];
        feed.handle(&both).await.unwrap();
        feed.handle(&both).await.unwrap();
        assert_eq!(fed().await, [(claimed.clone(), user(1)), (claimed.clone(), user(2))], "each once");

        drop(follower);
        clock.set(noon() + Duration::hours(25));
        feed.handle(&[event(4, &erased, 1)]).await.unwrap();
        assert_eq!(fed().await, [(claimed.clone(), user(2))]);

        let _follower = feed.follow().await.unwrap();
        let at_once = [event(5, &claimed, 3), event(6, &claimed, 2), event(7, &erased, 3)];
        feed.handle(&at_once).await.unwrap();
        assert_eq!(
            fed().await,
            [(claimed.clone(), user(2)), (claimed, user(2)), (erased, user(3))],
            "also what came with the erasure"
        );
    });
}
