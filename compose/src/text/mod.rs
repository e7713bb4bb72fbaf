//! What can be said of a text alone: sizes, durations, paths, command lines, names.
//!
//! Nothing here knows a node, a place or a problem.

pub(crate) mod names;
pub(crate) mod path;
pub(crate) mod units;
pub(crate) mod words;
