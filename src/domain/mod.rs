//! The words of the field, without I/O: identifiers, descriptors, image records, filters, the chip's costs.

mod chip;
mod collection;
mod descriptor;
mod filter;
mod id;
mod metadata;
mod record;
mod region;
mod verdict;
mod verify;

pub use chip::{ChipFacts, ChipReport, ImagePlan, LayerCost, ModelFacts, PassCost, ProfileCost, SubImage};
pub use collection::{Collection, Profile, UnknownProfile};
pub use descriptor::{Descriptor, DescriptorVersion, InvalidDescriptor, InvalidVersion};
pub use filter::{Condition, Filter, FilterLimits, InvalidFilter};
pub use id::{CollectionName, ImageId, InvalidId};
pub use metadata::{InvalidMetadata, Metadata, MetadataLimits};
pub use record::{ContentHash, ExtractionCost, ImageFormat, ImageRecord, Neighbor, Thumbnail};
pub use region::{InvalidRegion, QueryRegion};
pub use verdict::{Levels, Verdict};
pub use verify::{UnknownVerify, Verify};
