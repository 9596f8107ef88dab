//! The batch as a state machine without I/O: `Load -> Commit -> Done`. A writer task, a blocking loop, a caller's own
//! transaction and a simulator all drive the same one.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap, hash_map::Entry as Slot},
    panic::{AssertUnwindSafe, catch_unwind},
    sync::Arc,
};

use super::{
    Answer, Book, Command, Context, Decision, Facts, Halt, Keys, ReceiptKey, Rejection, Request, View,
    decide, footprint::footprint, slow_lane::may_be_slow,
};
use crate::ports::store::{
    BlockingStore, Change, CommitOutcome, Entry, RECEIPT_LIFETIME, Root, Store, StoreError,
};

/// Why a command is to be tried again, in another batch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Again {
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

/// What became of one command of a batch.
#[derive(Debug)]
#[expect(
    clippy::large_enum_variant,
    reason = "one a command, moved by value, never in long lists"
)]
pub enum Outcome {
    /// It was decided, and what the decision rests on is durable.
    Answered {
        /// The answer.
        answer: Answer,
        /// Whether it was given before, under the same key.
        replayed: bool,
    },
    /// It is to be tried again.
    Again(Again),
    /// It failed for a reason that is no refusal of the domain.
    Failed(Fault),
}

/// A failure that is no refusal of the domain.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Fault {
    /// Nothing was written.
    #[error("nothing was written: {0}")]
    NotWritten(String),
    /// It may or may not have been written; a retry under the same key will tell.
    #[error("the outcome is unknown: {0}")]
    Unknown(String),
}

/// What the batch needs next.
#[expect(clippy::large_enum_variant, reason = "one a batch")]
pub enum Step {
    /// Read this.
    Load(Loading),
    /// Write this.
    Commit(Committing),
    /// Nothing: here is what became of each command, in the order in which they came.
    Done(Vec<(Request, Outcome)>),
}

/// A batch that waits for a load.
pub struct Loading {
    keys: Keys,
    batch: Batch,
}

/// A batch that waits for a commit.
pub struct Committing {
    changes: Vec<Change>,
    batch: Batch,
}

struct Batch {
    book: Arc<Book>,
    requests: Vec<Request>,
    /// The roots that each request named.
    roots: Vec<BTreeSet<Root>>,
    outcomes: Vec<Option<Outcome>>,
    groups: Vec<Group>,
    facts: Facts,
    recheck: bool,
    /// What came after the end of the batch.
    left_over: Vec<Request>,
    leaves_slow_scripts: bool,
}

/// Commands that share a root or a receipt, in the order in which they came: one atomic change.
struct Group {
    members: Vec<usize>,
    decided: usize,
    roots: BTreeSet<Root>,
    change: Change,
    /// Two loads saw two versions of a root: nothing can be decided on the mixture.
    torn: bool,
    /// A command may have to wait for a slow script: it and all that follow it go elsewhere.
    slow: bool,
}

impl Step {
    /// A batch that does not wait for slow scripts: it hands back the commands that may have to, and those after them
    /// on the same roots, with [`Again::SlowLane`].
    #[must_use]
    pub(super) fn leaving_slow_scripts(mut self) -> Step {
        if let Step::Load(loading) = &mut self {
            loading.batch.leaves_slow_scripts = true;
        }
        self
    }
}

/// Begins a batch. With `recheck`, receipts are looked for even where the engine made the key: after a commit of
/// which nobody knows the outcome. The batch ends before an erasure, and after it: what comes later is answered with
/// [`Again::NextBatch`].
#[must_use]
pub fn start(mut requests: Vec<Request>, book: Arc<Book>, recheck: bool) -> Step {
    let left_over = requests.split_off(end_of_batch(&requests));
    let mut keys = Keys::default();
    let footprints: Vec<Keys> = requests.iter().map(|request| footprint(request, &book)).collect();
    let roots: Vec<BTreeSet<Root>> = footprints.iter().map(Keys::all_roots).collect();
    let groups = group(&requests, &roots);
    for (request, footprint) in requests.iter().zip(footprints) {
        if request.keyed || recheck {
            keys.receipts.insert(request.receipt);
        }
        keys.extend(footprint);
    }
    let outcomes = requests.iter().map(|_| None).collect();
    let batch = Batch {
        book,
        requests,
        roots,
        outcomes,
        groups,
        facts: Facts::default(),
        recheck,
        left_over,
        leaves_slow_scripts: false,
    };
    Step::Load(Loading { keys, batch })
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
fn group(requests: &[Request], roots: &[BTreeSet<Root>]) -> Vec<Group> {
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
    let mut groups: BTreeMap<usize, Group> = BTreeMap::new();
    for (n, roots) in roots.iter().enumerate() {
        let group = groups.entry(leader(&mut leaders, n)).or_insert_with(|| Group {
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

impl Loading {
    /// What is to be read.
    #[must_use]
    pub fn keys(&self) -> &Keys {
        &self.keys
    }

    /// Goes on with what was read.
    #[must_use]
    pub fn loaded(mut self, result: Result<Facts, StoreError>) -> Step {
        match result {
            Ok(facts) => {
                self.batch.take_in(facts);
                self.batch.decide_all()
            }
            Err(error) => self.batch.fail_undecided(&error),
        }
    }
}

impl Batch {
    fn take_in(&mut self, facts: Facts) {
        for (root, version) in &facts.versions {
            if self
                .facts
                .versions
                .get(root)
                .is_some_and(|before| before != version)
            {
                for group in self.groups.iter_mut().filter(|group| group.roots.contains(root)) {
                    group.torn = true;
                }
            }
        }
        self.facts.put_all(facts);
    }

    fn fail_undecided(mut self, error: &StoreError) -> Step {
        // After an uncertain commit, a failed load leaves the command as uncertain as it was.
        let fault = if self.recheck {
            Fault::Unknown(error.to_string())
        } else {
            Fault::NotWritten(error.to_string())
        };
        for outcome in &mut self.outcomes {
            *outcome = Some(Outcome::Failed(fault.clone()));
        }
        self.done()
    }

    fn decide_all(mut self) -> Step {
        let mut missing = Keys::default();
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
            return Step::Load(Loading {
                keys: missing,
                batch: self,
            });
        }
        self.commit()
    }

    fn commit(mut self) -> Step {
        let mut changes = Vec::new();
        let mut groups = std::mem::take(&mut self.groups);
        groups.retain_mut(|group| {
            if group.torn {
                for &member in &group.members {
                    self.outcomes[member] = Some(Outcome::Again(Again::Conflict));
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
            Step::Commit(Committing { changes, batch: self })
        }
    }

    /// Decides one command; answers what is missing if it cannot be decided yet.
    fn decide_one(&mut self, group: &mut Group, member: usize) -> Option<Keys> {
        let request = &self.requests[member];
        if !group.slow
            && let Some(outcome) = self.remembered(group, request)
        {
            self.outcomes[member] = Some(outcome);
            return None;
        }
        let view = View::new(&self.facts, &group.change.effects);
        group.slow |= self.leaves_slow_scripts && may_be_slow(&request.command, view, &self.book);
        if group.slow {
            self.outcomes[member] = Some(Outcome::Again(Again::SlowLane));
            return None;
        }
        let context = Context::new(request, &self.book);
        let decided = catch_unwind(AssertUnwindSafe(|| decide(view, &request.command, &context)));
        let fail = |why: &str| Some(Outcome::Failed(Fault::NotWritten(why.to_owned())));
        let mut device_check = None;
        let (answer, events) = match decided {
            Err(_) => {
                self.outcomes[member] = fail("the decision panicked");
                return None;
            }
            Ok(Err(Halt::Missing(keys))) => {
                if keys.all_roots().is_subset(&group.roots) {
                    return Some(*keys);
                }
                self.outcomes[member] = fail("the command read outside the roots that it named");
                return None;
            }
            Ok(Err(Halt::Rejected(why))) => (Err(why), Vec::new()),
            Ok(Ok(Decision {
                reply,
                effects,
                events,
                device_check: found,
            })) => {
                device_check = found;
                if changes_something(&effects, &events) {
                    for root in &self.roots[member] {
                        let version = self.facts.versions.get(root).copied().unwrap_or_default();
                        group.change.expected.insert(*root, version);
                    }
                    group.change.effects.put_all(effects);
                } else if !request.keyed {
                    self.outcomes[member] = Some(Outcome::Answered {
                        answer: Ok(reply),
                        replayed: false,
                    });
                    return None;
                }
                (Ok(reply), events)
            }
        };
        let kept = match &answer {
            Ok(_) => true,
            Err(why) => request.keyed && !why.passes_with_time(),
        };
        if kept {
            let mut request = request.clone();
            request.signals.device_check = device_check;
            let entry = Entry {
                root: request.command.home(),
                request,
                answer: answer.clone(),
                events,
            };
            group.change.journal.push(entry);
        }
        self.outcomes[member] = Some(Outcome::Answered {
            answer,
            replayed: false,
        });
        None
    }

    /// The answer that the same key was given before, in this batch or an earlier one.
    fn remembered(&self, group: &Group, request: &Request) -> Option<Outcome> {
        let in_batch = group
            .change
            .journal
            .iter()
            .find(|entry| entry.request.receipt == request.receipt);
        let (fingerprint, answer) = match in_batch {
            Some(entry) => (entry.request.fingerprint, &entry.answer),
            None => {
                let receipt = self.facts.receipts.get(&request.receipt)?.as_ref()?;
                if request.at - receipt.at >= RECEIPT_LIFETIME {
                    return None;
                }
                (receipt.fingerprint, &receipt.answer)
            }
        };
        Some(if fingerprint == request.fingerprint {
            Outcome::Answered {
                answer: answer.clone(),
                replayed: true,
            }
        } else {
            Outcome::Answered {
                answer: Err(Rejection::IdempotencyKeyReused),
                replayed: false,
            }
        })
    }

    fn done(self) -> Step {
        let unsettled = || Outcome::Failed(Fault::NotWritten("the command was left undecided".to_owned()));
        let settled = self
            .outcomes
            .into_iter()
            .map(|outcome| outcome.unwrap_or_else(unsettled));
        let left_over = self.left_over.into_iter();
        let later = left_over.map(|request| (request, Outcome::Again(Again::NextBatch)));
        Step::Done(self.requests.into_iter().zip(settled).chain(later).collect())
    }
}

fn changes_something(effects: &crate::ports::store::Effects, events: &[super::OutboundEvent]) -> bool {
    *effects != crate::ports::store::Effects::default() || !events.is_empty()
}

impl Committing {
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
    pub fn committed(mut self, result: Result<Vec<CommitOutcome>, StoreError>) -> Step {
        let alone = self.batch.requests.len() == 1;
        let groups = std::mem::take(&mut self.batch.groups);
        for (n, group) in groups.iter().enumerate() {
            let redo = match &result {
                Ok(outcomes) => match outcomes.get(n) {
                    Some(CommitOutcome::Committed) => continue,
                    Some(CommitOutcome::Conflict) => Err(Again::Conflict),
                    None => Err(Again::Uncertain),
                },
                Err(StoreError::Refused(why)) if alone => Ok(Fault::NotWritten(why.clone())),
                Err(StoreError::Refused(_)) => Err(Again::Alone),
                Err(StoreError::Unavailable(_)) => Err(Again::Uncertain),
            };
            for &member in &group.members {
                self.batch.outcomes[member] = Some(match (&self.batch.outcomes[member], &redo) {
                    // A command that failed by itself has its answer, whatever became of its neighbours.
                    (Some(Outcome::Failed(fault)), _) => Outcome::Failed(fault.clone()),
                    // It stays behind those before it.
                    (Some(Outcome::Again(Again::SlowLane)), _) => Outcome::Again(Again::NextBatch),
                    (_, Ok(fault)) => Outcome::Failed(fault.clone()),
                    (_, Err(again)) => Outcome::Again(*again),
                });
            }
        }
        self.batch.done()
    }
}

/// Drives a batch on a store.
pub async fn run<S: Store + ?Sized>(store: &S, mut step: Step) -> Vec<(Request, Outcome)> {
    loop {
        step = match step {
            Step::Load(loading) => {
                let facts = store.load(loading.keys()).await;
                loading.loaded(facts)
            }
            Step::Commit(committing) => {
                let outcomes = store.commit(committing.changes()).await;
                committing.committed(outcomes)
            }
            Step::Done(settled) => return settled,
        }
    }
}

/// Drives a batch on a store without async: a thread, or a caller's own transaction.
pub fn run_blocking(store: &mut (impl BlockingStore + ?Sized), mut step: Step) -> Vec<(Request, Outcome)> {
    loop {
        step = match step {
            Step::Load(loading) => {
                let facts = store.load(loading.keys());
                loading.loaded(facts)
            }
            Step::Commit(committing) => {
                let outcomes = store.commit(committing.changes());
                committing.committed(outcomes)
            }
            Step::Done(settled) => return settled,
        }
    }
}
