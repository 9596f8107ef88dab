//! When ordinary people come.

use chrono::{DateTime, Duration, Utc};

use crate::world::{DAYS, World, seconds};

const HOUR: f64 = 3600.0;

/// When in a day somebody comes.
#[derive(Clone, Copy)]
enum TimeOfDay {
    /// Around their hour, give or take so many seconds.
    Hour(f64, f64),
    /// When the notification of the evening tells them, after so many seconds on average.
    Notified(f64),
    /// As soon as a day begins, after so many seconds on average.
    Midnight(f64),
    /// At the break in school.
    Break,
    Whenever,
}

/// How somebody uses the app.
#[derive(Clone, Copy)]
pub(crate) struct Habit {
    time: TimeOfDay,
    /// On which share of days.
    days: f64,
    /// For how many days until they lose interest.
    stays: i64,
    utc_offset: i64,
}

impl Habit {
    pub(crate) fn draw(world: &mut World, is_pupil: bool) -> Self {
        let deviation = 600.0 + world.random.f64() * 4800.0;
        let time = match world.random.u32(..1000) {
            0..6 => TimeOfDay::Midnight(60.0 + world.random.f64() * 600.0),
            6..300 => TimeOfDay::Notified(120.0 + world.random.f64() * 900.0),
            300..420 => TimeOfDay::Hour(7.5 * HOUR, deviation),
            420..560 if is_pupil => TimeOfDay::Break,
            420..560 => TimeOfDay::Hour(12.25 * HOUR, deviation / 2.0),
            560..900 => TimeOfDay::Hour(21.0 * HOUR, deviation),
            _ => TimeOfDay::Whenever,
        };
        let stays = if world.chance(0.4) {
            world.random.i64(1..4)
        } else {
            world.random.i64(4..2 * DAYS)
        };
        Habit {
            time,
            days: 0.15 + 0.8 * world.random.f64(),
            stays,
            utc_offset: *world
                .random
                .choice(&[7, 7, 7, 7, 7, 7, 8, 9, 0, -5])
                .unwrap_or(&7),
        }
    }

    /// Everything that an account does by it.
    pub(crate) fn live(self, world: &mut World, account: usize) {
        let created = world.accounts[account].created_at;
        for day in days_from(world, created, self.utc_offset, self.stays) {
            if !world.chance(self.days) {
                continue;
            }
            let after = match self.time {
                TimeOfDay::Hour(middle, deviation) => world.around(middle, deviation),
                TimeOfDay::Notified(mean) => 20.0 * HOUR + world.waiting(mean),
                TimeOfDay::Midnight(mean) if world.chance(0.8) => world.waiting(mean),
                TimeOfDay::Break => 9.75 * HOUR + world.random.f64() * 1200.0,
                TimeOfDay::Midnight(_) | TimeOfDay::Whenever => world.random.f64() * 24.0 * HOUR,
            };
            let at = day + seconds(after);
            world.check_in(account, at, self.utc_offset);
            for _ in 0..world.random.u32(..3) {
                let later = world.waiting(300.0);
                world.act(account, at + seconds(later));
            }
        }
    }
}

/// The beginnings of the local days of an account's life.
pub(crate) fn days_from(
    world: &World,
    created: DateTime<Utc>,
    utc_offset: i64,
    count: i64,
) -> Vec<DateTime<Utc>> {
    let local = created + Duration::hours(utc_offset);
    let first =
        local - Duration::seconds(local.timestamp().rem_euclid(24 * 3600)) - Duration::hours(utc_offset);
    (0..count)
        .map(|day| first + Duration::days(day))
        .take_while(|day| *day <= world.now)
        .collect()
}

/// One comes right after the other, on some days: they sit on the same sofa.
pub(crate) fn together(world: &mut World, first: usize, second: usize) {
    let moments: Vec<_> = world.accounts[first].check_ins.clone();
    let kept = world.accounts[second].check_ins.len() / 2;
    world.accounts[second].check_ins.truncate(kept);
    let share = world.random.f64() * 0.6;
    for moment in moments {
        if world.chance(share) {
            let after = 5.0 + world.random.f64() * 85.0;
            world.check_in(second, moment.at + seconds(after), 7);
        }
    }
}
