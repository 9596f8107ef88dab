//! Uploads, from bytes to a file in a store or an error and an empty store.

mod bucket;
mod hostile;
mod kept;
mod make;
mod served;
mod swept;

use std::path::Path;

use axum::{
    body::Body,
    extract::{FromRequest, Multipart},
    http::{Request, header},
};
use bytes::Bytes;
use chrono::{DateTime, Utc};
use futures_util::{Stream, TryStreamExt, stream};

use mission_core::task::UploadedFile;

use super::*;

/// Uploads into a folder of a test's own.
struct UploadFixture {
    folder: tempfile::TempDir,
    uploads: Uploads,
}

impl UploadFixture {
    fn new() -> Self {
        Self::with(Limits::default())
    }

    fn with(limits: Limits) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let store = FileStore::open(&Location::Folder(folder.path().to_owned())).unwrap();
        let uploads = Uploads::new(store, limits, LinkSigner::new(b"secret"));
        UploadFixture { folder, uploads }
    }

    /// What the store holds, whatever its name.
    fn names(&self) -> Vec<String> {
        names_in(self.folder.path())
    }

    async fn take(&self, content_type: Option<&str>, bytes: &[u8]) -> Result<UploadedFile, UploadError> {
        let part = Part {
            content_type,
            file_name: Some("evidence"),
            bytes: pieces(bytes),
        };
        self.uploads.receive(part, now()).await
    }

    async fn read(&self, file: &UploadedFile) -> Vec<u8> {
        let bytes = self.uploads.store().unwrap().get(file.id.0, None).await.unwrap();
        let bytes: Vec<Bytes> = bytes.try_collect().await.unwrap();
        bytes.concat()
    }

    /// Sends a form as a client would, in pieces and without a length.
    async fn send_form(
        &self,
        form: impl Stream<Item = Result<Bytes, std::io::Error>> + Send + 'static,
    ) -> Result<UploadedFile, UploadError> {
        let request = Request::post("/").header(header::CONTENT_TYPE, "multipart/form-data; boundary=X");
        let request = request.body(Body::from_stream(form)).unwrap();
        let form = Multipart::from_request(request, &()).await.unwrap();
        self.uploads.receive_form(form, now()).await
    }
}

fn names_in(folder: &Path) -> Vec<String> {
    let entries = std::fs::read_dir(folder).unwrap();
    entries
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect()
}

fn now() -> DateTime<Utc> {
    "2026-01-05T10:00:00Z".parse().unwrap()
}

/// Bytes as they come over a network.
fn pieces(bytes: &[u8]) -> impl Stream<Item = Result<Bytes, UploadError>> + use<> {
    let pieces: Vec<_> = bytes
        .chunks(1000)
        .map(|piece| Ok(Bytes::copy_from_slice(piece)))
        .collect();
    stream::iter(pieces)
}
