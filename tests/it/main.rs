//! The tests that need no container engine.

mod plan;
mod recipes;
mod tidy;
