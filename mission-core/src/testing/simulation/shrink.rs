//! Leaves out of a schedule what is not needed to break a guarantee.

use super::{
    Guarantee, Mutation, Schedule,
    schedule::{DatabaseOutcome, PublishOutcome, Step, Transport},
};

impl Schedule {
    /// The schedule without all that can be left out, while the same guarantee still does not hold: steps, in ever smaller
    /// stretches; faults; instances and users. Whatever picks, picks the first where that will do.
    #[must_use]
    pub fn shrink(&self, mutation: Option<Mutation>, guarantee: Guarantee) -> Schedule {
        let fails = |schedule: &Schedule| {
            let found = schedule.run(mutation).err();
            found.is_some_and(|violation| violation.guarantee == guarantee)
        };
        let mut smallest = self.clone();
        loop {
            let before = smallest.clone();
            smallest = without_stretches(smallest, fails);
            smallest = with_simpler_steps(smallest, fails);
            smallest = without_pairs(smallest, fails);
            for smaller in fewer(&smallest) {
                if fails(&smaller) {
                    smallest = smaller;
                }
            }
            if smallest == before {
                return smallest;
            }
        }
    }
}

fn without_stretches(mut schedule: Schedule, fails: impl Fn(&Schedule) -> bool) -> Schedule {
    let mut length = schedule.steps.len().div_ceil(2);
    while length > 0 {
        let mut from = 0;
        while from < schedule.steps.len() {
            let to = (from + length).min(schedule.steps.len());
            let mut smaller = schedule.clone();
            smaller.steps.drain(from..to);
            if fails(&smaller) {
                schedule = smaller;
            } else {
                from = to;
            }
        }
        length /= 2;
    }
    schedule
}

/// How far apart two steps are, at most, that are left out together: a request and what becomes of its message.
const PAIRED_WITHIN: usize = 12;

fn without_pairs(mut schedule: Schedule, fails: impl Fn(&Schedule) -> bool) -> Schedule {
    let mut first = 0;
    while first < schedule.steps.len() {
        let last = (first + PAIRED_WITHIN).min(schedule.steps.len() - 1);
        let smaller = (first + 1..=last).map(|second| {
            let mut smaller = schedule.clone();
            smaller.steps.remove(second);
            smaller.steps.remove(first);
            smaller
        });
        match smaller.into_iter().find(&fails) {
            Some(smaller) => schedule = smaller,
            None => first += 1,
        }
    }
    schedule
}

fn with_simpler_steps(mut schedule: Schedule, fails: impl Fn(&Schedule) -> bool) -> Schedule {
    for place in 0..schedule.steps.len() {
        for simpler_step in [without_fault, picking_the_first] {
            let mut simpler = schedule.clone();
            if let Some(step) = simpler.steps.get_mut(place) {
                *step = simpler_step(*step);
            }
            if simpler != schedule && fails(&simpler) {
                schedule = simpler;
            }
        }
    }
    schedule
}

fn without_fault(step: Step) -> Step {
    match step {
        Step::Deliver { message, .. } => Step::Deliver {
            message,
            transport: Transport::Arrives,
        },
        Step::Database { operation, .. } => Step::Database {
            operation,
            outcome: DatabaseOutcome::Answered,
        },
        Step::Relay { instance, .. } => Step::Relay {
            instance,
            publish: PublishOutcome::Confirmed,
        },
        Step::Wallet { .. } => Step::Wallet { crashes: false },
        other => other,
    }
}

fn picking_the_first(step: Step) -> Step {
    match step {
        Step::Action { action, user, .. } => Step::Action {
            user,
            instance: 0,
            action,
        },
        Step::Retry { hangs_up, .. } => Step::Retry {
            request: 0,
            instance: 0,
            hangs_up,
        },
        Step::Deliver { transport, .. } => Step::Deliver {
            message: 0,
            transport,
        },
        Step::Database { outcome, .. } => Step::Database {
            operation: 0,
            outcome,
        },
        Step::LateCommit { .. } => Step::LateCommit { commit: 0 },
        Step::LatePublish { .. } => Step::LatePublish { message: 0 },
        Step::Consume { instance, .. } => Step::Consume { instance, message: 0 },
        other => other,
    }
}

fn fewer(schedule: &Schedule) -> impl Iterator<Item = Schedule> + use<> {
    let instances = (1..schedule.instances).map({
        let schedule = schedule.clone();
        move |instances| Schedule {
            instances,
            ..schedule.clone()
        }
    });
    let users = (1..schedule.users).map({
        let schedule = schedule.clone();
        move |users| Schedule {
            users,
            ..schedule.clone()
        }
    });
    instances.chain(users)
}
