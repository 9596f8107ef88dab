//! Tokens good and bad, and keys that come and go.

use std::{
    path::PathBuf,
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use data_encoding::BASE64URL_NOPAD;
use jsonwebtoken::{Algorithm, EncodingKey, Header, jwk::Jwk};
use serde_json::{Value, json};
use uuid::Uuid;

use super::*;
use crate::config::{JwtKeys, JwtSettings};

const SECRET: &str = "a secret of at least thirty-two bytes, for tests";
const NOW: i64 = 1_800_000_000;
const USER: Uuid = Uuid::from_u128(7);

const RSA_1: &str = include_str!("testdata/rsa-1.pem");
const RSA_1_PUBLIC: &str = include_str!("testdata/rsa-1.pub.pem");
const RSA_2: &str = include_str!("testdata/rsa-2.pem");
const EC: &str = include_str!("testdata/ec.pem");
const ED: &str = include_str!("testdata/ed.pem");

fn claims(changes: Value) -> Value {
    with(json!({"sub": USER, "exp": NOW + 60}), changes)
}

/// Claims with some of them changed; null takes one away.
fn with(mut claims: Value, changes: Value) -> Value {
    let all = claims.as_object_mut().unwrap();
    all.extend(serde_json::from_value::<serde_json::Map<_, _>>(changes).unwrap());
    all.retain(|_, value| !value.is_null());
    claims
}

fn sign(algorithm: Algorithm, kid: Option<&str>, key: &EncodingKey, claims: &Value) -> String {
    let header = Header {
        kid: kid.map(str::to_owned),
        ..Header::new(algorithm)
    };
    jsonwebtoken::encode(&header, claims, key).unwrap()
}

fn hs256(claims: &Value) -> String {
    sign(
        Algorithm::HS256,
        None,
        &EncodingKey::from_secret(SECRET.as_bytes()),
        claims,
    )
}

fn rsa(pem: &str) -> EncodingKey {
    EncodingKey::from_rsa_pem(pem.as_bytes()).unwrap()
}

fn by_name(algorithm: Algorithm) -> EncodingKey {
    match algorithm {
        Algorithm::ES256 => EncodingKey::from_ec_pem(EC.as_bytes()).unwrap(),
        Algorithm::EdDSA => EncodingKey::from_ed_pem(ED.as_bytes()).unwrap(),
        _ => rsa(RSA_1),
    }
}

/// A published key with an id.
fn published(kid: &str, algorithm: Algorithm, key: &EncodingKey) -> Value {
    let mut jwk = Jwk::from_encoding_key(key, algorithm).unwrap();
    jwk.common.key_id = Some(kid.to_owned());
    serde_json::to_value(jwk).unwrap()
}

async fn by_secret() -> Authenticator {
    Authenticator::new(&JwtSettings::with_secret(SECRET))
        .await
        .unwrap()
}

async fn judge(authenticator: &Authenticator, token: &str) -> Result<Caller, AuthError> {
    authenticator
        .authenticate_at(Some(&format!("Bearer {token}")), NOW)
        .await
}

#[tokio::test]
async fn good_tokens_say_who_calls() {
    let authenticator = by_secret().await;
    let caller = judge(&authenticator, &hs256(&claims(json!({})))).await.unwrap();
    assert_eq!(
        (caller.user.0, caller.is_privileged(), caller.zone),
        (USER, false, None)
    );
    let service = claims(
        json!({"permissions": ["events:write", "made:up"], "roles": ["user"], "zoneinfo": "Asia/Tokyo"}),
    );
    let caller = judge(&authenticator, &hs256(&service)).await.unwrap();
    assert!(caller.is_privileged() && caller.has(Permission::EventsWrite));
    assert_eq!(
        caller.require(Permission::UsersWrite),
        Err(MissingPermission(Permission::UsersWrite))
    );
    assert_eq!(
        caller.zone.map(mission_core::check_in::Zone::name),
        Some("Asia/Tokyo")
    );
    for admin in [json!({"roles": ["admin"]}), json!({"roles": "admin"})] {
        let caller = judge(&authenticator, &hs256(&claims(admin))).await.unwrap();
        assert_eq!(caller.permissions, PermissionSet::all());
    }
    for zoneinfo in [json!("Mars/Olympus"), json!(7), json!(""), json!({"a": 1.5})] {
        let caller = judge(&authenticator, &hs256(&claims(json!({"zoneinfo": zoneinfo}))))
            .await
            .unwrap();
        assert_eq!(caller.zone, None);
    }
    let fraction = json!({"exp": 1_800_000_060.75, "nbf": NOW, "iat": NOW + 500});
    assert!(judge(&authenticator, &hs256(&claims(fraction))).await.is_ok());
    let token = format!("bEaReR  {}", hs256(&claims(json!({}))));
    assert!(authenticator.authenticate_at(Some(&token), NOW).await.is_ok());
}

#[tokio::test]
async fn bad_claims_are_refused_for_what_they_are() {
    let settings = JwtSettings {
        issuer: Some("us".to_owned()),
        audience: Some("mission".to_owned()),
        ..JwtSettings::with_secret(SECRET)
    };
    let authenticator = Authenticator::new(&settings).await.unwrap();
    let good = |changes: Value| with(claims(json!({"iss": "us", "aud": ["other", "mission"]})), changes);
    assert!(judge(&authenticator, &hs256(&good(json!({})))).await.is_ok());
    assert!(
        judge(&authenticator, &hs256(&good(json!({"aud": "mission"}))))
            .await
            .is_ok()
    );
    let table = [
        (json!({"exp": NOW - 1}), AuthError::Expired),
        (json!({"exp": NOW}), AuthError::Expired),
        (json!({"exp": -1}), AuthError::Expired),
        (json!({"nbf": NOW + 1}), AuthError::NotYetValid),
        (json!({"iss": "them"}), AuthError::Issuer),
        (json!({"iss": null}), AuthError::Issuer),
        (json!({"aud": "other"}), AuthError::Audience),
        (json!({"aud": []}), AuthError::Audience),
        (json!({"aud": null}), AuthError::Audience),
    ];
    for (changes, expected) in table {
        assert_eq!(
            judge(&authenticator, &hs256(&good(changes.clone()))).await,
            Err(expected),
            "{changes}"
        );
    }
    for changes in [
        json!({"exp": null}),
        json!({"exp": "soon"}),
        json!({"nbf": "now"}),
        json!({"sub": null}),
        json!({"sub": 7}),
        json!({"sub": "alice"}),
        json!({"sub": ""}),
        json!({"roles": {"admin": true}}),
        json!({"permissions": [1]}),
    ] {
        let refused = judge(&authenticator, &hs256(&good(changes.clone()))).await;
        assert!(
            matches!(refused, Err(AuthError::Malformed(_))),
            "{changes}: {refused:?}"
        );
    }
}

#[tokio::test]
async fn what_is_no_token_is_refused() {
    let authenticator = by_secret().await;
    for (header, expected) in [
        (None, AuthError::Missing),
        (Some(""), AuthError::NotBearer),
        (Some("Bearer"), AuthError::NotBearer),
        (Some("Bearer "), AuthError::NotBearer),
        (Some("Basic dTpw"), AuthError::NotBearer),
        (Some("Bearer a b"), AuthError::NotBearer),
    ] {
        assert_eq!(
            authenticator.authenticate_at(header, NOW).await,
            Err(expected),
            "{header:?}"
        );
    }
    assert!(matches!(
        judge(&authenticator, &"a".repeat(9000)).await,
        Err(AuthError::TooLong(_))
    ));
    let good = hs256(&claims(json!({})));
    let (signed, signature) = good.rsplit_once('.').unwrap();
    let flipped = format!("{signed}.{}", signature.chars().rev().collect::<String>());
    assert_eq!(judge(&authenticator, &flipped).await, Err(AuthError::Signature));
    for token in [
        "x",
        "x.y",
        "x.y.z",
        "..",
        &good[..good.len() - 20],
        signed,
        &format!("{good}.x"),
        "ä.ö.ü",
    ] {
        assert!(judge(&authenticator, token).await.is_err(), "{token}");
    }
    let other = EncodingKey::from_secret(b"another secret of at least thirty-two bytes");
    let token = sign(Algorithm::HS256, None, &other, &claims(json!({})));
    assert_eq!(judge(&authenticator, &token).await, Err(AuthError::Signature));
}

/// A token whose header says what an attacker likes.
fn forged(header: &Value, claims: &Value, signature: &str) -> String {
    let part = |value: &Value| BASE64URL_NOPAD.encode(value.to_string().as_bytes());
    format!("{}.{}.{signature}", part(header), part(claims))
}

#[tokio::test]
async fn algorithms_cannot_be_chosen_by_the_caller() {
    let folder = tempfile::tempdir().unwrap();
    let path = write_keys(&folder, &[published("rsa", Algorithm::RS256, &rsa(RSA_1))]);
    let settings = [
        JwtSettings::with_secret(SECRET),
        JwtSettings::with_keys(JwtKeys::File(path)),
    ];
    for settings in settings {
        let authenticator = Authenticator::new(&settings).await.unwrap();
        let admin = claims(json!({"roles": ["admin"]}));
        for name in ["none", "None", "NONE", "", "HS1", "RS256 "] {
            for signature in ["", "AAAA"] {
                let token = forged(
                    &json!({"alg": name, "typ": "JWT", "kid": "rsa"}),
                    &admin,
                    signature,
                );
                assert!(judge(&authenticator, &token).await.is_err(), "{name}");
            }
        }
        for algorithm in [Algorithm::HS384, Algorithm::HS512] {
            let token = sign(
                algorithm,
                Some("rsa"),
                &EncodingKey::from_secret(SECRET.as_bytes()),
                &admin,
            );
            assert!(matches!(
                judge(&authenticator, &token).await,
                Err(AuthError::Algorithm(_))
            ));
        }
        // The public key as if it were a shared secret, in every form in which it may be held.
        for public in [RSA_1_PUBLIC.as_bytes(), RSA_1_PUBLIC.trim().as_bytes()] {
            let token = sign(
                Algorithm::HS256,
                Some("rsa"),
                &EncodingKey::from_secret(public),
                &admin,
            );
            assert!(judge(&authenticator, &token).await.is_err());
        }
        let critical = forged(
            &json!({"alg": "HS256", "crit": ["x"], "kid": "rsa"}),
            &admin,
            "AAAA",
        );
        assert!(matches!(
            judge(&authenticator, &critical).await,
            Err(AuthError::Malformed(_))
        ));
    }
    // And a good key of the other kind.
    let token = sign(Algorithm::RS256, None, &rsa(RSA_1), &claims(json!({})));
    assert!(matches!(
        judge(&by_secret().await, &token).await,
        Err(AuthError::Algorithm(_))
    ));
}

fn write_keys(folder: &tempfile::TempDir, keys: &[Value]) -> PathBuf {
    let path = folder.path().join("keys.json");
    std::fs::write(&path, json!({"keys": keys}).to_string()).unwrap();
    path
}

#[tokio::test]
async fn published_keys_of_each_kind_are_taken() {
    let folder = tempfile::tempdir().unwrap();
    let algorithms = [Algorithm::RS256, Algorithm::ES256, Algorithm::EdDSA];
    let mut keys: Vec<Value> = algorithms
        .iter()
        .map(|algorithm| published(&format!("{algorithm:?}"), *algorithm, &by_name(*algorithm)))
        .collect();
    // Keys of no use here must not spoil the others.
    keys.push(json!({"kty": "oct", "k": BASE64URL_NOPAD.encode(SECRET.as_bytes()), "kid": "secret", "alg": "HS256"}));
    keys.push(json!({"kty": "XYZ", "kid": "unknown", "n": 5}));
    keys.push(json!("nonsense"));
    let authenticator =
        Authenticator::new(&JwtSettings::with_keys(JwtKeys::File(write_keys(&folder, &keys))))
            .await
            .unwrap();
    for algorithm in algorithms {
        for kid in [Some(format!("{algorithm:?}")), None] {
            let token = sign(algorithm, kid.as_deref(), &by_name(algorithm), &claims(json!({})));
            assert!(
                judge(&authenticator, &token).await.is_ok(),
                "{algorithm:?} {kid:?}"
            );
        }
    }
    let token = sign(
        Algorithm::HS256,
        Some("secret"),
        &EncodingKey::from_secret(SECRET.as_bytes()),
        &claims(json!({})),
    );
    assert!(matches!(
        judge(&authenticator, &token).await,
        Err(AuthError::Algorithm(_))
    ));
    let token = sign(Algorithm::RS256, Some("RS256"), &rsa(RSA_2), &claims(json!({})));
    assert_eq!(judge(&authenticator, &token).await, Err(AuthError::Signature));
    // A key for one algorithm is none for another.
    let token = sign(Algorithm::RS512, Some("RS256"), &rsa(RSA_1), &claims(json!({})));
    assert!(matches!(
        judge(&authenticator, &token).await,
        Err(AuthError::Algorithm(_))
    ));
}

#[tokio::test]
async fn a_file_of_no_use_is_refused_at_the_start() {
    let folder = tempfile::tempdir().unwrap();
    let missing = folder.path().join("missing.json");
    assert!(
        Authenticator::new(&JwtSettings::with_keys(JwtKeys::File(missing)))
            .await
            .is_err()
    );
    let empty = write_keys(&folder, &[]);
    assert!(
        Authenticator::new(&JwtSettings::with_keys(JwtKeys::File(empty)))
            .await
            .is_err()
    );
}

/// An identity provider whose answer can be changed, and who counts.
struct Provider {
    url: String,
    answer: Arc<Mutex<(u16, String)>>,
    asked: Arc<AtomicUsize>,
}

impl Provider {
    async fn start(keys: &[Value]) -> Provider {
        let answer = Arc::new(Mutex::new((200, json!({"keys": keys}).to_string())));
        let asked = Arc::new(AtomicUsize::new(0));
        let (told, counted) = (Arc::clone(&answer), Arc::clone(&asked));
        let route = axum::routing::get(move || async move {
            counted.fetch_add(1, Ordering::SeqCst);
            let (status, body) = told.lock().unwrap().clone();
            (axum::http::StatusCode::from_u16(status).unwrap(), body)
        });
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/keys", listener.local_addr().unwrap());
        tokio::spawn(axum::serve(listener, axum::Router::new().route("/keys", route)).into_future());
        Provider { url, answer, asked }
    }

    fn says(&self, status: u16, keys: &[Value]) {
        *self.answer.lock().unwrap() = (status, json!({"keys": keys}).to_string());
    }

    async fn authenticator(&self, pause: Duration) -> Authenticator {
        let settings = JwtSettings::with_keys(JwtKeys::Url(self.url.parse().unwrap()));
        Authenticator::with_pause(&settings, pause).await.unwrap()
    }
}

#[tokio::test]
async fn keys_are_rotated_without_a_restart() {
    let (first, second) = (
        published("1", Algorithm::RS256, &rsa(RSA_1)),
        published("2", Algorithm::RS256, &rsa(RSA_2)),
    );
    let provider = Provider::start(std::slice::from_ref(&first)).await;
    let authenticator = provider.authenticator(Duration::ZERO).await;
    assert_eq!(provider.asked.load(Ordering::SeqCst), 0);
    let old = sign(Algorithm::RS256, Some("1"), &rsa(RSA_1), &claims(json!({})));
    let new = sign(Algorithm::RS256, Some("2"), &rsa(RSA_2), &claims(json!({})));
    assert!(judge(&authenticator, &old).await.is_ok());
    assert_eq!(judge(&authenticator, &new).await, Err(AuthError::UnknownKey));
    provider.says(200, &[first, second.clone()]);
    assert!(judge(&authenticator, &new).await.is_ok());
    assert!(judge(&authenticator, &old).await.is_ok());
    // The old key is withdrawn; a token with it was good a moment ago, and no longer is.
    provider.says(200, &[second]);
    let third = sign(Algorithm::RS256, Some("3"), &rsa(RSA_2), &claims(json!({})));
    assert_eq!(judge(&authenticator, &third).await, Err(AuthError::UnknownKey));
    assert_eq!(judge(&authenticator, &old).await, Err(AuthError::UnknownKey));
    assert!(judge(&authenticator, &new).await.is_ok());
}

#[tokio::test]
async fn an_outage_leaves_the_last_good_keys_in_force() {
    let key = published("1", Algorithm::ES256, &by_name(Algorithm::ES256));
    let provider = Provider::start(&[]).await;
    provider.says(503, &[]);
    let authenticator = provider.authenticator(Duration::ZERO).await;
    let of = |second: i64| {
        sign(
            Algorithm::ES256,
            Some("1"),
            &by_name(Algorithm::ES256),
            &claims(json!({"exp": NOW + second})),
        )
    };
    let unknown = judge(&authenticator, &of(1)).await;
    assert!(
        unknown.as_ref().is_err_and(AuthError::is_unavailable),
        "{unknown:?}"
    );
    provider.says(200, std::slice::from_ref(&key));
    assert!(judge(&authenticator, &of(2)).await.is_ok());
    let stranger = sign(
        Algorithm::ES256,
        Some("9"),
        &by_name(Algorithm::ES256),
        &claims(json!({})),
    );
    for (status, keys) in [(503, vec![]), (200, vec![]), (200, vec![json!("nonsense")])] {
        provider.says(status, &keys);
        assert_eq!(judge(&authenticator, &stranger).await, Err(AuthError::UnknownKey));
        assert!(judge(&authenticator, &of(3 + i64::from(status))).await.is_ok());
    }
}

#[tokio::test]
async fn a_flood_of_unknown_keys_asks_the_provider_once() {
    let key = published("1", Algorithm::EdDSA, &by_name(Algorithm::EdDSA));
    let provider = Provider::start(&[key]).await;
    let authenticator = Arc::new(provider.authenticator(Duration::from_secs(600)).await);
    let flood = (0..50).map(|kid| {
        let authenticator = Arc::clone(&authenticator);
        let token = sign(
            Algorithm::EdDSA,
            Some(&format!("x{kid}")),
            &by_name(Algorithm::EdDSA),
            &claims(json!({})),
        );
        async move { judge(&authenticator, &token).await }
    });
    for answer in futures_util::future::join_all(flood).await {
        assert_eq!(answer, Err(AuthError::UnknownKey));
    }
    assert_eq!(provider.asked.load(Ordering::SeqCst), 1);
    let good = sign(
        Algorithm::EdDSA,
        Some("1"),
        &by_name(Algorithm::EdDSA),
        &claims(json!({})),
    );
    assert!(judge(&authenticator, &good).await.is_ok());
}

#[tokio::test]
async fn a_remembered_token_expires_all_the_same() {
    let authenticator = by_secret().await;
    let header = format!("Bearer {}", hs256(&claims(json!({}))));
    for (now, ok) in [
        (NOW, true),
        (NOW + 59, true),
        (NOW + 60, false),
        (NOW + 61, false),
        (NOW, true),
    ] {
        assert_eq!(
            authenticator.authenticate_at(Some(&header), now).await.is_ok(),
            ok,
            "{}",
            now - NOW
        );
    }
}

#[tokio::test]
async fn development_tokens_are_taken_in_real_time() {
    let authenticator = Authenticator::new(&JwtSettings::with_secret(DEVELOPMENT_SECRET))
        .await
        .unwrap();
    let token = development_token(USER.into(), &["admin"], Duration::from_secs(60)).unwrap();
    let caller = authenticator
        .authenticate(Some(&format!("Bearer {token}")))
        .await
        .unwrap();
    assert_eq!((caller.user.0, caller.permissions), (USER, PermissionSet::all()));
}

#[test]
fn challenges_are_of_the_known_form() {
    assert_eq!(AuthError::Missing.challenge(), "Bearer realm=\"mission\"");
    let challenge = AuthError::Malformed("`exp` is no time").challenge();
    assert!(
        challenge.contains("error=\"invalid_token\"") && challenge.matches('"').count() == 6,
        "{challenge}"
    );
}
