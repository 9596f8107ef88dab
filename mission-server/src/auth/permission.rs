//! What a caller may do besides being a user.

/// A permission, as tokens name it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Permission {
    /// `events:write`: tell of activity events.
    EventsWrite,
    /// `missions:write`: make and change missions and packs, try rules.
    MissionsWrite,
    /// `rewards:write`: revoke rewards.
    RewardsWrite,
    /// `reviews:write`: see and decide reviews.
    ReviewsWrite,
    /// `analytics:read`: read figures over all users.
    AnalyticsRead,
    /// `users:write`: describe users.
    UsersWrite,
    /// `users:read`: see a user's profile, tasks, rewards, calendar and ledger.
    UsersRead,
    /// `audit:read`: see who changed what.
    AuditRead,
    /// `messages:read`: see events that could not leave, and messages of other services that could not be taken.
    MessagesRead,
    /// `messages:write`: have them tried again, or drop the latter.
    MessagesWrite,
    /// `webhooks:write`: see, make and change webhooks, and have their deliveries made again.
    WebhooksWrite,
}

impl Permission {
    /// Every permission.
    pub const ALL: [Permission; 11] = [
        Permission::EventsWrite,
        Permission::MissionsWrite,
        Permission::RewardsWrite,
        Permission::ReviewsWrite,
        Permission::AnalyticsRead,
        Permission::UsersWrite,
        Permission::UsersRead,
        Permission::AuditRead,
        Permission::MessagesRead,
        Permission::MessagesWrite,
        Permission::WebhooksWrite,
    ];

    /// The name in a token.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Permission::EventsWrite => "events:write",
            Permission::MissionsWrite => "missions:write",
            Permission::RewardsWrite => "rewards:write",
            Permission::ReviewsWrite => "reviews:write",
            Permission::AnalyticsRead => "analytics:read",
            Permission::UsersWrite => "users:write",
            Permission::UsersRead => "users:read",
            Permission::AuditRead => "audit:read",
            Permission::MessagesRead => "messages:read",
            Permission::MessagesWrite => "messages:write",
            Permission::WebhooksWrite => "webhooks:write",
        }
    }

    /// The permission of a name, if there is one.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL
            .into_iter()
            .find(|permission| permission.as_str() == name)
    }

    const fn bit(self) -> u16 {
        1 << self as u8
    }
}

impl std::fmt::Display for Permission {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A set of permissions.
///
/// ```
/// use mission_server::auth::{Permission, PermissionSet};
/// let set: PermissionSet = [Permission::EventsWrite].into_iter().collect();
/// assert!(set.contains(Permission::EventsWrite) && !set.contains(Permission::UsersWrite));
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct PermissionSet(u16);

impl PermissionSet {
    /// Every permission, as the role `admin` has.
    #[must_use]
    pub fn all() -> Self {
        Permission::ALL.into_iter().collect()
    }

    /// Whether a permission is among them.
    #[must_use]
    pub const fn contains(self, permission: Permission) -> bool {
        self.0 & permission.bit() != 0
    }

    /// Whether there are none.
    #[must_use]
    pub const fn is_empty(self) -> bool {
        self.0 == 0
    }
}

impl FromIterator<Permission> for PermissionSet {
    fn from_iter<I: IntoIterator<Item = Permission>>(permissions: I) -> Self {
        PermissionSet(
            permissions
                .into_iter()
                .fold(0, |bits, permission| bits | permission.bit()),
        )
    }
}

/// The caller lacks a permission.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("this needs the permission `{0}`")]
pub struct MissingPermission(pub Permission);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_permission_has_a_name_and_a_place_of_its_own() {
        for permission in Permission::ALL {
            assert_eq!(Permission::named(permission.as_str()), Some(permission));
            let alone: PermissionSet = [permission].into_iter().collect();
            let held: Vec<_> = Permission::ALL
                .into_iter()
                .filter(|other| alone.contains(*other))
                .collect();
            assert_eq!(held, [permission]);
        }
        assert_eq!(Permission::named("missions:*"), None);
        assert!(PermissionSet::default().is_empty());
    }
}
