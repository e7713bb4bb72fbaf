//! Asks a service, from outside, whether it is ready. A new kind of probe is a new file here; a new protocol goes into
//! `kind::protocol`.
//!
//! An answer is *ready*, *not yet* with what was observed, or *never* with the reason. Probes do not check whether the
//! container is still running: the wait inspects it between two attempts.

mod exec;
#[cfg(feature = "http")]
mod grafana;
#[cfg(feature = "http")]
mod http;
mod log;
mod protocol;
#[cfg(feature = "postgres")]
mod sql;
mod tcp;
mod unreachable;
#[cfg(test)]
mod scripted;

use std::net::SocketAddr;
use std::time::Duration;

use crate::address::Address;
use crate::compose::Secrets;
use crate::engine::{Engine, EngineError};
use crate::kind::Probe;
use crate::known::Known;
use crate::plan::PlannedService;
use crate::poll::{Answer, Cadence};

#[cfg(feature = "postgres")]
pub(crate) use sql::connect_options;
pub(crate) use unreachable::UnreachablePort;

/// How long one attempt over the network may take. A server whose first answer takes longer is not ready.
const ATTEMPT: Duration = Duration::from_secs(5);

/// How long Grafana may take to save its dashboards while it is asked.
const PROVISIONING: Duration = Duration::from_secs(60);

/// The service to probe.
pub(crate) struct Target<'a> {
    pub engine: &'a dyn Engine,
    pub planned: &'a PlannedService,
    pub known: &'a Known,
    /// Hidden in what an answer shows, before it is cut.
    pub secrets: &'a Secrets,
}

/// Probes once.
pub(crate) async fn ask(probe: &Probe, target: &Target<'_>) -> Answer {
    let attempt = async {
        match probe {
            #[cfg(feature = "postgres")]
            Probe::Sql { port, query } => match target.address(*port) {
                Ok(address) => sql::ask(address, target.known.login.as_ref(), query).await,
                Err(unpublished) => unpublished,
            },
            #[cfg(feature = "http")]
            Probe::Http { port, path, accept } => match target.address_or_first(*port) {
                Ok(address) => http::ask(address, path, *accept, target.secrets).await,
                Err(unpublished) => unpublished,
            },
            Probe::Tcp { port } => match target.address(*port) {
                Ok(address) => tcp::ask(target, address, *port).await,
                Err(unpublished) => unpublished,
            },
            Probe::Protocol { port, protocol } => match target.address(*port) {
                Ok(address) => {
                    protocol::ask(address, *protocol, target.known.login.as_ref(), target.secrets).await
                }
                Err(unpublished) => unpublished,
            },
            #[cfg(feature = "http")]
            Probe::Provisioned { port } => match target.address(*port) {
                Ok(address) => grafana::ask(target, address).await,
                Err(unpublished) => unpublished,
            },
            Probe::Exec { argv } => exec::ask(target, argv).await,
            Probe::Log { text } => log::ask(target, text).await,
            #[cfg(not(all(feature = "postgres", feature = "http")))]
            // The plan has no question that is not compiled in.
            _ => Answer::Never(format!("this build of greenroom cannot ask `{probe}`")),
        }
    };
    let limit = match probe {
        Probe::Exec { .. } => target.planned.healthcheck_timeout,
        Probe::Provisioned { .. } => PROVISIONING,
        _ => ATTEMPT,
    };
    within(limit, attempt).await
}

async fn within(limit: Duration, attempt: impl Future<Output = Answer>) -> Answer {
    tokio::time::timeout(limit, attempt)
        .await
        .unwrap_or_else(|_| Answer::NotYet(format!("no answer within {limit:?}")))
}

/// The answer that an error of the engine stands for: the next attempt may succeed, but not on an engine that shows no
/// sign of life.
pub(crate) fn of_engine(error: &EngineError) -> Answer {
    match error.is_silent {
        true => Answer::Never(error.to_string()),
        false => Answer::NotYet(error.to_string()),
    }
}

/// How often to repeat the probe.
pub(crate) fn cadence(probe: &Probe) -> Cadence {
    match probe {
        Probe::Exec { .. } | Probe::Log { .. } => Cadence::EXEC,
        Probe::Provisioned { .. } => Cadence::LOGIN,
        Probe::Sql { .. } | Probe::Http { .. } | Probe::Tcp { .. } | Probe::Protocol { .. } => Cadence::CHEAP,
    }
}

impl Target<'_> {
    /// Why the port that `probe` asks does not answer, if what listens in the container shows it.
    pub(crate) async fn unreachable(&self, probe: &Probe) -> Option<UnreachablePort> {
        let port = match probe {
            Probe::Http { port, .. } => port.or_else(|| self.known.addresses.lowest_tcp()),
            probe => probe.needs_port(),
        };
        UnreachablePort::of(port?, self.listening().await?)
    }

    /// The sockets that listen in the container's network; `None` if they cannot be seen from here.
    async fn listening(&self) -> Option<Vec<SocketAddr>> {
        let found = self.engine.inspect(&self.known.id).await.ok()?;
        self.engine.listening(&found)
    }

    fn address(&self, port: u16) -> Result<&Address, Answer> {
        self.known
            .addresses
            .tcp(port)
            .ok_or_else(|| Answer::Never(format!("port {port}/tcp is not published")))
    }

    /// The address of `port`, or of the lowest published TCP port.
    #[cfg(feature = "http")]
    fn address_or_first(&self, port: Option<u16>) -> Result<&Address, Answer> {
        match port.or_else(|| self.known.addresses.lowest_tcp()) {
            Some(port) => self.address(port),
            None => Err(Answer::Never("no TCP port is published".to_owned())),
        }
    }
}
