//! Lists in pages: `?limit=&cursor=` in, `{"items", "next_cursor"}` out.

use std::cmp::Reverse;

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use chrono::{DateTime, Utc};
use mission_core::{
    EventId, FraudRingId, MissionId, UserId,
    mission::Mission,
    ports::queries::{JournalPosition, Page},
};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::Problem;
use crate::cache::Cache;

/// The most that one page holds.
pub(super) const MOST: usize = 200;
/// How many it holds where nobody says how many.
pub(super) const DEFAULT: usize = 50;
const _: () = assert!(
    Cache::NEWEST == DEFAULT + 1,
    "the cache keeps one more than a page"
);

/// One page of a list.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct List<T> {
    /// What the page holds.
    pub(super) items: Vec<T>,
    /// Pass it as `cursor` to get the next page; `null` on the last.
    pub(super) next_cursor: Option<String>,
}

impl<T> List<T> {
    /// The same page of something else.
    pub(super) fn map<V>(self, view: impl FnMut(T) -> V) -> List<V> {
        List {
            items: self.items.into_iter().map(view).collect(),
            next_cursor: self.next_cursor,
        }
    }
}

/// The sort key after which a page begins: it stays where it is when what it was taken from has gone. Opaque to
/// clients.
pub(super) trait CursorKey: Sized {
    /// Of which list it is: a cursor of another list is none of this one.
    const LIST: &'static str;

    fn to_bytes(&self) -> Vec<u8>;
    fn from_bytes(bytes: &[u8]) -> Option<Self>;

    fn to_cursor(&self) -> String {
        let bytes = [Self::LIST.as_bytes(), b":", &self.to_bytes()].concat();
        URL_SAFE_NO_PAD.encode(bytes)
    }

    fn from_cursor(text: &str) -> Option<Self> {
        let bytes = URL_SAFE_NO_PAD.decode(text).ok()?;
        let key = bytes.strip_prefix(Self::LIST.as_bytes())?.strip_prefix(b":")?;
        Self::from_bytes(key)
    }
}

macro_rules! id_cursors {
    ($($id:ty => $list:literal),*) => { $(
        impl CursorKey for $id {
            const LIST: &'static str = $list;

            fn to_bytes(&self) -> Vec<u8> {
                self.0.as_bytes().to_vec()
            }

            fn from_bytes(bytes: &[u8]) -> Option<Self> {
                uuid::Uuid::from_slice(bytes).ok().map(Self)
            }
        }
    )* };
}

/// An entry of the audit, by its id.
#[derive(Clone, Copy)]
pub(super) struct AuditKey(pub(super) uuid::Uuid);

id_cursors!(
    AuditKey => "audit",
    mission_core::TaskId => "tasks",
    mission_core::RewardId => "rewards",
    mission_core::ReviewId => "reviews"
);

/// A mission's place in their list: by falling priority, then by id.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct MissionKey(Reverse<i32>, MissionId);

impl MissionKey {
    pub(super) fn of(mission: &Mission) -> Self {
        MissionKey(Reverse(mission.definition.priority), mission.id)
    }
}

impl CursorKey for MissionKey {
    const LIST: &'static str = "missions";

    fn to_bytes(&self) -> Vec<u8> {
        let MissionKey(Reverse(priority), id) = self;
        [&priority.to_be_bytes()[..], id.0.as_bytes()].concat()
    }

    fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let (priority, id) = bytes.split_first_chunk::<4>()?;
        let id = uuid::Uuid::from_slice(id).ok()?;
        Some(MissionKey(Reverse(i32::from_be_bytes(*priority)), MissionId(id)))
    }
}

/// A place in the journal.
#[derive(Clone, Copy)]
pub(super) struct JournalKey(pub(super) JournalPosition);

impl CursorKey for JournalKey {
    const LIST: &'static str = "journal";

    fn to_bytes(&self) -> Vec<u8> {
        let JournalKey(JournalPosition { user, number }) = self;
        [&user.0.as_bytes()[..], &number.to_be_bytes()].concat()
    }

    fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let (user, number) = bytes.split_at_checked(16)?;
        Some(JournalKey(JournalPosition {
            user: UserId(uuid::Uuid::from_slice(user).ok()?),
            number: i64::from_be_bytes(number.try_into().ok()?),
        }))
    }
}

/// A parked event, by the number of its journal entry.
#[derive(Clone, Copy)]
pub(super) struct ParkedKey(pub(super) i64);

impl CursorKey for ParkedKey {
    const LIST: &'static str = "parked";

    fn to_bytes(&self) -> Vec<u8> {
        self.0.to_be_bytes().to_vec()
    }

    fn from_bytes(bytes: &[u8]) -> Option<Self> {
        Some(ParkedKey(i64::from_be_bytes(bytes.try_into().ok()?)))
    }
}

/// A webhook's delivery, by when it was written down and its id.
#[derive(Clone, Copy)]
pub(super) struct DeliveryKey(pub(super) DateTime<Utc>, pub(super) EventId);

impl CursorKey for DeliveryKey {
    const LIST: &'static str = "deliveries";

    fn to_bytes(&self) -> Vec<u8> {
        let DeliveryKey(at, event) = self;
        [&at.timestamp_micros().to_be_bytes()[..], event.0.as_bytes()].concat()
    }

    fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let (at, event) = bytes.split_first_chunk::<8>()?;
        let at = DateTime::from_timestamp_micros(i64::from_be_bytes(*at))?;
        Some(DeliveryKey(at, EventId(uuid::Uuid::from_slice(event).ok()?)))
    }
}

/// A ring, by when it was found and its id.
#[derive(Clone, Copy)]
pub(super) struct RingKey(pub(super) DateTime<Utc>, pub(super) FraudRingId);

impl CursorKey for RingKey {
    const LIST: &'static str = "rings";

    fn to_bytes(&self) -> Vec<u8> {
        let RingKey(at, ring) = self;
        [&at.timestamp_micros().to_be_bytes()[..], ring.0.as_bytes()].concat()
    }

    fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let (at, ring) = bytes.split_first_chunk::<8>()?;
        let at = DateTime::from_timestamp_micros(i64::from_be_bytes(*at))?;
        Some(RingKey(at, FraudRingId(uuid::Uuid::from_slice(ring).ok()?)))
    }
}

macro_rules! offsets {
    ($($(#[$doc:meta])* $name:ident => $list:literal),*) => { $(
        $(#[$doc])*
        #[derive(Clone, Copy)]
        pub(super) struct $name(pub(super) usize);

        impl CursorKey for $name {
            const LIST: &'static str = $list;

            fn to_bytes(&self) -> Vec<u8> {
                self.0.to_string().into_bytes()
            }

            fn from_bytes(bytes: &[u8]) -> Option<Self> {
                std::str::from_utf8(bytes).ok()?.parse().ok().map($name)
            }
        }
    )* };
}

offsets!(
    /// The number of dead letters before the page.
    DeadLetterOffset => "dead",
    /// The number of ledger entries before the page; a ledger only grows.
    LedgerOffset => "ledger"
);

/// Which page of a list that has no filters.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct Paging {
    /// At most so many; 1 to 200, default 50.
    #[param(minimum = 1, maximum = 200)]
    limit: Option<usize>,
    /// Where the page before ended.
    cursor: Option<String>,
}

impl Paging {
    pub(super) fn page<K: CursorKey>(&self) -> Result<Page<K>, Problem> {
        page(self.limit, self.cursor.as_deref())
    }
}

/// The page that `limit` and `cursor` ask for.
pub(super) fn page<K: CursorKey>(limit: Option<usize>, cursor: Option<&str>) -> Result<Page<K>, Problem> {
    let limit = limit.unwrap_or(DEFAULT);
    if !(1..=MOST).contains(&limit) {
        return Err(Problem::invalid_query("limit", format!("must be 1 to {MOST}")));
    }
    let after = cursor
        .map(|text| {
            K::from_cursor(text).ok_or_else(|| {
                let message = "is no cursor of this list; pass on what `next_cursor` of the page before said";
                Problem::invalid_query("cursor", message)
            })
        })
        .transpose()?;
    Ok(Page { limit, after })
}

/// One more than a page shows, so that its end is known.
pub(super) fn one_more<K>(page: Page<K>) -> Page<K> {
    Page {
        limit: page.limit + 1,
        ..page
    }
}

/// Whether a page can be cut out of the newest that the cache keeps.
pub(super) fn is_among_newest<K>(page: &Page<K>) -> bool {
    page.after.is_none() && page.limit <= DEFAULT
}

/// Cuts what [`one_more`] brought down to the page, with the cursor of the next.
pub(super) fn list<T, K: CursorKey, V>(
    mut found: Vec<T>,
    limit: usize,
    key: impl Fn(&T) -> K,
    view: impl FnMut(T) -> V,
) -> List<V> {
    let more = found.len() > limit;
    found.truncate(limit);
    let next_cursor = found.last().filter(|_| more).map(|last| key(last).to_cursor());
    let page = List {
        items: found,
        next_cursor,
    };
    page.map(view)
}
