//! The part of Grafana's HTTP API that tests of a stack need.
//!
//! <https://grafana.com/docs/grafana/latest/developers/http_api/>. Grafana 9 and later have all of these endpoints. An older
//! one answers in ways of its own, so an answer that makes no sense leads to a look at the version.

use std::ops::Deref;

use reqwest::{Method, RequestBuilder, Response, StatusCode};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use super::{Http, HttpClient};
use crate::Error;
use crate::kind::{Kind, Login};
use crate::stack::Stack;

/// The oldest major version that answers as this module expects.
const OLDEST: u32 = 9;

/// A Grafana server and its administrator's login. Dereferences to [`Http`].
#[derive(Clone)]
pub struct Grafana {
    http: Http,
    login: HttpLogin,
}

/// A login for requests.
#[derive(Clone)]
struct HttpLogin {
    user: String,
    password: String,
    from: LoginFrom,
}

/// Who stated a login.
#[derive(Clone, Copy)]
enum LoginFrom {
    File,
    /// The caller of [`Grafana::with_login`].
    Caller,
}

/// Grafana's report of its own health.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[non_exhaustive]
pub struct GrafanaHealth {
    /// `ok` when Grafana reaches its own database.
    pub database: String,
    /// Grafana's version. A fallback image says here that it is a fallback. Empty if Grafana hides its version
    /// (`GF_AUTH_ANONYMOUS_HIDE_VERSION`).
    #[serde(default)]
    pub version: String,
    /// The commit that Grafana was built from.
    #[serde(default)]
    pub commit: String,
}

/// A data source.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[non_exhaustive]
#[serde(rename_all = "camelCase")]
pub struct DataSource {
    /// The numeric ID.
    pub id: i64,
    /// The stable identifier, used for queries and health checks.
    pub uid: String,
    /// The display name.
    pub name: String,
    /// The type: `postgres`, `prometheus`, …
    #[serde(rename = "type")]
    pub kind: String,
    /// The address at which Grafana reaches the data source.
    #[serde(default)]
    pub url: String,
    /// The database.
    #[serde(default)]
    pub database: String,
    /// The user.
    #[serde(default)]
    pub user: String,
    /// Whether the data source was provisioned from a file and cannot be changed through the API.
    #[serde(default)]
    pub read_only: bool,
}

/// The result of a data source's health check.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[non_exhaustive]
pub struct DataSourceHealth {
    /// `OK` or `ERROR`.
    pub status: String,
    /// The reason.
    #[serde(default)]
    pub message: String,
}

impl DataSourceHealth {
    /// Whether Grafana reaches the data source and may query it.
    #[must_use]
    pub fn is_ok(&self) -> bool {
        self.status == "OK"
    }
}

/// A table in the result of a query, stored by column.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Frame {
    /// The columns' names.
    pub columns: Vec<String>,
    /// The columns' types, as Grafana names them: `number`, `string`, `time`, `boolean`.
    pub types: Vec<String>,
    /// The values, one list per column; times are milliseconds since 1970.
    pub values: Vec<Vec<Value>>,
}

impl Frame {
    /// The number of rows.
    #[must_use]
    pub fn len(&self) -> usize {
        self.values.first().map_or(0, Vec::len)
    }

    /// Whether the table has no rows.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The values of the column with this name.
    #[must_use]
    pub fn column(&self, name: &str) -> Option<&[Value]> {
        let index = self.columns.iter().position(|column| column == name)?;
        self.values.get(index).map(Vec::as_slice)
    }
}

impl Stack {
    /// A Grafana server.
    ///
    /// # Errors
    ///
    /// The file has no such service, or it is not Grafana.
    pub fn grafana(&self, name: &str) -> Result<Grafana, Error> {
        let (_, login) = self.login(name, Kind::Grafana, "Grafana")?;
        Ok(Grafana::new(self.http(name)?, login))
    }
}

impl GrafanaHealth {
    /// Whether the version is known and older than the handle can use.
    fn is_too_old(&self) -> bool {
        let major = self.version.split('.').next().and_then(|major| major.parse::<u32>().ok());
        major.is_some_and(|major| major < OLDEST)
    }
}

impl Grafana {
    pub(super) fn new(http: Http, login: Login) -> Grafana {
        let Login { user, password, .. } = login;
        let login = HttpLogin { user, password: password.unwrap_or_default(), from: LoginFrom::File };
        Grafana { http, login }
    }

    /// The administrator's name, or the user given to [`with_login`](Grafana::with_login).
    #[must_use]
    pub fn user(&self) -> &str {
        &self.login.user
    }

    /// The same server with another user's login, for testing that user's permissions.
    #[must_use]
    pub fn with_login(&self, user: &str, password: &str) -> Grafana {
        let login =
            HttpLogin { user: user.to_owned(), password: password.to_owned(), from: LoginFrom::Caller };
        Grafana { http: self.http.clone(), login }
    }

    /// `/api/health`, which needs no login.
    ///
    /// # Errors
    ///
    /// There was no answer, or the answer was not Grafana's.
    pub async fn health(&self) -> Result<GrafanaHealth, Error> {
        let operation = "ask for the health of";
        let said = Said::of(self.http.get("/api/health").await?, self.service()).await?;
        said.parse().map_err(|unfit| unfit.into_error(operation, self.service(), &self.login))
    }

    /// A client that is logged in, on the caller's runtime.
    ///
    /// # Errors
    ///
    /// As [`Http::client`].
    pub fn client(&self) -> Result<GrafanaClient, Error> {
        Ok(GrafanaClient {
            http: self.http.client()?,
            login: self.login.clone(),
            service: self.service().to_owned(),
        })
    }
}

impl std::fmt::Debug for Grafana {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Grafana")
            .field("http", &self.http)
            .field("user", &self.user())
            .finish_non_exhaustive()
    }
}

impl Deref for Grafana {
    type Target = Http;

    fn deref(&self) -> &Http {
        &self.http
    }
}

/// Grafana's API, logged in. Its own methods need Grafana 9 or newer, and say so if Grafana is older.
#[derive(Clone)]
pub struct GrafanaClient {
    http: HttpClient,
    login: HttpLogin,
    service: String,
}

impl std::fmt::Debug for GrafanaClient {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("GrafanaClient")
            .field("service", &self.service)
            .field("user", &self.login.user)
            .finish_non_exhaustive()
    }
}

impl GrafanaClient {
    /// An authenticated request to any endpoint. Complete and send it with reqwest's own methods.
    pub fn request(&self, method: Method, path: &str) -> RequestBuilder {
        self.http.request(method, path).basic_auth(&self.login.user, Some(&self.login.password))
    }

    /// All data sources.
    ///
    /// # Errors
    ///
    /// There was no answer, or Grafana refused.
    pub async fn data_sources(&self) -> Result<Vec<DataSource>, Error> {
        let path = "/api/datasources";
        let said = self.send(self.request(Method::GET, path), path).await?;
        self.read(&said, "list the data sources of").await
    }

    /// Asks Grafana to check that it reaches a data source and may query it.
    ///
    /// # Errors
    ///
    /// There was no answer, or there is no such data source. A failed check is not an error:
    /// [`DataSourceHealth::is_ok`] is then `false`.
    pub async fn data_source_health(&self, uid: &str) -> Result<DataSourceHealth, Error> {
        let path = format!("/api/datasources/uid/{uid}/health");
        let said = self.send(self.request(Method::GET, &path), &path).await?;
        // Grafana answers 400 for a check that failed, with the same body.
        match serde_json::from_slice(&said.body) {
            Ok(health) if said.status == StatusCode::BAD_REQUEST => Ok(health),
            _ => self.read(&said, "check a data source of").await,
        }
    }

    /// Runs a SQL query through a PostgreSQL data source. Grafana's time macros cover the last hour.
    ///
    /// # Errors
    ///
    /// There was no answer, or Grafana or the database refused the query.
    pub async fn query(&self, uid: &str, sql: &str) -> Result<Vec<Frame>, Error> {
        let body = json!({
            "from": "now-1h",
            "to": "now",
            "queries": [{"refId": "A", "datasource": {"uid": uid}, "rawSql": sql, "format": "table"}],
        });
        let path = "/api/ds/query";
        let said = self.send(self.request(Method::POST, path).json(&body), path).await?;
        let answer: Value = self.read(&said, "query through").await?;
        let result = &answer["results"]["A"];
        if let Some(error) = result["error"].as_str() {
            return Err(Error::query_failed(&self.service, error));
        }
        result["frames"].as_array().into_iter().flatten().map(|frame| self.frame(frame)).collect()
    }

    async fn send(&self, request: RequestBuilder, path: &str) -> Result<Said, Error> {
        Said::of(self.http.send(request, path).await?, &self.service).await
    }

    /// Parses an answer. If it makes no sense, the version may explain that.
    async fn read<T: DeserializeOwned>(&self, said: &Said, operation: &str) -> Result<T, Error> {
        let unfit = match said.parse() {
            Ok(answer) => return Ok(answer),
            Err(unfit) => unfit,
        };
        let too_old = match said.status {
            StatusCode::OK | StatusCode::NOT_FOUND | StatusCode::INTERNAL_SERVER_ERROR => {
                self.too_old(operation).await
            }
            _ => None,
        };
        Err(match too_old {
            Some(too_old) => too_old.with_detail(format!("its answer: {unfit}")),
            None => unfit.into_error(operation, &self.service, &self.login),
        })
    }

    /// The error that says that Grafana is too old, if it is.
    async fn too_old(&self, operation: &str) -> Option<Error> {
        let path = "/api/health";
        let said = self.send(self.request(Method::GET, path), path).await.ok()?;
        let health = said.parse::<GrafanaHealth>().ok().filter(GrafanaHealth::is_too_old)?;
        Some(Error::grafana_too_old(operation, &self.service, &health.version, OLDEST))
    }

    fn frame(&self, frame: &Value) -> Result<Frame, Error> {
        let fields = frame["schema"]["fields"].as_array();
        let values = frame["data"]["values"].as_array();
        let (Some(fields), Some(values)) = (fields, values) else {
            let why = "a data frame without fields or values";
            return Err(Error::unexpected_answer("query through", &self.service, why));
        };
        let named = |key: &str| {
            fields.iter().map(|field| field[key].as_str().unwrap_or_default().to_owned()).collect()
        };
        Ok(Frame {
            columns: named("name"),
            types: named("type"),
            values: values.iter().map(|column| column.as_array().cloned().unwrap_or_default()).collect(),
        })
    }
}

#[cfg(feature = "postgres")]
impl GrafanaClient {
    /// Creates a PostgreSQL data source for a database of the same stack. Grafana reaches it inside the stack's network,
    /// by the service's name.
    ///
    /// # Errors
    ///
    /// There was no answer, or Grafana refused, for example because a data source of that name exists.
    pub async fn create_postgres_data_source(
        &self,
        name: &str,
        database: &super::Postgres,
    ) -> Result<DataSource, Error> {
        /// The part of Grafana's answer that holds the new data source.
        #[derive(Deserialize)]
        struct Created {
            datasource: DataSource,
        }
        let operation = "create a data source in";
        // An old Grafana would create it, and its answer would not be understood.
        if let Some(too_old) = self.too_old(operation).await {
            return Err(too_old);
        }
        let login = database.login();
        let source = json!({
            "name": name,
            "type": "postgres",
            "access": "proxy",
            "url": database.internal_address(),
            "user": login.user,
            "database": login.database,
            // Grafana 10 and later read the database from `jsonData`; earlier versions read it from the field above.
            "jsonData": {"sslmode": "disable", "timescaledb": true, "postgresVersion": 1500, "database": login.database},
            "secureJsonData": {"password": login.password},
        });
        let path = "/api/datasources";
        let said = self.send(self.request(Method::POST, path).json(&source), path).await?;
        self.read::<Created>(&said, operation).await.map(|created| created.datasource)
    }
}

/// A complete answer.
struct Said {
    status: StatusCode,
    body: Vec<u8>,
}

/// Why an answer is not the one that was expected.
enum Unfit {
    NotParsed(serde_json::Error),
    /// Grafana refused, for this reason.
    Refused(StatusCode, String),
}

impl Said {
    async fn of(response: Response, service: &str) -> Result<Said, Error> {
        let status = response.status();
        let body = response.bytes().await;
        let body = body.map_err(|error| Error::answer_broke_off(service, error.without_url()))?;
        Ok(Said { status, body: body.into() })
    }

    /// Parses the body, or finds Grafana's error message in it.
    fn parse<T: DeserializeOwned>(&self) -> Result<T, Unfit> {
        if self.status.is_success() {
            return serde_json::from_slice(&self.body).map_err(Unfit::NotParsed);
        }
        Err(Unfit::Refused(self.status, self.reason()))
    }

    fn reason(&self) -> String {
        let json = serde_json::from_slice::<Value>(&self.body).unwrap_or_default();
        let message = json.get("message").or_else(|| json["results"]["A"].get("error"));
        match message.and_then(Value::as_str) {
            Some(message) => message.to_owned(),
            None => String::from_utf8_lossy(&self.body).chars().take(200).collect(),
        }
    }
}

impl std::fmt::Display for Unfit {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Unfit::NotParsed(error) => write!(f, "not what was asked for: {error}"),
            Unfit::Refused(status, reason) => write!(f, "HTTP {}: {reason}", status.as_u16()),
        }
    }
}

impl Unfit {
    fn into_error(self, operation: &str, service: &str, login: &HttpLogin) -> Error {
        match (self, login.from) {
            (Unfit::NotParsed(error), _) => Error::unexpected_answer(operation, service, error),
            (Unfit::Refused(StatusCode::UNAUTHORIZED, reason), LoginFrom::Caller) => {
                Error::login_refused_by_grafana(operation, service, &login.user, &reason)
            }
            (Unfit::Refused(status, reason), _) => {
                Error::refused_by_grafana(operation, service, status.as_u16(), &reason)
            }
        }
    }
}

#[cfg(all(test, feature = "postgres"))]
mod tests;
