//! How Eyrie sees: pictures as pixels, descriptors of them, and local features that tell whether
//! two show the same thing.
//!
//! * [`picture`]: decode under limits, orient, crop, scale, encode.
//! * [`describe`]: sub-images, passes of the network, pooling, whitening: a
//!   [`describe::Descriptor`].
//! * [`local`]: local features of one picture, matching and homography between two.
//! * [`compare`]: two pictures with each other, and a picture of what they share.
//! * [`cost`]: what describing a picture costs on a chip.
//! * [`Describer`]: model, chip, instruction set and threads, as a process has them.

pub mod compare;
pub mod cost;
pub mod describe;
mod describer;
pub mod local;
pub mod picture;

pub use describer::{Describer, DescriberError, DescriberOptions};
