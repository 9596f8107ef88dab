//! A copy of a SQLite file, taken while servers read and write it.

use std::{
    fs::File,
    io,
    path::{Path, PathBuf},
    pin::pin,
    str::FromStr,
    time::Duration,
};

use chrono::{DateTime, Utc};
use sqlx::{ConnectOptions as _, Connection as _, Row as _, SqliteConnection, sqlite::SqliteConnectOptions};
use tempfile::NamedTempFile;

use super::connection::OpenError;
use crate::store::record::instant;

/// How often the listener of a copy hears how far it has come.
const TICK: Duration = Duration::from_millis(200);

/// What to do where the file of the copy is there already.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ExistingFile {
    /// Leave it, and copy nothing.
    Keep,
    /// Put the copy in its place, once the copy is whole.
    Replace,
}

/// How far a copy has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BackupProgress {
    /// It is being written.
    Copying {
        /// Bytes that are written.
        bytes: u64,
        /// Bytes of the database that are in use; what is written may end a little below.
        of_bytes: u64,
    },
    /// It is written, and looked through.
    Checking,
}

/// A copy that is in its place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Backup {
    /// Its size in bytes.
    pub bytes: u64,
    /// The newest migration of its schema.
    pub migration: i64,
    /// When the last command of its journal counted, by the servers' clock; `None` where the journal is empty.
    pub last_command_at: Option<DateTime<Utc>>,
}

/// Why there is no copy. Nothing is left of it then, and a file that was there before is as it was.
#[derive(Debug, thiserror::Error)]
pub enum BackupError {
    /// The database cannot be opened.
    #[error(transparent)]
    Open(#[from] OpenError),
    /// The file is a database of something else.
    #[error("`{url}` is no database of mission-server: it has no migrations")]
    Foreign {
        /// What was given.
        url: String,
    },
    /// There is a file of that name.
    #[error("`{}` is there already: name another file, or say that it is to be replaced", .0.display())]
    Exists(PathBuf),
    /// The copy was to replace the database.
    #[error("`{}` is the database itself: name another file", .0.display())]
    Itself(PathBuf),
    /// The file cannot be written.
    #[error("cannot write `{}`: {source}", .path.display())]
    Write {
        /// The file or its folder.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The database cannot be read, or what was read not be written.
    #[error("the database cannot be copied: {0}")]
    Copy(sqlx::Error),
    /// What was copied contradicts itself.
    #[error("the copy is damaged, and so, most likely, is the database: {0}")]
    Damaged(String),
}

/// Copies a database as of one moment into a file, and checks the copy. Whoever uses the database goes on; its write-ahead
/// log grows meanwhile. The copy has its name only once it is whole and on the disk, and can be read by its owner alone. It
/// has no room that rows have left, and so nothing of users who were erased before.
///
/// # Errors
/// See [`BackupError`].
pub async fn back_up(
    url: &str,
    to: &Path,
    existing: ExistingFile,
    progress: &mut (dyn FnMut(BackupProgress) + Send),
) -> Result<Backup, BackupError> {
    let mut source = Source::open(url).await?;
    let target = Target::prepare(to, existing, &source)?;
    source.copy(target.new.path(), progress).await?;
    progress(BackupProgress::Checking);
    let backup = check(target.new.path()).await?;
    target.put_in_place(existing)?;
    Ok(backup)
}

/// The database that is copied.
struct Source {
    connection: SqliteConnection,
    file: PathBuf,
    bytes_in_use: u64,
}

impl Source {
    async fn open(url: &str) -> Result<Self, BackupError> {
        let options =
            SqliteConnectOptions::from_str(url).map_err(|_| OpenError::NotAFile { url: url.to_owned() })?;
        let file = options.get_filename().to_owned();
        let opening = |source| OpenError::Open {
            url: url.to_owned(),
            source,
        };
        let mut connection = read_only(options).connect().await.map_err(opening)?;
        if newest_migration(&mut connection)
            .await
            .map_err(opening)?
            .is_none()
        {
            return Err(BackupError::Foreign { url: url.to_owned() });
        }
        let in_use = "SELECT (p.page_count - f.freelist_count) * s.page_size
            FROM pragma_page_count p, pragma_freelist_count f, pragma_page_size s";
        let bytes: i64 = sqlx::query_scalar(in_use)
            .fetch_one(&mut connection)
            .await
            .map_err(opening)?;
        Ok(Source {
            connection,
            file,
            bytes_in_use: u64::try_from(bytes).unwrap_or(0),
        })
    }

    /// Writes what is in use now into an empty file.
    async fn copy(
        &mut self,
        to: &Path,
        progress: &mut (dyn FnMut(BackupProgress) + Send),
    ) -> Result<(), BackupError> {
        let name = to.to_str().ok_or_else(|| BackupError::Write {
            path: to.to_owned(),
            source: io::Error::new(io::ErrorKind::InvalidFilename, "its path is no UTF-8"),
        })?;
        let copy = sqlx::query("VACUUM INTO ?").bind(name).persistent(false);
        let mut copying = pin!(copy.execute(&mut self.connection));
        loop {
            match tokio::time::timeout(TICK, copying.as_mut()).await {
                Ok(copied) => return copied.map(drop).map_err(BackupError::Copy),
                Err(_) => progress(BackupProgress::Copying {
                    bytes: to.metadata().map_or(0, |written| written.len()),
                    of_bytes: self.bytes_in_use,
                }),
            }
        }
    }
}

/// Where the copy is to be: beside it, until it is whole, it has another name.
struct Target {
    path: PathBuf,
    folder: PathBuf,
    new: NamedTempFile,
}

impl Target {
    fn prepare(path: &Path, existing: ExistingFile, source: &Source) -> Result<Self, BackupError> {
        if existing == ExistingFile::Keep && path.exists() {
            return Err(BackupError::Exists(path.to_owned()));
        }
        if let (Ok(target), Ok(source)) = (path.canonicalize(), source.file.canonicalize())
            && target == source
        {
            return Err(BackupError::Itself(path.to_owned()));
        }
        let parent = path.parent().filter(|parent| *parent != Path::new(""));
        let parent = parent.unwrap_or(Path::new("."));
        // SQLite takes a relative path for one of the folder in which the process began.
        let folder = parent.canonicalize().map_err(writing(parent))?;
        let new = tempfile::Builder::new()
            .prefix(".mission-backup-")
            .tempfile_in(&folder)
            .map_err(writing(&folder))?;
        Ok(Target {
            path: path.to_owned(),
            folder,
            new,
        })
    }

    /// Gives the copy its name, so that it has it after a power loss too.
    fn put_in_place(self, existing: ExistingFile) -> Result<(), BackupError> {
        let writing = writing(&self.path);
        // SQLite wrote through a descriptor of its own; the file is the same.
        self.new.as_file().sync_all().map_err(&writing)?;
        let named = match existing {
            ExistingFile::Keep => self.new.persist_noclobber(&self.path),
            ExistingFile::Replace => self.new.persist(&self.path),
        };
        match named {
            Ok(_) => sync_folder(&self.folder).map_err(writing),
            Err(error) if error.error.kind() == io::ErrorKind::AlreadyExists => {
                Err(BackupError::Exists(self.path.clone()))
            }
            Err(error) => Err(writing(error.error)),
        }
    }
}

#[cfg(unix)]
fn sync_folder(folder: &Path) -> io::Result<()> {
    File::open(folder)?.sync_all()
}

/// Elsewhere a folder is no file that can be synchronised.
#[cfg(not(unix))]
fn sync_folder(_: &Path) -> io::Result<()> {
    Ok(())
}

/// Looks through a copy, and reads what it holds.
async fn check(file: &Path) -> Result<Backup, BackupError> {
    let options = read_only(SqliteConnectOptions::new().filename(file));
    let mut copy = options.connect().await.map_err(BackupError::Copy)?;
    let found: Vec<String> = sqlx::query_scalar("PRAGMA integrity_check(3)")
        .fetch_all(&mut copy)
        .await
        .map_err(BackupError::Copy)?;
    if found != ["ok"] {
        return Err(BackupError::Damaged(found.join("; ")));
    }
    let last: Option<i64> =
        sqlx::query_scalar("SELECT recorded_at FROM journal ORDER BY number DESC LIMIT 1")
            .fetch_optional(&mut copy)
            .await
            .map_err(BackupError::Copy)?;
    let last_command_at = last
        .map(instant)
        .transpose()
        .map_err(|error| BackupError::Damaged(error.to_string()))?;
    let migration = newest_migration(&mut copy).await.map_err(BackupError::Copy)?;
    copy.close().await.map_err(BackupError::Copy)?;
    Ok(Backup {
        bytes: file.metadata().map_err(writing(file))?.len(),
        migration: migration.unwrap_or(0),
        last_command_at,
    })
}

/// The newest migration of a database of this program's, whatever its version; `None` of another's.
async fn newest_migration(connection: &mut SqliteConnection) -> Result<Option<i64>, sqlx::Error> {
    let tables =
        "SELECT count(*) FROM sqlite_schema WHERE type = 'table' AND name IN ('_sqlx_migrations', 'journal')";
    let tables: i64 = sqlx::query_scalar(tables).fetch_one(&mut *connection).await?;
    if tables < 2 {
        return Ok(None);
    }
    let newest = sqlx::query("SELECT max(version) FROM _sqlx_migrations");
    newest.fetch_one(connection).await?.try_get(0)
}

fn read_only(options: SqliteConnectOptions) -> SqliteConnectOptions {
    options
        .read_only(true)
        .create_if_missing(false)
        .pragma("cache_size", "-65536")
        .disable_statement_logging()
}

fn writing(path: &Path) -> impl Fn(io::Error) -> BackupError {
    let path = path.to_owned();
    move |source| BackupError::Write {
        path: path.clone(),
        source,
    }
}
