//! Typed connections to services that are ready.
//!
//! A handle holds inert facts only — addresses and credentials. Pools and clients are made on the caller's runtime when
//! they are asked for, so a handle can be shared by tests that each have a runtime of their own.

#[cfg(feature = "grafana")]
pub mod grafana;
#[cfg(feature = "http")]
mod http;
#[cfg(any(feature = "postgres", feature = "grafana"))]
mod kind;
#[cfg(feature = "postgres")]
mod postgres;
mod service;
#[cfg(feature = "postgres")]
mod timescale;

#[cfg(feature = "http")]
pub use http::{Http, HttpClient};
#[cfg(feature = "postgres")]
pub use postgres::{ConnectionUrl, Postgres};
pub use service::{ExecOutput, ServiceHandle};
#[cfg(feature = "postgres")]
pub use timescale::{Hypertable, Timescale};

use crate::Error;
use crate::stack::Stack;

impl Stack {
    /// Any service: its addresses, container, logs, and a way to run a command in it.
    ///
    /// # Errors
    ///
    /// The file has no such service; the error lists those it has.
    pub fn service(&self, name: &str) -> Result<ServiceHandle, Error> {
        Ok(ServiceHandle::new(self.engine().clone(), self.running().plan.secrets.clone(), self.find(name)?))
    }

    /// The containers of a service that has several: `scale`, or `deploy.replicas`. [`service`](Stack::service) gives the first.
    ///
    /// # Errors
    ///
    /// The file has no such service; the error lists those it has.
    pub fn replicas(&self, name: &str) -> Result<Vec<ServiceHandle>, Error> {
        self.find(name)?;
        self.running().plan.replicas(name).map(|planned| self.service(&planned.name)).collect()
    }
}
