//! The part of Grafana's HTTP API that tests of a stack need.
//!
//! <https://grafana.com/docs/grafana/latest/developers/http_api/>. Grafana 9 and later have all of these endpoints.

use std::ops::Deref;

use reqwest::{Method, RequestBuilder, Response};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use super::{Http, HttpClient};
use crate::Error;
use crate::kind::{Kind, Login};
use crate::stack::Stack;

/// A Grafana server and its administrator's login. Dereferences to [`Http`].
#[derive(Clone)]
pub struct Grafana {
    http: Http,
    user: String,
    password: String,
}

/// Grafana's report of its own health.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[non_exhaustive]
pub struct GrafanaHealth {
    /// `ok` when Grafana reaches its own database.
    pub database: String,
    /// Grafana's version. A fallback image says here that it is a fallback.
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

impl Grafana {
    pub(super) fn new(http: Http, login: Login) -> Grafana {
        Grafana { http, user: login.user, password: login.password.unwrap_or_default() }
    }

    /// The administrator's name.
    #[must_use]
    pub fn user(&self) -> &str {
        &self.user
    }

    /// The same server with another user's login, for testing that user's permissions.
    #[must_use]
    pub fn with_login(&self, user: &str, password: &str) -> Grafana {
        Grafana { http: self.http.clone(), user: user.to_owned(), password: password.to_owned() }
    }

    /// `/api/health`, which needs no login.
    ///
    /// # Errors
    ///
    /// There was no answer, or the answer was not Grafana's.
    pub async fn health(&self) -> Result<GrafanaHealth, Error> {
        read(self.http.get("/api/health").await?, "ask for the health of", self.service()).await
    }

    /// A client that is logged in as the administrator, on the caller's runtime.
    ///
    /// # Errors
    ///
    /// As [`Http::client`].
    pub fn client(&self) -> Result<GrafanaClient, Error> {
        Ok(GrafanaClient {
            http: self.http.client()?,
            user: self.user.clone(),
            password: self.password.clone(),
            service: self.service().to_owned(),
        })
    }
}

impl std::fmt::Debug for Grafana {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Grafana").field("http", &self.http).field("user", &self.user).finish_non_exhaustive()
    }
}

impl Deref for Grafana {
    type Target = Http;

    fn deref(&self) -> &Http {
        &self.http
    }
}

/// Grafana's API with the administrator's login.
#[derive(Clone)]
pub struct GrafanaClient {
    http: HttpClient,
    user: String,
    password: String,
    service: String,
}

impl std::fmt::Debug for GrafanaClient {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("GrafanaClient")
            .field("service", &self.service)
            .field("user", &self.user)
            .finish_non_exhaustive()
    }
}

impl GrafanaClient {
    /// An authenticated request to any endpoint. Complete and send it with reqwest's own methods.
    pub fn request(&self, method: Method, path: &str) -> RequestBuilder {
        self.http.request(method, path).basic_auth(&self.user, Some(&self.password))
    }

    /// All data sources.
    ///
    /// # Errors
    ///
    /// There was no answer, or Grafana refused.
    pub async fn data_sources(&self) -> Result<Vec<DataSource>, Error> {
        let path = "/api/datasources";
        let response = self.http.send(self.request(Method::GET, path), path).await?;
        read(response, "list the data sources of", &self.service).await
    }

    /// Asks Grafana to check that it reaches a data source and may query it.
    ///
    /// # Errors
    ///
    /// There was no answer, there is no such data source, or Grafana is older than version 9 and has no such check. A
    /// failed check is not an error: [`DataSourceHealth::is_ok`] is then `false`.
    pub async fn data_source_health(&self, uid: &str) -> Result<DataSourceHealth, Error> {
        let path = format!("/api/datasources/uid/{uid}/health");
        let response = self.http.send(self.request(Method::GET, &path), &path).await?;
        // Grafana answers 400 for a check that failed, with the same body.
        if response.status().as_u16() != 400 {
            return read(response, "check a data source of", &self.service).await;
        }
        response.json().await.map_err(|error| {
            Error::unexpected_answer("check a data source of", &self.service, error.without_url())
        })
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
        let response = self.http.send(self.request(Method::POST, path).json(&body), path).await?;
        let answer: Value = read(response, "query through", &self.service).await?;
        let result = &answer["results"]["A"];
        if let Some(error) = result["error"].as_str() {
            return Err(Error::query_failed(&self.service, error));
        }
        result["frames"].as_array().into_iter().flatten().map(|frame| self.frame(frame)).collect()
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
        let response = self.http.send(self.request(Method::POST, path).json(&source), path).await?;
        read::<Created>(response, "create a data source in", &self.service)
            .await
            .map(|created| created.datasource)
    }
}

/// Parses the answer's body, or returns Grafana's error message.
async fn read<T: DeserializeOwned>(response: Response, operation: &str, service: &str) -> Result<T, Error> {
    let status = response.status();
    let body =
        response.bytes().await.map_err(|error| Error::answer_broke_off(service, error.without_url()))?;
    if status.is_success() {
        return serde_json::from_slice(&body)
            .map_err(|error| Error::unexpected_answer(operation, service, error));
    }
    let said = serde_json::from_slice::<Value>(&body)
        .ok()
        .and_then(|json| {
            Some(json.get("message").or_else(|| json["results"]["A"].get("error"))?.as_str()?.to_owned())
        })
        .unwrap_or_else(|| String::from_utf8_lossy(&body).chars().take(200).collect());
    Err(Error::refused_by_grafana(operation, service, status.as_u16(), &said))
}
