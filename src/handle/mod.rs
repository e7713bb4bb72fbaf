//! Typed connections to services that are ready.
//!
//! A handle holds inert facts only — addresses and credentials. Pools and clients are made on the caller's runtime when
//! they are asked for, so a handle can be shared by tests that each have a runtime of their own.

mod grafana;
mod http;
mod postgres;
mod service;
mod ticker;
mod timescale;

pub use grafana::{DataSource, DataSourceHealth, Frame, Grafana, GrafanaClient, GrafanaHealth};
pub use http::{Http, HttpClient};
pub use postgres::{ConnectionUrl, Postgres};
pub use service::{ExecOutput, ServiceHandle};
pub use ticker::{TickerHealth, TickerService};
pub use timescale::{Hypertable, Timescale};

use crate::Error;
use crate::kind::{Kind, Login, first_tcp_port};
use crate::known::RunningService;
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

    /// A service of the PostgreSQL family.
    ///
    /// # Errors
    ///
    /// The file has no such service, or it is not of that family.
    pub fn postgres(&self, name: &str) -> Result<Postgres, Error> {
        let (port, login) = self.login(name, Kind::Postgres, "a PostgreSQL server")?;
        Ok(Postgres::new(name, self.find(name)?.address(port)?.clone(), port, login))
    }

    /// A TimescaleDB server: a service of the PostgreSQL family whose image has the extension.
    ///
    /// # Errors
    ///
    /// As [`postgres`](Stack::postgres).
    pub fn timescale(&self, name: &str) -> Result<Timescale, Error> {
        self.postgres(name).map(Timescale::new)
    }

    /// A service that speaks HTTP on its lowest published TCP port, or on the one its kind is known for.
    ///
    /// # Errors
    ///
    /// The file has no such service, or it publishes no TCP port.
    pub fn http(&self, name: &str) -> Result<Http, Error> {
        let service = self.find(name)?;
        let port = service
            .planned
            .kind
            .port(&service.planned.service)
            .filter(|_| service.planned.kind != Kind::Postgres)
            .or_else(|| first_tcp_port(&service.planned.service))
            .or_else(|| service.known.addresses.lowest_tcp());
        let Some(port) = port else {
            return Err(Error::no_port_published(name));
        };
        Ok(Http::new(name, service.address(port)?.clone()))
    }

    /// A Grafana server.
    ///
    /// # Errors
    ///
    /// The file has no such service, or it is not Grafana.
    pub fn grafana(&self, name: &str) -> Result<Grafana, Error> {
        let (_, login) = self.login(name, Kind::Grafana, "Grafana")?;
        Ok(Grafana::new(self.http(name)?, login))
    }

    /// The ticker-service of greenroom's own stack.
    ///
    /// # Errors
    ///
    /// The file has no such service, or it is not the ticker-service.
    pub fn ticker_service(&self, name: &str) -> Result<TickerService, Error> {
        let fits = |service: &RunningService| service.planned.kind == Kind::TickerService;
        if !fits(&*self.find(name)?) {
            return Err(self.wrong_kind(name, "the ticker-service", fits));
        }
        Ok(TickerService::new(self.http(name)?))
    }

    /// The port inside the container, and the login, of a server of this kind.
    fn login(&self, name: &str, kind: Kind, what: &str) -> Result<(u16, Login), Error> {
        let login = |service: &RunningService| {
            service.planned.login.as_ref().filter(|login| login.kind == kind)?;
            Some((kind.port(&service.planned.service)?, service.known.login.clone()?))
        };
        let found = login(&*self.find(name)?);
        found.ok_or_else(|| self.wrong_kind(name, what, |service| login(service).is_some()))
    }

    /// `name` is not what it was asked for as; lists the services that are.
    fn wrong_kind(&self, name: &str, what: &str, fits: impl Fn(&RunningService) -> bool) -> Error {
        let services = self.running().services();
        let fitting: Vec<_> =
            services.iter().filter(|(_, service)| fits(service)).map(|(name, _)| name.as_str()).collect();
        let image = services.get(name).map_or("", |service| &service.known.image.reference);
        Error::wrong_kind(name, what, image, &fitting)
    }
}
