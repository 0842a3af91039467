//! `eyrie keys`: who may use the service.

use std::time::Duration;

use clap::{Args, Subcommand};
use serde_json::{Value, json};
use time::OffsetDateTime;

use super::settings::Settings;
use crate::app::{Backend, Purpose, runtime};
use crate::domain::{CollectionName, KeyId, KeyLabel, Origin, Quota, Scope, Usage};
use crate::service::{NewApiKey, ServiceError, UsedKey};
use eyrie_terminal::CliError;
use eyrie_terminal::output::{self, grouped, note};

const EXAMPLES: &str = "\
Examples:
  eyrie keys add --label admin --scope admin
  eyrie keys add --label importer --scope write --collection covers --expires 90d
  eyrie keys add --label tenant-7 --scope write --max-images 10000 --max-bytes 5000000000
  eyrie keys add --label \"shop front end\" --scope search --collection covers --origin https://shop.example
  eyrie keys list
  eyrie keys revoke 019ab1d4-7f4e-7c3a-9a55-0b8f6d2c9e10

Works on the database, also beside a running server, which knows of it within two seconds. As soon as there is a key, nobody may do \
anything without one but what server.allow_anonymous lists; to revoke the last key opens nothing. The same over HTTP: /v1/keys, with an \
admin key.

Exit codes: 0 done, 1 there is no such key or it cannot be like this, 2 wrong usage or configuration, 3 could not start.";

/// Make, list and revoke API keys
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct Keys {
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, Subcommand)]
enum Action {
    /// Make a key and print it. It is shown this once: only its checksum is stored
    #[command(after_help = EXAMPLES)]
    Add(Add),
    /// List the keys, without the keys themselves
    #[command(visible_alias = "ls")]
    List {
        /// Print JSON: a list of keys
        #[arg(long)]
        json: bool,
        #[command(flatten)]
        settings: Settings,
    },
    /// Take a key back: every server refuses it within two seconds
    Revoke {
        /// Its id, as the list has it
        #[arg(value_name = "ID")]
        id: KeyId,
        #[command(flatten)]
        settings: Settings,
    },
}

#[derive(Debug, Args)]
struct Add {
    /// What people call it
    #[arg(long, value_name = "TEXT")]
    label: KeyLabel,
    /// What it may do, each including those before it: search, read, write or admin
    #[arg(long, value_name = "SCOPE")]
    scope: Scope,
    /// A collection that exists for it; may be given several times. All where it is left out
    #[arg(long = "collection", value_name = "NAME")]
    collections: Vec<CollectionName>,
    /// An origin whose pages may use it, such as `https://shop.example`; may be given several times.
    /// Such a key may be published and can only search
    #[arg(long = "origin", value_name = "ORIGIN")]
    origins: Vec<Origin>,
    /// The most pictures of those that it stores that may be there at a time. For the scope write
    #[arg(long, value_name = "NUMBER", value_parser = clap::value_parser!(u64).range(..=Quota::MOST))]
    max_images: Option<u64>,
    /// The most bytes that their uploads may have. For the scope write
    #[arg(long, value_name = "BYTES", value_parser = clap::value_parser!(u64).range(..=Quota::MOST))]
    max_bytes: Option<u64>,
    /// How long it is taken, such as 12h, 90d or 2w; until it is revoked where it is left out
    #[arg(long, value_name = "TIME", value_parser = lifetime)]
    expires: Option<Duration>,
    /// Print JSON: the key under `secret`, and all else of it under `key`
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    settings: Settings,
}

/// Hours, days or weeks.
fn lifetime(text: &str) -> Result<Duration, String> {
    let wrong = || format!("{text:?} is not a time like 12h, 90d or 2w");
    let (number, hours) = match text.char_indices().next_back().ok_or_else(wrong)? {
        (end, 'h') => (&text[..end], 1),
        (end, 'd') => (&text[..end], 24),
        (end, 'w') => (&text[..end], 7 * 24),
        _ => return Err(wrong()),
    };
    let number: u32 = number.parse().map_err(|_| wrong())?;
    Ok(Duration::from_secs(3600 * hours) * number)
}

impl Keys {
    pub(super) fn run(self) -> Result<(), CliError> {
        match self.action {
            Action::Add(add) => add.run(),
            Action::List { json, settings } => {
                let keys = with_backend(&settings, async |backend| backend.service.keys().await)?;
                if json { output::json(&keys.iter().map(as_json).collect::<Vec<_>>()) } else { as_table(&keys) }
            }
            Action::Revoke { id, settings } => {
                let key = with_backend(&settings, async |backend| backend.service.revoke_key(&id).await)?;
                note(&format!("revoked {:?}", key.label.as_str()));
                Ok(())
            }
        }
    }
}

impl Add {
    fn run(self) -> Result<(), CliError> {
        let new = NewApiKey {
            label: self.label,
            scope: self.scope,
            collections: Some(self.collections).filter(|names| !names.is_empty()),
            origins: self.origins,
            quota: Quota { max_images: self.max_images, max_bytes: self.max_bytes },
            lasts: self.expires,
        };
        let (made, has_admin) = with_backend(&self.settings, async |backend| {
            let made = backend.service.add_key(new).await?;
            let keys = backend.service.known_keys().await?;
            Ok((made, keys.has_admin(backend.service.clock().now())))
        })?;
        if !has_admin {
            note(
                "from now on a key is needed, and none may make collections or keys (unless the server has EYRIE_ADMIN_KEY): \
                 eyrie keys add --label admin --scope admin",
            );
        }
        if self.json {
            return output::json(&json!({"secret": made.secret.reveal(), "key": as_json(&UsedKey::new(made.key))}));
        }
        note(&format!("the key {} ({}): keep it, it is not shown again", made.key.id, made.key.scope));
        output::results(|out| writeln!(out, "{}", made.secret.reveal()))
    }
}

fn with_backend<T>(
    settings: &Settings,
    work: impl AsyncFnOnce(&Backend) -> Result<T, ServiceError>,
) -> Result<T, CliError> {
    let loaded = settings.load_quietly([])?;
    runtime()?.block_on(async {
        let backend = Backend::open(&loaded.config, Purpose::Import).await?;
        let result = work(&backend).await;
        backend.close().await;
        result.map_err(|error| CliError::Failed(error.to_string()))
    })
}

/// A key for programs, as HTTP shows it, but with null for what is not there.
fn as_json(UsedKey { key, used }: &UsedKey) -> Value {
    json!({
        "id": key.id,
        "label": key.label.as_str(),
        "scope": key.scope,
        "collections": key.collections,
        "origins": key.origins.iter().map(Origin::to_string).collect::<Vec<_>>(),
        "max_images": key.quota.max_images,
        "max_bytes": key.quota.max_bytes,
        "images": used.images,
        "bytes": used.bytes,
        "created_at": time(Some(key.created_at)),
        "expires_at": time(key.expires_at),
        "last_used_at": time(key.last_used_at),
        "revoked_at": time(key.revoked_at),
    })
}

/// What a key stored, beside how much that may be.
fn used_in_words(used: Usage, quota: Quota) -> [String; 2] {
    let of = |used: u64, limit: Option<u64>| match limit {
        Some(limit) => format!("{} of {}", grouped(used), grouped(limit)),
        None => grouped(used),
    };
    [of(used.images, quota.max_images), of(used.bytes, quota.max_bytes)]
}

fn time(time: Option<OffsetDateTime>) -> Option<String> {
    time.and_then(|time| time.format(&time::format_description::well_known::Rfc3339).ok())
}

fn as_table(keys: &[UsedKey]) -> Result<(), CliError> {
    if keys.is_empty() {
        note("there is no key");
        return Ok(());
    }
    let mut table = output::table([
        "ID",
        "LABEL",
        "SCOPE",
        "COLLECTIONS",
        "ORIGINS",
        "IMAGES",
        "BYTES",
        "EXPIRES",
        "LAST USED",
        "STATE",
    ]);
    let now = OffsetDateTime::now_utc();
    let or = |text: Option<String>, other: &str| text.unwrap_or_else(|| other.to_owned());
    for UsedKey { key, used } in keys {
        let [images, bytes] = used_in_words(*used, key.quota);
        let names = key
            .collections
            .as_ref()
            .map(|names| names.iter().map(CollectionName::as_str).collect::<Vec<_>>().join(", "));
        let origins = key.origins.iter().map(Origin::to_string).collect::<Vec<_>>().join(", ");
        let state = match key.revoked_at {
            Some(_) => "revoked",
            None if key.is_live(now) => "live",
            None => "expired",
        };
        table.add_row([
            key.id.to_string(),
            key.label.to_string(),
            key.scope.to_string(),
            or(names, "all"),
            or(Some(origins).filter(|origins| !origins.is_empty()), "-"),
            images,
            bytes,
            or(time(key.expires_at), "never"),
            or(time(key.last_used_at), "never"),
            state.to_owned(),
        ]);
    }
    output::results(|out| writeln!(out, "{}", table.trim_fmt()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_lifetime_is_a_number_of_hours_days_or_weeks() {
        let day = 24 * 3600;
        for (text, seconds) in [("12h", day / 2), ("90d", 90 * day), ("2w", 14 * day)] {
            assert_eq!(lifetime(text), Ok(Duration::from_secs(seconds)), "{text}");
        }
        for text in ["", "d", "90", "-1d", "1.5d", "90 d", "1y", "99999999999d", "1ü"] {
            assert!(lifetime(text).is_err(), "{text}");
        }
    }
}
