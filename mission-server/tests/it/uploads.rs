//! Files uploaded to tasks: taken, looked at, shown, paid.

use base64::{Engine as _, prelude::BASE64_STANDARD};
use reqwest::Method;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::support::{Answer, Client, Server};

/// A PNG of one pixel.
const PIXEL: &str =
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==";

pub(crate) fn pixel() -> Vec<u8> {
    BASE64_STANDARD.decode(PIXEL).unwrap()
}

pub(crate) async fn upload(client: &Client<'_>, task: &str, name: &str, kind: &str, bytes: &[u8]) -> Answer {
    let head = format!(
        "--limit\r\nContent-Disposition: form-data; name=\"{name}\"; filename=\"proof\"\r\nContent-Type: {kind}\r\n\r\n"
    );
    let body = [head.as_bytes(), bytes, b"\r\n--limit--\r\n"].concat();
    let client = client.header("content-type", "multipart/form-data; boundary=limit");
    client
        .send(Method::POST, &format!("/tasks/{task}/upload"), Some(body))
        .await
}

pub(crate) fn photos() -> Value {
    json!({"type": "upload", "evidence": {"type": "uploaded_content"}, "reward": {"points": 7}})
}

pub(crate) async fn open_reviews(admin: &Client<'_>) -> Vec<Value> {
    let open = admin.get("/reviews").await.ok(200);
    open["items"].as_array().unwrap().clone()
}

#[tokio::test]
async fn an_upload_is_looked_at_and_paid_once() {
    let files = tempfile::tempdir().unwrap();
    let address = format!("file://{}", files.path().display());
    let server = Server::with(&[("MISSION_STORAGE_URL", &address)]).await;
    let (admin, user) = (server.admin(), server.user());
    let mission = admin.mission("photo", photos()).await;
    let task = user.start(&mission).await;
    upload(&server.user(), &task, "file", "image/png", &pixel())
        .await
        .refused(404, "not_found");
    let taken = upload(&user, &task, "file", "image/png", &pixel()).await.ok(202);
    assert_eq!(taken["status"], "pending");
    let again = upload(&user, &task, "file", "image/png", &pixel()).await.ok(202);
    assert_eq!(again["file_id"], taken["file_id"]);
    let shown = json!({"type": "uploaded_content", "data": taken["file_id"]});
    user.post(&format!("/tasks/{task}/evidence"), shown.clone())
        .await
        .refused(422, "evidence_rejected");

    let read = async |url: &Value| {
        let url = format!("{}{}", server.url, url.as_str().unwrap());
        server.http.get(url).send().await.unwrap()
    };
    let file = read(&taken["url"]).await;
    assert_eq!(file.status(), 200);
    assert_eq!(file.headers()["content-type"], "image/png");
    assert_eq!(file.headers()["x-content-type-options"], "nosniff");
    assert!(
        file.headers()["content-security-policy"]
            .to_str()
            .unwrap()
            .contains("sandbox")
    );
    let changed = taken["url"].as_str().unwrap().replace("expires=", "expires=9");
    assert_eq!(read(&json!(changed)).await.status(), 403);

    let reviews = open_reviews(&admin).await;
    assert_eq!(reviews.len(), 1, "{reviews:?}");
    assert_eq!(reviews[0]["kind"], "upload");
    assert_eq!(reviews[0]["file_id"], taken["file_id"]);
    let path = format!("/reviews/{}", reviews[0]["id"].as_str().unwrap());
    let detail = admin.get(&path).await.ok(200);
    assert_eq!(detail["upload"]["content_type"], "image/png");
    assert_eq!(read(&detail["upload"]["url"]).await.status(), 200);
    admin.post(&format!("{path}/approve"), json!({})).await.ok(200);
    let done = user.get(&format!("/tasks/{task}")).await.ok(200);
    assert_eq!(done["status"], "completed", "{done}");
    assert_eq!(done["uploads"][0]["status"], "approved");
    assert_eq!(done["evidence"]["data"], taken["file_id"]);
    let claim = format!("/tasks/{task}/claim");
    assert_eq!(user.post(&claim, Value::Null).await.ok(200)["points_earned"], 7);
    user.post(&claim, Value::Null)
        .await
        .refused(400, "already_claimed");

    // The same picture earns nobody else anything, and no copy of it stays.
    let other = server.user();
    let task = other.start(&mission).await;
    upload(&other, &task, "file", "image/png", &pixel())
        .await
        .refused(422, "evidence_reused");
    let kept: Vec<_> = std::fs::read_dir(files.path()).unwrap().collect();
    assert_eq!(kept.len(), 1, "{kept:?}");
}

#[tokio::test]
async fn what_is_no_picture_is_refused_and_leaves_nothing() {
    let files = tempfile::tempdir().unwrap();
    let address = format!("file://{}", files.path().display());
    let server = Server::with(&[
        ("MISSION_STORAGE_URL", &address),
        ("MISSION_UPLOAD_MAX_BYTES", "1KiB"),
    ])
    .await;
    let (admin, user) = (server.admin(), server.user());
    let mission = admin.mission("photo", photos()).await;
    let task = user.start(&mission).await;
    for (name, kind, bytes, status, code) in [
        ("file", "image/png", vec![b'x'; 5000], 413, "payload_too_large"),
        (
            "file",
            "image/png",
            b"<svg onload='alert(1)'/>".to_vec(),
            415,
            "unsupported_media_type",
        ),
        ("file", "image/jpeg", pixel(), 415, "unsupported_media_type"),
        ("file", "image/png", Vec::new(), 422, "invalid_upload"),
        ("file", "image/png", pixel()[..40].to_vec(), 422, "invalid_upload"),
        ("other", "image/png", pixel(), 422, "invalid_upload"),
    ] {
        let answer = upload(&user, &task, name, kind, &bytes).await;
        answer.refused(status, code);
    }
    let json = user.post(&format!("/tasks/{task}/upload"), json!({})).await;
    json.refused(415, "unsupported_media_type");
    upload(&user, &Uuid::new_v4().to_string(), "file", "image/png", &pixel())
        .await
        .refused(404, "not_found");
    let reading = admin.mission("reading", json!({})).await;
    let other = user.start(&reading).await;
    upload(&user, &other, "file", "image/png", &pixel())
        .await
        .refused(422, "evidence_rejected");
    let kept: Vec<_> = std::fs::read_dir(files.path()).unwrap().collect();
    assert!(kept.is_empty(), "{kept:?}");
    assert!(open_reviews(&admin).await.is_empty());
}

/// A PNG with a picture: stripes of brightness, some of them different.
pub(crate) fn striped(different: u32) -> Vec<u8> {
    let picture = image::GrayImage::from_fn(64, 64, |x, y| {
        let stripe = (x / 8 * 37 + y / 8 * 91 + x / 8 * (y / 8) * 53) % 256;
        let moved = if y / 8 == 7 && x < different * 8 { 20 } else { 0 };
        image::Luma([u8::try_from((stripe + moved) % 256).unwrap()])
    });
    let mut bytes = std::io::Cursor::new(Vec::new());
    picture.write_to(&mut bytes, image::ImageFormat::Png).unwrap();
    bytes.into_inner()
}

#[tokio::test]
async fn a_near_copy_is_marked_for_the_reviewer() {
    let server = Server::start().await;
    let admin = server.admin();
    let mission = admin.mission("photo", photos()).await;
    let mut files = Vec::new();
    for picture in [striped(0), striped(1)] {
        let user = server.user();
        let task = user.start(&mission).await;
        let taken = upload(&user, &task, "file", "image/png", &picture).await.ok(202);
        files.push(taken["file_id"].clone());
    }
    let reviews = open_reviews(&admin).await;
    assert_eq!(reviews[0]["reasons"], json!(["manual_review"]));
    assert_eq!(reviews[1]["reasons"], json!([{"near_copy": files[0]}]));
}

#[tokio::test]
async fn a_key_is_good_for_one_file() {
    let server = Server::start().await;
    let mission = server.admin().mission("photo", photos()).await;
    let user = server.user();
    let task = user.start(&mission).await;
    let keyed = || user.header("idempotency-key", "photo-1");
    let first = upload(&keyed(), &task, "file", "image/png", &pixel()).await;
    assert!(!first.headers.contains_key("idempotency-replayed"));
    let first = first.ok(202);
    let again = upload(&keyed(), &task, "file", "image/png", &pixel()).await;
    assert_eq!(again.headers["idempotency-replayed"], "true");
    assert_eq!(again.ok(202)["file_id"], first["file_id"]);
    upload(&keyed(), &task, "file", "image/png", &striped(0))
        .await
        .refused(422, "idempotency_key_reused");
    let shown = user.get(&format!("/tasks/{task}")).await.ok(200);
    assert_eq!(shown["uploads"].as_array().unwrap().len(), 1);
}
