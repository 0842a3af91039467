//! Where pictures are imported to: the database of this machine, or a server.

use std::time::Duration;

use bytes::Bytes;
use reqwest::multipart::Form;
use reqwest::{Method, StatusCode};
use serde::Deserialize;
use serde_json::Value;
use tokio::sync::watch;
use tokio::time::{Instant, sleep};

use crate::cli::remote::{self, Client, ServerError, waiting};
use crate::domain::{CollectionName, ImageId, Profile, Quota, Verdict};
use crate::service::{
    AddImage, AddOutcome, OnDuplicate, OnSimilar, PictureError, RetrievalService, ServiceError, Stored,
};
use eyrie_terminal::output::note;
use eyrie_terminal::{CliError, Progress};

use super::summary::FileOutcome;

/// How long one picture is sent again while the server is busy.
const MOST_WAITING: Duration = Duration::from_secs(600);

/// Where the collection is.
pub(super) enum Target<'a> {
    Database(&'a RetrievalService),
    Server(&'a Client),
}

/// A picture to import.
pub(super) struct Picture {
    /// A fresh one where `None`.
    pub id: Option<ImageId>,
    pub bytes: Bytes,
    pub metadata: Value,
    pub on_similar: OnSimilar,
}

/// What those that wait look at and tell.
pub(super) struct Waiting<'a> {
    /// Shows what is waited for.
    pub progress: &'a Progress,
    /// Whether nothing more is to be begun.
    pub stopped: watch::Receiver<bool>,
}

impl Target<'_> {
    /// The profile of the collection, which is created where it is missing.
    pub(super) async fn collection(
        &self,
        name: &CollectionName,
        profile: Option<Profile>,
        description: &str,
    ) -> Result<Profile, CliError> {
        let failed = |error: ServiceError| CliError::Failed(explain(&error));
        let (profile, is_new) = match self {
            Self::Database(service) => match service.collection(name).await {
                Ok(summary) => (summary.collection.profile, false),
                Err(ServiceError::UnknownCollection(_)) => {
                    let made = service
                        .create_collection(name.clone(), profile, description.to_owned(), Quota::default())
                        .await;
                    let (collection, is_new) = made.map_err(failed)?;
                    (collection.profile, is_new)
                }
                Err(error) => return Err(failed(error)),
            },
            Self::Server(server) => match remote::collection(server, name).await? {
                Some(profile) => (profile, false),
                None => remote::create_collection(server, name, profile, description).await?,
            },
        };
        if is_new {
            note(&format!("created the collection {name} (profile {profile})"));
        }
        Ok(profile)
    }

    /// Adds a picture; `None` where it was to wait and nothing more is to be begun.
    pub(super) async fn add(
        &self,
        collection: &CollectionName,
        picture: Picture,
        waiting: &Waiting<'_>,
    ) -> Option<FileOutcome> {
        match self {
            Self::Database(service) => Some(store(service, collection, picture).await),
            Self::Server(server) => upload(server, collection, &picture, waiting).await,
        }
    }
}

async fn store(service: &RetrievalService, collection: &CollectionName, picture: Picture) -> FileOutcome {
    let Picture { id, bytes, metadata, on_similar } = picture;
    let image =
        AddImage { id, bytes, metadata, on_duplicate: OnDuplicate::Return, on_similar, stored_by: None, named: None };
    match service.import_image(collection, image).await {
        Ok(Stored { outcome: AddOutcome::Created(record), similar, .. }) => {
            let similar = similar.into_iter().flatten().map(|hit| Similar {
                id: hit.record.id.into(),
                score: hit.score,
                verdict: hit.verdict,
            });
            FileOutcome::Stored { id: record.id.into(), similar: nearest(similar) }
        }
        Ok(Stored { outcome: AddOutcome::Existing(_), .. }) => FileOutcome::AlreadyThere,
        Err(error) => failure(&error),
    }
}

/// An image of the collection that is similar.
#[derive(Deserialize)]
struct Similar {
    id: String,
    score: f32,
    verdict: Verdict,
}

impl Similar {
    fn shows(&self) -> String {
        format!("{} of {} (score {:.4})", self.verdict, self.id, self.score)
    }
}

/// Which image shows the same thing.
fn nearest(mut similar: impl Iterator<Item = Similar>) -> Option<String> {
    similar.find(|similar| similar.verdict <= Verdict::NearDuplicate).map(|similar| similar.shows())
}

fn failure(error: &ServiceError) -> FileOutcome {
    if matches!(error, ServiceError::Extract(PictureError::NotAnImage)) {
        FileOutcome::NotAnImage
    } else if let ServiceError::SimilarExists { id, verdict, score } = error {
        FileOutcome::LeftOut(Similar { id: id.clone(), score: *score, verdict: *verdict }.shows())
    } else if matches!(error, ServiceError::Store(_) | ServiceError::ShuttingDown) {
        FileOutcome::Fatal(explain(error))
    } else {
        FileOutcome::Failed(explain(error))
    }
}

/// The database's own words are of use to the person who runs this command, unlike to a client of
/// the server.
pub(super) fn explain(error: &ServiceError) -> String {
    if let ServiceError::Store(inner) = error { inner.to_string() } else { error.to_string() }
}

/// Sends a picture, again and again while the server is busy. The server keeps the same bytes once,
/// so that sending them twice does no harm.
async fn upload(
    server: &Client,
    collection: &CollectionName,
    picture: &Picture,
    waits: &Waiting<'_>,
) -> Option<FileOutcome> {
    let path = format!("collections/{collection}/images");
    let on_similar = OnSimilar::ALL.iter().find(|(_, choice)| *choice == picture.on_similar);
    let until = Instant::now() + MOST_WAITING;
    let mut stopped = waits.stopped.clone();
    loop {
        let mut form = Form::new().part("image", remote::picture(picture.bytes.clone()));
        form = form.text("metadata", picture.metadata.to_string()).text("on_duplicate", "return");
        if let Some((name, _)) = on_similar {
            form = form.text("on_similar", *name);
        }
        if let Some(id) = &picture.id {
            form = form.text("id", id.to_string());
        }
        match server.try_send(server.request(Method::POST, &path).multipart(form)).await {
            Err(ServerError::Busy { what, after }) if Instant::now() + after < until => {
                waits.progress.say(&waiting(&what, after));
                tokio::select! {
                    () = sleep(after) => waits.progress.say_no_more(),
                    _ = stopped.wait_for(|stopped| *stopped) => return None,
                }
            }
            Ok(answer) => {
                let is_new = answer.status() == StatusCode::CREATED;
                return Some(match server.read::<Added>(answer).await {
                    Ok(Added { id, similar }) if is_new => {
                        FileOutcome::Stored { id, similar: nearest(similar.into_iter().flatten()) }
                    }
                    Ok(_) => FileOutcome::AlreadyThere,
                    Err(error) => FileOutcome::Fatal(error.to_string()),
                });
            }
            Err(error) => return Some(refusal(&error)),
        }
    }
}

/// The record of an image that was sent.
#[derive(Deserialize)]
struct Added {
    id: String,
    similar: Option<Vec<Similar>>,
}

/// What became of a picture that the server did not take.
fn refusal(error: &ServerError) -> FileOutcome {
    /// What goes with `similar_exists`.
    #[derive(Deserialize)]
    struct Known {
        similar: Vec<Similar>,
    }
    let Some(problem) = error.problem() else {
        // Something in front of the server may have a limit of its own; everything else holds for all
        // files.
        let is_size = matches!(error, ServerError::NotEyrie { status: StatusCode::PAYLOAD_TOO_LARGE, .. });
        return if is_size { FileOutcome::Failed(error.to_string()) } else { FileOutcome::Fatal(error.to_string()) };
    };
    let gone = ["database_unavailable", "database_read_only", "database_full", "shutting_down", "unknown_collection"];
    match problem.code.as_str() {
        "not_an_image" => FileOutcome::NotAnImage,
        "similar_exists" => {
            let known = serde_json::from_value::<Known>(Value::Object(problem.extension.clone())).ok();
            let shows = known.and_then(|known| known.similar.first().map(Similar::shows));
            FileOutcome::LeftOut(shows.unwrap_or_else(|| problem.detail.clone()))
        }
        code if gone.contains(&code) || matches!(problem.status, 401 | 403) => FileOutcome::Fatal(error.to_string()),
        _ => FileOutcome::Failed(problem.detail.clone()),
    }
}
