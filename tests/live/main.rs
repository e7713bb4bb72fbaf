//! What the README promises, on a real container engine: `cargo test` runs these, and they need one.

mod ends;
mod engine;
mod failures;
mod handles;
mod lifetimes;
mod readiness;
mod sharing;
mod suites;
mod ticker;
mod torture;
mod volumes;
mod world;

use std::path::PathBuf;

use greenroom::{Stack, StackBuilder};

/// A file of this repository.
fn file(path: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join(path)
}

/// greenroom's own stack.
fn polygon() -> StackBuilder {
    Stack::builder(file("docker-compose.yml"))
}

/// The shell services of one profile.
fn shell(profile: &str) -> StackBuilder {
    Stack::builder(file("fixtures/live/shell.yml")).profile(profile)
}

/// Asserts that the engine has nothing any more that carries the label of `stack`.
async fn assert_gone(stack: &str) {
    let left = greenroom::stacks().await.expect("the engine answers");
    assert!(left.iter().all(|found| found.name != stack), "{stack} is still there");
}
