//! What becomes of the service when what it stands on, or who it talks to, fails slowly or in the
//! middle: a network that breaks between it and Postgres, a disk that is full, a clock that jumps,
//! clients that read nothing, floods of connections.

mod clock;
mod connections;
#[cfg(target_os = "linux")]
mod full_disk;
mod network;
mod slow_readers;
