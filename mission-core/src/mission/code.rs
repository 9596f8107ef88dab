//! A mission's code: the name by which packs, logs and other missions know it.

use serde::{Deserialize, Serialize};

/// A unique name of 1 to 64 characters out of `a-z`, `0-9` and `-`.
///
/// ```
/// use mission_core::mission::MissionCode;
/// assert!("watch-3-videos".parse::<MissionCode>().is_ok());
/// assert!("Watch 3".parse::<MissionCode>().is_err());
/// ```
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[cfg_attr(feature = "openapi", schema(value_type = String, pattern = "^[a-z0-9-]{1,64}$", example = "watch-3-videos"))]
pub struct MissionCode(String);

/// The text is no mission code.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not a code: use 1 to 64 characters out of a-z, 0-9 and -")]
pub struct InvalidCode(String);

impl MissionCode {
    /// The code as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl TryFrom<String> for MissionCode {
    type Error = InvalidCode;
    fn try_from(text: String) -> Result<Self, Self::Error> {
        let allowed = |c: u8| c.is_ascii_lowercase() || c.is_ascii_digit() || c == b'-';
        if (1..=64).contains(&text.len()) && text.bytes().all(allowed) {
            Ok(Self(text))
        } else {
            Err(InvalidCode(text.chars().take(80).collect()))
        }
    }
}

impl std::str::FromStr for MissionCode {
    type Err = InvalidCode;
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::try_from(text.to_owned())
    }
}

impl From<MissionCode> for String {
    fn from(code: MissionCode) -> String {
        code.0
    }
}

impl std::fmt::Display for MissionCode {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}
