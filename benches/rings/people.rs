//! Ordinary people, household by household.

use chrono::Duration;

use crate::{
    habits::{self, Habit},
    places::Places,
    world::{DAYS, World},
};

/// Fills the world with households until it has so many accounts.
pub(crate) fn settle(world: &mut World, accounts: usize) {
    let places = Places::build(world, accounts);
    let first = world.accounts.len();
    while world.accounts.len() < accounts {
        let left = accounts - world.accounts.len();
        household(world, &places, left);
    }
    refer(world, first);
}

fn household(world: &mut World, places: &Places, most: usize) {
    let size = match world.random.u32(..100) {
        0..35 => 1,
        35..65 => 2,
        65..83 => 3,
        83..94 => 4,
        94..98 => 5,
        _ => 6,
    };
    let home = world.name("home");
    let moved = world.chance(0.2).then(|| world.name("home"));
    let tablet = (size > 1 && world.chance(0.3)).then(|| world.name("tablet"));
    // Not everybody has a phone of their own.
    let only_tablet = world.chance(0.1);
    let begin = world.begin();
    let anywhen = |world: &mut World| begin + Duration::seconds(world.random.i64(0..DAYS * 24 * 3600));
    let founded = anywhen(world);
    let mut members = Vec::new();
    for _ in 0..size.min(most) {
        let created = if world.chance(0.35) {
            founded + Duration::minutes(world.random.i64(0..180))
        } else {
            anywhen(world)
        };
        let account = world.account(created.min(world.now));
        live_somewhere(world, places, account, &home, moved.as_deref());
        match &tablet {
            Some(tablet) if only_tablet => world.on_device(account, tablet),
            tablet => {
                world.own_device(account);
                if world.chance(0.15) {
                    world.own_device(account);
                }
                if let (Some(tablet), true) = (tablet, world.chance(0.6)) {
                    world.on_device(account, tablet);
                }
            }
        }
        members.push(account);
    }
    if members.len() > 1 && world.chance(0.15) {
        habits::together(world, members[0], members[1]);
    }
}

fn live_somewhere(world: &mut World, places: &Places, account: usize, home: &str, moved: Option<&str>) {
    let is_pupil = world.chance(0.2);
    if is_pupil {
        places.school(world, account);
    } else if world.chance(0.5) && world.chance(0.8) {
        places.office(world, account);
    }
    if world.chance(0.88) {
        world.at_address(account, home);
        if let Some(moved) = moved {
            world.at_address(account, moved);
        }
    }
    if world.chance(0.6) || world.accounts[account].addresses.is_empty() {
        places.carrier(world, account);
    }
    if world.chance(0.01) {
        places.cafe(world, account);
    }
    let habit = Habit::draw(world, is_pupil);
    habit.live(world, account);
}

/// A third came by somebody's code: a friend's, or that of one whom many follow.
fn refer(world: &mut World, first: usize) {
    let count = world.accounts.len() - first;
    if count < 10 {
        return;
    }
    let followed: Vec<usize> = (0..count / 2000 + 1)
        .map(|_| first + world.random.usize(..count))
        .collect();
    for account in first..world.accounts.len() {
        if !world.chance(0.3) {
            continue;
        }
        let inviter = match world.random.u32(..100) {
            0..15 => followed[world.random.usize(..followed.len())],
            // Somebody of the household or the street.
            15..60 => (account + world.random.usize(1..4)).min(world.accounts.len() - 1),
            _ => first + world.random.usize(..count),
        };
        let is_older = world.accounts[inviter].created_at < world.accounts[account].created_at;
        if is_older {
            let user = world.accounts[account].user;
            world.accounts[account].invited_by = Some(world.accounts[inviter].user);
            // And the friend enters the newcomer's, where the app still takes one.
            if world.chance(0.03) && world.accounts[inviter].invited_by.is_none() {
                world.accounts[inviter].invited_by = Some(user);
            }
        }
    }
    // Three friends who pass their codes around.
    for _ in 0..count / 20_000 + 1 {
        let at = first + world.random.usize(..count - 3);
        let users: Vec<_> = (0..3).map(|n| world.accounts[at + n].user).collect();
        for n in 0..3 {
            world.accounts[at + n].invited_by = Some(users[(n + 1) % 3]);
        }
    }
}
