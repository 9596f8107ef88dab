//! One thing of each kind that a path can name, and a user with something to hide.

use reqwest::multipart;
use serde_json::{Value, json};
use uuid::Uuid;

use super::document::picture;
use crate::support::{Client, Server};

/// Words of the user's own, which nobody else may see.
pub(crate) const WORDS: [&str; 5] = [
    "wordofevidence",
    "wordofplan",
    "wordoftag",
    "wordofshot",
    "wordofnote",
];

/// Things with their ids.
pub(crate) struct World<'s> {
    pub(crate) owner: Client<'s>,
    pub(crate) mission: String,
    /// Of the owner, in progress.
    pub(crate) task: String,
    /// Of the owner, completed and not claimed.
    pub(crate) completed: String,
    /// Of the owner, not claimed.
    pub(crate) reward: String,
    /// Of evidence of the owner, open.
    pub(crate) review: String,
    pub(crate) webhook: String,
    pub(crate) pack: &'static str,
}

impl<'s> World<'s> {
    pub(crate) async fn create(server: &'s Server) -> World<'s> {
        World::create_as(server, json!({})).await
    }

    /// The same, with more claims in the owner's token.
    pub(crate) async fn create_as(server: &'s Server, claims: Value) -> World<'s> {
        let owner = server.client(Uuid::new_v4(), claims);
        let (admin, owner) = (server.admin(), owner.header("x-device-id", "phone"));
        let attributes = json!({"level": 4, "tags": [WORDS[2]], "attributes": {"plan": WORDS[1]}});
        let user = owner.user;
        admin
            .put(&format!("/users/{user}/attributes"), attributes)
            .await
            .ok(200);
        owner.post("/checkin", Value::Null).await.ok(200);

        let mission = admin.mission("open", json!({"target": 9})).await;
        let task = owner.start(&mission).await;

        let done = admin.mission("done", json!({})).await;
        let completed = owner.complete(&done).await;
        let rewards = owner.get("/rewards?status=pending").await.ok(200);
        let reward = rewards["items"][0]["id"].as_str().unwrap().to_owned();

        let demand = json!({"type": "social", "evidence": {"type": "social_proof", "review": "manual"}});
        let looked_at = admin.mission("looked-at", demand).await;
        let shown = owner.start(&looked_at).await;
        let address = format!("https://pictures.example/{}.png", WORDS[3]);
        let evidence = json!({"type": "social_proof", "data": WORDS[0], "screenshot_url": address});
        owner
            .post(&format!("/tasks/{shown}/evidence"), evidence)
            .await
            .ok(202);
        let reviews = admin.get("/reviews").await.ok(200);
        let review = reviews["items"][0]["id"].as_str().unwrap().to_owned();

        let demand = json!({"type": "upload", "evidence": {"type": "uploaded_content"}});
        let upload = admin.mission("upload", demand).await;
        let with_file = owner.start(&upload).await;
        let part = multipart::Part::bytes(picture()).file_name("a.png");
        let sent = server
            .http
            .post(format!("{}/api/v1/tasks/{with_file}/upload", server.url))
            .bearer_auth(&owner.token)
            .multipart(multipart::Form::new().part("file", part))
            .send()
            .await
            .unwrap();
        assert_eq!(sent.status(), 202);

        let hook = json!({"url": "https://hooks.example/in", "events": ["RewardClaimedEvent"]});
        let webhook = admin.post("/webhooks", hook).await.ok(201);
        let watch = "code = \"of-a-pack\"\ntype = \"custom\"\nfrequency = \"daily\"\n\
                     title = { en = \"A\" }\ndescription = { en = \"B\" }\n[reward]\npoints = \"1\"\n";
        let files = json!({"pack.toml": "name = \"things\"\nversion = \"1.0.0\"\n", "missions/of-a-pack.toml": watch});
        admin.put("/packs/things", json!({"files": files})).await.ok(200);
        World {
            mission,
            task,
            completed,
            reward,
            review,
            webhook: webhook["id"].as_str().unwrap().to_owned(),
            pack: "things",
            owner,
        }
    }

    /// What stands for a placeholder. A kind of thing that is not known here fails the test.
    pub(crate) fn fill(&self, collection: &str, name: &str) -> String {
        match (collection, name) {
            ("missions", "id") | ("users", "mission") => self.mission.clone(),
            ("tasks", "id") => self.task.clone(),
            ("rewards", "id") => self.reward.clone(),
            ("reviews", "id") => self.review.clone(),
            ("users", "id") => self.owner.user.to_string(),
            ("webhooks", "id") => self.webhook.clone(),
            ("packs", "name") => self.pack.to_owned(),
            ("leaderboards", "span") => "weekly".to_owned(),
            // No ring was found, and nothing was delivered, parked or dead-lettered.
            ("rings", "id")
            | ("webhooks", "delivery")
            | ("outbox/parked", "event_id")
            | ("inbound/dead", "id") => Uuid::new_v4().to_string(),
            other => panic!("the test does not know what `{other:?}` names: make one in `World`"),
        }
    }

    /// All that is held on the owner. Links to files are new ones each time.
    pub(crate) async fn export(&self) -> Value {
        let mut export = self.owner.get("/me/export").await.ok(200);
        for file in export["files"].as_array_mut().unwrap() {
            assert!(file.as_object_mut().unwrap().remove("url").is_some());
        }
        export
    }
}
