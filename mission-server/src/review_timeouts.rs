//! Reviews that nobody decides in time are decided without a person.

use std::{sync::Arc, time::Duration};

use chrono::TimeDelta;
use mission_core::{
    ReviewId,
    engine::{Engine, ExecuteError, Rejection, Signals, TimeOutReview},
    fraud::{Review, ReviewStatus, ReviewTimeout},
    ports::{
        queries::{Page, Queries, ReviewFilter},
        store::StoreError,
    },
};
use tokio_util::sync::CancellationToken;

/// How often the queue is looked through.
const ROUND: Duration = Duration::from_secs(5);
/// Reviews that are read at once.
const TOGETHER: usize = 100;

/// Decides what has waited too long. Several servers may do it at once: a review is decided once.
pub(crate) struct ReviewTimeouts {
    engine: Engine,
    queries: Arc<dyn Queries>,
    hours: u32,
    timeout: ReviewTimeout,
}

impl ReviewTimeouts {
    /// What has waited for so many hours is decided so.
    pub(crate) fn new(engine: Engine, queries: Arc<dyn Queries>, hours: u32, timeout: ReviewTimeout) -> Self {
        ReviewTimeouts {
            engine,
            queries,
            hours,
            timeout,
        }
    }

    /// Goes on until it is told to stop.
    pub(crate) async fn run(self, stop: CancellationToken) {
        while stop
            .run_until_cancelled(tokio::time::sleep(ROUND))
            .await
            .is_some()
        {
            for status in [ReviewStatus::Open, ReviewStatus::InModeration] {
                if let Err(error) = self.time_out(status, &stop).await {
                    tracing::warn!(%error, "reviews that have waited too long cannot be read");
                }
            }
        }
    }

    /// Decides the reviews of one status, the oldest first, until one is met that can wait.
    async fn time_out(&self, status: ReviewStatus, stop: &CancellationToken) -> Result<(), StoreError> {
        let filter = ReviewFilter {
            status: Some(status),
            ..ReviewFilter::default()
        };
        let mut after: Option<ReviewId> = None;
        loop {
            let page = Page {
                limit: TOGETHER,
                after,
            };
            let reviews = self.queries.reviews(filter, page).await?;
            for review in reviews.iter().filter(|review| self.is_to_be_decided(review)) {
                if stop.is_cancelled() {
                    return Ok(());
                }
                self.decide(review).await;
            }
            match reviews.last() {
                Some(last) if reviews.len() == TOGETHER && self.is_due(last) => after = Some(last.id),
                _ => return Ok(()),
            }
        }
    }

    fn is_due(&self, review: &Review) -> bool {
        self.engine.now() - review.created_at >= TimeDelta::hours(self.hours.into())
    }

    fn is_to_be_decided(&self, review: &Review) -> bool {
        let needs_a_person =
            self.timeout == ReviewTimeout::Approve && review.subject.requested_by().is_some();
        self.is_due(review) && !needs_a_person && review.assignment_at(self.engine.now()).is_none()
    }

    async fn decide(&self, review: &Review) {
        let command = TimeOutReview {
            user: review.user_id,
            review: review.id,
            timeout: self.timeout,
            hours: self.hours,
        };
        match self.engine.execute(command, Signals::default(), None).await {
            Ok(_) => {
                tracing::info!(review = %review.id, timeout = ?self.timeout, "a review was decided without a person");
            }
            // Somebody was faster.
            Err(ExecuteError::Rejected(
                Rejection::AlreadyDecided
                | Rejection::AssignedToAnother { .. }
                | Rejection::NotFound(_)
                | Rejection::UserErased,
            )) => {}
            Err(error) => {
                tracing::warn!(review = %review.id, %error, "a review that has waited too long is not decided yet");
            }
        }
    }
}
