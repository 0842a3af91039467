//! Who may do what: `operations` is the one table of it, `credentials` reads keys from requests,
//! `peer` knows from where one came, `rates` counts, `caller` is who it was in the end, `refusal`
//! says no and writes it down, and `gate` puts all of it around the routes.

pub(crate) mod caller;
mod credentials;
pub(crate) mod gate;
pub(crate) mod operations;
mod peer;
pub(crate) mod rates;
pub(crate) mod refusal;
