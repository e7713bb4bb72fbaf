//! The tests that need no container engine.

mod modules;
mod plan;
mod recipes;
mod tidy;
