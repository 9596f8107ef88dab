//! What the core needs from outside: a store, rule scripts, a clock, ids, a bus; and what it is shown with: who users
//! are, and who is friends with whom.

pub mod bus;
pub mod clock;
pub mod iam;
pub mod queries;
pub mod rate_limit;
pub mod rules;
pub mod social;
pub mod store;
