//! Where the changed script tells its steps.

use std::cell::RefCell;

use rhai::{Array, INT};
use serde_json::Value;

use crate::json::to_json;

/// The function that the changed script calls before each statement. A script that has the name in it is not traced.
pub(crate) const STEP_FUNCTION: &str = "__mission_step";

/// A point of the script, and the values there.
pub(crate) type RecordedStep = (usize, Vec<Value>);

thread_local! {
    /// An evaluation stays on its thread, and the function knows nothing of the evaluation that calls it.
    static RECORDING: RefCell<Option<(usize, Vec<RecordedStep>)>> = const { RefCell::new(None) };
}

/// Records the steps of this thread while it lives.
#[derive(Debug)]
pub(crate) struct Recording(());

impl Recording {
    /// Starts afresh; keeps so many steps.
    pub(crate) fn start(capacity: usize) -> Self {
        RECORDING.set(Some((capacity, Vec::new())));
        Self(())
    }

    /// The steps so far.
    pub(crate) fn finish(self) -> Vec<RecordedStep> {
        RECORDING.take().map(|(_, steps)| steps).unwrap_or_default()
    }
}

impl Drop for Recording {
    fn drop(&mut self) {
        RECORDING.set(None);
    }
}

/// Keeps a step, if one is to be kept.
#[expect(clippy::needless_pass_by_value, reason = "the interpreter hands values over")]
pub(crate) fn record_step(point: INT, values: Array) {
    RECORDING.with_borrow_mut(|recording| {
        if let (Some((capacity, steps)), Ok(point)) = (recording, usize::try_from(point))
            && steps.len() < *capacity
        {
            let shown = |value| to_json(value).unwrap_or_else(|_| Value::String(value.to_string()));
            steps.push((point, values.iter().map(shown).collect()));
        }
    });
}
