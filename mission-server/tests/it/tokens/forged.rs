//! What is no good token, of whatever kind the server's keys are.

use data_encoding::BASE64URL_NOPAD;
use jsonwebtoken::{Algorithm, EncodingKey, Header};
use reqwest::{Method, header::HeaderValue};
use serde_json::{Value, json};
use uuid::Uuid;

use super::{
    AUDIENCE, ISSUER, ask, assert_challenged, claims,
    provider::{Conduct, Provider, RSA_1, RSA_1_PUBLIC, RSA_2, SigningKey, key_set, now},
    request, with_provider,
};
use crate::support::{SECRET, Server};

const EXPECTED: [(&str, &str); 2] = [("MISSION_JWT_ISSUER", ISSUER), ("MISSION_JWT_AUDIENCE", AUDIENCE)];

/// How a deployment's good tokens are signed.
type Signer = Box<dyn Fn(&Value) -> String>;

/// A server of each kind, with what signs good tokens for it.
async fn deployments(provider: &Provider) -> [(Server, Signer); 2] {
    let shared = Server::with(&EXPECTED).await;
    let published = with_provider(provider, &EXPECTED).await;
    let rsa = SigningKey::rsa("rsa", RSA_1);
    [
        (
            shared,
            Box::new(|claims| hs(Algorithm::HS256, SECRET.as_bytes(), claims)),
        ),
        (published, Box::new(move |claims| rsa.sign(claims))),
    ]
}

async fn provider() -> Provider {
    let rsa = SigningKey::rsa("rsa", RSA_1);
    Provider::start(Conduct::publishes(&[
        &rsa,
        &SigningKey::ec("ec"),
        &SigningKey::ed("ed"),
    ]))
    .await
}

fn hs(algorithm: Algorithm, secret: &[u8], claims: &Value) -> String {
    let header = Header {
        kid: Some("rsa".to_owned()),
        ..Header::new(algorithm)
    };
    jsonwebtoken::encode(&header, claims, &EncodingKey::from_secret(secret)).unwrap()
}

/// A token whose parts say what an attacker likes.
fn forged(header: &Value, claims: &Value, signature: &str) -> String {
    let part = |value: &Value| BASE64URL_NOPAD.encode(value.to_string().as_bytes());
    format!("{}.{}.{signature}", part(header), part(claims))
}

#[tokio::test]
async fn claims_that_do_not_hold_are_refused_and_change_nothing() {
    let provider = provider().await;
    for (server, sign) in deployments(&provider).await {
        let user = Uuid::new_v4();
        let good = sign(&claims(
            user,
            json!({"aud": ["other", AUDIENCE], "nbf": now() - 1}),
        ));
        assert_eq!(ask(&server, &good).await.status, 200);
        for (what, changes) in [
            ("expired", json!({"exp": now() - 1})),
            ("expired long ago", json!({"exp": 0})),
            ("without an end", json!({"exp": null})),
            (
                "with an end that is no time",
                json!({"exp": "2099-01-01T00:00:00Z"}),
            ),
            ("not yet valid", json!({"nbf": now() + 60})),
            ("of a beginning that is no time", json!({"nbf": [0]})),
            (
                "of another issuer",
                json!({"iss": "https://id.example.evil.example"}),
            ),
            (
                "of an issuer in another case",
                json!({"iss": "https://ID.example"}),
            ),
            ("of no issuer", json!({"iss": null})),
            ("for another audience", json!({"aud": "missions"})),
            ("for nobody", json!({"aud": []})),
            ("for no audience", json!({"aud": null})),
            ("of nobody", json!({"sub": null})),
            ("of a name", json!({"sub": "admin"})),
            ("of a list", json!({"sub": [user]})),
            ("with roles that are none", json!({"roles": {"admin": true}})),
        ] {
            let token = sign(&claims(user, with(json!({"roles": ["admin"]}), changes)));
            assert_challenged(&ask(&server, &token).await, what);
            let header = HeaderValue::from_str(&format!("Bearer {token}")).unwrap();
            let check_in = request(&server, Method::POST, "/checkin", Some(header)).await;
            assert_challenged(&check_in, what);
        }
        let header = HeaderValue::from_str(&format!("Bearer {good}")).unwrap();
        let calendar = request(&server, Method::GET, "/checkin", Some(header))
            .await
            .ok(200);
        assert_eq!(calendar["total_check_ins"], 0);
    }
}

fn with(mut claims: Value, changes: Value) -> Value {
    let (all, Value::Object(changes)) = (claims.as_object_mut().unwrap(), changes) else {
        panic!("changes are an object");
    };
    all.extend(changes);
    claims
}

#[tokio::test]
async fn no_algorithm_but_the_deployments_own_is_taken() {
    let provider = provider().await;
    for (server, sign) in deployments(&provider).await {
        let admin = claims(Uuid::new_v4(), json!({"roles": ["admin"]}));
        let good = sign(&admin);
        assert_eq!(ask(&server, &good).await.status, 200);
        let signature = good.rsplit('.').next().unwrap();
        for name in ["none", "None", "NONE", "nOnE", "", "HS1", "RS256 ", "HS256\u{0}"] {
            // Without a signature, with that of a good token of the same claims, and with any.
            for signature in ["", signature, "AAAA"] {
                let token = forged(
                    &json!({"alg": name, "typ": "JWT", "kid": "rsa"}),
                    &admin,
                    signature,
                );
                assert_challenged(&ask(&server, &token).await, name);
            }
        }
        let no_algorithm = forged(&json!({"typ": "JWT"}), &admin, signature);
        assert_challenged(&ask(&server, &no_algorithm).await, "no algorithm");
        // A longer hash with the right secret is not what was agreed on.
        for algorithm in [Algorithm::HS384, Algorithm::HS512] {
            let token = hs(algorithm, SECRET.as_bytes(), &admin);
            assert_challenged(&ask(&server, &token).await, "another HMAC");
        }
    }
}

#[tokio::test]
async fn a_public_key_is_no_secret_and_a_secret_no_public_key() {
    let provider = provider().await;
    let [(shared, sign_shared), (published, sign_published)] = deployments(&provider).await;
    let admin = claims(Uuid::new_v4(), json!({"roles": ["admin"]}));
    // What everybody can know of the key, in the forms in which servers hold it.
    let document = key_set(&[&SigningKey::rsa("rsa", RSA_1)]);
    let modulus = document["keys"][0]["n"].as_str().unwrap();
    let der: String = RSA_1_PUBLIC
        .lines()
        .filter(|line| !line.starts_with("---"))
        .collect();
    for public in [
        RSA_1_PUBLIC.as_bytes().to_vec(),
        RSA_1_PUBLIC.trim().as_bytes().to_vec(),
        data_encoding::BASE64.decode(der.as_bytes()).unwrap(),
        document.to_string().into_bytes(),
        document["keys"][0].to_string().into_bytes(),
        modulus.as_bytes().to_vec(),
        BASE64URL_NOPAD.decode(modulus.as_bytes()).unwrap(),
        Vec::new(),
    ] {
        let token = hs(Algorithm::HS256, &public, &admin);
        assert_challenged(&ask(&published, &token).await, "HS256 by the public key");
        assert_challenged(&ask(&shared, &token).await, "HS256 by a public key");
    }
    // Good tokens of the one kind are none for the other.
    assert_challenged(&ask(&shared, &sign_published(&admin)).await, "RS256");
    assert_challenged(&ask(&published, &sign_shared(&admin)).await, "HS256");
    for key in [SigningKey::ec("ec"), SigningKey::ed("ed")] {
        assert_eq!(ask(&published, &key.sign(&admin)).await.status, 200, "{}", key.id);
        assert_challenged(&ask(&shared, &key.sign(&admin)).await, key.id);
        // A key that is known, under the name of another.
        assert_challenged(&ask(&published, &key.sign_as(Some("rsa"), &admin)).await, key.id);
    }
}

#[tokio::test]
async fn a_token_brings_no_keys_of_its_own() {
    let provider = provider().await;
    let attacker = Provider::start(Conduct::publishes(&[&SigningKey::rsa("rsa", RSA_2)])).await;
    let admin = claims(Uuid::new_v4(), json!({"roles": ["admin"]}));
    let key = SigningKey::rsa("rsa", RSA_2);
    let jwk = key_set(&[&key])["keys"][0].clone();
    for (server, _) in deployments(&provider).await {
        let mut header = Header::new(Algorithm::RS256);
        header.kid = Some("rsa".to_owned());
        header.jku = Some(attacker.url.clone());
        header.x5u = Some(attacker.url.clone());
        header.jwk = Some(serde_json::from_value(jwk.clone()).unwrap());
        let own = EncodingKey::from_rsa_pem(RSA_2.as_bytes()).unwrap();
        let token = jsonwebtoken::encode(&header, &admin, &own).unwrap();
        assert_challenged(&ask(&server, &token).await, "keys in the token");
        for kid in [
            "../../../../dev/null",
            "' OR 1=1 --",
            "rsa\u{0}",
            attacker.url.as_str(),
            "",
        ] {
            let token = key.sign_as(Some(kid), &admin);
            assert_challenged(&ask(&server, &token).await, kid);
        }
    }
    assert_eq!(attacker.asked(), 0, "nobody asks where a token says");
}

#[tokio::test]
async fn what_is_no_token_is_refused_whatever_its_size() {
    let provider = provider().await;
    for (server, sign) in deployments(&provider).await {
        let good = sign(&claims(Uuid::new_v4(), json!({})));
        let [header, body, signature]: [&str; 3] = good.split('.').collect::<Vec<_>>().try_into().unwrap();
        let reversed: String = signature.chars().rev().collect();
        let large = sign(&claims(Uuid::new_v4(), json!({"more": "x".repeat(10 << 10)})));
        let deep = forged(&json!({"alg": "HS256", "x": []}), &json!({}), "AAAA")
            .replace("e30", &BASE64URL_NOPAD.encode(&[b'['; 3000]));
        for token in [
            "x".to_owned(),
            "..".to_owned(),
            "...".to_owned(),
            format!("{header}.{body}"),
            format!("{header}.{body}."),
            format!("{header}.{body}.{signature}."),
            format!("{header}.{body}.{signature}.{signature}"),
            format!("{header}.{body}.{signature}="),
            format!("{header}.{body}.{reversed}"),
            format!("{header}..{signature}"),
            format!(".{body}.{signature}"),
            format!("{body}.{header}.{signature}"),
            format!("{header} .{body}.{signature}"),
            good[..good.len() - 4].to_owned(),
            deep,
            large,
            "x".repeat(12 << 10),
        ] {
            assert_challenged(&ask(&server, &token).await, &token[..token.len().min(60)]);
        }
        for header in [
            &b""[..],
            b"Bearer",
            b"Bearer ",
            b"Basic YWRtaW46YWRtaW4=",
            b"Bearer \xff\xfe.\xff.\xff",
            good.as_bytes(),
            format!("Token {good}").as_bytes(),
            format!("Bearer {good}, Bearer {good}").as_bytes(),
        ] {
            let value = HeaderValue::from_bytes(header).unwrap();
            let answer = request(&server, Method::GET, "/tasks", Some(value)).await;
            assert_challenged(&answer, &String::from_utf8_lossy(header));
        }
        assert_challenged(&request(&server, Method::GET, "/tasks", None).await, "none");
        // More than headers may hold is not even looked at; a client may see the connection end before it has sent all.
        for length in [100 << 10, 1 << 20] {
            let enormous = server
                .http
                .get(format!("{}/api/v1/tasks", server.url))
                .bearer_auth("x".repeat(length))
                .send()
                .await;
            assert!(enormous.is_err() || enormous.is_ok_and(|answer| answer.status() == 431));
        }
        assert_eq!(ask(&server, &good).await.status, 200, "and the server serves on");
    }
}
