//! GIF without comments and foreign data.

use bytes::Bytes;

use super::{
    UploadError,
    clean::{cut_off, refuse_behind},
};

/// Extensions that say how often to repeat; others hold data of some program, such as where a photograph was taken.
const REPEAT: [&[u8]; 2] = [b"NETSCAPE2.0", b"ANIMEXTS1.0"];

/// The image as it is drawn, and nothing else.
pub(super) fn clean(bytes: &Bytes) -> Result<Bytes, UploadError> {
    let mut reader = Reader { bytes, at: 0 };
    let mut cleaned = Vec::with_capacity(bytes.len());
    let head = reader.take(13)?;
    cleaned.extend_from_slice(head);
    cleaned.extend_from_slice(reader.take(colours(head[10]))?);
    loop {
        let from = reader.at;
        let is_kept = match reader.byte()? {
            0x2c => {
                let flags = reader.take(9)?[8];
                reader.take(colours(flags))?;
                // How many bits a code has at first.
                reader.byte()?;
                reader.blocks()?;
                true
            }
            0x21 => {
                let kind = reader.byte()?;
                let first = reader.at;
                reader.blocks()?;
                match kind {
                    // How the next image is drawn.
                    0xf9 => true,
                    0xff => REPEAT.contains(&bytes.get(first + 1..first + 12).unwrap_or_default()),
                    _ => false,
                }
            }
            0x3b => {
                cleaned.push(0x3b);
                refuse_behind(&bytes[reader.at..])?;
                return Ok(cleaned.into());
            }
            _ => {
                return Err(UploadError::invalid(
                    "the image is broken: it has a part of no known kind",
                ));
            }
        };
        if is_kept {
            cleaned.extend_from_slice(&bytes[from..reader.at]);
        }
    }
}

/// The bytes of a table of colours that flags announce.
fn colours(flags: u8) -> usize {
    if flags & 0x80 == 0 {
        0
    } else {
        3 << ((flags & 7) + 1)
    }
}

struct Reader<'b> {
    bytes: &'b [u8],
    at: usize,
}

impl<'b> Reader<'b> {
    fn take(&mut self, count: usize) -> Result<&'b [u8], UploadError> {
        let taken = self.bytes.get(self.at..self.at + count).ok_or_else(cut_off)?;
        self.at += count;
        Ok(taken)
    }

    fn byte(&mut self) -> Result<u8, UploadError> {
        self.take(1).map(|taken| taken[0])
    }

    /// Blocks of up to 255 bytes, up to an empty one.
    fn blocks(&mut self) -> Result<(), UploadError> {
        loop {
            match self.byte()? {
                0 => return Ok(()),
                count => self.take(usize::from(count))?,
            };
        }
    }
}
