//! An engine put together part by part.

use std::sync::{Arc, atomic::AtomicBool};

use super::{Catalog, CatalogBuilder, Engine, Limits, Settings, Writer, handle};
use crate::ports::{
    clock::{Clock, Ids},
    rules::{NoScripts, ScriptCompiler},
    social::Social,
    store::Store,
};

/// Puts an [`Engine`] together: what it cannot do without comes first, all else has a default.
///
/// ```
/// use mission_core::{engine::EngineBuilder, memory::MemoryStore, testing::{CountingIds, FixedClock}};
/// let clock = FixedClock::at("2026-01-05T10:00:00Z".parse()?);
/// let (engine, writer) = EngineBuilder::new(MemoryStore::default(), clock, CountingIds::default()).build();
/// # Ok::<(), chrono::ParseError>(())
/// ```
#[must_use]
pub struct EngineBuilder<S> {
    store: S,
    clock: Arc<dyn Clock>,
    ids: Arc<dyn Ids>,
    compiler: Arc<dyn ScriptCompiler>,
    social: Option<Arc<dyn Social>>,
    catalog: Option<Catalog>,
    limits: Limits,
    progress_is_followed: Arc<AtomicBool>,
}

impl<S: Store> EngineBuilder<S> {
    /// On a store, with the domain's time and fresh ids. Scripts are refused, the catalog is empty, policies and limits are
    /// the defaults.
    pub fn new(store: S, clock: impl Clock + 'static, ids: impl Ids + 'static) -> Self {
        EngineBuilder {
            store,
            clock: Arc::new(clock),
            ids: Arc::new(ids),
            compiler: Arc::new(NoScripts),
            social: None,
            catalog: None,
            limits: Limits::default(),
            progress_is_followed: Arc::default(),
        }
    }

    /// On a store, with the machine's time and ids of version 7.
    #[cfg(feature = "system")]
    pub fn system(store: S) -> Self {
        Self::new(store, crate::system::SystemClock, crate::system::V7Ids)
    }

    /// With what compiles the missions' scripts.
    pub fn scripts(self, compiler: impl ScriptCompiler + 'static) -> Self {
        EngineBuilder {
            compiler: Arc::new(compiler),
            ..self
        }
    }

    /// With what knows who is friends with whom, for rules that read it; without it nobody has friends.
    pub fn social(self, social: Arc<dyn Social>) -> Self {
        EngineBuilder {
            social: Some(social),
            ..self
        }
    }

    /// With missions and policies; see [`CatalogBuilder`].
    pub fn catalog(self, catalog: Catalog) -> Self {
        EngineBuilder {
            catalog: Some(catalog),
            ..self
        }
    }

    /// With other limits of its queue and its batches.
    pub fn limits(self, limits: Limits) -> Self {
        EngineBuilder { limits, ..self }
    }

    /// With events of every task that moves ([`TaskProgressed`](crate::event::TaskProgressed)), while the flag says that
    /// somebody follows; without it, or while it says no, there are none, and nothing is written for them.
    pub fn progress_events_while(self, followed: Arc<AtomicBool>) -> Self {
        EngineBuilder {
            progress_is_followed: followed,
            ..self
        }
    }

    /// The engine, and the writer that does its work: spawn [`Writer::run`] on any executor, or block a thread on it.
    pub fn build(self) -> (Engine, Writer<S>) {
        let EngineBuilder {
            store,
            clock,
            ids,
            compiler,
            social,
            catalog,
            limits,
            progress_is_followed,
        } = self;
        let catalog =
            catalog.unwrap_or_else(|| CatalogBuilder::new(compiler.as_ref(), Settings::default()).build());
        let (engine, writer) = handle::assemble(store, catalog, compiler, clock, ids, social, limits);
        (engine, writer.telling_progress_while(progress_is_followed))
    }
}
