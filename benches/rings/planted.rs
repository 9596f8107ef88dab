//! Rings, as people who farm rewards run them.

use chrono::{DateTime, Duration, Utc};

use crate::{
    habits::days_from,
    world::{DAYS, Kind, World, seconds},
};

const KINDS: [Kind; 6] = [
    Kind::Phones,
    Kind::Emulators,
    Kind::Script,
    Kind::Referrals,
    Kind::Midnight,
    Kind::Mixed,
];

/// Where whoever farms here lives.
const UTC_OFFSET: i64 = 7;

/// Plants rings of every kind in turn, until they have so many accounts.
pub(crate) fn plant(world: &mut World, accounts: usize) {
    for kind in KINDS.into_iter().cycle() {
        let left = accounts.saturating_sub(world.accounts.len());
        if left == 0 {
            return;
        }
        let first = world.accounts.len();
        match kind {
            Kind::Phones => phones(world),
            Kind::Emulators => emulators(world),
            Kind::Script => script(world),
            Kind::Referrals => referrals(world),
            Kind::Midnight => midnight(world),
            Kind::Mixed => mixed(world),
        }
        let planted = world.planted.entry(kind).or_default();
        planted.rings += 1;
        planted.accounts += world.accounts.len() - first;
        for account in first..world.accounts.len() {
            world.kind_of.insert(world.accounts[account].user, kind);
        }
    }
}

/// Small ones and large ones.
fn size(world: &mut World, least: usize, most: usize) -> usize {
    let skewed = world.random.f64() * world.random.f64();
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "some dozens"
    )]
    let more = (skewed * (most - least) as f64) as usize;
    least + more
}

/// New accounts within so many hours, at some time.
fn made(world: &mut World, count: usize, hours: f64) -> Vec<usize> {
    let begin = world.begin() + Duration::seconds(world.random.i64(0..(DAYS - 14) * 24 * 3600));
    (0..count)
        .map(|_| {
            let after = world.random.f64() * hours * 3600.0;
            world.account(begin + seconds(after))
        })
        .collect()
}

/// An address that nobody else has: a proxy in somebody's home.
fn proxy(world: &mut World, account: usize) {
    let address = world.name("proxy");
    world.at_address(account, &address);
}

/// Days on which the ring is worked.
fn days(world: &World) -> Vec<DateTime<Utc>> {
    days_from(world, world.begin(), UTC_OFFSET, DAYS + 1)
}

/// One after the other is picked up, in whatever order, some evenings a week.
fn by_hand(world: &mut World, accounts: &[usize]) {
    for day in days(world) {
        if world.chance(0.25) {
            continue;
        }
        let begin = world.around(20.0, 2.0) * 3600.0;
        let mut at = day + seconds(begin);
        let mut order = accounts.to_vec();
        world.random.shuffle(&mut order);
        for account in order {
            let pause = 20.0 + world.random.f64() * 70.0;
            at += seconds(pause);
            if world.chance(0.8) {
                world.check_in(account, at, UTC_OFFSET);
                world.act(account, at + Duration::seconds(9));
            }
        }
    }
}

/// Each at a time of its own: whoever wrote the bot knows that the same hour looks odd.
fn at_random(world: &mut World, accounts: &[usize]) {
    for day in days(world) {
        for account in accounts {
            if world.chance(0.7) {
                let after = world.random.f64() * 24.0 * 3600.0;
                world.check_in(*account, day + seconds(after), UTC_OFFSET);
            }
        }
    }
}

/// Some phones on a desk, one wireless network.
fn phones(world: &mut World) {
    let count = size(world, 6, 60);
    let hours = 6.0 + world.random.f64() * 160.0;
    let accounts = made(world, count, hours);
    let phones: Vec<String> = (0..count / 18 + 1).map(|_| world.name("farm phone")).collect();
    let home = world.name("home");
    for account in &accounts {
        if world.chance(0.05) {
            world.own_device(*account);
        } else {
            let phone = world.random.usize(..phones.len());
            world.on_device(*account, &phones[phone]);
            if world.chance(0.15) {
                let second = world.random.usize(..phones.len());
                world.on_device(*account, &phones[second]);
            }
            if world.chance(0.1) {
                world.own_device(*account);
            }
        }
        if world.chance(0.85) {
            world.at_address(*account, &home);
        } else {
            proxy(world, *account);
        }
    }
    by_hand(world, &accounts);
}

/// A machine full of emulators, which hardly ever share a device id.
fn emulators(world: &mut World) {
    let count = size(world, 12, 150);
    let hours = 2.0 + world.random.f64() * 120.0;
    let accounts = made(world, count, hours);
    let server = world.name("server");
    for account in &accounts {
        world.own_device(*account);
        if world.chance(0.97) {
            world.at_address(*account, &server);
        }
        if world.chance(0.06) {
            proxy(world, *account);
        }
    }
    at_random(world, &accounts);
}

/// Everything differs but the moment: a job that runs once a day.
fn script(world: &mut World) {
    let count = size(world, 7, 80);
    let hours = 10.0 + world.random.f64() * 300.0;
    let accounts = made(world, count, hours);
    for account in &accounts {
        world.own_device(*account);
        proxy(world, *account);
    }
    let hour = world.random.f64() * 23.0;
    let pause = 0.3 + world.random.f64() * 2.5;
    let moves = world.random.f64() * 1800.0;
    for day in days(world) {
        let begin = day + seconds(hour * 3600.0 + world.random.f64() * moves);
        for (place, account) in accounts.iter().enumerate() {
            if world.chance(0.9) {
                let jitter = world.random.f64() * 6.0;
                let at = begin + seconds(pause * place as f64 + jitter);
                world.check_in(*account, at, UTC_OFFSET);
            }
        }
    }
}

/// Every account was invited by another one, so that each earns the bonus.
fn referrals(world: &mut World) {
    let count = size(world, 4, 40);
    let hours = 1.0 + world.random.f64() * 72.0;
    let accounts = made(world, count, hours);
    let mut rest = accounts.as_slice();
    while !rest.is_empty() {
        let wanted = world.random.usize(4..16);
        // What would be left over is too few for a circle of its own.
        let length = if rest.len() < wanted + 4 {
            rest.len()
        } else {
            wanted
        };
        let (circle, others) = rest.split_at(length);
        rest = others;
        for (place, account) in circle.iter().enumerate() {
            let next = circle[(place + 1) % circle.len()];
            world.accounts[*account].invited_by = Some(world.accounts[next].user);
        }
    }
    for pair in accounts.chunks(2) {
        for account in pair {
            world.own_device(*account);
            proxy(world, *account);
        }
        if world.chance(0.3) {
            let both = world.name("phone");
            pair.iter().for_each(|account| world.on_device(*account, &both));
        }
    }
    at_random(world, &accounts);
}

/// A day begins, and the script is there; or it ends, and begins again.
fn midnight(world: &mut World) {
    let count = size(world, 6, 50);
    let hours = 0.5 + world.random.f64() * 12.0;
    let accounts = made(world, count, hours);
    let invites = world.chance(0.5);
    let head = accounts[0];
    for account in &accounts {
        world.own_device(*account);
        proxy(world, *account);
        if invites && *account != head && world.chance(0.8) {
            world.accounts[*account].invited_by = Some(world.accounts[head].user);
        }
    }
    let before = world.chance(0.3);
    for day in days(world) {
        for account in &accounts {
            if world.chance(0.12) {
                continue;
            }
            let after = if world.chance(0.1) {
                world.random.f64() * 24.0 * 3600.0
            } else {
                let jitter = world.random.f64() * 9.0;
                if before && world.chance(0.5) {
                    -jitter
                } else {
                    jitter
                }
            };
            world.check_in(*account, day + seconds(after), UTC_OFFSET);
        }
    }
}

/// Some phones, some emulators, two addresses, a script that is not always used, and codes passed around.
fn mixed(world: &mut World) {
    let count = size(world, 8, 80);
    let hours = 4.0 + world.random.f64() * 100.0;
    let accounts = made(world, count, hours);
    let phones: Vec<String> = (0..count / 8 + 1).map(|_| world.name("farm phone")).collect();
    let addresses = [world.name("home"), world.name("server")];
    for (place, account) in accounts.iter().enumerate() {
        if world.chance(0.6) {
            let phone = world.random.usize(..phones.len());
            world.on_device(*account, &phones[phone]);
        } else {
            world.own_device(*account);
        }
        if world.chance(0.9) {
            let address = world.random.usize(..addresses.len());
            world.at_address(*account, &addresses[address]);
        } else {
            proxy(world, *account);
        }
        if place > 0 && world.chance(0.5) {
            world.accounts[*account].invited_by = Some(world.accounts[accounts[place - 1]].user);
        }
    }
    for day in days(world) {
        let begin = day + seconds(world.random.f64() * 24.0 * 3600.0);
        for account in &accounts {
            if world.chance(0.55) {
                let jitter = world.random.f64() * 25.0;
                world.check_in(*account, begin + seconds(jitter), UTC_OFFSET);
            } else if world.chance(0.4) {
                let after = world.random.f64() * 24.0 * 3600.0;
                world.check_in(*account, day + seconds(after), UTC_OFFSET);
            }
        }
    }
}
