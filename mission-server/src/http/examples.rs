//! An example of each body, in an order in which a server answers all of them with 2xx.

use serde_json::{Value, json};

/// Method, path and body of each operation that takes one.
pub(super) fn bodies() -> [(&'static str, &'static str, Value); 19] {
    [
        ("put", "/dev/clock", json!({"now": "2026-01-05T10:00:00Z"})),
        ("post", "/api/v1/rules/test", pack()),
        ("put", "/api/v1/packs/{name}", pack()),
        ("post", "/api/v1/missions", mission(50)),
        ("put", "/api/v1/missions/{id}", mission(60)),
        ("post", "/api/v1/rules/check", json!({"script": SCRIPT})),
        (
            "post",
            "/api/v1/rules/eval",
            json!({"script": SCRIPT, "hook": "eligible", "context": {"user": {"level": 4, "tags": []}}}),
        ),
        (
            "put",
            "/api/v1/users/{id}/attributes",
            json!({"level": 4, "country": "DE", "tags": ["beta"], "attributes": {"plan": "plus"}, "zone": "Europe/Berlin"}),
        ),
        (
            "post",
            "/api/v1/events",
            json!({
                "specversion": "1.0", "id": "evt-1", "source": "/videos", "type": "video.watched",
                "subject": "0190163d-8694-739b-aea5-966c26f8ad91", "time": "2026-01-05T10:00:00Z",
                "data": {"seconds": 35},
            }),
        ),
        ("post", "/api/v1/tasks/{id}/progress", json!({"value": 2})),
        (
            "post",
            "/api/v1/tasks/{id}/evidence",
            json!({"type": "social_proof", "screenshot_url": "https://img.example/shared.png"}),
        ),
        ("post", "/api/v1/reviews/{id}/assign", json!({})),
        (
            "post",
            "/api/v1/reviews/{id}/approve",
            json!({"note": "both posts are there"}),
        ),
        (
            "post",
            "/api/v1/reviews/{id}/reject",
            json!({"note": "the picture shows another post", "ban": true}),
        ),
        (
            "post",
            "/api/v1/users/{id}/unban",
            json!({"note": "a brother had the phone"}),
        ),
        (
            "post",
            "/api/v1/rings/{id}/decision",
            json!({"action": "hold", "note": "twelve accounts on one phone within a day"}),
        ),
        (
            "post",
            "/api/v1/users/{id}/rewards",
            json!({"points": 50, "reason": "the video did not start on the day of the draw"}),
        ),
        (
            "post",
            "/api/v1/rewards/{id}/revoke",
            json!({"reason": "the posts were removed the same day"}),
        ),
        (
            "post",
            "/api/v1/webhooks",
            json!({"url": "https://hooks.example/missions", "events": ["RewardClaimedEvent", "RewardRevokedEvent"]}),
        ),
    ]
}

const SCRIPT: &str = r#"fn eligible(ctx) { ctx.user.level >= 3 && !("banned" in ctx.user.tags) }"#;

fn mission(points: u32) -> Value {
    json!({
        "code": "share-two-posts",
        "type": "social",
        "category": "community",
        "frequency": "weekly",
        "priority": 10,
        "target": 2,
        "evidence": {"type": "social_proof", "review": "manual"},
        "title": {"en": "Share two posts", "vi": "Chia sẻ hai bài viết"},
        "description": {"en": "Show us a screenshot of them."},
        "reward": {"points": points, "experience_points": 20},
    })
}

fn pack() -> Value {
    let watch = r#"code = "watch-a-video"
type = "watch_video"
category = "engagement"
frequency = "daily"
auto_start = true
rules_script = "rules/watch.rhai"
title = { en = "Watch a video" }
description = { en = "Any one, half a minute or more." }
[trigger]
event = "video.watched"
[reward]
points = "20"
"#;
    let case = r#"[[case]]
name = "half a minute is enough"
mission = "watch-a-video"
events = [{ type = "video.watched", at = "2026-01-05T10:00:00Z", data = { seconds = 30 } }]
expect = { status = "completed", points = "20" }
"#;
    json!({"files": {
        "pack.toml": "name = \"videos\"\nversion = \"1.0.0\"\n",
        "missions/watch-a-video.toml": watch,
        "rules/watch.rhai": "fn progress(ctx) { if ctx.event.data.seconds >= 30 { 1 } else { 0 } }\n",
        "tests/watch.toml": case,
    }})
}
