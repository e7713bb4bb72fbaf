//! A query to a PostgreSQL server.

use sqlx::postgres::{PgConnectOptions, PgConnection, PgDatabaseError, PgSslMode};
use sqlx::{Connection, Executor};

use crate::address::Address;
use crate::kind::Login;
use crate::poll::Answer;

/// The options for sqlx. `PgConnectOptions` starts from the process's `PG*` variables, which must not leak into a test,
/// so every option that matters is set here.
pub(crate) fn connect_options(address: &Address, login: &Login) -> PgConnectOptions {
    let options = PgConnectOptions::new_without_pgpass()
        .host(&address.host)
        .port(address.port)
        .username(&login.user)
        .database(&login.database)
        .ssl_mode(PgSslMode::Prefer);
    // An empty password counts as none. One from PGPASSWORD would hide that the stack needs none.
    options.password(login.password.as_deref().unwrap_or_default())
}

pub(super) async fn ask(address: &Address, login: Option<&Login>, query: &str) -> Answer {
    let Some(login) = login else {
        return Answer::Never("its login is not known".to_owned());
    };
    let options = connect_options(address, login);
    let mut connection = match PgConnection::connect_with(&options).await {
        Ok(connection) => connection,
        Err(error) => return judge(&error, address),
    };
    // Not a prepared statement: the user's query may consist of several.
    match connection.execute(sqlx::AssertSqlSafe(query)).await {
        Ok(_) => {
            // The query was answered; a failed close does not matter.
            let _ = connection.close().await;
            Answer::Ready
        }
        Err(error) => judge(&error, address),
    }
}

/// Distinguishes the errors of a server that is still starting from those that no waiting resolves.
/// <https://www.postgresql.org/docs/current/errcodes-appendix.html>
fn judge(error: &sqlx::Error, address: &Address) -> Answer {
    let Some(database) =
        error.as_database_error().and_then(|error| error.try_downcast_ref::<PgDatabaseError>())
    else {
        return Answer::NotYet(match error {
            // Without sqlx's prefix "error communicating with database: ".
            sqlx::Error::Io(error) => format!("{error} ({address})"),
            error => format!("{error} ({address})"),
        });
    };
    let seen = format!("{} (SQLSTATE {}, {address})", database.message(), database.code());
    match database.code() {
        // invalid_authorization_specification, invalid_password: roles exist before the port opens.
        "28000" | "28P01" => Answer::Never(seen),
        _ => Answer::NotYet(seen),
    }
}
