//! The operations of the OpenAPI document, and requests to them.

use reqwest::{Method, RequestBuilder, multipart};
use serde_json::Value;

use crate::support::Server;

/// Who may call an operation, as the document declares it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Access {
    /// Anybody: it needs no token, though it may need a signature.
    Public,
    /// Every user.
    User,
    /// Who has this permission.
    Permission(String),
}

/// One operation of the document.
#[derive(Clone, Debug)]
pub(crate) struct Operation {
    pub(crate) method: Method,
    pub(crate) path: String,
    pub(crate) access: Access,
    parameters: Vec<Value>,
    body: Content,
}

#[derive(Clone, Debug)]
enum Content {
    None,
    /// A media type with the document's example.
    Example(String, Value),
    File,
}

/// Every operation that a server's document declares.
pub(crate) async fn operations(server: &Server) -> Vec<Operation> {
    let url = format!("{}/openapi.json", server.url);
    let document: Value = server.http.get(url).send().await.unwrap().json().await.unwrap();
    let by_default = &document["security"];
    let paths = document["paths"].as_object().unwrap();
    let operations: Vec<Operation> = paths
        .iter()
        .flat_map(|(path, item)| {
            item.as_object()
                .unwrap()
                .iter()
                .map(move |(method, operation)| (path, method, operation))
        })
        .map(|(path, method, operation)| {
            let parameters = operation["parameters"].as_array().cloned().unwrap_or_default();
            Operation {
                method: Method::from_bytes(method.to_uppercase().as_bytes()).unwrap(),
                path: path.clone(),
                access: access(operation.get("security").unwrap_or(by_default)),
                body: content(path, operation, &parameters),
                parameters,
            }
        })
        .collect();
    assert!(operations.len() > 60, "{operations:?}");
    operations
}

/// What a list of security requirements says. One that this does not know fails the test.
fn access(security: &Value) -> Access {
    let requirements = security.as_array().unwrap();
    let [requirement] = requirements.as_slice() else {
        panic!("one requirement decides, not {security}");
    };
    let requirement = requirement.as_object().unwrap();
    let Some(roles) = requirement.get("bearer") else {
        assert!(requirement.is_empty(), "unknown: {security}");
        return Access::Public;
    };
    match roles.as_array().unwrap().as_slice() {
        [] => Access::User,
        [permission] => Access::Permission(permission.as_str().unwrap().to_owned()),
        more => panic!("one permission decides, not {more:?}"),
    }
}

fn content(path: &str, operation: &Value, parameters: &[Value]) -> Content {
    let Some(content) = operation["requestBody"]["content"].as_object() else {
        return Content::None;
    };
    if content.contains_key("multipart/form-data") {
        return Content::File;
    }
    // A signature holds for one body at one moment, so that there is no example.
    if parameters
        .iter()
        .any(|parameter| parameter["name"] == "webhook-signature")
    {
        return Content::None;
    }
    let (media_type, content) = content.iter().next().unwrap();
    let example = content.get("example");
    let example = example.unwrap_or_else(|| panic!("the body of {path} has no example"));
    Content::Example(media_type.clone(), example.clone())
}

/// The smallest picture.
pub(crate) fn picture() -> Vec<u8> {
    let base64 =
        b"iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==";
    data_encoding::BASE64.decode(base64).unwrap()
}

impl Operation {
    pub(crate) fn name(&self) -> String {
        format!("{} {}", self.method, self.path)
    }

    /// The names of its parameters in the path, or in the query.
    pub(crate) fn parameters<'o>(&'o self, place: &'o str) -> impl Iterator<Item = &'o str> {
        let parameters = self.parameters.iter();
        parameters
            .filter(move |parameter| parameter["in"] == place)
            .map(|parameter| parameter["name"].as_str().unwrap())
    }

    /// The kind of thing that the path names, if it names one: `tasks` of `/api/v1/tasks/{id}/claim`.
    pub(crate) fn collection(&self) -> Option<&str> {
        let (before, _) = self.path.split_once("/{")?;
        before.strip_prefix("/api/v1/")
    }

    /// Its address, with the placeholders filled in.
    pub(crate) fn address(&self, fill: impl Fn(&str, &str) -> String) -> String {
        let mut address = self.path.clone();
        for name in self.parameters("path") {
            let collection = self.collection().unwrap();
            address = address.replace(&format!("{{{name}}}"), &fill(collection, name));
        }
        assert!(!address.contains('{'), "undeclared parameters: {address}");
        let required: Vec<_> = self
            .parameters
            .iter()
            .filter(|parameter| parameter["in"] == "query" && parameter["required"] == true)
            .map(|parameter| format!("{}={}", parameter["name"].as_str().unwrap(), example(parameter)))
            .collect();
        if required.is_empty() {
            return address;
        }
        format!("{address}?{}", required.join("&"))
    }

    /// A request to an address, with the document's example as its body.
    pub(crate) fn request(&self, server: &Server, address: &str) -> RequestBuilder {
        let request = self.bare_request(server, address);
        match &self.body {
            Content::None => request,
            Content::Example(media_type, body) => request
                .header("content-type", media_type)
                .body(serde_json::to_vec(body).unwrap()),
            Content::File => {
                let part = multipart::Part::bytes(picture()).file_name("a.png");
                request.multipart(multipart::Form::new().part("file", part))
            }
        }
    }

    /// The same without a body.
    pub(crate) fn bare_request(&self, server: &Server, address: &str) -> RequestBuilder {
        server
            .http
            .request(self.method.clone(), format!("{}{address}", server.url))
    }
}

fn example(parameter: &Value) -> &str {
    parameter["example"]
        .as_str()
        .unwrap_or_else(|| panic!("a required parameter without an example: {parameter}"))
}
