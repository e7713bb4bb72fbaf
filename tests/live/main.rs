//! Tests of what the README promises, on a real container engine. `cargo test` runs them, and they need an engine.
#![expect(clippy::print_stderr, reason = "a test shows what it measured")]

mod applied;
mod ends;
mod engine;
mod failures;
mod foreign;
mod handles;
mod lifetimes;
mod readiness;
mod replicas;
mod supply;
mod sharing;
mod skipped;
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

/// Sends a request to the engine itself; gives the status and the answer.
async fn ask_engine(method: reqwest::Method, path: &str) -> reqwest::Result<(u16, serde_json::Value)> {
    send_to_engine(method, path, None).await
}

/// The same for a request with a body.
async fn send_to_engine(
    method: reqwest::Method,
    path: &str,
    body: Option<&serde_json::Value>,
) -> reqwest::Result<(u16, serde_json::Value)> {
    let host = std::env::var("DOCKER_HOST").unwrap_or_default();
    let socket = host.strip_prefix("unix://").unwrap_or("/var/run/docker.sock");
    let client = reqwest::Client::builder().unix_socket(socket).build()?;
    let request = client.request(method, format!("http://engine/v1.41{path}"));
    let answer = body.into_iter().fold(request, |request, body| request.json(body)).send().await?;
    let status = answer.status().as_u16();
    Ok((status, serde_json::from_str(&answer.text().await?).unwrap_or_default()))
}

/// Asserts that nothing with the label of `stack` is left on the engine.
async fn assert_gone(stack: &str) {
    let left = greenroom::stack::stacks().await.expect("the engine answers");
    assert!(left.iter().all(|found| found.name != stack), "{stack} is still there");
}
