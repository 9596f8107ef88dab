//! What a generated script is evaluated on.

use mission_core::{
    check_in::{Streak, Zone},
    event::ActivityEvent,
    mission::Mission,
    ports::rules::{RuleContext, TaskContext, UserContext},
    task::{Evidence, EvidenceType},
    testing::active,
    user::FriendFacts,
};
use serde_json::{Map, Value};

use super::generator::Bytes;

const MISSION: &str = r#"{
    "code": "watch", "type": "watch_video", "category": "engagement", "frequency": "daily", "target": 3,
    "title": {"en": "Watch"}, "description": {"en": "Watch it"},
    "reward": {"points": "50", "mining_boost_percent": "2.5", "experience_points": 20}
}"#;

const DATA: &[&str] = &[
    "{}",
    r#"{"seconds": 35, "ratio": 0.10, "big": 12345678901234567890, "whole": 3.0, "title": "Grüße", "none": null,
        "list": [1, "a", 2.50, null, true, {"a": 1}, [1]], "texts": ["DE", "vip", "a"],
        "object": {"deep": {"x": 7}, "title": "in"}, "a": {"b": {"c": 1}}}"#,
    r#"{"seconds": "35", "ratio": 1e2, "big": 1e400, "whole": -0, "title": 5, "list": {"a": 1}, "texts": "DE",
        "object": [1], "a": "b"}"#,
    r#"{"seconds": -9223372036854775808, "ratio": -0.5, "title": "a text that is longer than some limits allow",
        "list": [1, 2, 3, 4, 5, 6], "texts": ["first", "second", "third", "fourth"], "object": {"a": 1, "b": 2, "c": 3}}"#,
];

/// What a rule context borrows.
pub(crate) struct ContextFixture {
    mission: Mission,
    event: ActivityEvent,
    evidence: Evidence,
    tags: Vec<String>,
    attributes: Map<String, Value>,
    friends: FriendFacts,
    has_event: bool,
    has_evidence: bool,
    has_facts: bool,
    level: u32,
    streak: u32,
}

#[expect(clippy::panic, reason = "what is read here stands above")]
fn read<T: serde::de::DeserializeOwned>(json: &str) -> T {
    match serde_json::from_str(json) {
        Ok(value) => value,
        Err(error) => panic!("{error}: {json}"),
    }
}

impl ContextFixture {
    pub(crate) fn generate(bytes: &mut Bytes<'_>) -> Self {
        let tags = [
            &[][..],
            &["vip"],
            &["a", "DE", "beta"],
            &["a text", "that is", "long", "enough"],
        ];
        ContextFixture {
            mission: active(1, read(MISSION)),
            event: ActivityEvent {
                id: "e1".to_owned(),
                source: "player".to_owned(),
                event_type: "video.watched".to_owned(),
                user_id: read(r#""01890000-0000-7000-8000-000000000002""#),
                time: read(r#""2026-01-05T10:00:00.5Z""#),
                data: read(bytes.one_of(DATA)),
            },
            evidence: Evidence {
                evidence_type: EvidenceType::WatchDuration,
                data: bytes.one_of(&["40", "", "many"]).to_owned(),
                screenshot_url: None,
                video_url: None,
                captured_at: None,
            },
            tags: tags
                .get(bytes.below(tags.len()))
                .map(|tags| tags.iter().map(|&tag| tag.to_owned()).collect())
                .unwrap_or_default(),
            attributes: read(bytes.one_of(&[
                "{}",
                r#"{"plan": "gold", "score": 1.5}"#,
                r#"{"plan": ["gold"]}"#,
            ])),
            friends: read(r#"{"count": 2, "named": ["a", "b"]}"#),
            has_event: bytes.below(4) > 0,
            has_evidence: bytes.below(4) > 0,
            has_facts: bytes.below(2) > 0,
            level: [0, 1, 3, 50].get(bytes.below(4)).copied().unwrap_or_default(),
            streak: [0, 1, 7, u32::MAX]
                .get(bytes.below(4))
                .copied()
                .unwrap_or_default(),
        }
    }

    pub(crate) fn context(&self) -> RuleContext<'_> {
        RuleContext {
            friends: self.has_facts.then_some(&self.friends),
            risk: None,
            now: read(r#""2026-01-05T18:30:00Z""#),
            zone: read::<Zone>(r#""Asia/Ho_Chi_Minh""#),
            user: UserContext {
                id: self.event.user_id,
                level: self.level,
                experience: u64::from(self.level)
                    .saturating_mul(u64::from(self.streak))
                    .saturating_mul(1 << 32),
                tags: &self.tags,
                country: self.has_facts.then_some("DE"),
                attributes: &self.attributes,
                registered_at: self.has_facts.then_some(self.mission.created_at),
                badges: &self.tags,
                last_seen_at: self.has_facts.then_some(self.mission.created_at),
                days_away: self.has_facts.then_some(self.level),
            },
            mission: Some(&self.mission),
            task: TaskContext {
                progress: self.level.into(),
                target: 3,
                completions: 1,
                started_at: None,
                stage: 0,
                streak: self.streak,
            },
            event: self.has_event.then_some(&self.event),
            evidence: self.has_evidence.then_some(&self.evidence),
            streak: Streak {
                current: self.streak,
                longest: self.streak,
                total: self.streak,
            },
            last_check_in: self.has_facts.then(|| read(r#""2026-01-01""#)),
            offer: &self.mission.definition.reward,
            completions: &self.attributes,
        }
    }
}
