//! A real bucket, which `MISSION_TEST_BUCKET` names, such as `s3://mission-test/uploads`, with the provider's variables
//! for where it is and who may use it. Nothing else may use the prefix meanwhile.

use chrono::TimeDelta;
use mission_core::{
    FileId,
    ports::storage::{Storage, StorageError},
};
use uuid::Uuid;

use super::{make::*, *};

fn bucket() -> Uploads {
    let location = std::env::var("MISSION_TEST_BUCKET").expect("MISSION_TEST_BUCKET names a bucket");
    let store = FileStore::open(&location.parse().unwrap()).unwrap();
    Uploads::new(store, Limits::default(), LinkSigner::new(b"secret"))
}

async fn take(uploads: &Uploads, bytes: &[u8]) -> UploadedFile {
    let part = Part {
        content_type: None,
        file_name: None,
        bytes: pieces(bytes),
    };
    uploads.receive(part, now()).await.unwrap()
}

async fn read(store: &FileStore, file: &UploadedFile, range: Option<std::ops::Range<u64>>) -> Vec<u8> {
    let bytes = store.get(file.id.0, range).await.unwrap();
    let bytes: Vec<Bytes> = bytes.try_collect().await.unwrap();
    bytes.concat()
}

#[tokio::test]
#[ignore = "needs a bucket: MISSION_TEST_BUCKET"]
async fn a_bucket_keeps_files_links_to_them_and_lets_them_go() {
    let uploads = bucket();
    let store = uploads.store().unwrap();
    // Of one part, and of several.
    let document = pdf();
    let mut video = mp4();
    let media = vec![9; 12 << 20];
    video.extend_from_slice(&u32::try_from(media.len() + 8).unwrap().to_be_bytes());
    video.extend_from_slice(b"mdat");
    video.extend_from_slice(&media);
    let (small, large) = (take(&uploads, &document).await, take(&uploads, &video).await);
    assert_eq!(read(store, &small, None).await, document);
    assert!(read(store, &large, None).await == video);
    assert_eq!(read(store, &small, Some(1..4)).await, document[1..4]);
    assert_eq!(
        store.stat(large.id.0).await.unwrap().size_bytes,
        video.len() as u64
    );
    assert_eq!(store.kind(large.id.0).await.unwrap(), Some(MediaType::Mp4));

    let link = uploads
        .link(&small, now(), std::time::Duration::from_secs(60))
        .await;
    let answer = reqwest::get(link.unwrap()).await.unwrap();
    assert_eq!(answer.status(), 200);
    assert_eq!(answer.headers()["content-type"], "application/pdf");
    assert_eq!(answer.bytes().await.unwrap(), document);

    let broken = [
        Ok(Bytes::from(vec![1; 6 << 20])),
        Err(std::io::Error::other("broken")),
    ];
    let nobody = Uuid::now_v7();
    let written = store
        .write(nobody, "application/pdf", Box::pin(stream::iter(broken)))
        .await;
    assert!(matches!(written, Err(UploadError::Temporary(_))), "{written:?}");
    assert!(matches!(store.stat(nobody).await, Err(UploadError::NotFound)));

    let use_of = |id| {
        let is_needed = id == small.id.0;
        let found = if is_needed {
            FileUse::Needed
        } else {
            FileUse::Unnamed
        };
        std::future::ready(Ok::<_, UploadError>(found))
    };
    let day = TimeDelta::days(1);
    assert_eq!(uploads.sweep(Utc::now(), day, use_of).await.unwrap(), 0);
    let later = Utc::now() + day + TimeDelta::minutes(1);
    assert_eq!(uploads.sweep(later, day, use_of).await.unwrap(), 1);
    assert!(matches!(store.stat(large.id.0).await, Err(UploadError::NotFound)));
    for _ in 0..2 {
        assert_eq!(store.delete(small.id).await, Ok(()));
    }
    assert!(matches!(store.stat(small.id.0).await, Err(UploadError::NotFound)));
}

#[tokio::test]
#[ignore = "needs a bucket: MISSION_TEST_BUCKET"]
async fn a_bucket_that_is_not_there_is_unavailable() {
    let location = std::env::var("MISSION_TEST_BUCKET").expect("MISSION_TEST_BUCKET names a bucket");
    let (scheme, _) = location.split_once("://").unwrap();
    let nowhere = format!("{scheme}://mission-{}", Uuid::now_v7());
    let store = FileStore::open(&nowhere.parse().unwrap()).unwrap();
    let bytes = Box::pin(stream::iter([Ok(Bytes::from_static(b"%PDF-"))]));
    let written = store.write(Uuid::now_v7(), "application/pdf", bytes).await;
    let error = StorageError::from(written.unwrap_err());
    assert!(matches!(error, StorageError::Unavailable { .. }), "{error:?}");
    assert!(store.delete(FileId(Uuid::now_v7())).await.is_ok());
}
