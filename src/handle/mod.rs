//! Typed connections to services that are ready.
//!
//! A handle holds only plain data: addresses and credentials. Pools and clients are created on request, on the caller's
//! runtime, so tests that each have their own runtime can share a handle.

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
    /// Any service: its addresses, container and logs, and a way to run commands in it.
    ///
    /// # Errors
    ///
    /// The file has no such service; the error lists the existing ones.
    pub fn service(&self, name: &str) -> Result<ServiceHandle, Error> {
        Ok(ServiceHandle::new(self.engine().clone(), self.running().plan.secrets.clone(), self.find(name)?))
    }

    /// All containers of a service with several replicas (`scale` or `deploy.replicas`). [`service`](Stack::service)
    /// returns the first.
    ///
    /// # Errors
    ///
    /// The file has no such service; the error lists the existing ones.
    pub fn replicas(&self, name: &str) -> Result<Vec<ServiceHandle>, Error> {
        self.find(name)?;
        self.running().plan.replicas(name).map(|planned| self.service(&planned.name)).collect()
    }
}
