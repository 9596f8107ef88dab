//! The types of files that can be taken, by what their bytes are.

use std::str::FromStr;

/// A type of file that this server can look into. Any other cannot be allowed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum MediaType {
    /// `image/png`
    Png,
    /// `image/jpeg`
    Jpeg,
    /// `image/webp`
    WebP,
    /// `image/gif`
    Gif,
    /// `video/mp4`
    Mp4,
    /// `application/pdf`
    Pdf,
}

impl MediaType {
    /// All of them; also what is taken by default.
    pub const ALL: [MediaType; 6] = [
        MediaType::Png,
        MediaType::Jpeg,
        MediaType::WebP,
        MediaType::Gif,
        MediaType::Mp4,
        MediaType::Pdf,
    ];

    /// The media type, such as `image/png`.
    #[must_use]
    pub fn content_type(self) -> &'static str {
        match self {
            MediaType::Png => "image/png",
            MediaType::Jpeg => "image/jpeg",
            MediaType::WebP => "image/webp",
            MediaType::Gif => "image/gif",
            MediaType::Mp4 => "video/mp4",
            MediaType::Pdf => "application/pdf",
        }
    }

    /// The ending of a file's name, without the dot.
    #[must_use]
    pub fn extension(self) -> &'static str {
        match self {
            MediaType::Png => "png",
            MediaType::Jpeg => "jpg",
            MediaType::WebP => "webp",
            MediaType::Gif => "gif",
            MediaType::Mp4 => "mp4",
            MediaType::Pdf => "pdf",
        }
    }

    /// Whether a browser shows it as a still or moving image.
    #[must_use]
    pub fn is_image(self) -> bool {
        !matches!(self, MediaType::Mp4 | MediaType::Pdf)
    }

    /// What the first bytes of a file say; 64 are enough.
    #[must_use]
    pub fn of_bytes(head: &[u8]) -> Option<Self> {
        let found = infer::get(head)?;
        Self::ALL
            .into_iter()
            .find(|kind| kind.content_type() == found.mime_type())
    }
}

/// The type that a part of a form claims to have; `None` where it claims none. The error is the claim in small letters.
pub(super) fn claimed(content_type: Option<&str>) -> Result<Option<MediaType>, String> {
    let claim = content_type.and_then(|text| text.split(';').next());
    let claim = claim.unwrap_or_default().trim().to_ascii_lowercase();
    match claim.as_str() {
        "" | "application/octet-stream" | "binary/octet-stream" => Ok(None),
        "image/jpg" | "image/pjpeg" => Ok(Some(MediaType::Jpeg)),
        "image/x-png" => Ok(Some(MediaType::Png)),
        "application/x-pdf" => Ok(Some(MediaType::Pdf)),
        claim => claim.parse().map(Some).map_err(|_| claim.to_owned()),
    }
}

impl FromStr for MediaType {
    type Err = String;

    /// Reads a media type such as `image/png`.
    ///
    /// ```
    /// # use mission_server::uploads::MediaType;
    /// assert_eq!("image/png".parse(), Ok(MediaType::Png));
    /// assert!("image/svg+xml".parse::<MediaType>().is_err());
    /// ```
    fn from_str(text: &str) -> Result<Self, String> {
        let known = Self::ALL.into_iter().find(|kind| kind.content_type() == text);
        known.ok_or_else(|| {
            let names = Self::ALL.map(MediaType::content_type).join(", ");
            format!("`{text}` is no type that this server can look into, which are {names}")
        })
    }
}
