//! How the fields of a context are drawn, and made simpler once a context is a counterexample.

use std::ops::RangeInclusive;

use chrono::{DateTime, NaiveDate};
use mission_core::ports::rules::rfc3339;
use proptest::{
    num::i64::BinarySearch,
    prelude::{Just, Strategy},
    prop_oneof,
    sample::{select, subsequence},
    strategy::{BoxedStrategy, NewTree, ValueTree as _},
    test_runner::TestRunner,
};
use serde_json::Value;

use super::{FieldValues, GivenField, Interval, interval::Step};

/// What was drawn for one field.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Draw {
    Absent,
    /// So many steps from the simplest value of a range.
    Offset(i64),
    Value(Value),
}

/// The values of one field.
pub(super) fn strategy(field: &GivenField) -> BoxedStrategy<Draw> {
    let present = match &field.values {
        FieldValues::Between(range) => range.offsets().prop_map(Draw::Offset).boxed(),
        FieldValues::OneOf(values) => select(values.clone()).prop_map(Draw::Value).boxed(),
        FieldValues::SomeOf(values) => subsequence(values.clone(), 0..=values.len())
            .prop_map(|some| Draw::Value(Value::Array(some)))
            .boxed(),
    };
    if field.is_optional {
        // A simpler context is one without the field.
        prop_oneof![1 => Just(Draw::Absent), 3 => present].boxed()
    } else {
        present
    }
}

/// Offsets from 0, both ends included. Mistakes sit at the ends and at small numbers, which a uniform draw hardly meets.
#[derive(Clone, Debug)]
pub(super) struct Offsets(RangeInclusive<i64>);

impl Strategy for Offsets {
    type Tree = BinarySearch;
    type Value = i64;

    fn new_tree(&self, runner: &mut TestRunner) -> NewTree<Self> {
        let (least, greatest) = (*self.0.start(), *self.0.end());
        let start = match (0_u8..8).new_tree(runner)?.current() {
            0 => least,
            1 => greatest,
            2 | 3 => {
                let magnitude = 1_i64 << (0_u32..=32).new_tree(runner)?.current();
                let small = least.max(-magnitude)..=greatest.min(magnitude);
                small.new_tree(runner)?.current()
            }
            _ => self.0.new_tree(runner)?.current(),
        };
        Ok(BinarySearch::new(start))
    }
}

impl Interval {
    /// Its values, counted in steps from the simplest.
    pub(super) fn offsets(&self) -> Offsets {
        let origin = self.origin();
        Offsets(self.least.saturating_sub(origin)..=self.greatest.saturating_sub(origin))
    }

    /// The simplest value: the number nearest to 0, the earliest date or time.
    fn origin(&self) -> i64 {
        match self.step {
            Step::One | Step::Digit(_) => 0.clamp(self.least, self.greatest),
            Step::Day | Step::Second => self.least,
        }
    }

    /// The value that is so many steps away from the simplest.
    pub(super) fn value_at(&self, offset: i64) -> Value {
        self.value(self.origin().saturating_add(offset))
    }

    fn value(&self, steps: i64) -> Value {
        match self.step {
            Step::One => steps.into(),
            Step::Digit(_) => {
                let number = self.number(steps).normalize().to_string();
                number.parse().map_or(Value::Null, Value::Number)
            }
            Step::Day => {
                let days = i32::try_from(steps).ok();
                let date = days.and_then(NaiveDate::from_epoch_days);
                date.map_or(Value::Null, |date| date.to_string().into())
            }
            Step::Second => {
                DateTime::from_timestamp(steps, 0).map_or(Value::Null, |time| rfc3339(time).into())
            }
        }
    }
}
