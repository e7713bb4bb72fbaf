//! Asking a service, from outside, whether it is ready. A new way of asking is a new file here; a new protocol is one of
//! `kind::protocol`.
//!
//! An answer is *ready*, *not yet* with what was seen, or *never* with the reason. Whether the container still runs is
//! not asked here: whoever waits looks at the engine between two attempts.

mod exec;
mod http;
mod log;
mod protocol;
mod sql;
mod tcp;
#[cfg(test)]
mod scripted;

use std::collections::BTreeMap;
use std::time::Duration;

use crate::engine::Engine;
use crate::kind::{Login, Probe};
use crate::poll::{Answer, Cadence};

pub(crate) use sql::connect_options;

/// How long one attempt over the network may take: a server that takes longer for its first answer is not ready.
const ATTEMPT: Duration = Duration::from_secs(5);

/// The service to ask.
pub(crate) struct Target<'a> {
    pub engine: &'a dyn Engine,
    /// The container's id.
    pub id: &'a str,
    /// Host addresses by container port: `5432/tcp`.
    pub ports: &'a BTreeMap<String, (String, u16)>,
    pub login: Option<&'a Login>,
    /// How long one run of a command may take.
    pub exec_timeout: Duration,
}

/// Asks once.
pub(crate) async fn ask(probe: &Probe, target: &Target<'_>) -> Answer {
    let attempt = async {
        match probe {
            Probe::Sql { port, query } => match target.address(*port) {
                Ok(address) => sql::ask(address, target.login, query).await,
                Err(unpublished) => unpublished,
            },
            Probe::Http { port, path, accept } => match target.address_or_first(*port) {
                Ok(address) => http::ask(address, path, *accept).await,
                Err(unpublished) => unpublished,
            },
            Probe::Tcp { port } => match target.address(*port) {
                Ok(address) => tcp::ask(address).await,
                Err(unpublished) => unpublished,
            },
            Probe::Protocol { port, protocol } => match target.address(*port) {
                Ok(address) => protocol::ask(address, *protocol, target.login).await,
                Err(unpublished) => unpublished,
            },
            Probe::Exec { argv } => exec::ask(target, argv).await,
            Probe::Log { text } => log::ask(target, text).await,
            // Whoever waits sees to the half second, and to the end with 0.
            Probe::Running => Answer::Ready,
        }
    };
    within(if matches!(probe, Probe::Exec { .. }) { target.exec_timeout } else { ATTEMPT }, attempt).await
}

async fn within(limit: Duration, attempt: impl Future<Output = Answer>) -> Answer {
    tokio::time::timeout(limit, attempt)
        .await
        .unwrap_or_else(|_| Answer::NotYet(format!("no answer within {limit:?}")))
}

/// How often to ask.
pub(crate) fn cadence(probe: &Probe) -> Cadence {
    match probe {
        Probe::Exec { .. } | Probe::Log { .. } => Cadence::EXEC,
        Probe::Sql { .. }
        | Probe::Http { .. }
        | Probe::Tcp { .. }
        | Probe::Protocol { .. }
        | Probe::Running => Cadence::CHEAP,
    }
}

/// Where a published port is to be dialled.
#[derive(Clone, Copy, Debug)]
struct Address<'a> {
    host: &'a str,
    port: u16,
}

impl std::fmt::Display for Address<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}:{}", self.host, self.port)
    }
}

impl Target<'_> {
    fn address(&self, port: u16) -> Result<Address<'_>, Answer> {
        self.ports
            .get(&format!("{port}/tcp"))
            .map(|(host, port)| Address { host, port: *port })
            .ok_or_else(|| Answer::Never(format!("port {port}/tcp is not published")))
    }

    /// The address of `port`, or of the lowest published TCP port.
    fn address_or_first(&self, port: Option<u16>) -> Result<Address<'_>, Answer> {
        match port.or_else(|| lowest_tcp_port(self.ports)) {
            Some(port) => self.address(port),
            None => Err(Answer::Never("no TCP port is published".to_owned())),
        }
    }
}

/// The lowest published TCP port, as the container knows it.
pub(crate) fn lowest_tcp_port(ports: &BTreeMap<String, (String, u16)>) -> Option<u16> {
    ports.keys().filter_map(|port| port.strip_suffix("/tcp")?.parse().ok()).min()
}
