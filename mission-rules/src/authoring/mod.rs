//! What tools for authors show of the language of scripts: fields, functions and hooks, and where they stand in a
//! script that may be half written.

mod context_fields;
mod hooks;
mod language_functions;
mod outline;

pub use context_fields::field_description;
pub use hooks::hook_description;
pub use language_functions::{LANGUAGE_FUNCTIONS, LanguageFunction, language_function};
pub use outline::{Chain, ScriptFunction, ScriptOutline};
