//! Every page that a browser can open, and the headers that it comes with.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::Path,
};

use reqwest::{header::HeaderMap, redirect};
use url::Url;

use crate::support::Server;

/// What every answer of a page has, whatever it is.
const EXPECTED: [(&str, &str); 5] = [
    ("x-content-type-options", "nosniff"),
    ("x-frame-options", "DENY"),
    ("referrer-policy", "no-referrer"),
    ("cross-origin-opener-policy", "same-origin"),
    ("cross-origin-resource-policy", "same-origin"),
];

/// The directives of a policy with their sources.
fn policy(headers: &HeaderMap) -> BTreeMap<String, Vec<String>> {
    let policy = headers["content-security-policy"].to_str().unwrap();
    policy
        .split(';')
        .filter_map(|directive| {
            let mut words = directive.split_whitespace().map(str::to_owned);
            Some((words.next()?, words.collect()))
        })
        .collect()
}

#[track_caller]
fn assert_strict(path: &str, headers: &HeaderMap) {
    for (name, value) in EXPECTED {
        assert_eq!(
            headers.get(name).map(|found| found.to_str().unwrap()),
            Some(value),
            "{path}: {name}"
        );
    }
    assert!(headers.contains_key("permissions-policy"), "{path}");
    let policy = policy(headers);
    for directive in ["base-uri", "form-action", "frame-ancestors"] {
        assert_eq!(
            policy.get(directive),
            Some(&vec!["'none'".to_owned()]),
            "{path}: {directive}"
        );
    }
    let by_default = policy
        .get("default-src")
        .unwrap_or_else(|| panic!("{path} has no default"));
    assert!(
        *by_default == ["'none'"] || *by_default == ["'self'"],
        "{path}: {by_default:?}"
    );
    for (directive, sources) in &policy {
        for source in sources {
            let is_weak = ["*", "http:", "'unsafe-eval'", "'unsafe-hashes'"].contains(&source.as_str())
                || source.contains("://");
            assert!(!is_weak, "{path}: {directive} {source}");
        }
    }
    // Styles of the viewer of the document stand in its elements; scripts stand nowhere but in files of this server.
    let scripts = policy.get("script-src").unwrap_or(by_default);
    assert!(
        *scripts == ["'none'"] || *scripts == ["'self'"],
        "{path}: {scripts:?}"
    );
    let styles = policy.get("style-src").unwrap_or(by_default);
    let inline = styles.iter().any(|source| source == "'unsafe-inline'");
    assert_eq!(inline, path.starts_with("/docs"), "{path}: {styles:?}");
}

/// The addresses that a page leads to or loads, on the same server.
fn links(base: &Url, html: &str) -> Vec<Url> {
    let attributes = ["href=\"", "src=\""]
        .into_iter()
        .flat_map(|attribute| html.split(attribute).skip(1));
    attributes
        .filter_map(|rest| base.join(rest.split('"').next()?).ok())
        .filter(|url| url.origin() == base.origin())
        .collect()
}

#[tokio::test]
async fn every_page_comes_with_strict_headers() {
    let server = Server::start().await;
    let client = reqwest::Client::builder()
        .redirect(redirect::Policy::none())
        .build()
        .unwrap();
    let base: Url = server.url.parse().unwrap();
    let mut open: Vec<Url> = [
        "/",
        "/console",
        "/console/",
        "/console/development",
        "/console/nothing",
        "/docs",
        "/docs/",
        "/docs/nothing",
        "/openapi.json",
        "/asyncapi.json",
        "/problems",
        "/problems/nothing",
        "/schemas/nothing",
        "/schemas/mission.schema.json",
    ]
    .into_iter()
    .map(|path| base.join(path).unwrap())
    .collect();
    let console = Path::new(env!("CARGO_MANIFEST_DIR")).join("console");
    for folder in [console.clone(), console.join("vendor")] {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            let name = path.strip_prefix(&console).unwrap().to_str().unwrap();
            open.push(base.join(&format!("/console/{name}")).unwrap());
        }
    }
    let mut seen = BTreeSet::new();
    let mut html = 0;
    while let Some(url) = open.pop() {
        let path = url.path().to_owned();
        // Machines read these.
        let is_page = !["/health", "/metrics", "/api", "/dev"]
            .iter()
            .any(|other| path.starts_with(other));
        if !is_page || !seen.insert(path.clone()) {
            continue;
        }
        let answer = client
            .get(url.clone())
            .header("accept", "text/html,*/*")
            .send()
            .await
            .unwrap();
        assert!(answer.status().as_u16() < 500, "{path}");
        assert_strict(&path, answer.headers());
        let kind = answer
            .headers()
            .get("content-type")
            .map(|kind| kind.to_str().unwrap().to_owned());
        if kind.is_some_and(|kind| kind.starts_with("text/html")) {
            html += 1;
            let text = answer.text().await.unwrap();
            assert!(
                !text.contains("onclick=") && !text.contains("javascript:"),
                "{path}"
            );
            open.extend(links(&url, &text));
        }
    }
    assert!(html > 50, "{html} of {seen:?}");

    // A page that is added is walked too.
    let source = [
        include_str!("../../src/http/console.rs"),
        include_str!("../../src/http/docs.rs"),
        include_str!("../../src/http/pages.rs"),
    ]
    .concat();
    for route in source.split(".route(").skip(1) {
        let path = route
            .trim_start()
            .strip_prefix('"')
            .unwrap()
            .split('"')
            .next()
            .unwrap();
        let beginning = path.split('{').next().unwrap();
        assert!(
            seen.iter().any(|seen| seen.starts_with(beginning)),
            "nobody has opened {path}"
        );
    }
}

#[tokio::test]
async fn a_file_of_the_console_that_a_browser_has_is_not_sent_again() {
    let server = Server::start().await;
    let get = async |etag: &str| {
        let request = server.http.get(format!("{}/console/vendor/uplot.js", server.url));
        request.header("if-none-match", etag).send().await.unwrap()
    };
    let whole = get("\"another\"").await;
    assert_eq!(whole.status(), 200);
    let etag = whole.headers()["etag"].to_str().unwrap().to_owned();
    assert!(whole.text().await.unwrap().contains("uPlot"));
    let held = get(&etag).await;
    assert_eq!(
        (held.status().as_u16(), held.headers()["etag"].to_str().unwrap()),
        (304, &*etag)
    );
    assert_strict("a file that is held", held.headers());
    assert_eq!(held.text().await.unwrap(), "");
}
