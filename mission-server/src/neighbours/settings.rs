//! Where the neighbours are, and how they are spoken to.

use ipnet::IpNet;
use secrecy::SecretString;
use url::Url;

use super::CallbackKey;

/// The neighbours' settings; none is needed. `Debug` shows no secret.
#[derive(Clone, Debug, Default)]
pub struct NeighbourSettings {
    /// Where IAM is; paths are added to it.
    pub iam: Option<Url>,
    /// Where the social service is.
    pub social: Option<Url>,
    /// Where the storage service is, if uploads are kept there.
    pub storage: Option<Url>,
    /// Where moderation is.
    pub moderation: Option<Url>,
    /// What moderation signs its callbacks with.
    pub moderation_secret: Option<CallbackKey>,
    /// Sent to each of them as a bearer token.
    pub token: Option<SecretString>,
    /// Addresses that may be called although they are link-local or serve metadata.
    pub allowed: Vec<IpNet>,
}
