//! Where uploaded files are kept, which another service may do.

use std::{io, sync::Arc, time::Duration};

use async_trait::async_trait;
use bytes::Bytes;
use futures_core::stream::BoxStream;

use crate::{FileId, task::UploadedFile};

/// The bytes of a file, as a stream.
pub type FileStream = BoxStream<'static, io::Result<Bytes>>;

/// The content of a file. It can be read more than once, so that a failed transfer can be tried again.
pub trait FileContent: Send + Sync {
    /// Its length in bytes.
    fn size_bytes(&self) -> u64;

    /// Reads it from the beginning.
    ///
    /// # Errors
    /// When it cannot be read any more.
    fn open(&self) -> io::Result<FileStream>;
}

/// A file that is to be kept.
#[derive(Clone)]
pub struct NewFile {
    /// Its id, which also tells a repetition from another file.
    pub id: FileId,
    /// Its media type, such as `image/png`.
    pub content_type: String,
    /// A name for whoever downloads it, such as `<id>.png`.
    pub file_name: String,
    /// What it holds.
    pub content: Arc<dyn FileContent>,
}

/// A file that is kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeptFile {
    /// Its id from now on.
    pub id: FileId,
    /// What the storage calls it, where that is another name.
    pub stored_as: Option<String>,
    /// Its length in bytes.
    pub size_bytes: u64,
}

/// A file cannot be kept or had.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum StorageError {
    /// There is no such file.
    #[error("there is no such file")]
    NotFound,
    /// The storage is away, or refuses.
    #[error("files cannot be kept or read at the moment: {reason}")]
    Unavailable {
        /// Why, for the log.
        reason: String,
    },
}

/// Keeps files, and makes links to them.
///
/// ```
/// use std::{collections::BTreeMap, sync::Mutex, time::Duration};
/// use mission_core::{FileId, task::UploadedFile};
/// use mission_core::ports::storage::{KeptFile, NewFile, Storage, StorageError};
///
/// /// Remembers how long files were.
/// #[derive(Default)]
/// struct Lengths(Mutex<BTreeMap<FileId, u64>>);
///
/// #[async_trait::async_trait]
/// impl Storage for Lengths {
///     async fn put(&self, file: NewFile) -> Result<KeptFile, StorageError> {
///         let size_bytes = file.content.size_bytes();
///         self.0.lock().unwrap().insert(file.id, size_bytes);
///         Ok(KeptFile { id: file.id, stored_as: None, size_bytes })
///     }
///
///     async fn signed_url(&self, file: &UploadedFile, _: Duration) -> Result<Option<String>, StorageError> {
///         let known = self.0.lock().unwrap().contains_key(&file.id);
///         if known { Ok(Some(format!("https://files.example/{}", file.id))) } else { Err(StorageError::NotFound) }
///     }
///
///     async fn delete(&self, file: FileId) -> Result<(), StorageError> {
///         self.0.lock().unwrap().remove(&file);
///         Ok(())
///     }
/// }
/// ```
#[async_trait]
pub trait Storage: Send + Sync {
    /// Keeps a file. On an error nothing is left of it that anybody could see.
    ///
    /// # Errors
    /// When it cannot be kept, or its content cannot be read.
    async fn put(&self, file: NewFile) -> Result<KeptFile, StorageError>;

    /// An address under which a file can be read for `ttl` from now on; `None` where the storage makes none, so that
    /// whoever uses it has to serve files.
    ///
    /// # Errors
    /// [`StorageError::NotFound`] where it is known that there is no such file, else when no link can be made.
    async fn signed_url(&self, file: &UploadedFile, ttl: Duration) -> Result<Option<String>, StorageError>;

    /// Removes a file that nobody needs, as far as the storage lets go of files. One that is not there counts as removed.
    ///
    /// # Errors
    /// When it cannot be removed now.
    async fn delete(&self, file: FileId) -> Result<(), StorageError>;
}
