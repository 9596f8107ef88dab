//! Who calls: bearer tokens, signed with one shared secret or with keys of a JWKS, never both.
//!
//! A token says who the user is (`sub`), until when (`exp`), and what they may do (`permissions`, or the role `admin`).
//! Its times are real time, whatever a test clock shows.

mod authenticator;
mod cache;
mod caller;
mod claims;
mod development;
mod error;
mod jwks;
mod key_set;
mod permission;
mod refusals;
#[cfg(test)]
mod tests;

pub use authenticator::{Authenticator, UnusableKeys};
pub use caller::Caller;
pub use development::{DEVELOPMENT_SECRET, development_token};
pub use error::AuthError;
pub use permission::{MissingPermission, Permission, PermissionSet};
