//! The services, one file each.

mod iam;
mod mining;
mod moderation;
mod social;
mod storage;

use axum::Router;

pub(crate) use moderation::Case;
pub use moderation::{Moderation, Verdict};

use crate::StandIn;

/// One of the services.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Service {
    /// Who users are.
    Iam,
    /// Who is friends with whom.
    Social,
    /// Keeps files.
    Storage,
    /// Judges files.
    Moderation,
    /// Speeds up by boosts.
    Mining,
}

impl Service {
    pub(crate) const ALL: [Service; 5] = [
        Service::Iam,
        Service::Social,
        Service::Storage,
        Service::Moderation,
        Service::Mining,
    ];

    /// The service that a path belongs to.
    pub(crate) fn of(path: &str) -> Service {
        if path.ends_with("/friends") {
            Service::Social
        } else if path.starts_with("/api/v1/moderations") {
            Service::Moderation
        } else if path.starts_with("/api/v1/upload")
            || path.starts_with("/api/v1/files")
            || path.starts_with("/stored")
        {
            Service::Storage
        } else if path.starts_with("/api/v1/speed") {
            Service::Mining
        } else {
            Service::Iam
        }
    }

    /// The service of a name.
    pub(crate) fn named(name: &str) -> Option<Service> {
        Some(match name {
            "iam" => Service::Iam,
            "social" => Service::Social,
            "storage" => Service::Storage,
            "moderation" => Service::Moderation,
            "mining" => Service::Mining,
            _ => return None,
        })
    }
}

pub(crate) fn router() -> Router<StandIn> {
    Router::new()
        .merge(iam::router())
        .merge(social::router())
        .merge(storage::router())
        .merge(moderation::router())
        .merge(mining::router())
}
