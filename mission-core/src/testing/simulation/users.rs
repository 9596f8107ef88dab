//! The users of a simulated deployment: some are known from the start, with a zone of their own, the others are not.

use chrono::{DateTime, Utc};

use crate::{
    UserId,
    check_in::Zone,
    decision::{Change, Claim, Records, Root, Version, WriteSet},
    testing::{user, zone},
    user::{InviteCode, User},
};

/// The zones of the users, by their numbers.
const ZONES: [&str; 4] = ["UTC", "Asia/Ho_Chi_Minh", "UTC", "America/Los_Angeles"];

/// The zone that a user's client names.
pub(super) fn zone_of(of: UserId) -> Zone {
    let mut named = (1..).zip(ZONES);
    let name = named
        .find(|(number, _)| user(*number) == of)
        .map(|(_, name)| name);
    zone(name.unwrap_or("UTC"))
}

/// What registers those with a zone of their own: whoever was seen before naming one changes it on the next day only.
pub(super) fn setup(now: DateTime<Utc>) -> Vec<Change> {
    let numbered = (1..).zip(ZONES).filter(|(_, zone)| *zone != "UTC");
    let change = |id: UserId| Change {
        expected: [(Root::User(id), Version::default())].into(),
        write_set: WriteSet {
            claims: [(Claim::InviteCode(InviteCode::of(id)), id.0)].into(),
            writes: Records {
                user: [(
                    id,
                    Some(User::new(id, now).asking_for_zone(Some(zone_of(id)), now)),
                )]
                .into(),
                ..Records::default()
            },
            ..WriteSet::default()
        },
        journal: Vec::new(),
    };
    numbered.map(|(number, _)| change(user(number))).collect()
}
