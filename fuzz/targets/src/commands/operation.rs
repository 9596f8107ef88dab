//! What a fuzzed client, reviewer or operator can ask for. Things are named by small numbers, so that a mutation
//! often hits something that exists.

use arbitrary::Arbitrary;

#[derive(Arbitrary, Clone, Copy, Debug)]
pub struct Operation {
    pub user: u8,
    pub thing: u8,
    /// Sends it under one of a few idempotency keys.
    pub key: Option<u8>,
    pub action: Action,
}

#[derive(Arbitrary, Clone, Copy, Debug)]
pub enum Action {
    CheckIn,
    CheckInFrom { zone: u8 },
    Start,
    Report { value: u8 },
    Show { kind: u8, seconds: u8, other: u8 },
    Complete,
    Claim,
    ClaimReward,
    Event { minutes_ago: u16, id: u8, seconds: u8 },
    Describe { level: u8, zone: u8 },
    Register,
    Erase,
    Refer { invitee: u8 },
    Decide { approve: bool },
    Revoke,
    Expire,
    Update { target: u8, points: u16 },
    StatusTransition { to: u8 },
}
