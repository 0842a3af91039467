//! `eyrie search`: one query against the configured database.

use std::path::PathBuf;

use clap::Args;
use serde_json::{Value, json};

use crate::app::{self, Backend, Purpose};
use crate::domain::{CollectionName, FieldPath, Filter, FilterLimits, QueryRegion, Verify};
use crate::service::{SearchHit, SearchQuery, SearchRequest, SearchResponse};

use super::settings::Settings;
use eyrie_terminal::CliError;
use eyrie_terminal::output;

const EXAMPLES: &str = "\
Examples:
  eyrie search query.jpg
  eyrie search query.jpg -k 3 --min-score 0.6
  eyrie search query.jpg --region 0.5,0,0.5,1        its right half only
  eyrie search query.jpg --verify always
  eyrie search query.jpg --filter '{\"field\": \"path\", \"prefix\": \"holiday/\"}'
  eyrie search query.jpg --json | jq -r '.results[].metadata.path'

The command reads the database itself, no server has to run. It compares the query with every image: for a \
single query that is faster than to build the graph, and the result is exact. The first results are then compared with \
the query spot by spot (search.verify_candidates says how many); verified ones show the same thing and come first.";

/// Find the images of a collection that look most like an image
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct Search {
    /// The image to search for
    #[arg(value_name = "FILE")]
    file: PathBuf,
    /// Search for this box of the image only, in fractions of its width and height from the upper
    /// left corner
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
    settings: Settings,
}

impl Search {
    pub(super) fn run(self) -> Result<(), CliError> {
        let filter = self.filter.as_deref().map(parse_filter).transpose()?;
        let loaded = self.settings.load_quietly([])?;
        let bytes = std::fs::read(&self.file)
            .map_err(|e| CliError::Failed(format!("cannot read {}: {e}", self.file.display())))?;
        let request = SearchRequest {
            query: SearchQuery::Image(bytes.into(), self.region),
            k: self.k,
            offset: 0,
            min_score: self.min_score,
            filter,
            group_by: self.group_by,
            exact: true,
            ef: None,
            verify: self.verify,
            thumbnail: false,
        };
        let response = app::runtime()?.block_on(async {
            let backend = Backend::open(&loaded.config, Purpose::OneSearch).await?;
            let found = match backend.service.index_built().await {
                Ok(()) => backend.service.search(&self.collection, request).await,
                Err(error) => Err(error),
            };
            backend.close().await;
            found.map_err(|e| CliError::Failed(format!("{}: {e}", self.file.display())))
        })?;
        if self.json { output::json(&as_json(&response)) } else { as_table(&response) }
    }
}

fn parse_filter(text: &str) -> Result<Filter, CliError> {
    let value: Value =
        serde_json::from_str(text).map_err(|e| CliError::Usage(format!("--filter is not valid JSON: {e}")))?;
    Filter::parse(&value, FilterLimits::default()).map_err(|e| CliError::Usage(format!("--filter: {e}")))
}

fn as_json(response: &SearchResponse) -> Value {
    let results = response.hits.iter().map(|hit| {
        let mut result = json!({
            "rank": hit.rank,
            "id": hit.record.id,
            "score": hit.score,
            "verdict": hit.verdict,
            "metadata": hit.record.metadata,
        });
        if let Some(found) = hit.verification {
            result["verified"] = found.verified().into();
            result["inliers"] = found.inliers.into();
            if let Some(region) = found.region {
                result["match"] =
                    json!({"quad_in_query": region.quad_in_query, "quad_in_result": region.quad_in_candidate});
            }
        }
        result
    });
    json!({
        "version": response.version.to_string(),
        "cost": response.cost,
        "results": results.collect::<Vec<_>>(),
    })
}

fn as_table(response: &SearchResponse) -> Result<(), CliError> {
    if response.hits.is_empty() {
        output::note("nothing was found");
        return Ok(());
    }
    let mut table = output::table(["RANK", "SCORE", "VERDICT", "VERIFIED", "INLIERS", "ID", "PATH"]);
    for hit in &response.hits {
        // A dash where the two were not compared.
        let (verified, inliers) = match hit.verification {
            Some(found) => (if found.verified() { "yes" } else { "no" }, found.inliers.to_string()),
            None => ("-", "-".to_owned()),
        };
        table.add_row([
            hit.rank.to_string(),
            format!("{:.4}", hit.score),
            hit.verdict.as_str().replace('_', " "),
            verified.to_owned(),
            inliers,
            hit.record.id.to_string(),
            place(hit),
        ]);
    }
    output::results(|out| writeln!(out, "{}", table.trim_fmt()))
}

/// What tells a person which image this is: the path that an import stored, or all metadata; a dash
/// where there are none.
fn place(hit: &SearchHit) -> String {
    let metadata = hit.record.metadata.as_map();
    match metadata.get("path") {
        Some(Value::String(path)) => path.clone(),
        _ if metadata.is_empty() => "-".to_owned(),
        _ => hit.record.metadata.to_json(),
    }
}
