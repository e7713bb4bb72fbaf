//! The tests that need no container engine.

mod features;
mod modules;
// Its expectations are those of a build that can ask everything.
#[cfg(all(feature = "postgres", feature = "http"))]
mod plan;
mod recipes;
mod tidy;
