//! Probes as data. `crate::probe` runs them.

use std::fmt;

use super::Protocol;

pub(super) const POSTGRES_PORT: u16 = 5432;

/// A check that a service must pass to count as ready.
///
/// ```
/// use greenroom::Probe;
///
/// assert_eq!(Probe::http("/health").on(8080).to_string(), "http GET :8080/health answers 2xx or 3xx");
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Probe {
    /// A query to a PostgreSQL server, through the published port, as the user set in the service's environment.
    Sql {
        /// The port inside the container.
        port: u16,
        /// The query. Only its success counts, not its result.
        query: String,
    },
    /// An HTTP request through the published port.
    Http {
        /// The port inside the container. `None`: the service's first published port.
        port: Option<u16>,
        /// The path, with a leading slash.
        path: String,
        /// Which responses count as ready.
        accept: Accept,
    },
    /// A TCP connection through the published port is accepted and stays open.
    Tcp {
        /// The port inside the container.
        port: u16,
    },
    /// A first exchange in a protocol, through the published port, with the service's login if known.
    Protocol {
        /// The port inside the container.
        port: u16,
        /// The protocol.
        protocol: Protocol,
    },
    /// Grafana has saved the dashboards of its provisioning files. It begins with that only after it serves.
    Provisioned {
        /// The port inside the container.
        port: u16,
    },
    /// A command in the container exits with 0.
    Exec {
        /// The program and its arguments, run without a shell.
        argv: Vec<String>,
    },
    /// A line of the container's log contains this text.
    Log {
        /// The text to look for, taken literally.
        text: String,
    },
}

/// Which HTTP responses count as ready.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Accept {
    /// 2xx and 3xx.
    Success,
    /// Exactly this status.
    Status(u16),
    /// Any status below 500: the server runs, even if the path does not exist.
    Below500,
    /// Grafana's `/api/health`: 200 with `"database": "ok"`.
    GrafanaHealth,
    /// Spring Boot's `/actuator/health`: `UP` or, if there is no such endpoint, any status below 500.
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
        Probe::Sql { port: POSTGRES_PORT, query: query.to_owned() }
    }

    /// A first exchange in a protocol, on its usual port.
    #[must_use]
    pub fn protocol(protocol: Protocol) -> Probe {
        Probe::Protocol { port: protocol.port(), protocol }
    }

    /// A command in the container, without a shell.
    #[must_use]
    pub fn exec<S: Into<String>>(argv: impl IntoIterator<Item = S>) -> Probe {
        Probe::Exec { argv: argv.into_iter().map(Into::into).collect() }
    }

    /// A line with this text in the container's log.
    #[must_use]
    pub fn log(text: &str) -> Probe {
        Probe::Log { text: text.to_owned() }
    }

    /// The same probe on another port inside the container. No effect on `Exec` and `Log`.
    #[must_use]
    pub fn on(mut self, new: u16) -> Probe {
        match &mut self {
            Probe::Sql { port, .. }
            | Probe::Tcp { port }
            | Probe::Protocol { port, .. }
            | Probe::Provisioned { port } => *port = new,
            Probe::Http { port, .. } => *port = Some(new),
            Probe::Exec { .. } | Probe::Log { .. } => {}
        }
        self
    }

    /// Sets which responses count as ready. Only has an effect on [`Probe::Http`].
    #[must_use]
    pub fn accepting(mut self, which: Accept) -> Probe {
        if let Probe::Http { accept, .. } = &mut self {
            *accept = which;
        }
        self
    }

    /// The port inside the container that must be published for this probe.
    pub(crate) fn needs_port(&self) -> Option<u16> {
        match self {
            Probe::Sql { port, .. }
            | Probe::Tcp { port }
            | Probe::Protocol { port, .. }
            | Probe::Provisioned { port } => Some(*port),
            Probe::Http { port, .. } => *port,
            Probe::Exec { .. } | Probe::Log { .. } => None,
        }
    }

    /// Whether both probes log in to the same kind of server.
    pub(super) fn logs_in_as(&self, other: &Probe) -> bool {
        match (self, other) {
            (Probe::Sql { .. }, Probe::Sql { .. }) => true,
            (Probe::Protocol { protocol, .. }, Probe::Protocol { protocol: other, .. }) => protocol == other,
            _ => false,
        }
    }
}

#[cfg(any(feature = "http", test))]
impl Accept {
    /// Whether this response counts as ready.
    pub(crate) fn accepts(self, status: u16, body: &str) -> bool {
        let says = |key: &str| {
            serde_json::from_str::<serde_json::Value>(body)
                .ok()
                .and_then(|json| Some(json.get(key)?.as_str()?.to_owned()))
        };
        match self {
            Accept::Success => (200..400).contains(&status),
            Accept::Status(wanted) => status == wanted,
            Accept::Below500 => status < 500,
            Accept::GrafanaHealth => status == 200 && says("database").as_deref() == Some("ok"),
            // A service without an actuator answers 404, perhaps with JSON that has a numeric `status`.
            Accept::ActuatorHealth => status < 500 && says("status").is_none_or(|word| word == "UP"),
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
            Probe::Protocol { port, protocol } => {
                write!(f, "{} :{port} {}", protocol.name(), protocol.words())
            }
            Probe::Provisioned { port } => write!(f, "grafana :{port} has provisioned its dashboards"),
            Probe::Exec { argv } => write!(f, "exec `{}` ends with 0", argv.join(" ")),
            Probe::Log { text } => write!(f, "log contains `{text}`"),
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_are_judged_by_what_the_service_is() {
        for (accept, status, body, ready) in [
            (Accept::Success, 302, "", true),
            (Accept::Success, 404, "", false),
            (Accept::Status(204), 200, "", false),
            (Accept::Below500, 404, "", true),
            (Accept::Below500, 503, "", false),
            (Accept::GrafanaHealth, 200, r#"{"database": "ok"}"#, true),
            (Accept::GrafanaHealth, 503, r#"{"database": "failing"}"#, false),
            (Accept::GrafanaHealth, 200, "<html>", false),
            (Accept::ActuatorHealth, 404, r#"{"status": 404}"#, true),
            (Accept::ActuatorHealth, 200, r#"{"status": "UP"}"#, true),
            (Accept::ActuatorHealth, 200, r#"{"status": "OUT_OF_SERVICE"}"#, false),
            (Accept::ActuatorHealth, 503, r#"{"status": "DOWN"}"#, false),
        ] {
            assert_eq!(accept.accepts(status, body), ready, "{accept:?} {status} {body}");
        }
    }
}
