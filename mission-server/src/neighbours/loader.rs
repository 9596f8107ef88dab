//! Collects what is asked for within a few milliseconds, and asks for it in one call.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
    time::{Duration, Instant},
};

use futures_util::future::join_all;
use mission_core::{
    UserId,
    ports::iam::{IamError, Person},
};
use tokio::sync::{mpsc, oneshot};

use super::{
    call::CallOrigin,
    iam::Directory,
    people_cache::{CachedPerson, PeopleCache},
};

/// How long others are waited for.
const WINDOW: Duration = Duration::from_millis(3);
/// Ids of one call at most.
pub(super) const MOST_IDS: usize = 200;
/// Questions that may wait; further ones are told that the service is away.
const MOST_WAITING: usize = 1024;

/// The users that were found, of those asked for.
pub(super) type LoadResult = Result<Arc<BTreeMap<UserId, Person>>, IamError>;

/// Asks for some users.
struct LoadRequest {
    users: Vec<UserId>,
    origin: CallOrigin,
    answer: oneshot::Sender<LoadResult>,
}

/// Batches requests for users. Its task ends when it is dropped.
pub(super) struct Loader(mpsc::Sender<LoadRequest>);

impl Loader {
    /// Starts the task, within a Tokio runtime.
    pub(super) fn start(directory: Arc<Directory>, people: Arc<PeopleCache>) -> Self {
        let (sender, receiver) = mpsc::channel(MOST_WAITING);
        tokio::spawn(run(receiver, directory, people));
        Loader(sender)
    }

    /// Asks about some users. The answer is kept, whether or not anybody waits for it.
    pub(super) async fn load(&self, users: Vec<UserId>) -> LoadResult {
        let (answer, answered) = oneshot::channel();
        let away = |reason: &str| IamError {
            reason: reason.to_owned(),
        };
        let question = LoadRequest {
            users,
            origin: CallOrigin::current(),
            answer,
        };
        self.0
            .try_send(question)
            .map_err(|_| away("too many receiver are waiting"))?;
        answered.await.map_err(|_| away("the server is stopping"))?
    }
}

/// Answers questions, those of one window together; while a call runs, the next ones gather.
async fn run(mut receiver: mpsc::Receiver<LoadRequest>, directory: Arc<Directory>, people: Arc<PeopleCache>) {
    while let Some(first) = receiver.recv().await {
        let mut requests = vec![first];
        collect(&mut receiver, &mut requests).await;
        let found = fetch(&requests, &directory, &people).await;
        for question in requests {
            // Nobody waits any more, perhaps.
            let _ = question.answer.send(found.clone());
        }
    }
}

async fn collect(receiver: &mut mpsc::Receiver<LoadRequest>, requests: &mut Vec<LoadRequest>) {
    let end = tokio::time::Instant::now() + WINDOW;
    while requests
        .iter()
        .map(|question| question.users.len())
        .sum::<usize>()
        < MOST_IDS
    {
        match tokio::time::timeout_at(end, receiver.recv()).await {
            Ok(Some(question)) => requests.push(question),
            Ok(None) | Err(_) => return,
        }
    }
}

/// Asks the service for those who are not known by now, each once.
async fn fetch(requests: &[LoadRequest], directory: &Directory, people: &PeopleCache) -> LoadResult {
    let users: BTreeSet<UserId> = requests
        .iter()
        .flat_map(|question| question.users.iter().copied())
        .collect();
    let now = Instant::now();
    let mut found = BTreeMap::new();
    let mut missing = Vec::new();
    for user in users {
        match people.get(user, now) {
            CachedPerson::Fresh(person) => found.extend(person.map(|person| (user, person))),
            CachedPerson::Stale(_) | CachedPerson::Nothing => missing.push(user),
        }
    }
    let Some(origin) = requests.first().map(|question| &question.origin) else {
        return Ok(Arc::default());
    };
    let calls = missing
        .chunks(MOST_IDS)
        .map(|users| directory.people(users, origin.clone()));
    for answer in join_all(calls).await {
        found.extend(answer?);
    }
    Ok(Arc::new(found))
}
