//! The tests that need no container engine.

mod plan;
mod tidy;
