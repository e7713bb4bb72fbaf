//! greenroom's own stack: TimescaleDB, ticker-service and Grafana, as its `docker-compose.yml` describes them.

mod ticker;

use std::ops::Deref;
use std::path::Path;

pub use ticker::{TickerHealth, TickerService};

use crate::{Error, Grafana, Stack, Timescale};

/// The stack of `docker-compose.yml` with a typed handle for each of its three services.
///
/// ```no_run
/// use greenroom::polygon::PolygonStack;
///
/// # async fn example() -> Result<(), greenroom::Error> {
/// let stack = PolygonStack::up("docker-compose.yml").await?;
/// assert!(stack.ticker_service.health().await?.up);
/// let source = stack.grafana.client()?.create_postgres_data_source("prices", &stack.timescaledb).await?;
/// # drop(source);
/// stack.down().await
/// # }
/// ```
#[derive(Debug)]
#[must_use = "a stack that is not bound is taken down at once: write `let stack = …`"]
pub struct PolygonStack {
    /// The service `timescaledb`.
    pub timescaledb: Timescale,
    /// The service `ticker-service`.
    pub ticker_service: TickerService,
    /// The service `grafana`.
    pub grafana: Grafana,
    stack: Stack,
}

impl PolygonStack {
    /// Brings up the services of a compose file that has these three services.
    ///
    /// # Errors
    ///
    /// As [`Stack::up`]; also when one of the three services is missing or has another kind of image.
    pub async fn up(file: impl AsRef<Path>) -> Result<PolygonStack, Error> {
        PolygonStack::of(Stack::up(file).await?)
    }

    /// The typed view of a running stack, such as one started from a configured builder.
    ///
    /// # Errors
    ///
    /// One of the three services is missing or has another kind of image. The stack is then taken down.
    pub fn of(stack: Stack) -> Result<PolygonStack, Error> {
        Ok(PolygonStack {
            timescaledb: stack.timescale("timescaledb")?,
            ticker_service: TickerService::of(&stack, "ticker-service")?,
            grafana: stack.grafana("grafana")?,
            stack,
        })
    }

    /// Takes the stack down.
    ///
    /// # Errors
    ///
    /// As [`Stack::down`].
    pub async fn down(self) -> Result<(), Error> {
        self.stack.down().await
    }
}

impl Deref for PolygonStack {
    type Target = Stack;

    fn deref(&self) -> &Stack {
        &self.stack
    }
}
