//! The history in the naive model's diaries. It knows of check-ins alone.

use std::thread;

use mission_core::testing::model::{AlreadyCheckedIn, CheckInModel};

use crate::{
    Result,
    action::UserAction,
    answer::{CheckedIn, Counted},
    history::History,
    pack::GeneratedPack,
};

/// Every user's check-ins, in order of time. It walks through every hour of every life, on all processors.
pub(crate) fn live(history: &History, pack: &GeneratedPack) -> Result<Vec<Vec<CheckedIn>>> {
    let users: Vec<usize> = (0..history.users.len()).collect();
    let workers = thread::available_parallelism()?.get();
    let one = |user: &usize| one_user(history, pack, *user);
    thread::scope(|scope| {
        let parts = users.chunks(users.len().div_ceil(workers).max(1));
        let parts = parts.map(|part| scope.spawn(move || part.iter().map(one).collect::<Vec<_>>()));
        let parts: Vec<_> = parts.collect();
        let mut lives = Vec::new();
        for part in parts {
            lives.extend(part.join().map_err(|_| "the model panicked")?);
        }
        Ok(lives)
    })
}

fn one_user(history: &History, pack: &GeneratedPack, user: usize) -> Vec<CheckedIn> {
    let mut diary = CheckInModel::new(&pack.check_in, pack.points_scale);
    let mut answers = Vec::new();
    for (at, moment) in history.of(user) {
        for act in &moment.actions {
            if let UserAction::Move(zone) = act {
                diary.ask_for_zone(*zone, at);
            }
            if let (true, Some(zone)) = (act.is_the_users_own(), moment.token_zone) {
                diary.ask_for_zone(zone, at);
            }
            if matches!(act, UserAction::CheckIn) {
                let visit = diary.check_in(at);
                let refused = |AlreadyCheckedIn| "already_checked_in".to_owned();
                answers.push(visit.map(Counted::of).map_err(refused));
            }
        }
    }
    answers
}
