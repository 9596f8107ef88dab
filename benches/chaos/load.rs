//! Commands of users and operators, over HTTP.

use std::{collections::BTreeSet, sync::Arc};

use fastrand::Rng;
use reqwest::Method;
use serde_json::{Value, json};
use tokio::time::Instant;
use uuid::Uuid;

use crate::{
    Result,
    client::{Call, Client, Done},
    load_state::{Kind, LoadState, id},
    missions::{definition, pack},
};

/// One of those who ask at the same time.
pub(crate) struct Worker {
    /// Where its commands go.
    pub(crate) client: Arc<Client>,
    /// What all of them have done.
    pub(crate) load_state: Arc<LoadState>,
    /// What it decides by.
    pub(crate) random: Rng,
}

impl Worker {
    /// Gives commands until a moment.
    pub(crate) async fn run(mut self, until: Instant) -> Result<()> {
        while Instant::now() < until {
            self.one().await?;
        }
        Ok(())
    }

    /// One command, or a few that belong together.
    async fn one(&mut self) -> Result<()> {
        let user = self.load_state.now().user(&mut self.random);
        match self.random.u8(..100) {
            0..12 => drop(self.user(user, Method::POST, "checkin".to_owned(), None).await?),
            12..42 => self.play(user).await?,
            42..52 => self.go_on().await?,
            52..72 => self.tell().await?,
            72..77 => self.describe(user).await?,
            77..80 => self.author().await?,
            80..87 => self.revoke().await?,
            87..93 => self.review().await?,
            93..95 => self.erase().await?,
            _ => self.look(user).await?,
        }
        Ok(())
    }

    async fn ask(&mut self, call: Call) -> Result<Done> {
        let done = self.client.ask(&mut self.random, call).await?;
        if done.call.method != Method::GET {
            self.load_state.now().done.push(done.clone());
        }
        Ok(done)
    }

    async fn user(&mut self, user: Uuid, method: Method, path: String, body: Option<Value>) -> Result<Done> {
        // Now and then from another device, which sends a claim to review.
        let device = match self.random.u8(..20) {
            0 => Some(format!("device-{user}-b")),
            1..10 => Some(format!("device-{user}-a")),
            _ => None,
        };
        self.ask(Call::by(user, method, path, body).on_device(device))
            .await
    }

    /// Starts a mission and mostly goes through with it.
    async fn play(&mut self, user: Uuid) -> Result<()> {
        let kind = *self
            .random
            .choice(&[Kind::Plain, Kind::Plain, Kind::Proof, Kind::Scarce])
            .unwrap_or(&Kind::Plain);
        let mission = self
            .load_state
            .now()
            .missions
            .get(&kind)
            .cloned()
            .unwrap_or_default();
        let started = self
            .user(user, Method::POST, format!("missions/{mission}/start"), None)
            .await?;
        if started.is_ok()
            && let Some(task) = text(&started.body, "id")
        {
            self.finish(user, &task, kind).await?;
        }
        Ok(())
    }

    /// Goes on with a task that was left.
    async fn go_on(&mut self) -> Result<()> {
        let left = {
            let mut load_state = self.load_state.now();
            let place = self.random.usize(..load_state.tasks.len().max(1));
            (place < load_state.tasks.len()).then(|| load_state.tasks.swap_remove(place))
        };
        match left {
            Some((user, task, kind)) => self.finish(user, &task, kind).await,
            None => Ok(()),
        }
    }

    async fn finish(&mut self, user: Uuid, task: &str, kind: Kind) -> Result<()> {
        let proof = format!("https://img.example/{}.png", id(&mut self.random));
        let proof = json!({"type": "social_proof", "screenshot_url": proof});
        let mut steps = vec![("progress", Some(json!({"value": 1})))];
        if kind == Kind::Proof {
            steps.push(("evidence", Some(proof)));
        }
        steps.extend([("complete", None), ("claim", None)]);
        for (step, body) in steps {
            if self.random.u8(..10) == 0 {
                self.load_state.now().tasks.push((user, task.to_owned(), kind));
                return Ok(());
            }
            let done = self
                .user(user, Method::POST, format!("tasks/{task}/{step}"), body)
                .await?;
            if step == "claim"
                && done.status == 200
                && let Some(reward) = text(&done.body, "reward_id")
            {
                self.load_state.now().rewards.push((user, reward));
            }
        }
        Ok(())
    }

    /// Tells of steps of one user, old and new ones.
    async fn tell(&mut self) -> Result<()> {
        let steps: Vec<_> = {
            let mut load_state = self.load_state.now();
            let first = load_state.step(&mut self.random, false);
            let mut steps = vec![first];
            for _ in 0..self.random.usize(..4) {
                let step = load_state.step(&mut self.random, false);
                steps.push(step);
            }
            steps
        };
        let users: BTreeSet<Uuid> = steps.iter().map(|step| step.user).collect();
        for user in users {
            let own = steps.iter().filter(|step| step.user == user);
            let events: Vec<Value> = own.map(crate::load_state::Step::envelope).collect();
            self.ask(Call::operate(Method::POST, "events", Some(events.into())).about(user))
                .await?;
        }
        Ok(())
    }

    async fn describe(&mut self, user: Uuid) -> Result<()> {
        let body = json!({"level": self.random.u32(1..9), "tags": ["chaos"], "country": "DE"});
        let path = format!("users/{user}/attributes");
        self.ask(Call::operate(Method::PUT, path, Some(body)).about(user))
            .await?;
        Ok(())
    }

    /// Makes a mission or a pack, or changes one.
    async fn author(&mut self) -> Result<()> {
        let known = self.random.choice(&self.load_state.now().authored).cloned();
        let step = self.random.choice(["activate", "pause", "activate", "archive"]);
        match (known, self.random.u8(..4)) {
            (_, 0) => {
                let (name, files) = pack(&mut self.random);
                let body = json!({"files": files});
                self.replace(format!("packs/{name}"), body).await?;
            }
            (Some((mission, code)), 1) => {
                let shape = json!({"reward": {"points": self.random.u8(1..4).to_string()}});
                let body = definition(&code, shape);
                self.replace(format!("missions/{mission}"), body).await?;
            }
            (Some((mission, _)), 2) => {
                let path = format!("missions/{mission}/{}", step.unwrap_or("pause"));
                self.ask(Call::operate(Method::POST, path, None)).await?;
            }
            _ => {
                let code = format!("made-{}", self.random.u64(..));
                let body = definition(&code, json!({}));
                let made = self
                    .ask(Call::operate(Method::POST, "missions", Some(body)))
                    .await?;
                if let Some(mission) = text(&made.body, "id") {
                    self.load_state.now().authored.push((mission, code));
                }
            }
        }
        Ok(())
    }

    /// Puts a mission or a pack in place, which may be refused for what others do, never for what it says.
    async fn replace(&mut self, path: String, body: Value) -> Result<()> {
        let done = self.ask(Call::operate(Method::PUT, path, Some(body))).await?;
        if done.status == 422 {
            return Err(format!("{}: {}", done.call.path, done.body).into());
        }
        Ok(())
    }

    async fn revoke(&mut self) -> Result<()> {
        let known = self.random.choice(&self.load_state.now().rewards).cloned();
        if let Some((user, reward)) = known {
            let path = format!("rewards/{reward}/revoke");
            let body = json!({"reason": "chaos"});
            self.ask(Call::operate(Method::POST, path, Some(body)).about(user))
                .await?;
        }
        Ok(())
    }

    /// Decides an open review.
    async fn review(&mut self) -> Result<()> {
        let open = self
            .ask(Call::operate(Method::GET, "reviews?limit=20", None))
            .await?;
        let items = open.body["items"].as_array().cloned().unwrap_or_default();
        let found = self.random.choice(&items);
        let ids = found.and_then(|item| Some((text(item, "id")?, text(item, "user_id")?)));
        if let Some((review, user)) = ids {
            let decision = if self.random.u8(..4) == 0 {
                "reject"
            } else {
                "approve"
            };
            let path = format!("reviews/{review}/{decision}");
            self.ask(Call::operate(Method::POST, path, None).about(user.parse()?))
                .await?;
        }
        Ok(())
    }

    async fn erase(&mut self) -> Result<()> {
        let user = self.load_state.now().leave(&mut self.random);
        if let Some(user) = user {
            self.ask(Call::by(user, Method::DELETE, "me", None)).await?;
        }
        Ok(())
    }

    /// Reads something; a reward that waits is claimed.
    async fn look(&mut self, user: Uuid) -> Result<()> {
        let paths = [
            "me",
            "tasks",
            "checkin",
            "leaderboards/all_time",
            "missions",
            "rewards?status=pending",
        ];
        let path = *self.random.choice(&paths).unwrap_or(&"me");
        let seen = self.ask(Call::by(user, Method::GET, path, None)).await?;
        if path.starts_with("rewards")
            && let Some(reward) = seen.body["items"].get(0).and_then(|reward| text(reward, "id"))
        {
            let done = self
                .user(user, Method::POST, format!("rewards/{reward}/claim"), None)
                .await?;
            if done.status == 200 {
                self.load_state.now().rewards.push((user, reward));
            }
        }
        Ok(())
    }
}

/// A field that is a text.
pub(crate) fn text(body: &Value, field: &str) -> Option<String> {
    Some(body.get(field)?.as_str()?.to_owned())
}
