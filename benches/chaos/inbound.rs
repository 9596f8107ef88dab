//! What other services tell through the broker: users who come and go, referrals, steps, and what nobody can read.

use std::{sync::Arc, time::Duration};

use fastrand::Rng;
use lapin::{
    BasicProperties, Channel, Connection, ConnectionProperties,
    options::{BasicPublishOptions, ConfirmSelectOptions},
};
use serde_json::{Value, json};
use tokio::time::{Instant, timeout};

use crate::{
    Result,
    load_state::{BARE_SOURCE, LoadState, STEP, id},
};

/// A message must be confirmed within so long after the first try.
const PATIENCE: Duration = Duration::from_secs(90);
/// A single try may take so long.
const TRY: Duration = Duration::from_secs(5);

/// A message as it is published.
struct Message {
    exchange: &'static str,
    key: &'static str,
    id: Option<String>,
    body: Vec<u8>,
}

impl Message {
    fn new(exchange: &'static str, key: &'static str, body: &Value) -> Self {
        Message {
            exchange,
            key,
            id: None,
            body: body.to_string().into_bytes(),
        }
    }

    fn with_id(mut self, id: &impl ToString) -> Self {
        self.id = Some(id.to_string());
        self
    }
}

/// Publishes with confirms, again and again until one comes.
pub(crate) struct Publisher {
    /// Where the broker is.
    pub(crate) url: String,
    /// What all have done.
    pub(crate) load_state: Arc<LoadState>,
    /// What it decides by.
    pub(crate) random: Rng,
    /// How long it rests after a message at most.
    pub(crate) rest: Duration,
}

impl Publisher {
    /// Publishes until a moment.
    pub(crate) async fn run(mut self, until: Instant) -> Result<()> {
        let mut open = None;
        while Instant::now() < until {
            let message = self.draw();
            let times = 1 + u32::from(self.random.u8(..8) == 0);
            for _ in 0..times {
                self.publish(&mut open, &message).await?;
            }
            self.load_state.now().note_published(times);
            tokio::time::sleep(self.rest.mul_f64(self.random.f64())).await;
        }
        Ok(())
    }

    fn draw(&mut self) -> Message {
        match self.random.u8(..100) {
            0..70 => self.step(),
            70..80 => self.referral(),
            80..88 => self.registered(),
            88..90 => self.deleted(),
            _ => self.poison(),
        }
    }

    fn step(&mut self) -> Message {
        let step = self.load_state.now().step(&mut self.random, true);
        let key = "activity.chaos.step";
        if step.source == BARE_SOURCE && self.random.bool() {
            return Message::new(BARE_SOURCE, key, &json!({"userId": step.user})).with_id(&step.id);
        }
        Message::new(BARE_SOURCE, key, &step.envelope())
    }

    /// An invitee has one inviter, of whom may be told several times, under other ids too.
    fn referral(&mut self) -> Message {
        let mut load_state = self.load_state.now();
        let old = self.random.usize(..load_state.invitees.len() * 4 + 1);
        let known = load_state
            .invitees
            .iter()
            .nth(old)
            .map(|(invitee, inviter)| (*invitee, *inviter));
        let (invitee, inviter) = known.unwrap_or_else(|| {
            let (invitee, inviter) = (id(&mut self.random), load_state.user(&mut self.random));
            load_state.invitees.insert(invitee, inviter);
            (invitee, inviter)
        });
        drop(load_state);
        let data = json!({"inviterId": inviter, "inviteeId": invitee, "userId": inviter});
        self.told(
            "mining.events",
            "referral.activated",
            "ReferralActivatedEvent",
            &data,
        )
    }

    fn registered(&mut self) -> Message {
        let user = id(&mut self.random);
        self.load_state.now().registered.insert(user);
        self.told(
            "iam.events",
            "user.registered",
            "UserRegisteredEvent",
            &json!({"userId": user}),
        )
    }

    fn deleted(&mut self) -> Message {
        let user = self.load_state.now().leave(&mut self.random);
        let data = json!({"userId": user.unwrap_or_default()});
        self.told("iam.events", "user.deleted", "UserDeletedEvent", &data)
    }

    /// In an envelope, or bare.
    fn told(&mut self, exchange: &'static str, key: &'static str, kind: &str, data: &Value) -> Message {
        let number = id(&mut self.random);
        if self.random.bool() {
            return Message::new(exchange, key, data).with_id(&number);
        }
        let event =
            json!({"specversion": "1.0", "id": number, "source": "/chaos", "type": kind, "data": data});
        Message::new(exchange, key, &event)
    }

    fn poison(&mut self) -> Message {
        let mark = format!("poison-{}", id(&mut self.random));
        let user = self.load_state.now().user(&mut self.random);
        let late = json!({
            "specversion": "1.0", "id": mark, "source": "/chaos", "type": STEP, "subject": user,
            "time": "2020-01-01T00:00:00Z",
        });
        let key = "activity.chaos.step";
        let message = match self.random.u8(..6) {
            0 => Message {
                body: format!("{{{mark}").into_bytes(),
                ..Message::new(BARE_SOURCE, key, &Value::Null)
            },
            1 => Message::new(BARE_SOURCE, key, &json!([mark])).with_id(&mark),
            2 => Message::new(BARE_SOURCE, key, &json!({"userId": user, "mark": mark})),
            3 => Message::new(BARE_SOURCE, key, &json!({"specversion": "1.0", "mark": mark})),
            4 => Message::new(BARE_SOURCE, key, &late),
            _ => Message::new("iam.events", "user.registered", &json!({"userId": mark})).with_id(&mark),
        };
        self.load_state.now().poison.insert(mark);
        message
    }

    async fn publish(&self, open: &mut Option<(Connection, Channel)>, message: &Message) -> Result<()> {
        let begun = Instant::now();
        loop {
            let tried = timeout(TRY, self.once(open, message)).await;
            if matches!(tried, Ok(Ok(true))) {
                return Ok(());
            }
            *open = None;
            if begun.elapsed() > PATIENCE {
                return Err(format!("the broker confirms nothing within {PATIENCE:?}").into());
            }
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
    }

    /// Whether the broker has it.
    async fn once(
        &self,
        open: &mut Option<(Connection, Channel)>,
        message: &Message,
    ) -> std::result::Result<bool, lapin::Error> {
        if open.is_none() {
            let connection = Connection::connect(&self.url, ConnectionProperties::default()).await?;
            let channel = connection.create_channel().await?;
            channel.confirm_select(ConfirmSelectOptions::default()).await?;
            *open = Some((connection, channel));
        }
        let Some((_, channel)) = open else {
            return Ok(false);
        };
        let mut properties = BasicProperties::default().with_delivery_mode(2);
        if let Some(id) = &message.id {
            properties = properties.with_message_id(id.as_str().into());
        }
        let options = BasicPublishOptions::default();
        let (exchange, key) = (message.exchange.into(), message.key.into());
        let sent = channel.basic_publish(exchange, key, options, &message.body, properties);
        Ok(sent.await?.await?.is_ack())
    }
}
