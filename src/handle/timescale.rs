//! A TimescaleDB server.

use std::ops::Deref;

use sqlx::postgres::PgConnection;
use sqlx::{Connection, Row};

use super::Postgres;
use crate::Error;
use crate::stack::Stack;

/// A PostgreSQL server with the TimescaleDB extension. Dereferences to [`Postgres`].
#[derive(Clone, Debug)]
pub struct Timescale {
    postgres: Postgres,
}

/// A table that TimescaleDB partitions by time.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Hypertable {
    /// The schema.
    pub schema: String,
    /// The table.
    pub name: String,
    /// The number of dimensions that partition the table.
    pub dimensions: i16,
    /// The number of chunks.
    pub chunks: i64,
}

impl Stack {
    /// A TimescaleDB server: a service of the PostgreSQL family whose image has the extension.
    ///
    /// # Errors
    ///
    /// As [`postgres`](Stack::postgres).
    pub fn timescale(&self, name: &str) -> Result<Timescale, Error> {
        self.postgres(name).map(Timescale::new)
    }
}

impl Timescale {
    pub(super) fn new(postgres: Postgres) -> Timescale {
        Timescale { postgres }
    }

    /// The version of the extension in the handle's database, such as `2.19.3`; `None` if the extension is not created
    /// there.
    ///
    /// # Errors
    ///
    /// The server does not answer.
    pub async fn extension_version(&self) -> Result<Option<String>, Error> {
        let asked = async {
            let mut connection = PgConnection::connect_with(&self.connect_options()).await?;
            let row = sqlx::query("SELECT extversion FROM pg_extension WHERE extname = 'timescaledb'")
                .fetch_optional(&mut connection)
                .await?;
            connection.close().await?;
            row.map(|row| row.try_get(0)).transpose()
        };
        asked.await.map_err(|error| self.failed("ask for the extension of", error))
    }

    /// The hypertables of the handle's database, by name.
    /// <https://docs.timescale.com/api/latest/informational-views/hypertables/>
    ///
    /// # Errors
    ///
    /// The server does not answer, or the extension is not created in the database.
    pub async fn hypertables(&self) -> Result<Vec<Hypertable>, Error> {
        const QUERY: &str = "SELECT hypertable_schema::text, hypertable_name::text, num_dimensions, num_chunks \
             FROM timescaledb_information.hypertables ORDER BY 1, 2";
        let asked = async {
            let mut connection = PgConnection::connect_with(&self.connect_options()).await?;
            let rows = sqlx::query(QUERY).fetch_all(&mut connection).await?;
            connection.close().await?;
            rows.iter()
                .map(|row| {
                    Ok(Hypertable {
                        schema: row.try_get(0)?,
                        name: row.try_get(1)?,
                        dimensions: row.try_get(2)?,
                        chunks: row.try_get(3)?,
                    })
                })
                .collect::<Result<Vec<_>, sqlx::Error>>()
        };
        asked.await.map_err(|error| self.failed("list the hypertables of", error))
    }
}

impl Deref for Timescale {
    type Target = Postgres;

    fn deref(&self) -> &Postgres {
        &self.postgres
    }
}
