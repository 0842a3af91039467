//! Backups: a consistent copy of the database beside a running server, and taking it back.
//!
//! A backup is one file: the database, and behind it a line of JSON that says what it is
//! ([`Manifest`]). SQLite reads no further than its own pages, so the file opens as a database,
//! too.

use std::fs::{self, File};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection};
use sqlx::{ConnectOptions, Connection};

use super::super::migrate::{self, Database};
use super::super::{StoreError, failure};
use super::open::{BUSY_TIMEOUT, FILE, applied, prepare_directory};

/// Of the line behind the database, so that another version of the program can tell.
const FORMAT: u32 = 1;

/// The line is shorter.
const LONGEST_LINE: u64 = 4096;

/// Bytes copied at once.
const PIECE: usize = 1 << 20;

/// How often the growing copy is looked at.
const LOOK: Duration = Duration::from_millis(200);

/// What a backup says of itself: its last line.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Manifest {
    /// Version of this line.
    pub eyrie_backup: u32,
    /// Version of the program that made it.
    pub program: String,
    /// Schema of the database: the number of its newest migration.
    pub schema: i64,
    /// When it was made, as RFC 3339 in UTC.
    pub made_at: String,
    /// Collections in it.
    pub collections: u64,
    /// Images in it.
    pub images: u64,
    /// Sequence number of the newest change in it.
    pub change: i64,
    /// Bytes of the database, which is what stands before the line.
    pub bytes: u64,
    /// SHA-256 of these bytes, hexadecimal.
    pub sha256: String,
}

/// What is being done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BackupStep {
    /// Copying the database.
    Copy,
    /// Reading the copy for its checksum.
    Digest,
    /// Looking for damage in the database.
    Check,
}

/// Is told how many bytes of how many a step has done.
pub type BackupWatch = Arc<dyn Fn(BackupStep, u64, u64) + Send + Sync>;

/// Why a backup is not made or not taken back.
#[derive(Debug, thiserror::Error)]
pub enum BackupError {
    /// There is nothing to copy.
    #[error("there is no database in {0}")]
    NoDatabase(PathBuf),
    /// The backup would be written over something.
    #[error("{0} is there already; --force replaces it")]
    Exists(PathBuf),
    /// The backup would be written over the database.
    #[error("{0} is the database itself: give the backup another name")]
    Itself(PathBuf),
    /// Another process writes the same backup.
    #[error("another process is writing {0}")]
    Twice(PathBuf),
    /// The file is no backup.
    #[error("{path} is no whole backup: {reason}")]
    NotABackup {
        /// The file.
        path: PathBuf,
        /// What is missing.
        reason: String,
    },
    /// The backup was made by a newer program.
    #[error(
        "{path} has schema {schema}, this program knows up to {newest}: take it back with Eyrie {program} or newer"
    )]
    Newer {
        /// The file.
        path: PathBuf,
        /// Its schema.
        schema: i64,
        /// The newest that this program knows.
        newest: i64,
        /// The program that made it.
        program: String,
    },
    /// The backup is damaged.
    #[error("{path} is damaged: {reason}")]
    Damaged {
        /// The file.
        path: PathBuf,
        /// How it shows.
        reason: String,
    },
    /// There is a database where the backup is to go.
    #[error("{0} is there already; --force replaces it, and keeps it as eyrie.db.replaced")]
    Occupied(PathBuf),
    /// Somebody uses the database that would be replaced.
    #[error("{0} is in use: stop the server and other commands first")]
    InUse(PathBuf),
    /// A file cannot be read or written.
    #[error("{path}: {source}")]
    File {
        /// The file.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// The database does not answer.
    #[error(transparent)]
    Store(#[from] StoreError),
}

fn file_error(path: &Path) -> impl Fn(io::Error) -> BackupError {
    move |source| BackupError::File { path: path.to_owned(), source }
}

/// What became of a restore.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Restored {
    /// What was taken back.
    pub manifest: Manifest,
    /// Where the database is that was there before.
    pub kept: Option<PathBuf>,
}

/// Copies the database of a data directory to a file, beside whoever uses it, as it is at one
/// moment. The file has its name only when all of it is on the disk.
///
/// # Errors
/// [`BackupError`]; then the file is as it was.
pub async fn backup(
    data_dir: &Path,
    to: &Path,
    replace: bool,
    made_at: String,
    watch: BackupWatch,
) -> Result<Manifest, BackupError> {
    let from = data_dir.join(FILE);
    if !from.is_file() {
        return Err(BackupError::NoDatabase(data_dir.to_owned()));
    }
    if fs::canonicalize(to).is_ok_and(|to| fs::canonicalize(&from).is_ok_and(|from| from == to)) {
        return Err(BackupError::Itself(to.to_owned()));
    }
    if !replace && to.exists() {
        return Err(BackupError::Exists(to.to_owned()));
    }
    // SQLite would take a name that begins with `file:` for an address.
    let to = std::path::absolute(to).map_err(file_error(to))?;
    let aside = beside(&to, ".partial");
    // Its lock goes with the handle, and no other lock is on this file: SQLite's are on bytes.
    let lock = private_file(&aside)?;
    if lock.try_lock().is_err() {
        return Err(BackupError::Twice(to));
    }
    let written = write(&from, &aside, lock, made_at, watch).await;
    let manifest = written.inspect_err(|_| {
        // What is left of it is of no use, and no harm either.
        let _removed = fs::remove_file(&aside);
    })?;
    fs::rename(&aside, &to).map_err(file_error(&to))?;
    sync_parent(&to)?;
    Ok(manifest)
}

/// A file that only its owner may read, empty or as it was left.
fn private_file(path: &Path) -> Result<File, BackupError> {
    let mut options = File::options();
    options.create(true).truncate(false).read(true).write(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path).map_err(file_error(path))
}

async fn write(
    from: &Path,
    aside: &Path,
    mut file: File,
    made_at: String,
    watch: BackupWatch,
) -> Result<Manifest, BackupError> {
    let named = |error: StoreError| error.about(&from.display().to_string());
    file.set_len(0).map_err(file_error(aside))?;
    let mut source = reader(from).await.map_err(named)?;
    let applied = applied(&mut source).await.map_err(named)?;
    migrate::pending(Database::Sqlite, &applied).map_err(named)?;
    let schema = migrate::newest_of(&applied);
    copy(&mut source, aside, &watch).await.map_err(|error| error.about(&aside.display().to_string()))?;
    let closed = source.close().await.map_err(StoreError::from);
    closed.map_err(named)?;

    let mut copy = immutable(aside).await?;
    let [collections, images, change] = counts(&mut copy).await?;
    copy.close().await.map_err(StoreError::from)?;
    let path = aside.to_owned();
    blocking(move || {
        let bytes = file.metadata().map_err(file_error(&path))?.len();
        file.seek(SeekFrom::Start(0)).map_err(file_error(&path))?;
        let sha256 = digest(&mut file, None, bytes, BackupStep::Digest, &watch).map_err(file_error(&path))?;
        let [collections, images] = [collections, images].map(i64::unsigned_abs);
        let program = env!("CARGO_PKG_VERSION").to_owned();
        let manifest =
            Manifest { eyrie_backup: FORMAT, program, schema, made_at, collections, images, change, bytes, sha256 };
        let line = serde_json::to_string(&manifest).map_err(io::Error::from).map_err(file_error(&path))?;
        write!(file, "\n{line}\n").and_then(|()| file.sync_all()).map_err(file_error(&path))?;
        Ok(manifest)
    })
    .await
}

/// Makes the copy. It is read in one transaction: writers go on, and what they commit meanwhile is
/// not in it.
async fn copy(source: &mut SqliteConnection, aside: &Path, watch: &BackupWatch) -> Result<(), StoreError> {
    let Some(path) = aside.to_str() else {
        return Err(StoreError::Internal("the path is not UTF-8".to_owned()));
    };
    let pages: i64 = sqlx::query_scalar("PRAGMA page_count").fetch_one(&mut *source).await?;
    let page: i64 = sqlx::query_scalar("PRAGMA page_size").fetch_one(&mut *source).await?;
    let total = (pages * page).unsigned_abs();
    let mut vacuum = std::pin::pin!(sqlx::query("VACUUM INTO $1").bind(path).execute(source));
    let mut look = tokio::time::interval(LOOK);
    loop {
        tokio::select! {
            done = &mut vacuum => {
                done?;
                watch(BackupStep::Copy, total, total);
                return Ok(());
            }
            _ = look.tick() => {
                let so_far = fs::metadata(aside).map_or(0, |data| data.len());
                watch(BackupStep::Copy, so_far.min(total), total);
            }
        }
    }
}

/// Collections, images, and the newest change.
async fn counts(connection: &mut SqliteConnection) -> Result<[i64; 3], StoreError> {
    let (collections, images, change): (i64, i64, i64) = sqlx::query_as(
        "SELECT (SELECT count(*) FROM collections), (SELECT count(*) FROM images), \
         coalesce((SELECT seq FROM sqlite_sequence WHERE name = 'changes'), 0)",
    )
    .fetch_one(connection)
    .await?;
    Ok([collections, images, change])
}

/// A connection that cannot write.
pub(super) async fn reader(path: &Path) -> Result<SqliteConnection, StoreError> {
    Ok(SqliteConnectOptions::new().filename(path).read_only(true).busy_timeout(BUSY_TIMEOUT).connect().await?)
}

/// A connection to a file that nobody else has.
async fn immutable(path: &Path) -> Result<SqliteConnection, StoreError> {
    Ok(SqliteConnectOptions::new().filename(path).read_only(true).immutable(true).connect().await?)
}

/// What a backup says of itself.
///
/// # Errors
/// [`BackupError::NotABackup`], also for a part of one; [`BackupError::Newer`].
pub fn manifest(path: &Path) -> Result<Manifest, BackupError> {
    let not = |reason: &str| BackupError::NotABackup { path: path.to_owned(), reason: reason.to_owned() };
    let mut file = File::open(path).map_err(file_error(path))?;
    let length = file.metadata().map_err(file_error(path))?.len();
    let from = length.saturating_sub(LONGEST_LINE);
    let mut tail = Vec::new();
    file.seek(SeekFrom::Start(from)).and_then(|_| file.read_to_end(&mut tail)).map_err(file_error(path))?;
    let Some(tail) = tail.strip_suffix(b"\n") else {
        return Err(not("its last line, which says what it is, is not there"));
    };
    let begin = tail.iter().rposition(|&byte| byte == b'\n').map_or(0, |place| place + 1);
    let line = tail.get(begin..).unwrap_or_default();
    let manifest: Manifest =
        serde_json::from_slice(line).map_err(|_| not("its last line, which says what it is, is not there"))?;
    if manifest.eyrie_backup != FORMAT {
        return Err(not("it was made by another version of Eyrie"));
    }
    if manifest.bytes.saturating_add(line.len() as u64 + 2) != length {
        return Err(not("a part of it is missing"));
    }
    let newest = migrate::newest(Database::Sqlite);
    if manifest.schema > newest {
        let Manifest { schema, program, .. } = manifest;
        return Err(BackupError::Newer { path: path.to_owned(), schema, newest, program });
    }
    Ok(manifest)
}

/// Reads a whole backup and looks for damage; nothing is written.
///
/// # Errors
/// [`BackupError`].
pub async fn check_backup(path: &Path, watch: BackupWatch) -> Result<Manifest, BackupError> {
    let manifest = manifest(path)?;
    let (from, expected, step) = (path.to_owned(), manifest.clone(), Arc::clone(&watch));
    blocking(move || {
        let mut file = File::open(&from).map_err(file_error(&from))?.take(expected.bytes);
        let found = digest(&mut file, None, expected.bytes, BackupStep::Digest, &step).map_err(file_error(&from))?;
        same_digest(&from, &expected, &found)
    })
    .await?;
    sound(path, path, &manifest, &watch).await?;
    Ok(manifest)
}

/// Puts the database of a backup into a data directory. The one that is there is touched only when
/// the new one is whole and on the disk beside it; from then on one of the two has the name
/// `eyrie.db` at every moment. `forget` is called right before: it removes what was derived from
/// the old one. The caller has made sure that no server keeps the directory.
///
/// # Errors
/// [`BackupError`]; then the database is as it was.
pub async fn restore(
    data_dir: &Path,
    backup: &Path,
    replace: bool,
    forget: impl FnOnce() -> io::Result<()>,
    watch: BackupWatch,
) -> Result<Restored, BackupError> {
    let manifest = manifest(backup)?;
    let database = data_dir.join(FILE);
    let log = beside(&database, "-wal");
    if !replace {
        for path in [&database, &log] {
            if path.exists() {
                return Err(BackupError::Occupied(path.clone()));
            }
        }
    }
    let dir = data_dir.to_owned();
    // Whoever opens the database now waits until it is there.
    let lock = blocking(move || Ok(prepare_directory(&dir)?)).await?;
    if database.exists() {
        fold(&database).await?;
    }
    let aside = beside(&database, ".restoring");
    let whole = unpack(backup, &aside, &manifest, &watch).await;
    whole.inspect_err(|_| {
        let _removed = fs::remove_file(&aside);
    })?;
    forget().map_err(file_error(data_dir))?;
    let kept = replace_database(&database, &log, &aside)?;
    drop(lock);
    Ok(Restored { manifest, kept })
}

/// Makes one file of the database that is to be replaced, which works only where nobody else has it
/// open. One that is no database any more is left as it is.
async fn fold(database: &Path) -> Result<(), BackupError> {
    let in_use = || BackupError::InUse(database.to_owned());
    let options = SqliteConnectOptions::new().filename(database).busy_timeout(Duration::ZERO);
    let folded = async {
        let mut connection = options.connect().await?;
        let mode: String = sqlx::query_scalar("PRAGMA journal_mode = DELETE").fetch_one(&mut connection).await?;
        connection.close().await?;
        Ok::<_, sqlx::Error>(mode)
    };
    match folded.await {
        Ok(mode) if mode == "delete" => Ok(()),
        Ok(_) => Err(in_use()),
        Err(error) if failure::is_busy(&error) => Err(in_use()),
        Err(error) => {
            tracing::warn!(%error, "the database that is replaced cannot be read");
            Ok(())
        }
    }
}

/// Writes the database of a backup to a file of its own, and makes sure that it is whole.
async fn unpack(backup: &Path, aside: &Path, manifest: &Manifest, watch: &BackupWatch) -> Result<(), BackupError> {
    let (from, to, expected, step) = (backup.to_owned(), aside.to_owned(), manifest.clone(), Arc::clone(watch));
    blocking(move || {
        let mut source = File::open(&from).map_err(file_error(&from))?.take(expected.bytes);
        let mut file = private_file(&to)?;
        file.set_len(0).map_err(file_error(&to))?;
        let found = digest(&mut source, Some(&mut file), expected.bytes, BackupStep::Copy, &step);
        let found = found.and_then(|found| file.sync_all().map(|()| found)).map_err(file_error(&to))?;
        same_digest(&from, &expected, &found)
    })
    .await?;
    sound(backup, aside, manifest, watch).await
}

fn same_digest(path: &Path, expected: &Manifest, found: &str) -> Result<(), BackupError> {
    if found == expected.sha256 {
        return Ok(());
    }
    Err(BackupError::Damaged { path: path.to_owned(), reason: "its checksum is another one".to_owned() })
}

/// Looks for damage in the database of `backup`, which stands in `file`.
async fn sound(backup: &Path, file: &Path, manifest: &Manifest, watch: &BackupWatch) -> Result<(), BackupError> {
    let damaged = |reason: String| BackupError::Damaged { path: backup.to_owned(), reason };
    watch(BackupStep::Check, 0, manifest.bytes);
    let looked = async {
        let mut connection = immutable(file).await?;
        let first: String = sqlx::query_scalar("PRAGMA integrity_check(1)").fetch_one(&mut connection).await?;
        let applied = applied(&mut connection).await?;
        let counts = counts(&mut connection).await?;
        connection.close().await?;
        Ok::<_, StoreError>((first, applied, counts))
    };
    let (first, applied, counts) = looked.await.map_err(|error| damaged(error.to_string()))?;
    if first != "ok" {
        return Err(damaged(first));
    }
    migrate::pending(Database::Sqlite, &applied).map_err(|error| damaged(error.to_string()))?;
    let [collections, images] = [counts[0], counts[1]].map(i64::unsigned_abs);
    let found = (migrate::newest_of(&applied), collections, images, counts[2]);
    if found != (manifest.schema, manifest.collections, manifest.images, manifest.change) {
        return Err(damaged("it holds something else than it says".to_owned()));
    }
    watch(BackupStep::Check, manifest.bytes, manifest.bytes);
    Ok(())
}

/// Puts `aside` in the place of `database`; where the one is that was there.
fn replace_database(database: &Path, log: &Path, aside: &Path) -> Result<Option<PathBuf>, BackupError> {
    let old = beside(database, ".replaced");
    let (old_log, shared) = (beside(&old, "-wal"), beside(database, "-shm"));
    for path in [&old, &old_log] {
        remove(path)?;
    }
    let mut kept = None;
    if database.exists() {
        // Where the file system has no links, the old one ends with the rename.
        kept = fs::hard_link(database, &old).is_ok().then_some(old);
    }
    // Only a database that cannot be read has a log here. SQLite would apply it to the new one.
    if log.exists() {
        fs::rename(log, &old_log).map_err(file_error(log))?;
    }
    remove(&shared)?;
    sync_parent(database)?;
    fs::rename(aside, database).map_err(file_error(database))?;
    sync_parent(database)?;
    Ok(kept)
}

fn remove(path: &Path) -> Result<(), BackupError> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(file_error(path)(error)),
        Ok(()) | Err(_) => Ok(()),
    }
}

/// Reads `total` bytes, writes them to `to`, and gives their SHA-256.
fn digest(
    from: &mut impl Read,
    mut to: Option<&mut File>,
    total: u64,
    step: BackupStep,
    watch: &BackupWatch,
) -> io::Result<String> {
    let mut hash = Sha256::new();
    let mut piece = vec![0; PIECE];
    let mut done = 0;
    loop {
        let length = match from.read(&mut piece) {
            Ok(0) => break,
            Ok(length) => length,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(error) => return Err(error),
        };
        let part = &piece[..length];
        hash.update(part);
        if let Some(to) = &mut to {
            to.write_all(part)?;
        }
        done += length as u64;
        watch(step, done, total);
    }
    Ok(hash.finalize().iter().map(|byte| format!("{byte:02x}")).collect())
}

fn beside(path: &Path, ending: &str) -> PathBuf {
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(ending);
    path.with_file_name(name)
}

/// Makes sure that the names in the folder of `path` are on the disk.
fn sync_parent(path: &Path) -> Result<(), BackupError> {
    let parent = match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        Some(_) | None => Path::new("."),
    };
    File::open(parent).and_then(|folder| folder.sync_all()).map_err(file_error(parent))
}

async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, BackupError> + Send + 'static,
) -> Result<T, BackupError> {
    tokio::task::spawn_blocking(work).await.unwrap_or_else(|e| Err(StoreError::Internal(e.to_string()).into()))
}
