//! What was measured, as JSON and as text.

use std::io::{self, Write};

use serde::Serialize;

#[derive(Debug, Serialize)]
pub(super) struct Report {
    pub(super) isa: &'static str,
    pub(super) count: usize,
    pub(super) dimension: usize,
    pub(super) m: usize,
    pub(super) ef_construction: usize,
    pub(super) threads: usize,
    /// `None` where the index was opened.
    pub(super) build: Option<Build>,
    /// Seconds to open it; `None` where it was built.
    pub(super) open_s: Option<f64>,
    /// Of the whole process, less what it took before there was an index.
    pub(super) bytes_a_point: f64,
    /// By the index's own count.
    pub(super) counted_bytes_a_point: f64,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) curve: Vec<Point>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) threads_searching: Vec<Latency>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) filters: Vec<Filtered>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) churn: Option<Churn>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) beside: Vec<Latency>,
}

#[derive(Debug, Serialize)]
pub(super) struct Build {
    pub(super) seconds: f64,
    pub(super) processor_s: f64,
    pub(super) save_s: f64,
}

/// Recall at so many results with so many candidates.
#[derive(Debug, Clone, Serialize)]
pub(super) struct Point {
    pub(super) k: usize,
    pub(super) ef: usize,
    pub(super) recall: f64,
    /// Milliseconds of processor time a search, of the fastest of three rounds.
    pub(super) ms: f64,
}

/// Times of searches by the clock, in milliseconds.
#[derive(Debug, Serialize)]
pub(super) struct Latency {
    pub(super) what: String,
    pub(super) p50_ms: f64,
    pub(super) p99_ms: f64,
    pub(super) p999_ms: f64,
    pub(super) searches_per_s: f64,
}

#[derive(Debug, Serialize)]
pub(super) struct Filtered {
    pub(super) allowed: String,
    /// Of ten results, against the exact answer.
    pub(super) recall: f64,
    /// Milliseconds of processor time a search.
    pub(super) ms: f64,
}

#[derive(Debug, Serialize)]
pub(super) struct Churn {
    pub(super) delete_s: f64,
    pub(super) add_s: f64,
    pub(super) bytes_before: usize,
    pub(super) churned: Side,
    pub(super) fresh: Side,
}

#[derive(Debug, Serialize)]
pub(super) struct Side {
    pub(super) points: usize,
    pub(super) bytes: usize,
    pub(super) curve: Vec<Point>,
}

impl Report {
    pub(super) fn write(&self, out: &mut dyn Write) -> io::Result<()> {
        let Self { isa, count, dimension, m, ef_construction, threads, .. } = self;
        writeln!(
            out,
            "{count} descriptors of {dimension} values; {isa}, m {m}, {ef_construction} candidates, {threads} thread(s)"
        )?;
        if let Some(Build { seconds, processor_s, save_s }) = self.build {
            writeln!(
                out,
                "  build       {seconds:.1} s ({processor_s:.1} s of processor time), saved in {save_s:.2} s"
            )?;
        }
        if let Some(seconds) = self.open_s {
            writeln!(out, "  open        {seconds:.2} s")?;
        }
        let (resident, counted) = (self.bytes_a_point, self.counted_bytes_a_point);
        writeln!(out, "  memory      {resident:.0} bytes a descriptor ({counted:.0} by the index's own count)")?;
        curve(out, "  ", &self.curve)?;
        latencies(out, "threads", &self.threads_searching)?;
        for Filtered { allowed, recall, ms } in &self.filters {
            writeln!(out, "  filter      {allowed:<20} recall@10 {recall:.4}  {ms:.3} ms")?;
        }
        if let Some(Churn { delete_s, add_s, bytes_before, churned, fresh }) = &self.churn {
            writeln!(
                out,
                "  half deleted in {delete_s:.2} s, as many added in {add_s:.2} s; {bytes_before} bytes before"
            )?;
            for (name, Side { points, bytes, curve: points_of_curve }) in [("churned", churned), ("fresh", fresh)] {
                writeln!(out, "    {name:<10}{points} descriptors, {bytes} bytes")?;
                curve(out, "    ", points_of_curve)?;
            }
        }
        latencies(out, "beside", &self.beside)
    }
}

fn curve(out: &mut dyn Write, indent: &str, points: &[Point]) -> io::Result<()> {
    for Point { k, ef, recall, ms } in points {
        writeln!(out, "{indent}recall@{k:<5}{recall:.4} in {ms:.3} ms, {ef} candidates")?;
    }
    Ok(())
}

fn latencies(out: &mut dyn Write, name: &str, latencies: &[Latency]) -> io::Result<()> {
    for Latency { what, p50_ms, p99_ms, p999_ms, searches_per_s } in latencies {
        writeln!(
            out,
            "  {name:<12}{what:<28} p50 {p50_ms:.3} ms, p99 {p99_ms:.3}, p99.9 {p999_ms:.3}; {searches_per_s:.0} a second"
        )?;
    }
    Ok(())
}
