//! Several buses as one.

use std::{borrow::Cow, sync::Arc};

use async_trait::async_trait;
use mission_core::ports::bus::{Bus, OutboxEvent, PublishError};

/// Sends each event to one bus after the other; it is taken once all have it.
pub struct FanOut(Vec<Arc<dyn Bus>>);

impl FanOut {
    /// The buses, in the order in which they get an event.
    #[must_use]
    pub fn new(buses: Vec<Arc<dyn Bus>>) -> Self {
        FanOut(buses)
    }
}

#[async_trait]
impl Bus for FanOut {
    async fn publish(&self, events: &[OutboxEvent]) -> Vec<Result<(), PublishError>> {
        let mut results = vec![Ok(()); events.len()];
        // The places of what every bus so far has taken.
        let mut taken: Vec<usize> = (0..events.len()).collect();
        for bus in &self.0 {
            let next = if taken.len() == events.len() {
                Cow::Borrowed(events)
            } else {
                let rest = taken.iter().filter_map(|place| events.get(*place));
                Cow::Owned(rest.cloned().collect())
            };
            let mut answers = bus.publish(&next).await.into_iter();
            for place in &taken {
                if let Some(result) = results.get_mut(*place) {
                    *result = answers.next().unwrap_or_else(|| {
                        Err(PublishError::Away {
                            reason: "the bus said nothing of an event".to_owned(),
                        })
                    });
                }
            }
            taken.retain(|place| matches!(results.get(*place), Some(Ok(()))));
        }
        results
    }
}
