//! What is kept as sums over all users: scores, counts by hour and mission, budgets. Each is counted again.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use chrono::{DateTime, Duration, NaiveDate, Utc};
use mission_core::{
    MissionId, UserId,
    mission::Mission,
    points::total_from_millionths,
    ports::{queries::Board, store::StoreError},
    reward::RewardStatus,
};
use uuid::Uuid;

use super::{
    records::UserRecords,
    report::{Deviation, DeviationKind, Findings, Unchecked},
    streaks::RecountedStreaks,
};
use crate::store::{
    micros::total_micros,
    read_transaction::ReadTransaction,
    record::{from_json, instant},
    row::SqlRow,
    sql_builder::SqlBuilder,
    sums::key,
};

const HOUR: i64 = 3_600_000_000;

/// What happened in one hour with one mission; the nil id stands for no mission.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct HourlySums {
    started: i64,
    completed: i64,
    check_ins: i64,
    claims: i64,
    points_micros: i64,
    verifications: i64,
    verified: i64,
}

impl HourlySums {
    fn fields(self) -> [(&'static str, i64); 7] {
        [
            ("started", self.started),
            ("completed", self.completed),
            ("check_ins", self.check_ins),
            ("claims", self.claims),
            ("points_micros", self.points_micros),
            ("verifications", self.verifications),
            ("verified", self.verified),
        ]
    }
}

/// What is used of a budget.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct BudgetSums {
    micros: i64,
    grants: i64,
}

/// The boards that are kept.
#[derive(Debug)]
pub(super) struct Boards {
    kept: BTreeSet<i64>,
    /// The first of them but the one of all time: housekeeping may just be removing it.
    oldest: Option<i64>,
    /// Boards that begin on or after this day are whole.
    whole_from: NaiveDate,
}

impl Boards {
    pub(super) fn numbers(&self) -> Vec<i64> {
        self.kept.iter().copied().collect()
    }

    /// Whether a score that is not there should be.
    fn is_whole(&self, board: i64) -> bool {
        let first_day = NaiveDate::default() + Duration::days(board.div_euclid(4));
        board == 0
            || first_day >= self.whole_from
            || (self.kept.contains(&board) && self.oldest.is_some_and(|oldest| board > oldest))
    }
}

/// The sums, counted again user by user.
#[derive(Debug)]
pub(super) struct RecountedSums {
    hours: HashMap<(i64, Uuid), HourlySums>,
    budgets: BTreeMap<MissionId, BudgetSums>,
    /// What is noted and not yet folded into scores, by user: when, and how much.
    noted: BTreeMap<UserId, Vec<(i64, i64)>>,
    /// The same of the counts by hour.
    noted_hours: HashMap<(i64, Uuid), HourlySums>,
    boards: Boards,
    erased: u64,
    streaks: RecountedStreaks,
}

impl RecountedSums {
    /// Reads what is noted and not yet folded, and which boards there are.
    pub(super) async fn begin<T: ReadTransaction>(
        transaction: &mut T,
        now: DateTime<Utc>,
    ) -> Result<Self, StoreError> {
        let boards = SqlBuilder::new("SELECT DISTINCT board FROM score_counts ORDER BY board");
        let rows = transaction.read(boards).await?;
        let mut kept: BTreeSet<i64> = rows.iter().map(|row| row.number(0)).collect::<Result<_, _>>()?;
        let oldest = kept.iter().copied().find(|board| *board != 0);
        kept.insert(0);
        let mut again = RecountedSums {
            hours: HashMap::new(),
            budgets: BTreeMap::new(),
            noted: BTreeMap::new(),
            noted_hours: HashMap::new(),
            boards: Boards {
                kept,
                oldest,
                whole_from: (now - Duration::days(69)).date_naive(),
            },
            erased: 0,
            streaks: RecountedStreaks::default(),
        };
        again.read_noted(transaction).await?;
        Ok(again)
    }

    pub(super) fn boards(&self) -> &Boards {
        &self.boards
    }

    async fn read_noted<T: ReadTransaction>(&mut self, transaction: &mut T) -> Result<(), StoreError> {
        const AT_ONCE: usize = 10_000;
        let mut after = i64::MIN;
        loop {
            let mut noted = SqlBuilder::new(
                "SELECT id, CAST(kind AS bigint), CAST(times AS bigint), at, mission_id, user_id, micros
                FROM activity WHERE id > ? ORDER BY id",
            );
            noted.bind(after).limit(AT_ONCE);
            let rows = transaction.read(noted).await?;
            for row in &rows {
                after = row.number(0)?;
                let (kind, times, at) = (row.number(1)?, row.number(2)?, row.number(3)?);
                let (mission, micros) = (row.optional_id(4)?.unwrap_or_default(), row.number(6)?);
                if let Some(user) = row.optional_id(5)? {
                    self.noted
                        .entry(user.into())
                        .or_default()
                        .push((at, times * micros));
                }
                if kind != 8 {
                    let sums = self.noted_hours.entry((hour_of(at), mission)).or_default();
                    match kind {
                        1 => sums.started += times,
                        2 => sums.completed += times,
                        3 => sums.check_ins += times,
                        4 => {
                            sums.claims += times;
                            sums.points_micros += times * micros;
                        }
                        5 => sums.points_micros -= times * micros,
                        _ => {
                            sums.verifications += times;
                            sums.verified += if kind == 7 { times } else { 0 };
                        }
                    }
                }
            }
            if rows.len() < AT_ONCE {
                return Ok(());
            }
        }
    }

    /// Takes in a user, and holds the user's scores to it.
    pub(super) fn add(&mut self, user: UserId, records: &UserRecords, findings: &mut Findings<'_>) {
        if records.user.as_ref().is_some_and(|user| user.erased_at.is_some()) {
            self.erased += 1;
            findings.report.leave_out(Unchecked::ErasedUsers, 1);
        }
        self.streaks.add(&records.days);
        for day in &records.days {
            self.hour(day.checked_in_at.timestamp_micros(), None).check_ins += 1;
        }
        for task in records.tasks.values() {
            self.hour(task.started_at, Some(task.mission)).started += 1;
            if let Some(at) = task.completed_at {
                self.hour(at, Some(task.mission)).completed += 1;
            }
            for reward in task.record.would_earn.iter().flatten() {
                self.use_budget(task.mission, total_micros(&reward.amount));
            }
            if let Some(at) = task.verified_at
                && (task.is_valid || task.status != "pending_review")
            {
                let sums = self.hour(at, Some(task.mission));
                sums.verifications += 1;
                sums.verified += i64::from(task.is_valid);
            }
        }
        let mut scores: BTreeMap<i64, i64> = BTreeMap::new();
        for reward in records.rewards.values() {
            let record = &reward.record;
            let micros = total_micros(&record.amount);
            if let Some(at) = record.claimed_at {
                let sums = self.hour(at.timestamp_micros(), record.mission_id);
                sums.claims += 1;
                sums.points_micros += micros;
                if record.status == RewardStatus::Claimed {
                    add_to_boards(&mut scores, at, micros);
                }
            }
            if let Some(at) = record.points_revoked_at() {
                self.hour(at.timestamp_micros(), record.mission_id).points_micros -= micros;
            }
            let holds = matches!(
                record.status,
                RewardStatus::Pending | RewardStatus::Held | RewardStatus::Claimed
            );
            if let Some(mission) = record.mission_id.filter(|_| record.is_budgeted && holds) {
                self.use_budget(mission, micros);
            }
        }
        self.compare_scores(user, records, &scores, findings);
    }

    fn use_budget(&mut self, mission: MissionId, micros: i64) {
        let used = self.budgets.entry(mission).or_default();
        used.micros += micros;
        used.grants += 1;
    }

    fn hour(&mut self, at: i64, mission: Option<MissionId>) -> &mut HourlySums {
        let mission = mission.map_or(Uuid::nil(), |mission| mission.0);
        self.hours.entry((hour_of(at), mission)).or_default()
    }

    fn compare_scores(
        &mut self,
        user: UserId,
        records: &UserRecords,
        expected: &BTreeMap<i64, i64>,
        findings: &mut Findings<'_>,
    ) {
        let mut kept = records.scores.clone();
        for (at, micros) in self.noted.remove(&user).unwrap_or_default() {
            if let Ok(at) = instant(at) {
                add_to_boards(&mut kept, at, micros);
            }
        }
        let boards: BTreeSet<i64> = expected.keys().chain(kept.keys()).copied().collect();
        for board in boards {
            let (is, should) = (
                kept.get(&board).copied().unwrap_or(0),
                expected.get(&board).copied().unwrap_or(0),
            );
            let may_be_gone = !records.scores.contains_key(&board) && !self.boards.is_whole(board);
            if is != should && !may_be_gone {
                let differing = Deviation::new(
                    DeviationKind::Score,
                    total_from_millionths(should),
                    total_from_millionths(is),
                );
                findings.add(Deviation {
                    user: Some(user),
                    of: Some(board_name(board)),
                    command: records.last_command(),
                    ..differing
                });
            }
        }
    }

    /// Holds what is kept over all users to what was counted.
    pub(super) async fn finish<T: ReadTransaction>(
        mut self,
        transaction: &mut T,
        findings: &mut Findings<'_>,
    ) -> Result<(), StoreError> {
        // Of users who were erased, refused evidence and removed tasks only the sum is kept.
        let mut above = 0;
        let keeps_erased = self.erased > 0;
        let mut after = (i64::MIN, Uuid::nil());
        const AT_ONCE: usize = 10_000;
        loop {
            let mut counts = SqlBuilder::new(
                "SELECT hour, mission_id, started, completed, check_ins, claims, points_micros, verifications, verified
                FROM activity_counts WHERE (hour, mission_id) > (?, ?) ORDER BY hour, mission_id",
            );
            counts.bind(after.0).bind(after.1).limit(AT_ONCE);
            let rows = transaction.read(counts).await?;
            for row in &rows {
                after = (row.number(0)?, row.id(1)?);
                let kept = HourlySums {
                    started: row.number(2)?,
                    completed: row.number(3)?,
                    check_ins: row.number(4)?,
                    claims: row.number(5)?,
                    points_micros: row.number(6)?,
                    verifications: row.number(7)?,
                    verified: row.number(8)?,
                };
                let expected = self.hours.remove(&after).unwrap_or_default();
                let noted = self.noted_hours.remove(&after).unwrap_or_default();
                above += compare_hour(after, expected, kept, noted, keeps_erased, findings);
            }
            if rows.len() < AT_ONCE {
                break;
            }
        }
        let left: BTreeSet<(i64, Uuid)> = self
            .hours
            .keys()
            .chain(self.noted_hours.keys())
            .copied()
            .collect();
        for key in left {
            let expected = self.hours.remove(&key).unwrap_or_default();
            let noted = self.noted_hours.remove(&key).unwrap_or_default();
            above += compare_hour(
                key,
                expected,
                HourlySums::default(),
                noted,
                keeps_erased,
                findings,
            );
        }
        above += self.budgets(transaction, findings).await?;
        above += self.streaks.finish(transaction, keeps_erased, findings).await?;
        findings.report.leave_out(Unchecked::SumsAboveRecords, above);
        score_counts(transaction, findings).await
    }

    async fn budgets<T: ReadTransaction>(
        &mut self,
        transaction: &mut T,
        findings: &mut Findings<'_>,
    ) -> Result<u64, StoreError> {
        let mut above = 0;
        let rows = transaction
            .read(SqlBuilder::new(
                "SELECT mission_id, points_micros, grants FROM budgets",
            ))
            .await?;
        let mut kept: BTreeMap<MissionId, BudgetSums> = BTreeMap::new();
        for row in &rows {
            let used = BudgetSums {
                micros: row.number(1)?,
                grants: row.number(2)?,
            };
            kept.insert(row.id(0)?.into(), used);
        }
        let missions: BTreeSet<MissionId> = kept.keys().chain(self.budgets.keys()).copied().collect();
        let shadows = shadow_missions(transaction).await?;
        for mission in missions {
            let is = kept.get(&mission).copied().unwrap_or_default();
            let should = self.budgets.get(&mission).copied().unwrap_or_default();
            if is == should {
                continue;
            }
            // What a task of a shadow mission would have earned goes with it when it has expired.
            let goes = self.erased > 0 || shadows.contains(&mission);
            if goes && is.micros >= should.micros && is.grants >= should.grants {
                above += 1;
                continue;
            }
            let used = |used: BudgetSums| {
                format!(
                    "{} in {} rewards",
                    total_from_millionths(used.micros),
                    used.grants
                )
            };
            findings.add(Deviation {
                mission: Some(mission),
                ..Deviation::new(DeviationKind::BudgetUse, used(should), used(is))
            });
        }
        Ok(above)
    }
}

async fn shadow_missions<T: ReadTransaction>(transaction: &mut T) -> Result<BTreeSet<MissionId>, StoreError> {
    let missions = SqlBuilder::new("SELECT data FROM missions WHERE data IS NOT NULL");
    let rows = transaction.read(missions).await?;
    let mut shadows = BTreeSet::new();
    for row in &rows {
        let mission: Mission = from_json(row.text(0)?)?;
        if mission.definition.shadow {
            shadows.insert(mission.id);
        }
    }
    Ok(shadows)
}

fn hour_of(at: i64) -> i64 {
    at - at.rem_euclid(HOUR)
}

fn add_to_boards(scores: &mut BTreeMap<i64, i64>, at: DateTime<Utc>, micros: i64) {
    for board in [Board::all_time(), Board::month_of(at), Board::week_of(at)] {
        *scores.entry(key(board)).or_default() += micros;
    }
}

fn board_name(board: i64) -> String {
    let first_day = NaiveDate::default() + Duration::days(board.div_euclid(4));
    match board.rem_euclid(4) {
        1 => format!("board of the month from {first_day}"),
        2 => format!("board of the week from {first_day}"),
        _ => "board of all time".to_owned(),
    }
}

/// Compares the sums of one hour and mission, and answers how many of them are above the records for a reason that leaves
/// no record.
fn compare_hour(
    (hour, mission): (i64, Uuid),
    expected: HourlySums,
    kept: HourlySums,
    noted: HourlySums,
    keeps_erased: bool,
    findings: &mut Findings<'_>,
) -> u64 {
    let mut above = 0;
    let fields = expected
        .fields()
        .into_iter()
        .zip(kept.fields())
        .zip(noted.fields());
    for (((field, should), (_, kept)), (_, noted)) in fields {
        let is = kept + noted;
        if is == should {
            continue;
        }
        // Tasks that have expired may be removed, and evidence that was refused has no record.
        let is_kept_without_record = matches!(field, "started" | "verifications") || keeps_erased;
        if is_kept_without_record && (is > should || field == "points_micros") {
            above += 1;
            continue;
        }
        let at = instant(hour).map_or_else(|_| hour.to_string(), |hour| hour.to_rfc3339());
        findings.add(Deviation {
            mission: (!mission.is_nil()).then(|| mission.into()),
            of: Some(format!("{field} in the hour from {at}")),
            ..Deviation::new(DeviationKind::HourlySum, should, is)
        });
    }
    above
}

/// The counts behind ranks are those of the scores.
async fn score_counts<T: ReadTransaction>(
    transaction: &mut T,
    findings: &mut Findings<'_>,
) -> Result<(), StoreError> {
    let differing = SqlBuilder::new(
        "SELECT board, CAST(width AS bigint), bucket, CAST(sum(kept) AS bigint), CAST(sum(counted) AS bigint) FROM (
            SELECT board, width, bucket, users AS kept, 0 AS counted FROM score_counts
            UNION ALL SELECT board, width, points >> width, 0, count(*) FROM scores
                CROSS JOIN (SELECT 30 AS width UNION ALL SELECT 25 UNION ALL SELECT 20) AS widths
                WHERE points <> 0 GROUP BY board, width, points >> width) AS both_counts
        GROUP BY board, width, bucket HAVING sum(kept) <> sum(counted) ORDER BY board, width, bucket",
    );
    for row in &transaction.read(differing).await? {
        let (board, width, bucket) = (row.number(0)?, row.number(1)?, row.number(2)?);
        findings.add(Deviation {
            of: Some(format!("{}, bucket {bucket} of width {width}", board_name(board))),
            ..Deviation::new(DeviationKind::ScoreCount, row.number(4)?, row.number(3)?)
        });
    }
    Ok(())
}
