//! What callers see: the [`Project`], and typed values for its services, networks and volumes.
//!
//! Nothing here can fail: the document has passed all checks.

mod decode;
mod model;
mod project;
pub(crate) mod redact;

pub use model::*;
pub(crate) use project::project;
pub use project::{Project, Values};
