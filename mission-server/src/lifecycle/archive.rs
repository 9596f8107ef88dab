//! The archive of what was kept for a time, in a folder or a bucket.

use std::{collections::BTreeMap, sync::Arc};

use bytes::Bytes;
use chrono::{DateTime, Utc};
use futures_util::TryStreamExt as _;
use mission_core::UserId;
use object_store::{ObjectStore, ObjectStoreExt as _, path::Path};
use serde::Deserialize;

use crate::{
    store::{OverdueRows, RetainedTable},
    uploads::{Location, UploadError, open_archive},
};

/// Where rows are written before they go: JSON Lines, a folder a table and day.
pub(super) struct Archive {
    store: Arc<dyn ObjectStore>,
    prefix: Path,
}

impl Archive {
    pub(super) fn open(location: &Location) -> Result<Self, UploadError> {
        let (store, prefix) = open_archive(location)?;
        Ok(Archive { store, prefix })
    }

    /// Writes rows into a file that is named by them: who dies before they are removed writes the same file again.
    pub(super) async fn write(&self, rows: &OverdueRows) -> object_store::Result<()> {
        let day = rows.oldest.date_naive().to_string();
        let file = format!("{}.jsonl", rows.range());
        let path = [name(rows.table), &day, &file]
            .into_iter()
            .fold(self.prefix.clone(), Path::join);
        let mut text = String::new();
        for line in &rows.lines {
            text.push_str(&line.to_string());
            text.push('\n');
        }
        self.store.put(&path, Bytes::from(text).into()).await?;
        Ok(())
    }

    /// Takes the lines of some users out of all files, and answers how many there were. A file of which nothing is left goes.
    pub(super) async fn erase(&self, users: &BTreeMap<UserId, DateTime<Utc>>) -> object_store::Result<u64> {
        let mut erased = 0;
        for table in [RetainedTable::Journal, RetainedTable::ExpiredTasks] {
            let folder = self.prefix.clone().join(name(table));
            let mut files = self.store.list(Some(&folder));
            while let Some(file) = files.try_next().await? {
                if file.location.extension() == Some("jsonl") {
                    erased += self.erase_from(&file.location, users).await?;
                }
            }
        }
        Ok(erased)
    }

    async fn erase_from(
        &self,
        path: &Path,
        users: &BTreeMap<UserId, DateTime<Utc>>,
    ) -> object_store::Result<u64> {
        let bytes = match self.store.get(path).await {
            Ok(file) => file.bytes().await?,
            // Another server has taken the last line out of it.
            Err(object_store::Error::NotFound { .. }) => return Ok(0),
            Err(error) => return Err(error),
        };
        let mut kept = Vec::with_capacity(bytes.len());
        let mut erased = 0;
        for line in bytes.split_inclusive(|byte| *byte == b'\n') {
            match owner(line) {
                Some(user) if users.contains_key(&user) => erased += 1,
                _ => kept.extend_from_slice(line),
            }
        }
        if kept.is_empty() && erased > 0 {
            self.store.delete(path).await?;
        } else if erased > 0 {
            self.store.put(path, Bytes::from(kept).into()).await?;
        }
        Ok(erased)
    }
}

/// Whose a line is: a journal entry is its root's, a task its user's.
fn owner(line: &[u8]) -> Option<UserId> {
    #[derive(Deserialize)]
    struct Line {
        root: Option<LineRoot>,
        user_id: Option<UserId>,
    }
    #[derive(Deserialize)]
    struct LineRoot {
        kind: String,
        id: UserId,
    }
    let line: Line = serde_json::from_slice(line).ok()?;
    let root = line.root.filter(|root| root.kind == "user").map(|root| root.id);
    root.or(line.user_id)
}

/// The folder of a table.
pub(super) fn name(table: RetainedTable) -> &'static str {
    match table {
        RetainedTable::Journal => "journal",
        RetainedTable::ExpiredTasks => "expired_tasks",
    }
}
