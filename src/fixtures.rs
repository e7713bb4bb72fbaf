//! rstest fixtures, ready to import.
//!
//! ```no_run
//! use greenroom::fixtures::*;
//! use greenroom::Stack;
//! use rstest::rstest;
//!
//! #[rstest]
//! #[tokio::test]
//! async fn orders_survive_a_restart(#[future(awt)] stack: Stack) -> Result<(), greenroom::Error> {
//!     let db = stack.postgres("db")?.pool().await?;
//!     # drop(db);
//!     // … the test …
//!     stack.down().await
//! }
//! ```
//!
//! `stack` brings up `docker-compose.yml` of the package under test. `#[with(…)]` gives one test another builder:
//!
//! ```no_run
//! # use greenroom::fixtures::*;
//! # use greenroom::Stack;
//! # use rstest::rstest;
//! #[rstest]
//! #[tokio::test]
//! async fn on_another_file(
//!     #[future(awt)]
//!     #[with(Stack::builder("tests/two-databases.yml").keep_volume("archive"))]
//!     stack: Stack,
//! ) {
//!     // …
//! }
//! ```
//!
//! For several tests, write a fixture of your own:
//!
//! ```no_run
//! use greenroom::{Lifetime, Stack};
//! use rstest::{fixture, rstest};
//!
//! #[fixture]
//! async fn shop() -> Stack {
//!     Stack::builder("tests/shop.yml").lifetime(Lifetime::Run).up().await.unwrap()
//! }
//!
//! #[rstest]
//! #[tokio::test]
//! async fn on_the_shop(#[future(awt)] shop: Stack) {
//!     // …
//! }
//! ```
//!
//! A fixture named `stack_builder` or `compose_file` in the test's own module does not change an imported `stack`: rstest
//! takes the inputs of a fixture from the module that defines it.
//!
//! Each test has its own stack unless the builder sets another lifetime. rstest never drops a `#[once]` fixture, so a stack of
//! [`Lifetime::Test`](crate::Lifetime::Test) in such a fixture stays up until the process exits.

use std::path::PathBuf;

use rstest::fixture;

#[cfg(all(feature = "postgres", feature = "grafana"))]
use crate::polygon::PolygonStack;
use crate::{Stack, StackBuilder};

/// The compose file of [`stack_builder`]: `docker-compose.yml` in the folder of the package under test.
#[fixture]
pub fn compose_file() -> PathBuf {
    // Cargo and nextest set this variable for the tests they run. A test binary run by hand uses the current folder.
    let package = std::env::var_os("CARGO_MANIFEST_DIR").map(PathBuf::from).unwrap_or_default();
    package.join("docker-compose.yml")
}

/// The builder of [`stack`] and `polygon_stack`, for a test that does not name one with `#[with(…)]`.
#[fixture]
pub fn stack_builder(compose_file: PathBuf) -> StackBuilder {
    Stack::builder(compose_file)
}

/// The stack, with all services ready. Each test has its own unless the builder sets another lifetime. Panics with the
/// full error when the stack cannot be brought up.
#[fixture]
pub async fn stack(stack_builder: StackBuilder) -> Stack {
    stack_builder.up().await.unwrap_or_else(|error| panic!("{error:?}"))
}

/// greenroom's own stack with its typed handles. Panics with the full error when the stack cannot be brought up.
#[cfg(all(feature = "postgres", feature = "grafana"))]
#[fixture]
pub async fn polygon_stack(stack_builder: StackBuilder) -> PolygonStack {
    let stack = stack_builder.up().await.unwrap_or_else(|error| panic!("{error:?}"));
    PolygonStack::of(stack).unwrap_or_else(|error| panic!("{error:?}"))
}
