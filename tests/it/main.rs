//! Tests that need no container engine.

mod features;
mod modules;
// The expected plans assume a build with every kind of probe.
#[cfg(all(feature = "postgres", feature = "http"))]
mod plan;
#[cfg(all(feature = "postgres", feature = "http"))]
mod recipes;
mod tidy;
