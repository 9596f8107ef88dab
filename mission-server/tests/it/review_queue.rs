//! The queue of reviews: what a reviewer looks for, takes on and decides.

use reqwest::Method;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::support::{Client, Server};

/// Evidence and a check-in of one user, and evidence of another, that wait for a reviewer.
async fn flagged(server: &Server) -> [Uuid; 2] {
    let (admin, first, second) = (server.admin(), server.user(), server.user());
    let demand = json!({"type": "social", "evidence": {"type": "social_proof", "review": "manual"}});
    let mission = admin.mission("post", demand).await;
    for user in [&first, &second] {
        let task = user.start(&mission).await;
        let picture = format!("https://pictures.example/{}.png", user.user);
        let evidence = json!({"type": "social_proof", "data": "look", "screenshot_url": picture});
        let path = format!("/tasks/{task}/evidence");
        user.post(&path, evidence).await.ok(202);
    }
    first
        .header("x-device-id", "phone")
        .post("/checkin", Value::Null)
        .await
        .ok(200);
    server.set_clock("2026-01-06T10:00:00Z").await;
    first
        .header("x-device-id", "tablet")
        .post("/checkin", Value::Null)
        .await
        .ok(200);
    [first.user, second.user]
}

async fn server() -> Server {
    let server = Server::start().await;
    server.set_clock("2026-01-05T10:00:00Z").await;
    server
}

fn reviewer(server: &Server) -> Client<'_> {
    server.client(Uuid::new_v4(), json!({"permissions": ["reviews:write"]}))
}

/// The kinds of the reviews of a query, with whose they are.
async fn listed(reviewer: &Client<'_>, query: &str) -> Vec<(String, Value)> {
    let found = reviewer.get(&format!("/reviews?{query}")).await.ok(200);
    let of = |review: &Value| {
        (
            review["kind"].as_str().unwrap().to_owned(),
            review["user_id"].clone(),
        )
    };
    found["items"].as_array().unwrap().iter().map(of).collect()
}

#[tokio::test]
async fn the_queue_is_narrowed_down() {
    let server = server().await;
    let [first, second] = flagged(&server).await;
    let reviewer = reviewer(&server);
    let one = |kind: &str, user: Uuid| (kind.to_owned(), json!(user));
    let all = [
        one("evidence", first),
        one("evidence", second),
        one("check_in", first),
    ];
    assert_eq!(listed(&reviewer, "").await, all);
    assert_eq!(listed(&reviewer, "kind=evidence").await, all[..2]);
    assert_eq!(
        listed(&reviewer, &format!("kind=evidence&user={second}&status=open")).await,
        all[1..2]
    );
    assert_eq!(listed(&reviewer, "kind=grant").await, []);
    assert_eq!(listed(&reviewer, "kind=evidence&status=approved").await, []);
    assert_eq!(listed(&reviewer, "assigned_to=nobody").await, all);
    assert_eq!(listed(&reviewer, "assigned_to=me").await, []);

    let page = reviewer.get("/reviews?kind=evidence&limit=1").await.ok(200);
    let next = page["next_cursor"].as_str().unwrap();
    let next = listed(&reviewer, &format!("kind=evidence&limit=1&cursor={next}")).await;
    assert_eq!(next, all[1..2]);

    for bad in ["kind=other", "user=x", "assigned_to=them"] {
        let refused = reviewer.get(&format!("/reviews?{bad}")).await;
        refused.refused(422, "invalid_query");
        let name = bad.split_once('=').unwrap().0;
        assert!(refused.body.to_string().contains(name), "{refused:?}");
    }
}

#[tokio::test]
async fn a_rejection_can_ban_and_the_ban_can_be_lifted() {
    let server = server().await;
    let [first, second] = flagged(&server).await;
    let (admin, reviewer) = (server.admin(), reviewer(&server));
    let review = |user: Uuid| {
        let reviewer = &reviewer;
        async move {
            let found = reviewer
                .get(&format!("/reviews?kind=evidence&user={user}"))
                .await
                .ok(200);
            format!("/reviews/{}", found["items"][0]["id"].as_str().unwrap())
        }
    };
    let page = format!("/users/{first}");
    let tags = json!({"tags": ["vip"]});
    admin
        .put(&format!("{page}/attributes"), tags.clone())
        .await
        .ok(200);

    let of_first = review(first).await;
    let approve = format!("{of_first}/approve");
    let approval = reviewer.post(&approve, json!({"ban": true})).await;
    approval.refused(422, "invalid_body");
    let reject = format!("{of_first}/reject");
    reviewer
        .post(&reject, json!({"note": "copied", "ban": true}))
        .await
        .ok(200);
    let banned = admin.get(&page).await.ok(200);
    assert_eq!(banned["tags"], json!(["vip", "banned"]));
    assert!(banned["banned_at"].is_string(), "{banned}");

    let said = admin.put(&format!("{page}/attributes"), tags).await.ok(200);
    assert_eq!(said["tags"], json!(["vip", "banned"]), "it is not taken away");

    let of_second = review(second).await;
    reviewer
        .post(&format!("{of_second}/reject"), json!({"note": "copied"}))
        .await
        .ok(200);
    let other = admin.get(&format!("/users/{second}")).await.ok(200);
    assert_eq!((&other["tags"], &other["banned_at"]), (&json!([]), &Value::Null));

    let unban = format!("{page}/unban");
    reviewer.post(&unban, Value::Null).await.refused(403, "forbidden");
    let nobody = format!("/users/{}/unban", Uuid::new_v4());
    admin.post(&nobody, Value::Null).await.refused(404, "not_found");
    let long = json!({"note": "x".repeat(1001)});
    admin.post(&unban, long).await.refused(422, "invalid_body");
    let free = admin.post(&unban, json!({"note": "a brother"})).await.ok(200);
    assert_eq!(free["tags"], json!(["vip"]));
    assert_eq!(admin.get(&page).await.ok(200)["banned_at"], Value::Null);
    // Again, and with a body that says nothing.
    let nothing = Some(b"null".to_vec());
    let again = admin.send(Method::POST, &unban, nothing).await.ok(200);
    assert_eq!(again, free);

    let audit = admin.get(&format!("/audit?subject={first}")).await.ok(200);
    let told: Vec<_> = audit["items"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|entry| entry["after"].get("banned_at").is_some())
        .map(|entry| {
            (
                entry["action"].clone(),
                entry["actor"].clone(),
                entry["after"]["note"].clone(),
            )
        })
        .collect();
    assert_eq!(
        told,
        [
            (json!("LiftBan"), json!(admin.user), json!("a brother")),
            (json!("DecideReview"), json!(reviewer.user), json!("copied")),
        ]
    );
}

#[tokio::test]
async fn a_review_is_left_to_whoever_takes_it_on() {
    let server = Server::with(&[("MISSION_FRAUD_ASSIGNMENT_MINUTES", "20")]).await;
    server.set_clock("2026-01-05T10:00:00Z").await;
    let [first, _] = flagged(&server).await;
    let (one, two) = (reviewer(&server), reviewer(&server));
    let path = format!("/reviews?kind=evidence&user={first}");
    let found = one.get(&path).await.ok(200)["items"][0].clone();
    assert_eq!(
        (&found["assigned_to"], &found["assigned_until"]),
        (&Value::Null, &Value::Null)
    );
    let review = format!("/reviews/{}", found["id"].as_str().unwrap());
    let [assign, release, approve] =
        ["assign", "release", "approve"].map(|action| format!("{review}/{action}"));

    let keyed = one.header("idempotency-key", "mine");
    let taken = keyed.post(&assign, Value::Null).await.ok(200);
    assert_eq!(taken["assigned_to"], json!(one.user));
    let until = taken["assigned_until"].as_str().unwrap();
    assert!(until.starts_with("2026-01-06T10:20:"), "{until}");
    assert_eq!(
        keyed.post(&assign, Value::Null).await.ok(200),
        taken,
        "once for each key"
    );
    assert_eq!(one.get(&review).await.ok(200)["assigned_to"], json!(one.user));
    let of = |reviewer: Uuid| format!("kind=evidence&assigned_to={reviewer}");
    assert_eq!(listed(&two, &of(one.user)).await.len(), 1);
    assert_eq!(listed(&one, "kind=evidence&assigned_to=me").await.len(), 1);
    assert_eq!(listed(&two, "assigned_to=me").await, []);
    assert_eq!(
        listed(&two, "kind=evidence&assigned_to=nobody").await.len(),
        1,
        "the other"
    );

    let later = two.header("idempotency-key", "when-it-is-free");
    for action in [&assign, &release, &approve] {
        let refused = two.post(action, Value::Null).await;
        refused.refused(409, "assigned_to_another");
        assert!(
            refused.body.to_string().contains("2026-01-06 10:20:"),
            "{refused:?}"
        );
    }
    later
        .post(&approve, Value::Null)
        .await
        .refused(409, "assigned_to_another");

    server.set_clock("2026-01-06T10:30:00Z").await;
    assert_eq!(
        one.get(&review).await.ok(200)["assigned_to"],
        Value::Null,
        "it has lapsed"
    );
    assert_eq!(listed(&two, "kind=evidence&assigned_to=nobody").await.len(), 2);
    let handed_on = json!({"reviewer": two.user});
    let handed_on = one.post(&assign, handed_on).await.ok(200);
    assert_eq!(handed_on["assigned_to"], json!(two.user));
    let given_back = two.post(&release, Value::Null).await.ok(200);
    assert_eq!(given_back["assigned_to"], Value::Null);
    two.post(&assign, json!({"reviewer": "x"}))
        .await
        .refused(422, "invalid_body");

    let decided = later.post(&approve, Value::Null).await.ok(200);
    assert_eq!(decided["status"], "approved", "the same key, once it is free");
    one.post(&assign, Value::Null)
        .await
        .refused(400, "already_decided");

    let id = found["id"].as_str().unwrap();
    let audit = server.admin().get(&format!("/audit?subject={id}")).await.ok(200);
    let told = audit["items"].as_array().unwrap();
    let told: Vec<_> = told
        .iter()
        .map(|entry| (entry["action"].clone(), entry["actor"].clone()))
        .collect();
    assert_eq!(
        told,
        [
            (json!("DecideReview"), json!(two.user)),
            (json!("ReleaseReview"), json!(two.user)),
            (json!("AssignReview"), json!(one.user)),
            (json!("AssignReview"), json!(one.user)),
        ]
    );
}

#[tokio::test]
async fn what_nobody_decides_in_time_is_decided_without_a_person() {
    let server = Server::with(&[
        ("MISSION_FRAUD_REVIEW_TIMEOUT_HOURS", "48"),
        ("MISSION_FRAUD_REVIEW_TIMEOUT", "approve"),
        ("MISSION_FRAUD_APPROVE_GRANTS_ABOVE", "100"),
    ])
    .await;
    server.set_clock("2026-01-05T10:00:00Z").await;
    let [first, second] = flagged(&server).await;
    let (admin, reviewer) = (server.admin(), reviewer(&server));
    let grant = json!({"points": 101, "reason": "a prize"});
    admin
        .post(&format!("/users/{first}/rewards"), grant)
        .await
        .ok(202);
    let waiting = listed(&reviewer, "").await;
    assert_eq!(waiting.len(), 4, "{waiting:?}");
    // Evidence came on the day before the others, which can still wait.
    server.set_clock("2026-01-07T10:30:00Z").await;
    let approved = decided(&reviewer, 2).await;
    for (review, user) in approved.iter().zip([first, second]) {
        assert_eq!(
            (
                &review["kind"],
                &review["user_id"],
                &review["decided_by"],
                &review["note"]
            ),
            (
                &json!("evidence"),
                &json!(user),
                &Value::Null,
                &json!("nobody decided within 48 hours")
            )
        );
    }
    assert_eq!(listed(&reviewer, "").await, waiting[2..]);
    server.set_clock("2026-01-09T10:30:00Z").await;
    let approved = decided(&reviewer, 3).await;
    assert_eq!(approved[2]["kind"], "check_in");
    let left: Vec<_> = listed(&reviewer, "")
        .await
        .into_iter()
        .map(|(kind, _)| kind)
        .collect();
    assert_eq!(left, ["grant"], "it needs a second person");
}

/// The approved reviews, once there are so many.
async fn decided(reviewer: &Client<'_>, count: usize) -> Vec<Value> {
    for _ in 0..300 {
        let approved = reviewer.get("/reviews?status=approved").await.ok(200);
        let approved = approved["items"].as_array().unwrap().clone();
        if approved.len() >= count {
            assert_eq!(approved.len(), count, "{approved:?}");
            return approved;
        }
        tokio::time::sleep(std::time::Duration::from_millis(100)).await;
    }
    panic!("what waits too long is not decided");
}
