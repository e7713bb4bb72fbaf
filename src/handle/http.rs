//! A service that speaks HTTP.

use std::time::Duration;

use reqwest::{Body, Client, Method, RequestBuilder, Response};

use crate::Error;
use crate::address::Address;
use crate::kind::{Kind, first_tcp_port};
use crate::stack::Stack;

/// How long a request may take. A test that waits longer is stuck.
const TIMEOUT: Duration = Duration::from_secs(30);

/// The address of a service that speaks HTTP.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Http {
    service: String,
    address: Address,
}

/// A reqwest client that knows its service's base URL.
#[derive(Clone, Debug)]
pub struct HttpClient {
    client: Client,
    base_url: String,
    service: String,
}

impl Stack {
    /// A service that speaks HTTP, on the usual port of its kind or else on its lowest published TCP port.
    ///
    /// # Errors
    ///
    /// The file has no such service, or it publishes no TCP port.
    pub fn http(&self, name: &str) -> Result<Http, Error> {
        let service = self.find(name)?;
        let port = service
            .planned
            .kind
            .port(&service.planned.service)
            .filter(|_| service.planned.kind != Kind::Postgres)
            .or_else(|| first_tcp_port(&service.planned.service))
            .or_else(|| service.known.addresses.lowest_tcp());
        let Some(port) = port else {
            return Err(Error::no_port_published(name));
        };
        Ok(Http::new(name, service.address(port)?.clone()))
    }
}

impl Http {
    pub(super) fn new(service: &str, address: Address) -> Http {
        Http { service: service.to_owned(), address }
    }

    /// The service's name.
    #[must_use]
    pub fn service(&self) -> &str {
        &self.service
    }

    /// `http://127.0.0.1:port`, without a slash at the end.
    #[must_use]
    pub fn base_url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// A client on the caller's runtime. It uses no proxy: the service is on this machine.
    ///
    /// # Errors
    ///
    /// The system has no randomness or no resolver configuration that reqwest can use.
    pub fn client(&self) -> Result<HttpClient, Error> {
        let client = Client::builder()
            .no_proxy()
            .timeout(TIMEOUT)
            .build()
            .map_err(|error| Error::no_http_client(&self.service, error))?;
        Ok(HttpClient { client, base_url: self.base_url(), service: self.service.clone() })
    }

    /// Sends a GET request to a path, with a new client.
    ///
    /// # Errors
    ///
    /// There was no answer. An answer of any status is not an error.
    pub async fn get(&self, path: &str) -> Result<Response, Error> {
        self.client()?.get(path).await
    }
}

impl HttpClient {
    /// A request to a path of the service. Complete and send it with reqwest's own methods.
    pub fn request(&self, method: Method, path: &str) -> RequestBuilder {
        self.client.request(method, format!("{}/{}", self.base_url, path.trim_start_matches('/')))
    }

    /// Sends a GET request to a path.
    ///
    /// # Errors
    ///
    /// There was no answer. An answer of any status is not an error.
    pub async fn get(&self, path: &str) -> Result<Response, Error> {
        self.send(self.request(Method::GET, path), path).await
    }

    /// Sends a POST request with a body to a path. To set a content type, such as JSON, use
    /// [`request`](HttpClient::request).
    ///
    /// # Errors
    ///
    /// As [`get`](HttpClient::get).
    pub async fn post(&self, path: &str, body: impl Into<Body>) -> Result<Response, Error> {
        self.send(self.request(Method::POST, path).body(body), path).await
    }

    /// Sends a PUT request with a body to a path.
    ///
    /// # Errors
    ///
    /// As [`get`](HttpClient::get).
    pub async fn put(&self, path: &str, body: impl Into<Body>) -> Result<Response, Error> {
        self.send(self.request(Method::PUT, path).body(body), path).await
    }

    /// Sends a DELETE request to a path.
    ///
    /// # Errors
    ///
    /// As [`get`](HttpClient::get).
    pub async fn delete(&self, path: &str) -> Result<Response, Error> {
        self.send(self.request(Method::DELETE, path), path).await
    }

    /// The reqwest client itself.
    #[must_use]
    pub fn reqwest(&self) -> &Client {
        &self.client
    }

    pub(super) async fn send(&self, request: RequestBuilder, path: &str) -> Result<Response, Error> {
        request.send().await.map_err(|error| Error::no_answer(&self.service, path, error.without_url()))
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::TcpListener;

    use super::*;

    /// Answers every request with the request itself, from its method to the end of its body.
    async fn echo(listener: TcpListener) {
        loop {
            let (mut stream, _) = listener.accept().await.expect("the socket listens");
            let mut request = vec![0; 1024];
            // The test's requests are small enough to arrive in one read.
            let length = stream.read(&mut request).await.expect("there is a request");
            let head = format!("HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: {length}\r\n\r\n");
            stream.write_all(head.as_bytes()).await.expect("the client reads the answer");
            stream.write_all(&request[..length]).await.expect("the client reads the answer");
        }
    }

    #[tokio::test]
    async fn each_verb_is_sent_with_its_path_and_body() -> Result<(), Box<dyn std::error::Error>> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let address = Address::new("127.0.0.1", listener.local_addr()?.port());
        tokio::spawn(echo(listener));
        let client = Http::new("api", address).client()?;
        let sent = [
            ("GET /a HTTP/1.1", "", client.get("/a").await?),
            ("POST /b HTTP/1.1", "1 tea", client.post("b", "1 tea").await?),
            ("PUT /c HTTP/1.1", "2 teas", client.put("/c", "2 teas").await?),
            ("DELETE /d HTTP/1.1", "", client.delete("/d").await?),
        ];
        for (start, body, answer) in sent {
            let request = answer.text().await?;
            assert!(request.starts_with(start) && request.ends_with(&format!("\r\n\r\n{body}")), "{request}");
        }
        Ok(())
    }
}
