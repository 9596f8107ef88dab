//! What the hooks are asked, and what they may answer.

use mission_core::ports::rules::Hook;

/// What a hook is asked, what it may answer, and what holds without it.
///
/// ```
/// use mission_core::ports::rules::Hook;
/// use mission_rules::authoring::hook_description;
/// assert!(hook_description(Hook::Progress).starts_with("How much one event adds"));
/// ```
#[must_use]
pub fn hook_description(hook: Hook) -> &'static str {
    match hook {
        Hook::Eligible => "May this user start and progress? `true` or `false`; without it every user may",
        Hook::Progress => "How much one event adds, a whole number from 0; without it 1",
        Hook::Verify => {
            "Is the evidence good? `true`, a text that says why not, or `#{ review: \"why\" }` to let a person decide; \
             without it all is"
        }
        Hook::Reward => {
            "What the completion earns: a map of any of `points`, `bonus_points`, `experience_points`, \
             `mining_boost_percent`, `badge_id`, `expires_after_days`; the others, and all without it, are the mission's"
        }
        Hook::Risk => {
            "How risky is what the user does? A score from 0 to 100, or `#{ score: 70, reasons: [\"why\"] }`; of the script that \
             `risk.toml` names"
        }
    }
}
