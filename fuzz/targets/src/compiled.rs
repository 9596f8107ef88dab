//! A compiled hook gives what the interpreter gives, or leaves it to the interpreter: the input chooses a script, a
//! context and limits.

/// Compares the two.
///
/// # Panics
/// When they differ.
pub fn compiled(bytes: &[u8]) {
    mission_rules::testing::compare(bytes);
}
