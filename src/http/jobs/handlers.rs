//! Work in the background.

use std::time::Duration;

use axum::Json;
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};

use super::dto::{GroupListDto, JobDto, JobListDto};
use super::requests::{FindDuplicates, FindDuplicatesBody, GroupsQuery, JobQuery, JobsQuery};
use crate::domain::{Job, JobId};
use crate::http::access::caller::Caller;
use crate::http::error::{ApiError, Problem};
use crate::http::extract::json_body::JsonBody;
use crate::http::extract::path::{InCollection, OfJob};
use crate::http::extract::query::Query;
use crate::http::state::AppState;
use crate::service::Started;

/// Find the near-duplicates of a collection, in the background.
///
/// Images that show the same thing make a group. The first job looks at every image, a later one of
/// the same parameters only at those that changed since. `GET /v1/jobs/{id}/groups` has the groups
/// once it is done.
#[utoipa::path(post, path = "/v1/collections/{collection}/duplicates", tag = "jobs",
    params(InCollection),
    request_body = Option<FindDuplicatesBody>,
    responses(
        (status = 202, description = "A new job", body = JobDto, headers(("Location" = String, description = "The job's path")),
            links(
                ("get_job" = (operation_id = "get_job", parameters(("id" = "$response.body#/id")))),
                ("list_groups" = (operation_id = "list_groups", parameters(("id" = "$response.body#/id")))),
                ("cancel_job" = (operation_id = "cancel_job", parameters(("id" = "$response.body#/id")))),
                ("delete_job" = (operation_id = "delete_job", parameters(("id" = "$response.body#/id")))),
            )),
        (status = 200, description = "The same work waits or is done already: its job", body = JobDto,
            headers(("Location" = String, description = "The job's path"))),
        (status = "default", description = "Any failure", body = Problem, content_type = "application/problem+json"),
    )
)]
pub(crate) async fn find_duplicates(
    State(state): State<AppState>,
    InCollection(collection): InCollection,
    JsonBody(FindDuplicates(request)): JsonBody<FindDuplicates>,
) -> Result<Response, ApiError> {
    let (status, job) = match state.service.find_duplicates(&collection, request).await? {
        Started::New(job) => (StatusCode::ACCEPTED, job),
        Started::There(job) => (StatusCode::OK, job),
    };
    let location = state.options.public_path.job(&job.id);
    Ok((status, [(header::LOCATION, location)], Json(JobDto::from(job))).into_response())
}

/// List the jobs, the newest first.
#[utoipa::path(get, path = "/v1/jobs", tag = "jobs",
    params(Query<JobsQuery>),
    responses(
        (status = 200, description = "A page of jobs", body = JobListDto),
        (status = "default", description = "Any failure", body = Problem, content_type = "application/problem+json"),
    )
)]
pub(crate) async fn list_jobs(
    State(state): State<AppState>,
    caller: Caller,
    Query(JobsQuery { before, limit }): Query<JobsQuery>,
) -> Result<Json<JobListDto>, ApiError> {
    // One more than the page has, to know whether there is a next page.
    let mut jobs = visible_jobs(&state, &caller, before, limit + 1).await?;
    let more = jobs.len() > limit as usize;
    jobs.truncate(limit as usize);
    let next_cursor = jobs.last().filter(|_| more).map(|job| job.id.to_string());
    Ok(Json(JobListDto { jobs: jobs.into_iter().map(JobDto::from).collect(), next_cursor }))
}

/// Jobs that exist for the caller, the newest first, at most `limit`.
async fn visible_jobs(
    state: &AppState,
    caller: &Caller,
    mut before: Option<JobId>,
    limit: u32,
) -> Result<Vec<Job>, ApiError> {
    let mut visible: Vec<Job> = Vec::new();
    loop {
        let read = state.service.jobs(before.as_ref(), limit).await?;
        let is_last = read.len() < limit as usize;
        before = read.last().map(|job| job.id.clone());
        visible.extend(read.into_iter().filter(|job| caller.sees(&job.collection)));
        if is_last || visible.len() >= limit as usize {
            visible.truncate(limit as usize);
            return Ok(visible);
        }
    }
}

/// Read a job.
#[utoipa::path(get, path = "/v1/jobs/{id}", tag = "jobs",
    params(OfJob, Query<JobQuery>),
    responses(
        (status = 200, description = "The job", body = JobDto),
        (status = "default", description = "Any failure", body = Problem, content_type = "application/problem+json"),
    )
)]
pub(crate) async fn get_job(
    State(state): State<AppState>,
    OfJob(id): OfJob,
    Query(JobQuery { wait }): Query<JobQuery>,
) -> Result<Json<JobDto>, ApiError> {
    // Whatever is asked for, the answer is there in time.
    let wait = Duration::from_secs(wait.into()).min(state.options.request_timeout * 2 / 3);
    let job = state.service.job(&id, wait).await?;
    Ok(Json(job.into()))
}

/// Remove a job with what it found; one that waits or runs is cancelled.
#[utoipa::path(delete, path = "/v1/jobs/{id}", tag = "jobs",
    params(OfJob),
    responses(
        (status = 204, description = "Removed"),
        (status = "default", description = "Any failure", body = Problem, content_type = "application/problem+json"),
    )
)]
pub(crate) async fn delete_job(State(state): State<AppState>, OfJob(id): OfJob) -> Result<StatusCode, ApiError> {
    state.service.delete_job(&id).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Cancel a job that waits or runs. One that has ended stays as it is.
#[utoipa::path(post, path = "/v1/jobs/{id}/cancel", tag = "jobs",
    params(OfJob),
    responses(
        (status = 200, description = "The job as it is now", body = JobDto),
        (status = "default", description = "Any failure", body = Problem, content_type = "application/problem+json"),
    )
)]
pub(crate) async fn cancel_job(State(state): State<AppState>, OfJob(id): OfJob) -> Result<Json<JobDto>, ApiError> {
    Ok(Json(state.service.cancel_job(&id).await?.into()))
}

/// The groups of near-duplicates that a job found, the largest first.
///
/// Images that are gone since are left out, and groups with them of which only one image is left.
#[utoipa::path(get, path = "/v1/jobs/{id}/groups", tag = "jobs",
    params(OfJob, Query<GroupsQuery>),
    responses(
        (status = 200, description = "A page of groups", body = GroupListDto),
        (status = "default", description = "Any failure", body = Problem, content_type = "application/problem+json"),
    )
)]
pub(crate) async fn list_groups(
    State(state): State<AppState>,
    OfJob(id): OfJob,
    Query(GroupsQuery { after, limit }): Query<GroupsQuery>,
) -> Result<Json<GroupListDto>, ApiError> {
    let page = state.service.duplicate_groups(&id, after, limit as usize).await?;
    Ok(Json(GroupListDto::new(page.groups, page.next, &state.options.public_path)))
}
