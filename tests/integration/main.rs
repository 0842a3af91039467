//! The one integration test program; a file for each subject.

mod layers;
