//! Rings of accounts: found by the server, and decided on as a whole.

use std::time::Duration;

use mission_core::fraud::DeviceHash;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::support::{Client, Server};

const PHONE: &str = "the phone of a farm";

/// A server that looks for rings all the time.
pub(crate) async fn server() -> Server {
    Server::with(&[LOOKING]).await
}

/// The setting with which rings are found at once.
pub(crate) const LOOKING: (&str, &str) = ("MISSION_FRAUD_FIND_RINGS_EVERY", "500ms");

/// New users who check in with one device.
pub(crate) async fn farm<'s>(server: &'s Server, device: &str, count: usize) -> Vec<Client<'s>> {
    let mut users = Vec::new();
    for _ in 0..count {
        let user = server.user();
        user.header("x-device-id", device)
            .post("/checkin", Value::Null)
            .await
            .ok(200);
        users.push(user);
    }
    users
}

/// The open ring, once it has so many members.
pub(crate) async fn open_ring(admin: &Client<'_>, accounts: usize) -> Value {
    for _ in 0..400 {
        let open = admin.get("/rings").await.ok(200);
        if let Some(ring) = open["items"].as_array().unwrap().first()
            && ring["accounts"] == json!(accounts)
        {
            return ring.clone();
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    panic!("no ring of {accounts} was found");
}

fn path(ring: &Value) -> String {
    format!("/rings/{}", ring["id"].as_str().unwrap())
}

async fn decide(admin: &Client<'_>, ring: &Value, action: &str) -> Value {
    let decision = json!({"action": action, "note": "one phone, one afternoon"});
    let sent = admin.post(&format!("{}/decision", path(ring)), decision).await;
    sent.ok(202)
}

/// The ring, once all that was decided is done.
async fn done(admin: &Client<'_>, ring: &Value) -> Value {
    for _ in 0..400 {
        let found = admin.get(&path(ring)).await.ok(200);
        if found["ring"]["is_done"] == json!(true) {
            return found;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    panic!("it is not done");
}

async fn rewards(user: &Client<'_>) -> Vec<Value> {
    let rewards = user.get("/rewards").await.ok(200);
    rewards["items"].as_array().unwrap().clone()
}

/// How often something was done to a user or a thing, as the audit says.
async fn audited(admin: &Client<'_>, subject: &str, action: &str) -> usize {
    let entries = admin.get(&format!("/audit?subject={subject}")).await.ok(200);
    let entries = entries["items"].as_array().unwrap().iter();
    let of_action = entries.filter(|entry| entry["action"] == json!(action));
    of_action
        .inspect(|entry| assert_eq!(entry["actor"], json!(admin.user), "{entry}"))
        .count()
}

#[tokio::test]
async fn a_ring_is_found_with_its_evidence_and_revoked_as_a_whole() {
    let server = server().await;
    let admin = server.admin();
    let bystander = server.user();
    bystander.post("/checkin", Value::Null).await.ok(200);
    let users = farm(&server, PHONE, 10).await;
    let ring = open_ring(&admin, 10).await;
    assert_eq!(
        (&ring["status"], &ring["is_done"]),
        (&json!("open"), &json!(true))
    );
    let shared = &ring["evidence"][0];
    assert_eq!(
        (&shared["kind"], &shared["device"], &shared["accounts"]),
        (
            &json!("shared_device"),
            &json!(DeviceHash::of(PHONE).as_str()),
            &json!(10)
        ),
        "{ring}"
    );
    let detail = admin.get(&path(&ring)).await.ok(200);
    let members = detail["members"].as_array().unwrap();
    let mut expected: Vec<Uuid> = users.iter().map(|user| user.user).collect();
    expected.sort();
    let found: Vec<&Value> = members.iter().map(|member| &member["user_id"]).collect();
    assert_eq!(json!(found), json!(expected));

    let revoked = decide(&admin, &ring, "revoke").await;
    assert_eq!(revoked["status"], "revoked");
    let detail = done(&admin, &ring).await;
    assert_eq!(
        detail["ring"]["decision"]["note"], "one phone, one afternoon",
        "{detail}"
    );
    for user in &users {
        let rewards = rewards(user).await;
        assert!(!rewards.is_empty());
        assert!(
            rewards.iter().all(|reward| reward["status"] == "revoked"),
            "{rewards:?}"
        );
        assert_eq!(user.get("/me").await.ok(200)["points"], 0);
        let reward = rewards[0]["id"].as_str().unwrap();
        assert_eq!(audited(&admin, reward, "RevokeReward").await, 1);
    }
    assert_eq!(rewards(&bystander).await[0]["status"], "claimed");
    assert_eq!(bystander.get("/me").await.ok(200)["points"], 10);
    let id = ring["id"].as_str().unwrap();
    assert_eq!(audited(&admin, id, "DecideRing").await, 1);
    // The wallet hears of it a moment later.
    for user in &users {
        for _ in 0..200 {
            if user.get("/me").await.ok(200)["wallet_points"] == 0 {
                break;
            }
            tokio::time::sleep(Duration::from_millis(25)).await;
        }
        assert_eq!(user.get("/me").await.ok(200)["wallet_points"], 0);
    }
    for action in ["hold", "revoke", "dismiss"] {
        let again = json!({"action": action, "note": "again"});
        let refused = admin.post(&format!("{}/decision", path(&ring)), again).await;
        refused.refused(400, "already_decided");
    }
    let listed = admin.get("/rings?status=revoked").await.ok(200);
    assert_eq!(listed["items"][0]["id"], ring["id"]);
}

#[tokio::test]
async fn only_reviewers_see_rings_and_decide_with_a_note() {
    let server = server().await;
    let (admin, user) = (server.admin(), server.user());
    farm(&server, PHONE, 9).await;
    let ring = open_ring(&admin, 9).await;
    let decision = format!("{}/decision", path(&ring));
    let dismiss = json!({"action": "dismiss", "note": "a school"});
    user.get("/rings").await.refused(403, "forbidden");
    user.get(&path(&ring)).await.refused(403, "forbidden");
    user.post(&decision, dismiss.clone())
        .await
        .refused(403, "forbidden");
    let nowhere = format!("/rings/{}/decision", Uuid::new_v4());
    admin.post(&nowhere, dismiss).await.refused(404, "not_found");
    for wrong in [
        json!({"action": "dismiss", "note": " "}),
        json!({"action": "dismiss"}),
        json!({"action": "forgive", "note": "a school"}),
    ] {
        admin.post(&decision, wrong).await.refused(422, "invalid_body");
    }
    assert_eq!(admin.get(&path(&ring)).await.ok(200)["ring"]["status"], "open");
}

/// Completes a mission and gives the answer.
async fn complete(user: &Client<'_>, mission: &str) -> Value {
    let task = user.start(mission).await;
    user.post(&format!("/tasks/{task}/progress"), json!({"value": 1}))
        .await
        .ok(200);
    let path = format!("/tasks/{task}/complete");
    user.post(&path, Value::Null).await.body
}

#[tokio::test]
async fn what_held_members_earn_waits_until_the_ring_is_dismissed() {
    let server = server().await;
    let admin = server.admin();
    let users = farm(&server, PHONE, 9).await;
    let ring = open_ring(&admin, 9).await;
    decide(&admin, &ring, "hold").await;
    done(&admin, &ring).await;
    let member = &users[0];
    let first = admin.mission("first", json!({})).await;
    assert_eq!(complete(member, &first).await["code"], "under_review");
    let reviews = admin.get("/reviews").await.ok(200);
    let of_member =
        |review: &&Value| review["user_id"] == json!(member.user) && review["kind"] == "completion";
    let review = reviews["items"]
        .as_array()
        .unwrap()
        .iter()
        .find(of_member)
        .unwrap();
    assert_eq!(review["reasons"], json!([{"ring": ring["id"]}]));
    let export = member.get("/me/export").await.ok(200);
    assert_eq!(
        (&export["rings"][0]["ring_id"], &export["rings"][0]["is_held"]),
        (&ring["id"], &json!(true))
    );

    decide(&admin, &ring, "dismiss").await;
    done(&admin, &ring).await;
    let second = admin.mission("second", json!({})).await;
    assert_eq!(complete(member, &second).await["status"], "completed");
}

#[tokio::test]
async fn a_dismissed_ring_is_shown_again_only_with_new_members() {
    let server = server().await;
    let admin = server.admin();
    farm(&server, PHONE, 9).await;
    let ring = open_ring(&admin, 9).await;
    decide(&admin, &ring, "dismiss").await;
    let seen = done(&admin, &ring).await["ring"]["last_seen_at"].clone();
    for _ in 0..400 {
        if admin.get(&path(&ring)).await.ok(200)["ring"]["last_seen_at"] != seen {
            break;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    let found = admin.get(&path(&ring)).await.ok(200);
    assert_ne!(found["ring"]["last_seen_at"], seen, "it was found again");
    assert_eq!(found["ring"]["status"], "dismissed");
    assert_eq!(admin.get("/rings").await.ok(200)["items"], json!([]));

    farm(&server, PHONE, 1).await;
    let again = open_ring(&admin, 10).await;
    assert_eq!(again["id"], ring["id"]);
    assert_eq!(
        again["decision"]["action"], "dismiss",
        "what was decided before is told"
    );
    decide(&admin, &again, "revoke").await;
    done(&admin, &again).await;
}

#[tokio::test]
async fn a_member_who_is_erased_leaves_the_ring() {
    let server = server().await;
    let admin = server.admin();
    let users = farm(&server, PHONE, 10).await;
    let ring = open_ring(&admin, 10).await;
    users[3].delete("/me").await.ok(200);
    let detail = admin.get(&path(&ring)).await.ok(200);
    assert_eq!(detail["ring"]["accounts"], 9);
    assert!(
        !detail.to_string().contains(&users[3].user.to_string()),
        "{detail}"
    );
    // And whoever is left can be decided on.
    decide(&admin, &ring, "hold").await;
    done(&admin, &ring).await;
}

#[tokio::test]
async fn a_server_that_dies_after_a_decision_leaves_the_rest_to_the_next() {
    let server = server().await;
    let admin = server.admin();
    let users = farm(&server, PHONE, 12).await;
    let ring = open_ring(&admin, 12).await;
    decide(&admin, &ring, "revoke").await;
    let (caller, ids) = (admin.user, Vec::from_iter(users.iter().map(|user| user.user)));
    let home = server.kill();
    let server = Server::on(home, &[LOOKING]).await;
    let admin = server.client(caller, json!({"roles": ["admin"]}));
    done(&admin, &ring).await;
    for id in ids {
        let user = server.client(id, json!({}));
        for reward in rewards(&user).await {
            assert_eq!(reward["status"], "revoked");
            let id = reward["id"].as_str().unwrap();
            assert_eq!(audited(&admin, id, "RevokeReward").await, 1, "taken back once");
        }
    }
}

#[tokio::test]
async fn rings_are_not_looked_for_where_that_is_off() {
    let server = Server::with(&[LOOKING, ("MISSION_FRAUD_FIND_RINGS", "off")]).await;
    farm(&server, PHONE, 9).await;
    tokio::time::sleep(Duration::from_secs(2)).await;
    assert_eq!(server.admin().get("/rings").await.ok(200)["items"], json!([]));
}

#[tokio::test]
async fn two_servers_find_a_ring_once() {
    let server = server().await;
    let other = server.second_with(&[LOOKING]).await;
    farm(&server, PHONE, 9).await;
    let ring = open_ring(&other.admin(), 9).await;
    tokio::time::sleep(Duration::from_secs(1)).await;
    let open = server.admin().get("/rings").await.ok(200);
    assert_eq!(open["items"].as_array().unwrap().len(), 1, "{open}");
    assert_eq!(open["items"][0]["id"], ring["id"]);
}
