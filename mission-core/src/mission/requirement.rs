//! What a user must have completed before a mission can be started.

use serde::{
    Deserialize, Deserializer, Serialize,
    de::{Error, MapAccess, Visitor, value::MapAccessDeserializer},
};

use super::MissionCode;

/// One condition of a start: a mission, or some of several.
///
/// ```
/// use mission_core::mission::{Requirement, RequirementWindow};
/// let one: Requirement = serde_json::from_str(r#""first-steps""#)?;
/// assert_eq!(one.codes().count(), 1);
/// let some: Requirement =
///     serde_json::from_str(r#"{"any_of": ["run", "swim", "ride"], "count": 2, "within": "week"}"#)?;
/// assert_eq!((some.count(), some.within()), (2, RequirementWindow::Week));
/// # Ok::<(), serde_json::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(untagged)]
pub enum Requirement {
    /// This mission must have been completed, ever.
    Mission(MissionCode),
    /// Some of these.
    AnyOf(AnyOf),
}

/// So many different missions of a list.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct AnyOf {
    /// The missions.
    pub any_of: Vec<MissionCode>,
    /// How many of them.
    #[serde(default = "one")]
    pub count: u32,
    /// Within which stretch of time.
    #[serde(default)]
    pub within: RequirementWindow,
}

fn one() -> u32 {
    1
}

/// The stretch of the user's local time in which completions count.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum RequirementWindow {
    /// Any time.
    #[default]
    Ever,
    /// The period of the mission that requires them: its `frequency` says which.
    Period,
    /// The local day.
    Day,
    /// The ISO week.
    Week,
    /// The calendar month.
    Month,
}

impl Requirement {
    /// The missions that it names.
    pub fn codes(&self) -> impl Iterator<Item = &MissionCode> {
        match self {
            Requirement::Mission(code) => std::slice::from_ref(code),
            Requirement::AnyOf(some) => some.any_of.as_slice(),
        }
        .iter()
    }

    /// How many of them must have been completed.
    #[must_use]
    pub fn count(&self) -> u32 {
        match self {
            Requirement::Mission(_) => 1,
            Requirement::AnyOf(some) => some.count,
        }
    }

    /// Within which stretch of time.
    #[must_use]
    pub fn within(&self) -> RequirementWindow {
        match self {
            Requirement::Mission(_) => RequirementWindow::Ever,
            Requirement::AnyOf(some) => some.within,
        }
    }

    /// Whether nobody can start the mission before this one was completed.
    #[must_use]
    pub fn needs(&self, code: &MissionCode) -> bool {
        let others = self.codes().filter(|other| *other != code).count();
        self.codes().any(|other| other == code) && (others as u64) < u64::from(self.count())
    }

    /// What is wrong with it, if anything is.
    pub(crate) fn flaw(&self) -> Option<(&'static str, String)> {
        let Requirement::AnyOf(some) = self else {
            return None;
        };
        let listed = some.any_of.len();
        let repeated = (1..listed).find(|&n| {
            some.any_of
                .get(..n)
                .is_some_and(|before| some.any_of.get(n).is_some_and(|code| before.contains(code)))
        });
        if some.any_of.is_empty() {
            return Some(("any_of", "must name at least one mission".to_owned()));
        }
        if let Some(code) = repeated.and_then(|n| some.any_of.get(n)) {
            return Some((
                "any_of",
                format!("names `{code}` twice: different missions are counted"),
            ));
        }
        if some.count == 0 || some.count as usize > listed {
            return Some((
                "count",
                format!("must be 1 to {listed}, the number of missions in `any_of`"),
            ));
        }
        None
    }
}

impl From<MissionCode> for Requirement {
    fn from(code: MissionCode) -> Self {
        Requirement::Mission(code)
    }
}

impl std::fmt::Display for Requirement {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let codes: Vec<String> = self.codes().map(|code| format!("`{code}`")).collect();
        let codes = codes.join(", ");
        match self {
            Requirement::Mission(_) => write!(f, "the mission {codes} was completed before"),
            Requirement::AnyOf(some) => {
                let count = some.count;
                let within = match some.within {
                    RequirementWindow::Ever => "before",
                    RequirementWindow::Period => "in this period",
                    RequirementWindow::Day => "on this day",
                    RequirementWindow::Week => "in this week",
                    RequirementWindow::Month => "in this month",
                };
                write!(f, "{count} of the missions {codes} completed {within}")
            }
        }
    }
}

impl<'de> Deserialize<'de> for Requirement {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct CodeOrTable;
        impl<'de> Visitor<'de> for CodeOrTable {
            type Value = Requirement;
            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("a mission's code, or an object with `any_of`")
            }
            fn visit_str<E: Error>(self, code: &str) -> Result<Requirement, E> {
                code.parse().map(Requirement::Mission).map_err(E::custom)
            }
            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Requirement, A::Error> {
                AnyOf::deserialize(MapAccessDeserializer::new(map)).map(Requirement::AnyOf)
            }
        }
        deserializer.deserialize_any(CodeOrTable)
    }
}
