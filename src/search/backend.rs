//! What the service sees of a search: the nearest images of a collection, whoever finds them.

use async_trait::async_trait;

use crate::domain::{CollectionName, Descriptor, DescriptorVersion, Filter, ImageKey, Neighbor, Seq};
use crate::store::StoreError;

/// Why a search has no answer.
#[derive(Debug, thiserror::Error)]
pub enum SearchError {
    /// What is searched is still being built.
    #[error("the index is not ready yet")]
    NotReady,
    /// Too many searches wait already.
    #[error("too many searches at the moment")]
    Overloaded,
    /// The process is ending.
    #[error("the search is shutting down")]
    ShuttingDown,
    /// The database.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// A defect of the program.
    #[error("the search failed: {0}")]
    Internal(String),
}

/// How hard to look.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Effort {
    /// As configured.
    #[default]
    Usual,
    /// So many candidates are looked at: more finds more and takes longer.
    Breadth(usize),
    /// Every image is compared.
    Exact,
}

/// What is looked for.
#[derive(Debug, Clone)]
pub struct Nearest {
    /// The collection that is searched.
    pub collection: CollectionName,
    /// The version of the descriptor; only images of this version are compared.
    pub version: DescriptorVersion,
    /// What the images shall be near to: an image's score is its largest cosine with any of these.
    /// Without one nothing is found.
    pub looks: Vec<Descriptor>,
    /// Only images whose metadata match.
    pub filter: Option<Filter>,
    /// The most neighbours.
    pub limit: usize,
    /// No neighbour below this cosine, -1 to 1.
    pub min_score: Option<f32>,
    /// How hard to look.
    pub effort: Effort,
}

/// The nearest images: by falling score, then by rising id, none twice, with exact cosines.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Ranked {
    /// There are `limit` of them where so many are that may be.
    pub neighbors: Vec<Neighbor>,
    /// Whether there may be more that `limit` cut off.
    pub more: bool,
    /// Whether images may be missing, since what is searched is still being built.
    pub partial: bool,
}

/// How far a search backend is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SearchState {
    /// Nothing is searched in this process.
    Off,
    /// Reading descriptors.
    Building {
        /// Descriptors read.
        done: u64,
        /// Descriptors there are.
        total: u64,
        /// Whether searches are answered from those that are read.
        serving: bool,
    },
    /// The last attempt to build failed; another one follows.
    Waiting,
    /// Searches can be answered.
    Ready,
}

impl SearchState {
    /// Whether searches are answered, if only from a part.
    #[must_use]
    pub fn answers(&self) -> bool {
        matches!(self, Self::Ready | Self::Building { serving: true, .. })
    }
}

/// Finds the nearest images. It follows the change log of the database by itself.
#[async_trait]
pub trait SearchBackend: Send + Sync {
    /// The nearest images of a collection.
    ///
    /// # Errors
    /// [`SearchError`].
    async fn nearest(&self, query: Nearest) -> Result<Ranked, SearchError>;

    /// The `k` nearest others of each of these images of one collection, none below `min_score`;
    /// images that are not searched (gone, or described by another model) are left out.
    ///
    /// # Errors
    /// [`SearchError`].
    async fn neighbours_of(
        &self,
        collection: &CollectionName,
        keys: &[ImageKey],
        k: usize,
        min_score: Option<f32>,
    ) -> Result<Vec<(ImageKey, Vec<Neighbor>)>, SearchError>;

    /// Returns when everything up to this change, which is committed, is found; or when that cannot
    /// be now and is tried again in the background. To be called in a task that is not dropped
    /// half-way.
    async fn caught_up(&self, seq: Seq);

    /// Brings what is searched to the state of the database now instead of at the next interval;
    /// builds it where that has not happened yet.
    ///
    /// # Errors
    /// [`SearchError::NotReady`] where nothing is searched, [`SearchError::Store`].
    async fn refresh(&self) -> Result<(), SearchError>;

    /// Returns when searches can be answered. A database that cannot be reached lets it wait on.
    ///
    /// # Errors
    /// [`SearchError::ShuttingDown`]; [`SearchError::NotReady`] where nothing is ever searched.
    async fn ready(&self) -> Result<(), SearchError>;

    /// Whether there is memory for more images.
    fn has_room(&self) -> bool;

    /// How far it is.
    fn state(&self) -> SearchState;

    /// Ends the work in the background.
    async fn shutdown(&self);
}
