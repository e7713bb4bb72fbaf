//! Reads compose files as Docker Compose reads them: pure, with a place for every complaint.
mod model;

pub use model::*;
