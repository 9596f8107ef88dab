//! Users as services and operators speak of them.

mod attributes;
mod ban;
mod explain;
mod grant;
mod read;

use utoipa_axum::router::OpenApiRouter;

use crate::http::AppState;

pub(super) fn routes() -> OpenApiRouter<AppState> {
    attributes::routes()
        .merge(read::routes())
        .merge(explain::routes())
        .merge(grant::routes())
        .merge(ban::routes())
}
