//! Journal entries and expired tasks go when their time is over, into an archive first where there is one.

use std::{sync::Arc, time::Duration};

use chrono::{DateTime, TimeDelta, Utc};
use mission_core::{UserId, ports::store::StoreError};
use tokio_util::sync::CancellationToken;

use super::archive::{Archive, name};
use crate::{
    config::RetentionSettings,
    store::{RetainedTable, maintenance::Maintenance},
    uploads::UploadError,
};

/// Rows that are removed together: one file of the archive each, and no commit waits for long.
const TOGETHER: usize = 1_000;
/// The pause after each: at most ten thousand rows a second go.
const PAUSE: Duration = Duration::from_millis(100);
/// Erased users whom the archive is looked through for at once.
const ERASED_TOGETHER: usize = 100_000;
/// What another server reads of a user before the erasure is in the archive by then.
const ON_ITS_WAY: TimeDelta = TimeDelta::hours(1);

/// Removes what is kept for a time, once that is over.
#[derive(Clone)]
pub(super) struct RetentionJob {
    maintenance: Arc<dyn Maintenance>,
    kept: [(RetainedTable, Option<Duration>); 2],
    archive: Option<Arc<Archive>>,
}

/// Why the job ended early; what it has removed until then is archived.
#[derive(Debug, thiserror::Error)]
pub(super) enum RetentionError {
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error("the archive cannot be written: {0}")]
    Archive(#[from] object_store::Error),
}

impl RetentionJob {
    pub(super) fn new(
        maintenance: Arc<dyn Maintenance>,
        settings: &RetentionSettings,
    ) -> Result<Self, UploadError> {
        let archive = settings.archive.as_ref().map(Archive::open).transpose()?;
        Ok(RetentionJob {
            maintenance,
            kept: [
                (RetainedTable::Journal, settings.journal),
                (RetainedTable::ExpiredTasks, settings.expired_tasks),
            ],
            archive: archive.map(Arc::new),
        })
    }

    /// Removes what is over now, until nothing is left of it or the server stops. Answers how many rows went.
    pub(super) async fn run_once(
        &self,
        now: DateTime<Utc>,
        stop: &CancellationToken,
    ) -> Result<u64, RetentionError> {
        let mut removed = 0;
        for (table, kept) in self.kept {
            let Some(before) = kept
                .and_then(|kept| TimeDelta::from_std(kept).ok())
                .and_then(|kept| now.checked_sub_signed(kept))
            else {
                continue;
            };
            while !stop.is_cancelled()
                && let Some(rows) = self.maintenance.overdue(table, before, TOGETHER).await?
            {
                if let Some(archive) = &self.archive {
                    archive.write(&rows).await?;
                }
                let count = rows.lines.len() as u64;
                self.maintenance.remove_overdue(rows).await?;
                metrics::counter!("mission_retention_removed_total", "table" => name(table)).increment(count);
                removed += count;
                let _ = stop.run_until_cancelled(tokio::time::sleep(PAUSE)).await;
            }
        }
        if let Some(archive) = &self.archive {
            self.erase_from(archive, now, stop).await?;
        }
        Ok(removed)
    }

    /// Takes what the archive tells of erased users out of it. A user is looked for until the archive was looked through once
    /// with nothing of theirs on its way into it.
    async fn erase_from(
        &self,
        archive: &Archive,
        now: DateTime<Utc>,
        stop: &CancellationToken,
    ) -> Result<(), RetentionError> {
        let erased = self.maintenance.archive_erasures(ERASED_TOGETHER).await?;
        if erased.is_empty() {
            return Ok(());
        }
        let Some(lines) = stop.run_until_cancelled(archive.erase(&erased)).await else {
            return Ok(());
        };
        let lines = lines?;
        if lines > 0 {
            tracing::info!(lines, "what the archive told of erased users is gone");
        }
        let settled = erased.iter().filter(|(_, at)| **at <= now - ON_ITS_WAY);
        let settled: Vec<UserId> = settled.map(|(user, _)| *user).collect();
        if !settled.is_empty() {
            self.maintenance.erased_from_archive(&settled).await?;
        }
        Ok(())
    }
}

#[cfg(test)]
#[cfg(feature = "sqlite")]
mod tests {
    use std::{
        fs,
        path::{Path as Folder, PathBuf},
    };

    use mission_core::{ports::store::Store as _, testing::user};

    use super::*;
    use crate::{
        store::{
            sqlite::{SqliteOptions, SqliteStore},
            tests::builders::{change, erasure, noon},
        },
        uploads::Location,
    };

    const KEPT: Duration = Duration::from_secs(10 * 86_400);

    /// A store with the entries of three days.
    async fn store(folder: &Folder) -> SqliteStore {
        let url = format!("sqlite://{}", folder.join("mission.db").display());
        let store = SqliteStore::open(&url, SqliteOptions::default()).await.unwrap();
        for day in 0..3 {
            let mut one = change(day, 0);
            one.journal[0].request.at = noon() + TimeDelta::days(day.cast_signed());
            store.commit(&[one]).await.unwrap();
        }
        store
    }

    fn job(store: &SqliteStore, kept: Option<Duration>, archive: Option<&Folder>) -> RetentionJob {
        let settings = RetentionSettings {
            journal: kept,
            expired_tasks: kept,
            archive: archive.map(|folder| Location::Folder(folder.to_owned())),
        };
        RetentionJob::new(Arc::new(store.clone()), &settings).unwrap()
    }

    async fn run(job: &RetentionJob, days: i64) -> Result<u64, RetentionError> {
        job.run_once(noon() + TimeDelta::days(days), &CancellationToken::new())
            .await
    }

    #[tokio::test]
    async fn what_goes_is_archived_first() {
        let folder = tempfile::tempdir().unwrap();
        let archive = folder.path().join("archive");
        let store = store(folder.path()).await;
        let job = job(&store, Some(KEPT), Some(&archive));
        assert_eq!(run(&job, 10).await.unwrap(), 0, "nothing is older than ten days");
        assert_eq!(run(&job, 12).await.unwrap(), 2);
        let day = archive.join("journal").join(noon().date_naive().to_string());
        let files: Vec<_> = fs::read_dir(day)
            .unwrap()
            .map(|file| file.unwrap().path())
            .collect();
        assert_eq!(files.len(), 1);
        let text = fs::read_to_string(&files[0]).unwrap();
        assert_eq!(
            text.lines().filter(|line| line.contains("RegisterUser")).count(),
            2,
            "{text}"
        );
        assert_eq!(run(&job, 12).await.unwrap(), 0, "they are gone");
    }

    #[tokio::test]
    async fn what_cannot_be_archived_stays() {
        let folder = tempfile::tempdir().unwrap();
        let archive = folder.path().join("archive");
        let store = store(folder.path()).await;
        let archiving = job(&store, Some(KEPT), Some(&archive));
        fs::write(archive.join("journal"), "no folder").unwrap();
        let failed = run(&archiving, 100).await.unwrap_err();
        assert!(
            failed.to_string().contains("the archive cannot be written"),
            "{failed}"
        );
        let plain = job(&store, Some(KEPT), None);
        assert_eq!(run(&plain, 100).await.unwrap(), 3, "all of it was still there");
    }

    #[tokio::test]
    async fn what_is_kept_for_ever_stays() {
        let folder = tempfile::tempdir().unwrap();
        let store = store(folder.path()).await;
        assert_eq!(run(&job(&store, None, None), 100_000).await.unwrap(), 0);
    }

    /// The lines of all files of the journal's archive.
    fn archived(archive: &Folder) -> Vec<String> {
        let files = |folder: PathBuf| {
            fs::read_dir(folder)
                .into_iter()
                .flatten()
                .map(|entry| entry.unwrap().path())
        };
        let texts = files(archive.join("journal"))
            .flat_map(files)
            .map(|file| fs::read_to_string(file).unwrap());
        texts
            .flat_map(|text| text.lines().map(str::to_owned).collect::<Vec<_>>())
            .collect()
    }

    #[tokio::test]
    async fn an_erased_user_goes_from_the_archive_too() {
        let folder = tempfile::tempdir().unwrap();
        let archive = folder.path().join("archive");
        let store = store(folder.path()).await;
        let job = job(&store, Some(KEPT), Some(&archive));
        run(&job, 12).await.unwrap();
        let of = |who: u64| {
            let id = user(who).to_string();
            archived(&archive)
                .iter()
                .filter(|line| line.contains(&id))
                .count()
        };
        assert_eq!((of(0), of(1)), (1, 1));
        fs::write(archive.join("journal/README.md"), "of the operator").unwrap();

        let at = noon() + TimeDelta::days(13) - TimeDelta::minutes(30);
        let mut erasing = erasure(0, 1);
        erasing.journal[0].request.at = at;
        store.commit(&[erasing]).await.unwrap();
        run(&job, 13).await.unwrap();
        assert_eq!((of(0), of(1)), (0, 1), "others stay");
        // A line of theirs that another server had read before is written late.
        let line = format!("{{\"root\":{{\"kind\":\"user\",\"id\":\"{}\"}}}}\n", user(0));
        fs::create_dir_all(archive.join("journal/2026-01-05")).unwrap();
        fs::write(archive.join("journal/2026-01-05/late.jsonl"), line).unwrap();
        run(&job, 14).await.unwrap();
        assert_eq!(of(0), 0);
        assert!(
            !archive.join("journal/2026-01-05/late.jsonl").exists(),
            "an empty file goes"
        );
        assert!(archive.join("journal/README.md").exists());
        assert!(
            store.archive_erasures(10).await.unwrap().is_empty(),
            "they are done with"
        );
    }
}
