//! `eyrie chip`: what describing images costs on a chip.

mod chart;

use std::io::{self, Write};
use std::path::PathBuf;

use clap::Args;

use crate::app::StartError;
use crate::domain::{ChipReport, Profile};

use super::settings::{Settings, given};
use eyrie_chip::{ChipSpec, LayerCost, PassCost};
use eyrie_terminal::CliError;
use eyrie_terminal::output::{self, grouped};
use eyrie_vision::cost::ImagePlan;
use eyrie_vision::describe::SubImage;

const EXAMPLES: &str = "\
Examples:
  eyrie chip                              the default chip: every layer, and a 4:3 image
  eyrie chip --image 1920x1080            an image of another shape
  eyrie chip --chip large                 a larger chip, and what it would allow
  eyrie chip --chip my-chip.toml --json   a chip of your own, for a program
  eyrie chip --svg cost.svg               draw time and energy against image size

Chips that are built in:
  default  what Eyrie reports unless extractor.chip says otherwise; holds 224x224 pixels
  small    holds 112x112 pixels, too few for Eyrie's descriptors
  large    holds 448x448 pixels and has twice the engines

A chip of your own is a TOML file with these keys, all of them:
  name = \"mine\"                        what reports call it
  source = \"...\"                       where its numbers come from
  engines = 16                         input channels at once, output channels a cycle
  tile = 14                            side of the square of pixels at once
  image_buffer_bytes = 4014080         for input and output of a layer, 5 bits a value
  weight_memory_bytes = 4194304        for the whole network, 2 bits a weight
  clock_mhz = 80.0
  energy_pj_per_mac = [0.140, 0.215]   picojoules a multiply-accumulate, low and high

How to read the report:
  IN, OUT   have to fit the image buffer together: that limits the size of a pass
  WEIGHTS   have to fit the weight memory, all layers together
  USED      the share of the chip's multipliers that do something useful
  MS, MJ    milliseconds at the clock, and an ESTIMATE of the energy in millijoules

The chip is simulated, and nothing was measured on one; docs/CHIP.md has the formulas and their sources. Exit code 3: \
the chip cannot be read, or cannot run the network (the message says what would do).";

/// Print what describing images costs on a chip: cycles, memory, time and energy
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct ChipCommand {
    /// A built-in chip (default, small or large) or the path of a TOML file [env:
    /// EYRIE_EXTRACTOR__CHIP] [default: default]
    #[arg(long, value_name = "NAME|PATH")]
    chip: Option<String>,
    /// Only this profile: fast (one pass), nip (four) or rnip (10 for a 4:3 image, up to 14); all
    /// where it is left out
    #[arg(long, value_name = "PROFILE")]
    profile: Option<Profile>,
    /// The image to plan for, in pixels; only its shape matters, since it is scaled first
    #[arg(long, value_name = "WxH", default_value = "640x480", value_parser = image_size)]
    image: (u32, u32),
    /// Print JSON, with the members of the answer to GET /v1/chip
    #[arg(long)]
    json: bool,
    /// Draw time and energy against the size of the image, and write the drawing to this file
    #[arg(long, value_name = "FILE")]
    svg: Option<PathBuf>,
    #[command(flatten)]
    settings: Settings,
}

/// Reads `640x480`.
fn image_size(text: &str) -> Result<(u32, u32), String> {
    let side = |text: &str| text.parse::<u32>().ok().filter(|side| (1..=100_000).contains(side));
    text.split_once('x')
        .and_then(|(width, height)| Some((side(width)?, side(height)?)))
        .ok_or_else(|| "it must be width x height in pixels, each 1 to 100000, for example 640x480".to_owned())
}

impl ChipCommand {
    pub(super) fn run(self) -> Result<(), CliError> {
        let chip = given("--chip", "extractor.chip", self.chip.as_ref());
        let loaded = self.settings.load_quietly(chip)?;
        let costs = loaded.config.extractor.describer.cost_model().map_err(StartError::from)?;
        let (width, height) = self.image;
        let mut report = costs.report(width, height);
        if let Some(wanted) = self.profile {
            for plan in report.plan.iter_mut().chain(&mut report.what_if) {
                plan.profiles.retain(|cost| cost.profile == wanted);
            }
        }
        if let Some(path) = &self.svg {
            std::fs::write(path, chart::draw(&costs))
                .map_err(|e| CliError::Failed(format!("cannot write {}: {e}", path.display())))?;
        }
        if self.json {
            output::json(&report)?;
        } else {
            let limits = costs.gives_descriptors().err().map(|error| error.to_string());
            output::results(|out| as_text(out, &report, limits.as_deref()))?;
        }
        if let Some(path) = &self.svg {
            output::note(&format!("drawing written to {}", path.display()));
        }
        Ok(())
    }
}

fn as_text(out: &mut dyn Write, report: &ChipReport, limits: Option<&str>) -> io::Result<()> {
    let ChipReport { chip, model, pass, .. } = report;
    writeln!(
        out,
        "chip           {}: {} engines of {}x{} pixels, {} multiply-accumulates a cycle, {} MHz",
        chip.name,
        chip.engines,
        chip.tile,
        chip.tile,
        grouped(chip.peak_macs_per_cycle),
        chip.clock_mhz
    )?;
    writeln!(out, "source         {}", chip.source)?;
    writeln!(
        out,
        "model          {}: {} weights of 2 bits, {} of {} bytes of weight memory",
        model.fingerprint,
        grouped(model.weights),
        grouped(model.weight_bytes),
        grouped(chip.weight_memory_bytes)
    )?;
    writeln!(
        out,
        "largest input  {side}x{side} pixels in {} bytes of image buffer",
        grouped(chip.image_buffer_bytes),
        side = chip.largest_input
    )?;
    if let Some(limits) = limits {
        writeln!(out, "limit          {limits}")?;
    }
    layers(out, pass, chip.tile)?;
    if let Some(plan) = &report.plan {
        writeln!(out, "\nAn image of {}x{}, as Eyrie describes it", plan.width, plan.height)?;
        profiles(out, plan)?;
    }
    if let Some(plan) = &report.what_if {
        writeln!(
            out,
            "\nWHAT IF the same image were described by passes of {side}x{side}, the most that this chip holds? (Eyrie never does.)",
            side = plan.input_side
        )?;
        profiles(out, plan)?;
    }
    writeln!(out, "\n{}", report.note)
}

fn layers(out: &mut dyn Write, pass: &PassCost, tile: u64) -> io::Result<()> {
    let mut table = output::table([
        "LAYER",
        "PIXELS",
        "CHANNELS",
        "CYCLES",
        "BY WINOGRAD",
        "USED",
        "IN",
        "OUT",
        "WEIGHTS",
        "MS",
        "MJ (ESTIMATE)",
    ]);
    // The bytes of an image leave no room for its sums.
    let by_winograd = |layer: &LayerCost| {
        if layer.input_channels == 3 { layer.cycles } else { ChipSpec::cycles_by_winograd(layer.cycles, tile) }
    };
    for layer in &pass.layers {
        table.add_row([
            layer.name.clone(),
            format!("{}x{}", layer.width, layer.height),
            format!("{} to {}", layer.input_channels, layer.output_channels),
            grouped(layer.cycles),
            grouped(by_winograd(layer)),
            percent(layer.utilization),
            grouped(layer.input_bytes),
            grouped(layer.output_bytes),
            grouped(layer.weight_bytes),
            format!("{:.3}", layer.chip_milliseconds),
            range(layer.energy_millijoules, 3),
        ]);
    }
    table.add_row([
        "one pass".to_owned(),
        String::new(),
        String::new(),
        grouped(pass.cycles),
        grouped(pass.layers.iter().map(by_winograd).sum()),
        percent(pass.utilization),
        String::new(),
        String::new(),
        grouped(pass.weight_bytes()),
        format!("{:.3}", pass.chip_milliseconds),
        range(pass.energy_millijoules, 3),
    ]);
    writeln!(out, "\nOne pass over {side}x{side} pixels (IN, OUT and WEIGHTS in bytes)", side = pass.input_side)?;
    align_numbers(&mut table, 3..10);
    writeln!(out, "{}", table.trim_fmt())?;
    writeln!(out, "image buffer: {} bytes for the largest layer", grouped(pass.buffer_bytes))?;
    writeln!(
        out,
        "BY WINOGRAD: cycles if the engines computed 2x2 pixels with 16 products; an extension, which no published chip has"
    )
}

fn profiles(out: &mut dyn Write, plan: &ImagePlan) -> io::Result<()> {
    let mut table = output::table(["PROFILE", "PASSES", "CYCLES", "MS", "MJ (ESTIMATE)"]);
    for cost in &plan.profiles {
        table.add_row([
            cost.profile.to_string(),
            cost.passes.to_string(),
            grouped(cost.cycles),
            format!("{:.1}", cost.chip_milliseconds),
            range(cost.energy_millijoules, 1),
        ]);
    }
    align_numbers(&mut table, 1..4);
    writeln!(out, "{}", table.trim_fmt())?;
    if plan.profiles.iter().any(|cost| cost.profile == Profile::Rnip) {
        writeln!(
            out,
            "rnip: four turns of the whole image and {} sub-images of {side}x{side}, cut from the image at {}x{} at \
             x {} and y {}",
            plan.sub_images.len(),
            plan.canvas_width,
            plan.canvas_height,
            places(&plan.sub_images, |sub_image| sub_image.x),
            places(&plan.sub_images, |sub_image| sub_image.y),
            side = plan.input_side,
        )?;
    }
    Ok(())
}

fn align_numbers(table: &mut comfy_table::Table, columns: std::ops::Range<usize>) {
    for column in table.column_iter_mut().skip(columns.start).take(columns.len()) {
        column.set_cell_alignment(comfy_table::CellAlignment::Right);
    }
}

fn percent(share: f64) -> String {
    format!("{:.1} %", 100.0 * share)
}

fn range([least, most]: [f64; 2], digits: usize) -> String {
    format!("{least:.digits$} to {most:.digits$}")
}

/// The different places along one axis.
fn places(sub_images: &[SubImage], of: impl Fn(&SubImage) -> u32) -> String {
    let mut places: Vec<u32> = sub_images.iter().map(of).collect();
    places.sort_unstable();
    places.dedup();
    places.iter().map(u32::to_string).collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_image_size_is_two_whole_numbers_in_range() {
        assert_eq!(image_size("640x480"), Ok((640, 480)));
        for text in ["", "640", "640x", "x480", "0x480", "640x480x3", "640X480", "-1x5", "1.5x2", "640x100001", "a x b"]
        {
            assert!(image_size(text).is_err(), "{text:?}");
        }
    }
}
