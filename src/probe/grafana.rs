//! Whether Grafana has provisioned its dashboards.
//!
//! Grafana says so in its log. Where the log says nothing of it, because it is quiet or Grafana is old, Grafana is asked
//! to provision its dashboards again. It answers once all of them are saved, and saves none twice.

use reqwest::header::CONTENT_TYPE;

use super::{Target, http};
use crate::address::Address;
use crate::compose::Secrets;
use crate::kind::Login;
use crate::poll::Answer;

/// The first line of each run of Grafana.
const BEGINS: &str = "Starting Grafana";
const STARTED: &str = "starting to provision dashboards";
const FINISHED: &str = "finished to provision dashboards";
/// In this case the last line does not come.
const FAILED: &str = "Failed to provision";

/// <https://grafana.com/docs/grafana/latest/developers/http_api/admin/#reload-provisioning-configurations>
const RELOAD: &str = "/api/admin/provisioning/dashboards/reload";

pub(super) async fn ask(target: &Target<'_>, address: &Address) -> Answer {
    let log = match target.engine.logs(&target.known.id, None).await {
        Ok(log) => log,
        Err(error) => return Answer::NotYet(error.to_string()),
    };
    match Progress::of(&log) {
        Progress::Finished => Answer::Ready,
        Progress::Started => Answer::NotYet("it still provisions its dashboards, says its log".to_owned()),
        Progress::Unknown => reload(address, target.known.login.as_ref(), target.secrets).await,
    }
}

/// What the log says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Progress {
    Started,
    Finished,
    Unknown,
}

impl Progress {
    /// Only the last run of the container counts.
    fn of(log: &str) -> Progress {
        let run = log.rsplit(BEGINS).next().unwrap_or(log);
        if run.contains(FINISHED) {
            Progress::Finished
        } else if run.contains(STARTED) && !run.contains(FAILED) {
            Progress::Started
        } else {
            Progress::Unknown
        }
    }
}

async fn reload(address: &Address, login: Option<&Login>, secrets: &Secrets) -> Answer {
    let client = match http::client() {
        Ok(client) => client,
        Err(never) => return never,
    };
    let mut request =
        client.post(format!("http://{address}{RELOAD}")).header(CONTENT_TYPE, "application/json");
    if let Some(login) = login {
        request = request.basic_auth(&login.user, login.password.as_deref());
    }
    let mut response = match request.send().await {
        Ok(response) => response,
        Err(error) => return Answer::NotYet(http::innermost(&error)),
    };
    match response.status().as_u16() {
        200 => Answer::Ready,
        status => {
            let body = http::beginning(&mut response).await.unwrap_or_default();
            let said = http::excerpt(&secrets.hide(&body));
            Answer::NotYet(format!(
                "the log does not say that its dashboards are provisioned, and POST {RELOAD} answered {status}: {said}; \
                 `x-greenroom: ready: {{http: /api/health}}` asks nothing of its dashboards"
            ))
        }
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::TcpStream;

    use super::super::scripted::served;
    use super::*;

    #[test]
    fn the_log_of_the_last_run_counts() {
        let lines = |messages: &[&str]| {
            messages
                .iter()
                .map(|message| format!("logger=x level=info msg=\"{message}\" a=b\n"))
                .collect::<String>()
        };
        let first = [BEGINS, "HTTP Server Listen", STARTED, FINISHED];
        for (again, expected) in [
            (&[][..], Progress::Finished),
            (&[BEGINS, "HTTP Server Listen"], Progress::Unknown),
            (&[BEGINS, STARTED, "HTTP Server Listen"], Progress::Started),
            (&[BEGINS, STARTED, "HTTP Server Listen", FINISHED], Progress::Finished),
            (&[BEGINS, STARTED, "Failed to provision config"], Progress::Unknown),
        ] {
            let log = format!("{}{}", lines(&first), lines(again));
            assert_eq!(Progress::of(&log), expected, "{log}");
        }
        assert_eq!(Progress::of(""), Progress::Unknown);
        assert_eq!(
            Progress::of(r#"{"level":"info","msg":"finished to provision dashboards"}"#),
            Progress::Finished
        );
    }

    /// The answer about a Grafana that answers a reload with this status.
    async fn answer_to(status: u16) -> (Answer, String) {
        let mut request = String::new();
        let serve = async |mut stream: TcpStream| {
            let mut bytes = vec![0; 4096];
            // The request is small enough to arrive in one read.
            let length = stream.read(&mut bytes).await.expect("there is a request");
            request = String::from_utf8_lossy(&bytes[..length]).into_owned();
            let body = r#"{"message": "why"}"#;
            let answer = format!("HTTP/1.1 {status} X\r\nContent-Length: {}\r\n\r\n{body}", body.len());
            stream.write_all(answer.as_bytes()).await.expect("the probe reads");
        };
        let login = Login { user: "me".to_owned(), password: Some("p".to_owned()), database: String::new() };
        let answer =
            served(serve, async |address| reload(address, Some(&login), &Secrets::default()).await).await;
        (answer, request)
    }

    #[tokio::test]
    async fn a_quiet_grafana_is_asked_to_provision_again_and_waits_for_the_end() {
        let (answer, request) = answer_to(200).await;
        assert_eq!(answer, Answer::Ready);
        assert!(
            request.starts_with("POST /api/admin/provisioning/dashboards/reload HTTP/1.1\r\n"),
            "{request}"
        );
        // `me:p`
        assert!(request.to_lowercase().contains("authorization: basic bwu6ca=="), "{request}");
    }

    #[tokio::test]
    async fn a_grafana_that_refuses_is_not_ready() {
        for status in [401, 404, 500] {
            let (answer, _) = answer_to(status).await;
            let Answer::NotYet(seen) = &answer else { panic!("{status}: {answer:?}") };
            assert!(
                seen.contains(&format!("answered {status}: {{\"message\": \"why\"}}; `x-greenroom: ready:")),
                "{seen}"
            );
        }
    }
}
