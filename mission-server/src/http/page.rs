//! Lists in pages: `?limit=&cursor=` in, `{"items", "next_cursor"}` out.

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use mission_core::ports::queries::Page;
use serde::Serialize;
use utoipa::ToSchema;

use super::Problem;

/// The most that one page holds.
pub(super) const MOST: usize = 200;
/// How many it holds where nobody says how many.
pub(super) const DEFAULT: usize = 50;

/// One page of a list.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct List<T> {
    /// What the page holds.
    pub(super) items: Vec<T>,
    /// Pass it as `cursor` to get the next page; `null` on the last.
    pub(super) next_cursor: Option<String>,
}

/// A key after which a page can begin; opaque to clients.
pub(super) trait CursorKey: Sized {
    fn to_cursor(&self) -> String;
    fn from_cursor(text: &str) -> Option<Self>;
}

macro_rules! id_cursors {
    ($($id:ty),*) => { $(
        impl CursorKey for $id {
            fn to_cursor(&self) -> String {
                URL_SAFE_NO_PAD.encode(self.0.as_bytes())
            }

            fn from_cursor(text: &str) -> Option<Self> {
                let bytes = URL_SAFE_NO_PAD.decode(text).ok()?;
                uuid::Uuid::from_slice(&bytes).ok().map(Self)
            }
        }
    )* };
}
/// An entry of the audit, by its id.
#[derive(Clone, Copy)]
pub(super) struct AuditKey(pub(super) uuid::Uuid);

id_cursors!(
    AuditKey,
    mission_core::TaskId,
    mission_core::RewardId,
    mission_core::ReviewId,
    mission_core::MissionId
);

/// How much of a list that only grows was seen.
#[derive(Clone, Copy)]
pub(super) struct Offset(pub(super) usize);

impl CursorKey for Offset {
    fn to_cursor(&self) -> String {
        URL_SAFE_NO_PAD.encode(self.0.to_string())
    }

    fn from_cursor(text: &str) -> Option<Self> {
        let digits = String::from_utf8(URL_SAFE_NO_PAD.decode(text).ok()?).ok()?;
        digits.parse().ok().map(Offset)
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
            K::from_cursor(text).ok_or_else(|| Problem::invalid_query("cursor", "is no cursor of this list"))
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
    List {
        items: found.into_iter().map(view).collect(),
        next_cursor,
    }
}
