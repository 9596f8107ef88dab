//! `risk.toml` on a server: actions are scored, flagged, refused, and counted.

use serde_json::{Value, json};

use crate::support::{Client, Server};

async fn judge(admin: &Client<'_>, mode: &str, script: &str) {
    let files = json!({"files": {
        "pack.toml": "name = \"guard\"\nversion = \"1\"\n",
        "risk.toml": format!("rules_script = \"rules/risk.rhai\"\nflag_at = 50\nrefuse_at = 90\nmode = \"{mode}\"\n"),
        "rules/risk.rhai": script,
    }});
    admin.put("/packs/guard", files).await.ok(200);
}

#[tokio::test]
async fn users_of_a_busy_address_are_flagged_and_then_refused() {
    let server = Server::with(&[("MISSION_FRAUD_RATE_LIMIT_PER_USER", "off")]).await;
    let admin = server.admin();
    let script =
        "fn risk(ctx) { #{ score: min(ctx.signals.address_users * 50, 100), reasons: [\"busy address\"] } }";
    judge(&admin, "on", script).await;
    let (first, second, third) = (server.user(), server.user(), server.user());
    let taken = first.post("/checkin", Value::Null).await.ok(200);
    assert_eq!(taken.get("under_review"), None);
    let flagged = second.post("/checkin", Value::Null).await.ok(200);
    assert_eq!(flagged["under_review"], true);
    let refused = third.post("/checkin", Value::Null).await;
    refused.refused(403, "risk_refused");
    // Nobody learns what to avoid.
    assert!(!refused.body.to_string().contains("busy"), "{}", refused.body);

    let reviews = admin.get("/reviews").await.ok(200)["items"].clone();
    let reasons = &reviews[0]["reasons"];
    assert_eq!(
        reasons,
        &json!([{"risk": {"score": 50, "reasons": ["busy address"]}}])
    );
    // What was judged once is judged so again when it is tried later.
    judge(&admin, "observe", script).await;
    third.post("/checkin", Value::Null).await.ok(200);
    let page = server.metrics().await;
    for line in [
        "mission_fraud_decisions_total{stage=\"risk\",outcome=\"passed\",mode=\"on\"}",
        "mission_fraud_decisions_total{stage=\"risk\",outcome=\"flagged\",mode=\"on\"}",
        "mission_fraud_decisions_total{stage=\"risk\",outcome=\"refused\",mode=\"on\"}",
        "mission_fraud_decisions_total{stage=\"risk\",outcome=\"refused\",mode=\"observe\"}",
    ] {
        assert!(page.contains(line), "{line}");
    }
}

#[tokio::test]
async fn a_forwarded_address_counts_behind_a_trusted_proxy_alone() {
    let script = "fn risk(ctx) { min(ctx.signals.address_users * 50, 100) }";
    for (proxies, is_flagged) in [("10.0.0.1", true), ("127.0.0.1", false)] {
        let server = Server::with(&[("MISSION_TRUSTED_PROXIES", proxies)]).await;
        judge(&server.admin(), "on", script).await;
        for (address, flagged) in [("192.0.2.1", false), ("192.0.2.2", is_flagged)] {
            let user = server.user();
            let taken = user
                .header("x-forwarded-for", address)
                .post("/checkin", Value::Null)
                .await
                .ok(200);
            assert_eq!(taken["under_review"] == true, flagged, "{proxies} {address}");
        }
    }
}

#[tokio::test]
async fn what_is_remembered_for_it_is_exported_and_erased() {
    let server = Server::start().await;
    let admin = server.admin();
    judge(&admin, "on", "fn risk(ctx) { 0 }").await;
    let user = server.user();
    user.post("/checkin", Value::Null).await.ok(200);
    let export = user.get("/me/export").await.ok(200);
    assert_eq!(export["addresses"].as_array().map(Vec::len), Some(1), "{export}");
    assert_eq!(
        export["recent_actions"].as_array().map(Vec::len),
        Some(1),
        "{export}"
    );
}
