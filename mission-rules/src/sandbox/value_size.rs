//! How much a value holds, through all its depths.

use rhai::{Array, Dynamic, EvalAltResult, ImmutableString, Map, Position};

use crate::Limits;

/// The size of a value, nested values included.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct ValueSize {
    string_bytes: usize,
    array_items: usize,
    map_entries: usize,
}

impl ValueSize {
    pub(super) fn of(value: &Dynamic) -> Self {
        let mut size = Self::default();
        size.add(value);
        size
    }

    /// The depth of the recursion is bounded because each level counts as an item or entry, and values are measured
    /// at each touch, before they can be put into each other again.
    fn add(&mut self, value: &Dynamic) {
        if let Some(text) = value.read_lock::<ImmutableString>() {
            self.string_bytes += text.len();
        } else if let Some(items) = value.read_lock::<Array>() {
            self.array_items += items.len();
            items.iter().for_each(|item| self.add(item));
        } else if let Some(map) = value.read_lock::<Map>() {
            self.map_entries += map.len();
            for (key, value) in map.iter() {
                self.string_bytes += key.len();
                self.add(value);
            }
        }
    }

    pub(super) fn within(self, limits: &Limits) -> Result<(), Box<EvalAltResult>> {
        let too_large =
            |what: &str| Err(EvalAltResult::ErrorDataTooLarge(what.to_owned(), Position::NONE).into());
        if self.string_bytes > limits.string_bytes {
            too_large("Length of string")
        } else if self.array_items > limits.array_items {
            too_large("Size of array")
        } else if self.map_entries > limits.map_entries {
            too_large("Size of object map")
        } else {
            Ok(())
        }
    }
}
