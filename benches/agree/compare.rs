//! Who says what, side by side.

use std::fmt::{self, Debug};

use chrono::{DateTime, Utc};
use rust_decimal::Decimal;
use uuid::Uuid;

use crate::{
    action::UserAction,
    answer::CheckedIn,
    history::History,
    pack::ON_A_BUDGET,
    play::UserOutcome,
    replay::{Replayed, UserTotals},
};

/// Two that do not say the same.
pub(crate) struct Difference {
    user: Uuid,
    what: String,
    left: String,
    right: String,
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Difference {
            user,
            what,
            left,
            right,
        } = self;
        write!(f, "DIFFERENT: user {user}, {what}\n  {left}\n  {right}")
    }
}

/// All that was compared, and what differs.
#[derive(Default)]
pub(crate) struct Summary {
    pub(crate) differences: Vec<Difference>,
    compared: u64,
    users: usize,
    check_ins: u64,
    refused: u64,
    completions: Decimal,
    /// Of missions whose budgets are used up.
    budgeted: Decimal,
    points: Decimal,
    grants: Decimal,
}

impl fmt::Display for Summary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{} users, {} check-ins and {} refused, {} completions ({} on a short budget), {} points in {} grants; {} comparisons, {} differences",
            self.users,
            self.check_ins,
            self.refused,
            self.completions,
            self.budgeted,
            self.points.normalize(),
            self.grants,
            self.compared,
            self.differences.len()
        )
    }
}

impl Summary {
    fn same<T: PartialEq + Debug>(
        &mut self,
        user: Uuid,
        what: impl FnOnce() -> String,
        (left, one): (&str, &T),
        (right, other): (&str, &T),
    ) {
        self.compared += 1;
        if one != other {
            self.differences.push(Difference {
                user,
                what: what(),
                left: format!("{left}: {one:?}"),
                right: format!("{right}: {other:?}"),
            });
        }
    }

    fn check_ins(
        &mut self,
        history: &History,
        number: usize,
        user: Uuid,
        played: &[CheckedIn],
        modelled: &[CheckedIn],
    ) {
        let count = || "number of check-ins".to_owned();
        self.same(
            user,
            count,
            ("server", &played.len()),
            ("model ", &modelled.len()),
        );
        let when = check_in_times(history, number);
        for ((played, modelled), place) in played.iter().zip(modelled).zip(when) {
            match modelled {
                Ok(_) => self.check_ins += 1,
                Err(_) => self.refused += 1,
            }
            let what = || format!("check-in at {} ({})", place.0, place.1);
            self.same(user, what, ("server", played), ("model ", modelled));
        }
    }

    fn totals(&mut self, user: Uuid, played: &UserOutcome, replayed: &UserTotals, modelled: &[CheckedIn]) {
        let visits: Vec<_> = modelled.iter().flatten().collect();
        let earned: Decimal = visits.iter().map(|counted| counted.points).sum();
        let streak = Decimal::from(visits.last().map_or(0, |counted| counted.visit.streak));
        let longest = Decimal::from(visits.last().map_or(0, |counted| counted.visit.longest));
        let total = Decimal::from(visits.len());
        let account = &played.account;
        let days = visits.iter().map(|counted| {
            let visit = counted.visit;
            (visit.date, Decimal::from(visit.streak), counted.points)
        });
        let points = ("model, and answers to claims", &(earned + played.claimed));
        for (name, other) in [
            ("server, GET /me", account.points),
            ("server, claimed rewards", account.rewards),
            ("server, wallet", account.wallet),
            ("server, wallet's bookings", account.ledger),
            ("replay", replayed.points),
        ] {
            self.same(user, || "points".to_owned(), points, (name, &other));
        }
        for (what, model, other) in [
            ("check-ins", total, ("server", account.total_check_ins)),
            ("check-ins", total, ("replay", replayed.check_ins)),
            ("longest streak", longest, ("server", account.longest_streak)),
            ("longest streak", longest, ("replay", replayed.longest_streak)),
            ("streak", streak, ("replay", replayed.streak)),
        ] {
            self.same(user, || what.to_owned(), ("model", &model), (other.0, &other.1));
        }
        let days = days.collect();
        self.same(
            user,
            || "stored days".to_owned(),
            ("model ", &days),
            ("server", &account.days),
        );
        let missions = ("replay", &replayed.missions);
        self.same(
            user,
            || "completions".to_owned(),
            ("server", &account.missions),
            missions,
        );
        let budgeted = replayed
            .missions
            .iter()
            .filter(|(code, _)| ON_A_BUDGET.contains(&code.as_str()));
        self.budgeted += budgeted.map(|(_, count)| count).sum::<Decimal>();
        self.completions += replayed.missions.values().sum::<Decimal>();
        self.points += account.points;
        self.grants += Decimal::from(account.grants);
    }
}

/// When a user checked in, with the zone of the token.
fn check_in_times(history: &History, number: usize) -> impl Iterator<Item = (DateTime<Utc>, String)> {
    history.of(number).flat_map(|(at, moment)| {
        let zone = moment
            .token_zone
            .map_or("no zone in the token", |zone| zone.name());
        let check_ins = moment
            .actions
            .iter()
            .filter(|act| matches!(act, UserAction::CheckIn));
        check_ins.map(move |_| (at, zone.to_owned()))
    })
}

/// Compares everything, user by user.
pub(crate) fn all(
    history: &History,
    modelled: &[Vec<CheckedIn>],
    replayed: &Replayed,
    played: &[UserOutcome],
) -> Summary {
    let mut summary = Summary {
        users: history.users.len(),
        ..Summary::default()
    };
    let nothing = UserTotals::default();
    for (number, ((user, played), modelled)) in history.users.iter().zip(played).zip(modelled).enumerate() {
        summary.check_ins(history, number, *user, &played.check_ins, modelled);
        let replayed = replayed.users.get(user).unwrap_or(&nothing);
        summary.totals(*user, played, replayed, modelled);
    }
    let (points, grants) = (summary.points, summary.grants);
    let everybody = Uuid::nil();
    let what = |what: &'static str| move || what.to_owned();
    summary.same(
        everybody,
        what("all points"),
        ("server", &points),
        ("replay", &replayed.points),
    );
    summary.same(
        everybody,
        what("all grants"),
        ("server", &grants),
        ("replay", &replayed.grants),
    );
    summary
}
