//! `eyrie search`: one query against the configured database, or a server.

use std::path::PathBuf;

use bytes::Bytes;
use clap::Args;
use serde_json::{Value, json};

use crate::app::{self, Backend, Purpose};
use crate::config::Config;
use crate::domain::{CollectionName, FieldPath, Filter, FilterLimits, QueryRegion, Verify};
use crate::service::{MAX_QUERY_IMAGES, SearchQuery, SearchRequest};

use super::answers::{Found, Hit};
use super::remote::{self, Client, ServerFlags};
use super::settings::Settings;
use eyrie_terminal::CliError;
use eyrie_terminal::output;

const EXAMPLES: &str = "\
Examples:
  eyrie search query.jpg
  eyrie search query.jpg -k 3 --min-score 0.6
  eyrie search query.jpg --region 0.5,0,0.5,1        its right half only
  eyrie search front.jpg side.jpg                    one thing, photographed twice
  eyrie search query.jpg --verify always
  eyrie search query.jpg --filter '{\"field\": \"path\", \"prefix\": \"holiday/\"}'
  eyrie search query.jpg --json | jq -r '.results[].metadata.path'
  eyrie search query.jpg --server https://pictures.example      in the collections of a server

Without --server the command reads the database itself, no server has to run. It compares the query with every image: for a \
single query that is faster than to build the graph, and the result is exact. The first results are then compared with \
the query spot by spot (search.verify_candidates says how many); verified ones show the same thing and come first.";

/// Find the images of a collection that look most like an image, or like several of one thing
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct Search {
    /// The image to search for, or up to four of one and the same thing
    #[arg(value_name = "FILE", required = true, num_args = 1..=MAX_QUERY_IMAGES)]
    files: Vec<PathBuf>,
    /// Search for this box of the image only, in fractions of its width and height from the upper
    /// left corner; of one image
    #[arg(long, value_name = "X,Y,WIDTH,HEIGHT", allow_hyphen_values = true)]
    region: Option<QueryRegion>,
    /// How many results, 1 to limits.max_results
    #[arg(short, value_name = "N", default_value_t = 10)]
    k: usize,
    /// Leave out results whose score (cosine, 1 is identical) is lower, -1 to 1
    #[arg(long, value_name = "SCORE", allow_negative_numbers = true)]
    min_score: Option<f32>,
    /// Only images whose metadata match this filter (JSON)
    #[arg(long, value_name = "JSON")]
    filter: Option<String>,
    /// Of the images with the same value in this metadata field (keys with dots between them) only
    /// the best one
    #[arg(long, value_name = "FIELD", value_parser = FieldPath::parse)]
    group_by: Option<FieldPath>,
    /// Whether the first results are compared with the query spot by spot: auto, always or never
    /// [default: search.verify]
    #[arg(long, value_name = "CHOICE")]
    verify: Option<Verify>,
    /// The collection to search
    #[arg(long, value_name = "NAME", default_value = "default")]
    collection: CollectionName,
    /// Print JSON
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    server: ServerFlags,
    #[command(flatten)]
    settings: Settings,
}

impl Search {
    pub(super) fn run(self) -> Result<(), CliError> {
        let filter = self.filter.as_deref().map(parse_filter).transpose()?;
        let loaded = self.settings.load_quietly([])?;
        let server = self.server.connect(&self.settings)?;
        if self.region.is_some() && self.files.len() > 1 {
            return Err(CliError::Usage("--region goes with one image, not with several".to_owned()));
        }
        let read = |path: &PathBuf| match std::fs::read(path) {
            Ok(bytes) => Ok(Bytes::from(bytes)),
            Err(e) => Err(CliError::Failed(format!("cannot read {}: {e}", path.display()))),
        };
        let images: Vec<Bytes> = self.files.iter().map(read).collect::<Result<_, _>>()?;
        let found = app::runtime()?.block_on(async {
            match &server {
                Some(server) => self.ask(server, &images).await,
                None => self.look(&loaded.config, images, filter).await,
            }
        })?;
        if found.partial {
            output::note("warning: the server is building its index; images may be missing among the results");
        }
        if self.json { output::json(&as_json(&found)) } else { as_table(&found) }
    }

    /// Searches in the database.
    async fn look(&self, config: &Config, images: Vec<Bytes>, filter: Option<Filter>) -> Result<Found, CliError> {
        let query = match &images[..] {
            [image] => SearchQuery::Image(image.clone(), self.region),
            _ => SearchQuery::Images(images),
        };
        let request = SearchRequest {
            query,
            k: self.k,
            offset: 0,
            min_score: self.min_score,
            filter,
            group_by: self.group_by.clone(),
            exact: true,
            ef: None,
            verify: self.verify,
            expand: None,
            thumbnail: false,
        };
        let backend = Backend::open(config, Purpose::OneSearch).await?;
        let found = match backend.service.index_built().await {
            Ok(()) => backend.service.search(&self.collection, request).await,
            Err(error) => Err(error),
        };
        backend.close().await;
        found.map(Found::from).map_err(|e| CliError::Failed(format!("{}: {e}", self.names())))
    }

    /// Has a server search.
    async fn ask(&self, server: &Client, images: &[Bytes]) -> Result<Found, CliError> {
        let region = self.region.map(|region| region.to_array().map(|side| side.to_string()).join(","));
        let group_by = self.group_by.clone().map(|field| field.into_keys().join("."));
        let optional = [
            ("region", region),
            ("min_score", self.min_score.map(|score| score.to_string())),
            ("filter", self.filter.clone()),
            ("group_by", group_by),
            ("verify", self.verify.map(|verify| verify.to_string())),
        ];
        let mut fields = vec![("k", self.k.to_string()), ("exact", "true".to_owned())];
        fields.extend(optional.into_iter().filter_map(|(name, value)| Some((name, value?))));
        let found = remote::search(server, &self.collection, images, &fields).await;
        found.map_err(|error| error.about(&self.names()))
    }

    /// The files, as messages name them.
    fn names(&self) -> String {
        self.files.iter().map(|path| path.display().to_string()).collect::<Vec<_>>().join(", ")
    }
}

fn parse_filter(text: &str) -> Result<Filter, CliError> {
    let value: Value =
        serde_json::from_str(text).map_err(|e| CliError::Usage(format!("--filter is not valid JSON: {e}")))?;
    Filter::parse(&value, FilterLimits::default()).map_err(|e| CliError::Usage(format!("--filter: {e}")))
}

fn as_json(found: &Found) -> Value {
    let results = found.results.iter().map(|hit| {
        let mut result = json!({
            "rank": hit.rank,
            "id": hit.id,
            "score": hit.score,
            "verdict": hit.verdict,
            "metadata": hit.metadata,
        });
        if let (Some(verified), Some(inliers)) = (hit.verified, hit.inliers) {
            result["verified"] = verified.into();
            result["inliers"] = inliers.into();
        }
        if let Some(confidence) = hit.confidence {
            result["confidence"] = confidence.into();
        }
        if let Some(cells) = hit.cells {
            result["cells"] = cells.into();
        }
        if let Some(region) = &hit.region {
            result["match"] = json!({"quad_in_query": region.quad_in_query, "quad_in_result": region.quad_in_result});
            if region.mirrored {
                result["match"]["mirrored"] = true.into();
            }
            if let Some(number) = region.query_image {
                result["match"]["query_image"] = number.into();
            }
        }
        result
    });
    json!({"version": found.version, "cost": found.cost, "results": results.collect::<Vec<_>>()})
}

fn as_table(found: &Found) -> Result<(), CliError> {
    if found.results.is_empty() {
        output::note("nothing was found");
        return Ok(());
    }
    let mut table = output::table(["RANK", "SCORE", "VERDICT", "VERIFIED", "INLIERS", "CONFIDENCE", "ID", "PATH"]);
    for hit in &found.results {
        // A dash where the two were not compared.
        let verified = hit.verified.map_or("-", |verified| if verified { "yes" } else { "no" });
        let inliers = hit.inliers.map_or_else(|| "-".to_owned(), |inliers| inliers.to_string());
        let confidence = hit.confidence.map_or_else(|| "-".to_owned(), |confidence| format!("{confidence:.3}"));
        table.add_row([
            hit.rank.to_string(),
            format!("{:.4}", hit.score),
            hit.verdict.as_str().replace('_', " "),
            verified.to_owned(),
            inliers,
            confidence,
            hit.id.clone(),
            place(hit),
        ]);
    }
    output::results(|out| writeln!(out, "{}", table.trim_fmt()))
}

/// What tells a person which image this is: the path that an import stored, or all metadata; a dash
/// where there are none.
fn place(hit: &Hit) -> String {
    match hit.metadata.get("path") {
        Some(Value::String(path)) => path.clone(),
        _ if hit.metadata.is_empty() => "-".to_owned(),
        _ => Value::from(hit.metadata.clone()).to_string(),
    }
}
