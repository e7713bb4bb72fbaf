//! A PostgreSQL server.

use sqlx::postgres::{PgConnectOptions, PgPool, PgPoolOptions};

use crate::Error;
use crate::address::Address;
use crate::compose::HIDDEN;
use crate::kind::{Kind, Login};
use crate::probe::connect_options;
use crate::stack::Stack;

/// The maximum size of a pool: enough for a test, and small enough for many tests to share a server's 100 connections.
const POOL_SIZE: u32 = 5;

/// A PostgreSQL server that has answered a query, and its login.
#[derive(Clone, Debug)]
pub struct Postgres {
    service: String,
    address: Address,
    container_port: u16,
    login: Login,
}

/// A connection URL. `Display` hides the password; [`expose`](ConnectionUrl::expose) shows it.
#[derive(Clone, PartialEq, Eq)]
pub struct ConnectionUrl {
    exposed: String,
    hidden: String,
}

impl ConnectionUrl {
    /// The URL with its password, for a program that needs it.
    #[must_use]
    pub fn expose(&self) -> &str {
        &self.exposed
    }
}

impl std::fmt::Display for ConnectionUrl {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.hidden)
    }
}

impl std::fmt::Debug for ConnectionUrl {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.hidden)
    }
}

impl Stack {
    /// A service of the PostgreSQL family.
    ///
    /// # Errors
    ///
    /// The file has no such service, or the service is not of that family.
    pub fn postgres(&self, name: &str) -> Result<Postgres, Error> {
        let (port, login) = self.login(name, Kind::Postgres, "a PostgreSQL server")?;
        Ok(Postgres::new(name, self.find(name)?.address(port)?.clone(), port, login))
    }
}

impl Postgres {
    pub(super) fn new(service: &str, address: Address, container_port: u16, login: Login) -> Postgres {
        Postgres { service: service.to_owned(), address, container_port, login }
    }

    /// The service's name.
    #[must_use]
    pub fn service(&self) -> &str {
        &self.service
    }

    /// The address to dial from this machine.
    #[must_use]
    pub fn host(&self) -> &str {
        &self.address.host
    }

    /// The port on this machine.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.address.port
    }

    /// The address at which the other services of the stack reach the server: `service:port`.
    #[must_use]
    pub fn internal_address(&self) -> String {
        format!("{}:{}", self.service, self.container_port)
    }

    /// The user.
    #[must_use]
    pub fn user(&self) -> &str {
        &self.login.user
    }

    /// The database.
    #[must_use]
    pub fn database(&self) -> &str {
        &self.login.database
    }

    /// `postgres://user:password@127.0.0.1:port/database`.
    #[must_use]
    pub fn url(&self) -> ConnectionUrl {
        let with = |password: Option<&str>| {
            let user = encode(&self.login.user);
            let password = password.map(|password| format!(":{password}")).unwrap_or_default();
            format!("postgres://{user}{password}@{}/{}", self.address, encode(&self.login.database))
        };
        let password = self.login.password.as_deref().map(encode);
        ConnectionUrl { exposed: with(password.as_deref()), hidden: with(password.as_ref().map(|_| HIDDEN)) }
    }

    /// The connection options for sqlx.
    #[must_use]
    pub fn connect_options(&self) -> PgConnectOptions {
        connect_options(&self.address, &self.login)
    }

    /// A pool on the caller's runtime, with one connection established.
    ///
    /// # Errors
    ///
    /// The server no longer accepts the connection or the login.
    pub async fn pool(&self) -> Result<PgPool, Error> {
        PgPoolOptions::new()
            .max_connections(POOL_SIZE)
            .connect_with(self.connect_options())
            .await
            .map_err(|error| self.failed("connect to", error))
    }

    pub(super) fn failed(&self, operation: &str, error: sqlx::Error) -> Error {
        Error::postgres(operation, &self.service, &self.url(), error)
    }

    #[cfg(feature = "grafana")]
    pub(super) fn login(&self) -> &Login {
        &self.login
    }
}

/// Percent-encodes a part of a URL's authority or path.
fn encode(text: &str) -> String {
    url::form_urlencoded::byte_serialize(text.as_bytes()).collect::<String>().replace('+', "%20")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_url_shows_its_password_only_when_asked() {
        let login = Login {
            user: "me".to_owned(),
            password: Some("p@ss/word 1".to_owned()),
            database: "db".to_owned(),
        };
        let db = Postgres::new("db", Address::new("127.0.0.1", 49153), 5432, login);
        assert_eq!(db.url().to_string(), "postgres://me:***@127.0.0.1:49153/db");
        assert_eq!(db.url().expose(), "postgres://me:p%40ss%2Fword%201@127.0.0.1:49153/db");
        assert!(!format!("{db:?} {:?}", db.url()).contains("p@ss"));
    }
}
