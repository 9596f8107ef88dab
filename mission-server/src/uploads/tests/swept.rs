//! What nobody refers to is removed after a while, and a store that fails leaves nothing.

use chrono::TimeDelta;
use uuid::Uuid;

use super::{make::*, *};

#[tokio::test]
async fn unused_files_are_swept_after_their_time() {
    let fixture = UploadFixture::new();
    let used = fixture.take(None, &png()).await.unwrap();
    let unused = fixture.take(None, &pdf()).await.unwrap();
    let folder = fixture.folder.path();
    std::fs::write(folder.join("README"), "of the operator").unwrap();
    std::fs::write(folder.join(format!("{}#1", Uuid::nil())), "a broken write").unwrap();
    let (real, day) = (Utc::now(), TimeDelta::days(1));
    let sweep = async |now| {
        let use_of = |id| {
            let is_needed = id == used.id.0;
            let found = if is_needed {
                FileUse::Needed
            } else {
                FileUse::Unnamed
            };
            std::future::ready(Ok::<_, UploadError>(found))
        };
        fixture.uploads.sweep(now, day, use_of).await.unwrap()
    };
    assert_eq!(sweep(real).await, 0);
    assert_eq!(fixture.names().len(), 4);
    assert_eq!(sweep(real + day + TimeDelta::minutes(1)).await, 2);
    let mut names = fixture.names();
    names.sort();
    assert_eq!(names, [used.id.0.to_string(), "README".to_owned()]);
    assert!(matches!(
        fixture.uploads.store().unwrap().stat(unused.id.0).await,
        Err(UploadError::NotFound)
    ));
}

#[tokio::test]
async fn a_file_of_an_erased_user_is_swept_however_new_it_is() {
    let fixture = UploadFixture::new();
    let erased = fixture.take(None, &png()).await.unwrap();
    let of_somebody = fixture.take(None, &pdf()).await.unwrap();
    let use_of = |id| {
        let is_erased = id == erased.id.0;
        let found = if is_erased {
            FileUse::Erased
        } else {
            FileUse::Needed
        };
        std::future::ready(Ok::<_, UploadError>(found))
    };
    let now = Utc::now() + TimeDelta::seconds(1);
    let swept = fixture.uploads.sweep(now, TimeDelta::days(1), use_of).await;
    assert_eq!(swept.unwrap(), 1);
    assert_eq!(fixture.names(), [of_somebody.id.0.to_string()]);
}

#[tokio::test]
async fn bytes_that_break_off_leave_nothing_in_the_store() {
    let fixture = UploadFixture::new();
    for bytes in [64 << 10, 12 << 20] {
        let pieces = (0..bytes / (64 << 10)).map(|_| Ok(Bytes::from_static(&[1; 64 << 10])));
        let broken = Err(std::io::Error::other("broken"));
        let broken = stream::iter(pieces.chain([broken]));
        let put = fixture
            .uploads
            .store()
            .unwrap()
            .write(Uuid::nil(), "application/pdf", Box::pin(broken))
            .await;
        assert!(matches!(put, Err(UploadError::Temporary(_))), "{put:?}");
        assert!(fixture.names().is_empty(), "{:?}", fixture.names());
    }
}

#[tokio::test]
async fn a_store_that_is_away_is_told_as_such() {
    let fixture = UploadFixture::new();
    let gone = fixture.folder.path().to_owned();
    std::fs::remove_dir_all(&gone).unwrap();
    let error = fixture.take(None, &png()).await.expect_err("away");
    let response = axum::response::IntoResponse::into_response(error);
    assert_eq!(response.status(), 503);
}
