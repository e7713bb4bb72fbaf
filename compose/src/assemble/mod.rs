//! Assembles one document from many files.
//!
//! [`mod@load`] runs the stages. [`layer`] prepares one document of one file; [`extends`] and [`mod@include`] bring
//! in other files; [`merge`] lays one document over another, and [`unique`] then keeps one entry for each thing.
//!
//! Nothing here knows which services are active, or checks that a reference leads somewhere: see
//! [`normalize`](crate::normalize).

use std::path::{Path, PathBuf};

use crate::variable::Variables;

mod extends;
mod include;
pub(crate) mod layer;
mod load;
mod merge;
mod unique;

pub(crate) use load::load;

/// What a set of files is read with.
pub(crate) struct Scope<'a> {
    /// What relative paths are relative to; absolute.
    pub(crate) directory: &'a Path,
    pub(crate) variables: &'a Variables,
    /// The files that led here by `include`, to detect cycles.
    pub(crate) including: &'a [PathBuf],
}
