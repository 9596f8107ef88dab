//! How often a mission can be completed, and the stretch of a user's local time that counts as one.

use chrono::{DateTime, Datelike, Days, IsoWeek, Months, NaiveDate, Utc};
use serde::{Deserialize, Serialize};

use crate::check_in::Zone;

/// How often a mission can be completed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum Frequency {
    /// Once for ever (or `max_completions` times).
    OneTime,
    /// In each of the user's local days.
    Daily,
    /// In each ISO week of the user's local dates.
    Weekly,
    /// In each month of the user's local dates.
    Monthly,
    /// Again and again.
    Unlimited,
}

impl Frequency {
    /// The period that holds a local date.
    #[must_use]
    pub fn period_of(self, date: NaiveDate) -> Period {
        match self {
            Frequency::OneTime | Frequency::Unlimited => Period::Ever,
            Frequency::Daily => Period::Day(date),
            Frequency::Weekly => Period::week(date.iso_week()),
            Frequency::Monthly => Period::Month {
                year: date.year(),
                month: date.month(),
            },
        }
    }
}

/// One stretch of a user's local time: `ever`, `2026-01-05`, `2026-W02` or `2026-01`.
///
/// ```
/// use mission_core::mission::{Frequency, Period};
/// let date = "2026-01-05".parse()?;
/// assert_eq!(Frequency::Weekly.period_of(date).to_string(), "2026-W02");
/// assert_eq!("2026-01".parse::<Period>()?, Frequency::Monthly.period_of(date));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum Period {
    /// All time.
    Ever,
    /// One local day.
    Day(NaiveDate),
    /// One ISO week.
    Week {
        /// The ISO year, which is not always the calendar's.
        year: i32,
        /// 1 to 53.
        week: u32,
    },
    /// One calendar month.
    Month {
        /// The calendar year.
        year: i32,
        /// 1 to 12.
        month: u32,
    },
}

impl Period {
    fn week(week: IsoWeek) -> Period {
        Period::Week {
            year: week.year(),
            week: week.week(),
        }
    }

    /// The period's first local date; `None` for [`Period::Ever`].
    #[must_use]
    pub fn first_date(self) -> Option<NaiveDate> {
        match self {
            Period::Ever => None,
            Period::Day(date) => Some(date),
            Period::Week { year, week } => NaiveDate::from_isoywd_opt(year, week, chrono::Weekday::Mon),
            Period::Month { year, month } => NaiveDate::from_ymd_opt(year, month, 1),
        }
    }

    /// The first local date after the period; `None` where it has no end (or none that a calendar can name).
    #[must_use]
    pub fn next_start(self) -> Option<NaiveDate> {
        match self {
            Period::Ever => None,
            Period::Day(date) => date.succ_opt(),
            Period::Week { .. } => self.first_date()?.checked_add_days(Days::new(7)),
            Period::Month { .. } => self.first_date()?.checked_add_months(Months::new(1)),
        }
    }

    /// The instant at which the period has ended in a zone.
    #[must_use]
    pub fn ends_at(self, zone: Zone) -> Option<DateTime<Utc>> {
        // Where a clock is set back across midnight, the last date comes round once more.
        let last = self.next_start()?.pred_opt()?;
        Some(zone.end_of(last))
    }
}

impl std::fmt::Display for Period {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Period::Ever => f.write_str("ever"),
            Period::Day(date) => write!(f, "{date}"),
            Period::Week { year, week } => write!(f, "{year:04}-W{week:02}"),
            Period::Month { year, month } => write!(f, "{year:04}-{month:02}"),
        }
    }
}

impl From<Period> for String {
    fn from(period: Period) -> String {
        period.to_string()
    }
}

impl TryFrom<String> for Period {
    type Error = String;
    fn try_from(text: String) -> Result<Self, Self::Error> {
        text.parse()
    }
}

impl std::str::FromStr for Period {
    type Err = String;
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let parsed = if text == "ever" {
            Some(Period::Ever)
        } else if let Ok(date) = text.parse() {
            Some(Period::Day(date))
        } else if let Some((year, week)) = text.split_once("-W") {
            year.parse()
                .ok()
                .zip(week.parse().ok())
                .map(|(year, week)| Period::Week { year, week })
        } else {
            text.rsplit_once('-')
                .and_then(|(year, month)| year.parse().ok().zip(month.parse().ok()))
                .map(|(year, month)| Period::Month { year, month })
        };
        parsed
            .filter(|period| {
                !matches!(period, Period::Week { .. } | Period::Month { .. }) || period.next_start().is_some()
            })
            .ok_or_else(|| format!("`{text}` is not a period"))
    }
}
