//! What the core needs from outside: a store, rule scripts, a clock, ids, a bus; and the services around it: who users
//! are (IAM), who is friends with whom (social), where files are kept (storage), whether an upload is good (moderation).
//! A mining service needs no port of its own: it is told by the [`bus`], and asks with [`queries`].

pub mod bus;
pub mod clock;
pub mod iam;
pub mod moderation;
pub mod queries;
pub mod rate_limit;
pub mod rules;
pub mod social;
pub mod storage;
pub mod store;
