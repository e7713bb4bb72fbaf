//! What runs: brought up from a plan, shared, found again, and taken down.
//!
//! ```text
//! stack      the value that stands for a stack
//! bring_up   from a builder to a stack, in the background
//!   share    one stack for all who want the same
//!     up     a new stack: images, networks, volumes, containers, waiting
//!   end      evidence, hooks, removal; the end of leases; leftovers
//! found      stacks that run already
//! ```
//!
//! Below these: `builder` (what to bring up), `owner` (whose a stack is), `running` (what is ready), `live` (a running stack
//! with its engine and owner), `spec` (what the engine is told), `listing` (what the engine shows), `hook`.

mod builder;
mod owner;
mod running;
mod spec;
mod listing;
mod hook;
mod end;
mod live;
mod up;
mod share;
#[expect(clippy::module_inception, reason = "the value that the folder is named after")]
mod stack;
mod bring_up;
mod found;
#[cfg(test)]
mod tests;

pub use builder::StackBuilder;
pub use end::leftover::{Leftover, leftovers};
pub use found::{FoundStack, Holder, stacks};
pub use stack::Stack;

pub(crate) use end::lease::{discard_unfinished, end_lease};
pub(crate) use hook::run_pre_stop;
