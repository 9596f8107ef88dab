//! What is known of new accounts, read in pages.

use std::{collections::HashMap, time::Duration};

use chrono::{DateTime, Timelike, Utc};
use mission_core::{
    UserId,
    check_in::{Zone, ZoneHistory},
    fraud::{
        KnownAddress, KnownDevice,
        rings::{AccountFacts, CheckInMoment, Sighting},
    },
    ports::store::StoreError,
    reward::RewardType,
    user::InviteCode,
};
use uuid::Uuid;

use super::RingStore;

/// Users that are read at once.
const USERS: usize = 1_000;
/// New accounts whose check-ins and rewards are read at once.
const ACCOUNTS: usize = 200;
/// The pause after each: the search takes no more than a part of what the database can do.
const PAUSE: Duration = Duration::from_millis(10);
/// Of more new accounts only the newest are looked at: they are held in memory.
const MOST: usize = 300_000;

/// A new account, and where its days begin.
struct NewAccount {
    facts: AccountFacts,
    zones: ZoneHistory,
}

/// What is known of the accounts that were made after an instant.
pub(super) async fn of_new_accounts(
    store: &dyn RingStore,
    since: DateTime<Utc>,
    default_zone: Zone,
) -> Result<Vec<AccountFacts>, StoreError> {
    let mut accounts = new_accounts(store, since, default_zone).await?;
    let place: HashMap<UserId, usize> = accounts
        .iter()
        .enumerate()
        .map(|(place, account)| (account.facts.user, place))
        .collect();
    let users: Vec<Uuid> = accounts.iter().map(|account| account.facts.user.0).collect();
    for users in users.chunks(ACCOUNTS) {
        for (user, at) in store.check_ins_of(users, since).await? {
            let Some(account) = place.get(&user).and_then(|place| accounts.get_mut(*place)) else {
                continue;
            };
            let local = account.zones.at(at).local(at);
            account.facts.check_ins.push(CheckInMoment {
                at,
                after_midnight: local.num_seconds_from_midnight(),
            });
        }
        for earned in store.earned_by(users).await? {
            // Whoever paid for an invitee was told of by another service, without a code.
            let place = match earned.reward_type {
                RewardType::ReferralBonus => place.get(&UserId(earned.source)),
                RewardType::CheckInDaily | RewardType::CheckInMilestone => None,
                _ => place.get(&earned.user),
            };
            let Some(account) = place.and_then(|place| accounts.get_mut(*place)) else {
                continue;
            };
            match earned.reward_type {
                RewardType::ReferralBonus => account.facts.invited_by = Some(earned.user),
                _ => account.facts.actions.push(earned.at),
            }
        }
        tokio::time::sleep(PAUSE).await;
    }
    Ok(accounts.into_iter().map(|account| account.facts).collect())
}

async fn new_accounts(
    store: &dyn RingStore,
    since: DateTime<Utc>,
    default_zone: Zone,
) -> Result<Vec<NewAccount>, StoreError> {
    let mut accounts = Vec::new();
    // Codes of all of them, and of those who came by one.
    let mut codes: HashMap<InviteCode, UserId> = HashMap::new();
    let mut shown: Vec<(usize, InviteCode)> = Vec::new();
    let mut after = UserId(Uuid::nil());
    loop {
        let page = store.users_after(after, USERS).await?;
        let Some((last, _)) = page.last() else { break };
        after = *last;
        for user in page.into_iter().filter_map(|(_, user)| user) {
            let created_at = user.registered_at.unwrap_or(user.first_seen_at);
            if user.is_erased() || created_at <= since {
                continue;
            }
            codes.insert(InviteCode::of(user.id), user.id);
            codes.extend(user.invite_codes.iter().cloned().map(|code| (code, user.id)));
            if let Some(used) = &user.invited_with {
                shown.push((accounts.len(), used.code.clone()));
            }
            let mut facts = AccountFacts::new(user.id, created_at);
            let device = |known: &KnownDevice| Sighting {
                of: known.device.clone(),
                first_seen_at: known.first_seen_at,
            };
            let address = |known: &KnownAddress| Sighting {
                of: known.address.as_device().as_str().to_owned(),
                first_seen_at: known.first_seen_at,
            };
            facts.devices = user.devices.iter().map(device).collect();
            facts.addresses = user.addresses.iter().map(address).collect();
            accounts.push(NewAccount {
                facts,
                zones: user.zone_history(default_zone),
            });
        }
        tokio::time::sleep(PAUSE).await;
    }
    for (place, code) in shown {
        accounts[place].facts.invited_by = codes.get(&code).copied();
    }
    if accounts.len() > MOST {
        tracing::warn!(
            accounts = accounts.len(),
            looked_at = MOST,
            "rings are looked for among the newest accounts alone"
        );
        accounts.sort_by_key(|account| std::cmp::Reverse(account.facts.created_at));
        accounts.truncate(MOST);
    }
    Ok(accounts)
}
