//! Files that users upload as evidence: received as a stream, judged by their bytes, kept in a store, and handed out by
//! signed links.
//!
//! [`Uploads`] is what a route needs: [`Uploads::receive_form`] takes a `multipart/form-data` body with one field
//! `file`; [`Uploads::link`] makes an address under which the file can be read for a while; [`files_router`] serves such
//! addresses; [`Uploads::sweep`] removes what nobody refers to.
//!
//! The route needs a body limit of its own, `DefaultBodyLimit::max(uploads.limits().body_limit())`, and must not be behind
//! a layer that reads the whole body; the temporary file begins to fill with the first bytes.
//!
//! A file goes through a nameless temporary file first, so a refused or broken upload leaves nothing behind, not even
//! after `kill -9`. Only what was found to be whole and harmless reaches the store.
//!
//! ```
//! use mission_server::uploads::{FileStore, LinkSigner, Limits, Location, Part, Uploads, UploadError};
//! use futures_util::stream;
//!
//! # async fn example() -> Result<(), UploadError> {
//! # let folder = tempfile::tempdir().map_err(UploadError::temporary)?;
//! # let address = format!("file://{}", folder.path().display());
//! let location: Location = address.parse()?; // such as `file:///var/lib/mission/files`
//! let store = FileStore::open(&location)?;
//! let uploads = Uploads::new(store, Limits::default(), LinkSigner::new(b"a secret of the server"));
//!
//! let bytes = stream::iter([Ok::<_, UploadError>("<script>alert(1)</script>".into())]);
//! let part = Part { content_type: Some("image/png"), file_name: Some("cat.png"), bytes };
//! let now = chrono::DateTime::UNIX_EPOCH; // the clock's time
//! let refused = uploads.receive(part, now).await;
//! assert!(matches!(refused, Err(UploadError::UnsupportedType { .. })));
//! # Ok(())
//! # }
//! # tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(example()).unwrap();
//! ```

mod check;
mod content;
mod error;
mod files;
mod images;
mod inspect;
mod limits;
mod location;
mod media_type;
mod mp4;
mod open;
mod pdf;
mod range;
mod receive;
mod sign;
mod spool;
mod store;
mod sweep;
#[cfg(test)]
mod tests;
mod trailing_data;

pub use error::UploadError;
pub use files::files_router;
pub use limits::Limits;
pub use location::Location;
pub use media_type::MediaType;
pub(crate) use open::open_archive;
pub use receive::{Part, Uploads};
pub use sign::{InvalidLink, LinkSigner};
pub use store::{FileStore, StoredFile};
pub use sweep::FileUse;
