//! Uploads that are taken, and what is kept of them.

use image::{GenericImageView, ImageDecoder, ImageFormat, ImageReader, metadata::Orientation};
use mission_core::task::PerceptualHash;
use sha2::{Digest, Sha256};

use super::{make::*, *};

#[tokio::test]
async fn every_type_is_taken_and_can_be_read() {
    let fixture = UploadFixture::new();
    for (kind, bytes) in [
        (MediaType::Png, png()),
        (MediaType::Jpeg, jpeg()),
        (MediaType::WebP, webp()),
        (MediaType::Gif, gif()),
        (MediaType::Mp4, mp4()),
        (MediaType::Pdf, pdf()),
    ] {
        for claim in [
            Some(kind.content_type()),
            Some("application/octet-stream"),
            Some(""),
            None,
        ] {
            let file = fixture.take(claim, &bytes).await.unwrap();
            assert_eq!(file.content_type, kind.content_type());
            assert_eq!(file.sha256.0, <[u8; 32]>::from(Sha256::digest(&bytes)));
            assert_eq!(file.perceptual_hash.is_some(), kind.is_image());
            assert_eq!(file.id.0.get_version_num(), 7);
            let kept = fixture.read(&file).await;
            assert_eq!(file.size_bytes, kept.len() as u64);
            assert_eq!(
                fixture.uploads.store().unwrap().kind(file.id.0).await.unwrap(),
                Some(kind)
            );
            if kind.is_image() {
                let (sent, kept) = (image::load_from_memory(&bytes), image::load_from_memory(&kept));
                assert_eq!(sent.unwrap(), kept.unwrap());
            } else {
                assert_eq!(kept, bytes);
            }
        }
    }
    assert_eq!(fixture.names().len(), 24);
}

#[tokio::test]
async fn a_file_of_several_parts_is_written_whole() {
    let fixture = UploadFixture::new();
    let mut video = mp4();
    let media = vec![9; 12 << 20];
    video.extend_from_slice(&u32::try_from(media.len() + 8).unwrap().to_be_bytes());
    video.extend_from_slice(b"mdat");
    video.extend_from_slice(&media);
    let file = fixture.take(Some("video/mp4"), &video).await.expect("taken");
    assert!(fixture.read(&file).await == video);
    assert_eq!(fixture.names(), [file.id.0.to_string()]);
}

#[tokio::test]
async fn exactly_the_limit_is_taken() {
    let bytes = png();
    let limits = |max_bytes| Limits {
        max_bytes,
        ..Limits::default()
    };
    let size = bytes.len() as u64;
    assert!(UploadFixture::with(limits(size)).take(None, &bytes).await.is_ok());
    let refused = UploadFixture::with(limits(size - 1)).take(None, &bytes).await;
    assert!(matches!(refused, Err(UploadError::TooLarge { .. })));
}

fn holds(bytes: &[u8], part: &[u8]) -> bool {
    bytes.windows(part.len()).any(|window| window == part)
}

/// The three fractions of a degree of the test's EXIF data.
fn place() -> Vec<u8> {
    exif()[68..].to_vec()
}

fn orientation(bytes: &[u8]) -> Orientation {
    let reader = ImageReader::new(std::io::Cursor::new(bytes))
        .with_guessed_format()
        .unwrap();
    reader.into_decoder().unwrap().orientation().unwrap()
}

#[tokio::test]
async fn where_a_photograph_was_taken_is_taken_out_and_how_it_is_turned_stays() {
    let in_jpeg = with_segment(&jpeg(), 0xe1, &[b"Exif\0\0", &exif()[..]].concat());
    let in_png = with_chunks(&png(), &png_chunk(b"eXIf", &exif()));
    let in_webp = {
        let webp = webp();
        let canvas = [
            &[0x08, 0, 0, 0][..],
            &119_u32.to_le_bytes()[..3],
            &79_u32.to_le_bytes()[..3],
        ]
        .concat();
        let chunk = |name: &[u8; 4], content: &[u8]| {
            let length = u32::try_from(content.len()).unwrap();
            [name, &length.to_le_bytes()[..], content].concat()
        };
        let body = [
            b"WEBP",
            &chunk(b"VP8X", &canvas)[..],
            &webp[12..],
            &chunk(b"EXIF", &exif()),
        ]
        .concat();
        chunk(b"RIFF", &body)
    };
    for (name, photograph) in [("JPEG", in_jpeg), ("PNG", in_png), ("WebP", in_webp)] {
        assert!(holds(&photograph, &place()), "{name}");
        assert_eq!(orientation(&photograph), Orientation::Rotate90, "{name}");
        let fixture = UploadFixture::new();
        let file = fixture.take(None, &photograph).await.expect(name);
        let kept = fixture.read(&file).await;
        assert!(
            !holds(&kept, &place()) && !holds(&kept, &exif()[22..34]),
            "{name}"
        );
        assert_eq!(orientation(&kept), Orientation::Rotate90, "{name}");
        assert_eq!(
            image::load_from_memory(&kept).unwrap(),
            image::load_from_memory(&photograph).unwrap()
        );
        assert_eq!(file.sha256.0, <[u8; 32]>::from(Sha256::digest(&photograph)));
    }
}

#[tokio::test]
async fn other_metadata_is_taken_out_too() {
    const XMP: &[u8] = b"<x:xmpmeta>exif:GPSLatitude</x:xmpmeta>";
    let text = [b"XML:com.adobe.xmp\0\0\0\0\0", XMP].concat();
    let gif = gif();
    let head = 13 + 3 * (2 << (gif[10] & 7)) * usize::from(gif[10] >> 7);
    let foreign = [
        b"\x21\xff\x0bXMP DataXMP",
        &[u8::try_from(XMP.len()).unwrap()][..],
        XMP,
        b"\0",
    ]
    .concat();
    for (name, photograph) in [
        (
            "JPEG",
            with_segment(&jpeg(), 0xe1, &[b"http://ns.adobe.com/xap/1.0/\0", XMP].concat()),
        ),
        ("JPEG comment", with_segment(&jpeg(), 0xfe, XMP)),
        ("PNG", with_chunks(&png(), &png_chunk(b"iTXt", &text))),
        ("unknown PNG", with_chunks(&png(), &png_chunk(b"prIv", XMP))),
        ("GIF", [&gif[..head], &foreign, &gif[head..]].concat()),
    ] {
        let fixture = UploadFixture::new();
        let file = fixture.take(None, &photograph).await.expect(name);
        assert!(!holds(&fixture.read(&file).await, XMP), "{name}");
    }
}

#[tokio::test]
async fn what_cameras_put_behind_an_image_is_left_away() {
    let fixture = UploadFixture::new();
    let alone = fixture.take(None, &jpeg()).await.expect("taken");
    let alone = fixture.read(&alone).await;
    for behind in [jpeg(), mp4(), vec![0; 100]] {
        let file = fixture
            .take(None, &[jpeg(), behind].concat())
            .await
            .expect("taken");
        assert_eq!(fixture.read(&file).await, alone);
    }
}

#[tokio::test]
async fn near_copies_have_near_hashes_and_others_have_not() {
    let fixture = UploadFixture::new();
    let hash = async |bytes: Vec<u8>| fixture.take(None, &bytes).await.unwrap().perceptual_hash.unwrap();
    let original = picture(640, 480, 0);
    let first = hash(encoded(&original, ImageFormat::Png)).await;
    let half = scaled(&original, 320, 240);
    let cut = original.view(6, 4, 628, 472).to_image();
    for (name, copy) in [
        ("scaled", encoded(&half, ImageFormat::Png)),
        (
            "stretched",
            encoded(&scaled(&original, 500, 480), ImageFormat::Png),
        ),
        ("compressed", jpeg_of(&half, 30)),
        ("brightened", encoded(&original.brighten(15), ImageFormat::WebP)),
        ("cut", encoded(&cut.into(), ImageFormat::Png)),
    ] {
        let distance = first.distance(hash(copy).await);
        assert!(distance <= PerceptualHash::NEAR, "{name}: {distance}");
    }
    for number in 1..6 {
        let other = hash(encoded(&picture(640, 480, number), ImageFormat::Png)).await;
        assert!(
            first.distance(other) > 2 * PerceptualHash::NEAR,
            "{number}: {}",
            first.distance(other)
        );
    }
    let plain = image::DynamicImage::new_rgb8(50, 50);
    let plain = fixture
        .take(None, &encoded(&plain, ImageFormat::Png))
        .await
        .unwrap();
    assert_eq!(plain.perceptual_hash, None);
}
