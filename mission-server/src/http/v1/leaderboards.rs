//! Who has claimed the most.

use std::sync::Arc;

use axum::{
    Json,
    extract::{Path, State},
    http::StatusCode,
};
use chrono::{DateTime, Utc};
use mission_core::{
    UserId,
    ports::queries::{Board, LeaderboardRow},
};
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::{router::OpenApiRouter, routes};

use crate::http::{AppState, Problem, caller::Session, page, query::Query, view::PersonView};

pub(super) fn routes() -> OpenApiRouter<AppState> {
    OpenApiRouter::new().routes(routes!(leaderboard))
}

/// Among whom.
#[derive(Clone, Copy, Debug, Default, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
enum Scope {
    /// All users.
    #[default]
    Global,
    /// The caller and their friends.
    Friends,
}

/// Among whom, and how many.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct Filter {
    /// `global` or `friends`.
    #[serde(default)]
    #[param(inline)]
    scope: Scope,
    /// At most so many rows besides the caller's own; 1 to 200, default 50.
    #[param(minimum = 1, maximum = 200)]
    limit: Option<usize>,
}

/// One row.
#[derive(Debug, Serialize, ToSchema)]
struct Row {
    /// From 1; equal points share a rank.
    rank: u64,
    user_id: UserId,
    #[serde(with = "mission_core::points::exact")]
    #[schema(value_type = f64)]
    points: Decimal,
    /// Whether it is the caller's own.
    is_me: bool,
    #[serde(flatten)]
    person: PersonView,
}

/// The best rows, and the caller's own.
#[derive(Debug, Serialize, ToSchema)]
struct Leaderboard {
    /// The best, and after them the caller's own row where it is not among them.
    items: Vec<Row>,
    /// The caller's own row.
    me: Row,
    /// Always `null`: a leaderboard has one page.
    next_cursor: Option<String>,
}

/// Points claimed ever, in this calendar month, or in this ISO week (both in UTC). Names and pictures are shown as far as
/// they can be had within a moment; of friends the first 5,000 count.
#[utoipa::path(get, path = "/leaderboards/{span}", tag = "leaderboards",
    params(("span" = String, Path, description = "`all_time`, `monthly` or `weekly`", pattern = "^(all_time|monthly|weekly)$"), Filter),
    responses(
    (status = 200, description = "The leaderboard", body = Leaderboard),
    (status = 404, description = "`not_found`", body = Problem, content_type = "application/problem+json"),
    (status = 503, description = "`unavailable`: friends cannot be asked for; also `busy`, `timeout`", body = Problem,
        content_type = "application/problem+json")))]
async fn leaderboard(
    State(state): State<AppState>,
    session: Session,
    Path(span): Path<String>,
    Query(filter): Query<Filter>,
) -> Result<Json<Leaderboard>, Problem> {
    session.record(&state).await?;
    let board = board(&span, state.engine.now()).ok_or_else(|| {
        Problem::new(
            StatusCode::NOT_FOUND,
            "not_found",
            "there are `all_time`, `monthly` and `weekly` leaderboards",
        )
    })?;
    let limit = page::page::<mission_core::TaskId>(filter.limit, None)?.limit;
    let me = session.user();
    let (mut items, own) = match filter.scope {
        Scope::Global => {
            let rows = state.cache.leaders(&*state.queries, board, limit).await?;
            let own = state.cache.rank(&*state.queries, board, me).await?;
            (rows.to_vec(), (**own).clone())
        }
        Scope::Friends => {
            let among = with_friends(&state, me).await?;
            // All of them at once: the caller's own rank is among them.
            let rows = state
                .queries
                .leaderboard(board, Some(&among), among.len())
                .await?;
            let own = rows.iter().find(|row| row.user_id == me).cloned();
            let own = own.unwrap_or_else(|| last(&rows, me));
            (rows.into_iter().take(limit).collect(), own)
        }
    };
    if !items.iter().any(|row| row.user_id == me) {
        items.push(own.clone());
    }
    let shown: Vec<UserId> = items.iter().map(|row| row.user_id).collect();
    let names = state.neighbours.names(&shown).await;
    let view = |row: LeaderboardRow| Row {
        rank: row.rank,
        is_me: row.user_id == me,
        person: PersonView::of(row.user_id, &names),
        user_id: row.user_id,
        points: row.points,
    };
    Ok(Json(Leaderboard {
        items: items.into_iter().map(view).collect(),
        me: view(own),
        next_cursor: None,
    }))
}

/// The row of a user who has claimed nothing: behind all who have.
fn last(rows: &[LeaderboardRow], user: UserId) -> LeaderboardRow {
    let ahead = rows.iter().filter(|row| row.points > Decimal::ZERO).count();
    LeaderboardRow {
        rank: 1 + ahead as u64,
        user_id: user,
        points: Decimal::ZERO,
    }
}

/// A user and their friends.
async fn with_friends(state: &AppState, user: UserId) -> Result<Vec<UserId>, Problem> {
    let friends = match &state.neighbours.social {
        Some(social) => social.friends(user).await?,
        None => Arc::default(),
    };
    Ok([user].into_iter().chain(friends.iter().copied()).collect())
}

fn board(span: &str, now: DateTime<Utc>) -> Option<Board> {
    match span {
        "all_time" => Some(Board::all_time()),
        "monthly" => Some(Board::month_of(now)),
        "weekly" => Some(Board::week_of(now)),
        _ => None,
    }
}
