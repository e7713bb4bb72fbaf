//! Ending stacks: saves the evidence, then removes everything that was created for the stack, and nothing else.

mod log;
pub(super) mod evidence;
pub(super) mod teardown;
pub(super) mod lease;
pub(super) mod leftover;

pub(super) use teardown::{Evidence, Hooks};
