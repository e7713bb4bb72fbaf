//! The client and a Grafana 6.7, which answers everything in its own way.

use std::sync::{Arc, Mutex};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

use super::*;
use crate::address::Address;
use crate::handle::Postgres;

const HEALTH: &str = r#"{"commit": "8e44bbc5f5", "database": "ok", "version": "6.7.4"}"#;

/// What Grafana 6.7 answers to a request that begins with this.
fn answer_of_6_7(request: &str) -> (u16, &'static str) {
    match request {
        "GET /api/health" => (200, HEALTH),
        // Without a `uid`.
        "GET /api/datasources" => (200, r#"[{"id": 1, "orgId": 1, "name": "prices", "type": "postgres"}]"#),
        "POST /api/datasources" => {
            (200, r#"{"datasource": {"id": 1}, "id": 1, "message": "Datasource added"}"#)
        }
        "POST /api/ds/query" => (500, r#"{"message": "datasource missing name"}"#),
        "GET /api/datasources/uid/none/health" => (404, r#"{"message": "Not found"}"#),
        _ => (200, "<!DOCTYPE html><html><head><title>Grafana</title></head></html>"),
    }
}

/// A server that answers each request by its method and path, and the requests that it got.
struct Server {
    grafana: Grafana,
    requests: Arc<Mutex<Vec<String>>>,
}

impl Server {
    async fn start(answer: fn(&str) -> (u16, &'static str)) -> Server {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("loopback has a free port");
        let address = Address::new("127.0.0.1", listener.local_addr().expect("it is bound").port());
        let requests = Arc::new(Mutex::new(Vec::new()));
        let got = requests.clone();
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let request = serve(stream, answer).await;
                got.lock().expect("nobody panics with it").push(request);
            }
        });
        let login = Login { user: "admin".to_owned(), password: None, database: String::new() };
        Server { grafana: Grafana::new(Http::new("grafana", address), login), requests }
    }

    fn client(&self) -> GrafanaClient {
        self.grafana.client().expect("reqwest has what it needs")
    }

    fn requests(&self) -> Vec<String> {
        self.requests.lock().expect("nobody panics with it").clone()
    }
}

/// Answers one request, and gives its method and path.
async fn serve(mut stream: TcpStream, answer: fn(&str) -> (u16, &'static str)) -> String {
    let mut request = vec![0; 4096];
    // The test's requests are small enough to arrive in one read.
    let length = stream.read(&mut request).await.expect("there is a request");
    let request = String::from_utf8_lossy(&request[..length]);
    let request = request.split(" HTTP/").next().unwrap_or_default().to_owned();
    let (status, body) = answer(&request);
    let head = format!("HTTP/1.1 {status} X\r\nConnection: close\r\nContent-Length: {}\r\n\r\n", body.len());
    stream.write_all(format!("{head}{body}").as_bytes()).await.expect("the client reads the answer");
    request
}

fn database() -> Postgres {
    let login = Login { user: "me".to_owned(), password: None, database: "prices".to_owned() };
    Postgres::new("db", Address::new("127.0.0.1", 1), 5432, login)
}

#[tokio::test]
async fn an_old_grafana_is_told_by_its_version() {
    let server = Server::start(answer_of_6_7).await;
    let client = server.client();
    let errors = [
        client.data_sources().await.expect_err("no `uid`"),
        client.data_source_health("any").await.expect_err("a page"),
        client.data_source_health("none").await.expect_err("no such endpoint"),
        client.query("any", "SELECT 1").await.expect_err("an answer of its own"),
        client.create_postgres_data_source("prices", &database()).await.expect_err("refused by us"),
    ];
    let said: Vec<_> = errors.iter().map(|error| format!("{error:?}")).collect();
    let expected = [
        (
            "list the data sources of",
            Some("its answer: not what was asked for: missing field `uid` at line 1 column 60"),
        ),
        (
            "check a data source of",
            Some("its answer: not what was asked for: expected value at line 1 column 1"),
        ),
        ("check a data source of", Some("its answer: HTTP 404: Not found")),
        ("query through", Some("its answer: HTTP 500: datasource missing name")),
        ("create a data source in", None),
    ];
    for (said, (operation, seen)) in said.iter().zip(expected) {
        let start = format!(
            "failed to {operation} `grafana`: Grafana 6.7.4 answers; greenroom's Grafana handle needs 9 or newer\n"
        );
        assert!(said.starts_with(&start), "{said}");
        assert!(said.contains("\n\nhint: use an image of Grafana 9 or newer"), "{said}");
        assert!(seen.is_none_or(|seen| said.contains(seen)), "{said}");
    }
    let requests = server.requests();
    assert!(!requests.contains(&"POST /api/datasources".to_owned()), "nothing was created: {requests:?}");
    assert_eq!(requests.iter().filter(|request| *request == "GET /api/health").count(), 5);
}

#[tokio::test]
async fn a_newer_grafana_or_one_that_hides_its_version_is_not_called_old() {
    fn refusing(request: &str, health: &'static str) -> (u16, &'static str) {
        match request {
            "GET /api/health" => (200, health),
            _ => (500, r#"{"message": "Unable to load datasource metadata"}"#),
        }
    }
    let newer =
        Server::start(|request| refusing(request, r#"{"database": "ok", "version": "10.4.1"}"#)).await;
    let hiding = Server::start(|request| refusing(request, r#"{"database": "ok"}"#)).await;
    for server in [newer, hiding] {
        let error = server.client().data_source_health("none").await.expect_err("there is none");
        assert_eq!(
            format!("{error:?}"),
            "failed to check a data source of `grafana`: HTTP 500: Unable to load datasource metadata"
        );
        assert_eq!(server.grafana.health().await.expect("it is healthy").database, "ok");
    }
}

#[tokio::test]
async fn a_refused_login_is_the_callers_or_the_files() {
    let server = Server::start(|_| (401, r#"{"message": "Invalid username or password"}"#)).await;
    let own = server.client().data_sources().await.expect_err("it is refused");
    assert!(own.hint().is_some_and(|hint| hint.contains("compose file")), "{own:?}");
    let given = server.grafana.with_login("viewer", "x").client().expect("reqwest has what it needs");
    let given = given.data_sources().await.expect_err("it is refused");
    assert_eq!(
        given.hint(),
        Some("`with_login` was given the user `viewer`: check the user and the password")
    );
}
