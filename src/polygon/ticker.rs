//! The ticker-service of greenroom's own stack.

use std::ops::Deref;

use crate::kind::{Accept, Kind};
use crate::{Error, Http, Stack};

/// The ticker-service. Dereferences to [`Http`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TickerService {
    http: Http,
}

/// The ticker-service's report of its own health.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct TickerHealth {
    /// Whether the service works: its actuator reports `UP`, or, in a build without an actuator, the status is below
    /// 500.
    pub up: bool,
    /// The HTTP status.
    pub status: u16,
    /// The body of the response.
    pub body: String,
}

impl TickerService {
    /// The ticker-service with this name in the compose file.
    ///
    /// # Errors
    ///
    /// The stack has no such service, or the service is not the ticker-service.
    pub fn of(stack: &Stack, name: &str) -> Result<TickerService, Error> {
        stack.read_kind(name, "the ticker-service", |service| {
            (service.planned.kind == Kind::TickerService).then_some(())
        })?;
        Ok(TickerService { http: stack.http(name)? })
    }

    /// Requests `/actuator/health`. Builds of the service without an actuator answer 404 and count as up.
    ///
    /// # Errors
    ///
    /// There was no answer.
    pub async fn health(&self) -> Result<TickerHealth, Error> {
        let response = self.http.get("/actuator/health").await?;
        let status = response.status().as_u16();
        let body = response
            .text()
            .await
            .map_err(|error| Error::answer_broke_off(self.http.service(), error.without_url()))?;
        Ok(TickerHealth { up: Accept::ActuatorHealth.accepts(status, &body), status, body })
    }
}

impl Deref for TickerService {
    type Target = Http;

    fn deref(&self) -> &Http {
        &self.http
    }
}
