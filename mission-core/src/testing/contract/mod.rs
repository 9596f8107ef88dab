//! The contract of stores: what [`crate::ports::store::Store`], [`crate::ports::queries::Queries`] and
//! [`crate::ports::bus::Outbox`] promise, as tests that any implementation can run.
//!
//! One line makes one `#[test]` a case. The first argument drives a future (`pollster::block_on`, or a closure around
//! a runtime's own); the second is a future of a *new, empty* store, made anew for every case:
//!
//! ```ignore
//! mod contract {
//!     mission_core::store_contract!(pollster::block_on, async { MyStore::in_memory() });
//! }
//! ```
//!
//! A suite without the test harness awaits [`run_all`] instead. Failures are panics that name the broken promise.

mod audit;
mod budgets;
mod catalog;
mod claims;
mod concurrency;
mod devices;
mod erasure;
mod expiries;
mod friendships;
mod journal;
mod lists;
mod loads;
mod outbox;
mod pictures;
mod receipts;
mod records;
mod round_trip;
mod store_fixture;
mod sums;
mod uniqueness;
mod versions;

use crate::ports::{bus::Outbox, queries::Queries, store::Store};

/// The ports that the contract covers, in one implementation.
pub trait WholeStore: Store + Queries + Outbox {}

impl<S: Store + Queries + Outbox> WholeStore for S {}

macro_rules! cases {
    ($d:tt $($module:ident: $($case:ident),+;)*) => {
        $($(
            /// A case of the contract; its name is the promise. Wants a new, empty store.
            pub async fn $case<S: WholeStore>(store: &S) {
                $module::$case(&store_fixture::StoreFixture::new(store)).await;
            }
        )+)*

        /// The names of all cases, in the order in which [`run_all`] runs them.
        pub const CASES: &[&str] = &[$($(stringify!($case)),+),*];

        /// Runs every case, each on a store of its own.
        pub async fn run_all<S: WholeStore>(make: impl AsyncFn() -> S) {
            $($($case(&make().await).await;)+)*
        }

        /// One `#[test]` for every case of [the contract of stores]($crate::testing::contract): what drives a future,
        /// and a future of a new, empty store.
        #[macro_export]
        macro_rules! store_contract {
            ($d drive:expr, $d make:expr) => {
                $($(
                    #[test]
                    fn $case() {
                        ($d drive)(async {
                            let store = $d make.await;
                            $d crate::testing::contract::$case(&store).await;
                        });
                    }
                )+)*
            };
        }
    };
}

cases! { $
    loads: a_load_answers_every_key_that_was_asked, a_load_shows_what_was_written, a_load_of_nothing_is_empty;
    versions: versions_start_at_zero_and_rise_by_one, a_stale_version_writes_nothing, a_version_ahead_writes_nothing,
        a_root_is_made_once, two_roots_change_together_or_not_at_all, a_conflict_leaves_its_neighbours_whole,
        outcomes_come_in_the_order_of_changes, a_commit_of_nothing_answers_nothing;
    claims: a_claim_has_one_holder, a_released_claim_can_be_taken_again, a_claim_can_change_hands_in_one_change,
        claims_of_one_commit_go_to_the_first, different_claims_never_meet;
    budgets: a_budget_is_never_overspent, takes_of_one_commit_stay_inside_together, points_of_a_budget_are_exact,
        a_give_back_always_holds, a_refused_take_writes_nothing;
    receipts: a_receipt_is_found_as_it_was_given, an_answer_without_a_key_is_found_in_its_journal, a_refusal_alone_is_remembered, a_receipt_is_given_once, a_receipt_lives_for_a_day;
    uniqueness: a_source_earns_one_reward_of_a_type, two_rewards_of_one_source_in_one_change_are_refused,
        a_user_has_one_check_in_a_date;
    devices: devices_remember_who_came_and_when, devices_show_at_least_the_latest_fifty;
    friendships: of_two_users_the_latest_word_holds, an_erasure_ends_friendships;
    pictures: near_copies_are_found_and_nothing_else, the_newest_of_a_crowd_are_compared, an_erasure_forgets_how_images_look;
    audit: the_audit_is_listed_newest_first_and_filtered, an_erasure_empties_what_the_audit_says_of_the_user;
    outbox: events_wait_in_the_order_of_the_journal, entries_without_events_do_not_wait,
        whole_entries_wait_even_beyond_the_limit, sent_entries_wait_no_more, a_conflict_tells_nobody,
        the_backlog_counts_entries_and_knows_the_oldest, a_parked_event_holds_back_its_root_alone_until_its_time,
        a_parked_event_is_tried_again_when_somebody_asks, what_was_sent_is_parked_no_more;
    journal: the_journal_lists_what_was_carried_out_user_by_user, the_journal_knows_the_missions_of_tasks_and_rewards,
        the_journal_forgets_the_erased;
    erasure: an_erasure_removes_every_record, an_erasure_leaves_others_alone, an_erasure_forgets_what_the_journal_says,
        unsent_events_of_the_erased_still_leave;
    round_trip: numbers_come_back_exactly, texts_come_back_as_they_were, absurd_instants_come_back,
        answers_come_back_as_they_were;
    lists: users_and_invite_codes_are_found, tasks_are_listed_newest_first, tasks_are_filtered,
        tasks_of_hidden_missions_are_left_out, comparisons_are_listed_by_user,
        rewards_are_listed_newest_first, check_in_days_are_listed_by_date, reviews_are_listed_oldest_first,
        reviews_are_found_by_kind_and_reviewer,
        an_export_holds_everything_of_one_user;
    sums: a_leaderboard_ranks_by_points, a_leaderboard_keeps_to_its_span_and_users, ranks_are_exact_over_scores_of_all_sizes, nobody_is_missing_from_a_leaderboard, a_leaderboard_takes_thousands_of_users,
        analytics_count_by_hour_and_day, a_revoked_reward_is_negative_in_its_own_bucket,
        a_task_that_began_earlier_counts_there, an_erasure_leaves_the_sums, refused_evidence_counts_among_what_was_judged, open_tasks_are_counted_by_mission, analytics_by_mission_are_the_sums_of_each,
        analytics_keep_to_their_range_and_mission, streaks_are_counted_by_date_and_length;
    expiries: what_is_due_is_found_until_it_is_written_down, due_expiries_are_limited_by_users;
    catalog: the_catalog_holds_missions_and_packs, the_last_versions_of_a_pack_are_kept, the_catalog_version_changes_with_missions_alone;
    concurrency: of_many_at_once_one_wins_a_version, of_many_at_once_one_wins_a_claim,
        of_many_at_once_none_overspends_a_budget, commits_in_opposite_orders_do_not_block_each_other;
}
