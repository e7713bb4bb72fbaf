//! Kinds of service: their images, port, login, and the probe that shows that a service is ready.
//!
//! All of this is data: a kind is an entry of the table in `table.rs`, a protocol is a file below `protocol/`. This
//! module does not probe, wait, or read this process's environment. `plan` decides which probe a service gets.

mod grafana;
mod login;
mod probe;
mod protocol;
mod table;

use crate::compose::Service;

pub use login::LoginSettings;
pub use probe::{Accept, Probe};
pub use protocol::Protocol;
pub use table::Kind;

pub(crate) use login::{Login, Setting};
pub(crate) use protocol::{Conversation, Step};

/// The properties of a kind.
///
/// A *setting* is an environment variable or, with leading dashes, a flag of the server's command line.
struct Row {
    /// The names of its images, without registry, namespace and tag. Only whole names match, because
    /// `postgres-exporter` is not PostgreSQL.
    images: &'static [&'static str],
    port: Port,
    /// `None`: this kind has no login.
    login: Option<login::Row>,
    /// The probe that shows that it is ready, on its port inside the container.
    round_trip: fn(u16) -> Probe,
    /// What a service with these settings must answer on the same port as well, after the round trip.
    then: fn(&Service, u16) -> Option<Probe>,
}

/// For kinds whose round trip says everything.
fn nothing_more(_: &Service, _: u16) -> Option<Probe> {
    None
}

/// The port on which a server listens inside its container.
struct Port {
    /// The settings that change the port; the first with a valid port counts.
    settings: &'static [&'static str],
    /// Whether to use the first TCP port that the file publishes, if no setting states one.
    published: bool,
    /// The port if nothing else states one.
    default: u16,
}

impl Kind {
    /// The kind of an image, by its name: `timescale/timescaledb-ha:pg16-ts2.14` is [`Kind::Postgres`].
    #[must_use]
    pub fn of_image(reference: &str) -> Kind {
        let name = reference.rsplit('/').next().unwrap_or(reference);
        let name = name.split(['@', ':']).next().unwrap_or(name);
        Kind::ALL.iter().copied().find(|kind| kind.images().contains(&name)).unwrap_or(Kind::Other)
    }

    /// The names of its images, without registry, namespace and tag.
    #[must_use]
    pub fn images(self) -> &'static [&'static str] {
        self.row().map_or(&[], |row| row.images)
    }

    /// The port inside the container on which a service of this kind listens.
    pub(crate) fn port(self, service: &Service) -> Option<u16> {
        let Port { settings, published, default } = &self.row()?.port;
        let set = settings.iter().find_map(|name| stated(service, name)?.parse().ok());
        Some(set.or_else(|| first_tcp_port(service).filter(|_| *published)).unwrap_or(*default))
    }

    /// The probe that shows that a service of this kind is ready.
    pub(crate) fn round_trip(self, port: u16) -> Option<Probe> {
        self.row().map(|row| (row.round_trip)(port))
    }

    /// What `service` must answer as well, after the round trip.
    pub(crate) fn then(self, service: &Service, port: u16) -> Option<Probe> {
        self.row().and_then(|row| (row.then)(service, port))
    }

    /// The kind whose login `probe` needs. It differs from `self` if the image's name does not show the real kind, for
    /// example for an SQL probe of a PostgreSQL server with an unusual image.
    pub(crate) fn asked_by(self, probe: &Probe) -> Kind {
        let is_own = |kind: &Kind| kind.round_trip(0).is_some_and(|own| own.logs_in_as(probe));
        if is_own(&self) {
            return self;
        }
        Kind::ALL.iter().copied().find(is_own).unwrap_or(self)
    }
}

/// The container port of the first TCP port that the file publishes.
pub(crate) fn first_tcp_port(service: &Service) -> Option<u16> {
    service.ports.iter().find(|port| port.protocol == "tcp").map(|port| port.target)
}

/// The file's value for a setting, unless it is empty.
fn stated<'a>(service: &'a Service, setting: &str) -> Option<&'a str> {
    let value = match setting.starts_with('-') {
        true => flag(service, setting),
        false => service.environment.get(setting)?.as_deref(),
    };
    value.filter(|value| !value.is_empty())
}

/// The value of a flag on the service's command line: `--port 1` or `--port=1`.
fn flag<'a>(service: &'a Service, flag: &str) -> Option<&'a str> {
    let mut words = [&service.entrypoint, &service.command].into_iter().flatten().flatten();
    while let Some(word) = words.next() {
        match word.strip_prefix(flag) {
            Some("") => return words.next().map(String::as_str),
            Some(rest) if rest.starts_with('=') => return Some(&rest[1..]),
            _ => {}
        }
    }
    None
}

#[cfg(test)]
mod tests;
