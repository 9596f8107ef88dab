//! Personal data and secrets that come with requests to every route, and a log at its finest that holds none of them.

use axum::http::StatusCode;
use mission_neighbours::StandIn;
use reqwest::{Method, RequestBuilder};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::{
    authorization::{
        document::{Access, Operation, operations},
        world::{WORDS, World},
    },
    server_log::assert_nothing_personal,
    support::{Server, event, token},
};

const MAIL: &str = "ada.wordofmail@example.org";
const NAME: &str = "Ada Wordofname";
const ADDRESS: &str = "203.0.113.77";
/// Libraries are quieter than the server, but where they are named.
const FINEST: &str = "trace,hyper=trace,hyper_util=trace,reqwest=trace,rustls=trace,sqlx=trace,tower=trace,tower_http=trace,h2=trace";
const SERVICE_TOKEN: &str = "wordofservicetoken";
/// What the requests below are made of, besides the words of the world's owner.
const VALUES: [&str; 16] = [
    MAIL,
    "wordofmail",
    NAME,
    "Wordofname",
    "wordofexternal",
    "wordofdevice",
    ADDRESS,
    "wordofagent",
    "wordofcookie",
    "wordofkey",
    "wordofbody",
    "wordofquery",
    "wordofpath",
    "wordofhook",
    "wordofanswer",
    SERVICE_TOKEN,
];

/// What a browser or a phone sends beside what was asked for.
fn with_headers(request: RequestBuilder) -> RequestBuilder {
    request
        .header("x-device-id", "wordofdevice")
        .header("x-forwarded-for", ADDRESS)
        .header("forwarded", format!("for={ADDRESS}"))
        .header("user-agent", "wordofagent/1.0")
        .header("cookie", "session=wordofcookie")
        .header("referer", "https://app.example/?q=wordofquery")
}

/// A token whose claims say who somebody is, as those of many identity providers do.
#[expect(
    clippy::needless_pass_by_value,
    reason = "claims are written where they are used"
)]
fn personal_token(user: Uuid, claims: Value) -> String {
    let mut all = json!({"email": MAIL, "name": NAME, "preferred_username": "wordofexternal"});
    all.as_object_mut()
        .unwrap()
        .extend(claims.as_object().unwrap().clone());
    token(user, all)
}

/// A receiver of webhooks that fails, and says words.
async fn receiver() -> String {
    let failing = || async { (StatusCode::INTERNAL_SERVER_ERROR, "wordofanswer") };
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!(
        "http://{}/wordofhook?key=wordofhook",
        listener.local_addr().unwrap()
    );
    let app = axum::Router::new().fallback(failing);
    tokio::spawn(async move { axum::serve(listener, app).await });
    url
}

/// Sends an operation in every way in which something of it may be worth a line: as it should be, with bodies that cannot
/// be read, under keys, with queries of no use, and with tokens that are refused.
async fn send_everything(server: &Server, operation: &Operation, world: &World<'_>, token: &str) {
    let address = operation.address(|collection, name| world.fill(collection, name));
    let json = |body: &'static str| {
        let request = operation.bare_request(server, &address);
        request
            .header("content-type", "application/json")
            .body(body)
            .bearer_auth(token)
    };
    let somewhere = operation.address(|_, _| format!("wordofpath-{MAIL}"));
    let mut requests = vec![
        json("{\"wordofbody\": \"ada.wordofmail@example.org\"}"),
        json("{\"value\": \"Ada Wordofname wordofbody"),
        json("\"wordofbody\""),
        operation
            .request(server, &format!("{address}?wordofquery={MAIL}"))
            .bearer_auth(token),
        operation
            .request(server, &format!("{address}?cursor=wordofquery&limit=wordofquery"))
            .bearer_auth(token),
        operation.request(server, &somewhere).bearer_auth(token),
        operation
            .request(server, &address)
            .bearer_auth(format!("{token}x")),
        operation
            .request(server, &address)
            .basic_auth("wordofexternal", Some("wordofbody")),
    ];
    requests.push(
        operation
            .request(server, &address)
            .bearer_auth(token)
            .header("idempotency-key", "wordofkey"),
    );
    for request in requests {
        with_headers(request).send().await.unwrap();
    }
}

#[tokio::test]
async fn the_log_at_its_finest_holds_nothing_personal() {
    let iam = StandIn::start().await.unwrap();
    let server = Server::with(&[
        ("MISSION_LOG", FINEST),
        ("MISSION_IAM_URL", &iam.url),
        ("MISSION_SERVICE_TOKEN", SERVICE_TOKEN),
        ("MISSION_TRUSTED_PROXIES", "127.0.0.1"),
        ("MISSION_WEBHOOKS_ALLOWED_ADDRESSES", "127.0.0.0/8"),
        ("MISSION_FRAUD_RATE_LIMIT_PER_USER", "3/h"),
        ("MISSION_FRAUD_RATE_LIMIT_PER_ADDRESS", "5/h"),
    ])
    .await;
    let admin = server.admin();
    let secret = "whsec_d29yZG9maG9va3NlY3JldHdvcmRvZmhvb2s=";
    let hook = json!({"url": receiver().await, "events": [], "secret": secret});
    admin.post("/webhooks", hook).await.ok(201);
    let world = World::create_as(&server, json!({"permissions": ["events:write"]})).await;

    let operator = personal_token(Uuid::new_v4(), json!({"roles": ["admin"]}));
    let owner = personal_token(world.owner.user, json!({"permissions": ["events:write"]}));
    let mail = json!({"email": MAIL, "displayName": NAME, "text": "wordofbody"});
    let told = event(
        world.owner.user,
        "profile.changed",
        "2026-01-05T10:00:00Z",
        mail.clone(),
    );
    admin.post("/events", told).await.ok(200);
    let described = json!({"attributes": mail, "tags": ["wordofexternal"], "country": "DE"});
    admin
        .put(&format!("/users/{}/attributes", world.owner.user), described)
        .await
        .ok(200);
    admin.get(&format!("/users/{}", world.owner.user)).await.ok(200);

    let mut operations = operations(&server).await;
    operations.sort_by_key(|operation| operation.method == Method::DELETE);
    for operation in &operations {
        let token = if operation.access == Access::User {
            &owner
        } else {
            &operator
        };
        send_everything(&server, operation, &world, token).await;
    }
    // What users may send until they are told to wait.
    let limited = personal_token(Uuid::new_v4(), json!({}));
    let mut refused = 0;
    for _ in 0..8 {
        let request = server
            .http
            .post(format!("{}/api/v1/checkin", server.url))
            .bearer_auth(&limited);
        refused += usize::from(with_headers(request).send().await.unwrap().status() == 429);
    }
    assert!(refused > 0);
    let note = json!({"note": WORDS[4]});
    admin
        .post(&format!("/reviews/{}/approve", world.review), note)
        .await;
    for path in [
        "/console/",
        "/problems/wordofpath",
        "/wordofpath?q=wordofquery",
        "/files/wordofpath?signature=wordofquery",
    ] {
        with_headers(server.http.get(format!("{}{path}", server.url)))
            .send()
            .await
            .unwrap();
    }
    // Everything of the owner, as the last act.
    let erase = server
        .http
        .delete(format!("{}/api/v1/me", server.url))
        .bearer_auth(&owner);
    with_headers(erase).send().await.unwrap();
    // Deliveries to the webhook fail meanwhile.
    tokio::time::sleep(std::time::Duration::from_secs(2)).await;

    let of_owner = format!("User {}", &world.owner.user.to_string()[..8]);
    let tokens = [operator, owner, limited, world.owner.token.clone()];
    drop(world);
    let log = server.into_log();
    // It is the whole log: of every level, of what was refused and of what was done.
    for told in [
        "\"TRACE\"",
        "\"DEBUG\"",
        "\"INFO\"",
        "\"WARN\"",
        "an administrative command",
        "a token was refused",
    ] {
        assert!(log.contains(told), "{told} is not in {log}");
    }
    assert_nothing_personal(&log);
    for line in log.lines() {
        let values = VALUES.iter().chain(&WORDS).copied();
        let signatures = tokens.iter().filter_map(|token| token.rsplit('.').next());
        for value in values.chain(signatures).chain([secret, of_owner.as_str()]) {
            assert!(!line.contains(value), "{value} is in the log: {line}");
        }
    }
}
