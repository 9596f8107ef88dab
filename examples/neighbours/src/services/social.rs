//! A user's friends, page by page.

use axum::{
    Json, Router,
    extract::{Path, Query, State},
    routing::get,
};
use serde::Deserialize;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::StandIn;

pub(super) fn router() -> Router<StandIn> {
    Router::new().route("/api/v1/users/{id}/friends", get(friends))
}

#[derive(Deserialize)]
struct Page {
    limit: Option<usize>,
    cursor: Option<usize>,
}

async fn friends(
    State(stand_in): State<StandIn>,
    Path(user): Path<Uuid>,
    Query(page): Query<Page>,
) -> Json<Value> {
    let state = stand_in.state();
    let most = if state.page == 0 { usize::MAX } else { state.page };
    let limit = page.limit.unwrap_or(100).clamp(1, most);
    let from = page.cursor.unwrap_or(0);
    let all = state.friends.get(&user).map_or(&[][..], Vec::as_slice);
    let items: Vec<Uuid> = all.iter().skip(from).take(limit).copied().collect();
    let next = (from + limit < all.len()).then(|| (from + limit).to_string());
    Json(json!({"items": items, "nextCursor": next}))
}
