//! The end of stacks: evidence first, then everything that carries the stack's label, and nothing else.

mod evidence;
pub(super) mod teardown;
pub(super) mod lease;
pub(super) mod leftover;

pub(super) use teardown::{Evidence, Hooks};
