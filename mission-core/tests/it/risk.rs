//! Risk: what users do is scored by a pack's script, flagged for a reviewer, or refused.

use std::{net::IpAddr, sync::Arc};

use mission_core::{
    engine::{CheckIn, CheckedIn, PackPolicy, Rejection, Settings},
    event::IntegrationEvent,
    fraud::{
        AddressHash, CheckMode, FraudPolicy, ReviewDecision, ReviewReason, RiskAssessment, RiskCheck,
        RiskOutcome, RiskPolicy, UserAction,
    },
    ports::rules::{
        CompileError, EvidenceVerdict, FailureKind, Hook, RewardPatch, RuleContext, RuleFailure, Script,
        ScriptCompiler,
    },
    reward::RewardStatus,
    testing::{EngineFixture, active, at, definition, user},
};

use crate::play::{check_in, claim, code, complete, decide, done, open_review, progress, ready, start};

const NOON: &str = "2026-01-05T12:00:00Z";

/// A script of one line: a signal and what it counts for, as in `actions_last_minute*10`, or `fail`.
#[derive(Debug)]
struct Weighted {
    signal: String,
    weight: u64,
}

impl Script for Weighted {
    fn eligible(&self, _: &RuleContext<'_>) -> Result<Option<bool>, RuleFailure> {
        Ok(None)
    }

    fn progress(&self, _: &RuleContext<'_>) -> Result<Option<u64>, RuleFailure> {
        Ok(None)
    }

    fn verify(&self, _: &RuleContext<'_>) -> Result<Option<EvidenceVerdict>, RuleFailure> {
        Ok(None)
    }

    fn reward(&self, _: &RuleContext<'_>) -> Result<Option<RewardPatch>, RuleFailure> {
        Ok(None)
    }

    fn risk(&self, context: &RuleContext<'_>) -> Result<Option<RiskAssessment>, RuleFailure> {
        if self.signal == "fail" {
            return Err(RuleFailure {
                hook: Hook::Risk,
                kind: FailureKind::Compile,
                line: None,
                message: "it fails".to_owned(),
            });
        }
        let risk = context.risk.unwrap();
        let value = match self.signal.as_str() {
            "account_age_hours" => risk.account_age_hours,
            "actions_last_minute" => risk.actions_last_minute.into(),
            "identical_intervals" => risk.identical_intervals.into(),
            "is_new_device" => risk.is_new_device.into(),
            "device_users" => risk.device_users.into(),
            "address_users" => risk.address_users.into(),
            "claim" => (risk.action == UserAction::Claim).into(),
            "mission" => context.mission.is_some().into(),
            other => panic!("no signal {other}"),
        };
        let score = u8::try_from((value * self.weight).min(100)).unwrap();
        Ok(Some(RiskAssessment {
            score: score.try_into().unwrap(),
            reasons: vec![format!("{} is {value}", self.signal)],
        }))
    }
}

#[derive(Debug)]
struct Compiler;

impl ScriptCompiler for Compiler {
    fn compile(&self, source: &str) -> Result<Arc<dyn Script>, CompileError> {
        let (signal, weight) = source.split_once('*').unwrap_or((source, "1"));
        Ok(Arc::new(Weighted {
            signal: signal.to_owned(),
            weight: weight.parse().unwrap(),
        }))
    }
}

fn judged_by(script: &str, mode: CheckMode) -> EngineFixture {
    let policy = RiskPolicy {
        script: script.to_owned(),
        flag_at: 50.try_into().unwrap(),
        refuse_at: Some(90.try_into().unwrap()),
        mode,
    };
    EngineFixture::set_up(at(NOON), Settings::default(), Arc::new(Compiler))
        .with_policy(PackPolicy {
            risk: Some(policy),
            ..PackPolicy::default()
        })
        .with(active(1, definition("read")))
}

fn come_from(fixture: &mut EngineFixture, address: &str) {
    let address = address.parse::<IpAddr>().unwrap();
    fixture.signals.address = Some(AddressHash::of(address));
}

fn check_in_of(fixture: &mut EngineFixture, number: u64) -> Result<CheckedIn, Rejection> {
    fixture.when(CheckIn { user: user(number) })
}

fn score_of(fixture: &EngineFixture) -> (u8, Vec<String>) {
    let reasons = open_review(fixture).reasons;
    let [ReviewReason::Risk(assessment)] = reasons.as_slice() else {
        panic!("{reasons:?}");
    };
    (assessment.score.get(), assessment.reasons.clone())
}

#[test]
fn a_risky_check_in_keeps_its_streak_and_waits_for_a_reviewer() {
    let mut fixture = judged_by("actions_last_minute*50", CheckMode::On);
    let taken = check_in(&mut fixture).unwrap();
    assert!(taken.under_review);
    assert_eq!(taken.streak.current, 1);
    assert_eq!(
        score_of(&fixture),
        (50, vec!["actions_last_minute is 1".to_owned()])
    );
    let review = open_review(&fixture);
    decide(&mut fixture, &review, ReviewDecision::Approve).unwrap();
    let paid = fixture.events().into_iter();
    let paid = paid.filter(|event| matches!(event, IntegrationEvent::RewardClaimed(_)));
    assert_eq!(paid.count(), 1);
}

#[test]
fn risky_completions_and_claims_wait_and_what_comes_before_them_goes_on() {
    let mut fixture = judged_by("mission*60", CheckMode::On);
    let task = ready(&mut fixture, 1);
    assert!(complete(&mut fixture, task.id).unwrap().under_review);

    let mut fixture = judged_by("claim*60", CheckMode::On);
    let task = done(&mut fixture, 1);
    let taken = claim(&mut fixture, task.id).unwrap();
    assert!(taken.under_review);
    assert_eq!(taken.reward.status, RewardStatus::Held);
}

#[test]
fn what_is_too_risky_is_refused_until_it_no_longer_is() {
    let mut fixture = judged_by("actions_last_minute*30", CheckMode::On);
    let task = ready(&mut fixture, 1);
    assert_eq!(code(complete(&mut fixture, task.id)), "risk_refused");
    assert_eq!(code(check_in(&mut fixture)), "risk_refused");
    // Nothing was written of it, and a minute later it is nobody's concern.
    fixture.set_time("2026-01-05T12:01:01Z");
    assert!(!complete(&mut fixture, task.id).unwrap().under_review);
}

#[test]
fn who_only_observes_holds_back_nothing() {
    for mode in [CheckMode::Observe, CheckMode::Off] {
        let mut fixture = judged_by("actions_last_minute*100", mode);
        assert!(!check_in(&mut fixture).unwrap().under_review);
        let known = fixture.store.records().user[&user(1)].clone().unwrap();
        assert_eq!(known.recent_actions.is_empty(), mode == CheckMode::Off);
    }
}

#[test]
fn a_script_that_fails_lets_nothing_be_earned_unseen() {
    let mut fixture = judged_by("fail", CheckMode::On);
    let task = ready(&mut fixture, 1);
    assert!(complete(&mut fixture, task.id).unwrap().under_review);
    let reasons = open_review(&fixture).reasons;
    assert_eq!(
        reasons,
        [ReviewReason::RiskUnknown("hook `risk`: it fails".to_owned())]
    );
}

#[test]
fn a_command_that_is_decided_again_is_decided_by_what_was_found_then() {
    let mut fixture = judged_by("address_users*50", CheckMode::On);
    fixture.signals.risk_check = Some(RiskCheck {
        mode: CheckMode::On,
        outcome: RiskOutcome::Flagged,
        assessment: Some(RiskAssessment::default()),
        failure: None,
    });
    assert!(check_in(&mut fixture).unwrap().under_review);
    assert_eq!(score_of(&fixture), (0, Vec::new()));
    // The address itself is not written down with commands.
    come_from(&mut fixture, "192.0.2.7");
    let written = serde_json::to_value(&fixture.signals).unwrap();
    let fields: Vec<&String> = written.as_object().unwrap().keys().collect();
    assert_eq!(fields, ["risk_check"]);
}

#[test]
fn signals_tell_of_the_account_the_device_and_the_address() {
    let mut fixture = judged_by("account_age_hours*10", CheckMode::On);
    check_in(&mut fixture).unwrap();
    fixture.set_time("2026-01-06T12:00:00Z");
    assert_eq!(code(check_in(&mut fixture)), "risk_refused");

    let mut fixture = judged_by("is_new_device*60", CheckMode::On);
    fixture.from_device("first");
    assert!(!check_in(&mut fixture).unwrap().under_review);
    fixture.from_device("second").set_time("2026-01-06T12:00:00Z");
    let reasons = |fixture: &EngineFixture| open_review(fixture).reasons.len();
    assert!(check_in(&mut fixture).unwrap().under_review);
    // The device check flags it too.
    assert_eq!(reasons(&fixture), 2);

    let mut fixture = judged_by("device_users*50", CheckMode::On);
    fixture.from_device("shared");
    assert!(!check_in_of(&mut fixture, 2).unwrap().under_review);
    assert!(check_in_of(&mut fixture, 3).unwrap().under_review);

    let mut fixture = judged_by("address_users*50", CheckMode::On);
    come_from(&mut fixture, "192.0.2.7");
    assert!(!check_in_of(&mut fixture, 2).unwrap().under_review);
    come_from(&mut fixture, "192.0.2.8");
    assert!(!check_in_of(&mut fixture, 3).unwrap().under_review);
    come_from(&mut fixture, "::ffff:192.0.2.7");
    assert!(check_in_of(&mut fixture, 4).unwrap().under_review);
}

#[test]
fn a_timer_is_told_from_a_person_by_its_pauses() {
    let mut fixture = judged_by("identical_intervals*30", CheckMode::On);
    let task = start(&mut fixture, 1).unwrap();
    for (at, value) in [("12:00:30", 1), ("12:01:01", 1)] {
        fixture.set_time(&format!("2026-01-05T{at}Z"));
        progress(&mut fixture, task.id, value).unwrap();
    }
    fixture.set_time("2026-01-05T12:01:31Z");
    assert_eq!(code(complete(&mut fixture, task.id)), "risk_refused");
    fixture.set_time("2026-01-05T12:07:02Z");
    assert!(!complete(&mut fixture, task.id).unwrap().under_review);
}

#[test]
fn without_a_pack_that_judges_nothing_is_remembered() {
    let mut fixture = EngineFixture::at(NOON);
    come_from(&mut fixture, "192.0.2.7");
    check_in(&mut fixture).unwrap();
    let known = fixture.store.records().user[&user(1)].clone().unwrap();
    assert!(known.recent_actions.is_empty());
    assert_eq!(known.addresses, []);
    let settings = Settings {
        fraud: FraudPolicy {
            remember_addresses: true,
            ..FraudPolicy::default()
        },
        ..Settings::default()
    };
    let mut fixture = EngineFixture::set_up(at(NOON), settings, Arc::new(Compiler));
    come_from(&mut fixture, "192.0.2.7");
    check_in(&mut fixture).unwrap();
    let known = fixture.store.records().user[&user(1)].clone().unwrap();
    assert_eq!(known.addresses.len(), 1);
}
