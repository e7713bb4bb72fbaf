//! The stack that all tests of this project share, across all their processes.

use greenroom::{Lifetime, Stack, StackBuilder};

/// Describes the stack of this project's file, shared within one invocation of `cargo test` or `cargo nextest run`.
pub fn builder() -> StackBuilder {
    Stack::builder(concat!(env!("CARGO_MANIFEST_DIR"), "/docker-compose.yml")).lifetime(Lifetime::Run)
}

/// Returns the shared stack. The first test to call this function brings the stack up.
pub async fn stack() -> Stack {
    builder().up().await.unwrap_or_else(|error| panic!("{error:?}"))
}

/// Sends a request to the shop's web server and returns the status of the response.
pub async fn visit(stack: &Stack) -> Result<u16, greenroom::Error> {
    let answer = stack.http("web")?.client()?.get("/").await?;
    Ok(answer.status().as_u16())
}
