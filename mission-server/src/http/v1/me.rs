//! The caller's own: profile, everything held, erasure.

use std::collections::BTreeSet;

use axum::{Json, extract::State, http::StatusCode, response::Response};
use chrono::{DateTime, Utc};
use mission_core::{
    FileId, FraudRingId, UserId,
    check_in::Zone,
    engine::{AuditEntry, AuditSubject, EraseUser, RegisterUser},
    ports::{
        queries::{AuditFilter, Page},
        social::MOST_FRIENDS,
        store::StoreError,
    },
    task::{Task, Upload},
    user::{Boost, InviteCode, User},
};
use rust_decimal::Decimal;
use serde::Serialize;
use serde_json::{Map, Value};
use utoipa::ToSchema;
use utoipa_axum::{router::OpenApiRouter, routes};

use super::{
    answer,
    journal::{self, LogLine},
    uploads::LINK_TIME,
};
use crate::{
    http::{
        AppState, Problem,
        caller::Session,
        command::{Command, Requester},
        query::{NoQuery, Query},
        view::{ResponseView, RewardView, TaskView, ZoneChange},
    },
    rings::{RingStatus, StoredRing},
};

pub(super) fn routes() -> OpenApiRouter<AppState> {
    OpenApiRouter::new()
        .routes(routes!(profile, erase))
        .routes(routes!(export))
}

/// A user, as the engine knows them.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Profile {
    id: UserId,
    level: u32,
    experience: u64,
    badges: Vec<String>,
    /// Mining boosts out of claimed rewards that have not ended.
    boosts: Vec<Boost>,
    /// The sum of claimed rewards, at once.
    #[serde(with = "mission_core::points::exact")]
    #[schema(value_type = f64)]
    points: Decimal,
    /// The balance of the embedded ledger, a moment later.
    #[serde(with = "mission_core::points::exact")]
    #[schema(value_type = f64)]
    wallet_points: Decimal,
    /// To hand to others.
    invite_code: String,
    /// The zone in which the user's days begin and end.
    #[schema(value_type = String, example = "Asia/Ho_Chi_Minh")]
    zone: Zone,
    /// The zone that was asked for and does not hold yet.
    zone_change: Option<ZoneChange>,
    country: Option<String>,
    tags: Vec<String>,
    attributes: Map<String, Value>,
    registered_at: Option<DateTime<Utc>>,
    first_seen_at: DateTime<Utc>,
}

impl Profile {
    pub(super) fn of(user: &User, wallet_points: Decimal, view: ResponseView<'_>) -> Self {
        Profile {
            id: user.id,
            level: user.level(&view.catalog.levels),
            experience: user.experience,
            badges: user.badges.clone(),
            boosts: user.boosts_at(view.now).cloned().collect(),
            points: user.points,
            wallet_points,
            invite_code: InviteCode::of(user.id).to_string(),
            zone: user.zone_at(view.now, view.catalog.check_in.default_zone()),
            zone_change: ZoneChange::of(user, view.now),
            country: user.description.country.clone(),
            tags: user.description.tags.clone(),
            attributes: user.description.attributes.clone(),
            registered_at: user.registered_at,
            first_seen_at: user.first_seen_at,
        }
    }
}

/// The caller's record; made now where there is none, so that the invite code in it is known from here on.
async fn known(state: &AppState, session: &Session) -> Result<User, Problem> {
    if let Some(user) = session.record(state).await? {
        return Ok(user);
    }
    let command = RegisterUser {
        user: session.user(),
        registered_at: None,
        display_name: None,
    };
    Ok(state
        .engine
        .execute(command, session.signals(), None)
        .await?
        .reply
        .user)
}

/// The caller's profile.
#[utoipa::path(get, path = "/me", tag = "me",
    responses((status = 200, description = "The profile", body = Profile)))]
async fn profile(
    State(state): State<AppState>,
    session: Session,
    _: Query<NoQuery>,
) -> Result<Json<Profile>, Problem> {
    let user = known(&state, &session).await?;
    let balance = state.wallet.balance(user.id).await?;
    Ok(Json(state.view(|view| Profile::of(&user, balance, view))))
}

/// Everything held on the caller.
#[derive(Debug, Serialize, ToSchema)]
struct Export {
    profile: Profile,
    /// The name that others see, where no other service keeps it.
    display_name: Option<String>,
    /// Codes that lead to the caller besides the one of the profile.
    #[schema(value_type = Vec<String>)]
    invite_codes: Vec<InviteCode>,
    tasks: Vec<TaskView>,
    rewards: Vec<RewardView>,
    /// Every check-in day with what it earned.
    check_ins: Vec<Value>,
    /// Every flagged command and what became of it.
    reviews: Vec<Value>,
    /// What was done with each mission.
    participations: Vec<Value>,
    /// Every booking of the embedded ledger.
    ledger: Vec<Value>,
    /// Friends, as activity events told of them.
    friends: Vec<UserId>,
    /// Devices that the caller came with, as hashes.
    devices: Vec<Value>,
    /// Hashes of the addresses that the user came from, where they are remembered, the latest eight.
    addresses: Vec<Value>,
    /// When the user acted within an hour before the last action, where it is remembered.
    recent_actions: Vec<DateTime<Utc>>,
    /// Links to all uploaded files, for an hour.
    files: Vec<FileLink>,
    /// What the caller did and what was told of them, in order of time, as far back as the journal goes.
    commands: Vec<LogLine>,
    /// What operators have changed of the caller, the latest first, but not who they are.
    changes: Vec<OperatorChange>,
    /// The groups of accounts that seem to be one person's and that the caller is one of, but not the others of them.
    rings: Vec<RingMembership>,
}

/// That the caller seems to be one of several accounts of one person.
#[derive(Debug, Serialize, ToSchema)]
struct RingMembership {
    ring_id: FraudRingId,
    status: RingStatus,
    found_at: DateTime<Utc>,
    /// Whether what the caller earns and claims waits for a reviewer because of it.
    is_held: bool,
}

impl RingMembership {
    fn of(ring: &StoredRing, held_for: &BTreeSet<FraudRingId>) -> Self {
        RingMembership {
            ring_id: ring.id,
            status: ring.status,
            found_at: ring.found_at,
            is_held: held_for.contains(&ring.id),
        }
    }
}

/// A link to an uploaded file.
#[derive(Debug, Serialize, ToSchema)]
struct FileLink {
    file_id: FileId,
    url: String,
}

/// What an operator has changed.
#[derive(Debug, Serialize, ToSchema)]
struct OperatorChange {
    at: DateTime<Utc>,
    /// The command, such as `DescribeUser`.
    action: String,
    subject_kind: AuditSubject,
    subject: String,
    before: Option<Value>,
    after: Option<Value>,
}

impl From<AuditEntry> for OperatorChange {
    fn from(entry: AuditEntry) -> Self {
        OperatorChange {
            at: entry.at,
            action: entry.action,
            subject_kind: entry.subject_kind,
            subject: entry.subject,
            before: entry.before,
            after: entry.after,
        }
    }
}

async fn links(state: &AppState, tasks: &[Task]) -> Result<Vec<FileLink>, Problem> {
    let now = state.engine.now();
    let mut links = Vec::new();
    for Upload { file, .. } in tasks.iter().flat_map(|task| &task.uploads) {
        links.push(FileLink {
            file_id: file.id,
            url: state.uploads.link(file, now, LINK_TIME).await?,
        });
    }
    Ok(links)
}

async fn changes(state: &AppState, user: UserId) -> Result<Vec<OperatorChange>, StoreError> {
    const AT_ONCE: usize = 1_000;
    let of_user = AuditFilter {
        subjects: vec![user.to_string()],
        ..AuditFilter::default()
    };
    let (mut changes, mut after) = (Vec::new(), None);
    loop {
        let page = Page {
            limit: AT_ONCE,
            after,
        };
        let found = state.queries.audit(&of_user, page).await?;
        after = found.last().map(|entry| entry.id);
        let is_last = found.len() < AT_ONCE;
        changes.extend(found.into_iter().map(OperatorChange::from));
        if is_last {
            return Ok(changes);
        }
    }
}

fn values<T: Serialize>(things: impl IntoIterator<Item = T>) -> Vec<Value> {
    things
        .into_iter()
        .filter_map(|thing| serde_json::to_value(thing).ok())
        .collect()
}

/// Everything held on the caller.
#[utoipa::path(get, path = "/me/export", tag = "me",
    responses((status = 200, description = "Everything", body = Export)))]
async fn export(
    State(state): State<AppState>,
    session: Session,
    _: Query<NoQuery>,
) -> Result<Json<Export>, Problem> {
    let user = known(&state, &session).await?;
    let held = state.queries.export(user.id).await?;
    let friends = state.queries.friends(user.id, MOST_FRIENDS).await?;
    let ledger = state.wallet.entries(user.id).await?;
    let balance = state.wallet.balance(user.id).await?;
    let files = links(&state, &held.tasks).await?;
    let commands = journal::log_of(&state, user.id).await?;
    let changes = changes(&state, user.id).await?;
    let rings = state.rings.rings_of(user.id).await?;
    let catalog = state.engine.catalog();
    let view = ResponseView {
        catalog: &catalog,
        now: state.engine.now(),
    };
    let zone = user.zone_at(view.now, catalog.check_in.default_zone());
    Ok(Json(Export {
        profile: Profile::of(&user, balance, view),
        display_name: user.display_name,
        invite_codes: user.invite_codes,
        files,
        commands,
        changes,
        rings: rings
            .into_iter()
            .map(|ring| RingMembership::of(&ring, &user.held_for))
            .collect(),
        tasks: held
            .tasks
            .into_iter()
            .map(|task| TaskView::of(task, view, zone))
            .collect(),
        rewards: held
            .rewards
            .into_iter()
            .map(|reward| RewardView::of(reward, view.now))
            .collect(),
        check_ins: values(held.check_in_days),
        reviews: values(held.reviews),
        participations: values(held.participations),
        ledger: values(ledger),
        friends,
        devices: values(user.devices),
        addresses: values(user.addresses),
        recent_actions: user.recent_actions.times().collect(),
    }))
}

/// What was erased.
#[derive(Debug, Serialize, ToSchema)]
struct Erasure {
    /// The id, which stays taken.
    user_id: UserId,
    /// That it was done.
    erased: bool,
}

/// Erases the caller: tasks, evidence, devices, profile. Sums stay without the person.
#[utoipa::path(delete, path = "/me", tag = "me",
    responses((status = 200, description = "Everything is gone", body = Erasure)))]
async fn erase(request: Command<Session>) -> Result<Response, Problem> {
    request.who.record(&request.state).await?;
    request.body.expect_none()?;
    let user = request.who.user();
    let done = request.execute(EraseUser { user }).await?;
    request.state.erased_user_guard().forget(user);
    let erasure = Erasure {
        user_id: user,
        erased: true,
    };
    Ok(answer(StatusCode::OK, erasure, done.replayed))
}
