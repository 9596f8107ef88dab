//! The core through its public face: every command, every refusal, every promise of the store.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test's helpers may stop it, too"
)]

mod check_ins;
mod editions;
mod events;
mod evidence;
mod explanations;
mod friends;
mod late_events;
mod layers;
mod manual_grants;
mod matching;
mod missions;
mod pipeline;
mod play;
mod programmes;
mod progress_events;
mod properties;
mod reviews;
mod revocations;
mod rings;
mod risk;
mod shadows;
mod simulation;
mod slow_lane;
mod streaks;
mod tasks;
mod uploads;
mod users;
mod writer;

mod store_contract {
    use mission_core::memory::MemoryStore;

    mission_core::store_contract!(pollster::block_on, async { MemoryStore::default() });

    #[test]
    fn the_suite_runs_without_the_harness() {
        pollster::block_on(mission_core::testing::contract::run_all(async || {
            MemoryStore::default()
        }));
    }
}
