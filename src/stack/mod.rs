//! Stacks: brought up from a plan, shared, found again, and taken down.
//!
//! ```text
//! stack      the `Stack` value that a test holds
//! bring_up   from a builder to a stack, in the background
//!   share    one stack for everyone who asks for the same one
//!     up     a new stack: images, networks, volumes, containers, waiting
//!   end      evidence, hooks, removal; ending leases; leftovers
//! found      stacks that are already running
//! ```
//!
//! They share `builder` (what to bring up), `owner` (who owns a stack), `running` (what is ready), `live` (a running
//! stack with its engine and owner), `spec` (what the engine is asked to create), `listing` (what the engine lists),
//! `sign` (what the engine shows to those who cannot see the lease), `hook`, `panicking` (what a panicking test is told).

mod builder;
mod owner;
mod running;
mod spec;
mod listing;
mod sign;
mod hook;
mod panicking;
mod end;
mod live;
mod up;
mod share;
#[expect(clippy::module_inception, reason = "the folder is named after this type")]
mod stack;
mod bring_up;
mod found;
#[cfg(test)]
mod tests;

pub use builder::StackBuilder;
pub use end::leftover::{Elsewhere, Leftover, elsewhere, leftovers};
pub use found::{FoundStack, Holder, stacks};
pub use stack::Stack;

pub(crate) use end::lease::{discard_unfinished, end_lease};
pub(crate) use hook::run_pre_stop;
pub(crate) use sign::renew_signs;
