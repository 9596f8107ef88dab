//! Short ways to say what user 1 does, and a script language of a few words.

use std::sync::Arc;

use mission_core::{
    RewardId, TaskId, UserId,
    engine::{
        CheckIn, CheckedIn, ClaimReward, ClaimTask, CompleteTask, DecideReview, EvidenceTaken, ExpireDue,
        ExplainError, Records, Rejection, ReportProgress, ReviewDecided, RewardTaken, Settings, StartTask,
        SubmitEvidence, TaskCompleted,
    },
    fraud::{Review, ReviewDecision, ReviewStatus},
    mission::{Definition, Trigger},
    ports::rules::{
        CompileError, EvidenceVerdict, FailureKind, Hook, RewardPatch, RuleContext, RuleFailure, Script,
        ScriptCompiler,
    },
    task::{Evidence, EvidenceType, Explanation, Task},
    testing::{EngineFixture, at, definition, mission_id, user},
};
use serde_json::{Value, json};

pub(crate) fn start(fixture: &mut EngineFixture, mission: u64) -> Result<Task, Rejection> {
    let start = StartTask {
        user: user(1),
        mission: mission_id(mission),
    };
    fixture.when(start).map(|reply| reply.task)
}

pub(crate) fn explain(fixture: &EngineFixture, mission: u64) -> Result<Explanation, ExplainError> {
    let start = StartTask {
        user: user(1),
        mission: mission_id(mission),
    };
    let signals = fixture.signals.clone();
    pollster::block_on(mission_core::engine::explain_stored(
        &fixture.store,
        &fixture.catalog,
        &Words,
        start,
        fixture.now,
        signals,
    ))
}

pub(crate) fn progress(fixture: &mut EngineFixture, task: TaskId, value: u64) -> Result<Task, Rejection> {
    let report = ReportProgress {
        user: user(1),
        task,
        value,
    };
    fixture.when(report).map(|reply| reply.task)
}

pub(crate) fn complete(fixture: &mut EngineFixture, task: TaskId) -> Result<TaskCompleted, Rejection> {
    fixture.when(CompleteTask { user: user(1), task })
}

pub(crate) fn claim(fixture: &mut EngineFixture, task: TaskId) -> Result<RewardTaken, Rejection> {
    fixture.when(ClaimTask { user: user(1), task })
}

pub(crate) fn claim_reward(fixture: &mut EngineFixture, reward: RewardId) -> Result<RewardTaken, Rejection> {
    fixture.when(ClaimReward {
        user: user(1),
        reward,
    })
}

pub(crate) fn check_in(fixture: &mut EngineFixture) -> Result<CheckedIn, Rejection> {
    fixture.when(CheckIn { user: user(1) })
}

pub(crate) fn show(
    fixture: &mut EngineFixture,
    task: TaskId,
    evidence: Evidence,
) -> Result<EvidenceTaken, Rejection> {
    fixture.when(SubmitEvidence {
        user: user(1),
        task,
        evidence,
    })
}

pub(crate) fn decide(
    fixture: &mut EngineFixture,
    review: &Review,
    decision: ReviewDecision,
) -> Result<ReviewDecided, Rejection> {
    fixture.when(DecideReview {
        user: review.user_id,
        review: review.id,
        decision,
        reviewer: user(99),
        note: Some("looked at it".to_owned()),
    })
}

/// The one review that waits.
pub(crate) fn open_review(fixture: &EngineFixture) -> Review {
    let reviews = fixture.store.records().review;
    let open: Vec<Review> = reviews
        .into_values()
        .flatten()
        .filter(|review| review.status == ReviewStatus::Open)
        .collect();
    assert_eq!(open.len(), 1, "one review waits: {open:?}");
    open.into_iter().next().unwrap()
}

/// Started and with full progress.
pub(crate) fn ready(fixture: &mut EngineFixture, mission: u64) -> Task {
    let task = start(fixture, mission).unwrap();
    progress(fixture, task.id, task.progress.target()).unwrap()
}

/// Started, moved and completed.
pub(crate) fn done(fixture: &mut EngineFixture, mission: u64) -> Task {
    let task = ready(fixture, mission);
    let done = complete(fixture, task.id).unwrap();
    assert!(!done.under_review);
    done.task
}

/// A definition as an author writes it, on top of the plainest one.
pub(crate) fn written(code: &str, fields: &Value) -> Definition {
    let mut definition = json!({
        "code": code, "type": "custom", "frequency": "one_time", "auto_start": fields.get("trigger").is_some(),
        "title": {"en": code}, "description": {"en": "Do it."}, "reward": {"points": "50"},
    });
    let (Some(all), Some(more)) = (definition.as_object_mut(), fields.as_object()) else {
        panic!("an object is expected: {fields}");
    };
    all.extend(more.clone());
    if all.contains_key("stage") {
        all.remove("reward");
    }
    let definition: Definition = serde_json::from_value(definition).unwrap();
    assert_eq!(definition.validation_errors(), []);
    definition
}

/// A definition that an event moves.
pub(crate) fn triggered(code: &str, event: &str) -> Definition {
    Definition {
        trigger: Trigger::on(event).into(),
        ..definition(code)
    }
}

pub(crate) fn evidence(evidence_type: EvidenceType, data: &str) -> Evidence {
    Evidence {
        evidence_type,
        data: data.to_owned(),
        screenshot_url: None,
        video_url: None,
        captured_at: None,
    }
}

pub(crate) fn code<T: std::fmt::Debug>(result: Result<T, Rejection>) -> &'static str {
    result.unwrap_err().code()
}

/// Looks whether anything of a user has expired.
pub(crate) fn expire_all_of(records: &Records, owner: UserId) -> ExpireDue {
    let tasks = records.task.keys().filter(|key| key.0 == owner);
    let rewards = records.reward.keys().filter(|key| key.0 == owner);
    ExpireDue {
        user: owner,
        tasks: tasks.map(|key| key.1).collect(),
        rewards: rewards.map(|key| key.1).collect(),
    }
}

/// A fixture that runs the scripts of [`Words`].
pub(crate) fn scripted(now: &str) -> EngineFixture {
    EngineFixture::set_up(at(now), Settings::default(), Arc::new(Words))
}

/// Scripts of one line: a hook and what it answers, such as `progress 5`, `reward 7.005` or `verify too short`; `fail`
/// and `panic` do so in every hook.
pub(crate) struct Words;

#[derive(Debug)]
struct Line(String);

impl ScriptCompiler for Words {
    fn compile(&self, source: &str) -> Result<Arc<dyn Script>, CompileError> {
        if source == "nonsense" {
            return Err(CompileError {
                message: "unknown word".to_owned(),
                line: 1,
                column: 1,
            });
        }
        Ok(Arc::new(Line(source.to_owned())))
    }
}

impl Line {
    fn answer(&self, hook: Hook) -> Result<Option<&str>, RuleFailure> {
        assert_ne!(self.0, "panic", "a script that panics");
        if self.0 == "fail" {
            return Err(RuleFailure {
                hook,
                kind: FailureKind::Error,
                line: None,
                message: "it failed".to_owned(),
            });
        }
        Ok(self.0.strip_prefix(hook.name()).map(str::trim))
    }
}

impl Script for Line {
    fn eligible(&self, _: &RuleContext<'_>) -> Result<Option<bool>, RuleFailure> {
        Ok(self.answer(Hook::Eligible)?.map(|answer| answer == "true"))
    }

    fn progress(&self, _: &RuleContext<'_>) -> Result<Option<u64>, RuleFailure> {
        Ok(self.answer(Hook::Progress)?.map(|answer| answer.parse().unwrap()))
    }

    fn verify(&self, _: &RuleContext<'_>) -> Result<Option<EvidenceVerdict>, RuleFailure> {
        Ok(self.answer(Hook::Verify)?.map(|answer| match answer {
            "true" => EvidenceVerdict::Valid,
            "review" => EvidenceVerdict::Review("looks odd".to_owned()),
            why => EvidenceVerdict::Invalid(why.to_owned()),
        }))
    }

    fn reward(&self, _: &RuleContext<'_>) -> Result<Option<RewardPatch>, RuleFailure> {
        let Some(answer) = self.answer(Hook::Reward)? else {
            return Ok(None);
        };
        let (points, bonus) = answer.split_once('+').unwrap_or((answer, "0"));
        Ok(Some(RewardPatch {
            points: Some(points.trim().parse().unwrap()),
            bonus_points: Some(bonus.trim().parse().unwrap()),
            ..RewardPatch::default()
        }))
    }

    fn risk(&self, _: &RuleContext<'_>) -> Result<Option<mission_core::fraud::RiskAssessment>, RuleFailure> {
        Ok(None)
    }
}
