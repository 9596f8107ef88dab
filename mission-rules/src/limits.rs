//! What one script may use.

use std::time::Duration;

/// Limits of one script: bytes when it is compiled, work and memory when a hook is evaluated.
///
/// The data limits hold for every value, counted through all its depths. What one evaluation can hold at once is
/// therefore at most `call_depth * variables` values of these sizes. They hold for what a script takes out of its
/// context as well, so they should not be below what an event may carry. Zero means *nothing at all*, never *no limit*.
///
/// ```
/// use mission_rules::Limits;
/// let limits = Limits { operations: 5_000, ..Limits::default() };
/// assert!(limits.script_bytes > 0);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// The longest source, in bytes; default 16 KiB. The interpreter's optimizer takes time quadratic in it.
    pub script_bytes: usize,
    /// Functions that one script may define; default 64.
    pub functions: usize,
    /// Operations of one evaluation, roughly one for each statement, expression and call; default 50,000. This is the
    /// limit that decides: it is the same on every machine.
    pub operations: u64,
    /// Wall time of one evaluation; default 100 ms. A safety net under the operations, for scripts whose single
    /// operations are slow: it is looked at every [`TIME_CHECK_OPERATIONS`] operations, so that a short script never
    /// fails because the machine was busy.
    pub wall_time: Duration,
    /// Function calls within each other; default 16.
    pub call_depth: usize,
    /// Expressions and statements within each other, in one function; default 32.
    pub expression_depth: usize,
    /// Variables alive at once in one call, its parameters included; default 32.
    pub variables: usize,
    /// Bytes of a string, or of all strings within one value; default 32 KiB.
    pub string_bytes: usize,
    /// Items of a list and of all lists within it; default 1,000.
    pub array_items: usize,
    /// Entries of a map and of all maps within it; default 500.
    pub map_entries: usize,
}

/// How many operations pass between two looks at the stopwatch.
pub const TIME_CHECK_OPERATIONS: u64 = 64;

impl Default for Limits {
    fn default() -> Self {
        Self {
            script_bytes: 16 * 1024,
            functions: 64,
            operations: 50_000,
            wall_time: Duration::from_millis(100),
            call_depth: 16,
            expression_depth: 32,
            variables: 32,
            string_bytes: 32 * 1024,
            array_items: 1_000,
            map_entries: 500,
        }
    }
}
