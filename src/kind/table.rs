//! The table of kinds.

use super::login::{self, Field, Otherwise};
use super::probe::POSTGRES_PORT;
use super::{Accept, Port, Probe, Protocol, Row, grafana, nothing_more};

/// Generates [`Kind`] from the table. An entry is the variant's docs, the variant, its name in `x-greenroom: kind:`, and
/// its row.
macro_rules! kinds {
    ($($(#[doc = $doc:literal])+ $kind:ident $name:literal $row:expr;)+) => {
        /// The kind of a service. It decides the service's probe and handle.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, serde::Deserialize)]
        #[non_exhaustive]
        pub enum Kind {
            $($(#[doc = $doc])+ #[serde(rename = $name)] $kind,)+
            /// Any other service: no round trip is known.
            #[serde(rename = "other")]
            Other,
        }

        impl Kind {
            /// All kinds.
            pub const ALL: &[Kind] = &[$(Kind::$kind,)+ Kind::Other];

            /// Its name in `x-greenroom: kind:`.
            #[must_use]
            pub fn name(self) -> &'static str {
                match self {
                    $(Kind::$kind => $name,)+
                    Kind::Other => "other",
                }
            }

            pub(super) fn row(self) -> Option<&'static Row> {
                match self {
                    $(Kind::$kind => {
                        static ROW: Row = $row;
                        Some(&ROW)
                    })+
                    Kind::Other => None,
                }
            }
        }
    };
}

kinds! {
    /// PostgreSQL and its family: TimescaleDB, PostGIS, pgvector, …
    Postgres "postgres" Row {
        images: &[
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
        port: Port { settings: &["PGPORT", "POSTGRESQL_PORT_NUMBER"], published: false, default: POSTGRES_PORT },
        // <https://hub.docker.com/_/postgres> ("Environment Variables"); Bitnami's image has names of its own.
        login: Some(login::Row {
            user: Field(&["POSTGRES_USER", "POSTGRESQL_USERNAME"], Otherwise::Is("postgres")),
            password: Field(&["POSTGRES_PASSWORD", "POSTGRESQL_PASSWORD"], Otherwise::Nothing),
            database: Field(&["POSTGRES_DB", "POSTGRESQL_DATABASE"], Otherwise::AsUser),
            file_suffix: "_FILE",
        }),
        round_trip: |port| Probe::sql("SELECT 1").on(port),
        then: nothing_more,
    };

    /// Grafana.
    Grafana "grafana" Row {
        images: &["grafana", "grafana-oss", "grafana-enterprise"],
        port: Port { settings: &["GF_SERVER_HTTP_PORT"], published: false, default: 3000 },
        login: Some(login::Row {
            user: Field(&["GF_SECURITY_ADMIN_USER"], Otherwise::Is("admin")),
            password: Field(&["GF_SECURITY_ADMIN_PASSWORD"], Otherwise::Is("admin")),
            database: Field(&[], Otherwise::Nothing),
            file_suffix: "__FILE",
        }),
        round_trip: |port| Probe::http("/api/health").on(port).accepting(Accept::GrafanaHealth),
        then: grafana::provisions,
    };

    /// The ticker-service of this project's own stack.
    TickerService "ticker-service" Row {
        images: &["polygon-ticker-service"],
        port: Port { settings: &["SERVER_PORT"], published: false, default: 8080 },
        login: None,
        round_trip: |port| Probe::http("/actuator/health").on(port).accepting(Accept::ActuatorHealth),
        then: nothing_more,
    };

    /// A web server.
    Http "http" Row {
        images: &["nginx", "httpd", "caddy"],
        port: Port { settings: &[], published: true, default: 80 },
        login: None,
        round_trip: |port| Probe::http("/").on(port).accepting(Accept::Below500),
        then: nothing_more,
    };

    /// Memcached.
    Memcached "memcached" Row {
        images: &["memcached"],
        port: Port { settings: &["--port", "-p"], published: false, default: 11211 },
        login: None,
        round_trip: |port| Probe::protocol(Protocol::Memcached).on(port),
        then: nothing_more,
    };

    /// Redis and compatible servers: Valkey, KeyDB, Dragonfly, Garnet.
    Redis "redis" Row {
        images: &["redis", "redis-stack", "redis-stack-server", "valkey", "keydb", "dragonfly", "garnet"],
        port: Port {
            settings: &["--port", "REDIS_PORT_NUMBER", "VALKEY_PORT_NUMBER"],
            published: false,
            default: 6379,
        },
        // Only Bitnami's images read variables; the official images do not.
        login: Some(login::Row {
            user: Field(&[], Otherwise::Nothing),
            password: Field(&["--requirepass", "REDIS_PASSWORD", "VALKEY_PASSWORD"], Otherwise::Nothing),
            database: Field(&[], Otherwise::Is("0")),
            file_suffix: "_FILE",
        }),
        round_trip: |port| Probe::protocol(Protocol::Redis).on(port),
        then: nothing_more,
    };
}
