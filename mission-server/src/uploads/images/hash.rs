//! How an image looks, in 64 bits.

use image::DynamicImage;
use image_hasher::{HashAlg, HasherConfig};

/// Images whose hashes differ in so many bits at most are near copies of each other, and worth a reviewer's look.
pub const NEAR_COPY: u32 = 6;

/// In how many of 64 bits two hashes differ. For two images that have nothing to do with each other it is about 32.
///
/// ```
/// use mission_server::uploads::{NEAR_COPY, distance};
/// assert_eq!(distance(0b1011, 0b0010), 2);
/// assert!(distance(0b1011, 0b0010) <= NEAR_COPY);
/// ```
#[must_use]
pub fn distance(one: u64, other: u64) -> u32 {
    (one ^ other).count_ones()
}

/// The hash by the gradients of brightness. It stays nearly the same when an image is scaled, compressed or brightened.
/// `None` for one plain colour, which says nothing.
pub(super) fn of(image: &DynamicImage) -> Option<u64> {
    // Large images in steps: the filter of the hash alone would be slow on them.
    let small;
    let image = if image.width().max(image.height()) > SIDE {
        small = image.thumbnail(SIDE, SIDE);
        &small
    } else {
        image
    };
    let hasher = HasherConfig::with_bytes_type::<[u8; 8]>()
        .hash_size(8, 8)
        .hash_alg(HashAlg::Gradient)
        .to_hasher();
    let hash = u64::from_be_bytes(hasher.hash_image(image).into_inner());
    Some(hash).filter(|hash| *hash != 0 && *hash != u64::MAX)
}

/// The longer side of what is hashed, in pixels.
const SIDE: u32 = 256;
