//! Ending stacks: saves the evidence, then removes everything with the stack's label, and nothing else.

mod log;
mod evidence;
pub(super) mod teardown;
pub(super) mod lease;
pub(super) mod leftover;

pub(super) use teardown::{Evidence, Hooks};
