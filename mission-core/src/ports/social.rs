//! Who is friends with whom, which another service keeps.

use std::sync::Arc;

use async_trait::async_trait;

use crate::UserId;

/// A user's friends beyond so many are left out.
pub const MOST_FRIENDS: usize = 5_000;

/// A user's friends cannot be asked for at the moment.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the user's friends are not known at the moment: {reason}")]
pub struct SocialError {
    /// Why, for the log.
    pub reason: String,
}

/// Knows who is friends with whom.
///
/// ```
/// use std::sync::Arc;
/// use mission_core::{UserId, ports::social::{Social, SocialError}};
///
/// /// Nobody has friends.
/// struct Nobody;
///
/// #[async_trait::async_trait]
/// impl Social for Nobody {
///     async fn friends(&self, _: UserId) -> Result<Arc<[UserId]>, SocialError> {
///         Ok(Arc::new([]))
///     }
///
///     fn forget(&self, _: UserId) {}
/// }
///
/// let anna = UserId(uuid::uuid!("0190163d-8694-739b-aea5-966c26f8ad91"));
/// assert_eq!(pollster::block_on(Nobody.friends(anna)).map(|friends| friends.len()), Ok(0));
/// ```
#[async_trait]
pub trait Social: Send + Sync {
    /// A user's friends, each once, without the user; at most [`MOST_FRIENDS`].
    ///
    /// # Errors
    /// When the service is away.
    async fn friends(&self, user: UserId) -> Result<Arc<[UserId]>, SocialError>;

    /// Lets go of what is kept of a user: they were erased.
    fn forget(&self, user: UserId);
}
