//! greenroom
#![expect(missing_docs, reason = "being written")]

pub mod compose;
mod plan;
mod stack;
mod engine;
mod probe;
mod poll;
mod volume;
mod handle;
mod report;
mod polygon;
pub mod blocking;
#[cfg(feature = "rstest")]
pub mod fixtures;
mod event;
mod error;
mod runtime;
mod secret;
mod state;

pub use error::Error;
pub use event::{Event, ServiceReady};
pub use handle::*;
pub use plan::*;
pub use polygon::PolygonStack;
pub use report::{Report, ServiceReport, ServiceStatus};
pub use secret::{HIDDEN, Secrets, is_secret_name};
pub use stack::{FoundStack, KeptVolume, Lifetime, Stack, StackBuilder, kept_volumes, stacks};
