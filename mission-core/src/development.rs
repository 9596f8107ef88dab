//! What development servers and the tools for them agree on.

/// The secret that development servers take tokens by (HS256), and that `mission token` signs with. Everybody knows
/// it, so it protects nothing.
pub const DEVELOPMENT_SECRET: &str = "mission-development-secret-do-not-use-in-production";
