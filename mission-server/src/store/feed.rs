//! The feed, in the same SQL for every database.

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use mission_core::{UserId, ports::store::StoreError};

use super::{
    database::{Durability, SqlDatabase, SqlStore},
    record::instant,
    row::SqlRow,
    sql_builder::SqlBuilder,
};
use crate::feed::{FeedEvent, FeedStore, NewFeedEvent};

#[async_trait]
impl<D: SqlDatabase> FeedStore for SqlStore<D> {
    async fn feed_until(&self) -> Result<DateTime<Utc>, StoreError> {
        let query = SqlBuilder::new("SELECT value FROM counters WHERE name = 'feed_until'");
        let rows = self.database.read(query).await?;
        rows.first()
            .map_or(Ok(DateTime::UNIX_EPOCH), |row| instant(row.number(0)?))
    }

    async fn want_feed(&self, until: DateTime<Utc>) -> Result<(), StoreError> {
        let until = until.timestamp_micros();
        let mut write =
            SqlBuilder::new("UPDATE counters SET value = ? WHERE name = 'feed_until' AND value < ?");
        write.bind(until).bind(until);
        self.database.write(Durability::Full, write).await.map(drop)
    }

    async fn feed(&self, events: &[NewFeedEvent], at: DateTime<Utc>) -> Result<(), StoreError> {
        let at = at.timestamp_micros();
        let mut write = SqlBuilder::new(
            "INSERT INTO event_feed (event_id, event_type, user_id, body, told_at)
            SELECT k.column1, k.column2, k.column3, k.column4, k.column5 FROM (VALUES ",
        );
        for (n, event) in events.iter().enumerate() {
            write.then(if n == 0 { "" } else { ", " });
            write.then("(?, ?, ?, ?, ?)");
            write.bind(event.event.0).bind(event.event_type.as_str());
            write.bind(event.user.0).bind(event.body.as_str()).bind(at);
        }
        write.then(") AS k").then(D::DIALECT.in_turn);
        write.then(" WHERE TRUE ON CONFLICT (event_id) DO NOTHING");
        self.database.write(Durability::Relaxed, write).await.map(drop)
    }

    async fn fed_after(
        &self,
        number: i64,
        user: Option<UserId>,
        limit: usize,
    ) -> Result<Vec<FeedEvent>, StoreError> {
        let mut query =
            SqlBuilder::new("SELECT number, event_type, user_id, body FROM event_feed WHERE number > ?");
        query.bind(number);
        if let Some(user) = user {
            query.then(" AND user_id = ?").bind(user.0);
        }
        query.then(" ORDER BY number").limit(limit);
        let rows = self.database.read(query).await?;
        rows.iter()
            .map(|row| {
                Ok(FeedEvent {
                    number: row.number(0)?,
                    event_type: row.text(1)?.to_owned(),
                    user: UserId(row.id(2)?),
                    body: row.text(3)?.to_owned(),
                })
            })
            .collect()
    }

    async fn fed_range(&self) -> Result<Option<(i64, i64)>, StoreError> {
        let query = SqlBuilder::new("SELECT min(number), max(number) FROM event_feed");
        let rows = self.database.read(query).await?;
        let Some(row) = rows.first() else { return Ok(None) };
        Ok(row.optional_number(0)?.zip(row.optional_number(1)?))
    }

    async fn forget_fed(&self, user: UserId) -> Result<(), StoreError> {
        let delete = SqlBuilder::new("DELETE FROM event_feed WHERE user_id = ?").with(user.0);
        self.database.write(Durability::Full, delete).await.map(drop)
    }

    async fn prune_feed(&self, before: DateTime<Utc>) -> Result<u64, StoreError> {
        let delete = SqlBuilder::new("DELETE FROM event_feed WHERE told_at < ? RETURNING number");
        let delete = delete.with(before.timestamp_micros());
        Ok(self.database.write(Durability::Relaxed, delete).await?.len() as u64)
    }

    fn is_shared(&self) -> bool {
        self.database.leased_shards().is_some()
    }
}
