//! An identity provider on this machine: it publishes keys, signs tokens, counts who asks, and fails as it is told.

use std::{
    future::IntoFuture,
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    time::{SystemTime, UNIX_EPOCH},
};

use axum::{
    body::Body,
    http::{Response, StatusCode},
};
use jsonwebtoken::{Algorithm, EncodingKey, Header, jwk::Jwk};
use serde_json::{Value, json};

pub(super) const RSA_1: &str = include_str!("../../../src/auth/testdata/rsa-1.pem");
pub(super) const RSA_1_PUBLIC: &str = include_str!("../../../src/auth/testdata/rsa-1.pub.pem");
pub(super) const RSA_2: &str = include_str!("../../../src/auth/testdata/rsa-2.pem");
const EC: &str = include_str!("../../../src/auth/testdata/ec.pem");
const ED: &str = include_str!("../../../src/auth/testdata/ed.pem");

/// A private key with its name among the published ones.
#[derive(Clone)]
pub(super) struct SigningKey {
    pub(super) id: &'static str,
    algorithm: Algorithm,
    key: EncodingKey,
}

impl SigningKey {
    pub(super) fn rsa(id: &'static str, pem: &str) -> Self {
        let key = EncodingKey::from_rsa_pem(pem.as_bytes()).unwrap();
        let algorithm = Algorithm::RS256;
        SigningKey { id, algorithm, key }
    }

    pub(super) fn ec(id: &'static str) -> Self {
        let key = EncodingKey::from_ec_pem(EC.as_bytes()).unwrap();
        let algorithm = Algorithm::ES256;
        SigningKey { id, algorithm, key }
    }

    pub(super) fn ed(id: &'static str) -> Self {
        let key = EncodingKey::from_ed_pem(ED.as_bytes()).unwrap();
        let algorithm = Algorithm::EdDSA;
        SigningKey { id, algorithm, key }
    }

    pub(super) fn sign(&self, claims: &Value) -> String {
        self.sign_as(Some(self.id), claims)
    }

    /// A token that names another key, or none.
    pub(super) fn sign_as(&self, kid: Option<&str>, claims: &Value) -> String {
        let header = Header {
            kid: kid.map(str::to_owned),
            ..Header::new(self.algorithm)
        };
        jsonwebtoken::encode(&header, claims, &self.key).unwrap()
    }

    fn published(&self) -> Value {
        let mut jwk = Jwk::from_encoding_key(&self.key, self.algorithm).unwrap();
        jwk.common.key_id = Some(self.id.to_owned());
        serde_json::to_value(jwk).unwrap()
    }
}

/// The document of some keys.
pub(super) fn key_set(keys: &[&SigningKey]) -> Value {
    json!({"keys": keys.iter().map(|key| key.published()).collect::<Vec<_>>()})
}

/// Seconds since 1970.
pub(super) fn now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs()
}

/// How the provider answers.
#[derive(Clone)]
pub(super) enum Conduct {
    Answers(StatusCode, String),
    /// Takes the request, and never answers.
    Hangs,
    /// Sends the beginning of a document that never ends.
    Floods,
}

impl Conduct {
    pub(super) fn publishes(keys: &[&SigningKey]) -> Self {
        Conduct::Answers(StatusCode::OK, key_set(keys).to_string())
    }
}

/// A running provider; its address is as good as another's when it is dropped.
pub(super) struct Provider {
    pub(super) url: String,
    conduct: Arc<Mutex<Conduct>>,
    asked: Arc<AtomicUsize>,
}

impl Provider {
    pub(super) async fn start(conduct: Conduct) -> Self {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/keys", listener.local_addr().unwrap());
        let conduct = Arc::new(Mutex::new(conduct));
        let asked = Arc::new(AtomicUsize::new(0));
        let (told, counted) = (Arc::clone(&conduct), Arc::clone(&asked));
        let answer = move || {
            counted.fetch_add(1, Ordering::SeqCst);
            let conduct = told.lock().unwrap().clone();
            async move {
                let body = |body| Response::new(body);
                match conduct {
                    Conduct::Answers(status, text) => {
                        let mut response = body(Body::from(text));
                        *response.status_mut() = status;
                        response
                    }
                    Conduct::Hangs => std::future::pending().await,
                    Conduct::Floods => {
                        let spaces = futures_util::stream::repeat_with(|| {
                            Ok::<_, std::convert::Infallible>(vec![b' '; 1 << 16])
                        });
                        body(Body::from_stream(spaces))
                    }
                }
            }
        };
        let app = axum::Router::new().fallback(answer);
        tokio::spawn(axum::serve(listener, app).into_future());
        Provider { url, conduct, asked }
    }

    pub(super) fn now(&self, conduct: Conduct) {
        *self.conduct.lock().unwrap() = conduct;
    }

    /// How often anything was asked of it.
    pub(super) fn asked(&self) -> usize {
        self.asked.load(Ordering::SeqCst)
    }
}
