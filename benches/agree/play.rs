//! The history on a real server: its clock is set to each instant, then everybody asks at once.

use std::{
    collections::BTreeMap,
    path::Path,
    time::{Duration, Instant},
};

use futures_util::{StreamExt as _, TryStreamExt as _, stream};
use reqwest::Method;
use rust_decimal::Decimal;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::{
    Result,
    accounts::{self, Account},
    action::UserAction,
    answer::{CheckedIn, Counted, decimal, field, list, text},
    client::Client,
    history::{History, Moment},
    moments::JUST_BEFORE,
    server::Server,
};

/// What the server said to one user, and what it holds in the end.
#[derive(Default)]
pub(crate) struct UserOutcome {
    /// In order of time.
    pub(crate) check_ins: Vec<CheckedIn>,
    /// What all claims earned, by their answers.
    pub(crate) claimed: Decimal,
    pub(crate) account: Account,
}

/// How many requests are on their way at once, each over a connection of its own.
const AT_ONCE: usize = 32;

/// Plays the history with the pack in a folder.
pub(crate) fn run(folder: &Path, history: &History) -> Result<Vec<UserOutcome>> {
    let pack = folder.join("pack");
    let server = Server::start_with(
        folder,
        None,
        &[
            ("MISSION_PACK", pack.as_os_str()),
            ("MISSION_TEST_CLOCK", "true".as_ref()),
        ],
    )?;
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    runtime.block_on(async {
        let client = Client::new(server.address)?;
        let run = HistoryRun {
            missions: missions(&client).await?,
            client,
            history,
        };
        let mut played = run.play().await?;
        let accounts = accounts::settle(&run.client, history, AT_ONCE).await?;
        for (played, account) in played.iter_mut().zip(accounts) {
            played.account = account;
        }
        Ok(played)
    })
}

/// The ids of the missions by their codes.
async fn missions(client: &Client) -> Result<BTreeMap<String, String>> {
    let page = client.get("missions", &client.token(Uuid::nil(), None)?).await?;
    let missions = list(&page, "items")?.iter();
    let missions =
        missions.map(|mission| Ok((text(mission, "code")?.to_owned(), text(mission, "id")?.to_owned())));
    missions.collect()
}

struct HistoryRun<'h> {
    client: Client,
    history: &'h History,
    missions: BTreeMap<String, String>,
}

impl HistoryRun<'_> {
    async fn play(&self) -> Result<Vec<UserOutcome>> {
        let mut played: Vec<UserOutcome> = self
            .history
            .users
            .iter()
            .map(|_| UserOutcome::default())
            .collect();
        for (at, moments) in &self.history.instants {
            self.client.set_clock(*at).await?;
            let begun = Instant::now();
            let answers = stream::iter(moments).map(|moment| self.one(moment));
            let answers: Vec<(usize, UserOutcome)> = answers.buffer_unordered(AT_ONCE).try_collect().await?;
            // The clock has run on meanwhile.
            if begun.elapsed() > JUST_BEFORE.to_std()? - Duration::from_secs(2) {
                return Err(
                    "the machine is too slow: a day may have ended while its users were served".into(),
                );
            }
            for (user, answered) in answers {
                if let Some(played) = played.get_mut(user) {
                    played.check_ins.extend(answered.check_ins);
                    played.claimed += answered.claimed;
                }
            }
        }
        Ok(played)
    }

    /// One user's actions of one instant, one after the other.
    async fn one(&self, moment: &Moment) -> Result<(usize, UserOutcome)> {
        let client = &self.client;
        let user = self.history.users.get(moment.user).copied().unwrap_or_default();
        let token = client.token(user, moment.token_zone)?;
        let mut played = UserOutcome::default();
        let mut actions = moment.actions.as_slice();
        while let Some((act, rest)) = actions.split_first() {
            actions = rest;
            match act {
                UserAction::Move(zone) => {
                    let path = format!("users/{user}/attributes");
                    client.operate(Method::PUT, &path, json!({"zone": zone})).await?;
                }
                UserAction::Event(first) => {
                    // What comes together is told together.
                    let mut batch = vec![first.cloud_event(user)];
                    while let Some((UserAction::Event(next), rest)) = actions.split_first() {
                        batch.push(next.cloud_event(user));
                        actions = rest;
                    }
                    client
                        .operate(Method::POST, "events", Value::Array(batch))
                        .await?;
                }
                UserAction::CheckIn => {
                    let answer = client.post("checkin", &token, None).await?;
                    played.check_ins.push(match answer {
                        Ok(body) => Ok(Counted::read(&body)?),
                        Err(code) => Err(code),
                    });
                }
                UserAction::Start(code) => {
                    let mission = self.missions.get(*code).ok_or("the server lacks a mission")?;
                    // Whether it may start is told by the completions.
                    let _ = client
                        .post(&format!("missions/{mission}/start"), &token, None)
                        .await?;
                }
                UserAction::Progress(code, value) => {
                    let body = Some(json!({"value": value}));
                    on_task(client, &token, code, "progress", body).await?;
                }
                UserAction::Complete(code) => {
                    on_task(client, &token, code, "complete", None).await?;
                }
                UserAction::Claim(code) => {
                    if let Some(claim) = on_task(client, &token, code, "claim", None).await? {
                        played.claimed += decimal(&claim, "points_earned")?;
                    }
                }
            }
        }
        Ok((moment.user, played))
    }
}

/// A command on the task that a log means by its mission: the latest that can still be claimed, or that is open, else
/// the latest of all. Answers the body, where the domain did not refuse.
async fn on_task(
    client: &Client,
    token: &str,
    mission: &str,
    command: &str,
    body: Option<Value>,
) -> Result<Option<Value>> {
    let wanted = |task: &Value| -> Result<bool> {
        let status = text(task, "status")?;
        Ok(if command == "claim" {
            status == "completed" && field(task, "reward_claimed")? == &Value::Bool(false)
        } else {
            status == "in_progress" || status == "pending_review"
        })
    };
    let (mut latest, mut cursor) = (None, String::new());
    loop {
        let path = format!("tasks?mission={mission}&limit=200{cursor}");
        let page = client.get(&path, token).await?;
        for task in list(&page, "items")? {
            let rank = (wanted(task)?, text(task, "started_at")?.to_owned());
            let id: Uuid = text(task, "id")?.parse()?;
            latest = latest.max(Some((rank, id)));
        }
        match field(&page, "next_cursor")? {
            Value::String(next) => cursor = format!("&cursor={next}"),
            _ => break,
        }
    }
    let Some((_, task)) = latest else { return Ok(None) };
    let answer = client
        .post(&format!("tasks/{task}/{command}"), token, body)
        .await?;
    Ok(answer.ok())
}
