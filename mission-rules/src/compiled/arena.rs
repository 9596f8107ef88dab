//! The memory of one evaluation.

use std::cell::{Cell, OnceCell};

use bumpalo::Bump;

thread_local! {
    /// Memory that an evaluation has left: emptied, and kept for the next.
    static SPARE: Cell<Option<Bump>> = const { Cell::new(None) };
}

/// Where an evaluation puts the texts and maps that it makes. Most make none, and then there is no memory either.
#[derive(Default)]
pub(super) struct Arena(OnceCell<Bump>);

impl Arena {
    pub(super) fn memory(&self) -> &Bump {
        self.0.get_or_init(|| SPARE.take().unwrap_or_default())
    }
}

impl Drop for Arena {
    fn drop(&mut self) {
        if let Some(mut memory) = self.0.take() {
            memory.reset();
            SPARE.set(Some(memory));
        }
    }
}
