//! What the tests of this project share: one stack for all of them, in all their processes.

use greenroom::{Lifetime, Stack, StackBuilder};

/// The stack of this project's file, for one invocation of `cargo test` or `cargo nextest run`.
pub fn builder() -> StackBuilder {
    Stack::builder(concat!(env!("CARGO_MANIFEST_DIR"), "/docker-compose.yml")).lifetime(Lifetime::Run)
}

/// The first test that asks brings it up; all others get the same.
pub async fn stack() -> Stack {
    builder().up().await.unwrap_or_else(|error| panic!("{error:?}"))
}

/// Asks the shop's web server, and gives the status of its answer.
pub async fn visit(stack: &Stack) -> Result<u16, greenroom::Error> {
    let answer = stack.http("web")?.client()?.get("/").await?;
    Ok(answer.status().as_u16())
}
