//! How an image looks, in 64 bits.

use image::DynamicImage;
use image_hasher::{HashAlg, HasherConfig};
use mission_core::task::PerceptualHash;

/// The hash by the gradients of brightness. It stays nearly the same when an image is scaled, compressed or brightened.
/// `None` for one plain colour, which says nothing.
pub(super) fn of(image: &DynamicImage) -> Option<PerceptualHash> {
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
    Some(hash)
        .filter(|hash| *hash != 0 && *hash != u64::MAX)
        .map(PerceptualHash)
}

/// The longer side of what is hashed, in pixels.
const SIDE: u32 = 256;
