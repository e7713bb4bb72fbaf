//! The tests that need no container engine.

mod compose;
mod plan;
mod recipes;
mod tidy;
