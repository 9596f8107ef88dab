//! A server's packs over HTTP. The token goes into one header and nowhere else.

use std::{collections::BTreeMap, fmt, time::Duration};

use chrono::{DateTime, Utc};
use mission_core::{
    mission::{MissionCode, MissionTotals},
    task::Explanation,
};
use mission_rules::pack::PackFiles;
use reqwest::{
    StatusCode,
    blocking::{Client, RequestBuilder, Response},
    header::{AUTHORIZATION, HeaderValue},
};
use rust_decimal::Decimal;
use serde::{Deserialize, de::DeserializeOwned};
use serde_json::{Value, json, value::RawValue};
use url::Url;
use uuid::Uuid;

use crate::{cli, failure::Failure};

/// A server, and the right to ask it.
pub(crate) struct Server {
    client: Client,
    address: Url,
    authorization: HeaderValue,
}

/// What the server says of a pack that it took.
#[derive(Debug, Deserialize)]
pub(crate) struct PushResult {
    pub(crate) version: u64,
    pub(crate) missions: BTreeMap<String, PushedMission>,
    /// The codes that the pack held before and no longer holds.
    #[serde(default)]
    pub(crate) archived_missions: Vec<String>,
    /// The open tasks of missions that are different now.
    #[serde(default)]
    pub(crate) open_tasks: OpenTasks,
}

#[derive(Debug, Default, Deserialize)]
pub(crate) struct OpenTasks {
    /// Those that keep their mission's version.
    pub(crate) kept: u64,
    /// Those that were taken along.
    pub(crate) moved: u64,
}

#[derive(Debug, Deserialize)]
pub(crate) struct PushedMission {
    pub(crate) status: String,
}

#[derive(Debug, Deserialize)]
struct Stored {
    files: BTreeMap<String, String>,
}

/// A version of a pack that the server keeps.
#[derive(Debug, Deserialize)]
pub(crate) struct PackVersion {
    version: u64,
    updated_at: DateTime<Utc>,
}

impl fmt::Display for PackVersion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let updated_at = self.updated_at.format("%Y-%m-%d %H:%M:%S UTC");
        write!(f, "version {} of {updated_at}", self.version)
    }
}

/// What a shadow mission would have done, as the server tells of it.
#[derive(Debug, Deserialize)]
pub(crate) struct ShadowReport {
    pub(crate) mission: MissionCode,
    pub(crate) shadow_of: Option<MissionCode>,
    pub(crate) since: Option<DateTime<Utc>>,
    pub(crate) users: u64,
    pub(crate) is_partial: bool,
    pub(crate) shadow: MissionTotals,
    pub(crate) live: Option<MissionTotals>,
    pub(crate) completed_by: Option<CompletedBy>,
    pub(crate) differences: Vec<Difference>,
    pub(crate) health: Health,
}

/// How many users completed which of two missions.
#[derive(Debug, Deserialize)]
pub(crate) struct CompletedBy {
    pub(crate) both: u64,
    pub(crate) shadow_only: u64,
    pub(crate) live_only: u64,
}

/// A user for whom two missions did not do the same.
#[derive(Debug, Deserialize)]
pub(crate) struct Difference {
    pub(crate) user_id: Uuid,
    #[serde(with = "mission_core::points::exact")]
    pub(crate) points: Decimal,
    pub(crate) shadow: MissionTotals,
    pub(crate) live: MissionTotals,
}

/// How a mission's rules do.
#[derive(Debug, Deserialize)]
pub(crate) struct Health {
    pub(crate) failures_last_hour: u64,
    pub(crate) last_reason: Option<String>,
}

impl ShadowReport {
    /// What an answer holds.
    pub(crate) fn of(answer: Value) -> Result<ShadowReport, Failure> {
        serde_json::from_value(answer)
            .map_err(|error| Failure::Failed(format!("the server's answer cannot be read: {error}")))
    }
}

/// A page of a list.
#[derive(Deserialize)]
pub(crate) struct Page<T> {
    pub(crate) items: Vec<T>,
    pub(crate) next_cursor: Option<String>,
}

/// The items on all pages of a list; `progress` hears how many there are so far.
pub(crate) fn all_pages<T>(
    page: impl Fn(Option<&str>) -> Result<Page<T>, Failure>,
    progress: impl Fn(usize),
) -> Result<Vec<T>, Failure> {
    let mut items = Vec::new();
    let mut cursor = None;
    loop {
        let page = page(cursor.as_deref())?;
        items.extend(page.items);
        progress(items.len());
        cursor = page.next_cursor;
        if cursor.is_none() {
            return Ok(items);
        }
    }
}

/// A message that the server could not take, as it tells of it.
pub(crate) type DeadLetter = serde_json::Map<String, Value>;

/// An event that the server could not send, as it tells of it.
pub(crate) type ParkedEvent = serde_json::Map<String, Value>;

/// What became of dead letters.
#[derive(Deserialize)]
pub(crate) struct SettleResult {
    pub(crate) letters: u64,
    pub(crate) left: u64,
}

/// How many events are tried again.
#[derive(Deserialize)]
pub(crate) struct RetryResult {
    pub(crate) retried: u64,
}

/// As much as a server puts into one page.
const MOST_A_PAGE: &str = "200";

impl Server {
    pub(crate) fn new(args: &cli::Server) -> Result<Server, Failure> {
        if !matches!(args.server.scheme(), "http" | "https") {
            return Err(Failure::Unusable(format!(
                "`{}` is no http or https address",
                args.server
            )));
        }
        let token = args
            .token
            .as_deref()
            .map(str::trim)
            .filter(|token| !token.is_empty());
        let token = token.ok_or_else(|| {
            Failure::Unusable(
                "a token is needed: set MISSION_TOKEN, or give --token; `mission token --sub UUID --permission \
                 missions:write` makes one for a development server"
                    .to_owned(),
            )
        })?;
        let mut authorization = HeaderValue::try_from(format!("Bearer {token}"))
            .map_err(|_| Failure::Unusable("the token holds characters that no token has".to_owned()))?;
        authorization.set_sensitive(true);
        let client = Client::builder()
            .timeout(Duration::from_secs(60))
            .user_agent(concat!("mission/", env!("CARGO_PKG_VERSION")))
            .build()
            .map_err(|error| Failure::Failed(describe_error(&error)))?;
        Ok(Server {
            client,
            address: args.server.clone(),
            authorization,
        })
    }

    /// Where the server is, for messages.
    pub(crate) fn address(&self) -> &str {
        self.address.as_str().trim_end_matches('/')
    }

    /// Puts a pack in place.
    pub(crate) fn put(&self, name: &str, files: &PackFiles, activate: bool) -> Result<PushResult, Failure> {
        let mut url = self.pack(name)?;
        if !activate {
            url.query_pairs_mut().append_pair("activate", "false");
        }
        let files: BTreeMap<&str, &str> = files.iter().collect();
        let response = self.send(self.client.put(url).json(&json!({ "files": files })))?;
        read(accepted(response)?)
    }

    /// The files of a pack, as it is or as a version of it was; `None` where the server has no such pack or version.
    pub(crate) fn get(
        &self,
        name: &str,
        version: Option<u64>,
    ) -> Result<Option<BTreeMap<String, String>>, Failure> {
        let mut url = self.pack(name)?;
        if let Some(version) = version {
            url.query_pairs_mut().append_pair("version", &version.to_string());
        }
        let response = self.send(self.client.get(url))?;
        if response.status() == StatusCode::NOT_FOUND {
            return Ok(None);
        }
        let stored: Stored = read(accepted(response)?)?;
        Ok(Some(stored.files))
    }

    /// The versions of a pack that the server keeps, newest first; none where it has no such pack.
    pub(crate) fn versions(&self, name: &str) -> Result<Vec<PackVersion>, Failure> {
        let url = self.route(&["packs", name, "versions"])?;
        let response = self.send(self.client.get(url))?;
        if response.status() == StatusCode::NOT_FOUND {
            return Ok(Vec::new());
        }
        let versions: Page<PackVersion> = read(accepted(response)?)?;
        Ok(versions.items)
    }

    /// Why a user can do a mission, or cannot.
    pub(crate) fn explanation(&self, user: Uuid, mission: &MissionCode) -> Result<Explanation, Failure> {
        let user = user.to_string();
        let url = self.route(&["users", &user, "missions", mission.as_str(), "explain"])?;
        read(accepted(self.send(self.client.get(url))?)?)
    }

    /// What a shadow mission would have done.
    pub(crate) fn shadow(&self, mission: &MissionCode) -> Result<Value, Failure> {
        let url = self.route(&["missions", mission.as_str(), "shadow"])?;
        read(accepted(self.send(self.client.get(url))?)?)
    }

    /// A page of what users did, all or one: lines of a log, as they came.
    pub(crate) fn journal(
        &self,
        user: Option<Uuid>,
        cursor: Option<&str>,
    ) -> Result<Page<Box<RawValue>>, Failure> {
        let mut url = self.route(&["journal"])?;
        url.query_pairs_mut()
            .extend_pairs(user.map(|user| ("user", user.to_string())));
        self.page(url, cursor)
    }

    /// A page of the messages that could not be taken.
    pub(crate) fn dead_letters(&self, cursor: Option<&str>) -> Result<Page<DeadLetter>, Failure> {
        self.page(self.route(&["inbound", "dead"])?, cursor)
    }

    /// A page of the events that could not leave.
    pub(crate) fn parked(&self, cursor: Option<&str>) -> Result<Page<ParkedEvent>, Failure> {
        self.page(self.route(&["outbox", "parked"])?, cursor)
    }

    /// Sends a dead letter back, or as many as the server takes in one call.
    pub(crate) fn requeue(&self, letter: Option<&str>) -> Result<SettleResult, Failure> {
        let mut path = vec!["inbound", "dead"];
        path.extend(letter);
        path.push("requeue");
        read(accepted(self.send(self.client.post(self.route(&path)?))?)?)
    }

    /// Throws a dead letter away, or as many as the server takes in one call.
    pub(crate) fn drop_letters(&self, letter: Option<&str>) -> Result<SettleResult, Failure> {
        let mut path = vec!["inbound", "dead"];
        path.extend(letter);
        read(accepted(self.send(self.client.delete(self.route(&path)?))?)?)
    }

    /// Has a parked event, or all of them, tried again.
    pub(crate) fn retry(&self, event: Option<&str>) -> Result<RetryResult, Failure> {
        let mut path = vec!["outbox", "parked"];
        path.extend(event);
        path.push("retry");
        read(accepted(self.send(self.client.post(self.route(&path)?))?)?)
    }

    fn page<T: DeserializeOwned>(&self, mut url: Url, cursor: Option<&str>) -> Result<Page<T>, Failure> {
        url.query_pairs_mut()
            .append_pair("limit", MOST_A_PAGE)
            .extend_pairs(cursor.map(|cursor| ("cursor", cursor)));
        read(accepted(self.send(self.client.get(url))?)?)
    }

    fn pack(&self, name: &str) -> Result<Url, Failure> {
        self.route(&["packs", name])
    }

    fn route(&self, path: &[&str]) -> Result<Url, Failure> {
        let mut url = self.address.clone();
        url.path_segments_mut()
            .map_err(|()| Failure::Unusable(format!("`{}` is no server's address", self.address)))?
            .pop_if_empty()
            .extend(["api", "v1"])
            .extend(path);
        Ok(url)
    }

    fn send(&self, request: RequestBuilder) -> Result<Response, Failure> {
        request
            .header(AUTHORIZATION, self.authorization.clone())
            .send()
            .map_err(|error| {
                Failure::Failed(format!(
                    "cannot reach {}: {}",
                    self.address(),
                    describe_error(&error)
                ))
            })
    }
}

/// An error with what lies under it.
fn describe_error(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(under) = cause {
        let more = under.to_string();
        if !text.contains(&more) {
            text = format!("{text}: {more}");
        }
        cause = under.source();
    }
    text
}

fn read<T: DeserializeOwned>(response: Response) -> Result<T, Failure> {
    response.json().map_err(|error| {
        Failure::Failed(format!(
            "the server's answer cannot be read: {}",
            describe_error(&error)
        ))
    })
}

/// The response of a request that succeeded; else what the problem says.
fn accepted(response: Response) -> Result<Response, Failure> {
    let status = response.status();
    if status.is_success() {
        return Ok(response);
    }
    let problem: Value = response.json().unwrap_or_default();
    let text = |field: &str| problem[field].as_str().unwrap_or_default().to_owned();
    let mut message = format!("the server refused it: {status}");
    for part in [text("code"), text("detail")] {
        if !part.is_empty() {
            message = format!("{message}: {part}");
        }
    }
    for error in problem["errors"].as_array().into_iter().flatten() {
        let (pointer, reason) = (
            error["pointer"].as_str().unwrap_or_default(),
            error["message"]
                .as_str()
                .or(error["detail"].as_str())
                .unwrap_or_default(),
        );
        message = format!("{message}\n  {pointer}: {reason}");
    }
    if status == StatusCode::UNAUTHORIZED {
        message.push_str("\n  the token is not one that this server takes");
    }
    Err(Failure::Failed(message))
}
