//! The calls of the interface that commands make.

use std::time::Duration;

use bytes::Bytes;
use reqwest::multipart::Form;
use reqwest::{Method, StatusCode};
use serde::Deserialize;
use serde_json::{Map, Value};

use super::client::{Client, picture};
use super::error::ServerError;
use crate::cli::answers::{Compared, Found, Group, JobAnswer};
use crate::domain::{CollectionName, JobId, Profile};

/// Jobs of a page.
const PAGE_OF_JOBS: u32 = 1_000;

/// Groups of a page.
const PAGE_OF_GROUPS: u32 = 100;

/// Searches with an image; `fields` are those of the form.
pub(in crate::cli) async fn search(
    server: &Client,
    collection: &CollectionName,
    images: &[Bytes],
    fields: &[(&'static str, String)],
) -> Result<Found, ServerError> {
    let path = format!("collections/{collection}/search");
    let form = || {
        let form = images.iter().fold(Form::new(), |form, image| form.part("image", picture(image.clone())));
        fields.iter().fold(form, |form, (name, value)| form.text(*name, value.clone()))
    };
    server.json(|| server.request(Method::POST, &path).multipart(form())).await
}

/// Compares two images; with the picture of the comparison as a `data:` URL, where it is asked for.
pub(in crate::cli) async fn compare(
    server: &Client,
    [a, b]: [&Bytes; 2],
    profile: Profile,
    overlay: bool,
) -> Result<(Compared, Option<String>), ServerError> {
    #[derive(Deserialize)]
    struct Answer {
        #[serde(flatten)]
        compared: Compared,
        overlay: Option<String>,
    }
    let include = if overlay { "cost,overlay" } else { "cost" };
    let form = || {
        let pictures = Form::new().part("a", picture(a.clone())).part("b", picture(b.clone()));
        pictures.text("profile", profile.as_str()).text("include", include)
    };
    let answer: Answer = server.json(|| server.request(Method::POST, "compare").multipart(form())).await?;
    Ok((answer.compared, answer.overlay))
}

#[derive(Deserialize)]
struct Collection {
    profile: Profile,
}

/// The profile of a collection; `None` where there is none of this name.
pub(in crate::cli) async fn collection(server: &Client, name: &CollectionName) -> Result<Option<Profile>, ServerError> {
    let path = format!("collections/{name}");
    match server.json::<Collection>(|| server.request(Method::GET, &path)).await {
        Ok(collection) => Ok(Some(collection.profile)),
        Err(error) if error.code() == "unknown_collection" => Ok(None),
        Err(error) => Err(error),
    }
}

/// Creates a collection; its profile, and whether it is new.
pub(in crate::cli) async fn create_collection(
    server: &Client,
    name: &CollectionName,
    profile: Option<Profile>,
    description: &str,
) -> Result<(Profile, bool), ServerError> {
    let path = format!("collections/{name}");
    let mut body = Map::new();
    body.extend(profile.map(|profile| ("profile".to_owned(), Value::from(profile.as_str()))));
    body.extend((!description.is_empty()).then(|| ("description".to_owned(), Value::from(description))));
    let answer = server.send(|| server.request(Method::PUT, &path).json(&body)).await?;
    let is_new = answer.status() == StatusCode::CREATED;
    let collection: Collection = server.read(answer).await?;
    Ok((collection.profile, is_new))
}

/// The newest jobs, so many at most.
pub(in crate::cli) async fn jobs(server: &Client, most: u32) -> Result<Vec<JobAnswer>, ServerError> {
    #[derive(Deserialize)]
    struct Page {
        jobs: Vec<JobAnswer>,
        next_cursor: Option<String>,
    }
    let mut all = Vec::new();
    let mut cursor: Option<String> = None;
    loop {
        let left = most.saturating_sub(u32::try_from(all.len()).unwrap_or(u32::MAX));
        if left == 0 {
            return Ok(all);
        }
        let limit = left.min(PAGE_OF_JOBS).to_string();
        let query: Vec<(&str, &str)> =
            [("limit", limit.as_str())].into_iter().chain(cursor.as_deref().map(|cursor| ("cursor", cursor))).collect();
        let page: Page = server.json(|| server.request(Method::GET, "jobs").query(&query)).await?;
        all.extend(page.jobs);
        cursor = page.next_cursor;
        if cursor.is_none() {
            return Ok(all);
        }
    }
}

/// A job as it is now.
pub(in crate::cli) async fn job(server: &Client, id: &JobId) -> Result<JobAnswer, ServerError> {
    let path = format!("jobs/{id}");
    server.json(|| server.request(Method::GET, &path)).await
}

/// A job once it has ended, or after a moment.
pub(in crate::cli) async fn wait_for_job(server: &Client, id: &str) -> Result<JobAnswer, ServerError> {
    // Half of the time is for the way there and back.
    let wait = (server.timeout() / 2).min(Duration::from_secs(2));
    if wait.as_secs() == 0 {
        tokio::time::sleep(wait).await;
    }
    let path = format!("jobs/{id}");
    let query = [("wait", wait.as_secs())];
    server.json(|| server.request(Method::GET, &path).query(&query)).await
}

/// Cancels a job.
pub(in crate::cli) async fn cancel_job(server: &Client, id: &JobId) -> Result<JobAnswer, ServerError> {
    let path = format!("jobs/{id}/cancel");
    server.json(|| server.request(Method::POST, &path)).await
}

/// Removes a job.
pub(in crate::cli) async fn delete_job(server: &Client, id: &JobId) -> Result<(), ServerError> {
    let path = format!("jobs/{id}");
    server.send(|| server.request(Method::DELETE, &path)).await.map(drop)
}

/// Has duplicates looked for.
pub(in crate::cli) async fn find_duplicates(
    server: &Client,
    collection: &CollectionName,
    options: &Map<String, Value>,
) -> Result<JobAnswer, ServerError> {
    let path = format!("collections/{collection}/duplicates");
    server.json(|| server.request(Method::POST, &path).json(options)).await
}

/// A page of the groups of a job, and what gives the next one.
pub(in crate::cli) async fn groups(
    server: &Client,
    job: &str,
    cursor: Option<&str>,
) -> Result<(Vec<Group>, Option<String>), ServerError> {
    #[derive(Deserialize)]
    struct Page {
        groups: Vec<Group>,
        next_cursor: Option<String>,
    }
    let path = format!("jobs/{job}/groups");
    let limit = PAGE_OF_GROUPS.to_string();
    let query: Vec<(&str, &str)> =
        [("limit", limit.as_str())].into_iter().chain(cursor.map(|cursor| ("cursor", cursor))).collect();
    let page: Page = server.json(|| server.request(Method::GET, &path).query(&query)).await?;
    Ok((page.groups, page.next_cursor))
}

/// Deletes an image that still has this revision; whether it had.
pub(in crate::cli) async fn delete_image(
    server: &Client,
    collection: &str,
    id: &str,
    revision: i64,
) -> Result<bool, ServerError> {
    let path = format!("collections/{collection}/images/{id}");
    let unchanged = format!("\"{revision}\"");
    match server.send(|| server.request(Method::DELETE, &path).header("if-match", &unchanged)).await {
        Ok(_) => Ok(true),
        Err(error) if matches!(error.code(), "precondition_failed" | "unknown_image") => Ok(false),
        Err(error) => Err(error),
    }
}
