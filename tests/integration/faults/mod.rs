//! What becomes of the service when what it stands on, or who it talks to, fails slowly or in the
//! middle: a network that breaks between it and Postgres, clients that read nothing, floods of
//! connections.

mod connections;
mod network;
mod slow_readers;
