//! What the context of a rule holds: every field and its type.

use std::{
    collections::BTreeMap,
    ops::Bound,
    sync::{Arc, LazyLock},
};

use rust_decimal::Decimal;

/// The type of a field of the context.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum FieldKind {
    /// A whole number.
    Whole,
    /// A number that can have a fraction.
    Decimal,
    /// A text; times and dates too.
    Text,
    /// `true` or `false`.
    Bool,
    /// A list.
    List,
    /// A map whose fields nobody declared.
    Map,
    /// Anything.
    Any,
}

impl FieldKind {
    /// The type as an author would say it.
    #[must_use]
    pub fn plain(self) -> &'static str {
        match self {
            FieldKind::Whole => "a whole number",
            FieldKind::Decimal => "a number",
            FieldKind::Text => "a text",
            FieldKind::Bool => "true or false",
            FieldKind::List => "a list",
            FieldKind::Map => "a map",
            FieldKind::Any => "anything",
        }
    }
}

/// Every field that is in the context of a hook (or absent where there is nothing to say), as the core's rule paths.
pub(crate) const CONTEXT_FIELDS: &[(&str, FieldKind)] = &[
    ("now.time", FieldKind::Text),
    ("now.date", FieldKind::Text),
    ("now.hour", FieldKind::Whole),
    ("now.weekday", FieldKind::Whole),
    ("now.unix", FieldKind::Whole),
    ("user.id", FieldKind::Text),
    ("user.level", FieldKind::Whole),
    ("user.experience", FieldKind::Whole),
    ("user.tags", FieldKind::List),
    ("user.country", FieldKind::Text),
    ("user.attributes", FieldKind::Map),
    ("user.registered_at", FieldKind::Text),
    ("user.friends", FieldKind::Whole),
    ("user.badges", FieldKind::List),
    ("user.last_seen_at", FieldKind::Text),
    ("user.days_away", FieldKind::Whole),
    ("mission.id", FieldKind::Text),
    ("mission.code", FieldKind::Text),
    ("mission.type", FieldKind::Text),
    ("mission.frequency", FieldKind::Text),
    ("mission.category", FieldKind::Text),
    ("mission.target", FieldKind::Whole),
    ("mission.priority", FieldKind::Whole),
    ("mission.max_completions", FieldKind::Whole),
    ("mission.starts_at", FieldKind::Text),
    ("mission.ends_at", FieldKind::Text),
    ("mission.reward.points", FieldKind::Decimal),
    ("mission.reward.mining_boost_percent", FieldKind::Decimal),
    ("mission.reward.experience_points", FieldKind::Whole),
    ("mission.reward.badge_id", FieldKind::Text),
    ("mission.reward.expires_after_days", FieldKind::Whole),
    ("task.progress", FieldKind::Whole),
    ("task.target", FieldKind::Whole),
    ("task.completions", FieldKind::Whole),
    ("task.started_at", FieldKind::Text),
    ("task.stage", FieldKind::Whole),
    ("task.streak", FieldKind::Whole),
    ("event.id", FieldKind::Text),
    ("event.type", FieldKind::Text),
    ("event.source", FieldKind::Text),
    ("event.time", FieldKind::Text),
    ("event.data", FieldKind::Map),
    ("event.friends", FieldKind::List),
    ("evidence.type", FieldKind::Text),
    ("evidence.data", FieldKind::Text),
    ("evidence.seconds", FieldKind::Whole),
    ("evidence.screenshot_url", FieldKind::Text),
    ("evidence.video_url", FieldKind::Text),
    ("evidence.captured_at", FieldKind::Text),
    ("streak.current", FieldKind::Whole),
    ("streak.longest", FieldKind::Whole),
    ("streak.total", FieldKind::Whole),
    ("streak.last_date", FieldKind::Text),
    ("streak.days_since", FieldKind::Whole),
    ("completions", FieldKind::Map),
    ("action", FieldKind::Text),
    ("signals.account_age_hours", FieldKind::Whole),
    ("signals.actions_last_minute", FieldKind::Whole),
    ("signals.actions_last_hour", FieldKind::Whole),
    ("signals.identical_intervals", FieldKind::Whole),
    ("signals.is_new_device", FieldKind::Bool),
    ("signals.device_users", FieldKind::Whole),
    ("signals.address_users", FieldKind::Whole),
];

/// What only the context of `risk` has.
fn is_of_risk(path: &str) -> bool {
    path == "action" || is_below(path, "signals")
}

/// What only the contexts of missions have: no task and no event is judged for its risk.
fn is_of_missions(path: &str) -> bool {
    ["task", "event", "evidence", "completions"]
        .into_iter()
        .any(|root| path == root || is_below(path, root))
        || path == "user.friends"
}

/// The least and the greatest value of a number of the context.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct ValueRange {
    least: i64,
    greatest: Option<i64>,
}

impl ValueRange {
    /// Whether a field can have a value.
    pub(crate) fn holds(self, value: Decimal) -> bool {
        value >= self.least.into() && self.greatest.is_none_or(|greatest| value <= greatest.into())
    }

    /// What a comparison of the field with a number always gives; `None` where it depends on the field. That a level
    /// is at least 1 is always true too, but says only what the author means.
    pub(crate) fn verdict(self, operator: &str, value: Decimal) -> Option<bool> {
        let all_below = self.greatest.is_some_and(|greatest| value > greatest.into());
        let none_above = self.greatest.is_some_and(|greatest| value >= greatest.into());
        let all_above = value < self.least.into();
        let none_below = value <= self.least.into();
        match operator {
            "==" if !self.holds(value) => Some(false),
            "!=" if !self.holds(value) => Some(true),
            ">" if all_above => Some(true),
            ">" if none_above => Some(false),
            ">=" if all_above => Some(true),
            ">=" if all_below => Some(false),
            "<" if all_below => Some(true),
            "<" if none_below => Some(false),
            "<=" if all_below => Some(true),
            "<=" if all_above => Some(false),
            _ => None,
        }
    }
}

impl std::fmt::Display for ValueRange {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.greatest {
            Some(greatest) => write!(f, "{} to {greatest}", self.least),
            None => write!(f, "{} or more", self.least),
        }
    }
}

/// The schema of the fields that a script can read: those of every context, and where somebody declared them those
/// of the event's data and of the user's attributes.
///
/// ```
/// use mission_rules::{FieldKind, FieldSchema};
/// let schema = FieldSchema::default().with_event_data([("seconds", FieldKind::Whole)]);
/// assert_eq!(schema.kind("event.data.seconds"), Some(FieldKind::Whole));
/// assert_eq!(schema.kind("event.data.secnods"), None);
/// assert_eq!(FieldSchema::default().kind("event.data.secnods"), Some(FieldKind::Any));
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FieldSchema {
    /// Shared: there are packs with 100,000 missions.
    fields: Arc<BTreeMap<String, FieldKind>>,
}

impl Default for FieldSchema {
    /// The fields of every mission's context; an event's data and a user's attributes can hold anything.
    fn default() -> Self {
        static OF_MISSIONS: LazyLock<FieldSchema> = LazyLock::new(|| FieldSchema::without(is_of_risk));
        OF_MISSIONS.clone()
    }
}

impl FieldSchema {
    /// The fields of the context of `risk`.
    ///
    /// ```
    /// use mission_rules::{FieldKind, FieldSchema};
    /// let schema = FieldSchema::of_risk();
    /// assert_eq!(schema.kind("signals.device_users"), Some(FieldKind::Whole));
    /// assert_eq!(schema.kind("event.type"), None);
    /// assert_eq!(FieldSchema::default().kind("signals.device_users"), None);
    /// ```
    #[must_use]
    pub fn of_risk() -> Self {
        static OF_RISK: LazyLock<FieldSchema> = LazyLock::new(|| FieldSchema::without(is_of_missions));
        OF_RISK.clone()
    }

    fn without(left_out: impl Fn(&str) -> bool) -> Self {
        let fields = CONTEXT_FIELDS.iter().filter(|(path, _)| !left_out(path));
        FieldSchema {
            fields: Arc::new(fields.map(|&(path, kind)| (path.to_owned(), kind)).collect()),
        }
    }

    /// The event's data has these fields, and no others.
    #[must_use]
    pub fn with_event_data<'n>(self, fields: impl IntoIterator<Item = (&'n str, FieldKind)>) -> Self {
        self.with_fields("event.data", fields)
    }

    /// The users' attributes are these, and no others.
    #[must_use]
    pub fn with_user_attributes<'n>(self, fields: impl IntoIterator<Item = (&'n str, FieldKind)>) -> Self {
        self.with_fields("user.attributes", fields)
    }

    fn with_fields<'n>(
        mut self,
        parent: &str,
        fields: impl IntoIterator<Item = (&'n str, FieldKind)>,
    ) -> Self {
        let known = Arc::make_mut(&mut self.fields);
        for (name, kind) in fields {
            known.insert(format!("{parent}.{name}"), kind);
        }
        self
    }

    /// The type of what a dotted path leads to; `None` where it can lead to nothing, ever.
    #[must_use]
    pub fn kind(&self, path: &str) -> Option<FieldKind> {
        if let Some(kind) = self.fields.get(path) {
            return Some(*kind);
        }
        if self.below(path).next().is_some() {
            return Some(FieldKind::Map);
        }
        let (parent, _) = path.rsplit_once('.')?;
        match self.kind(parent)? {
            FieldKind::Any => Some(FieldKind::Any),
            FieldKind::Map if self.below(parent).next().is_none() => Some(FieldKind::Any),
            _ => None,
        }
    }

    /// The values that a number of every context can have.
    pub(crate) fn range(&self, path: &str) -> Option<ValueRange> {
        let (least, greatest) = match path {
            "now.hour" => (0, Some(23)),
            "now.weekday" => (1, Some(7)),
            "user.level" => (1, None),
            "user.experience"
            | "mission.target"
            | "task.progress"
            | "task.completions"
            | "task.target"
            | "task.stage"
            | "task.streak"
            | "user.days_away"
            | "streak.days_since"
            | "evidence.seconds"
            | "streak.current"
            | "streak.longest"
            | "streak.total"
            | "signals.account_age_hours"
            | "signals.identical_intervals"
            | "signals.device_users"
            | "signals.address_users" => (0, None),
            "signals.actions_last_minute" | "signals.actions_last_hour" => (1, Some(32)),
            _ => return None,
        };
        Some(ValueRange { least, greatest })
    }

    /// The texts that a field of every context can be, where it is one of a few.
    pub(crate) fn values(&self, path: &str) -> Option<&'static [&'static str]> {
        Some(match path {
            "mission.type" => &["watch_video", "click", "upload", "social", "referral", "custom"],
            "mission.frequency" => &["one_time", "daily", "weekly", "monthly", "unlimited"],
            "action" => &[
                "check_in", "start", "progress", "evidence", "upload", "complete", "claim",
            ],
            "evidence.type" => &[
                "watch_duration",
                "click_data",
                "uploaded_content",
                "social_proof",
                "invite_code",
            ],
            _ => return None,
        })
    }

    /// The names of the fields right below a path; of the roots for an empty one.
    pub fn names_below<'s>(&'s self, path: &'s str) -> impl Iterator<Item = &'s str> {
        let skip = if path.is_empty() { 0 } else { path.len() + 1 };
        let mut last = "";
        self.below(path).filter_map(move |field| {
            let name = field.get(skip..)?.split('.').next()?;
            (std::mem::replace(&mut last, name) != name).then_some(name)
        })
    }

    /// Every known path.
    pub fn paths(&self) -> impl Iterator<Item = &str> {
        self.fields.keys().map(String::as_str)
    }

    /// The known paths below one, without itself.
    pub(crate) fn below<'s>(&'s self, path: &'s str) -> impl Iterator<Item = &'s str> + Clone {
        self.fields
            .range::<str, _>((Bound::Excluded(path), Bound::Unbounded))
            .map(|(field, _)| field.as_str())
            .take_while(move |field| field.starts_with(path))
            .filter(move |field| is_below(field, path))
    }
}

/// Whether a dotted path leads through another.
pub(crate) fn is_below(field: &str, path: &str) -> bool {
    path.is_empty() || field.strip_prefix(path).is_some_and(|rest| rest.starts_with('.'))
}

#[cfg(test)]
mod tests {
    #[test]
    fn fields_of_a_few_values_have_those_of_the_core() {
        fn check<T: serde::de::DeserializeOwned + std::fmt::Debug>(path: &str) {
            for value in FieldSchema::default().values(path).unwrap() {
                serde_json::from_value::<T>((*value).into()).unwrap();
            }
            // serde lists all of them where it meets another.
            let error = serde_json::from_value::<T>("none".into())
                .unwrap_err()
                .to_string();
            let count = error.split('`').skip(3).step_by(2).count();
            assert_eq!(
                count,
                FieldSchema::default().values(path).unwrap().len(),
                "{error}"
            );
        }
        check::<mission_core::mission::MissionType>("mission.type");
        check::<mission_core::mission::Frequency>("mission.frequency");
        check::<mission_core::task::EvidenceType>("evidence.type");
        assert_eq!(
            FieldSchema::of_risk().values("action").unwrap(),
            mission_core::fraud::UserAction::ALL.map(mission_core::fraud::UserAction::name)
        );
    }

    use super::*;

    #[test]
    fn a_schema_knows_fields_parents_and_open_maps() {
        let open = FieldSchema::default();
        let declared = open
            .clone()
            .with_event_data([("seconds", FieldKind::Whole), ("video", FieldKind::Map)]);
        for (path, in_open, in_declared) in [
            ("user.level", Some(FieldKind::Whole), Some(FieldKind::Whole)),
            ("user.levle", None, None),
            ("user", Some(FieldKind::Map), Some(FieldKind::Map)),
            ("mission.reward", Some(FieldKind::Map), Some(FieldKind::Map)),
            ("user.level.deep", None, None),
            ("user.attributes.a.b", Some(FieldKind::Any), Some(FieldKind::Any)),
            ("event.data.secs", Some(FieldKind::Any), None),
            ("event.data.seconds", Some(FieldKind::Any), Some(FieldKind::Whole)),
            ("event.data.video.id", Some(FieldKind::Any), Some(FieldKind::Any)),
            ("usr", None, None),
        ] {
            assert_eq!(open.kind(path), in_open, "{path}");
            assert_eq!(declared.kind(path), in_declared, "{path}");
        }
        let roots: Vec<&str> = open.names_below("").collect();
        assert_eq!(
            roots,
            [
                "completions",
                "event",
                "evidence",
                "mission",
                "now",
                "streak",
                "task",
                "user"
            ]
        );
        let reward: Vec<&str> = open.names_below("mission.reward").collect();
        assert_eq!(reward.len(), 5);
    }
}
