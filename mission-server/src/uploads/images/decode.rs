//! Decodes an image within limits of pixels, memory and time.

use std::{
    io::{BufRead, Cursor, Error, ErrorKind, Read, Result as IoResult, Seek, SeekFrom},
    time::Instant,
};

use image::{
    AnimationDecoder, DynamicImage, Frames, ImageDecoder, ImageError, ImageFormat, ImageReader,
    codecs::{gif::GifDecoder, webp::WebPDecoder},
    metadata::Orientation,
};

use super::{Limits, MediaType, UploadError};

/// Memory that one image may take: a colour image of the most pixels, with some room.
const MEMORY: u64 = 256 << 20;

/// How an image is to be turned. Reads no more than its head, and refuses one with too many pixels.
pub(super) fn orientation(
    bytes: &[u8],
    kind: MediaType,
    limits: &Limits,
) -> Result<Orientation, UploadError> {
    let mut decoder = reader(Cursor::new(bytes), kind).into_decoder().map_err(refused)?;
    check_pixels(&decoder, limits)?;
    Ok(decoder.orientation().unwrap_or(Orientation::NoTransforms))
}

/// The image, or the first of several. All are decoded.
pub(super) fn decode(
    bytes: &[u8],
    kind: MediaType,
    limits: &Limits,
    deadline: Instant,
) -> Result<DynamicImage, UploadError> {
    let source = DeadlineReader {
        source: Cursor::new(bytes),
        deadline,
    };
    let decoded = match kind {
        MediaType::Gif => moving(source, limits, deadline, |source| {
            GifDecoder::new(source).map(|decoder| (decoder, true))
        }),
        MediaType::WebP => moving(source, limits, deadline, |source| {
            WebPDecoder::new(source).map(|decoder| {
                let moves = decoder.has_animation();
                (decoder, moves)
            })
        }),
        kind => reader(source, kind)
            .into_decoder()
            .map_err(refused)
            .and_then(still),
    };
    decoded.map_err(|error| in_time(error, limits, deadline))
}

fn reader<R: BufRead + Seek>(source: R, kind: MediaType) -> ImageReader<R> {
    let format = match kind {
        MediaType::Png => ImageFormat::Png,
        MediaType::Jpeg => ImageFormat::Jpeg,
        MediaType::WebP => ImageFormat::WebP,
        _ => ImageFormat::Gif,
    };
    let mut reader = ImageReader::with_format(source, format);
    reader.limits(memory());
    reader
}

fn memory() -> image::Limits {
    let mut limits = image::Limits::default();
    limits.max_alloc = Some(MEMORY);
    limits
}

fn check_pixels(decoder: &impl ImageDecoder, limits: &Limits) -> Result<(), UploadError> {
    let (width, height) = decoder.dimensions();
    if u64::from(width) * u64::from(height) > limits.max_pixels || decoder.total_bytes() > MEMORY {
        return Err(UploadError::invalid(format!(
            "the image has {width} x {height} pixels, more than the {} that are taken",
            limits.max_pixels
        )));
    }
    Ok(())
}

fn still(decoder: impl ImageDecoder) -> Result<DynamicImage, UploadError> {
    DynamicImage::from_decoder(decoder).map_err(refused)
}

/// Decodes what may have many images.
fn moving<'s, R, D>(
    source: R,
    limits: &Limits,
    deadline: Instant,
    open: impl FnOnce(R) -> Result<(D, bool), ImageError>,
) -> Result<DynamicImage, UploadError>
where
    D: ImageDecoder + AnimationDecoder<'s>,
{
    let (mut decoder, moves) = open(source).map_err(refused)?;
    decoder.set_limits(memory()).map_err(refused)?;
    check_pixels(&decoder, limits)?;
    if moves {
        first_of(decoder.into_frames(), limits, deadline)
    } else {
        still(decoder)
    }
}

fn first_of(frames: Frames<'_>, limits: &Limits, deadline: Instant) -> Result<DynamicImage, UploadError> {
    let mut first = None;
    for frame in frames {
        let frame = frame.map_err(refused)?;
        if Instant::now() >= deadline {
            return Err(UploadError::TooSlow(limits.decode_time));
        }
        first.get_or_insert_with(|| frame.into_buffer());
    }
    first
        .map(DynamicImage::from)
        .ok_or_else(|| UploadError::invalid("the image is empty"))
}

fn refused(error: ImageError) -> UploadError {
    match error {
        ImageError::Limits(_) => UploadError::invalid("the image would take too much memory to decode"),
        error => UploadError::invalid(format!("the image cannot be decoded: {error}")),
    }
}

/// An error after the deadline is one of the deadline.
fn in_time(error: UploadError, limits: &Limits, deadline: Instant) -> UploadError {
    if Instant::now() >= deadline {
        UploadError::TooSlow(limits.decode_time)
    } else {
        error
    }
}

/// A reader that fails after a deadline, so that a decoder stops.
struct DeadlineReader<R> {
    source: R,
    deadline: Instant,
}

impl<R> DeadlineReader<R> {
    fn check(&self) -> IoResult<()> {
        if Instant::now() >= self.deadline {
            return Err(Error::new(ErrorKind::TimedOut, "the time to decode is over"));
        }
        Ok(())
    }
}

impl<R: Read> Read for DeadlineReader<R> {
    fn read(&mut self, into: &mut [u8]) -> IoResult<usize> {
        self.check()?;
        self.source.read(into)
    }
}

impl<R: BufRead> BufRead for DeadlineReader<R> {
    fn fill_buf(&mut self) -> IoResult<&[u8]> {
        self.check()?;
        self.source.fill_buf()
    }

    fn consume(&mut self, count: usize) {
        self.source.consume(count);
    }
}

impl<R: Seek> Seek for DeadlineReader<R> {
    fn seek(&mut self, to: SeekFrom) -> IoResult<u64> {
        self.source.seek(to)
    }
}
