//! Files that users upload to their tasks.

use std::time::Duration;

use axum::{
    extract::{DefaultBodyLimit, FromRequest, Multipart, Request, State},
    http::StatusCode,
    response::Response,
};
use mission_core::{
    FileId, TaskId,
    engine::{AttachUpload, CommandError, ExecuteError, NoteRefusedEvidence, Rejection, ResourceKind},
    task::{UploadStatus, UploadedFile},
};
use serde::Serialize;
use utoipa::ToSchema;
use utoipa_axum::{router::OpenApiRouter, routes};

use super::Id;
use crate::http::{
    AppState, Problem,
    body::Body,
    caller::Session,
    command::Requester,
    idempotency::KeyHeader,
    query::{NoQuery, Query},
};

pub(super) fn routes() -> OpenApiRouter<AppState> {
    // Files have a limit of their own, and are never held in memory.
    OpenApiRouter::new()
        .routes(routes!(upload))
        .layer(DefaultBodyLimit::disable())
}

/// How long a link to a file holds.
pub(super) const LINK_TIME: Duration = Duration::from_secs(3600);

/// A form with one file.
#[derive(ToSchema)]
#[expect(dead_code, reason = "it is read as a stream; this describes it")]
struct UploadForm {
    /// The file.
    #[schema(value_type = String, format = Binary)]
    file: Vec<u8>,
}

/// A file that was taken, and waits to be looked at.
#[derive(Debug, Serialize, ToSchema)]
struct Uploaded {
    /// Its id: what `data` of evidence of the type `uploaded_content` names. The same bytes for the same task keep theirs.
    file_id: FileId,
    /// Where it can be read, for an hour.
    url: String,
    /// What was found of it so far.
    status: UploadStatus,
}

/// Uploads a file to a task whose mission asks for one. Somebody looks at it; once it is approved, it is the task's evidence
/// and, where no event moves the mission, a step of its progress, and it completes the task where nothing else lacks.
/// Metadata of images, such as where they were taken, is not kept.
#[utoipa::path(post, path = "/tasks/{id}/upload", tag = "tasks", params(("id" = TaskId, Path)),
    request_body(content = UploadForm, content_type = "multipart/form-data"), responses(
    (status = 202, description = "It waits to be looked at", body = Uploaded),
    (status = 400, description = "`task_not_open`, `incomplete_body`, `device_required`", body = Problem, content_type = "application/problem+json"),
    (status = 403, description = "`risk_refused`", body = Problem, content_type = "application/problem+json"),
    (status = 404, description = "`not_found`", body = Problem, content_type = "application/problem+json"),
    (status = 413, description = "`payload_too_large`", body = Problem, content_type = "application/problem+json"),
    (status = 415, description = "`unsupported_media_type`: the type of the bytes is not taken, or not the one that is claimed", body = Problem, content_type = "application/problem+json"),
    (status = 422, description = "`invalid_upload`, `evidence_rejected`, `evidence_reused`", body = Problem, content_type = "application/problem+json"),
    (status = 503, description = "`busy`, `unavailable`: files cannot be kept now", body = Problem, content_type = "application/problem+json")))]
async fn upload(
    State(state): State<AppState>,
    session: Session,
    Id(task): Id<TaskId>,
    _: Query<NoQuery>,
    request: Request,
) -> Result<Response, Problem> {
    let user = session.user();
    let (parts, body) = request.into_parts();
    let named = KeyHeader::of(&parts)?;
    let request = Request::from_parts(parts, body);
    // Nobody sends megabytes to a task that is not theirs.
    let known = state.queries.task(user, task).await?;
    if known.is_none_or(|task| task.is_shadow()) {
        return Err(session.not_found(&state, ResourceKind::Task).await);
    }
    let form = Multipart::from_request(request, &()).await.map_err(|error| {
        let detail = format!(
            "send `multipart/form-data` with one part `file`: {}",
            error.body_text()
        );
        Problem::new(
            StatusCode::UNSUPPORTED_MEDIA_TYPE,
            "unsupported_media_type",
            detail,
        )
    })?;
    let now = state.engine.now();
    let received = state.uploads.receive_form(form, now).await?;
    let body = Body::of_hash(received.sha256.0);
    let key = state
        .in_flight_keys()
        .begin(named.as_ref(), &session.caller, &body)?;
    let near_copy_of = near_copy(&state, task, &received).await?;
    let command = AttachUpload {
        user,
        task,
        file: received.clone(),
        moderated: state.moderator.is_some(),
        near_copy_of,
    };
    let done = state.engine.execute(command, session.signals(), key.key).await;
    let (upload, replayed) = match done {
        Ok(done) => (done.reply.upload, done.replayed),
        Err(error) => {
            // What may have been written is left to the sweep.
            if !matches!(
                error,
                ExecuteError::Fault(CommandError::Unknown(_)) | ExecuteError::Stopped
            ) {
                discard(&state, received.id).await;
            }
            return Err(refused(&state, &session, task, error).await);
        }
    };
    if upload.file.id != received.id {
        discard(&state, received.id).await;
    } else if let Some(moderator) = &state.moderator {
        moderator.submit(upload.file.id);
    }
    let answer = Uploaded {
        file_id: upload.file.id,
        url: state.uploads.link(&upload.file, now, LINK_TIME).await?,
        status: upload.status,
    };
    Ok(super::answer(StatusCode::ACCEPTED, answer, replayed))
}

/// An image of another task that looks nearly the same.
async fn near_copy(
    state: &AppState,
    task: TaskId,
    received: &UploadedFile,
) -> Result<Option<FileId>, Problem> {
    let Some(hash) = received.perceptual_hash else {
        return Ok(None);
    };
    let near = state.queries.near_copies(hash).await?;
    let others = near.into_iter().filter(|picture| picture.task != task);
    Ok(others
        .min_by_key(|picture| picture.hash.distance(hash))
        .map(|picture| picture.file))
}

/// Removes a file that nothing names. What cannot be removed now goes with the sweep.
async fn discard(state: &AppState, file: FileId) {
    if let Err(error) = state.uploads.discard(file).await {
        tracing::warn!(%file, %error, "a file that nobody needs could not be removed");
    }
}

/// What the user is told; evidence that was judged bad is counted.
async fn refused(state: &AppState, session: &Session, task: TaskId, error: ExecuteError) -> Problem {
    match error {
        ExecuteError::Rejected(rejection) => {
            if matches!(
                rejection,
                Rejection::EvidenceRejected(_) | Rejection::EvidenceReused
            ) {
                let user = session.user();
                let note = NoteRefusedEvidence { user, task };
                if let Err(error) = state.engine.execute(note, session.signals(), None).await {
                    tracing::debug!(%error, "a refusal was not written down");
                }
            }
            session.refused(state, rejection).await
        }
        error => error.into(),
    }
}
