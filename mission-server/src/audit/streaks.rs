//! The counts of streaks by date and length, counted again.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{Duration, NaiveDate};
use mission_core::{check_in::CheckInDay, ports::store::StoreError};

use super::report::{Deviation, DeviationKind, Findings};
use crate::store::{read_transaction::ReadTransaction, record::days, row::SqlRow, sql_builder::SqlBuilder};

/// Users with one length of streak on one date.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Counted {
    users: i64,
    /// Those who had checked in on the date before, as the dates tell.
    returned: i64,
    /// The same as the days tell: those of an older version do not say that they were kept over a date.
    may_have_returned: i64,
}

/// The counts by date, as a number, and length.
#[derive(Debug, Default)]
pub(super) struct RecountedStreaks(BTreeMap<(i64, i64), Counted>);

impl RecountedStreaks {
    /// Takes in the days of a user.
    pub(super) fn add(&mut self, user_days: &[CheckInDay]) {
        let dates: BTreeSet<NaiveDate> = user_days.iter().map(|day| day.date).collect();
        for day in user_days {
            let key = (days(day.date), i64::from(day.counted_length()));
            let counted = self.0.entry(key).or_default();
            let before = day.date.pred_opt();
            counted.users += 1;
            counted.may_have_returned += i64::from(day.follows_the_day_before());
            counted.returned += i64::from(day.streak > 1 && before.is_some_and(|date| dates.contains(&date)));
        }
    }

    /// Holds what is kept to what was counted, and answers how many counts are above it because users were erased.
    pub(super) async fn finish<T: ReadTransaction>(
        mut self,
        transaction: &mut T,
        keeps_erased: bool,
        findings: &mut Findings<'_>,
    ) -> Result<u64, StoreError> {
        let mut above = 0;
        let mut after = (i64::MIN, i64::MIN);
        const AT_ONCE: usize = 10_000;
        loop {
            let mut kept = SqlBuilder::new(
                "SELECT date, length, users, returned FROM streak_totals WHERE (date, length) > (?, ?)
                ORDER BY date, length",
            );
            kept.bind(after.0).bind(after.1).limit(AT_ONCE);
            let rows = transaction.read(kept).await?;
            for row in &rows {
                after = (row.number(0)?, row.number(1)?);
                let expected = self.0.remove(&after).unwrap_or_default();
                let kept = (row.number(2)?, row.number(3)?);
                above += u64::from(!compare(after, expected, kept, keeps_erased, findings));
            }
            if rows.len() < AT_ONCE {
                break;
            }
        }
        for (key, expected) in self.0 {
            compare(key, expected, (0, 0), keeps_erased, findings);
        }
        Ok(above)
    }
}

/// Whether the counts of a date and length are those of the records, or were told as a finding; else they are above them,
/// as an erasure leaves them.
fn compare(
    (date, length): (i64, i64),
    expected: Counted,
    (users, returned): (i64, i64),
    keeps_erased: bool,
    findings: &mut Findings<'_>,
) -> bool {
    let may_be_returned = expected.returned..=expected.may_have_returned.max(expected.returned);
    if users == expected.users && may_be_returned.contains(&returned) {
        return true;
    }
    if keeps_erased && users >= expected.users && returned >= expected.returned {
        return false;
    }
    let date = NaiveDate::default() + Duration::days(date);
    let in_words =
        |users: i64, returned: i64| format!("{users} users, {returned} of them back from the day before");
    findings.add(Deviation {
        of: Some(format!("streaks of {length} on {date}")),
        ..Deviation::new(
            DeviationKind::StreakCount,
            in_words(expected.users, expected.returned),
            in_words(users, returned),
        )
    });
    true
}
