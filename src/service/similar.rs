//! Looking for what an upload shows in the collection that it is for, before it is stored.

use std::sync::Arc;

use super::core::Core;
use super::cut::Cut;
use super::subject::{Subject, View};
use super::{SearchHit, ServiceError};
use crate::domain::{Collection, ImageKey, Verdict};
use crate::search::{Effort, Nearest, SearchState};
use eyrie_vision::describe::Extraction;

/// Images that are looked at where none are compared by local features.
const UNVERIFIED: usize = 10;

impl Core {
    /// Fails where [`Core::similar_to`] would, before the upload is described.
    ///
    /// # Errors
    /// [`ServiceError::NotReady`].
    pub(super) fn can_look(&self) -> Result<(), ServiceError> {
        if self.search.state() == SearchState::Ready { Ok(()) } else { Err(ServiceError::NotReady) }
    }

    /// What of the collection is `similar` or nearer to an upload, in the order of a search that is
    /// verified as configured; `itself` is the image that it will replace.
    ///
    /// # Errors
    /// As a search.
    pub(super) async fn similar_to(
        &self,
        collection: &Collection,
        upload: &Extraction,
        itself: Option<ImageKey>,
    ) -> Result<Vec<SearchHit>, ServiceError> {
        self.can_look()?;
        let window = self.window(self.options.search.verify)?;
        let features = upload.features.as_ref().filter(|_| window > 0).cloned().map(Arc::new);
        let window = if features.is_some() { window } else { 0 };
        let cut = Cut { k: window.max(UNVERIFIED), offset: 0, window, reach: window, expand: false };
        let mut subject = Subject {
            views: vec![View { features, thumbnail: upload.thumbnail.clone(), pixels: None, region: None }],
            itself,
            // As a whole: what holds a part of something else is no copy of it.
            ..Subject::new(vec![upload.descriptor.clone()])
        };
        let query = Nearest {
            collection: collection.name.clone(),
            version: upload.version.clone(),
            looks: subject.looks.clone(),
            filter: None,
            limit: cut.with_spare(itself.is_some()),
            min_score: None,
            effort: Effort::Usual,
        };
        let mut hits = self.page(&query, &mut subject, cut, None).await?.hits;
        hits.retain(|hit| hit.verdict < Verdict::Different);
        Ok(hits)
    }
}
