//! What runs of a script on contexts that are written as JSON.

use mission_core::ports::rules::Hook;
use serde_json::Value;

use super::CoverageCompiler;
use crate::context::json_context;

impl CoverageCompiler<'_> {
    /// Counts what runs of a script when a hook is evaluated on a context.
    pub(crate) fn run_json(&self, source: &str, hook: Hook, context: &Value) {
        if let (Some(counted), Ok(context)) = (self.counted(source), json_context(context))
            && counted.program.defines(hook)
        {
            counted.call(hook, context);
        }
    }
}
