//! How a service is asked whether it is ready: the question, not the asking (that is `crate::probe`).

use std::fmt;

use super::Kind;

/// A question that a service must answer well to count as ready.
///
/// ```
/// use greenroom::Probe;
///
/// assert_eq!(Probe::http("/health").on(8080).to_string(), "http GET :8080/health answers 2xx or 3xx");
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Probe {
    /// A query to a PostgreSQL server, through the published port, as the user that the service's environment sets up.
    Sql {
        /// The port inside the container.
        port: u16,
        /// The query; that it succeeds is enough.
        query: String,
    },
    /// An HTTP request through the published port.
    Http {
        /// The port inside the container; `None`: the service's first published one.
        port: Option<u16>,
        /// The path, with its leading slash.
        path: String,
        /// Which answers count.
        accept: Accept,
    },
    /// A TCP connection through the published port is accepted and stays open.
    Tcp {
        /// The port inside the container.
        port: u16,
    },
    /// A command in the container ends with 0.
    Exec {
        /// The program and its arguments; no shell reads them.
        argv: Vec<String>,
    },
    /// A line of the container's log contains this text.
    Log {
        /// What to look for, as it stands.
        text: String,
    },
    /// The container still runs after half a second, or has ended with 0.
    Running,
}

/// Which HTTP answers count as ready.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Accept {
    /// 2xx and 3xx.
    Success,
    /// Exactly this status.
    Status(u16),
    /// Anything below 500: the server is there, though it may not know the path.
    Below500,
    /// Grafana's `/api/health`: 200 with `"database": "ok"`.
    GrafanaHealth,
    /// Spring Boot's `/actuator/health`: `UP` where it exists; where it does not, anything below 500.
    ActuatorHealth,
}

impl Probe {
    /// A GET of `path` on the service's first published port; 2xx and 3xx count.
    #[must_use]
    pub fn http(path: &str) -> Probe {
        Probe::Http { port: None, path: path.to_owned(), accept: Accept::Success }
    }

    /// A TCP connection to `port`, the port inside the container.
    #[must_use]
    pub fn tcp(port: u16) -> Probe {
        Probe::Tcp { port }
    }

    /// A query to the service's PostgreSQL server.
    #[must_use]
    pub fn sql(query: &str) -> Probe {
        Probe::Sql { port: super::kind::POSTGRES_PORT, query: query.to_owned() }
    }

    /// A command in the container, without a shell.
    #[must_use]
    pub fn exec<S: Into<String>>(argv: impl IntoIterator<Item = S>) -> Probe {
        Probe::Exec { argv: argv.into_iter().map(Into::into).collect() }
    }

    /// A text in the container's log.
    #[must_use]
    pub fn log(text: &str) -> Probe {
        Probe::Log { text: text.to_owned() }
    }

    /// The same question on another port (the one inside the container). Means nothing to `Exec`, `Log` and `Running`.
    #[must_use]
    pub fn on(mut self, new: u16) -> Probe {
        match &mut self {
            Probe::Sql { port, .. } | Probe::Tcp { port } => *port = new,
            Probe::Http { port, .. } => *port = Some(new),
            Probe::Exec { .. } | Probe::Log { .. } | Probe::Running => {}
        }
        self
    }

    /// For [`Probe::Http`]: which answers count.
    #[must_use]
    pub fn accepting(mut self, which: Accept) -> Probe {
        if let Probe::Http { accept, .. } = &mut self {
            *accept = which;
        }
        self
    }

    /// The port inside the container that must be published for the question to be asked.
    pub(crate) fn needs_port(&self) -> Option<u16> {
        match self {
            Probe::Sql { port, .. } | Probe::Tcp { port } => Some(*port),
            Probe::Http { port, .. } => *port,
            Probe::Exec { .. } | Probe::Log { .. } | Probe::Running => None,
        }
    }
}

impl fmt::Display for Probe {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Probe::Sql { port, query } => write!(f, "sql :{port} `{query}`"),
            Probe::Http { port, path, accept } => {
                write!(f, "http GET ")?;
                if let Some(port) = port {
                    write!(f, ":{port}")?;
                }
                write!(f, "{path} {accept}")
            }
            Probe::Tcp { port } => write!(f, "tcp :{port} accepts and stays open"),
            Probe::Exec { argv } => write!(f, "exec `{}` ends with 0", argv.join(" ")),
            Probe::Log { text } => write!(f, "log contains `{text}`"),
            Probe::Running => write!(f, "still runs after half a second, or has ended with 0"),
        }
    }
}

impl fmt::Display for Accept {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Accept::Success => write!(f, "answers 2xx or 3xx"),
            Accept::Status(status) => write!(f, "answers {status}"),
            Accept::Below500 => write!(f, "answers below 500"),
            Accept::GrafanaHealth => write!(f, "says that its database is ok"),
            Accept::ActuatorHealth => write!(f, "says UP, or answers below 500"),
        }
    }
}

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

/// The round trip for a known kind, on its port inside the container.
pub(super) fn round_trip(kind: Kind, port: u16) -> Option<Probe> {
    match kind {
        Kind::Postgres => Some(Probe::Sql { port, query: "SELECT 1".to_owned() }),
        Kind::Grafana => Some(Probe::http("/api/health").on(port).accepting(Accept::GrafanaHealth)),
        Kind::TickerService => {
            Some(Probe::http("/actuator/health").on(port).accepting(Accept::ActuatorHealth))
        }
        Kind::Http => Some(Probe::http("/").on(port).accepting(Accept::Below500)),
        Kind::Other => None,
    }
}
