//! Moderation without a service.

use std::{
    collections::BTreeMap,
    sync::{Mutex, PoisonError},
};

use async_trait::async_trait;

use crate::{
    fraud::Verdict,
    ports::moderation::{Moderation, ModerationError, ModerationReport, ModerationRequest},
};

type Rule = Box<dyn Fn(&ModerationRequest) -> Option<Verdict> + Send + Sync>;

/// Moderation that decides at once, by rules: the first one with an opinion counts, and where none has one a person is to
/// decide.
///
/// ```
/// use mission_core::{FileId, fraud::Verdict, testing::RuleModeration};
/// use mission_core::ports::moderation::{Moderation, ModerationRequest};
///
/// let moderation = RuleModeration::default()
///     .rule("no moving pictures", |request| {
///         (request.content_type == "image/gif").then_some(Verdict::Rejected)
///     })
///     .rule("images are fine", |request| {
///         request.content_type.starts_with("image/").then_some(Verdict::Approved)
///     });
///
/// let request = ModerationRequest {
///     file: FileId(uuid::uuid!("0190163d-8694-739b-aea5-966c26f8ad91")),
///     url: "https://files.example/cat.gif".to_owned(),
///     content_type: "image/gif".to_owned(),
///     callback_url: "https://mission.example/api/v1/moderation/callback".to_owned(),
/// };
/// let report = pollster::block_on(moderation.submit(&request)).unwrap();
/// assert_eq!(report.verdict, Some(Verdict::Rejected));
/// assert_eq!(report.reason.as_deref(), Some("no moving pictures"));
/// ```
#[derive(Default)]
pub struct RuleModeration {
    rules: Vec<(String, Rule)>,
    reports: Mutex<BTreeMap<String, ModerationReport>>,
}

impl RuleModeration {
    /// The same with one more rule, after those that it has. Its name is the reason of its verdicts.
    #[must_use]
    pub fn rule(
        mut self,
        name: &str,
        rule: impl Fn(&ModerationRequest) -> Option<Verdict> + Send + Sync + 'static,
    ) -> Self {
        self.rules.push((name.to_owned(), Box::new(rule)));
        self
    }

    fn judge(&self, request: &ModerationRequest) -> ModerationReport {
        let decided = self
            .rules
            .iter()
            .find_map(|(name, rule)| Some((name, rule(request)?)));
        ModerationReport {
            moderation: format!("rules-{}", request.file),
            verdict: Some(decided.map_or(Verdict::Review, |(_, verdict)| verdict)),
            reason: decided.map(|(name, _)| name.clone()),
        }
    }
}

#[async_trait]
impl Moderation for RuleModeration {
    async fn submit(&self, request: &ModerationRequest) -> Result<ModerationReport, ModerationError> {
        let report = self.judge(request);
        let mut reports = self.reports.lock().unwrap_or_else(PoisonError::into_inner);
        let first = reports.entry(report.moderation.clone()).or_insert(report);
        Ok(first.clone())
    }

    async fn report(&self, moderation: &str) -> Result<Option<ModerationReport>, ModerationError> {
        let reports = self.reports.lock().unwrap_or_else(PoisonError::into_inner);
        Ok(reports.get(moderation).cloned())
    }
}
