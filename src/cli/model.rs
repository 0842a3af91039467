//! `eyrie model`: what a model file holds.

use std::path::PathBuf;

use clap::{Args, Subcommand};
use serde_json::{Value, json};

use eyrie_chip::ModelFile;
use eyrie_vision::describe::Model as LoadedModel;

use eyrie_terminal::CliError;
use eyrie_terminal::output::{self, grouped};

/// Look at a model file
#[derive(Debug, Args)]
pub(super) struct Model {
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, Subcommand)]
enum Action {
    /// Print a model's fingerprint, layers, whitenings and card, after checking that it is sound
    Info {
        /// The model file; the model that is built in where none is named
        #[arg(value_name = "FILE")]
        file: Option<PathBuf>,
        /// Print JSON
        #[arg(long)]
        json: bool,
    },
}

impl Model {
    pub(super) fn run(self) -> Result<(), CliError> {
        let Action::Info { file, json } = self.action;
        let (origin, bytes) = match file {
            None => ("built in".to_owned(), LoadedModel::embedded_file().to_vec()),
            Some(path) => {
                let bytes = std::fs::read(&path)
                    .map_err(|e| CliError::Failed(format!("cannot read {}: {e}", path.display())))?;
                (path.display().to_string(), bytes)
            }
        };
        let model = ModelFile::decode(&bytes).map_err(|e| CliError::Failed(format!("{origin}: {e}")))?;
        let loaded = LoadedModel::from_bytes(&bytes).map_err(|e| CliError::Failed(format!("{origin}: {e}")))?;
        let facts = Facts { origin, bytes: bytes.len(), fingerprint: loaded.fingerprint() };
        if json { output::json(&as_json(&facts, &model)) } else { as_text(&facts, &model) }
    }
}

/// What is known of a model besides what its file says.
struct Facts<'a> {
    origin: String,
    bytes: usize,
    /// The one that versions of descriptors carry.
    fingerprint: &'a str,
}

/// How many weights all layers have.
fn weights(model: &ModelFile) -> u64 {
    model.network.layers().iter().map(|layer| layer.weights() as u64).sum()
}

fn as_json(facts: &Facts<'_>, model: &ModelFile) -> Value {
    let layers = model.network.layers().iter().map(|layer| {
        json!({
            "name": layer.name,
            "inputs": layer.cin,
            "outputs": layer.cout,
            "weights": layer.weights(),
            "codebook": layer.codebook,
            "shift": layer.shift,
            "output_scale": layer.output_scale,
            "pool": layer.pool,
        })
    });
    let whitenings =
        model.whitenings.iter().map(|w| json!({"name": w.name, "inputs": w.inputs(), "outputs": w.outputs()}));
    json!({
        "origin": facts.origin,
        "fingerprint": facts.fingerprint,
        "bytes": facts.bytes,
        "weights": weights(model),
        "layers": layers.collect::<Vec<_>>(),
        "whitenings": whitenings.collect::<Vec<_>>(),
        "card": serde_json::from_str(&model.card).unwrap_or_else(|_| Value::String(model.card.clone())),
    })
}

fn as_text(facts: &Facts<'_>, model: &ModelFile) -> Result<(), CliError> {
    let mut layers = output::table(["LAYER", "CHANNELS", "WEIGHTS", "CODEBOOK", "SHIFT", "STEP", "THEN"]);
    for layer in model.network.layers() {
        layers.add_row([
            layer.name.clone(),
            format!("{} to {}", layer.cin, layer.cout),
            grouped(layer.weights() as u64),
            layer.codebook.map(|level| level.to_string()).join(" "),
            layer.shift.to_string(),
            format!("{:.4}", layer.output_scale),
            if layer.pool { "pooling".to_owned() } else { String::new() },
        ]);
    }
    output::results(|out| {
        writeln!(out, "fingerprint  {}", facts.fingerprint)?;
        writeln!(out, "file         {}, {} bytes", facts.origin, grouped(facts.bytes as u64))?;
        writeln!(out, "weights      {} of 2 bits\n", grouped(weights(model)))?;
        writeln!(out, "{}\n", layers.trim_fmt())?;
        for whitening in &model.whitenings {
            writeln!(out, "whitening {}: {} to {} values", whitening.name, whitening.inputs(), whitening.outputs())?;
        }
        writeln!(out, "\ncard\n{}", model.card.trim_end())
    })
}
