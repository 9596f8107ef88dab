//! Where files are kept, as it is written in the configuration.

use std::{fmt, path::PathBuf, str::FromStr};

use url::Url;

use super::UploadError;

/// Where files are kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Location {
    /// A folder of this machine; made when there is none.
    Folder(PathBuf),
    /// A bucket or container: `s3://`, `gs://` or `az://`, with a prefix as its path. Credentials come from the
    /// environment, as the provider's own tools read them.
    Bucket(Url),
    /// A storage service: `http://` or `https://`.
    Service(Url),
}

const HELP: &str = "write `file://FOLDER` (relative to the working directory), `file:///ABSOLUTE/FOLDER`, \
                    `s3://BUCKET/PREFIX`, `gs://BUCKET/PREFIX`, `az://CONTAINER/PREFIX`, or `https://HOST` of a storage service";

impl FromStr for Location {
    type Err = UploadError;

    /// Reads an address or the path of a folder.
    ///
    /// ```
    /// # use mission_server::uploads::Location;
    /// assert_eq!("file://files".parse::<Location>().unwrap(), Location::Folder("files".into()));
    /// assert!("ftp://host/files".parse::<Location>().is_err());
    /// ```
    fn from_str(text: &str) -> Result<Self, UploadError> {
        let refused = |why: &str| Err(UploadError::Location(format!("{why}; {HELP}")));
        let Some((scheme, rest)) = text.split_once("://") else {
            return match text.trim() {
                "" => refused("is empty"),
                path => Ok(Location::Folder(PathBuf::from(path))),
            };
        };
        let feature = match scheme {
            "file" if rest.is_empty() => return refused("names no folder"),
            "file" => return Ok(Location::Folder(PathBuf::from(rest))),
            "s3" => ("s3", cfg!(feature = "s3")),
            "gs" => ("gcs", cfg!(feature = "gcs")),
            "az" => ("azure", cfg!(feature = "azure")),
            "http" | "https" => ("", true),
            _ => return refused("is no place for files that this server knows"),
        };
        if let (name, false) = feature {
            return refused(&format!(
                "asks for `{scheme}://`, which this server was built without (feature `{name}`)"
            ));
        }
        match Url::parse(text) {
            Ok(url) if !url.username().is_empty() || url.password().is_some() => {
                // The text itself may hold a password.
                refused(
                    "must hold no credentials: they come from the provider's own variables, or MISSION_SERVICE_TOKEN",
                )
            }
            Ok(url) if url.query().is_some() || url.fragment().is_some() => {
                refused("must have no query and no fragment")
            }
            Ok(url) if url.has_host() && matches!(scheme, "http" | "https") => Ok(Location::Service(url)),
            Ok(url) if url.has_host() => Ok(Location::Bucket(url)),
            _ => refused("names no bucket"),
        }
    }
}

impl fmt::Display for Location {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Location::Folder(path) => write!(f, "file://{}", path.display()),
            Location::Bucket(url) | Location::Service(url) => f.write_str(url.as_str()),
        }
    }
}
