//! Tasks started, moved, completed, claimed and expired, with every refusal.

use mission_core::{
    TaskId,
    engine::{ExpireDue, RevokeReward, StartTask},
    event::IntegrationEvent,
    fraud::ReviewDecision,
    mission::{Budget, Definition, Frequency, Mission, MissionStatus, Operator, Requirement, Rule},
    reward::{RewardStatus, RewardType},
    task::TaskStatus,
    testing::{EngineFixture, active, at, definition, mission_id, points, user},
};

use crate::play::{
    check_in, claim, claim_reward, code, complete, decide, done, explain, open_review, progress, ready,
    scripted, start,
};

const NOON: &str = "2026-01-05T12:00:00Z";

fn level(at_least: &str) -> Rule {
    Rule {
        rule_type: "user.level".to_owned(),
        operator: Operator::Gte,
        value: at_least.to_owned(),
        metadata: serde_json::Map::new(),
    }
}

#[test]
fn a_start_is_refused_in_the_order_of_the_contract() {
    for case in 0..32_u32 {
        let stands = |bit: u32| case & (1 << bit) != 0;
        let [inactive, open, capped, cooling, ineligible] = [0, 1, 2, 3, 4].map(stands);
        let free = Definition {
            max_completions: Some(9),
            ..definition("read-it")
        };
        let mut fixture = EngineFixture::at(NOON).with(active(1, free.clone()));
        done(&mut fixture, 1);
        if open {
            start(&mut fixture, 1).unwrap();
        }
        fixture.add_mission(Mission {
            version: 2,
            status: if inactive {
                MissionStatus::Paused
            } else {
                MissionStatus::Active
            },
            ..active(
                1,
                Definition {
                    max_completions: Some(if capped { 1 } else { 9 }),
                    cooldown_seconds: if cooling { 60 } else { 0 },
                    rules: if ineligible { vec![level("3")] } else { Vec::new() },
                    ..free
                },
            )
        });
        let order = [
            (inactive, "mission_not_active"),
            (open, "task_already_open"),
            (capped, "max_completions_reached"),
            (cooling, "cooldown"),
            (ineligible, "not_eligible"),
        ];
        let expected = order
            .into_iter()
            .find(|(stands, _)| *stands)
            .map(|(_, code)| code);
        let explained = explain(&fixture, 1).unwrap();
        let refused = start(&mut fixture, 1).err().map(|why| why.code());
        assert_eq!(refused, expected, "case {case:05b}");
        // Of a task that is open, what is explained is how it goes on.
        let explainable = if open && !inactive {
            ineligible.then_some("not_eligible")
        } else {
            expected
        };
        assert_eq!(explained.refusal.as_deref(), explainable, "case {case:05b}");
        let deciding = explained.decided_by.map(|at| &explained.conditions[at]);
        assert_eq!(
            deciding.map(|condition| condition.holds),
            explainable.map(|_| Some(false))
        );
    }
}

#[test]
fn a_mission_is_open_from_its_first_instant_until_its_last() {
    let window = Definition {
        starts_at: Some(at("2026-01-05T12:00:00Z")),
        ends_at: Some(at("2026-01-05T13:00:00Z")),
        ..definition("happy-hour")
    };
    for (now, open) in [
        ("2026-01-05T11:59:59.999Z", false),
        ("2026-01-05T12:00:00Z", true),
        ("2026-01-05T12:59:59.999Z", true),
        ("2026-01-05T13:00:00Z", false),
    ] {
        let mut fixture = EngineFixture::at(now).with(active(1, window.clone()));
        assert_eq!(start(&mut fixture, 1).is_ok(), open, "{now}");
    }
    for status in [
        MissionStatus::Draft,
        MissionStatus::Paused,
        MissionStatus::Archived,
    ] {
        let mission = Mission {
            status,
            ..active(1, definition("closed"))
        };
        assert_eq!(
            code(start(&mut EngineFixture::at(NOON).with(mission), 1)),
            "mission_not_active"
        );
    }
    assert_eq!(code(start(&mut EngineFixture::at(NOON), 1)), "not_found");
}

#[test]
fn periods_are_the_users_local_days_weeks_and_months() {
    // For a user in Ho Chi Minh City (UTC+7).
    let cases = [
        (Frequency::Daily, "2026-01-05T16:59:59Z", "2026-01-05T17:00:00Z"),
        (Frequency::Weekly, "2026-01-11T16:59:59Z", "2026-01-11T17:00:00Z"),
        (Frequency::Monthly, "2026-01-31T16:59:59Z", "2026-01-31T17:00:00Z"),
    ];
    for (frequency, last, next) in cases {
        let often = Definition {
            frequency,
            ..definition("often")
        };
        let mut fixture = EngineFixture::at(NOON).with(active(1, often));
        fixture.signals.zone = "Asia/Ho_Chi_Minh".parse().ok();
        done(&mut fixture, 1);
        fixture.set_time(last);
        assert_eq!(
            code(start(&mut fixture, 1)),
            "max_completions_reached",
            "{frequency:?}"
        );
        fixture.set_time(next);
        assert!(start(&mut fixture, 1).is_ok(), "{frequency:?}");
    }
}

#[test]
fn two_periods_may_each_have_an_open_task() {
    let daily = Definition {
        frequency: Frequency::Daily,
        ..definition("daily")
    };
    let mut fixture = EngineFixture::at(NOON).with(active(1, daily));
    let monday = start(&mut fixture, 1).unwrap();
    assert_eq!(code(start(&mut fixture, 1)), "task_already_open");
    fixture.set_time("2026-01-06T00:00:00Z");
    let tuesday = start(&mut fixture, 1).unwrap();
    assert_ne!(monday.id, tuesday.id);
    assert_eq!(code(progress(&mut fixture, monday.id, 1)), "task_not_open");
    assert!(progress(&mut fixture, tuesday.id, 1).is_ok());
}

#[test]
fn caps_count_completions_within_their_period() {
    for (frequency, cap, times) in [
        (Frequency::OneTime, None, Some(1)),
        (Frequency::OneTime, Some(3), Some(3)),
        (Frequency::Daily, None, Some(1)),
        (Frequency::Daily, Some(2), Some(2)),
        (Frequency::Unlimited, Some(2), Some(2)),
        (Frequency::Unlimited, None, None),
        (Frequency::Weekly, Some(0), None),
    ] {
        let capped = Definition {
            frequency,
            max_completions: cap,
            ..definition("capped")
        };
        let mut fixture = EngineFixture::at(NOON).with(active(1, capped));
        for _ in 0..times.unwrap_or(12) {
            done(&mut fixture, 1);
        }
        let refused = start(&mut fixture, 1).err().map(|why| why.code());
        assert_eq!(
            refused,
            times.map(|_| "max_completions_reached"),
            "{frequency:?} {cap:?}"
        );
    }
}

#[test]
fn a_cooldown_runs_from_the_last_completion_and_says_how_long() {
    let slow = Definition {
        max_completions: Some(0),
        cooldown_seconds: 60,
        ..definition("slow")
    };
    let mut fixture = EngineFixture::at(NOON).with(active(1, slow));
    done(&mut fixture, 1);
    fixture.set_time("2026-01-05T12:00:58.001Z");
    let refused = start(&mut fixture, 1).unwrap_err();
    assert_eq!(
        refused,
        mission_core::engine::Rejection::Cooldown {
            until: at("2026-01-05T12:01:00Z"),
            retry_after_seconds: 2
        }
    );
    fixture.set_time("2026-01-05T12:01:00Z");
    assert!(start(&mut fixture, 1).is_ok());
}

#[test]
fn required_missions_must_be_completed_before() {
    let second = Definition {
        requires: vec![Requirement::Mission("first".parse().unwrap())],
        ..definition("second")
    };
    let third = Definition {
        requires: vec![Requirement::Mission("nowhere".parse().unwrap())],
        ..definition("third")
    };
    let mut fixture = EngineFixture::at(NOON)
        .with(active(1, definition("first")))
        .with(active(2, second))
        .with(active(3, third));
    assert_eq!(code(start(&mut fixture, 2)), "not_eligible");
    ready(&mut fixture, 1);
    assert_eq!(
        code(start(&mut fixture, 2)),
        "not_eligible",
        "started is not completed"
    );
    let task = fixture.store.records().task.into_keys().next().unwrap().1;
    complete(&mut fixture, task).unwrap();
    assert!(start(&mut fixture, 2).is_ok());
    assert_eq!(code(start(&mut fixture, 3)), "not_eligible");
}

#[test]
fn rules_are_judged_at_start_progress_and_completion() {
    let mut fixture = EngineFixture::at(NOON).with(active(1, definition("grow")));
    let task = start(&mut fixture, 1).unwrap();
    let harder = |version| Mission {
        version,
        ..active(
            1,
            Definition {
                rules: vec![level("3")],
                ..definition("grow")
            },
        )
    };
    fixture.add_mission(harder(2));
    assert_eq!(code(progress(&mut fixture, task.id, 1)), "not_eligible");
    fixture.add_mission(Mission {
        version: 3,
        ..active(1, definition("grow"))
    });
    progress(&mut fixture, task.id, 1).unwrap();
    fixture.add_mission(harder(4));
    assert_eq!(code(complete(&mut fixture, task.id)), "not_eligible");
}

#[test]
fn progress_is_clamped_and_never_goes_down() {
    let far = Definition {
        target: 10,
        ..definition("far")
    };
    let mut fixture = EngineFixture::at(NOON).with(active(1, far));
    let task = start(&mut fixture, 1).unwrap();
    let mut seen = Vec::new();
    for value in [0, 4, 2, 4, 7, 1, u64::MAX, 3] {
        seen.push(progress(&mut fixture, task.id, value).unwrap().progress.current());
    }
    assert_eq!(seen, [0, 4, 4, 4, 7, 7, 10, 10]);
}

#[test]
fn a_task_is_completed_once_and_claimed_once() {
    let mut fixture = EngineFixture::at(NOON).with(active(1, definition("read-it")));
    let task = start(&mut fixture, 1).unwrap();
    assert_eq!(code(complete(&mut fixture, task.id)), "task_not_complete");
    assert_eq!(code(claim(&mut fixture, task.id)), "task_not_completed");
    progress(&mut fixture, task.id, 1).unwrap();
    assert_eq!(code(claim(&mut fixture, task.id)), "task_not_completed");
    let completed = complete(&mut fixture, task.id).unwrap().task;
    assert_eq!(
        (completed.status, completed.completed_at),
        (TaskStatus::Completed, Some(at(NOON)))
    );
    assert_eq!(code(complete(&mut fixture, task.id)), "task_not_open");
    assert_eq!(code(progress(&mut fixture, task.id, 1)), "task_not_open");

    let taken = claim(&mut fixture, task.id).unwrap();
    assert_eq!(taken.reward.status, RewardStatus::Claimed);
    assert_eq!(taken.reward.reward_type, RewardType::MissionComplete);
    assert_eq!(taken.reward.amount.points, points("50"));
    assert_eq!(code(claim(&mut fixture, task.id)), "already_claimed");
    assert_eq!(
        code(claim_reward(&mut fixture, taken.reward.id)),
        "already_claimed"
    );
    let types: Vec<_> = fixture
        .events()
        .iter()
        .map(IntegrationEvent::event_type)
        .collect();
    assert_eq!(
        types,
        ["TaskStartedEvent", "RewardClaimedEvent", "MissionCompletedEvent"]
    );
    let records = fixture.store.records();
    assert!(records.task.values().flatten().all(|task| task.reward_claimed));
    let nobody = TaskId(uuid::Uuid::nil());
    assert_eq!(code(complete(&mut fixture, nobody)), "not_found");
    assert_eq!(code(claim(&mut fixture, nobody)), "not_found");
}

#[test]
fn another_users_task_is_not_found() {
    let mut fixture = EngineFixture::at(NOON).with(active(1, definition("read-it")));
    let other = StartTask {
        user: user(2),
        mission: mission_id(1),
    };
    let task = fixture.when(other).unwrap().task;
    assert_eq!(code(progress(&mut fixture, task.id, 1)), "not_found");
    assert_eq!(code(claim(&mut fixture, task.id)), "not_found");
}

#[test]
fn a_budget_stops_completions_and_comes_back() {
    let scarce = Definition {
        max_completions: Some(0),
        budget: Some(Budget {
            max_points: None,
            max_grants: Some(1),
        }),
        ..definition("scarce")
    };
    let mut fixture = EngineFixture::at(NOON).with(active(1, scarce));
    let first = done(&mut fixture, 1);
    let second = ready(&mut fixture, 1);
    assert_eq!(code(complete(&mut fixture, second.id)), "budget_exhausted");
    let reward = claim(&mut fixture, first.id).unwrap().reward;
    assert_eq!(code(complete(&mut fixture, second.id)), "budget_exhausted");
    let revoke = RevokeReward {
        user: user(1),
        reward: reward.id,
        operator: user(9),
        reason: "a mistake".to_owned(),
        reopens: false,
        needs_approval: false,
    };
    assert_eq!(
        fixture.when(revoke.clone()).unwrap().reward.status,
        RewardStatus::Revoked
    );
    assert_eq!(code(fixture.when(revoke)), "not_claimed");
    assert_eq!(
        code(claim(&mut fixture, first.id)),
        "already_claimed",
        "revoked is not claimable again"
    );
    complete(&mut fixture, second.id).unwrap();
    let owner = fixture.store.records().user[&user(1)].clone().unwrap();
    assert_eq!(owner.points, 0.into());
}

#[test]
fn a_reward_expires_and_gives_its_budget_back() {
    let fleeting = Definition {
        max_completions: Some(0),
        budget: Some(Budget {
            max_points: Some(points("50")),
            max_grants: None,
        }),
        reward: mission_core::mission::BaseReward {
            expires_after_days: Some(2),
            ..definition("x").reward
        },
        ..definition("fleeting")
    };
    let mut fixture = EngineFixture::at(NOON).with(active(1, fleeting));
    let task = done(&mut fixture, 1);
    let reward = task.reward_id.unwrap();
    let expire = ExpireDue {
        user: user(1),
        tasks: vec![task.id],
        rewards: vec![reward],
    };
    fixture.set_time("2026-01-07T11:59:59Z");
    assert_eq!(fixture.when(expire.clone()).unwrap().rewards, 0, "not yet");
    fixture.set_time("2026-01-07T12:00:00Z");
    assert_eq!(code(claim(&mut fixture, task.id)), "reward_expired");
    assert_eq!(code(claim_reward(&mut fixture, reward)), "reward_expired");
    assert_eq!(fixture.when(expire.clone()).unwrap().rewards, 1);
    assert_eq!(fixture.when(expire).unwrap().rewards, 0, "once");
    assert_eq!(code(claim(&mut fixture, task.id)), "reward_expired");
    done(&mut fixture, 1);
}

#[test]
fn what_took_nothing_from_a_budget_gives_nothing_back() {
    let free = Definition {
        reward: mission_core::mission::BaseReward {
            expires_after_days: Some(1),
            ..definition("x").reward
        },
        max_completions: Some(0),
        ..definition("free")
    };
    let mut fixture = EngineFixture::at(NOON).with(active(1, free.clone()));
    let early = done(&mut fixture, 1);
    let limited = Definition {
        budget: Some(Budget {
            max_points: None,
            max_grants: Some(1),
        }),
        ..free
    };
    fixture.add_mission(Mission {
        version: 2,
        ..active(1, limited)
    });
    fixture.set_time("2026-01-07T12:00:00Z");
    let expire = ExpireDue {
        user: user(1),
        tasks: Vec::new(),
        rewards: vec![early.reward_id.unwrap()],
    };
    assert_eq!(fixture.when(expire).unwrap().rewards, 1);
    done(&mut fixture, 1);
    let more = ready(&mut fixture, 1);
    assert_eq!(
        code(complete(&mut fixture, more.id)),
        "budget_exhausted",
        "the one that expired was earned before there was a budget"
    );
}

#[test]
fn the_time_that_a_reviewer_takes_is_not_the_users() {
    let fleeting = Definition {
        reward: mission_core::mission::BaseReward {
            expires_after_days: Some(2),
            ..definition("x").reward
        },
        ..definition("fleeting")
    };
    let mut fixture = EngineFixture::at(NOON).with(active(1, fleeting));
    fixture.from_device("phone");
    let task = ready(&mut fixture, 1);
    fixture.from_device("tablet");
    assert!(complete(&mut fixture, task.id).unwrap().under_review);
    fixture.set_time("2026-01-12T12:00:00Z");
    let review = open_review(&fixture);
    decide(&mut fixture, &review, ReviewDecision::Approve).unwrap();
    fixture.set_time("2026-01-14T11:59:59Z");
    assert!(
        claim(&mut fixture, task.id).is_ok(),
        "two days after the approval"
    );
}

#[test]
fn a_streak_that_is_over_counts_for_no_rule() {
    let faithful = Definition {
        rules: vec![Rule {
            rule_type: "streak.current".to_owned(),
            operator: Operator::Gte,
            value: "2".to_owned(),
            metadata: serde_json::Map::new(),
        }],
        frequency: Frequency::Daily,
        ..definition("faithful")
    };
    let mut fixture = EngineFixture::at(NOON).with(active(1, faithful));
    check_in(&mut fixture).unwrap();
    fixture.set_time("2026-01-06T12:00:00Z");
    check_in(&mut fixture).unwrap();
    start(&mut fixture, 1).unwrap();
    fixture.set_time("2026-01-07T12:00:00Z");
    assert!(start(&mut fixture, 1).is_ok(), "it can still be continued");
    fixture.set_time("2026-01-08T12:00:00Z");
    assert_eq!(code(start(&mut fixture, 1)), "not_eligible", "a day was missed");
}

#[test]
fn a_claim_is_taken_after_the_missions_end() {
    let short = Definition {
        ends_at: Some(at("2026-01-06T00:00:00Z")),
        ..definition("short")
    };
    let mut fixture = EngineFixture::at(NOON).with(active(1, short));
    let task = done(&mut fixture, 1);
    fixture.set_time("2027-01-06T00:00:00Z");
    assert!(claim(&mut fixture, task.id).is_ok());
}

#[test]
fn an_open_task_expires_when_late_events_can_no_longer_move_it() {
    let daily = Definition {
        frequency: Frequency::Daily,
        ..definition("daily")
    };
    let mut fixture = EngineFixture::at(NOON).with(active(1, daily));
    let task = start(&mut fixture, 1).unwrap();
    assert_eq!(
        task.due_at,
        Some(at("2026-01-13T00:00:00Z")),
        "the day's end and seven days"
    );
    let expire = ExpireDue {
        user: user(1),
        tasks: vec![task.id],
        rewards: vec![],
    };
    fixture.set_time("2026-01-12T23:59:59Z");
    assert_eq!(fixture.when(expire.clone()).unwrap().tasks, 0);
    assert_eq!(code(complete(&mut fixture, task.id)), "task_not_open");
    fixture.set_time("2026-01-13T00:00:00Z");
    assert_eq!(fixture.when(expire).unwrap().tasks, 1);
    let kept = fixture.store.records().task[&(user(1), task.id)].clone().unwrap();
    assert_eq!((kept.status, kept.due_at), (TaskStatus::Expired, None));
}

#[test]
fn what_a_script_awards_is_rounded_part_by_part() {
    let paid = Definition {
        script: Some("reward 7.005 + 0.015".to_owned()),
        ..definition("paid")
    };
    let mut fixture = scripted(NOON).with(active(1, paid));
    let task = done(&mut fixture, 1);
    let amount = claim(&mut fixture, task.id).unwrap().reward.amount;
    assert_eq!(
        (amount.points, amount.bonus_points),
        (points("7"), points("0.02")),
        "midpoint to even"
    );
    assert_eq!(amount.total().to_string(), "7.02");
}

#[test]
fn an_award_out_of_bounds_is_refused() {
    for script in ["reward -1", "reward 1000000000.01", "reward 5 + -0.5"] {
        let paid = Definition {
            script: Some(script.to_owned()),
            ..definition("paid")
        };
        let mut fixture = scripted(NOON).with(active(1, paid));
        let task = ready(&mut fixture, 1);
        assert_eq!(
            code(complete(&mut fixture, task.id)),
            "amount_out_of_bounds",
            "{script}"
        );
    }
}

#[test]
fn a_script_that_fails_awards_nothing() {
    for (script, expected) in [
        ("fail", "rule_failed"),
        ("nonsense", "rule_failed"),
        ("eligible false", "not_eligible"),
    ] {
        let broken = Definition {
            script: Some(script.to_owned()),
            ..definition("broken")
        };
        let mut fixture = scripted(NOON).with(active(1, broken));
        assert_eq!(code(start(&mut fixture, 1)), expected, "{script}");
        assert!(fixture.store.records().is_empty(), "nothing is disturbed");
    }
}
