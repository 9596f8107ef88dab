//! The batch as a state machine without I/O: `Load -> Commit -> Done`. A writer task, a blocking loop, a caller's own
//! transaction and a simulator all drive the same one.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap, hash_map::Entry as Slot},
    panic::{AssertUnwindSafe, catch_unwind},
    sync::Arc,
};

use tracing::{Instrument as _, debug_span};

use super::{
    Answer, Catalog, Command, CommandContext, Decision, Interrupt, LoadedRecords, ReadSet, ReceiptKey,
    Rejection, Request, Snapshot, decide, read_set::read_set, slow_lane::needs_slow_lane,
};
use crate::{
    decision::{Change, JournalEntry, Root},
    ports::{
        rules::MissionRuleFailure,
        store::{BlockingStore, CommitOutcome, RECEIPT_LIFETIME, Store, StoreError},
    },
    task::decide::moved_tasks,
};

/// Why a command is to be tried again, in another batch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RetryReason {
    /// Somebody was faster: decide it on what is there now.
    Conflict,
    /// Nobody knows whether it was committed: look for its receipt first.
    Uncertain,
    /// The batch was refused: try it alone, so that one bad command fails alone.
    Alone,
    /// The batch ended before it, at an erasure; nothing was tried yet. It belongs to the next batch, before all that
    /// came later.
    NextBatch,
    /// It, or a command before it on the same roots, may have to wait for a slow script; nothing was tried yet.
    SlowLane,
}

/// The outcome of one command of a batch.
#[derive(Debug)]
#[expect(
    clippy::large_enum_variant,
    reason = "one a command, moved by value, never in long lists"
)]
pub enum CommandOutcome {
    /// It was decided, and what the decision rests on is durable.
    Answered {
        /// The answer.
        answer: Answer,
        /// Whether it was given before, under the same key.
        replayed: bool,
        /// The rules that failed on what the command made happen; see [`Decision::failures`].
        failures: Vec<MissionRuleFailure>,
    },
    /// It is to be tried again.
    Again(RetryReason),
    /// It failed for a reason that is no refusal of the domain.
    Failed(CommandError),
}

/// A technical failure of a command, as opposed to a [`Rejection`] by the domain.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CommandError {
    /// Nothing was written.
    #[error("nothing was written: {0}")]
    NotWritten(String),
    /// It may or may not have been written; a retry under the same key will tell.
    #[error("the outcome is unknown: {0}")]
    Unknown(String),
}

/// The next step of a batch.
#[expect(clippy::large_enum_variant, reason = "one a batch")]
pub enum BatchStep {
    /// Read this.
    Load(AwaitingLoad),
    /// Write this.
    Commit(AwaitingCommit),
    /// Nothing: here is what became of each command, in the order in which they came.
    Done(Vec<(Request, CommandOutcome)>),
}

/// A batch that waits for its records to be loaded.
pub struct AwaitingLoad {
    keys: ReadSet,
    batch: Batch,
}

/// A batch that waits for its changes to be committed.
pub struct AwaitingCommit {
    changes: Vec<Change>,
    batch: Batch,
}

struct Batch {
    catalog: Arc<Catalog>,
    requests: Vec<Request>,
    /// The roots that each request named.
    roots: Vec<BTreeSet<Root>>,
    outcomes: Vec<Option<CommandOutcome>>,
    groups: Vec<CommandGroup>,
    loaded: LoadedRecords,
    recheck: bool,
    /// What came after the end of the batch.
    left_over: Vec<Request>,
    leaves_slow_scripts: bool,
    tells_progress: bool,
}

/// Commands that share a root or a receipt, in order of arrival; they become one atomic change.
struct CommandGroup {
    members: Vec<usize>,
    decided: usize,
    roots: BTreeSet<Root>,
    change: Change,
    /// Two loads saw two versions of a root: nothing can be decided on the mixture.
    torn: bool,
    /// A command may have to wait for a slow script: it and all that follow it go elsewhere.
    slow: bool,
}

impl BatchStep {
    /// A batch that does not wait for slow scripts: it hands back the commands that may have to, and those after them
    /// on the same roots, with [`RetryReason::SlowLane`].
    #[must_use]
    pub(super) fn deferring_slow_scripts(mut self) -> BatchStep {
        if let BatchStep::Load(loading) = &mut self {
            loading.batch.leaves_slow_scripts = true;
        }
        self
    }

    /// A batch that tells of every task that moves ([`TaskProgressed`](crate::event::TaskProgressed)), or of none: there
    /// may be nobody who follows.
    #[must_use]
    pub fn telling_progress(mut self, told: bool) -> BatchStep {
        if let BatchStep::Load(loading) = &mut self {
            loading.batch.tells_progress = told;
        }
        self
    }
}

/// Begins a batch. With `recheck`, receipts are looked for even where the engine made the key: after a commit of
/// which nobody knows the outcome. The batch ends before an erasure, and after it: what comes later is answered with
/// [`RetryReason::NextBatch`].
#[must_use]
pub fn start(requests: Vec<Request>, catalog: Arc<Catalog>, recheck: bool) -> BatchStep {
    let read_sets = requests.iter().map(|request| read_set(request, &catalog));
    let read_sets = read_sets.collect();
    start_with(requests, read_sets, catalog, recheck)
}

/// Begins a batch of commands whose read sets are known.
pub(super) fn start_with(
    mut requests: Vec<Request>,
    mut read_sets: Vec<ReadSet>,
    catalog: Arc<Catalog>,
    recheck: bool,
) -> BatchStep {
    let left_over = requests.split_off(end_of_batch(&requests));
    read_sets.truncate(requests.len());
    let mut keys = ReadSet::default();
    let roots: Vec<BTreeSet<Root>> = read_sets.iter().map(ReadSet::all_roots).collect();
    let groups = group(&requests, &roots);
    for (request, read_set) in requests.iter().zip(read_sets) {
        if request.keyed {
            keys.receipts.insert(request.receipt);
        } else if recheck {
            keys.unkeyed.insert((request.command.home(), request.receipt));
        }
        keys.extend(read_set);
    }
    let outcomes = requests.iter().map(|_| None).collect();
    let batch = Batch {
        catalog,
        requests,
        roots,
        outcomes,
        groups,
        loaded: LoadedRecords::default(),
        recheck,
        left_over,
        leaves_slow_scripts: false,
        tells_progress: false,
    };
    BatchStep::Load(AwaitingLoad { keys, batch })
}

/// How many of the commands go together. An erasure goes by itself: it scrubs what the journal says of the user, and
/// so must not meet entries of its own commit.
fn end_of_batch(requests: &[Request]) -> usize {
    let erases = |request: &Request| matches!(request.command, Command::EraseUser(_));
    match requests.iter().position(erases) {
        Some(0) => 1,
        Some(erasure) => erasure,
        None => requests.len(),
    }
}

#[derive(PartialEq, Eq, Hash)]
enum Link {
    Root(Root),
    Receipt(ReceiptKey),
}

/// Sorts commands into groups that share nothing (a union-find over roots and receipts).
fn group(requests: &[Request], roots: &[BTreeSet<Root>]) -> Vec<CommandGroup> {
    fn leader(leaders: &mut [usize], mut of: usize) -> usize {
        while leaders[of] != of {
            leaders[of] = leaders[leaders[of]];
            of = leaders[of];
        }
        of
    }
    let mut leaders: Vec<usize> = (0..requests.len()).collect();
    let mut first_with: HashMap<Link, usize> = HashMap::new();
    for (n, (request, roots)) in requests.iter().zip(roots).enumerate() {
        let links = roots
            .iter()
            .copied()
            .map(Link::Root)
            .chain([Link::Receipt(request.receipt)]);
        for link in links {
            match first_with.entry(link) {
                Slot::Vacant(slot) => {
                    slot.insert(n);
                }
                Slot::Occupied(slot) => {
                    let (a, b) = (leader(&mut leaders, n), leader(&mut leaders, *slot.get()));
                    leaders[a.max(b)] = a.min(b);
                }
            }
        }
    }
    let mut groups: BTreeMap<usize, CommandGroup> = BTreeMap::new();
    for (n, roots) in roots.iter().enumerate() {
        let group = groups
            .entry(leader(&mut leaders, n))
            .or_insert_with(|| CommandGroup {
                members: Vec::new(),
                decided: 0,
                roots: BTreeSet::new(),
                change: Change::default(),
                torn: false,
                slow: false,
            });
        group.members.push(n);
        group.roots.extend(roots);
    }
    groups.into_values().collect()
}

impl AwaitingLoad {
    /// What is to be read.
    #[must_use]
    pub fn keys(&self) -> &ReadSet {
        &self.keys
    }

    /// Goes on with what was read.
    #[must_use]
    pub fn loaded(mut self, result: Result<LoadedRecords, StoreError>) -> BatchStep {
        match result {
            Ok(loaded) => {
                self.batch.add_loaded(loaded);
                self.batch.decide_all()
            }
            Err(error) => self.batch.fail_undecided(&error),
        }
    }
}

impl Batch {
    fn add_loaded(&mut self, loaded: LoadedRecords) {
        for (root, version) in &loaded.versions {
            if self
                .loaded
                .versions
                .get(root)
                .is_some_and(|before| before != version)
            {
                for group in self.groups.iter_mut().filter(|group| group.roots.contains(root)) {
                    group.torn = true;
                }
            }
        }
        self.loaded.extend(loaded);
    }

    fn fail_undecided(mut self, error: &StoreError) -> BatchStep {
        // After an uncertain commit, a failed load leaves the command as uncertain as it was.
        let fault = if self.recheck {
            CommandError::Unknown(error.to_string())
        } else {
            CommandError::NotWritten(error.to_string())
        };
        for outcome in &mut self.outcomes {
            *outcome = Some(CommandOutcome::Failed(fault.clone()));
        }
        self.done()
    }

    fn decide_all(mut self) -> BatchStep {
        let mut missing = ReadSet::default();
        let mut groups = std::mem::take(&mut self.groups);
        for group in groups.iter_mut().filter(|group| !group.torn) {
            while let Some(&member) = group.members.get(group.decided) {
                if let Some(keys) = self.decide_one(group, member) {
                    missing.extend(keys);
                    break;
                }
                group.decided += 1;
            }
        }
        self.groups = groups;
        if !missing.is_empty() {
            return BatchStep::Load(AwaitingLoad {
                keys: missing,
                batch: self,
            });
        }
        self.commit()
    }

    fn commit(mut self) -> BatchStep {
        let mut changes = Vec::new();
        let mut groups = std::mem::take(&mut self.groups);
        groups.retain_mut(|group| {
            if group.torn {
                for &member in &group.members {
                    self.outcomes[member] = Some(CommandOutcome::Again(RetryReason::Conflict));
                }
                return false;
            }
            // A group that writes nothing is answered on what was loaded.
            let writes = !group.change.journal.is_empty();
            if writes {
                changes.push(std::mem::take(&mut group.change));
            }
            writes
        });
        self.groups = groups;
        if changes.is_empty() {
            self.done()
        } else {
            BatchStep::Commit(AwaitingCommit { changes, batch: self })
        }
    }

    /// Decides one command; answers what is missing if it cannot be decided yet.
    fn decide_one(&mut self, group: &mut CommandGroup, member: usize) -> Option<ReadSet> {
        let request = &self.requests[member];
        if !group.slow
            && let Some(outcome) = self.remembered(group, request)
        {
            self.outcomes[member] = Some(outcome);
            return None;
        }
        let view = Snapshot::new(&self.loaded, &group.change.write_set);
        group.slow |= self.leaves_slow_scripts && needs_slow_lane(&request.command, view, &self.catalog);
        if group.slow {
            self.outcomes[member] = Some(CommandOutcome::Again(RetryReason::SlowLane));
            return None;
        }
        let context = CommandContext::new(request, &self.catalog);
        let decided = catch_unwind(AssertUnwindSafe(|| decide(view, &request.command, &context)));
        let fail = |why: &str| Some(CommandOutcome::Failed(CommandError::NotWritten(why.to_owned())));
        let (mut device_check, mut risk_check, mut failures) = (None, None, Vec::new());
        let (answer, events) = match decided {
            Err(_) => {
                self.outcomes[member] = fail("the decision panicked");
                return None;
            }
            Ok(Err(Interrupt::NeedsLoad(keys))) => {
                if keys.all_roots().is_subset(&group.roots) {
                    return Some(*keys);
                }
                self.outcomes[member] = fail("the command read outside the roots that it named");
                return None;
            }
            Ok(Err(Interrupt::Rejected(why))) => (Err(why), Vec::new()),
            Ok(Ok(Decision {
                reply,
                write_set,
                mut events,
                device_check: found,
                risk_check: risk_found,
                failures: failed,
            })) => {
                (device_check, risk_check, failures) = (found, risk_found, failed);
                if self.tells_progress {
                    events.extend(moved_tasks(view, &write_set, &context));
                }
                if changes_something(&write_set, &events) {
                    for root in &self.roots[member] {
                        let version = self.loaded.versions.get(root).copied().unwrap_or_default();
                        group.change.expected.insert(*root, version);
                    }
                    group.change.write_set.extend(write_set);
                } else if !request.keyed {
                    self.outcomes[member] = Some(CommandOutcome::Answered {
                        answer: Ok(reply),
                        replayed: false,
                        failures,
                    });
                    return None;
                }
                (Ok(reply), events)
            }
        };
        let kept = match &answer {
            Ok(_) => true,
            Err(why) => request.keyed && !why.is_transient(),
        };
        if kept {
            let home = request.command.home();
            // A refusal too rests on its root as it was: it is not written of a user who was erased meanwhile.
            if let Some(version) = self.loaded.versions.get(&home).filter(|version| version.0 > 0) {
                group.change.expected.insert(home, *version);
            }
            let mut request = request.clone();
            request.signals.device_check = device_check;
            request.signals.risk_check = risk_check;
            let entry = JournalEntry {
                root: home,
                request,
                answer: answer.clone(),
                events,
            };
            group.change.journal.push(entry);
        }
        self.outcomes[member] = Some(CommandOutcome::Answered {
            answer,
            replayed: false,
            failures,
        });
        None
    }

    /// The answer that the same key was given before, in this batch or an earlier one.
    fn remembered(&self, group: &CommandGroup, request: &Request) -> Option<CommandOutcome> {
        let in_batch = group
            .change
            .journal
            .iter()
            .find(|entry| entry.request.receipt == request.receipt);
        let (fingerprint, answer) = match in_batch {
            Some(entry) => (entry.request.fingerprint, &entry.answer),
            None => {
                let receipt = self.loaded.receipts.get(&request.receipt)?.as_ref()?;
                if request.at - receipt.at >= RECEIPT_LIFETIME {
                    return None;
                }
                (receipt.fingerprint, &receipt.answer)
            }
        };
        Some(if fingerprint == request.fingerprint {
            CommandOutcome::Answered {
                answer: answer.clone(),
                replayed: true,
                failures: Vec::new(),
            }
        } else {
            CommandOutcome::Answered {
                answer: Err(Rejection::IdempotencyKeyReused),
                replayed: false,
                failures: Vec::new(),
            }
        })
    }

    fn done(self) -> BatchStep {
        let unsettled = || {
            CommandOutcome::Failed(CommandError::NotWritten(
                "the command was left undecided".to_owned(),
            ))
        };
        let settled = self
            .outcomes
            .into_iter()
            .map(|outcome| outcome.unwrap_or_else(unsettled));
        let left_over = self.left_over.into_iter();
        let later = left_over.map(|request| (request, CommandOutcome::Again(RetryReason::NextBatch)));
        BatchStep::Done(self.requests.into_iter().zip(settled).chain(later).collect())
    }
}

fn changes_something(write_set: &crate::decision::WriteSet, events: &[super::OutboundEvent]) -> bool {
    *write_set != crate::decision::WriteSet::default() || !events.is_empty()
}

impl AwaitingCommit {
    /// What is to be written; the changes share no root.
    #[must_use]
    pub fn changes(&self) -> &[Change] {
        &self.changes
    }

    /// Goes on with what became of the changes.
    #[must_use]
    #[expect(
        clippy::needless_pass_by_value,
        reason = "callers hand on what the store gave them"
    )]
    pub fn committed(mut self, result: Result<Vec<CommitOutcome>, StoreError>) -> BatchStep {
        let alone = self.batch.requests.len() == 1;
        let groups = std::mem::take(&mut self.batch.groups);
        for (n, group) in groups.iter().enumerate() {
            let redo = match &result {
                Ok(outcomes) => match outcomes.get(n) {
                    Some(CommitOutcome::Committed) => continue,
                    Some(CommitOutcome::Conflict) => Err(RetryReason::Conflict),
                    None => Err(RetryReason::Uncertain),
                },
                Err(StoreError::Refused(why)) if alone => Ok(CommandError::NotWritten(why.clone())),
                Err(StoreError::Refused(_)) => Err(RetryReason::Alone),
                Err(StoreError::Unavailable(_)) => Err(RetryReason::Uncertain),
            };
            for &member in &group.members {
                self.batch.outcomes[member] = Some(match (&self.batch.outcomes[member], &redo) {
                    // A command that failed by itself has its answer, whatever became of its neighbours.
                    (Some(CommandOutcome::Failed(fault)), _) => CommandOutcome::Failed(fault.clone()),
                    // It stays behind those before it.
                    (Some(CommandOutcome::Again(RetryReason::SlowLane)), _) => {
                        CommandOutcome::Again(RetryReason::NextBatch)
                    }
                    (_, Ok(fault)) => CommandOutcome::Failed(fault.clone()),
                    (_, Err(again)) => CommandOutcome::Again(*again),
                });
            }
        }
        self.batch.done()
    }
}

/// Drives a batch on a store.
pub async fn run<S: Store + ?Sized>(store: &S, mut step: BatchStep) -> Vec<(Request, CommandOutcome)> {
    loop {
        step = match step {
            BatchStep::Load(loading) => {
                let loaded = store.load(loading.keys()).instrument(debug_span!("load")).await;
                debug_span!("decide").in_scope(|| loading.loaded(loaded))
            }
            BatchStep::Commit(committing) => {
                let changes = committing.changes();
                let span = debug_span!("commit", changes = changes.len());
                let outcomes = store.commit(changes).instrument(span).await;
                committing.committed(outcomes)
            }
            BatchStep::Done(settled) => return settled,
        }
    }
}

/// Drives a batch on a store without async: a thread, or a caller's own transaction.
pub fn run_blocking(
    store: &mut (impl BlockingStore + ?Sized),
    mut step: BatchStep,
) -> Vec<(Request, CommandOutcome)> {
    loop {
        step = match step {
            BatchStep::Load(loading) => {
                let loaded = store.load(loading.keys());
                loading.loaded(loaded)
            }
            BatchStep::Commit(committing) => {
                let outcomes = store.commit(committing.changes());
                committing.committed(outcomes)
            }
            BatchStep::Done(settled) => return settled,
        }
    }
}
