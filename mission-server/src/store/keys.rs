//! The keys that a load or a look-up binds, one list for each part of its statement.

use mission_core::ports::store::Claim;
use uuid::Uuid;

/// Keys of one part, in the form of its table's key.
#[derive(Clone, Debug)]
pub(crate) enum Keys {
    Ids(Vec<Uuid>),
    IdPairs(Vec<(Uuid, Uuid)>),
    /// A user and a date in days since 1970, or a root and the number of a journal entry.
    Numbered(Vec<(Uuid, i64)>),
    Texts(Vec<String>),
    /// The kind of a claim and its key.
    Claims(Vec<(&'static str, Vec<u8>)>),
    /// A kind and an id.
    Sources(Vec<(String, Uuid)>),
}

impl Keys {
    pub(crate) fn of_claims<'c>(claims: impl Iterator<Item = &'c Claim>) -> Self {
        let keys = claims.map(Claim::storage_key);
        Keys::Claims(keys.map(|(kind, key)| (kind, key.into_bytes())).collect())
    }

    pub(crate) fn is_empty(&self) -> bool {
        match self {
            Keys::Ids(keys) => keys.is_empty(),
            Keys::IdPairs(keys) => keys.is_empty(),
            Keys::Numbered(keys) => keys.is_empty(),
            Keys::Texts(keys) => keys.is_empty(),
            Keys::Claims(keys) => keys.is_empty(),
            Keys::Sources(keys) => keys.is_empty(),
        }
    }
}
