//! Who is friends with whom, by the social service: page by page, kept for ten minutes.

use std::{collections::HashSet, sync::Arc, time::Duration};

use async_trait::async_trait;
use mission_core::{
    UserId,
    ports::social::{MOST_FRIENDS, Social, SocialError},
};
use moka::future::Cache;
use serde::Deserialize;

use super::{Call, CallError, Client};

/// How long friends are kept.
const KEPT: Duration = Duration::from_secs(600);
/// Ids that are kept of all users' friends, at 16 bytes each.
const MOST_KEPT: u64 = 2_000_000;
/// Friends of one page.
const PAGE: usize = 500;
/// Pages at most, for a service that gives smaller ones.
const MOST_PAGES: usize = 250;
/// How long all pages together may take.
const ALL_PAGES: Duration = Duration::from_secs(10);

/// A page in the service's words.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Page {
    items: Vec<UserId>,
    next_cursor: Option<String>,
}

/// The social service.
pub struct SocialClient {
    client: Arc<Client>,
    kept: Cache<UserId, Arc<[UserId]>>,
}

impl SocialClient {
    /// The service behind a client.
    #[must_use]
    pub fn new(client: Arc<Client>) -> Self {
        let size = |_: &UserId, friends: &Arc<[UserId]>| {
            u32::try_from(friends.len()).unwrap_or(u32::MAX).saturating_add(8)
        };
        let kept = Cache::builder()
            .weigher(size)
            .max_capacity(MOST_KEPT)
            .time_to_live(KEPT)
            .build();
        SocialClient { client, kept }
    }

    async fn ask(&self, user: UserId) -> Result<Arc<[UserId]>, CallError> {
        let all_pages = tokio::time::timeout(ALL_PAGES, self.all_pages(user));
        all_pages.await.unwrap_or(Err(CallError::TimedOut))
    }

    async fn all_pages(&self, user: UserId) -> Result<Arc<[UserId]>, CallError> {
        let (mut friends, mut seen) = (Vec::new(), HashSet::from([user]));
        let mut cursors = HashSet::new();
        let mut cursor: Option<String> = None;
        for _ in 0..MOST_PAGES {
            let page = self.page(user, cursor.as_deref()).await?;
            friends.extend(page.items.into_iter().filter(|friend| seen.insert(*friend)));
            cursor = page.next_cursor.filter(|cursor| !cursor.is_empty());
            match &cursor {
                Some(cursor) if friends.len() < MOST_FRIENDS => {
                    if !cursors.insert(cursor.clone()) {
                        return Err(CallError::Unreadable("it gives the same cursor twice".to_owned()));
                    }
                }
                _ => {
                    friends.truncate(MOST_FRIENDS);
                    return Ok(friends.into());
                }
            }
        }
        Err(CallError::Unreadable(format!(
            "it has more than {MOST_PAGES} pages"
        )))
    }

    async fn page(&self, user: UserId, cursor: Option<&str>) -> Result<Page, CallError> {
        let user = user.to_string();
        let path = ["api", "v1", "users", user.as_str(), "friends"];
        let call = Call::get("/users/{id}/friends", path).query("limit", PAGE.to_string());
        let call = match cursor {
            Some(cursor) => call.query("cursor", cursor),
            None => call,
        };
        match self.client.json(&call).await {
            // Somebody whom the service has never seen has no friends.
            Err(CallError::Status { status: 404, .. }) => Ok(Page {
                items: Vec::new(),
                next_cursor: None,
            }),
            answer => answer,
        }
    }
}

#[async_trait]
impl Social for SocialClient {
    async fn friends(&self, user: UserId) -> Result<Arc<[UserId]>, SocialError> {
        let friends = self.kept.try_get_with(user, self.ask(user)).await;
        friends.map_err(|error| SocialError {
            reason: error.to_string(),
        })
    }

    fn forget(&self, user: UserId) {
        // Ready at once: the removal itself is put off, what is removed shows no more.
        let kept = self.kept.clone();
        tokio::spawn(async move { kept.invalidate(&user).await });
    }
}
