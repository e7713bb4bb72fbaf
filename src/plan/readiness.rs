//! What makes a service ready: which questions it is asked, and in what order. The asking is `crate::probe`'s.

use std::fmt;

use crate::kind::Probe;

/// What makes a service ready, as far as it can be known before its image is seen.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Readiness {
    /// What the file or the test asked for, and nothing else.
    Explicit(Probe),
    /// Another service waits for this one to complete: it must end with 0.
    Completed,
    /// Its healthcheck, then one real round trip where its kind is known.
    Usual {
        /// Whose healthcheck.
        healthcheck: Healthcheck,
        /// The round trip through the published port.
        round_trip: Option<Probe>,
        /// Published TCP ports, asked when there is neither healthcheck nor round trip.
        tcp_ports: Vec<u16>,
    },
}

/// Whose healthcheck greenroom runs.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Healthcheck {
    /// The compose file's: the command that is run in the container.
    File(Vec<String>),
    /// The image's own, if it has one.
    Image,
    /// The file disables it.
    Disabled,
}

impl Readiness {
    /// The questions, in the order in which they are asked, once the image's own healthcheck is known.
    pub(crate) fn probes(&self, image_healthcheck: Option<&[String]>) -> Vec<Probe> {
        match self {
            Readiness::Explicit(probe) => vec![probe.clone()],
            Readiness::Completed => Vec::new(),
            Readiness::Usual { healthcheck, round_trip, tcp_ports } => {
                let check = match healthcheck {
                    Healthcheck::File(argv) => Some(argv.clone()),
                    Healthcheck::Image => image_healthcheck.and_then(healthcheck_command),
                    Healthcheck::Disabled => None,
                };
                // The round trip first: it costs the container nothing until its server listens, while every run of a
                // healthcheck is a process that a busy initialisation has to share the processor with.
                let mut probes: Vec<_> = round_trip.clone().into_iter().collect();
                probes.extend(check.map(|argv| Probe::Exec { argv }));
                if probes.is_empty() {
                    probes.extend(tcp_ports.iter().map(|port| Probe::Tcp { port: *port }));
                }
                if probes.is_empty() {
                    probes.push(Probe::Running);
                }
                probes
            }
        }
    }
}

impl fmt::Display for Readiness {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Readiness::Completed => write!(f, "ends with 0"),
            Readiness::Usual { healthcheck: Healthcheck::Image, round_trip, .. } => match round_trip {
                Some(probe) => write!(f, "{probe}, then the image's healthcheck if it has one"),
                None => write!(f, "the image's healthcheck if it has one, else {}", join(&self.probes(None))),
            },
            _ => f.write_str(&join(&self.probes(None))),
        }
    }
}

/// Several questions in one line.
pub(crate) fn join(probes: &[Probe]) -> String {
    probes.iter().map(ToString::to_string).collect::<Vec<_>>().join(", then ")
}

/// The command of a healthcheck's `test`: `["CMD", …]` as it stands, `["CMD-SHELL", text]` through the container's shell.
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
