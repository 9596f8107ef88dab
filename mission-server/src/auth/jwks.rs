//! Where public keys come from: fetched when they are first needed, again when a token names an unknown one, and now
//! and then; the last good ones outlive an outage.

use std::{
    path::PathBuf,
    sync::Arc,
    time::{Duration, Instant},
};

use arc_swap::ArcSwap;
use tokio::sync::Mutex;
use url::Url;

use super::{cache::VerifiedTokens, key_set::KeySet};

/// The largest document that is read.
const DOCUMENT_BYTES: usize = 1 << 20;
/// How long one fetch may take.
const FETCH_TIME: Duration = Duration::from_secs(5);

/// A file, or an address.
#[derive(Debug)]
pub(super) enum Source {
    File(PathBuf),
    Url(Url, reqwest::Client),
}

impl Source {
    /// An address with its own small client.
    pub(super) fn url(url: Url) -> Result<Self, reqwest::Error> {
        let client = reqwest::Client::builder()
            .connect_timeout(FETCH_TIME)
            .timeout(FETCH_TIME)
            .pool_max_idle_per_host(0)
            .redirect(reqwest::redirect::Policy::limited(2))
            .build()?;
        Ok(Source::Url(url, client))
    }

    async fn read(&self) -> Result<KeySet, String> {
        let document = match self {
            Source::File(path) => tokio::fs::read(path).await.map_err(|error| error.to_string())?,
            Source::Url(url, client) => fetch(client, url).await?,
        };
        KeySet::read(&document)
    }
}

async fn fetch(client: &reqwest::Client, url: &Url) -> Result<Vec<u8>, String> {
    let response = client
        .get(url.clone())
        .send()
        .await
        .and_then(reqwest::Response::error_for_status);
    let mut response = response.map_err(|error| error.without_url().to_string())?;
    let mut document = Vec::new();
    while let Some(chunk) = response
        .chunk()
        .await
        .map_err(|error| error.without_url().to_string())?
    {
        document.extend_from_slice(&chunk);
        if document.len() > DOCUMENT_BYTES {
            return Err(format!("it has more than {DOCUMENT_BYTES} bytes"));
        }
    }
    Ok(document)
}

/// The keys with their source.
pub(super) struct Jwks {
    source: Source,
    current: ArcSwap<KeySet>,
    /// When the source was last asked; held while it is asked, so that one request asks for all.
    last_fetch: Mutex<Option<Instant>>,
    /// The shortest time between two questions that unknown keys bring about.
    pause: Duration,
    verified: VerifiedTokens,
}

impl Jwks {
    pub(super) fn new(source: Source, pause: Duration, verified: VerifiedTokens) -> Self {
        Jwks {
            source,
            current: ArcSwap::from_pointee(KeySet::default()),
            last_fetch: Mutex::new(None),
            pause,
            verified,
        }
    }

    /// The keys as they are known now.
    pub(super) fn current(&self) -> Arc<KeySet> {
        self.current.load_full()
    }

    /// Asks the source again, because a key is not known; not if that was done a moment ago.
    pub(super) async fn refresh(&self, known: &Arc<KeySet>) {
        let mut asked = self.last_fetch.lock().await;
        let somebody_else_did = !Arc::ptr_eq(known, &self.current.load());
        if somebody_else_did || asked.is_some_and(|at| at.elapsed() < self.pause) {
            return;
        }
        *asked = Some(Instant::now());
        if let Err(reason) = self.read().await {
            tracing::warn!(
                reason,
                "the keys for tokens could not be read; the last good ones stay in force"
            );
        }
        // Those who waited through a question that took long must not each ask again.
        *asked = Some(Instant::now());
    }

    /// Reads the source. Where the keys differ, tokens that were verified are forgotten: their key may be gone.
    ///
    /// # Errors
    /// When the source cannot be read; the keys stay as they are.
    pub(super) async fn read(&self) -> Result<(), String> {
        let outcome = self.source.read().await;
        let result = if outcome.is_ok() { "ok" } else { "failed" };
        metrics::counter!("mission_jwks_reads_total", "result" => result).increment(1);
        let keys = outcome?;
        if keys.differs_from(&self.current.load()) {
            self.current.store(Arc::new(keys));
            self.verified.forget();
            tracing::info!("the keys for tokens have changed");
        }
        Ok(())
    }
}
