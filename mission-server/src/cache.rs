//! What is cached: users' records, newest tasks, rewards and check-ins, leaderboards, and missions for whoever reads them in
//! Redis. In this process everything lives half a second, and no longer than until the next write.
//!
//! | key in Redis | value | life |
//! |---|---|---|
//! | `user:{id}:tasks` | the user's record and newest tasks | 10 min |
//! | `user:{id}:checkin` | the user's record and the days of the current month | 24 h, never past the user's midnight |
//! | `mission:{id}` | a mission | 1 h |
//! | `missions:active` | the active missions | 5 min |
//! | `config:missions` | all missions | 30 min |
//!
//! The server itself has all missions in memory, so their keys are for other services.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use async_trait::async_trait;
use chrono::NaiveDate;
use mission_core::{
    MissionId, UserId,
    check_in::CheckInDay,
    engine::{Engine, LoadedRecords, ReadSet},
    mission::{Mission, MissionStatus},
    ports::{
        queries::{Board, LeaderboardRow, Page, Queries},
        store::{Change, CommitOutcome, Root, Store, StoreError},
    },
    reward::Reward,
    task::Task,
    user::User,
};
use serde::{Deserialize, Serialize};

use crate::{
    local_cache::LocalCache,
    neighbours::Neighbours,
    redis::{Cacheable, CachedValue, Invalidations, RedisCache, RedisConnection},
    write_times::WriteTimes,
};

const HOUR: Duration = Duration::from_secs(3600);
const MINUTE: Duration = Duration::from_secs(60);
/// Users whose values stay near.
const NEAR_USERS: u64 = 50_000;
/// Leaderboards that stay near.
const NEAR_BOARDS: u64 = 100;
/// Missions that stay near.
const NEAR_MISSIONS: u64 = 10_000;

/// A user's newest tasks.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct UserTasks {
    /// The record; `None` where there is none yet.
    pub user: Option<User>,
    /// One more than a page, newest first.
    pub tasks: Vec<Task>,
}

impl Cacheable for UserTasks {
    type Key = UserId;

    fn name(user: UserId) -> String {
        format!("user:{user}:tasks")
    }

    fn time_to_live(&self) -> Duration {
        10 * MINUTE
    }
}

/// A user's check-ins of a month.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct UserCheckIns {
    /// The record; `None` where there is none yet.
    pub user: Option<User>,
    /// The first day of the month.
    pub month: NaiveDate,
    /// The days of that month.
    pub days: Vec<CheckInDay>,
    /// Until the user's midnight, from when it was read.
    #[serde(skip)]
    pub rest_of_day: Duration,
}

impl Cacheable for UserCheckIns {
    type Key = UserId;

    fn name(user: UserId) -> String {
        format!("user:{user}:checkin")
    }

    fn time_to_live(&self) -> Duration {
        self.rest_of_day.min(24 * HOUR)
    }
}

#[derive(Serialize, Deserialize)]
#[serde(transparent)]
struct CachedMission(Arc<Mission>);

impl Cacheable for CachedMission {
    type Key = MissionId;

    fn name(id: MissionId) -> String {
        format!("mission:{id}")
    }

    fn time_to_live(&self) -> Duration {
        HOUR
    }
}

/// The kind of a cached mission list.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum MissionListKind {
    Active,
    All,
}

#[derive(Serialize, Deserialize)]
struct CachedMissions {
    #[serde(skip)]
    life: Duration,
    #[serde(flatten)]
    missions: MissionList,
}

#[derive(Serialize, Deserialize)]
struct MissionList {
    missions: Vec<Arc<Mission>>,
}

impl Cacheable for CachedMissions {
    type Key = MissionListKind;

    fn name(listed: MissionListKind) -> String {
        match listed {
            MissionListKind::Active => "missions:active",
            MissionListKind::All => "config:missions",
        }
        .to_owned()
    }

    fn time_to_live(&self) -> Duration {
        self.life
    }
}

/// The server's caches.
pub struct Cache {
    /// Users' records; `None` where there is none yet.
    users: LocalCache<UserId, Option<User>>,
    /// Users' newest rewards, one more than a page.
    rewards: LocalCache<UserId, Vec<Reward>>,
    written_users: WriteTimes,
    /// The first rows of leaderboards.
    leaders: LocalCache<(Board, usize), Vec<LeaderboardRow>>,
    /// Users' own rows of leaderboards.
    ranks: LocalCache<(Board, UserId), LeaderboardRow>,
    written_rewards: WriteTimes,
    /// Users' tasks.
    pub tasks: RedisCache<UserTasks>,
    /// Users' check-ins.
    pub check_ins: RedisCache<UserCheckIns>,
    /// Missions, where there is a Redis in which others read them.
    offered: Option<PublishedVersions>,
}

struct PublishedVersions {
    missions: RedisCache<CachedMission>,
    lists: RedisCache<CachedMissions>,
}

impl Cache {
    /// So many of the newest are kept of a user's tasks and rewards: one more than a page.
    pub const NEWEST: usize = 51;

    /// A cache in this process, and in Redis where there is one.
    #[must_use]
    pub fn new(remote: Option<(Arc<RedisConnection>, Arc<Invalidations>)>) -> Self {
        Cache {
            users: LocalCache::new(NEAR_USERS),
            rewards: LocalCache::new(NEAR_USERS),
            written_users: WriteTimes::default(),
            leaders: LocalCache::new(NEAR_BOARDS),
            ranks: LocalCache::new(NEAR_USERS),
            written_rewards: WriteTimes::with_places(1),
            tasks: RedisCache::new(NEAR_USERS, remote.clone()),
            check_ins: RedisCache::new(NEAR_USERS, remote.clone()),
            offered: remote.map(|remote| PublishedVersions {
                missions: RedisCache::new(NEAR_MISSIONS, Some(remote.clone())),
                lists: RedisCache::new(NEAR_MISSIONS, Some(remote)),
            }),
        }
    }

    /// A user's record, if there is one.
    ///
    /// # Errors
    /// When it cannot be read.
    pub async fn user(
        &self,
        queries: &dyn Queries,
        user: UserId,
    ) -> Result<Arc<CachedValue<Option<User>>>, StoreError> {
        let written = || self.written_users.last(user);
        self.users.get_or_read(user, written, || queries.user(user)).await
    }

    /// A user's newest rewards, at most so many as [`Self::NEWEST`].
    ///
    /// # Errors
    /// When they cannot be read.
    pub async fn newest_rewards(
        &self,
        queries: &dyn Queries,
        user: UserId,
    ) -> Result<Arc<CachedValue<Vec<Reward>>>, StoreError> {
        let page = Page {
            limit: Self::NEWEST,
            after: None,
        };
        let written = || self.written_users.last(user);
        let read = || queries.rewards(user, None, page);
        self.rewards.get_or_read(user, written, read).await
    }

    /// The first rows of a leaderboard of all users.
    ///
    /// # Errors
    /// When they cannot be read.
    pub async fn leaders(
        &self,
        queries: &dyn Queries,
        board: Board,
        limit: usize,
    ) -> Result<Arc<CachedValue<Vec<LeaderboardRow>>>, StoreError> {
        let written = || self.written_rewards.last(());
        let read = || queries.leaderboard(board, None, limit);
        self.leaders.get_or_read((board, limit), written, read).await
    }

    /// A user's own row of a leaderboard of all users.
    ///
    /// # Errors
    /// When it cannot be read.
    pub async fn rank(
        &self,
        queries: &dyn Queries,
        board: Board,
        user: UserId,
    ) -> Result<Arc<CachedValue<LeaderboardRow>>, StoreError> {
        let written = || self.written_rewards.last(());
        let read = || queries.leaderboard_row(board, None, user);
        self.ranks.get_or_read((board, user), written, read).await
    }

    /// Notes that a change is written.
    fn invalidate(&self, change: &Change) {
        for root in change.expected.keys() {
            self.invalidate_root(*root);
        }
        let write_set = &change.write_set;
        if !write_set.writes.reward.is_empty() || !write_set.erasures.is_empty() {
            self.written_rewards.note(());
        }
    }

    /// Notes that something below a root is written.
    pub fn invalidate_root(&self, root: Root) {
        match root {
            Root::User(user) => {
                self.written_users.note(user);
                self.tasks.invalidate(user);
                self.check_ins.invalidate(user);
            }
            Root::Mission(mission) => {
                if let Some(offered) = &self.offered {
                    offered.missions.invalidate(mission);
                    offered.lists.invalidate(MissionListKind::Active);
                    offered.lists.invalidate(MissionListKind::All);
                }
            }
            // A pack's missions are roots of their own.
            Root::Pack(_) => {}
        }
    }

    /// Sees to it that others find a mission that was asked for.
    pub async fn publish_mission(&self, engine: &Engine, id: MissionId) {
        if let Some(offered) = &self.offered {
            let catalog = engine.catalog();
            let found = catalog.mission(id).map(|listed| listed.mission.clone());
            let found = found.filter(|mission| !mission.definition.shadow);
            let read = || std::future::ready(found.clone().map(CachedMission).ok_or(()));
            let _ = offered.missions.get(id, read).await;
        }
    }

    /// Sees to it that others find the missions, which were asked for.
    pub async fn publish_missions(&self, engine: &Engine) {
        let Some(offered) = &self.offered else { return };
        let catalog = engine.catalog();
        for (listed, life) in [
            (MissionListKind::Active, 5 * MINUTE),
            (MissionListKind::All, 30 * MINUTE),
        ] {
            let read = || {
                let all = catalog.missions().map(|listed| &listed.mission);
                let wanted = all
                    .filter(|mission| {
                        let is_wanted =
                            listed == MissionListKind::All || mission.status == MissionStatus::Active;
                        is_wanted && !mission.definition.shadow
                    })
                    .cloned();
                let missions = MissionList {
                    missions: wanted.collect(),
                };
                std::future::ready(Ok::<_, ()>(CachedMissions { life, missions }))
            };
            let _ = offered.lists.get(listed, read).await;
        }
    }
}

/// A store whose commits the cache learns of before anybody is answered; and of erasures, what is kept of the answers of
/// other services.
pub struct CachedStore<S> {
    store: S,
    cache: Arc<Cache>,
    neighbours: Neighbours,
}

impl<S> CachedStore<S> {
    /// The store, before which the cache stands.
    pub fn new(store: S, cache: Arc<Cache>, neighbours: Neighbours) -> Self {
        CachedStore {
            store,
            cache,
            neighbours,
        }
    }

    fn invalidate(&self, changes: &[Change]) {
        for change in changes {
            self.cache.invalidate(change);
        }
    }
}

#[async_trait]
impl<S: Store> Store for CachedStore<S> {
    async fn load(&self, keys: &ReadSet) -> Result<LoadedRecords, StoreError> {
        let began = Instant::now();
        let loaded = self.store.load(keys).await;
        record_time("load", began);
        loaded
    }

    async fn commit(&self, changes: &[Change]) -> Result<Vec<CommitOutcome>, StoreError> {
        // Before, so that a server which is killed right after the commit leaves nothing old behind; and after, since
        // somebody may have read in between.
        self.invalidate(changes);
        let began = Instant::now();
        let outcome = self.store.commit(changes).await;
        record_time("commit", began);
        self.invalidate(changes);
        if let Ok(outcomes) = &outcome {
            count_outcomes(changes, outcomes);
        }
        for (place, change) in changes.iter().enumerate() {
            let conflict =
                |outcomes: &Vec<CommitOutcome>| outcomes.get(place) == Some(&CommitOutcome::Conflict);
            // Where the outcome is unknown, the user may be erased.
            if !outcome.as_ref().is_ok_and(conflict) {
                for user in &change.write_set.erasures {
                    self.neighbours.forget(*user);
                }
            }
        }
        outcome
    }
}

fn record_time(operation: &'static str, began: Instant) {
    metrics::histogram!("mission_store_seconds", "operation" => operation)
        .record(began.elapsed().as_secs_f64());
}

fn count_outcomes(changes: &[Change], outcomes: &[CommitOutcome]) {
    let (mut committed, mut conflicts) = (0, 0);
    for (change, outcome) in changes.iter().zip(outcomes) {
        match outcome {
            CommitOutcome::Committed => committed += change.journal.len() as u64,
            CommitOutcome::Conflict => conflicts += 1,
        }
    }
    metrics::counter!("mission_commands_committed_total").increment(committed);
    metrics::counter!("mission_commit_conflicts_total").increment(conflicts);
}
