//! What a service is, told from its image's name.

use serde::Deserialize;

use super::PlannedFile;
use crate::compose::Service;

pub(crate) const POSTGRES_PORT: u16 = 5432;

/// What greenroom knows a service to be; decides its probe and which handle it has.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Kind {
    /// PostgreSQL and its family: TimescaleDB, PostGIS, pgvector, …
    Postgres,
    /// Grafana.
    Grafana,
    /// The ticker-service of this project's own stack.
    TickerService,
    /// A web server.
    Http,
    /// Anything else: no round trip is known.
    Other,
}

/// Image names, without registry, namespace and tag, by kind.
const IMAGES: [(Kind, &[&str]); 4] = [
    (
        Kind::Postgres,
        &[
            "postgres",
            "postgresql",
            "timescaledb",
            "timescaledb-ha",
            "postgis",
            "pgvector",
            "pgvecto-rs",
            "citus",
            "paradedb",
        ],
    ),
    (Kind::Grafana, &["grafana", "grafana-oss", "grafana-enterprise"]),
    (Kind::TickerService, &["polygon-ticker-service"]),
    (Kind::Http, &["nginx", "httpd", "caddy"]),
];

impl Kind {
    /// The kind of an image by its name: `timescale/timescaledb-ha:pg16-ts2.14` is of the PostgreSQL family.
    #[must_use]
    pub fn of_image(reference: &str) -> Kind {
        let name = reference.rsplit('/').next().unwrap_or(reference);
        let name = name.split(['@', ':']).next().unwrap_or(name);
        IMAGES.iter().find(|(_, names)| names.contains(&name)).map_or(Kind::Other, |(kind, _)| *kind)
    }

    /// The port inside the container on which a service of this kind listens, by its environment or by default.
    pub(crate) fn port(self, service: &Service) -> Option<u16> {
        let set = |name: &str| service.environment.get(name)?.as_deref()?.parse().ok();
        match self {
            Kind::Postgres => {
                Some(set("PGPORT").or_else(|| set("POSTGRESQL_PORT_NUMBER")).unwrap_or(POSTGRES_PORT))
            }
            Kind::Grafana => Some(set("GF_SERVER_HTTP_PORT").unwrap_or(3000)),
            Kind::TickerService => Some(set("SERVER_PORT").unwrap_or(8080)),
            // A web server that publishes a port serves on it; these images listen on 80 by default.
            Kind::Http => Some(first_tcp_port(service).unwrap_or(80)),
            Kind::Other => None,
        }
    }
}

/// The container port of the first TCP port that the file publishes.
pub(crate) fn first_tcp_port(service: &Service) -> Option<u16> {
    service.ports.iter().find(|port| port.protocol == "tcp").map(|port| port.target)
}

/// How to log in to a PostgreSQL service, by the variables that its image reads.
///
/// <https://hub.docker.com/_/postgres> ("Environment Variables"); Bitnami's image has names of its own.
#[derive(Clone, PartialEq, Eq)]
pub struct PostgresLogin {
    pub(crate) user: Setting,
    pub(crate) password: Option<Setting>,
    pub(crate) database: Option<Setting>,
}

/// A value, or the file inside the container that holds it (`POSTGRES_PASSWORD_FILE`).
#[derive(Clone, PartialEq, Eq)]
pub(crate) enum Setting {
    Value(String),
    File(String),
}

impl Setting {
    /// What lies at `path` inside the container, where that is a secret or config of the service; else the path.
    fn of_file(path: String, files: &[PlannedFile]) -> Setting {
        match files.iter().find_map(|file| file.text_at(&path)) {
            Some(text) => Setting::Value(text.to_owned()),
            None => Setting::File(path),
        }
    }
}

impl PostgresLogin {
    pub(super) fn of(service: &Service, files: &[PlannedFile]) -> PostgresLogin {
        let setting = |names: &[&str]| {
            names.iter().find_map(|name| {
                let value = |name: &str| {
                    service.environment.get(name).cloned().flatten().filter(|value| !value.is_empty())
                };
                value(name)
                    .map(Setting::Value)
                    .or_else(|| value(&format!("{name}_FILE")).map(|path| Setting::of_file(path, files)))
            })
        };
        PostgresLogin {
            user: setting(&["POSTGRES_USER", "POSTGRESQL_USERNAME"])
                .unwrap_or_else(|| Setting::Value("postgres".to_owned())),
            password: setting(&["POSTGRES_PASSWORD", "POSTGRESQL_PASSWORD"]),
            database: setting(&["POSTGRES_DB", "POSTGRESQL_DATABASE"]),
        }
    }
}

impl std::fmt::Debug for PostgresLogin {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("PostgresLogin(hidden)")
    }
}
