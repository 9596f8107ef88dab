//! Who may do what: every operation of the OpenAPI document, with every role but the right one, and on another's things.

pub(crate) mod document;
pub(crate) mod world;

use std::collections::BTreeSet;

use mission_server::auth::Permission;
use reqwest::{Method, RequestBuilder, Response};
use serde_json::{Value, json};
use uuid::Uuid;

use self::{
    document::{Access, Operation, operations},
    world::{WORDS, World},
};
use crate::support::{Server, token};

/// All that answers without a token. A route that is to be added needs a reason.
const PUBLIC: [&str; 7] = [
    "GET /dev/clock",
    "GET /health",
    "GET /health/live",
    "GET /health/ready",
    "GET /metrics",
    // By a signature.
    "POST /api/v1/moderation/callback",
    "PUT /dev/clock",
];
/// What users own. An operation on one of these is the owner's alone.
const OWNED: [&str; 3] = ["tasks", "rewards", "users"];
/// What all users see.
const SHARED: [&str; 2] = ["missions", "leaderboards"];

/// Status, body and text of an answer. A stream never ends, so that nothing of it is read.
async fn answer(request: RequestBuilder) -> (u16, Value, String) {
    read(request.send().await.unwrap()).await
}

async fn read(response: Response) -> (u16, Value, String) {
    let status = response.status().as_u16();
    let is_stream = response
        .headers()
        .get("content-type")
        .is_some_and(|kind| kind == "text/event-stream");
    let text = if is_stream {
        String::new()
    } else {
        response.text().await.unwrap()
    };
    (status, serde_json::from_str(&text).unwrap_or(Value::Null), text)
}

fn with_permissions<'p>(permissions: impl IntoIterator<Item = &'p str>) -> String {
    let permissions: Vec<&str> = permissions.into_iter().collect();
    token(Uuid::new_v4(), json!({"permissions": permissions}))
}

#[tokio::test]
async fn nothing_but_the_declared_routes_answers_without_a_token() {
    let server = Server::start().await;
    let operations = operations(&server).await;
    let public = operations
        .iter()
        .filter(|operation| operation.access == Access::Public);
    let public: BTreeSet<String> = public.map(Operation::name).collect();
    assert_eq!(public, PUBLIC.map(str::to_owned).into());
    for operation in &operations {
        let nobody = |_: &str, _: &str| Uuid::new_v4().to_string();
        let address = operation.address(nobody);
        let name = operation.name();
        if operation.access == Access::Public {
            let signed = operation.path == "/api/v1/moderation/callback";
            let (status, ..) = answer(operation.request(&server, &address)).await;
            assert_eq!(status == 401, signed, "{name}: {status}");
            // A token is no signature.
            let admin = operation
                .request(&server, &address)
                .bearer_auth(&server.admin().token);
            assert_eq!(answer(admin).await.0 == 401, signed, "{name}");
            continue;
        }
        for request in [
            operation.request(&server, &address),
            operation.bare_request(&server, &address),
            operation.request(&server, &address).bearer_auth("nonsense"),
            operation.request(&server, &format!("{address}?token=x&access_token=x")),
            operation.request(&server, &address).header("cookie", "token=x"),
        ] {
            let response = request.send().await.unwrap();
            assert!(response.headers().contains_key("www-authenticate"), "{name}");
            let (status, body, _) = read(response).await;
            assert_eq!(
                (status, &body["code"]),
                (401, &json!("unauthorized")),
                "{name}: {body}"
            );
        }
        // The same path in other words is no other door.
        for variant in [
            address.replace("/api", "/API"),
            address.replace("/v1", "//v1"),
            format!("{address}/"),
            format!("/{address}"),
            address.replace("/api/v1", "/api/v1/%2e"),
            address.replace("/api/v1", "/api/v1;x=y"),
        ] {
            let (status, ..) = answer(operation.request(&server, &variant)).await;
            assert!((400..500).contains(&status), "{name} as {variant}: {status}");
        }
        for method in [Method::HEAD, Method::PATCH, Method::TRACE] {
            let request = server
                .http
                .request(method.clone(), format!("{}{address}", server.url));
            let status = request.send().await.unwrap().status().as_u16();
            assert!(matches!(status, 401 | 404 | 405), "{method} {address}: {status}");
        }
    }
}

#[tokio::test]
async fn each_permission_opens_its_own_routes_and_no_others() {
    let server = Server::start().await;
    let world = World::create(&server).await;
    let admin = server.admin();
    let operations = operations(&server).await;
    let all = Permission::ALL.map(Permission::as_str);
    let audit = || async { admin.get("/audit?limit=100").await.ok(200) };
    let before = (world.export().await, audit().await);

    let mut used = BTreeSet::new();
    let guarded = || {
        operations.iter().filter_map(|operation| match &operation.access {
            Access::Permission(needed) => Some((operation, needed.as_str())),
            Access::Public | Access::User => None,
        })
    };
    for (operation, needed) in guarded() {
        assert!(
            all.contains(&needed),
            "{} needs `{needed}`, which there is not",
            operation.name()
        );
        used.insert(needed);
        let others = || all.into_iter().filter(|other| *other != needed);
        let mut refused = vec![
            with_permissions([]),
            with_permissions(others()),
            with_permissions([
                needed.to_uppercase().as_str(),
                &format!("{needed} "),
                "*",
                "admin",
            ]),
            token(
                Uuid::new_v4(),
                json!({"roles": ["Admin", "admins", "user", needed], "scope": needed}),
            ),
            // The owner of what the path names is no operator.
            world.owner.token.clone(),
        ];
        refused.extend(others().map(|other| with_permissions([other])));
        let address = operation.address(|collection, name| world.fill(collection, name));
        for token in refused {
            for request in [
                operation.request(&server, &address),
                // Who may not is told so before the body is judged.
                operation
                    .bare_request(&server, &address)
                    .header("content-type", "application/json")
                    .body("{"),
            ] {
                let (status, body, text) = answer(request.bearer_auth(&token)).await;
                assert_eq!(
                    (status, &body["code"]),
                    (403, &json!("forbidden")),
                    "{}: {body}",
                    operation.name()
                );
                assert!(text.contains(needed), "{text}");
                assert!(WORDS.iter().all(|word| !text.contains(word)), "{text}");
            }
        }
    }
    assert_eq!(used, all.into(), "a permission that opens nothing is a mistake");
    assert_eq!(
        (world.export().await, audit().await),
        before,
        "who was refused has changed nothing"
    );

    // What deletes comes last.
    let mut guarded: Vec<_> = guarded().collect();
    guarded.sort_by_key(|(operation, _)| operation.method == Method::DELETE);
    for (operation, needed) in guarded {
        let address = operation.address(|collection, name| world.fill(collection, name));
        for token in [with_permissions([needed]), server.admin().token] {
            let (status, body, _) = answer(operation.request(&server, &address).bearer_auth(token)).await;
            // There is no broker here.
            let no_broker = status == 503 && operation.path.starts_with("/api/v1/inbound");
            let taken = matches!(status, 200..300 | 400 | 404 | 409 | 422) || no_broker;
            assert!(taken, "{} with `{needed}`: {status} {body}", operation.name());
        }
    }
}

#[tokio::test]
async fn every_user_may_call_the_routes_for_users() {
    let server = Server::start().await;
    let world = World::create(&server).await;
    let operations = operations(&server).await;
    let mut for_users: Vec<_> = operations
        .iter()
        .filter(|operation| operation.access == Access::User)
        .collect();
    for_users.sort_by_key(|operation| operation.method == Method::DELETE);
    for operation in for_users {
        let address = operation.address(|collection, name| world.fill(collection, name));
        let request = operation
            .request(&server, &address)
            .bearer_auth(&world.owner.token);
        let (status, body, _) = answer(request).await;
        let taken = matches!(status, 200..300 | 400 | 422);
        assert!(taken, "{}: {status} {body}", operation.name());
    }
}

/// A body without what differs from request to request.
fn comparable(mut body: Value, id: &str) -> Value {
    if let Some(fields) = body.as_object_mut() {
        fields.remove("correlation_id");
    }
    serde_json::from_str(&body.to_string().replace(id, "ID")).unwrap()
}

#[tokio::test]
async fn anothers_things_are_as_if_they_were_not_there() {
    let server = Server::start().await;
    let world = World::create(&server).await;
    let operations = operations(&server).await;
    let before = world.export().await;
    let stranger = server.user().token;
    // Nobody has a permission for the things of users on the routes of users.
    let admin = server.admin().token;
    let mut tried = BTreeSet::new();
    for operation in operations
        .iter()
        .filter(|operation| operation.access == Access::User)
    {
        let name = operation.name();
        let Some(collection) = operation.collection() else {
            continue;
        };
        if SHARED.contains(&collection) {
            continue;
        }
        assert!(OWNED.contains(&collection), "{name}: whose are `{collection}`?");
        let of_users = collection == "users";
        let expected = if of_users {
            (403, "forbidden")
        } else {
            (404, "not_found")
        };
        let callers = if of_users {
            vec![&stranger]
        } else {
            vec![&stranger, &admin]
        };
        for caller in callers {
            let mut ids = vec![world.fill(collection, "id")];
            if collection == "tasks" {
                ids.push(world.completed.clone());
            }
            for id in ids {
                let ask = async |id: &str, garbage: bool| {
                    let fill = |collection: &str, name: &str| match name {
                        "id" => id.to_owned(),
                        _ => world.fill(collection, name),
                    };
                    let address = operation.address(fill);
                    let request = if garbage {
                        let request = operation.bare_request(&server, &address);
                        request.header("content-type", "application/json").body("{")
                    } else {
                        operation.request(&server, &address)
                    };
                    let (status, body, _) = answer(request.bearer_auth(caller)).await;
                    (status, comparable(body, id))
                };
                for garbage in [false, true] {
                    let (status, body) = ask(&id, garbage).await;
                    assert_eq!(
                        (status, body["code"].as_str().unwrap()),
                        expected,
                        "{name}: {body}"
                    );
                    let nothing = ask(&Uuid::new_v4().to_string(), garbage).await;
                    assert_eq!((status, body), nothing, "{name} tells that it is there");
                }
            }
        }
        tried.insert(name);
    }
    assert!(tried.len() >= 8, "{tried:?}");
    assert_eq!(world.export().await, before, "nothing of the owner's has changed");
}

#[tokio::test]
async fn nothing_of_another_user_shows_on_any_route_for_users() {
    let server = Server::start().await;
    let world = World::create(&server).await;
    let stranger = server.user();
    stranger.post("/checkin", Value::Null).await.ok(200);
    let hidden = [&world.task, &world.completed, &world.reward, &world.review];
    let mut asked_for_another = 0;
    for operation in operations(&server).await {
        if operation.access != Access::User || operation.method != Method::GET {
            continue;
        }
        let address = operation.address(|collection, name| match (collection, name) {
            ("users", "id") => stranger.user.to_string(),
            _ => world.fill(collection, name),
        });
        let name = operation.name();
        let (_, _, text) = answer(operation.request(&server, &address).bearer_auth(&stranger.token)).await;
        let words = WORDS.iter().copied();
        for word in words.chain(
            hidden
                .iter()
                .filter(|id| !address.contains(id.as_str()))
                .map(|id| id.as_str()),
        ) {
            assert!(!text.contains(word), "{name} tells {word}: {text}");
        }
        if operation.parameters("query").any(|parameter| parameter == "user") {
            let of_owner = format!("{address}?user={}", world.owner.user);
            let request = operation.request(&server, &of_owner).bearer_auth(&stranger.token);
            assert_eq!(answer(request).await.0, 403, "{name}");
            asked_for_another += 1;
        }
    }
    assert!(asked_for_another > 0, "GET /stream takes a user");
    // Nor does an answer that the owner was given, under the owner's key.
    let keyed = world.owner.header("idempotency-key", "the-owners-key");
    let claimed = keyed
        .post(&format!("/tasks/{}/claim", world.completed), Value::Null)
        .await;
    claimed.ok(200);
    let stolen = stranger.header("idempotency-key", "the-owners-key");
    let path = format!("/tasks/{}/claim", world.completed);
    stolen.post(&path, Value::Null).await.refused(404, "not_found");
}

/// Routes below `/api/v1` are made by `routes!` alone, which puts them into the document.
#[test]
fn no_route_of_the_api_is_missing_in_the_document() {
    fn sources(folder: &std::path::Path, found: &mut Vec<std::path::PathBuf>) {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                sources(&path, found);
            } else {
                found.push(path);
            }
        }
    }
    let mut found = Vec::new();
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("src/http/v1");
    sources(&folder, &mut found);
    assert!(found.len() > 20);
    for path in found {
        let text = std::fs::read_to_string(&path).unwrap();
        for way in [".route(", ".route_service(", ".nest_service(", ".fallback("] {
            assert!(!text.contains(way), "{}: {way}", path.display());
        }
    }
}
