//! What the server holds on each user when all is over.

use std::{
    collections::BTreeMap,
    time::{Duration, Instant},
};

use chrono::NaiveDate;
use futures_util::{StreamExt as _, TryStreamExt as _, stream};
use rust_decimal::Decimal;
use serde_json::Value;

use crate::{
    Result,
    answer::{decimal, field, list, text},
    client::Client,
    history::History,
};

/// One user's account.
#[derive(Default)]
pub(crate) struct Account {
    /// GET `/me`.
    pub(crate) points: Decimal,
    /// The balance of the embedded wallet.
    pub(crate) wallet: Decimal,
    /// The sum of the wallet's bookings.
    pub(crate) ledger: Decimal,
    /// The sum of claimed rewards.
    pub(crate) rewards: Decimal,
    /// How many rewards were claimed.
    pub(crate) grants: u32,
    pub(crate) longest_streak: Decimal,
    pub(crate) total_check_ins: Decimal,
    /// Every stored day, with its streak and what it earned.
    pub(crate) days: Vec<(NaiveDate, Decimal, Decimal)>,
    /// Completed tasks by mission.
    pub(crate) missions: BTreeMap<String, Decimal>,
}

/// How long the wallet may take for all that was not booked yet.
const PATIENCE: Duration = Duration::from_secs(120);

/// Every user's account, in the order of the history's users, as soon as their wallets are up to date.
pub(crate) async fn settle(client: &Client, history: &History, at_once: usize) -> Result<Vec<Account>> {
    let until = Instant::now() + PATIENCE;
    let accounts = stream::iter(&history.users).map(|user| async move {
        let token = client.token(*user, None)?;
        loop {
            let me = client.get("me", &token).await?;
            if decimal(&me, "points")? == decimal(&me, "wallet_points")? || Instant::now() > until {
                break;
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        let export = client.get("me/export", &token).await?;
        read(&export, &client.get("checkin", &token).await?)
    });
    accounts.buffered(at_once).try_collect().await
}

fn read(export: &Value, calendar: &Value) -> Result<Account> {
    let profile = field(export, "profile")?;
    let mut account = Account {
        points: decimal(profile, "points")?,
        wallet: decimal(profile, "wallet_points")?,
        longest_streak: decimal(calendar, "longest_streak")?,
        total_check_ins: decimal(calendar, "total_check_ins")?,
        ..Account::default()
    };
    for entry in list(export, "ledger")? {
        account.ledger += decimal(entry, "amount")?;
    }
    for reward in list(export, "rewards")? {
        if text(reward, "status")? == "claimed" {
            account.rewards += decimal(reward, "total_points")?;
            account.grants += 1;
        }
    }
    for day in list(export, "check_ins")? {
        let earned = field(day, "earned")?;
        let mut points = Decimal::ZERO;
        for part in ["base", "streak_bonus", "milestone_bonus", "monthly_reward"] {
            points += decimal(earned, part)?;
        }
        account
            .days
            .push((text(day, "date")?.parse()?, decimal(day, "streak")?, points));
    }
    for task in list(export, "tasks")? {
        if text(task, "status")? == "completed" {
            *account
                .missions
                .entry(text(task, "mission")?.to_owned())
                .or_default() += Decimal::ONE;
        }
    }
    Ok(account)
}
