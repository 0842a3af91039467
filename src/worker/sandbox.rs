//! What a worker gives up before it reads a stranger's bytes: core dumps, files, memory beyond a
//! bound, and every system call that describing pictures does not need (no file is opened, nothing
//! is connected to, no program is started).

use rustix::process::{Resource, Rlimit, setrlimit};
use seccompiler::{BpfProgram, SeccompAction, SeccompFilter, apply_filter_all_threads};

/// The calls that stay: reading and writing what is open, memory, threads that are there, time,
/// chance, the end.
const CALLS: &[i64] = &[
    libc::SYS_read,
    libc::SYS_readv,
    libc::SYS_write,
    libc::SYS_writev,
    libc::SYS_close,
    libc::SYS_mmap,
    libc::SYS_munmap,
    libc::SYS_mremap,
    libc::SYS_mprotect,
    libc::SYS_madvise,
    libc::SYS_brk,
    libc::SYS_futex,
    libc::SYS_sched_yield,
    libc::SYS_sched_getaffinity,
    libc::SYS_membarrier,
    libc::SYS_rseq,
    libc::SYS_set_robust_list,
    libc::SYS_gettid,
    libc::SYS_getpid,
    libc::SYS_tgkill,
    libc::SYS_sigaltstack,
    libc::SYS_rt_sigaction,
    libc::SYS_rt_sigprocmask,
    libc::SYS_rt_sigreturn,
    libc::SYS_clock_gettime,
    libc::SYS_clock_nanosleep,
    libc::SYS_nanosleep,
    libc::SYS_getrandom,
    libc::SYS_restart_syscall,
    libc::SYS_exit,
    libc::SYS_exit_group,
];

/// Address space that threads and the allocator reserve without using it.
const RESERVED_BYTES: u64 = 1 << 30;

/// Gives all of it up, for every thread of this process. `memory_bytes` is what pictures may take.
///
/// # Errors
/// What the system refuses, in words; the rest is given up all the same.
pub(super) fn enter(memory_bytes: u64) -> Result<(), String> {
    let mut refused = Vec::new();
    let address_space = address_space().map(|now| now.saturating_add(memory_bytes).saturating_add(RESERVED_BYTES));
    let bounds = [(Resource::Core, Some(0)), (Resource::Fsize, Some(0)), (Resource::As, address_space)];
    for (resource, most) in bounds {
        if let Err(error) = setrlimit(resource, Rlimit { current: most, maximum: most }) {
            refused.push(format!("a limit ({resource:?}): {error}"));
        }
    }
    if let Err(error) = filter_calls() {
        refused.push(format!("the filter of system calls: {error}"));
    }
    if refused.is_empty() { Ok(()) } else { Err(refused.join("; ")) }
}

fn filter_calls() -> Result<(), String> {
    let architecture = std::env::consts::ARCH.try_into().map_err(|e| format!("{e}"))?;
    let rules = CALLS.iter().map(|&call| (call, Vec::new())).collect();
    let refuse = SeccompAction::Errno(libc::EPERM.unsigned_abs());
    let filter = SeccompFilter::new(rules, refuse, SeccompAction::Allow, architecture).map_err(|e| e.to_string())?;
    let program: BpfProgram = filter.try_into().map_err(|e: seccompiler::BackendError| e.to_string())?;
    apply_filter_all_threads(&program).map_err(|e| e.to_string())
}

/// Bytes of address space in use; `None` where the system does not say.
fn address_space() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmSize:"))?;
    let kibibytes: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    Some(kibibytes << 10)
}
