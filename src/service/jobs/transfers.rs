//! Imports and exports that are asked for, and what an export gave.

use std::fs::File;
use std::io;
use std::sync::Arc;

use bytes::Bytes;
use tracing::Instrument;

use super::calls::{MOST_ACTIVE, Started};
use super::export;
use super::import::{self, ImportRequest, first_line};
use super::work::to_json;
use crate::domain::{CollectionName, JobId, JobKind, JobState, KeyId};
use crate::service::core::Core;
use crate::service::transfer::{Archive, ExportFormat, Import};
use crate::service::{RetrievalService, ServiceError};
use crate::store::{JobCreation, NewJob};
use crate::telemetry::Trace;

/// What an export in the background gave.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct JobResult {
    /// The collection that was exported.
    pub collection: CollectionName,
    /// What its bytes are.
    pub format: ExportFormat,
    /// How many they are.
    pub bytes: u64,
}

impl RetrievalService {
    /// Has a file imported in the background, as what the key `stored_by` stores. It is in the
    /// database when this returns, whatever becomes of the caller meanwhile.
    ///
    /// # Errors
    /// [`ServiceError::InvalidArchive`], [`ServiceError::UnsupportedExport`],
    /// [`ServiceError::VersionMismatch`], [`ServiceError::UnknownCollection`],
    /// [`ServiceError::TooManyJobs`], [`ServiceError::Store`].
    pub async fn import_later(
        &self,
        collection: &CollectionName,
        file: File,
        request: ImportRequest,
        stored_by: Option<KeyId>,
    ) -> Result<Started, ServiceError> {
        let core = Arc::clone(&self.core);
        let running = core.gate.enter()?;
        core.collection(collection).await?;
        let unreadable = |e: io::Error| ServiceError::Internal(format!("a kept body cannot be read: {e}"));
        match request {
            ImportRequest::Archive(_) => {
                Archive::open(file.try_clone().map_err(unreadable)?, core.options.max_upload_bytes)?;
            }
            ImportRequest::Lines { replace } => {
                let first = first_line(&file).map_err(unreadable)?;
                drop(Import::begin(&core, collection, &first, replace, None).await?);
            }
        }
        let collection = collection.clone();
        let keep = async move {
            let _running = running;
            core.take_in(collection, file, request, stored_by).await
        };
        let kept = tokio::spawn(Trace::current().scope(keep).in_current_span()).await;
        kept.unwrap_or_else(|e| Err(ServiceError::Internal(format!("an import could not be kept: {e}"))))
    }

    /// Has a collection exported in the background.
    ///
    /// # Errors
    /// [`ServiceError::UnknownCollection`], [`ServiceError::TooManyJobs`], [`ServiceError::Store`].
    pub async fn export_later(
        &self,
        collection: &CollectionName,
        format: ExportFormat,
    ) -> Result<Started, ServiceError> {
        let _running = self.core.gate.enter()?;
        self.core.collection(collection).await?;
        let params = to_json(&export::Params { format })?;
        let new = NewJob { id: JobId::generate(), kind: JobKind::Export, collection: collection.clone(), params };
        match self.core.store.create_job(&new, MOST_ACTIVE).await? {
            JobCreation::Created(job) => {
                self.core.jobs.created.notify_one();
                Ok(Started::New(job))
            }
            JobCreation::Active(job) => Ok(Started::There(job)),
            JobCreation::TooMany => Err(ServiceError::TooManyJobs),
        }
    }

    /// What an export in the background gave.
    ///
    /// # Errors
    /// [`ServiceError::UnknownJob`], [`ServiceError::NoResult`] where the job has none, or not yet;
    /// [`ServiceError::Store`].
    pub async fn job_result(&self, id: &JobId) -> Result<JobResult, ServiceError> {
        let job = self.core.job(id).await?;
        if job.kind != JobKind::Export || job.state != JobState::Done {
            return Err(ServiceError::NoResult(job.state));
        }
        let export::Params { format } = export::read_params(&job)?;
        Ok(JobResult { collection: job.collection, format, bytes: self.core.store.data_size(id).await? })
    }

    /// Some bytes of it, from this one on; none behind the last one.
    ///
    /// # Errors
    /// [`ServiceError::Store`].
    pub async fn result_part(&self, id: &JobId, at: u64) -> Result<Bytes, ServiceError> {
        let Some(part) = self.core.store.data(id, at).await? else { return Ok(Bytes::new()) };
        let skip = usize::try_from(at - part.start).unwrap_or(usize::MAX).min(part.bytes.len());
        Ok(Bytes::from(part.bytes).slice(skip..))
    }
}

impl Core {
    /// Puts a file into the database, and the job that works it off.
    async fn take_in(
        &self,
        collection: CollectionName,
        file: File,
        request: ImportRequest,
        key: Option<KeyId>,
    ) -> Result<Started, ServiceError> {
        let id = JobId::generate();
        let created = async {
            let (bytes, sha256) = self.put_in(&id, file).await?;
            let params = to_json(&import::Params { request, bytes, sha256, key })?;
            let new = NewJob { id: id.clone(), kind: JobKind::Import, collection, params };
            Ok::<_, ServiceError>(self.store.create_job(&new, MOST_ACTIVE).await?)
        };
        let refused = match created.await {
            Ok(JobCreation::Created(job)) => {
                self.jobs.created.notify_one();
                return Ok(Started::New(job));
            }
            Ok(JobCreation::Active(job)) => Ok(Started::There(job)),
            Ok(JobCreation::TooMany) => Err(ServiceError::TooManyJobs),
            Err(error) => Err(error),
        };
        self.forget_data(&id).await;
        refused
    }
}
