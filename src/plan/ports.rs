//! The host ports of a service.

use super::{PlannedPort, Ports, problem};
use crate::address::Port;
use crate::compose::{Problem, Project, Service};

const LOOPBACK: &str = "127.0.0.1";

/// The ports that the file publishes, then those that must be published too, to probe and reach the service.
pub(super) fn plan(
    project: &Project,
    service: &Service,
    ports: Ports,
    needed: impl IntoIterator<Item = u16>,
) -> Result<Vec<PlannedPort>, Box<Problem>> {
    let mut planned: Vec<PlannedPort> = Vec::new();
    for (index, written) in service.ports.iter().enumerate() {
        let wrong = |what| problem(project, &format!("services.{}.ports[{index}]", service.name), what);
        let port = Port { number: written.target, protocol: written.protocol.parse().map_err(wrong)? };
        let mut plan = picked(port);
        if ports == Ports::AsWritten
            && let Some(published) = &written.published
        {
            plan.host_ip = written.host_ip.clone().unwrap_or_else(|| LOOPBACK.to_owned());
            plan.host_port = fixed(service, published).map_err(wrong)?;
        } else if planned.iter().any(|other| other.port == port) {
            // The file publishes one container port under two host ports. With picked ports, one is enough.
            continue;
        }
        planned.push(plan);
    }
    if service.network_mode.as_deref() != Some("none") {
        for port in needed.into_iter().map(Port::tcp) {
            if !planned.iter().any(|other| other.port == port) {
                planned.push(picked(port));
            }
        }
    }
    Ok(planned)
}

/// A port on loopback that the engine picks.
fn picked(port: Port) -> PlannedPort {
    PlannedPort { port, host_ip: LOOPBACK.to_owned(), host_port: 0 }
}

/// The single host port that `published` states.
fn fixed(service: &Service, published: &str) -> Result<u16, String> {
    let port =
        published.parse().map_err(|_| format!("fixed ports need one port, but `{published}` is a range"))?;
    match service.scale {
        0 | 1 => Ok(port),
        scale => Err(format!("with fixed ports, {scale} containers cannot share port {published}")),
    }
}
