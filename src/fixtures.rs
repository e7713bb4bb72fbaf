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
//! What a fixture starts from is a fixture of its own, so a test overrides it where it wants something else, with
//! `#[with(…)]` or with a fixture of the same name in scope:
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
//! Each test has a stack of its own, unless the builder says otherwise: `stack_builder` is the place for
//! [`Lifetime::Run`](crate::Lifetime::Run). A stack of [`Lifetime::Test`](crate::Lifetime::Test) in a `#[once]` fixture, which
//! is never dropped, stays until the process has ended.

use std::path::PathBuf;

use rstest::fixture;

#[cfg(all(feature = "postgres", feature = "grafana"))]
use crate::polygon::PolygonStack;
use crate::{Stack, StackBuilder};

/// The compose file: `docker-compose.yml` in the folder of the package under test. Override this fixture for another.
#[fixture]
pub fn compose_file() -> PathBuf {
    // Cargo and nextest set it for the tests they run; a test binary that is run by hand starts where it is.
    let package = std::env::var_os("CARGO_MANIFEST_DIR").map(PathBuf::from).unwrap_or_default();
    package.join("docker-compose.yml")
}

/// What to bring up, and how. Override this fixture to keep volumes, set deadlines or give probes.
#[fixture]
pub fn stack_builder(compose_file: PathBuf) -> StackBuilder {
    Stack::builder(compose_file)
}

/// The stack, all services ready: the test's own, unless the builder says otherwise. Panics with the whole story when it
/// cannot be brought up.
#[fixture]
pub async fn stack(stack_builder: StackBuilder) -> Stack {
    stack_builder.up().await.unwrap_or_else(|error| panic!("{error:?}"))
}

/// greenroom's own stack with its typed handles. Panics with the whole story when it cannot be brought up.
#[cfg(all(feature = "postgres", feature = "grafana"))]
#[fixture]
pub async fn polygon_stack(stack_builder: StackBuilder) -> PolygonStack {
    let stack = stack_builder.up().await.unwrap_or_else(|error| panic!("{error:?}"));
    PolygonStack::of(stack).unwrap_or_else(|error| panic!("{error:?}"))
}
