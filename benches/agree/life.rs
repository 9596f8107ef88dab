//! One user's life: days here and days away, moves, missions.

use std::collections::{BTreeMap, VecDeque};

use chrono::{DateTime, Duration, NaiveDate, Utc};
use fastrand::Rng;
use mission_core::check_in::Zone;

use crate::{
    action::{Activity, UserAction},
    moments,
    pack::{BY_EVENTS, BY_HAND, CONTEST, STARTED_BY_HAND, VIDEO},
};

/// What a user does by instant, with the zone that the token of that instant asks for.
pub(crate) type TimedActions = BTreeMap<DateTime<Utc>, (Option<Zone>, Vec<UserAction>)>;

/// Claims come at instants of their own, so that no reward's life of whole days ends at one.
const CLAIMS_AFTER: Duration = Duration::seconds(450);

/// Contests have instants of their own, too.
const CONTESTS_AFTER: Duration = Duration::seconds(900);

struct Life<'r> {
    random: &'r mut Rng,
    zones: &'r [Zone],
    user: u32,
    /// Where the user wakes up.
    home: Zone,
    token_zone: Option<Zone>,
    /// Of 1000 days, those on which a time away begins.
    restless: u32,
    events: u32,
    sent: VecDeque<Activity>,
    actions: TimedActions,
}

/// A user's actions over some days.
pub(crate) fn generate(
    random: &mut Rng,
    zones: &[Zone],
    start: NaiveDate,
    days: u32,
    user: u32,
) -> TimedActions {
    let home = random.choice(zones).copied().unwrap_or_default();
    let token_zone = Some(home).filter(|_| random.u8(..10) < 7);
    // Some never miss a day, some are hardly ever there.
    let restless = random.choice([0, 5, 20, 60, 150, 500]).unwrap_or_default();
    let mut life = Life {
        random,
        zones,
        user,
        home,
        token_zone,
        restless,
        events: 0,
        sent: VecDeque::new(),
        actions: TimedActions::new(),
    };
    let mut away = 0;
    for date in start
        .iter_days()
        .take(usize::try_from(days).unwrap_or(usize::MAX))
    {
        if life.one_in(40) {
            life.move_house(date);
        }
        if away == 0 && life.random.u32(..1000) < life.restless {
            away = life.random.choice([1, 1, 1, 2, 2, 3, 4, 7, 40]).unwrap_or(1);
        }
        if away > 0 {
            away -= 1;
            continue;
        }
        life.day(date);
    }
    life.begin_with_a_check_in();
    life.actions
}

impl Life<'_> {
    fn one_in(&mut self, times: u32) -> bool {
        self.random.u32(..times) == 0
    }

    fn act(&mut self, at: DateTime<Utc>, act: UserAction) {
        let moment = self.actions.entry(at).or_insert((self.token_zone, Vec::new()));
        moment.1.push(act);
    }

    /// The token says so, or the identity service, or both, or one forgets what the other says.
    fn move_house(&mut self, date: NaiveDate) {
        let at = moments::of_day(self.random, self.home, date);
        // A short trip is as likely as a move around the world.
        self.home = self.random.choice(self.zones).copied().unwrap_or_default();
        match self.random.u8(..5) {
            0..=1 => self.token_zone = Some(self.home),
            2 => self.act(at, UserAction::Move(self.home)),
            3 => {
                self.token_zone = None;
                self.act(at, UserAction::Move(self.home));
            }
            _ => {
                self.token_zone = Some(self.home);
                self.act(at, UserAction::Move(self.home));
            }
        }
    }

    fn day(&mut self, date: NaiveDate) {
        let at = moments::of_day(self.random, self.home, date);
        self.act(at, UserAction::CheckIn);
        if self.one_in(12) {
            self.act(at, UserAction::CheckIn);
        }
        if self.one_in(5) {
            let again = moments::of_day(self.random, self.home, date);
            self.act(again, UserAction::CheckIn);
        }
        for _ in 0..self.random.u8(..3) {
            let at = if self.one_in(2) {
                at
            } else {
                moments::of_day(self.random, self.home, date)
            };
            match self.random.u8(..4) {
                0..=1 => self.event(at),
                _ => self.mission(at),
            }
        }
        if self.one_in(3) {
            // Who comes first gets what is left of a budget, so that no two users enter at one instant.
            let at = moments::of_day(self.random, self.home, date);
            let at = moments::on_the_hour(at) + CONTESTS_AFTER + Duration::milliseconds(self.user.into());
            self.enter(CONTEST, at);
        }
        if self.one_in(4) {
            let at = moments::of_day(self.random, self.home, date);
            let at = moments::on_the_hour(at) + CLAIMS_AFTER;
            for code in BY_EVENTS.into_iter().chain(BY_HAND) {
                if self.one_in(3) {
                    self.act(at, UserAction::Claim(code));
                }
            }
        }
    }

    fn event(&mut self, at: DateTime<Utc>) {
        for _ in 0..self.random.u8(1..5) {
            if self.one_in(10)
                && let Some(known) = self.sent.front().cloned()
            {
                self.act(at, UserAction::Event(known));
                continue;
            }
            let kinds = [VIDEO, VIDEO, "article.read", "other.thing"];
            let kind = self.random.choice(kinds).unwrap_or(VIDEO);
            let activity = self.activity(kind, at);
            self.sent.push_back(activity.clone());
            if self.sent.len() > 5 {
                self.sent.pop_front();
            }
            self.act(at, UserAction::Event(activity));
        }
    }

    fn enter(&mut self, kind: &'static str, at: DateTime<Utc>) {
        for _ in 0..self.random.u8(1..4) {
            let activity = self.activity(kind, at);
            self.act(at, UserAction::Event(activity));
        }
    }

    /// A new event that arrives at an instant, whenever it happened.
    fn activity(&mut self, event_type: &'static str, at: DateTime<Utc>) -> Activity {
        // Never on the edge of what is too late or too early: the server's clock runs on.
        let late = match self.random.u8(..10) {
            0..=1 => Duration::hours(self.random.i64(0..24 * 9)) + Duration::seconds(450),
            2 => Duration::seconds(self.random.choice([-200, -400]).unwrap_or_default()),
            _ => Duration::zero(),
        };
        self.events += 1;
        Activity {
            id: format!("{}-{}", self.user, self.events),
            event_type,
            time: at - late,
            seconds: self.random.u32(10..90),
        }
    }

    fn mission(&mut self, at: DateTime<Utc>) {
        if self.one_in(4) {
            self.act(at, UserAction::Start(STARTED_BY_HAND));
            return;
        }
        let Some(code) = self.random.choice(BY_HAND) else {
            return;
        };
        if !self.one_in(4) {
            self.act(at, UserAction::Start(code));
        }
        if !self.one_in(5) {
            let value = self.random.u32(..150);
            self.act(at, UserAction::Progress(code, value));
        }
        if !self.one_in(5) {
            self.act(at, UserAction::Complete(code));
        }
    }

    /// Before the first check-in a user may move at once; the model knows nothing of missions, which would end that.
    fn begin_with_a_check_in(&mut self) {
        for (_, actions) in self.actions.values_mut() {
            let first = actions.iter().position(|act| !matches!(act, UserAction::Move(_)));
            if let Some(first) = first {
                actions.insert(first, UserAction::CheckIn);
                return;
            }
        }
    }
}
