//! What is judged, and the same judgement written in Rust.

use mission_core::{
    check_in::{Streak, Zone},
    event::ActivityEvent,
    mission::{Definition, Mission},
    ports::rules::{RuleContext, TaskContext, UserContext},
    testing::active,
};
use rust_decimal::{Decimal, dec};
use serde_json::{Map, Value, json};

/// A definition with sensible values; `more` adds fields.
pub(crate) fn definition(more: Value) -> Definition {
    let mut fields = json!({
        "type": "watch_video", "category": "engagement", "frequency": "daily",
        "title": {"en": "Watch"}, "description": {"en": "Watch it"}, "reward": {"points": "50.5"},
    });
    let all = fields.as_object_mut().expect("it is an object");
    all.extend(more.as_object().cloned().unwrap_or_default());
    serde_json::from_value(fields).expect("it is a definition")
}

/// What a rule context borrows.
pub(crate) struct Records {
    mission: Mission,
    pub(crate) event: ActivityEvent,
    pub(crate) tags: Vec<String>,
    attributes: Map<String, Value>,
    pub(crate) country: &'static str,
    pub(crate) level: u32,
    pub(crate) streak: u32,
}

impl Records {
    /// The records of one of many users. Most fulfil all conditions; each condition fails for some.
    pub(crate) fn of(number: u32) -> Self {
        let read = |json: Value| serde_json::from_value(json).expect("it is valid");
        Records {
            mission: active(1, definition(json!({"code": "watch"}))),
            event: ActivityEvent {
                id: format!("e{number}"),
                source: "player".to_owned(),
                event_type: if number % 16 == 1 {
                    "article.read"
                } else {
                    "video.watched"
                }
                .to_owned(),
                user_id: "01890000-0000-7000-8000-000000000002"
                    .parse()
                    .expect("it is an id"),
                time: "2026-01-05T10:00:00Z".parse().expect("it is a time"),
                data: read(json!({"seconds": 25 + number, "video": "v1", "quality": "hd", "ratio": 0.5})),
            },
            tags: ["beta", if number % 16 == 2 { "banned" } else { "vip" }]
                .map(str::to_owned)
                .into(),
            attributes: Map::new(),
            country: if number % 16 == 3 { "FR" } else { "DE" },
            level: if number % 16 == 4 { 2 } else { 3 + number % 9 },
            streak: number % 40,
        }
    }

    pub(crate) fn context(&self) -> RuleContext<'_> {
        RuleContext {
            friends: None,
            risk: None,
            now: self.event.time,
            zone: "Asia/Ho_Chi_Minh".parse::<Zone>().expect("it is a zone"),
            user: UserContext {
                id: self.event.user_id,
                level: self.level,
                experience: 120,
                tags: &self.tags,
                country: Some(self.country),
                attributes: &self.attributes,
                registered_at: None,
                badges: &[],
                last_seen_at: None,
                days_away: None,
            },
            mission: Some(&self.mission),
            task: TaskContext::default(),
            event: Some(&self.event),
            evidence: None,
            streak: Streak {
                current: self.streak,
                longest: self.streak,
                total: self.streak,
            },
            last_check_in: None,
            offer: self.mission.definition.completion_reward(),
            completions: &self.attributes,
        }
    }

    pub(crate) fn points(&self) -> Decimal {
        self.mission.definition.reward.points.get()
    }
}

pub(crate) fn wanted_by_hand(context: &RuleContext<'_>) -> bool {
    let Some(event) = context.event else {
        return false;
    };
    event.event_type == "video.watched"
        && event
            .data
            .get("seconds")
            .and_then(Value::as_i64)
            .is_some_and(|seconds| seconds >= 30)
        && context.user.level >= 3
        && !context.user.tags.iter().any(|tag| tag == "banned")
        && context
            .user
            .country
            .is_some_and(|country| ["US", "DE", "VN"].contains(&country))
}

pub(crate) fn reward_by_hand(context: &RuleContext<'_>) -> Decimal {
    let mission = context.mission.expect("a mission is judged");
    let points = mission.definition.reward.points.get();
    match context.streak.current {
        30.. => points * dec!(1.5),
        7.. => points * dec!(1.2),
        _ => points,
    }
}
