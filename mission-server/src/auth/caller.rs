//! The caller of a request, as far as the token tells.

use mission_core::{UserId, check_in::Zone};

use super::{MissingPermission, Permission, PermissionSet};

/// The authenticated caller with their permissions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Caller {
    /// The user (`sub`).
    pub user: UserId,
    /// What they may do besides; the role `admin` has everything.
    pub permissions: PermissionSet,
    /// The zone that the token asks for (`zoneinfo`), if it names a known one.
    pub zone: Option<Zone>,
}

impl Caller {
    /// Whether the caller has a permission.
    #[must_use]
    pub const fn has(&self, permission: Permission) -> bool {
        self.permissions.contains(permission)
    }

    /// Demands a permission.
    ///
    /// # Errors
    /// When the caller lacks it.
    pub fn require(&self, permission: Permission) -> Result<(), MissingPermission> {
        if self.has(permission) {
            Ok(())
        } else {
            Err(MissingPermission(permission))
        }
    }

    /// Whether this is a service or an operator, who is exempt from rate limits.
    #[must_use]
    pub const fn is_privileged(&self) -> bool {
        !self.permissions.is_empty()
    }
}
