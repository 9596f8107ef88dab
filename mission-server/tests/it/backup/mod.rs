//! Copies of a database that is in use, and servers that go on with them.

mod postgres;
mod sqlite;

use std::sync::Arc;

use mission_core::event::LateWindow;
use mission_rules::{Limits, MonotonicStopwatch, Scripts};
use mission_server::audit::{AuditListener, AuditOptions, audit};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::support::Server;

/// Holds all of a database to itself.
async fn audited(url: &str) {
    let scripts = Scripts::new(Limits::default(), Arc::new(MonotonicStopwatch::start()));
    let options = AuditOptions {
        now: chrono::Utc::now(),
        late_window: LateWindow::default(),
        compiler: &scripts,
    };
    let mut deviations = Vec::new();
    let listener = AuditListener {
        deviation: &mut |deviation| deviations.push(deviation),
        progress: &mut |_| {},
    };
    let report = audit(url, options, listener).await.unwrap();
    assert!(report.is_clean() && report.users > 0, "{report:?} {deviations:?}");
}

/// How often a user has checked in, as a server says.
async fn check_ins(server: &Server, user: Uuid) -> Value {
    let user = server.client(user, json!({}));
    user.get("/checkin").await.ok(200)["total_check_ins"].clone()
}

/// Somebody new checks in.
async fn check_in(server: &Server) -> Uuid {
    let user = server.user();
    user.post("/checkin", Value::Null).await.ok(200);
    user.user
}
