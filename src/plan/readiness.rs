//! What makes a service ready.

use std::fmt;

use super::{feature, network};
use crate::compose::{Condition, Project, Service};
use crate::kind::{Kind, Probe};

/// What makes a service ready, as far as can be decided before its image is known.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Readiness {
    /// Only the probe that the file or the test states.
    Explicit(Probe),
    /// Another service waits for this one to complete: it must exit with 0.
    Completed,
    /// Its published ports answer, and its healthcheck passes.
    Usual {
        /// The healthcheck to run.
        healthcheck: Healthcheck,
        /// If its kind is known: a real round trip through the port of that kind.
        round_trip: Option<Probe>,
        /// What its kind must answer as well, after the round trip.
        then: Option<Probe>,
        /// The other published TCP ports, except those that the service does not serve at its start. Each must accept
        /// a connection and keep it open.
        tcp_ports: Vec<u16>,
    },
}

/// The healthcheck that greenroom runs.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Healthcheck {
    /// The compose file's: the command to run in the container.
    File(Vec<String>),
    /// The image's own, if it has one.
    Image,
    /// None: the file disables it.
    Disabled,
}

/// The condition under which a container is ready, once its image is known.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum ReadyWhen {
    /// It passes all these probes, one after the other.
    Answers(Vec<Probe>),
    /// There is nothing to probe: it is ready if it still runs after half a second, or has exited with 0.
    StaysUp,
    /// It exits with 0.
    Completes,
}

impl Readiness {
    /// What makes `service` ready. `explicit` is the probe that the file or the test states; the ports in `unserved` are
    /// not asked.
    pub(super) fn of(
        project: &Project,
        service: &Service,
        kind: Kind,
        explicit: Option<Probe>,
        unserved: &[u16],
    ) -> Readiness {
        let completes = project.services.values().any(|other| {
            other
                .depends_on
                .get(&service.name)
                .is_some_and(|dependency| dependency.condition == Condition::ServiceCompletedSuccessfully)
        });
        if completes {
            return Readiness::Completed;
        }
        if let Some(probe) = explicit {
            return Readiness::Explicit(probe);
        }
        let healthcheck = match &service.healthcheck {
            Some(check)
                if check.disable
                    || check
                        .test
                        .as_deref()
                        .is_some_and(|test| test.first().is_some_and(|first| first == "NONE")) =>
            {
                Healthcheck::Disabled
            }
            Some(check) => check
                .test
                .as_deref()
                .and_then(healthcheck_command)
                .map_or(Healthcheck::Image, Healthcheck::File),
            None => Healthcheck::Image,
        };
        // A service without a network cannot be probed from outside. Nor can one on the network of a container outside
        // this stack, because that container decides which ports are published.
        let is_reachable = service.network_mode.as_deref() != Some("none")
            && !matches!(network::owner(project, service), Some(network::Owner::Container(_)));
        let is_asked = |port: &u16| is_reachable && !unserved.contains(port);
        let port = kind.port(service).filter(is_asked);
        let round_trip = port.and_then(|port| feature::round_trip(kind, port));
        let then = port.and_then(|port| feature::then(kind, service, port));
        let mut asked = round_trip.as_ref().and_then(Probe::needs_port).into_iter().collect::<Vec<_>>();
        let mut tcp_ports = Vec::new();
        for port in tcp_ports_of(service).filter(is_asked) {
            // The same container port may be published under several host ports.
            if !asked.contains(&port) {
                asked.push(port);
                tcp_ports.push(port);
            }
        }
        Readiness::Usual { healthcheck, round_trip, then, tcp_ports }
    }

    /// The condition for the container, given the image's own healthcheck.
    pub(crate) fn when(&self, image_healthcheck: Option<&[String]>) -> ReadyWhen {
        let (healthcheck, round_trip, then, tcp_ports) = match self {
            Readiness::Explicit(probe) => return ReadyWhen::Answers(vec![probe.clone()]),
            Readiness::Completed => return ReadyWhen::Completes,
            Readiness::Usual { healthcheck, round_trip, then, tcp_ports } => {
                (healthcheck, round_trip, then, tcp_ports)
            }
        };
        let check = match healthcheck {
            Healthcheck::File(argv) => Some(argv.clone()),
            Healthcheck::Image => image_healthcheck.and_then(healthcheck_command),
            Healthcheck::Disabled => None,
        };
        // The ports come first: asking them costs the container nothing until its server listens. Each run of a
        // healthcheck is a process that competes with the server's initialisation for the processor.
        let mut probes: Vec<_> = round_trip.iter().chain(then).cloned().collect();
        probes.extend(tcp_ports.iter().map(|port| Probe::Tcp { port: *port }));
        probes.extend(check.map(|argv| Probe::Exec { argv }));
        if probes.is_empty() { ReadyWhen::StaysUp } else { ReadyWhen::Answers(probes) }
    }
}

impl fmt::Display for ReadyWhen {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            ReadyWhen::Answers(probes) => {
                let probes: Vec<_> = probes.iter().map(ToString::to_string).collect();
                f.write_str(&probes.join(", then "))
            }
            ReadyWhen::StaysUp => f.write_str("still runs after half a second, or has ended with 0"),
            ReadyWhen::Completes => f.write_str("ends with 0"),
        }
    }
}

impl fmt::Display for Readiness {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Readiness::Usual { healthcheck: Healthcheck::Image, .. } => match self.when(None) {
                ReadyWhen::StaysUp => {
                    write!(f, "the image's healthcheck if it has one, else {}", ReadyWhen::StaysUp)
                }
                ports => write!(f, "{ports}, then the image's healthcheck if it has one"),
            },
            _ => self.when(None).fmt(f),
        }
    }
}

/// The TCP ports that the file publishes, by their numbers inside the container.
pub(super) fn tcp_ports_of(service: &Service) -> impl Iterator<Item = u16> {
    service.ports.iter().filter(|port| port.protocol == "tcp").map(|port| port.target)
}

/// The command of a healthcheck's `test`: `["CMD", …]` unchanged, `["CMD-SHELL", text]` through the container's shell.
/// <https://github.com/compose-spec/compose-spec/blob/main/05-services.md#healthcheck>
pub(crate) fn healthcheck_command(test: &[String]) -> Option<Vec<String>> {
    match test.split_first()? {
        (first, rest) if first == "CMD" && !rest.is_empty() => Some(rest.to_vec()),
        (first, [text, ..]) if first == "CMD-SHELL" => {
            Some(vec!["/bin/sh".to_owned(), "-c".to_owned(), text.clone()])
        }
        _ => None,
    }
}
