//! Uploads go to the moderation service after they were taken: it is asked, tells its verdict or is asked for it, and
//! whatever comes first counts. One that stays silent for a day leaves the upload to a person.

use std::{
    collections::HashMap,
    sync::Arc,
    time::{Duration, Instant},
};

use chrono::TimeDelta;
use futures_util::StreamExt;
use mission_core::{
    FileId, ReviewId,
    engine::{ApplyVerdict, Engine, ExecuteError, NoteModeration, Rejection, Signals},
    fraud::{Review, ReviewStatus, ReviewSubject, Verdict},
    ports::{
        moderation::{Moderation, ModerationError, ModerationReport, ModerationRequest},
        queries::{Page, Queries, ReviewFilter},
        store::StoreError,
    },
};
use tokio_util::sync::CancellationToken;
use url::Url;

use crate::{
    back_off,
    neighbours::{CallbackError, CallbackKey, ModerationCallback},
    uploads::{UploadError, Uploads},
};

/// Where the service calls back, below the server's public address.
pub const CALLBACK: &str = "api/v1/moderation/callback";

/// How often it is looked whether an upload is due to be asked about.
const ROUND: Duration = Duration::from_secs(2);
/// Uploads that are looked at in one round.
const PAGE: usize = 500;
/// Uploads that are asked about at once.
const AT_ONCE: usize = 8;
/// The pause before the service is asked again about an upload, at first and at most.
const PAUSES: (Duration, Duration) = (Duration::from_secs(5), Duration::from_secs(300));
/// The service may read a file for so long.
const LINK_TIME: Duration = Duration::from_secs(24 * 3600);
/// After so long without a verdict a person decides.
const PATIENCE: TimeDelta = TimeDelta::days(1);
/// Characters of a reason that are kept.
const REASON_CHARS: usize = 1000;

/// Submits uploads to moderation, and applies the verdicts.
pub struct Moderator {
    moderation: Arc<dyn Moderation>,
    callback_key: Option<CallbackKey>,
    engine: Engine,
    queries: Arc<dyn Queries>,
    uploads: Arc<Uploads>,
    public_url: Url,
}

/// A failure of moderating an upload.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ModerateError {
    /// Moderation cannot be asked.
    #[error(transparent)]
    Moderation(#[from] ModerationError),
    /// The callback is not believed, or says nothing.
    #[error(transparent)]
    Callback(#[from] CallbackError),
    /// The store could not be read.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The verdict could not be written down.
    #[error(transparent)]
    Execute(#[from] ExecuteError),
    /// There is no link to the file.
    #[error(transparent)]
    Upload(#[from] UploadError),
}

impl Moderator {
    /// A moderator of an engine's uploads. `public_url` is where the service reaches this server. Without a key no
    /// callback is believed.
    #[must_use]
    pub fn new(
        moderation: Arc<dyn Moderation>,
        callback_key: Option<CallbackKey>,
        engine: Engine,
        queries: Arc<dyn Queries>,
        uploads: Arc<Uploads>,
        public_url: Url,
    ) -> Self {
        Moderator {
            moderation,
            callback_key,
            engine,
            queries,
            uploads,
            public_url,
        }
    }

    /// Asks about an upload that was just taken, beside whoever took it. What fails is tried again by [`Moderator::run`].
    pub fn submit(self: &Arc<Self>, file: FileId) {
        let moderator = Arc::clone(self);
        tokio::spawn(async move {
            let done = async {
                match moderator.queries.review(Review::id_for_upload(file)).await? {
                    Some(review) if review.status == ReviewStatus::InModeration => {
                        moderator.advance(&review).await
                    }
                    _ => Ok(()),
                }
            };
            if let Err(error) = done.await {
                tracing::debug!(%file, %error, "moderation could not be asked about an upload; it will be again");
            }
        });
    }

    /// Asks about uploads again and again, until it is told to stop.
    pub async fn run(self: Arc<Self>, stop: CancellationToken) {
        let mut due = PollSchedule::default();
        let mut after = None;
        while stop
            .run_until_cancelled(tokio::time::sleep(ROUND))
            .await
            .is_some()
        {
            let filter = ReviewFilter {
                status: Some(ReviewStatus::InModeration),
                ..ReviewFilter::default()
            };
            let page = match self.queries.reviews(filter, Page { limit: PAGE, after }).await {
                Ok(page) => page,
                Err(error) => {
                    tracing::debug!(%error, "uploads that wait for moderation cannot be read");
                    continue;
                }
            };
            after = page.last().filter(|_| page.len() == PAGE).map(|last| last.id);
            let now = Instant::now();
            let wanted: Vec<Review> = page
                .into_iter()
                .filter(|review| due.is_due(review.id, now))
                .collect();
            if after.is_none() {
                due.retain_seen();
            }
            let asked = futures_util::stream::iter(wanted)
                .map(|review| Arc::clone(&self).try_advance(review))
                .buffer_unordered(AT_ONCE)
                .for_each(std::future::ready);
            if stop.run_until_cancelled(asked).await.is_none() {
                return;
            }
        }
    }

    async fn try_advance(self: Arc<Self>, review: Review) {
        if let Err(error) = self.advance(&review).await {
            tracing::debug!(review = %review.id, %error, "an upload still waits for moderation");
        }
    }

    /// Brings an upload one step further: asks about it, or for the verdict.
    async fn advance(&self, review: &Review) -> Result<(), ModerateError> {
        let ReviewSubject::Upload { task, file } = review.subject else {
            return Ok(());
        };
        if self.engine.now() - review.created_at > PATIENCE {
            let silent = "moderation has not decided within a day";
            return self
                .apply(review, None, Verdict::Review, Some(silent.to_owned()))
                .await;
        }
        if let Some(moderation) = &review.moderation
            && let Some(report) = self.moderation.report(moderation).await?
        {
            return self.apply_report(review, report).await;
        }
        let task = self.queries.task(review.user_id, task).await?;
        let uploads = task.into_iter().flat_map(|task| task.uploads);
        let Some(upload) = uploads.into_iter().find(|upload| upload.file.id == file) else {
            return Ok(());
        };
        let link = self
            .uploads
            .link(&upload.file, self.engine.now(), LINK_TIME)
            .await?;
        let request = ModerationRequest {
            file,
            url: self.absolute(&link),
            content_type: upload.file.content_type,
            callback_url: self.absolute(CALLBACK),
        };
        let report = self.moderation.submit(&request).await?;
        if report.verdict.is_none() && review.moderation.as_ref() != Some(&report.moderation) {
            let note = NoteModeration {
                user: review.user_id,
                review: review.id,
                moderation: report.moderation.clone(),
            };
            ignore_gone(self.engine.execute(note, Signals::default(), None).await)?;
        }
        self.apply_report(review, report).await
    }

    /// Acts on a callback. Answers whether there is such an upload; a verdict on one that was decided before changes
    /// nothing.
    ///
    /// # Errors
    /// When the callback is not believed, or the verdict cannot be written down.
    pub async fn handle_callback(
        &self,
        headers: &axum::http::HeaderMap,
        body: &[u8],
    ) -> Result<bool, ModerateError> {
        let key = self.callback_key.as_ref().ok_or(CallbackError::NoKey)?;
        let callback = ModerationCallback::read(key, headers, body)?;
        let Some(file) = callback.file else {
            return Ok(false);
        };
        let Some(review) = self.queries.review(Review::id_for_upload(file)).await? else {
            return Ok(false);
        };
        self.apply_report(&review, callback.report).await?;
        Ok(true)
    }

    async fn apply_report(&self, review: &Review, report: ModerationReport) -> Result<(), ModerateError> {
        match report.verdict {
            Some(verdict) => {
                self.apply(review, Some(report.moderation), verdict, report.reason)
                    .await
            }
            None => Ok(()),
        }
    }

    async fn apply(
        &self,
        review: &Review,
        moderation: Option<String>,
        verdict: Verdict,
        reason: Option<String>,
    ) -> Result<(), ModerateError> {
        if review.status != ReviewStatus::InModeration {
            return Ok(());
        }
        let command = ApplyVerdict {
            user: review.user_id,
            review: review.id,
            moderation: moderation
                .or_else(|| review.moderation.clone())
                .map(|id| storable(&id)),
            verdict,
            reason: reason.map(|reason| storable(&reason)),
        };
        ignore_gone(self.engine.execute(command, Signals::default(), None).await)
    }

    /// A link of ours is relative to the server; one of a bucket is not.
    fn absolute(&self, link: &str) -> String {
        if link.contains("://") {
            return link.to_owned();
        }
        let base = self.public_url.as_str().trim_end_matches('/');
        format!("{base}/{}", link.trim_start_matches('/'))
    }
}

/// A text of the service, as it can be stored.
fn storable(text: &str) -> String {
    text.chars()
        .filter(|char| *char != '\0')
        .take(REASON_CHARS)
        .collect()
}

/// Of a user who was erased meanwhile there is nothing to write down.
fn ignore_gone<T>(done: Result<T, ExecuteError>) -> Result<(), ModerateError> {
    match done {
        Ok(_) | Err(ExecuteError::Rejected(Rejection::NotFound(_) | Rejection::UserErased)) => Ok(()),
        Err(error) => Err(error.into()),
    }
}

/// When each upload is to be polled next.
#[derive(Default)]
struct PollSchedule {
    waiting: HashMap<ReviewId, ScheduledPoll>,
}

struct ScheduledPoll {
    next: Instant,
    asked: u32,
    seen: bool,
}

impl PollSchedule {
    /// Whether an upload is to be asked about now; if so it is not for a while, which grows.
    fn is_due(&mut self, review: ReviewId, now: Instant) -> bool {
        let pause = |asked| back_off::after(asked, PAUSES.0, PAUSES.1);
        // Whoever took it has asked for the first time.
        let waiting = self.waiting.entry(review).or_insert_with(|| ScheduledPoll {
            next: now + pause(1),
            asked: 1,
            seen: true,
        });
        waiting.seen = true;
        let is_due = waiting.next <= now;
        if is_due {
            waiting.asked = waiting.asked.saturating_add(1);
            waiting.next = now + pause(waiting.asked);
        }
        is_due
    }

    /// Forgets what was not seen since the last time.
    fn retain_seen(&mut self) {
        self.waiting
            .retain(|_, waiting| std::mem::take(&mut waiting.seen));
    }
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;

    #[test]
    fn an_upload_is_asked_about_less_and_less_often() {
        let (mut due, start) = (PollSchedule::default(), Instant::now());
        let review = ReviewId(Uuid::from_u128(1));
        assert!(!due.is_due(review, start), "it was asked about a moment ago");
        let mut asked = Vec::new();
        for second in 1..3600 {
            if due.is_due(review, start + Duration::from_secs(second)) {
                asked.push(second);
            }
        }
        assert!(asked[0] <= 5 && (12..40).contains(&asked.len()), "{asked:?}");
        let longest = asked.windows(2).map(|pair| pair[1] - pair[0]).max();
        assert!(longest <= Some(301), "{asked:?}");
        due.retain_seen();
        assert_eq!(due.waiting.len(), 1);
        due.retain_seen();
        assert!(due.waiting.is_empty());
    }

    #[test]
    fn texts_of_the_service_can_be_stored() {
        assert_eq!(storable("a\0b"), "ab");
        assert_eq!(storable(&"x".repeat(5000)).len(), REASON_CHARS);
    }
}
