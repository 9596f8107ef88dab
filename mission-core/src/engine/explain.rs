//! Why a user can do a mission or cannot: what a start would read, judged without changing anything.

use chrono::{DateTime, Utc};
use uuid::Uuid;

use super::{Catalog, CommandContext, Engine, Interrupt, LoadedRecords, Rejection, Signals, Snapshot};
use crate::{
    CommandId,
    decision::{Command, DecisionContext, Request, StartTask, WriteSet},
    ports::{
        rules::ScriptCompiler,
        store::{Store, StoreError},
    },
    task::{Explanation, decide},
};

/// Each load brings what the one before asked for; a start needs two or three.
const MOST_LOADS: usize = 8;

/// Why there is no explanation.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum ExplainError {
    /// There is no such mission, or the user was erased.
    #[error(transparent)]
    Rejected(#[from] Rejection),
    /// The store cannot be read.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Explains whether a start would be taken, or how to go on with the task that is open: every condition, the values that it
/// saw, which one decides, and what is still to do. A plain function as [`super::decide`] is; the compiler shows the lines of
/// a script.
///
/// # Errors
/// [`Interrupt::NeedsLoad`] where something was not loaded: load it and ask again. [`Interrupt::Rejected`] where there is no
/// such mission, or the user was erased.
pub fn explain(
    view: Snapshot<'_>,
    start: &StartTask,
    context: &CommandContext<'_>,
    compiler: &dyn ScriptCompiler,
) -> Result<Explanation, Interrupt> {
    let command = Command::from(start.clone());
    let mut cx = DecisionContext::new(view, &command, *context);
    decide::explain(&mut cx, start.user, start.mission, compiler)
}

/// [`explain`] on what a store holds. Nothing is written. What another service knows of the user comes in `signals`;
/// [`Engine::explain`] asks for it.
///
/// # Errors
/// [`Rejection::NotFound`] where there is no such mission; when the store cannot be read.
pub async fn explain_stored(
    store: &dyn Store,
    catalog: &Catalog,
    compiler: &dyn ScriptCompiler,
    start: StartTask,
    at: DateTime<Utc>,
    signals: Signals,
) -> Result<Explanation, ExplainError> {
    let request = Request::unkeyed(start.clone(), CommandId(Uuid::nil()), at, signals);
    let mut keys = super::read_set::read_set(&request, catalog);
    let mut loaded = LoadedRecords::default();
    let nothing = WriteSet::default();
    for _ in 0..MOST_LOADS {
        loaded.extend(store.load(&keys).await?);
        let context = CommandContext::new(&request, catalog);
        match explain(Snapshot::new(&loaded, &nothing), &start, &context, compiler) {
            Ok(explanation) => return Ok(explanation),
            Err(Interrupt::Rejected(rejection)) => return Err(rejection.into()),
            Err(Interrupt::NeedsLoad(missing)) => keys = *missing,
        }
    }
    Err(StoreError::Unavailable("it leaves out what it is asked for".to_owned()).into())
}

impl Engine {
    /// [`explain`] on what a store holds, on the engine's catalog and at its time.
    ///
    /// # Errors
    /// See [`explain_stored`].
    pub async fn explain(
        &self,
        store: &dyn Store,
        start: StartTask,
        signals: Signals,
    ) -> Result<Explanation, ExplainError> {
        let signals = self.with_friends(&Command::from(start.clone()), signals).await;
        let catalog = self.catalog();
        explain_stored(store, &catalog, self.compiler(), start, self.now(), signals).await
    }
}
