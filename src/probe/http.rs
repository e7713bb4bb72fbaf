//! An HTTP request whose answer is judged.

use once_cell::sync::OnceCell;
use reqwest::Client;
use reqwest::redirect::Policy;

use crate::address::Address;
use crate::plan::Accept;
use crate::poll::Answer;

/// One client for all probes. It keeps no connection: each attempt must find the server as a newcomer would.
static CLIENT: OnceCell<Client> = OnceCell::new();

/// How much of an answer's body is shown.
const SHOWN: usize = 200;

pub(super) async fn ask(address: &Address, path: &str, accept: Accept) -> Answer {
    let client = CLIENT.get_or_try_init(|| {
        Client::builder().no_proxy().redirect(Policy::none()).pool_max_idle_per_host(0).build()
    });
    let response = match client {
        Ok(client) => client.get(format!("http://{address}{path}")).send().await,
        Err(error) => return Answer::Never(format!("no HTTP client: {error}")),
    };
    let response = match response {
        Ok(response) => response,
        Err(error) => return Answer::NotYet(innermost(&error)),
    };
    let status = response.status().as_u16();
    match response.text().await {
        Ok(body) if accepts(accept, status, &body) => Answer::Ready,
        Ok(body) => {
            Answer::NotYet(format!("GET http://{address}{path} answered {status}: {}", excerpt(&body)))
        }
        Err(error) => Answer::NotYet(innermost(&error)),
    }
}

/// Whether the answer counts as ready.
pub(crate) fn accepts(accept: Accept, status: u16, body: &str) -> bool {
    let says = |key: &str| {
        serde_json::from_str::<serde_json::Value>(body)
            .ok()
            .and_then(|json| Some(json.get(key)?.as_str()?.to_owned()))
    };
    match accept {
        Accept::Success => (200..400).contains(&status),
        Accept::Status(wanted) => status == wanted,
        Accept::Below500 => status < 500,
        Accept::GrafanaHealth => status == 200 && says("database").as_deref() == Some("ok"),
        // A service without an actuator answers 404, maybe in JSON with a numeric `status` of its own.
        Accept::ActuatorHealth => status < 500 && says("status").is_none_or(|word| word == "UP"),
    }
}

fn excerpt(body: &str) -> String {
    let line = body.split_whitespace().collect::<Vec<_>>().join(" ");
    line.chars().take(SHOWN).collect()
}

/// reqwest's own text repeats the URL; the cause at the bottom says what happened.
fn innermost(error: &reqwest::Error) -> String {
    let mut cause: &dyn std::error::Error = error;
    while let Some(next) = cause.source() {
        cause = next;
    }
    let at = error.url().map(|url| format!(" ({url})")).unwrap_or_default();
    format!("{cause}{at}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_are_judged_by_what_the_service_is() {
        for (accept, status, body, ready) in [
            (Accept::Success, 302, "", true),
            (Accept::Success, 404, "", false),
            (Accept::Status(204), 200, "", false),
            (Accept::Below500, 404, "", true),
            (Accept::Below500, 503, "", false),
            (Accept::GrafanaHealth, 200, r#"{"database": "ok"}"#, true),
            (Accept::GrafanaHealth, 503, r#"{"database": "failing"}"#, false),
            (Accept::GrafanaHealth, 200, "<html>", false),
            (Accept::ActuatorHealth, 404, r#"{"status": 404}"#, true),
            (Accept::ActuatorHealth, 200, r#"{"status": "UP"}"#, true),
            (Accept::ActuatorHealth, 200, r#"{"status": "OUT_OF_SERVICE"}"#, false),
            (Accept::ActuatorHealth, 503, r#"{"status": "DOWN"}"#, false),
        ] {
            assert_eq!(accepts(accept, status, body), ready, "{accept:?} {status} {body}");
        }
    }
}
