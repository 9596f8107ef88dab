//! What the fields of the context are, in the words of the author's guide.

/// Every field of the context, and what holds several.
const DESCRIPTIONS: &[(&str, &str)] = &[
    (
        "now",
        "The moment at which the rule is judged, in the user's zone: the event's own time where one is applied",
    ),
    ("now.time", "The time of day, as `HH:MM:SS`"),
    ("now.date", "The date, as `YYYY-MM-DD`"),
    ("now.hour", "The hour, 0 to 23"),
    ("now.weekday", "The day of the week, Monday 1 to Sunday 7"),
    ("now.unix", "Seconds since 1970 in UTC"),
    ("user", "The user whose task it is"),
    ("user.id", "The user's id, a UUID"),
    ("user.level", "The level, from 1"),
    (
        "user.experience",
        "Experience points, from which the level follows",
    ),
    ("user.tags", "The user's tags, a list of texts"),
    ("user.country", "The ISO 3166 code of the country"),
    ("user.attributes", "Whatever else `user.updated` says of the user"),
    ("user.registered_at", "When the user came"),
    ("user.friends", "How many friends the user has"),
    ("user.badges", "The badges that the user holds, a list of texts"),
    ("user.last_seen_at", "When the user last did something"),
    (
        "user.days_away",
        "Whole days since the user last did something; for a running task as it began; absent for a new user",
    ),
    ("mission", "The mission that is judged"),
    ("mission.id", "The mission's id, a UUID"),
    ("mission.code", "The mission's code"),
    ("mission.type", "What kind of thing the user is asked to do"),
    ("mission.frequency", "How often it can be done"),
    ("mission.category", "The category, empty where it has none"),
    ("mission.target", "How much progress completes it"),
    ("mission.priority", "Higher ones are listed first"),
    (
        "mission.max_completions",
        "Completions of one user in one period; 0 is no cap",
    ),
    ("mission.starts_at", "From when it can be done"),
    ("mission.ends_at", "Until when it can be done, the end excluded"),
    (
        "mission.reward",
        "What the mission offers; for a stage what the stage offers",
    ),
    ("mission.reward.points", "Points for the wallet"),
    (
        "mission.reward.mining_boost_percent",
        "Percent by which mining speeds up",
    ),
    (
        "mission.reward.experience_points",
        "Experience, from which levels follow",
    ),
    ("mission.reward.badge_id", "The badge"),
    (
        "mission.reward.expires_after_days",
        "Days after which an unclaimed reward is lost",
    ),
    ("task", "The user's task; absent parts before it is started"),
    ("task.progress", "How far the task is"),
    ("task.target", "How much progress completes it"),
    (
        "task.completions",
        "How often the user has completed the mission in this period",
    ),
    ("task.started_at", "When the task was started"),
    (
        "task.stage",
        "The stages reached, the one that is judged with them",
    ),
    (
        "task.streak",
        "The length of the run of periods that the task is in",
    ),
    ("event", "The activity event that is applied; absent elsewhere"),
    ("event.id", "The event's id"),
    ("event.type", "The event's type, such as `video.watched`"),
    ("event.source", "Who tells of it"),
    ("event.time", "When it happened"),
    (
        "event.data",
        "What the event says; `pack.toml` can declare its fields",
    ),
    (
        "event.friends",
        "The ids in the event's data that are the user's friends",
    ),
    ("evidence", "The evidence that is judged; absent elsewhere"),
    ("evidence.type", "What kind of evidence it is"),
    ("evidence.data", "What the user handed in"),
    ("evidence.seconds", "The seconds that the user watched"),
    ("evidence.screenshot_url", "The screenshot's address"),
    ("evidence.video_url", "The video's address"),
    ("evidence.captured_at", "When it was captured"),
    ("streak", "The user's check-ins"),
    ("streak.current", "The days of the running streak"),
    ("streak.longest", "The days of the longest streak ever"),
    ("streak.total", "All check-ins"),
    ("streak.last_date", "The date of the last check-in"),
    ("streak.days_since", "Whole days since the last check-in"),
    (
        "completions",
        "How often the user has completed another mission, by its code: `ctx.completions[\"first-steps\"]` in scripts, \
         `completions.first-steps` in rules",
    ),
    (
        "action",
        "What the user does: `check_in`, `start`, `progress`, `evidence`, `upload`, `complete` or `claim`; in `risk` alone",
    ),
    ("signals", "How the user does it; in `risk` alone"),
    (
        "signals.account_age_hours",
        "Whole hours since the user registered, or else came first",
    ),
    (
        "signals.actions_last_minute",
        "The user's actions within the last minute, this one too",
    ),
    (
        "signals.actions_last_hour",
        "The user's actions within the last hour, this one too; no more than 32",
    ),
    (
        "signals.identical_intervals",
        "How many of the latest pauses between the user's actions are as long as the last one",
    ),
    (
        "signals.is_new_device",
        "Whether the device is not the user's first one, and was not approved",
    ),
    (
        "signals.device_users",
        "Other users who came with the device, the latest fifty",
    ),
    (
        "signals.address_users",
        "Other users who came from the address, the latest fifty",
    ),
];

/// What a field of every context is, in one sentence without a full stop.
///
/// ```
/// use mission_rules::authoring::field_description;
/// assert_eq!(field_description("now.hour"), Some("The hour, 0 to 23"));
/// assert_eq!(field_description("event.data.seconds"), None);
/// ```
#[must_use]
pub fn field_description(path: &str) -> Option<&'static str> {
    let found = DESCRIPTIONS.iter().find(|(field, _)| *field == path);
    found.map(|(_, description)| *description)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::DESCRIPTIONS;
    use crate::schema::CONTEXT_FIELDS;

    #[test]
    fn every_field_and_what_holds_it_is_described_once() {
        let mut fields = BTreeSet::new();
        for (field, _) in CONTEXT_FIELDS {
            let parents = field.match_indices('.').map(|(dot, _)| &field[..dot]);
            fields.extend(parents.chain([*field]));
        }
        let described: Vec<&str> = DESCRIPTIONS.iter().map(|(field, _)| *field).collect();
        assert_eq!(described.iter().copied().collect::<BTreeSet<_>>(), fields);
        assert_eq!(described.len(), fields.len());
    }
}
