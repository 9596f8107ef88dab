//! Uploads that are refused, each with its code, and nothing of them left.

use std::time::Duration;

use axum::{
    http::StatusCode,
    response::{IntoResponse, Response},
};
use futures_util::{StreamExt, stream};

use super::{make::*, *};
use crate::http::Problem;

fn status(error: UploadError) -> (u16, String) {
    let told = error.to_string();
    let response: Response = Problem::from(error).into_response();
    (response.status().as_u16(), told)
}

/// Sends it to a store that takes a million bytes, and answers with what status and words it was refused.
async fn refused(content_type: Option<&str>, bytes: &[u8]) -> (u16, String) {
    let limits = Limits {
        max_bytes: 1_000_000,
        ..Limits::default()
    };
    let fixture = UploadFixture::with(limits);
    let error = fixture.take(content_type, bytes).await.expect_err("refused");
    assert!(fixture.names().is_empty(), "{error} left {:?}", fixture.names());
    status(error)
}

async fn check(name: &str, content_type: Option<&str>, bytes: &[u8], code: StatusCode, words: &str) {
    let (status, told) = refused(content_type, bytes).await;
    assert_eq!(status, code.as_u16(), "{name}: {told}");
    assert!(told.contains(words), "{name}: {told}");
}

const INVALID: StatusCode = StatusCode::UNPROCESSABLE_ENTITY;
const TYPE: StatusCode = StatusCode::UNSUPPORTED_MEDIA_TYPE;

#[tokio::test]
async fn what_is_no_evidence_by_its_bytes_is_refused() {
    let svg = b"<svg xmlns='http://www.w3.org/2000/svg'><script>alert(1)</script></svg>";
    let bomb = [zip(), vec![0; 100_000]].concat();
    for (name, claim, bytes) in [
        ("SVG with a script", Some("image/svg+xml"), &svg[..]),
        ("SVG that claims PNG", Some("image/png"), &svg[..]),
        (
            "a page",
            Some("text/html"),
            b"<!doctype html><script>alert(1)</script>",
        ),
        (
            "a page that claims an image",
            Some("image/gif"),
            b"<html>GIF89a</html>",
        ),
        ("an archive", Some("application/zip"), &zip()),
        ("an archive bomb that claims PDF", Some("application/pdf"), &bomb),
        (
            "a program",
            Some("application/octet-stream"),
            b"\x7fELF\x02\x01\x01\0\0\0\0\0\0\0\0\0\x02\0\x3e\0",
        ),
        ("a script", None, b"#!/bin/sh\nrm -rf /\n"),
    ] {
        check(name, claim, bytes, TYPE, "send image/png").await;
    }
}

#[tokio::test]
async fn what_claims_another_type_is_refused() {
    check(
        "PNG as JPEG",
        Some("image/jpeg"),
        &png(),
        TYPE,
        "claims to be `image/jpeg`",
    )
    .await;
    check(
        "PNG as a page",
        Some("text/html"),
        &png(),
        TYPE,
        "claims another type",
    )
    .await;
    check("MP4 as PNG", Some("image/png"), &mp4(), TYPE, "is `video/mp4`").await;
    check(
        "PNG as nonsense",
        Some("\u{1}"),
        &png(),
        TYPE,
        "claims another type",
    )
    .await;
}

#[tokio::test]
async fn a_type_that_is_not_allowed_is_refused() {
    let fixture = UploadFixture::with(Limits {
        types: vec![MediaType::Png],
        ..Limits::default()
    });
    let error = fixture
        .take(Some("image/jpeg"), &jpeg())
        .await
        .expect_err("refused");
    assert_eq!(status(error).0, 415);
    assert!(fixture.names().is_empty());
}

#[tokio::test]
async fn what_is_empty_or_cut_off_is_refused() {
    check("nothing", Some("image/png"), b"", INVALID, "empty").await;
    for (name, whole) in [
        ("PNG", png()),
        ("JPEG", jpeg()),
        ("WebP", webp()),
        ("GIF", gif()),
        ("MP4", mp4()),
        ("PDF", pdf()),
    ] {
        for part in [whole.len() / 2, whole.len() - 7] {
            check(name, None, &whole[..part], INVALID, "").await;
        }
    }
    check(
        "PNG without its end",
        None,
        &png()[..png().len() - 12],
        INVALID,
        "cut off",
    )
    .await;
    check("a head alone", None, &jpeg()[..20], INVALID, "").await;
}

#[tokio::test]
async fn what_cannot_be_decoded_is_refused() {
    let mut broken = png();
    let middle = broken.len() / 2;
    broken[middle..middle + 40].fill(0x55);
    check("broken data", None, &broken, INVALID, "broken").await;
    check("a PNG without data", None, &png_bomb(10, 10), INVALID, "decoded").await;
}

#[tokio::test]
async fn bombs_are_refused() {
    check(
        "60,000 x 60,000",
        Some("image/png"),
        &png_bomb(60_000, 60_000),
        INVALID,
        "60000 x 60000 pixels",
    )
    .await;
    check("long and thin", None, &png_bomb(4_000_000, 1000), INVALID, "").await;
    let mut gif = gif();
    gif[6..10].copy_from_slice(&[0xff; 4]);
    check(
        "a GIF of 65,535 x 65,535",
        None,
        &gif,
        INVALID,
        "65535 x 65535 pixels",
    )
    .await;
}

#[tokio::test]
async fn two_files_in_one_are_refused() {
    let page = b"<html><script>alert(1)</script></html>";
    for (name, image) in [
        ("PNG", png()),
        ("JPEG", jpeg()),
        ("WebP", webp()),
        ("GIF", gif()),
        ("MP4", mp4()),
        ("PDF", pdf()),
    ] {
        check(name, None, &[&image[..], &zip()].concat(), INVALID, "archive").await;
        check(name, None, &[&image[..], page].concat(), INVALID, "").await;
    }
    let hidden = with_segment(&jpeg(), 0xfe, &zip());
    check("an archive in a comment", None, &hidden, INVALID, "archive").await;
}

#[tokio::test]
async fn an_image_that_takes_too_long_is_refused() {
    let fixture = UploadFixture::with(Limits {
        decode_time: Duration::ZERO,
        ..Limits::default()
    });
    for image in [png(), gif(), webp()] {
        let error = fixture.take(None, &image).await.expect_err("refused");
        assert!(matches!(error, UploadError::TooSlow(_)), "{error}");
        assert_eq!(status(error).0, 422);
    }
    assert!(fixture.names().is_empty());
}

#[tokio::test]
async fn a_path_in_the_name_is_refused() {
    let fixture = UploadFixture::new();
    for name in [
        "../../etc/passwd",
        "/etc/passwd",
        "..\\boot.ini",
        "C:\\a.png",
        "..",
        "a\0.png",
        "a\r\nb",
        "c:x",
        "..%2f..%2fpasswd",
        "a%00.png",
    ] {
        let part = Part {
            content_type: Some("image/png"),
            file_name: Some(name),
            bytes: pieces(&png()),
        };
        let error = fixture.uploads.receive(part, now()).await.expect_err(name);
        let (status, told) = status(error);
        assert!(status == 422 && told.contains("plain name"), "{name:?}: {told}");
    }
    assert!(fixture.names().is_empty());
}

#[tokio::test]
async fn twice_the_limit_in_chunks_is_refused_before_it_has_all_come() {
    let fixture = UploadFixture::with(Limits {
        max_bytes: 100_000,
        ..Limits::default()
    });
    let head = form(
        "Content-Disposition: form-data; name=\"file\"; filename=\"a.png\"",
        &png(),
    );
    let head = head[..500].to_vec();
    let chunks = stream::iter(std::iter::once(head).chain(std::iter::repeat_n(vec![0; 1000], 200)));
    let (told, counted) = std::sync::mpsc::channel();
    let chunks = chunks.then(move |chunk| {
        told.send(chunk.len()).ok();
        async {
            // Bytes do not come all at once over a network.
            tokio::task::yield_now().await;
            Ok(Bytes::from(chunk))
        }
    });
    let error = fixture.send_form(chunks).await.expect_err("refused");
    let sent: usize = counted.try_iter().sum();
    assert!(
        matches!(error, UploadError::TooLarge { limit: 100_000 }),
        "{error}"
    );
    assert_eq!(status(error).0, 413);
    assert!((100_000..150_000).contains(&sent), "{sent}");
    assert!(fixture.names().is_empty());
}

#[tokio::test]
async fn a_body_that_breaks_off_is_refused() {
    let fixture = UploadFixture::new();
    let whole = form("Content-Disposition: form-data; name=\"file\"", &png());
    let cut = Bytes::copy_from_slice(&whole[..whole.len() - 30]);
    let error = fixture
        .send_form(stream::iter([Ok(cut.clone())]))
        .await
        .expect_err("refused");
    assert_eq!(status(error).0, 400);
    let broken = stream::iter([Ok(cut), Err(std::io::Error::other("reset"))]);
    let error = fixture.send_form(broken).await.expect_err("refused");
    assert_eq!(status(error).0, 400);
    assert!(fixture.names().is_empty());
}

#[tokio::test]
async fn a_form_without_exactly_one_file_is_refused() {
    let fixture = UploadFixture::new();
    let file = form("Content-Disposition: form-data; name=\"file\"", &png());
    let other = form("Content-Disposition: form-data; name=\"note\"", b"x");
    let open = file.len() - "--X--\r\n".len();
    for body in [
        b"--X--\r\n".to_vec(),
        other.clone(),
        [&file[..open], &other[..]].concat(),
        [&file[..open], &file[..]].concat(),
    ] {
        let error = fixture
            .send_form(stream::iter([Ok(body.into())]))
            .await
            .expect_err("refused");
        let (status, told) = status(error);
        assert!(
            status == 422 && told.contains("one part with the name `file`"),
            "{told}"
        );
    }
    assert!(fixture.names().is_empty());
    fixture
        .send_form(stream::iter([Ok(file.into())]))
        .await
        .expect("taken");
}
