//! The journal: what users did, as a log that `mission replay` reads.

use std::collections::BTreeMap;

use axum::{Json, extract::State};
use chrono::{DateTime, Utc};
use mission_core::{
    MissionId, ReviewId, UserId,
    check_in::Zone,
    engine::{Catalog, Command, DecideReview},
    fraud::{ReviewDecision, ReviewSubject, ReviewTimeout, Verdict},
    ports::{
        queries::{JournalRecord, Page},
        store::StoreError,
    },
    user::UserUpdate,
};
use mission_rules::pack::simulation::CaseStep;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::{router::OpenApiRouter, routes};

use crate::http::{
    AppState, Problem,
    caller::{Operator, UsersRead},
    page::{self, JournalKey, List},
    query::Query,
};

pub(super) fn routes() -> OpenApiRouter<AppState> {
    OpenApiRouter::new().routes(routes!(journal))
}

/// Whose.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct Filter {
    /// Of one user.
    user: Option<UserId>,
    /// At most so many commands; 1 to 200, default 50.
    #[param(minimum = 1, maximum = 200)]
    limit: Option<usize>,
    /// Where the page before ended.
    cursor: Option<String>,
}

/// What a user did: a CloudEvent, and a line of a log.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct LogLine {
    specversion: &'static str,
    id: String,
    source: String,
    /// An activity event's own type, or `checkin`, `task.start`, `task.progress`, `task.evidence`, `task.upload`, `task.complete`,
    /// `task.claim`, `review.decided`, `user.updated`.
    #[serde(rename = "type")]
    event_type: String,
    subject: UserId,
    /// When it was done.
    time: DateTime<Utc>,
    /// When it arrived, where that was another time.
    #[serde(skip_serializing_if = "Option::is_none")]
    recordedtime: Option<DateTime<Utc>>,
    #[schema(value_type = Object)]
    data: Map<String, Value>,
}

/// What users did, user by user: the commands and events that were carried out, as lines for `mission replay`. Erased
/// users are not in it, nor is what cannot be replayed: what operators took back, referrals, expiries.
#[utoipa::path(get, path = "/journal", operation_id = "journal", tag = "users", security(("bearer" = ["users:read"])), params(Filter), responses(
    (status = 200, description = "A page of lines", body = List<LogLine>),
    (status = 403, description = "`forbidden`", body = Problem, content_type = "application/problem+json"),
    (status = 422, description = "`invalid_query`", body = Problem, content_type = "application/problem+json")))]
async fn journal(
    State(state): State<AppState>,
    _operator: Operator<UsersRead>,
    Query(filter): Query<Filter>,
) -> Result<Json<List<LogLine>>, Problem> {
    let page = page::page::<JournalKey>(filter.limit, filter.cursor.as_deref())?;
    let after = Page {
        limit: page.limit + 1,
        after: page.after.map(|JournalKey(position)| position),
    };
    let found = state.queries.journal(filter.user, after).await?;
    let List { items, next_cursor } = page::list(
        found,
        page.limit,
        |record| JournalKey(record.position),
        std::convert::identity,
    );
    let lines = log(&state, items).await?;
    Ok(Json(List {
        items: lines,
        next_cursor,
    }))
}

/// Commands as lines of a log.
async fn log(state: &AppState, records: Vec<JournalRecord>) -> Result<Vec<LogLine>, StoreError> {
    let reviewed = reviewed_missions(state, &records).await?;
    let catalog = state.engine.catalog();
    let mut said = None;
    let lines = records
        .into_iter()
        .flat_map(|record| lines(record, &catalog, &reviewed, &mut said));
    Ok(lines.collect())
}

/// All that one user did, as far as the journal goes back.
pub(super) async fn log_of(state: &AppState, user: UserId) -> Result<Vec<LogLine>, StoreError> {
    const AT_ONCE: usize = 1_000;
    let mut commands = Vec::new();
    loop {
        let page = Page {
            limit: AT_ONCE,
            after: commands.last().map(|record: &JournalRecord| record.position),
        };
        let found = state.queries.journal(Some(user), page).await?;
        let is_last = found.len() < AT_ONCE;
        commands.extend(found);
        if is_last {
            return log(state, commands).await;
        }
    }
}

/// The lines that stand for a command: none, itself, or the wish for a zone that came with it and itself. `said` is the
/// user whose wish was told last, with the zone, so that it is told once.
fn lines(
    record: JournalRecord,
    catalog: &Catalog,
    reviewed: &BTreeMap<ReviewId, MissionId>,
    said: &mut Option<(UserId, Zone)>,
) -> Vec<LogLine> {
    let JournalRecord {
        position,
        at,
        zone,
        command,
        mission,
    } = record;
    let user = position.user;
    let line = |part: &str, step: CaseStep| {
        let (event_type, data) = step.into_parts();
        LogLine {
            specversion: "1.0",
            id: format!("{user}-{}{part}", position.number),
            source: "/journal".to_owned(),
            event_type,
            subject: user,
            time: at,
            recordedtime: None,
            data,
        }
    };
    let mut lines = Vec::new();
    let carries_zone = matches!(command, Command::CheckIn(_) | Command::NoteRefusedVisit(_));
    if let Some(zone) = zone {
        let is_new = *said != Some((user, zone));
        *said = Some((user, zone));
        if is_new && !carries_zone {
            let wish = UserUpdate {
                zone: Some(zone),
                ..UserUpdate::default()
            };
            lines.push(line("-zone", CaseStep::Describe(wish)));
        }
    }
    let code = |mission: Option<MissionId>| Some(catalog.mission(mission?)?.mission.definition.code.clone());
    let step = match command {
        Command::CheckIn(_) | Command::NoteRefusedVisit(_) => Some(CaseStep::CheckIn { zone }),
        Command::StartTask(start) => code(Some(start.mission)).map(|mission| CaseStep::Start { mission }),
        Command::ReportProgress(report) => code(mission).map(|mission| CaseStep::Progress {
            mission,
            value: report.value,
        }),
        Command::SubmitEvidence(submitted) => code(mission).map(|mission| CaseStep::Evidence {
            mission,
            evidence: submitted.evidence,
        }),
        Command::AttachUpload(attached) => code(mission).map(|mission| CaseStep::Upload {
            mission,
            file: attached.file.sha256.into(),
        }),
        Command::CompleteTask(_) => code(mission).map(|mission| CaseStep::Complete { mission }),
        Command::ClaimTask(_) | Command::ClaimReward(_) => {
            code(mission).map(|mission| CaseStep::Claim { mission })
        }
        Command::DecideReview(DecideReview {
            review,
            decision,
            note,
            ..
        }) => Some(CaseStep::Review {
            mission: code(reviewed.get(&review).copied()),
            decision,
            note,
        }),
        Command::TimeOutReview(timed_out) => Some(CaseStep::Review {
            mission: code(reviewed.get(&timed_out.review).copied()),
            decision: match timed_out.timeout {
                ReviewTimeout::Approve => ReviewDecision::Approve,
                ReviewTimeout::Reject => ReviewDecision::Reject,
            },
            note: None,
        }),
        Command::ApplyVerdict(found) => {
            let decision = match found.verdict {
                Verdict::Approved => Some(ReviewDecision::Approve),
                Verdict::Rejected => Some(ReviewDecision::Reject),
                Verdict::Review => None,
            };
            decision.map(|decision| CaseStep::Review {
                mission: code(reviewed.get(&found.review).copied()),
                decision,
                note: found.reason,
            })
        }
        Command::DescribeUser(described) => {
            if let Some(zone) = described.update.zone {
                *said = Some((user, zone));
            }
            Some(CaseStep::Describe(described.update))
        }
        Command::ApplyEvent(applied) => {
            let event = applied.event;
            lines.push(LogLine {
                specversion: "1.0",
                id: event.id,
                source: event.source,
                event_type: event.event_type,
                subject: user,
                time: event.time,
                recordedtime: Some(at).filter(|at| *at != event.time),
                data: event.data,
            });
            None
        }
        Command::RegisterUser(_)
        | Command::NoteRefusedEvidence(_)
        | Command::AssignReview(_)
        | Command::ReleaseReview(_)
        | Command::NoteModeration(_)
        | Command::EraseUser(_)
        | Command::ActivateReferral(_)
        | Command::HoldUser(_)
        | Command::LiftBan(_)
        | Command::GrantReward(_)
        | Command::RevokeReward(_)
        | Command::ExpireDue(_)
        | Command::CreateMission(_)
        | Command::UpdateMission(_)
        | Command::MoveMission(_)
        | Command::PutPack(_) => None,
    };
    lines.extend(step.map(|step| line("", step)));
    lines
}

/// The missions that the reviews are about which were decided, where they are about one.
async fn reviewed_missions(
    state: &AppState,
    records: &[JournalRecord],
) -> Result<BTreeMap<ReviewId, MissionId>, StoreError> {
    let mut missions = BTreeMap::new();
    for record in records {
        let review = match &record.command {
            Command::DecideReview(decided) => decided.review,
            Command::ApplyVerdict(found) => found.review,
            Command::TimeOutReview(timed_out) => timed_out.review,
            _ => continue,
        };
        let Some(review) = state.queries.review(review).await? else {
            continue;
        };
        let mission = match (review.subject.task(), review.subject) {
            (Some(task), _) => {
                let task = state.queries.task(review.user_id, task).await?;
                task.map(|task| task.mission_id)
            }
            (None, ReviewSubject::Claim { reward }) => {
                let reward = state.queries.reward(reward).await?;
                reward.and_then(|reward| reward.mission_id)
            }
            (None, _) => None,
        };
        if let Some(mission) = mission {
            missions.insert(review.id, mission);
        }
    }
    Ok(missions)
}
