//! Hooks through the core's port, on a real context.

use std::sync::Arc;

use chrono::{DateTime, Utc};
use mission_core::{
    check_in::{Streak, Zone},
    event::ActivityEvent,
    mission::Mission,
    ports::rules::{
        EvidenceVerdict, RewardPatch, RuleContext, RuleFailure, Script, ScriptCompiler, TaskContext,
        UserContext,
    },
    task::{Evidence, EvidenceType},
    testing::active,
};
use mission_rules::{FieldSchema, Scripts};
use serde_json::{Map, Value, json};

fn at(text: &str) -> DateTime<Utc> {
    text.parse().unwrap()
}

/// What a rule context borrows.
pub(crate) struct ContextFixture {
    mission: Mission,
    event: ActivityEvent,
    evidence: Evidence,
    tags: Vec<String>,
    attributes: Map<String, Value>,
}

impl ContextFixture {
    pub(crate) fn new() -> Self {
        let definition = r#"{
            "code": "watch", "type": "watch_video", "category": "engagement", "frequency": "daily", "target": 3,
            "title": {"en": "Watch"}, "description": {"en": "Watch it"},
            "reward": {"points": "50", "mining_boost_percent": "2.5", "experience_points": 20}
        }"#;
        let data = r#"{"seconds": 35, "ratio": 0.10, "nested": {"list": [1, {"deep": true}]}, "none": null}"#;
        ContextFixture {
            mission: active(1, serde_json::from_str(definition).unwrap()),
            event: ActivityEvent {
                id: "e1".to_owned(),
                source: "player".to_owned(),
                event_type: "video.watched".to_owned(),
                user_id: "01890000-0000-7000-8000-000000000002".parse().unwrap(),
                time: at("2026-01-05T10:00:00Z"),
                data: serde_json::from_str(data).unwrap(),
            },
            evidence: Evidence {
                evidence_type: EvidenceType::WatchDuration,
                data: "40".to_owned(),
                screenshot_url: None,
                video_url: None,
                captured_at: None,
            },
            tags: vec!["vip".to_owned()],
            attributes: serde_json::from_str(r#"{"plan": "gold", "score": 1.5}"#).unwrap(),
        }
    }

    pub(crate) fn context(&self) -> RuleContext<'_> {
        RuleContext {
            friends: None,
            risk: None,
            now: at("2026-01-05T18:30:00Z"),
            zone: "Asia/Ho_Chi_Minh".parse::<Zone>().unwrap(),
            user: UserContext {
                id: self.event.user_id,
                level: 4,
                experience: 120,
                tags: &self.tags,
                country: Some("DE"),
                attributes: &self.attributes,
                registered_at: None,
                badges: &self.tags,
                last_seen_at: None,
                days_away: Some(3),
            },
            mission: Some(&self.mission),
            task: TaskContext {
                progress: 1,
                target: 3,
                completions: 0,
                started_at: None,
                stage: 0,
                streak: 0,
            },
            event: Some(&self.event),
            evidence: Some(&self.evidence),
            streak: Streak {
                current: 7,
                longest: 9,
                total: 20,
            },
            last_check_in: None,
            offer: &self.mission.definition.reward,
            completions: &self.attributes,
        }
    }
}

fn script(source: &str) -> Arc<dyn Script> {
    Scripts::default().compile(source).unwrap()
}

#[test]
fn hooks_that_a_script_lacks_leave_the_default() {
    let fixture = ContextFixture::new();
    let script = script("fn eligible(ctx) { true }");
    assert_eq!(script.eligible(&fixture.context()), Ok(Some(true)));
    assert_eq!(script.progress(&fixture.context()), Ok(None));
    assert_eq!(script.verify(&fixture.context()), Ok(None));
    assert_eq!(script.reward(&fixture.context()), Ok(None));
}

#[test]
fn the_contracts_scripts_work() {
    let fixture = ContextFixture::new();
    let script = script(
        r#"
        fn eligible(ctx)  { ctx.user.level >= 3 && !("banned" in ctx.user.tags) }
        fn progress(ctx)  { if ctx.event.data.seconds >= 30 { 1 } else { 0 } }
        fn verify(ctx)    { if ctx.evidence.seconds >= 30 { true } else { "too short" } }
        fn reward(ctx)    { #{ points: ctx.mission.reward.points * 2, bonus_points: 5 } }
        "#,
    );
    let context = fixture.context();
    assert_eq!(script.eligible(&context), Ok(Some(true)));
    assert_eq!(script.progress(&context), Ok(Some(1)));
    assert_eq!(script.verify(&context), Ok(Some(EvidenceVerdict::Valid)));
    let patch = RewardPatch {
        points: Some(100.into()),
        bonus_points: Some(5.into()),
        ..RewardPatch::default()
    };
    assert_eq!(script.reward(&context), Ok(Some(patch)));
}

/// The lazily built context and the whole one are the same to a script: `keep(ctx)` makes it whole.
#[test]
fn every_field_reads_the_same_lazily_and_whole() {
    let fixture = ContextFixture::new();
    let table = [
        ("ctx.now.time", "01:30:00"),
        ("ctx.now.date", "2026-01-06"),
        ("ctx.now.hour", "1"),
        ("ctx.now.weekday", "2"),
        ("ctx.now.unix", "1767637800"),
        ("ctx.user.id", "01890000-0000-7000-8000-000000000002"),
        ("ctx.user.level + ctx.user.experience", "124"),
        ("ctx.user.tags[0]", "vip"),
        ("ctx.user.country", "DE"),
        ("ctx.user.attributes.plan", "gold"),
        ("ctx.user.attributes.score * 2 == 3", "true"),
        ("ctx.user.attributes.keys().join(\",\")", "plan,score"),
        ("ctx.user.registered_at == ()", "true"),
        (
            "ctx.mission.code + ctx.mission.type + ctx.mission.category",
            "watchwatch_videoengagement",
        ),
        ("ctx.mission.frequency", "daily"),
        ("ctx.mission.reward.points / 4 == 12.5", "true"),
        ("ctx.mission.reward.mining_boost_percent", "2.5"),
        ("ctx.mission.reward.len()", "3"),
        ("ctx.task.progress + ctx.task.target + ctx.task.completions", "4"),
        (
            "ctx.event.type + ctx.event.id + ctx.event.source",
            "video.watchede1player",
        ),
        ("ctx.event.time", "2026-01-05T10:00:00Z"),
        ("ctx.event.data.seconds + 0", "35"),
        ("ctx.event.data.ratio * 3 == 0.3", "true"),
        ("ctx.event.data.nested.list[1].deep", "true"),
        ("ctx.event.data.none == () && ctx.event.data.nope == ()", "true"),
        ("ctx.event.data.len()", "4"),
        ("{ let d = ctx.event.data; d.seconds }", "35"),
        ("ctx[\"event\"][\"data\"][\"seconds\"]", "35"),
        ("{ let key = \"seconds\"; ctx.event.data[key] }", "35"),
        ("\"seconds\" in ctx.event.data", "true"),
        (
            "ctx.evidence.type + ctx.evidence.data + ctx.evidence.seconds",
            "watch_duration4040",
        ),
        ("ctx.streak.current + ctx.streak.longest + ctx.streak.total", "36"),
        (
            "ctx.user.level.a.b == () && ctx.a.b.c == () && ctx.user.attributes.a.b.c == ()",
            "true",
        ),
        (
            "ctx.keys().join(\" \")",
            "completions event evidence mission now streak task user",
        ),
        ("{ ctx.user.level = 9; ctx.user.level }", "9"),
        ("{ for ctx in [1] { } ctx.user.level }", "4"),
        ("{ let other = ctx; other.user.level }", "4"),
        ("{ let ctx = #{ user: #{ level: 1 } }; ctx.user.level }", "1"),
    ];
    let scripts = Scripts::default();
    let mut wrong = Vec::new();
    for (expression, expected) in table {
        for keep in ["", "keep(ctx); "] {
            let source = format!(
                "fn keep(whole) {{ whole.len() }} fn verify(ctx) {{ {keep}let value = {expression}; `${{value}}` }}"
            );
            let verdict = scripts.compile(&source).unwrap().verify(&fixture.context());
            if verdict != Ok(Some(EvidenceVerdict::Invalid(expected.to_owned()))) {
                wrong.push((keep, expression, verdict, expected));
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn what_a_script_writes_is_gone_with_its_call() {
    let fixture = ContextFixture::new();
    let script = script(
        "fn progress(ctx) { ctx.user.level += 1; ctx.event.data.seconds += 1; ctx.user.level + ctx.event.data.seconds }",
    );
    for _ in 0..3 {
        assert_eq!(script.progress(&fixture.context()), Ok(Some(41)));
    }
}

#[test]
fn answers_are_taken_or_refused() {
    let fixture = ContextFixture::new();
    let scripts = Scripts::default();
    let answer = |hook: &str, value: &str| -> Result<String, RuleFailure> {
        let script = scripts.compile(&format!("fn {hook}(ctx) {{ {value} }}")).unwrap();
        let context = fixture.context();
        Ok(match hook {
            "eligible" => format!("{:?}", script.eligible(&context)?),
            "progress" => format!("{:?}", script.progress(&context)?),
            "verify" => format!("{:?}", script.verify(&context)?),
            _ => format!("{:?}", script.reward(&context)?),
        })
    };
    let taken = [
        ("eligible", "false", "Some(false)"),
        ("progress", "2.0", "Some(2)"),
        ("progress", "0", "Some(0)"),
        (
            "verify",
            "false",
            "the mission's rules do not accept this evidence",
        ),
        (
            "verify",
            "\"\"",
            "the mission's rules do not accept this evidence",
        ),
        ("verify", "\" too short \"", "Invalid(\"too short\")"),
        ("verify", "#{review: \"odd\"}", "Review(\"odd\")"),
        ("reward", "#{}", "points: None"),
        (
            "reward",
            "#{points: 0.125, mining_boost_percent: 1}",
            "points: Some(0.125)",
        ),
        (
            "reward",
            "#{experience_points: 7.0, badge_id: \"b\", expires_after_days: 3}",
            "experience_points: Some(7)",
        ),
        ("reward", "#{points: ()}", "points: None"),
    ];
    for (hook, value, expected) in taken {
        let text = answer(hook, value).unwrap();
        assert!(text.contains(expected), "{hook} {value}: {text}");
    }
    let refused = [
        (
            "eligible",
            "1",
            "must give true or false, and gave a whole number, `1`",
        ),
        ("eligible", "", "gave () (nothing)"),
        (
            "progress",
            "-1",
            "must give a whole number from 0, and gave a whole number, `-1`",
        ),
        ("progress", "1.5", "gave a decimal, `1.5`"),
        ("progress", "true", "gave true or false, `true`"),
        ("verify", "1", "must give true, false, a reason or"),
        ("verify", "#{reveiw: \"x\"}", "unknown key `reveiw`"),
        ("verify", "#{review: 1}", "`review` must be a text"),
        ("reward", "5", "must give a map"),
        (
            "reward",
            "#{point: 5}",
            "unknown key `point`; did you mean `points`?",
        ),
        (
            "reward",
            "#{points: -1}",
            "`points` must be a number from 0, and is a whole number, `-1`",
        ),
        (
            "reward",
            "#{points: \"5\"}",
            "`points` must be a number from 0, and is a string, `5`",
        ),
        (
            "reward",
            "#{experience_points: 1.5}",
            "`experience_points` must be a whole number from 0",
        ),
        (
            "reward",
            "#{experience_points: 5000000000}",
            "`experience_points` must be a whole number from 0",
        ),
        ("reward", "#{badge_id: 5}", "`badge_id` must be a text"),
        ("reward", "ctx.nothing.at.all + 1", "(line 1, column 37)"),
    ];
    for (hook, value, expected) in refused {
        let failure = answer(hook, value).unwrap_err();
        assert_eq!(failure.hook.name(), hook);
        assert!(
            failure.message.contains(expected),
            "{hook} {value}: {}",
            failure.message
        );
    }
}

#[test]
fn a_json_context_is_read_as_the_engines_own() {
    use mission_core::ports::rules::Hook;
    let scripts = Scripts::default();
    let source = "fn reward(ctx) { #{ points: ctx.mission.reward.points / 4 } }";
    for points in [json!(50), json!("50"), json!(50.0)] {
        let context = json!({"mission": {"reward": {"points": points}}});
        let value = scripts.eval_hook(source, Hook::Reward, &context).unwrap();
        assert_eq!(value.to_string(), r#"{"points":12.5}"#);
    }
    for (context, hook, expected) in [
        (json!([]), Hook::Reward, "must be a JSON object"),
        (
            json!({"mission": {"reward": {"points": "many"}}}),
            Hook::Reward,
            "must be a number, not `many`",
        ),
        (
            json!({}),
            Hook::Verify,
            "no `fn verify(ctx)`, so the default applies",
        ),
    ] {
        let error = scripts.eval_hook(source, hook, &context).unwrap_err();
        assert!(error.to_string().contains(expected), "{error}");
    }
}

/// The schema and the core name the same fields.
#[test]
fn every_field_of_the_schema_is_in_a_full_context() {
    let mut fixture = ContextFixture::new();
    fixture.mission.definition.starts_at = Some(at("2026-01-01T00:00:00Z"));
    fixture.mission.definition.ends_at = Some(at("2027-01-01T00:00:00Z"));
    fixture.mission.definition.reward.badge_id = Some("gold".to_owned());
    fixture.mission.definition.reward.expires_after_days = Some(30);
    fixture.evidence.screenshot_url = Some("https://example.org/s".to_owned());
    fixture.evidence.video_url = Some("https://example.org/v".to_owned());
    fixture.evidence.captured_at = Some(at("2026-01-05T10:00:00Z"));
    let mut context = fixture.context();
    context.user.registered_at = Some(at("2025-01-01T00:00:00Z"));
    context.user.last_seen_at = Some(at("2025-12-01T00:00:00Z"));
    context.last_check_in = Some("2026-01-04".parse().unwrap());
    context.task.started_at = Some(at("2026-01-05T09:00:00Z"));

    let schema = FieldSchema::default();
    let mut paths: Vec<String> = schema.names_below("").map(str::to_owned).collect();
    let mut fields = 0;
    let scripts = Scripts::default();
    while let Some(path) = paths.pop() {
        let below: Vec<String> = schema
            .names_below(&path)
            .map(|name| format!("{path}.{name}"))
            .collect();
        if below.is_empty() {
            fields += 1;
            assert!(context.field(&path).is_some(), "{path} for declarative rules");
        }
        let script = scripts
            .compile(&format!("fn eligible(ctx) {{ ctx.{path} != () }}"))
            .unwrap();
        assert_eq!(script.eligible(&context), Ok(Some(true)), "{path} for scripts");
        paths.extend(below);
    }
    assert_eq!(fields, 55);
}
