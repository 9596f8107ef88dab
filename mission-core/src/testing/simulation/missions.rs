//! The missions of a simulated deployment: what events move, what users report, what is done at once; budgets that bind.

use crate::{
    MissionId,
    check_in::{CheckInPolicy, PolicyFile},
    decision::{Change, Claim, PackPolicy, Records, Root, Version, WriteSet},
    event::InnerEvent,
    mission::{BaseReward, Budget, Definition, Frequency, Mission, Trigger},
    testing::{active, definition, mission_id},
};

/// The activity event of the simulation.
pub(super) const WATCHED: &str = "video.watched";

/// Counts every video for ever: what it has counted says how many events took effect.
pub(super) const VIDEOS: u64 = 1;
/// Counts every check-in for ever.
pub(super) const VISITS: u64 = 2;
/// A video completes it by itself; few can be paid for.
pub(super) const WATCH: u64 = 3;
/// Its progress is reported; fewer can be paid for, and the rewards expire.
pub(super) const REPORT: u64 = 4;
/// Complete as soon as it is started.
pub(super) const TOUR: u64 = 5;
/// The number of the first mission that an operator creates.
pub(super) const CREATED: u64 = 6;

/// What videos move beside [`WATCH`], and nobody sees.
pub(super) const SHADOW: u64 = 1_000;

/// The missions that users start.
pub(super) const STARTED: [u64; 3] = [REPORT, TOUR, WATCH];
/// The missions that operators pause, activate and change.
pub(super) const OPERATED: [u64; 2] = [REPORT, TOUR];

fn counting(code: &str, event: &str) -> Definition {
    Definition {
        target: 1_000_000,
        auto_start: true,
        trigger: [Trigger::on(event)].into_iter().collect(),
        ..definition(code)
    }
}

fn all() -> [Mission; 6] {
    let repeated = |code| Definition {
        frequency: Frequency::Unlimited,
        ..definition(code)
    };
    [
        active(VIDEOS, counting("videos", WATCHED)),
        active(
            VISITS,
            counting("visits", InnerEvent::CheckInCompleted.event_type()),
        ),
        active(
            WATCH,
            Definition {
                auto_start: true,
                trigger: [Trigger::on(WATCHED)].into_iter().collect(),
                budget: Some(Budget {
                    max_points: Some(150.into()),
                    max_grants: Some(3),
                }),
                ..repeated("watch")
            },
        ),
        active(
            REPORT,
            Definition {
                target: 2,
                reward: BaseReward {
                    points: 20.into(),
                    expires_after_days: Some(2),
                    ..BaseReward::default()
                },
                budget: Some(Budget {
                    max_points: Some(40.into()),
                    max_grants: None,
                }),
                ..repeated("report")
            },
        ),
        active(
            TOUR,
            Definition {
                target: 0,
                budget: Some(Budget {
                    max_points: None,
                    max_grants: Some(2),
                }),
                ..repeated("tour")
            },
        ),
        active(
            SHADOW,
            Definition {
                target: 2,
                auto_start: true,
                trigger: [Trigger::on(WATCHED)].into_iter().collect(),
                shadow: true,
                shadow_of: "watch".parse().ok(),
                ..repeated("watch-in-pairs")
            },
        ),
    ]
}

/// A mission that an operator creates.
pub(super) fn created(number: u64) -> (MissionId, Definition) {
    let number = CREATED + number;
    (mission_id(number), definition(&format!("created-{number}")))
}

/// The check-in policy: freezes and grace, so that streaks outlive gaps of some days.
pub(super) fn policy() -> PackPolicy {
    let file = PolicyFile {
        grace_days: Some(1),
        freeze_every: Some(2),
        freezes_max: Some(2),
        ..PolicyFile::default()
    };
    PackPolicy {
        check_in: CheckInPolicy::try_from(file).ok(),
        ..PackPolicy::default()
    }
}

/// What puts the missions into an empty store.
pub(super) fn setup() -> Vec<Change> {
    let change = |mission: Mission| Change {
        expected: [(Root::Mission(mission.id), Version::default())].into(),
        write_set: WriteSet {
            claims: [(Claim::MissionCode(mission.definition.code.clone()), mission.id.0)].into(),
            writes: Records {
                mission: [(mission.id, Some(mission))].into(),
                ..Records::default()
            },
            ..WriteSet::default()
        },
        journal: Vec::new(),
    };
    all().into_iter().map(change).collect()
}
