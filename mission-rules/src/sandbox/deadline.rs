//! The end of the wall time of the evaluation that runs on this thread.

use std::{cell::Cell, sync::Arc, time::Duration};

use rhai::{Dynamic, Engine};

use crate::{Stopwatch, limits::TIME_CHECK_OPERATIONS};

thread_local! {
    /// An engine is shared by threads and its progress callback knows nothing of the evaluation that it is called
    /// for; an evaluation stays on its thread, so this is where its end can be found without a lock.
    static END: Cell<Option<Duration>> = const { Cell::new(None) };
}

/// Sets the end for the evaluation that runs while this lives; restores the outer one after it.
#[derive(Debug)]
pub(crate) struct Deadline {
    outer: Option<Duration>,
}

impl Deadline {
    pub(crate) fn at(end: Duration) -> Self {
        Self {
            outer: END.replace(Some(end)),
        }
    }
}

impl Drop for Deadline {
    fn drop(&mut self) {
        END.set(self.outer);
    }
}

/// Ends evaluations that run past their deadline.
pub(super) fn watch(engine: &mut Engine, stopwatch: Arc<dyn Stopwatch>) {
    engine.on_progress(move |operations| {
        if operations % TIME_CHECK_OPERATIONS != 0 {
            return None;
        }
        let end = END.get()?;
        (stopwatch.elapsed() > end).then(|| Dynamic::from("wall time"))
    });
}
