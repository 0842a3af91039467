//! What Linux counts of this process.

use std::fs;

use eyrie_terminal::CliError;

fn read(path: &str) -> Result<String, CliError> {
    fs::read_to_string(path).map_err(|e| CliError::Failed(format!("{path} cannot be read (it is there on Linux): {e}")))
}

fn unexpected(path: &str) -> CliError {
    CliError::Failed(format!("{path} does not say what was expected of it"))
}

/// Memory of this process that is in use, in bytes.
pub(super) fn resident() -> Result<usize, CliError> {
    const PATH: &str = "/proc/self/status";
    let status = read(PATH)?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let kib = line.and_then(|line| line.split_whitespace().next()?.parse::<usize>().ok());
    kib.map(|kib| kib << 10).ok_or_else(|| unexpected(PATH))
}

/// Seconds of processor time that this process has used.
pub(super) fn of_process() -> Result<f64, CliError> {
    const PATH: &str = "/proc/self/stat";
    let stat = read(PATH)?;
    // User and system time stand behind the name, which may hold anything, in hundredths of a second.
    let fields = stat.rsplit(") ").next().unwrap_or_default().split(' ').skip(11).take(2);
    let ticks = fields.map(|ticks| ticks.parse::<f64>()).sum::<Result<f64, _>>();
    ticks.map(|ticks| ticks / 100.0).map_err(|_| unexpected(PATH))
}

/// Seconds of processor time of this thread: other programs do not count in it.
pub(super) fn of_thread() -> Result<f64, CliError> {
    const PATH: &str = "/proc/thread-self/schedstat";
    let stat = read(PATH)?;
    let nanoseconds = stat.split(' ').next().and_then(|ns| ns.parse::<f64>().ok());
    nanoseconds.map(|ns| ns / 1e9).ok_or_else(|| unexpected(PATH))
}
