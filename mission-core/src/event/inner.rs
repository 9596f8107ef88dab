//! The events that the engine raises itself.

use std::collections::BTreeMap;

use crate::mission::FieldType;

/// The events that the engine raises itself, in the decision that makes them true, so that none is lost or told twice.
/// Nobody else can tell them.
///
/// | event | `data` |
/// |---|---|
/// | `mission.completed` | `mission` (its code), `category`, `type`, `completions` (of it by this user, ever) |
/// | `checkin.completed` | `date`, `streak`, `points`, `milestone` (whether it is one) |
/// | `level.reached` | `level`, `previous_level` |
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum InnerEvent {
    /// The user has completed a mission.
    MissionCompleted,
    /// A check-in of the user was rewarded.
    CheckInCompleted,
    /// The user's level has risen.
    LevelReached,
}

impl InnerEvent {
    /// All of them.
    pub const ALL: [InnerEvent; 3] = [
        InnerEvent::MissionCompleted,
        InnerEvent::CheckInCompleted,
        InnerEvent::LevelReached,
    ];

    /// Its type, as a trigger names it.
    #[must_use]
    pub fn event_type(self) -> &'static str {
        match self {
            InnerEvent::MissionCompleted => "mission.completed",
            InnerEvent::CheckInCompleted => "checkin.completed",
            InnerEvent::LevelReached => "level.reached",
        }
    }

    /// The one with a type.
    #[must_use]
    pub fn of(event_type: &str) -> Option<InnerEvent> {
        InnerEvent::ALL
            .into_iter()
            .find(|inner| inner.event_type() == event_type)
    }

    /// The fields of its data.
    #[must_use]
    pub fn fields(self) -> BTreeMap<String, FieldType> {
        let fields: &[(&str, FieldType)] = match self {
            InnerEvent::MissionCompleted => &[
                ("mission", FieldType::String),
                ("category", FieldType::String),
                ("type", FieldType::String),
                ("completions", FieldType::Integer),
            ],
            InnerEvent::CheckInCompleted => &[
                ("date", FieldType::String),
                ("streak", FieldType::Integer),
                ("points", FieldType::Number),
                ("milestone", FieldType::Boolean),
            ],
            InnerEvent::LevelReached => &[
                ("level", FieldType::Integer),
                ("previous_level", FieldType::Integer),
            ],
        };
        let named = fields.iter();
        named.map(|&(name, kind)| (name.to_owned(), kind)).collect()
    }
}
