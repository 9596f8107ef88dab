//! Links, and what they lead to.

use std::{sync::Arc, time::Duration};

use axum::{
    Router,
    http::{HeaderMap, Method, StatusCode},
};
use http_body_util::BodyExt;
use mission_core::ports::clock::Clock;
use tower::ServiceExt;

use super::{make::*, *};

struct Fixed(DateTime<Utc>);

impl Clock for Fixed {
    fn now(&self) -> DateTime<Utc> {
        self.0
    }
}

struct Answer {
    status: u16,
    headers: HeaderMap,
    body: Vec<u8>,
}

impl Answer {
    fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }
}

struct Server {
    fixture: Arc<Uploads>,
    router: Router,
    _folder: tempfile::TempDir,
}

impl Server {
    fn start() -> Self {
        let UploadFixture { folder, uploads } = UploadFixture::new();
        let fixture = Arc::new(uploads);
        let router = files_router(Arc::clone(&fixture), Arc::new(Fixed(now())));
        Server {
            fixture,
            router,
            _folder: folder,
        }
    }

    async fn keep(&self, bytes: &[u8]) -> UploadedFile {
        let part = Part {
            content_type: None,
            file_name: None,
            bytes: pieces(bytes),
        };
        self.fixture.receive(part, now()).await.unwrap()
    }

    async fn ask(&self, method: Method, uri: &str, headers: &[(&str, &str)]) -> Answer {
        let mut request = Request::builder().method(method).uri(uri);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let request = request.body(Body::empty()).unwrap();
        let response = self.router.clone().oneshot(request).await.unwrap();
        let (parts, body) = response.into_parts();
        Answer {
            status: parts.status.as_u16(),
            headers: parts.headers,
            body: body.collect().await.unwrap().to_bytes().to_vec(),
        }
    }

    async fn link(&self, file: &UploadedFile) -> String {
        self.fixture
            .link(file, now(), Duration::from_secs(60))
            .await
            .unwrap()
    }
}

#[tokio::test]
async fn a_link_leads_to_the_file_without_any_right() {
    let server = Server::start();
    let file = server.keep(&pdf()).await;
    let link = server.link(&file).await;
    let answer = server.ask(Method::GET, &link, &[]).await;
    assert_eq!((answer.status, &answer.body), (200, &pdf()));
    let disposition = format!("attachment; filename=\"{}.pdf\"", file.id.0);
    for (name, value) in [
        ("content-type", "application/pdf"),
        ("content-length", &pdf().len().to_string()),
        ("content-disposition", &disposition),
        ("x-content-type-options", "nosniff"),
        ("content-security-policy", "sandbox; default-src 'none'"),
        ("cache-control", "private, max-age=60"),
        ("accept-ranges", "bytes"),
    ] {
        assert_eq!(answer.header(name), value, "{name}");
    }
    let head = server.ask(Method::HEAD, &link, &[]).await;
    assert_eq!((head.status, head.body.len()), (200, 0));
    assert_eq!(head.header("content-length"), pdf().len().to_string());

    let image = server.keep(&png()).await;
    let answer = server.ask(Method::GET, &server.link(&image).await, &[]).await;
    assert_eq!(answer.header("content-type"), "image/png");
    assert!(answer.header("content-disposition").starts_with("inline;"));
}

#[tokio::test]
async fn parts_of_a_file_are_served() {
    let server = Server::start();
    let file = server.keep(&mp4()).await;
    let (link, whole, size) = (server.link(&file).await, mp4(), mp4().len());
    for (range, from, to) in [
        ("bytes=0-3", 0, 4),
        ("bytes=100-", 100, size),
        ("bytes=-5", size - 5, size),
        ("bytes=10-99999999", 10, size),
    ] {
        let answer = server.ask(Method::GET, &link, &[("range", range)]).await;
        assert_eq!(
            (answer.status, &answer.body[..]),
            (206, &whole[from..to]),
            "{range}"
        );
        assert_eq!(
            answer.header("content-range"),
            format!("bytes {from}-{}/{size}", to - 1)
        );
        assert_eq!(answer.header("content-length"), (to - from).to_string());
        assert_eq!(answer.header("content-type"), "video/mp4");
    }
    let range = format!("bytes={size}-");
    let answer = server.ask(Method::GET, &link, &[("range", &range)]).await;
    assert_eq!(answer.status, StatusCode::RANGE_NOT_SATISFIABLE);
    assert_eq!(answer.header("content-range"), format!("bytes */{size}"));
    let answer = server
        .ask(Method::GET, &link, &[("range", "bytes=0-1,5-6")])
        .await;
    assert_eq!((answer.status, answer.body.len()), (200, size));
    let another = [("range", "bytes=0-3"), ("if-range", "\"another\"")];
    assert_eq!(server.ask(Method::GET, &link, &another).await.status, 200);
}

#[tokio::test]
async fn a_link_that_does_not_hold_is_refused() {
    let server = Server::start();
    let (file, other) = (server.keep(&pdf()).await, server.keep(&pdf()).await);
    let link = server.link(&file).await;
    let (path, query) = link.split_once('?').unwrap();
    let (_, signature) = query.split_once('&').unwrap();
    let last = if link.ends_with('A') { 'B' } else { 'A' };
    let changed = format!("{}{last}", &link[..link.len() - 2]);
    let foreign = LinkSigner::new(b"another secret").link(file.id.0, now(), Duration::from_secs(60));
    let expired = server.fixture.links().link(file.id.0, now(), Duration::ZERO);
    for uri in [
        path.to_owned(),
        format!("{path}?{signature}"),
        format!("{path}?expires=99999999999&{signature}"),
        format!("{path}?expires=x&{signature}"),
        format!("/files/{}?{query}", other.id.0),
        format!("/files/..%2f{}?{query}", file.id.0),
        changed,
        foreign,
        expired,
    ] {
        let answer = server.ask(Method::GET, &uri, &[]).await;
        assert_eq!(answer.status, StatusCode::FORBIDDEN, "{uri}");
        let problem: serde_json::Value = serde_json::from_slice(&answer.body).unwrap();
        assert_eq!(problem["code"], "link_refused");
    }
}

#[tokio::test]
async fn a_file_that_is_gone_is_not_found() {
    let server = Server::start();
    let file = server.keep(&pdf()).await;
    let link = server.link(&file).await;
    server.fixture.store().unwrap().remove(file.id.0).await.unwrap();
    server
        .fixture
        .store()
        .unwrap()
        .remove(file.id.0)
        .await
        .expect("twice");
    assert_eq!(server.ask(Method::GET, &link, &[]).await.status, 404);
}

#[test]
fn a_link_holds_up_to_its_second() {
    let links = LinkSigner::new(b"secret");
    let id = uuid::Uuid::nil();
    let link = links.link(id, now(), Duration::from_secs(60));
    let query = link.split_once('?').unwrap().1;
    let after = |seconds| links.check(id, query, now() + chrono::TimeDelta::seconds(seconds));
    assert_eq!(after(59), Ok(Duration::from_secs(1)));
    assert_eq!(after(60), Err(InvalidLink::Expired));
    assert_eq!(
        LinkSigner::new(b"other").check(id, query, now()),
        Err(InvalidLink::Signature)
    );
    let forever = links.link(id, now(), Duration::MAX);
    assert!(links.check(id, forever.split_once('?').unwrap().1, now()).is_ok());
}
