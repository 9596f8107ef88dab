//! The OpenAPI document and the page that shows it, as a newcomer meets them.

use std::collections::BTreeSet;

use reqwest::Method;
use serde_json::{Value, json};

use crate::{
    rings,
    support::{Client, Server},
};

/// Sends the document's examples as they stand.
struct Examples {
    document: Value,
    sent: BTreeSet<(String, String)>,
}

impl Examples {
    async fn of(server: &Server) -> Examples {
        Examples {
            document: page(server, "/openapi.json").await.json().await.unwrap(),
            sent: BTreeSet::new(),
        }
    }

    /// The operations that take a body.
    fn with_body(&self) -> BTreeSet<(String, String)> {
        let paths = self.document["paths"].as_object().unwrap();
        let operations = paths.iter().flat_map(|(path, item)| {
            let operations = item.as_object().unwrap().iter();
            operations.map(move |(method, operation)| (method, path, operation))
        });
        // A file has no example, and a signature holds for one body at one moment.
        let is_signed = |operation: &Value| operation["parameters"].to_string().contains("webhook-signature");
        operations
            .filter(|(_, _, operation)| !operation["requestBody"].is_null() && !is_signed(operation))
            .filter(|(_, _, operation)| operation["requestBody"]["content"]["multipart/form-data"].is_null())
            .map(|(method, path, _)| (method.clone(), path.clone()))
            .collect()
    }

    /// Sends the example under each media type that the operation takes; gives the last answer.
    async fn send(&mut self, client: &Client<'_>, method: &str, path: &str, id: &str) -> Value {
        let content = &self.document["paths"][path][method]["requestBody"]["content"];
        let address = path.replace("{id}", id).replace("{name}", id);
        let mut last = Value::Null;
        for (media_type, content) in content.as_object().unwrap() {
            let body = serde_json::to_vec(&content["example"]).unwrap();
            let sent = client
                .header("content-type", media_type)
                .send(
                    Method::from_bytes(method.to_uppercase().as_bytes()).unwrap(),
                    address.trim_start_matches("/api/v1"),
                    Some(body),
                )
                .await;
            assert!((200..300).contains(&sent.status), "{method} {path}: {sent:?}");
            last = sent.body;
        }
        self.sent.insert((method.to_owned(), path.to_owned()));
        last
    }
}

async fn page(server: &Server, path: &str) -> reqwest::Response {
    let answer = server.http.get(format!("{}{path}", server.url)).send().await;
    answer.unwrap().error_for_status().unwrap()
}

async fn open_review(admin: &Client<'_>) -> String {
    let open = admin.get("/reviews?status=open").await.ok(200);
    open["items"][0]["id"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn every_example_is_answered_with_2xx_in_order() {
    let server = rings::server().await;
    let mut examples = Examples::of(&server).await;
    let (admin, user, other) = (server.admin(), server.user(), server.user());
    let post = Value::Null;

    examples.send(&admin, "put", "/dev/clock", "").await;
    let name = "/api/v1/packs/{name}";
    let parameters = &examples.document["paths"][name]["put"]["parameters"];
    let pack = parameters[0]["example"].as_str().unwrap().to_owned();
    examples.send(&admin, "put", name, &pack).await;
    let cases = examples.send(&admin, "post", "/api/v1/rules/test", "").await;
    assert_eq!(
        (&cases["ok"], &cases["cases"][0]["passed"]),
        (&json!(true), &json!(true)),
        "{cases}"
    );
    let mission = examples.send(&admin, "post", "/api/v1/missions", "").await;
    let mission = mission["id"].as_str().unwrap();
    examples
        .send(&admin, "put", "/api/v1/missions/{id}", mission)
        .await;
    let activate = format!("/missions/{mission}/activate");
    admin.post(&activate, post.clone()).await.ok(200);
    let checked = examples.send(&admin, "post", "/api/v1/rules/check", "").await;
    assert_eq!(checked["ok"], true, "{checked}");
    let value = examples.send(&admin, "post", "/api/v1/rules/eval", "").await;
    assert_eq!(value["value"], true);
    let id = user.user.to_string();
    let attributes = "/api/v1/users/{id}/attributes";
    examples.send(&admin, "put", attributes, &id).await;
    let results = examples.send(&admin, "post", "/api/v1/events", "").await;
    assert_eq!(
        results["results"][0]["status"], "duplicate",
        "sent before in another form"
    );

    let task = user.start(mission).await;
    let (progress, evidence) = ("/api/v1/tasks/{id}/progress", "/api/v1/tasks/{id}/evidence");
    let moved = examples.send(&user, "post", progress, &task).await;
    assert_eq!(moved["progress"]["percent_complete"], 100, "{moved}");
    examples.send(&user, "post", evidence, &task).await;
    let review = open_review(&admin).await;
    let assign = "/api/v1/reviews/{id}/assign";
    examples.send(&admin, "post", assign, &review).await;
    let approve = "/api/v1/reviews/{id}/approve";
    examples.send(&admin, "post", approve, &review).await;

    let task_of_other = other.start(mission).await;
    examples.send(&other, "post", progress, &task_of_other).await;
    let shown = json!({"type": "social_proof", "screenshot_url": "https://img.example/other.png"});
    let path = format!("/tasks/{task_of_other}/evidence");
    other.post(&path, shown).await.ok(202);
    let review = open_review(&admin).await;
    examples
        .send(&admin, "post", "/api/v1/reviews/{id}/reject", &review)
        .await;
    let banned = other.user.to_string();
    examples
        .send(&admin, "post", "/api/v1/users/{id}/unban", &banned)
        .await;

    rings::farm(&server, "a phone of many", 9).await;
    let ring = rings::open_ring(&admin, 9).await;
    examples
        .send(
            &admin,
            "post",
            "/api/v1/rings/{id}/decision",
            ring["id"].as_str().unwrap(),
        )
        .await;

    examples
        .send(&admin, "post", "/api/v1/users/{id}/rewards", &id)
        .await;
    let claimed = user.post(&format!("/tasks/{task}/claim"), post).await.ok(200);
    let reward = claimed["reward_id"].as_str().unwrap();
    examples
        .send(&admin, "post", "/api/v1/rewards/{id}/revoke", reward)
        .await;
    examples.send(&admin, "post", "/api/v1/webhooks", "").await;
    assert_eq!(examples.sent, examples.with_body());
}

#[tokio::test]
async fn a_page_of_an_allowed_origin_may_send_every_header_of_the_document() {
    let origin = "https://app.example";
    let server = Server::with(&[("MISSION_HTTP_CORS_ORIGINS", origin)]).await;
    let document: Value = page(&server, "/openapi.json").await.json().await.unwrap();
    let operations = document["paths"].as_object().unwrap().values();
    let parameters = operations
        .flat_map(|item| item.as_object().unwrap().values())
        .filter_map(|operation| operation["parameters"].as_array())
        .flatten();
    let headers: BTreeSet<String> = parameters
        .filter(|parameter| parameter["in"] == "header")
        .map(|parameter| parameter["name"].as_str().unwrap().to_lowercase())
        // Those that a service signs its messages with.
        .filter(|name| !name.starts_with("webhook-"))
        .collect();
    assert!(headers.contains("last-event-id"), "{headers:?}");

    let url = format!("{}/api/v1/stream", server.url);
    let preflight = server.http.request(Method::OPTIONS, url);
    let preflight = preflight
        .header("Origin", origin)
        .header("Access-Control-Request-Method", "GET");
    let answer = preflight.send().await.unwrap();
    assert_eq!(answer.headers()["access-control-allow-origin"], origin);
    let allowed = answer.headers()["access-control-allow-headers"].to_str().unwrap();
    let allowed: BTreeSet<String> = allowed.split(',').map(|name| name.trim().to_owned()).collect();
    let missing: Vec<_> = headers.difference(&allowed).collect();
    assert!(missing.is_empty(), "{missing:?} of {headers:?}");
}

#[tokio::test]
async fn the_page_of_the_document_loads_nothing_from_elsewhere() {
    let server = Server::start().await;
    let answer = page(&server, "/docs/").await;
    let policy = answer.headers()["content-security-policy"].to_str().unwrap();
    assert!(policy.starts_with("default-src 'self';"), "{policy}");
    assert!(!policy.contains("http"), "{policy}");
    let html = answer.text().await.unwrap();
    let mut loaded = 0;
    for attribute in ["src=\"", "href=\""] {
        for rest in html.split(attribute).skip(1) {
            let address = rest.split('"').next().unwrap();
            assert!(!address.contains("//"), "{address}");
            page(&server, &format!("/docs/{address}")).await;
            loaded += 1;
        }
    }
    assert!(loaded >= 4, "{html}");
    let start = page(&server, "/docs/swagger-initializer.js")
        .await
        .text()
        .await
        .unwrap();
    assert!(start.contains("\"validatorUrl\": \"none\""), "{start}");
    assert!(!start.contains("://"), "{start}");
}

/// Whether a schema and what it is composed of name a property twice: no client can be generated of such a one.
fn properties_named_twice(document: &Value, schema: &Value, named: &mut BTreeSet<String>) -> Vec<String> {
    let own = schema["properties"]
        .as_object()
        .into_iter()
        .flat_map(|properties| properties.keys());
    let mut twice: Vec<String> = own
        .filter(|name| !named.insert((*name).clone()))
        .cloned()
        .collect();
    if let Some(reference) = schema["$ref"].as_str() {
        let target = document.pointer(reference.trim_start_matches('#')).unwrap();
        twice.extend(properties_named_twice(document, target, named));
    }
    for part in schema["allOf"].as_array().into_iter().flatten() {
        twice.extend(properties_named_twice(document, part, named));
    }
    twice
}

#[tokio::test]
async fn no_schema_has_two_properties_of_one_name() {
    let server = Server::start().await;
    let document: Value = page(&server, "/openapi.json").await.json().await.unwrap();
    let schemas = document["components"]["schemas"].as_object().unwrap();
    let composed = schemas
        .values()
        .filter(|schema| schema["allOf"].is_array())
        .count();
    assert!(composed > 3, "{composed}");
    for (name, schema) in schemas {
        let twice = properties_named_twice(&document, schema, &mut BTreeSet::new());
        assert!(twice.is_empty(), "{name}: {twice:?}");
    }
}

#[tokio::test]
async fn every_operation_has_an_id_of_its_own() {
    let server = Server::start().await;
    let document: Value = page(&server, "/openapi.json").await.json().await.unwrap();
    let mut ids = BTreeSet::new();
    for item in document["paths"].as_object().unwrap().values() {
        for operation in item.as_object().unwrap().values() {
            let id = operation["operationId"].as_str().unwrap().to_owned();
            assert!(ids.insert(id.clone()), "{id} is there twice");
        }
    }
    assert!(ids.len() > 40, "{ids:?}");
}

#[tokio::test]
async fn the_type_of_a_problem_leads_to_what_it_means() {
    let server = Server::start().await;
    let refused = server.user().get("/missions/x").await;
    refused.refused(404, "not_found");
    assert_eq!(refused.body["type"], "/problems/not_found");
    let kind: Value = page(&server, "/problems/not_found").await.json().await.unwrap();
    assert_eq!(
        (&kind["code"], &kind["status"]),
        (&json!("not_found"), &json!(404))
    );
    let html = async |path: &str| {
        let request = reqwest::Client::new().get(format!("{}{path}", server.url));
        let answer = request.header("accept", "text/html,*/*").send().await.unwrap();
        assert_eq!(answer.status(), 200, "{path}");
        answer.text().await.unwrap()
    };
    assert!(html("/problems/not_found").await.contains("What to do"));
    let all = html("/problems").await;
    for link in all
        .split("href=\"")
        .skip(1)
        .filter_map(|rest| rest.split('"').next())
    {
        html(link).await;
    }
    for link in html("/")
        .await
        .split("href=\"")
        .skip(1)
        .filter_map(|rest| rest.split('"').next())
    {
        assert_eq!(page(&server, link).await.status(), 200, "{link}");
    }
    let nonsense = server
        .http
        .get(format!("{}/problems/nonsense", server.url))
        .send()
        .await;
    assert_eq!(nonsense.unwrap().status(), 404);
}

#[tokio::test]
async fn every_operation_of_the_api_says_that_it_may_be_refused_for_a_while() {
    let server = Server::start().await;
    let document: Value = page(&server, "/openapi.json").await.json().await.unwrap();
    let paths = document["paths"].as_object().unwrap();
    let mut operations = 0;
    for (path, item) in paths.iter().filter(|(path, _)| path.starts_with("/api/")) {
        for (method, operation) in item.as_object().unwrap() {
            let refused = &operation["responses"]["503"];
            let seconds = &refused["headers"]["Retry-After"]["schema"]["type"];
            assert_eq!(seconds, "integer", "{method} {path}: {refused}");
            operations += 1;
        }
    }
    assert!(operations > 50, "{operations}");
}
