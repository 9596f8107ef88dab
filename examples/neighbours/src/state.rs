//! What the services know.

use std::collections::{BTreeMap, BTreeSet};

use bytes::Bytes;
use uuid::Uuid;

use crate::{Moderation, Mood, Seen, Service, services::Case};

/// What the services know.
#[derive(Default)]
pub(crate) struct ServiceState {
    pub(crate) moods: BTreeMap<Service, Mood>,
    /// What the next requests meet instead, one each, the last one first.
    pub(crate) next: Vec<Mood>,
    pub(crate) seen: Vec<Seen>,
    /// Nobody has these ids; everybody else is somebody.
    pub(crate) unknown: BTreeSet<Uuid>,
    pub(crate) friends: BTreeMap<Uuid, Vec<Uuid>>,
    /// Friends of one page at most; as many as are asked for where it is 0.
    pub(crate) page: usize,
    pub(crate) files: BTreeMap<Uuid, (String, Bytes)>,
    pub(crate) moderation: Moderation,
    pub(crate) cases: BTreeMap<String, Case>,
    /// Where the mission server is, with a token.
    pub(crate) server: Option<(String, String)>,
}
