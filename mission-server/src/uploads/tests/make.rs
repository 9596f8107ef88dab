//! Files for tests.

use std::io::Cursor;

use image::{
    DynamicImage, Frame, ImageFormat, Rgb, Rgb32FImage, codecs::gif::GifEncoder, codecs::jpeg::JpegEncoder,
    imageops::FilterType,
};

/// A picture with something to see; another for each number.
pub(super) fn picture(width: u32, height: u32, number: u32) -> DynamicImage {
    let blob = |x: f32, y: f32, n: u32| {
        let (cx, cy) = ((n * 37 % 100) as f32 / 100.0, (n * 61 % 100) as f32 / 100.0);
        (-((x - cx).powi(2) + (y - cy).powi(2)) * 18.0).exp()
    };
    let image = Rgb32FImage::from_fn(width, height, |x, y| {
        let (x, y) = (x as f32 / width as f32, y as f32 / height as f32);
        let light: f32 = (1..5).map(|n| blob(x, y, n * 3 + number * 7)).sum();
        let value = (light * 0.47).clamp(0.0, 1.0);
        Rgb([value, value / 2.0, 1.0 - value])
    });
    DynamicImage::from(image).to_rgb8().into()
}

pub(super) fn encoded(image: &DynamicImage, format: ImageFormat) -> Vec<u8> {
    let mut bytes = Cursor::new(Vec::new());
    image.write_to(&mut bytes, format).unwrap();
    bytes.into_inner()
}

pub(super) fn png() -> Vec<u8> {
    encoded(&picture(120, 80, 0), ImageFormat::Png)
}

pub(super) fn jpeg() -> Vec<u8> {
    jpeg_of(&picture(120, 80, 0), 90)
}

pub(super) fn jpeg_of(image: &DynamicImage, quality: u8) -> Vec<u8> {
    let mut bytes = Vec::new();
    JpegEncoder::new_with_quality(&mut bytes, quality)
        .encode_image(image)
        .unwrap();
    bytes
}

pub(super) fn webp() -> Vec<u8> {
    encoded(&picture(120, 80, 0), ImageFormat::WebP)
}

/// Two images that move.
pub(super) fn gif() -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut encoder = GifEncoder::new(&mut bytes);
    for number in 0..2 {
        encoder
            .encode_frame(Frame::new(picture(60, 40, number).to_rgba8()))
            .unwrap();
    }
    drop(encoder);
    bytes
}

pub(super) fn scaled(image: &DynamicImage, width: u32, height: u32) -> DynamicImage {
    image.resize_exact(width, height, FilterType::Lanczos3)
}

fn mp4_box(name: &[u8; 4], content: &[u8]) -> Vec<u8> {
    let length = u32::try_from(content.len() + 8).unwrap();
    [&length.to_be_bytes()[..], name, content].concat()
}

/// A video in its outermost shape.
pub(super) fn mp4() -> Vec<u8> {
    [
        mp4_box(b"ftyp", b"isom\0\0\x02\0isomiso2mp41"),
        mp4_box(b"moov", &mp4_box(b"mvhd", &[0; 100])),
        mp4_box(b"mdat", &[7; 5000]),
    ]
    .concat()
}

pub(super) fn pdf() -> Vec<u8> {
    b"%PDF-1.4\n1 0 obj<</Type/Catalog/Pages 2 0 R>>endobj\n2 0 obj<</Type/Pages/Kids[]/Count 0>>endobj\n\
      trailer<</Root 1 0 R>>\n%%EOF\n"
        .to_vec()
}

/// An archive with one empty file `a`.
pub(super) fn zip() -> Vec<u8> {
    let entry = |signature: &[u8], middle: &[u8]| [signature, middle].concat();
    let local = entry(
        b"PK\x03\x04",
        b"\x0a\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\x01\0\0\0a",
    );
    let central = entry(
        b"PK\x01\x02",
        b"\x0a\0\x0a\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\x01\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0a",
    );
    let end = entry(b"PK\x05\x06", b"\0\0\0\0\x01\0\x01\0\x2f\0\0\0\x1f\0\0\0\0\0");
    [local, central, end].concat()
}

/// CRC-32 of PNG.
fn crc(bytes: &[u8]) -> u32 {
    !bytes.iter().fold(u32::MAX, |crc, byte| {
        (0..8).fold(crc ^ u32::from(*byte), |crc, _| {
            if crc & 1 == 1 {
                (crc >> 1) ^ 0xedb8_8320
            } else {
                crc >> 1
            }
        })
    })
}

pub(super) fn png_chunk(name: &[u8; 4], content: &[u8]) -> Vec<u8> {
    let length = u32::try_from(content.len()).unwrap();
    let named = [name, content].concat();
    [&length.to_be_bytes()[..], &named, &crc(&named).to_be_bytes()].concat()
}

/// A PNG that claims so many pixels and has few bytes.
pub(super) fn png_bomb(width: u32, height: u32) -> Vec<u8> {
    let size = [width.to_be_bytes(), height.to_be_bytes()].concat();
    let header = png_chunk(b"IHDR", &[&size[..], &[8, 2, 0, 0, 0]].concat());
    // An empty stream of zlib.
    let data = png_chunk(b"IDAT", &[0x78, 0x9c, 3, 0, 0, 0, 0, 1]);
    [
        &b"\x89PNG\r\n\x1a\n"[..],
        &header,
        &data,
        &png_chunk(b"IEND", &[]),
    ]
    .concat()
}

/// Puts chunks behind the header of a PNG.
pub(super) fn with_chunks(png: &[u8], chunks: &[u8]) -> Vec<u8> {
    [&png[..33], chunks, &png[33..]].concat()
}

/// EXIF data of a photograph on its side, with the place where it was taken (48.858 north).
pub(super) fn exif() -> Vec<u8> {
    let mut exif = b"MM\0\x2a\0\0\0\x08".to_vec();
    // Two entries: orientation 6 (turn by 90 degrees), and where the GPS entries are.
    exif.extend_from_slice(
        b"\0\x02\x01\x12\0\x03\0\0\0\x01\0\x06\0\0\x88\x25\0\x04\0\0\0\x01\0\0\0\x26\0\0\0\0",
    );
    // Two GPS entries: the letter N, and three fractions at 68.
    exif.extend_from_slice(b"\0\x02\0\x01\0\x02\0\0\0\x02N\0\0\0\0\x02\0\x05\0\0\0\x03\0\0\0\x44\0\0\0\0");
    for fraction in [48_u32, 1, 51, 1, 2880, 100] {
        exif.extend_from_slice(&fraction.to_be_bytes());
    }
    exif
}

/// Puts a segment behind the start of a JPEG.
pub(super) fn with_segment(jpeg: &[u8], marker: u8, content: &[u8]) -> Vec<u8> {
    let length = u16::try_from(content.len() + 2).unwrap();
    [
        &jpeg[..2],
        &[0xff, marker],
        &length.to_be_bytes(),
        content,
        &jpeg[2..],
    ]
    .concat()
}

/// A form with one part.
pub(super) fn form(head: &str, bytes: &[u8]) -> Vec<u8> {
    [
        format!("--X\r\n{head}\r\n\r\n").as_bytes(),
        bytes,
        b"\r\n--X--\r\n",
    ]
    .concat()
}
