//! The engine with its store, ready to be served.

use std::{
    sync::{Arc, atomic::AtomicBool},
    time::Duration,
};

use mission_core::{
    engine::{self, CatalogBuilder, Engine, EngineBuilder, ExecuteError, Writer},
    ports::{
        clock::Clock,
        queries::Queries,
        store::{Store, StoreError},
    },
    system::V7Ids,
};
use mission_rules::{MonotonicStopwatch, Scripts};
use tokio::task::JoinHandle;

use super::{ExpiryJob, InvalidCertificate, OpenError, PackError, Storage, apply_pack};
use crate::{
    amqp::BrokerError,
    auth::UnusableKeys,
    cache::{Cache, CachedStore},
    config::Settings,
    neighbours::{ClientError, Neighbours},
    redis::InvalidRedisUrl,
    uploads::UploadError,
};

/// The engine with its queries and workers: everything between the store and HTTP.
#[derive(Clone)]
pub struct EngineHost {
    /// Commands.
    pub engine: Engine,
    /// Lists and records.
    pub queries: Arc<dyn Queries>,
    /// The script compiler, shared with the engine.
    pub scripts: Arc<Scripts>,
    /// Expiry.
    pub expiry_job: Arc<ExpiryJob>,
}

/// The server cannot start, or cannot go on.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StartError {
    /// The keys for tokens cannot be used.
    #[error(transparent)]
    Keys(#[from] UnusableKeys),
    /// The address cannot be listened on.
    #[error("cannot listen on `{address}`: {reason}; set another address with `--listen` or MISSION_LISTEN")]
    Listen {
        /// The address.
        address: String,
        /// What the operating system said.
        reason: String,
    },
    /// HTTPS cannot be spoken.
    #[error(transparent)]
    Tls(#[from] InvalidCertificate),
    /// The database could not be reached in time.
    #[error("the database `{url}` could not be opened within {timeout:?}: {reason}")]
    Database {
        /// Where it should be.
        url: String,
        /// For so long it was tried.
        timeout: Duration,
        /// Why the last try failed.
        reason: String,
    },
    /// The database cannot be used, now or later.
    #[error("the database `{url}` cannot be used: {reason}")]
    UnusableDatabase {
        /// Where it is.
        url: String,
        /// Why.
        reason: OpenError,
    },
    /// Traces cannot be sent.
    #[error("traces cannot be sent: {0}; see MISSION_TRACES_ENDPOINT")]
    Traces(#[from] opentelemetry_otlp::ExporterBuildError),
    /// The address of Redis cannot be used.
    #[error(transparent)]
    Redis(#[from] InvalidRedisUrl),
    /// Another service cannot be called.
    #[error(transparent)]
    Neighbour(#[from] ClientError),
    /// The address of the broker cannot be used.
    #[error(transparent)]
    Broker(#[from] BrokerError),
    /// The place for uploaded files cannot be used.
    #[error("uploaded files cannot be kept: {0}; see MISSION_STORAGE_URL")]
    Files(#[from] UploadError),
    /// The store failed while the server was starting.
    #[error("the database failed at start: {0}")]
    Store(#[from] StoreError),
    /// The pack cannot be applied.
    #[error(transparent)]
    Pack(#[from] PackError),
    /// The writer is gone, so no command can be carried out any more.
    #[error("the writer has stopped: {0}; what was answered is durable, nothing more can be")]
    Writer(String),
    /// The relay is gone, so no event can leave any more.
    #[error("the relay has stopped: {0}; events leave after the next start")]
    Relay(String),
    /// The operating system refuses something that the server needs.
    #[error("{0}")]
    System(#[from] std::io::Error),
    /// A development token cannot be signed.
    #[error("a development token cannot be signed: {0}")]
    Token(#[from] jsonwebtoken::errors::Error),
}

impl StartError {
    /// Whether the database was away for a moment, so that another try may succeed.
    pub(super) fn is_transient(&self) -> bool {
        let away = |error: &StoreError| matches!(error, StoreError::Unavailable(_));
        match self {
            StartError::Store(error) | StartError::Pack(PackError::Store(error)) => away(error),
            StartError::Pack(PackError::Refused(_, ExecuteError::Fault(_))) => true,
            _ => false,
        }
    }
}

/// Lets the writer run, with a thread for slow scripts beside it. The task ends when both have, or one has failed.
fn run<S: Store + 'static>(writer: Writer<S>) -> Result<JoinHandle<()>, StartError> {
    let (quick, slow) = writer.with_slow_lane();
    let runtime = tokio::runtime::Handle::current();
    let (ended, mut slow_ended) = tokio::sync::oneshot::channel();
    std::thread::Builder::new()
        .name("slow-scripts".to_owned())
        .spawn(move || {
            runtime.block_on(slow.run());
            let _ = ended.send(());
        })?;
    Ok(tokio::spawn(async move {
        tokio::select! {
            () = quick.run() => {
                let _ = slow_ended.await;
            }
            // It outlives the other, unless it panics.
            _ = &mut slow_ended => {}
        }
    }))
}

impl EngineHost {
    /// Starts the engine on a store, with its catalog and the pack that the settings name. The task is the writer;
    /// it ends once every copy of the engine is gone. Tasks that move are told of while there are followers.
    ///
    /// # Errors
    /// When the store or the pack is of no use.
    pub async fn start(
        storage: &Storage,
        settings: &Settings,
        clock: Arc<dyn Clock>,
        cache: &Arc<Cache>,
        neighbours: &Neighbours,
        has_followers: Arc<AtomicBool>,
    ) -> Result<(Self, JoinHandle<()>), StartError> {
        let scripts = Arc::new(Scripts::new(
            settings.scripts,
            Arc::new(MonotonicStopwatch::start()),
        ));
        let policies = engine::Settings {
            late_window: settings.late_window,
            fraud: settings.fraud.policy,
        };
        let catalog = storage.queries.catalog_records().await?;
        let catalog = CatalogBuilder::new(scripts.as_ref(), policies)
            .records(catalog)
            .build();
        let store = CachedStore::new(Arc::clone(&storage.store), Arc::clone(cache), neighbours.clone());
        let mut builder = EngineBuilder::new(store, clock, V7Ids)
            .scripts(Arc::clone(&scripts))
            .catalog(catalog)
            .limits(settings.write)
            .progress_events_while(has_followers);
        if let Some(social) = &neighbours.social {
            builder = builder.social(Arc::clone(social));
        }
        let (engine, writer) = builder.build();
        let writer = run(writer)?;
        let queries = Arc::clone(&storage.queries);
        if let Some(pack) = &settings.pack {
            apply_pack(&engine, &scripts, queries.as_ref(), pack).await?;
        }
        let expiry_job = Arc::new(ExpiryJob::new(engine.clone(), Arc::clone(&queries)));
        Ok((
            EngineHost {
                engine,
                queries,
                scripts,
                expiry_job,
            },
            writer,
        ))
    }
}
