//! Errors that explain the failure, and show no secret.

use std::net::TcpListener;
use std::time::{Duration, Instant};

use greenroom::{Error, Stack, StackBuilder};

use crate::{file, polygon, shell};

/// The secrets of all environments here, which must be in no message.
const SECRETS: [&str; 4] = [
    "greenroom-shell-api-token",
    "greenroom-test-database-password",
    "greenroom-test-polygon-api-key",
    "greenroom-test-grafana-password",
];

/// The error of a start that fails.
async fn failure(builder: StackBuilder) -> Error {
    let error = builder.up().await.expect_err("this stack cannot become ready");
    let story = format!("{error:?}");
    for secret in SECRETS {
        assert!(!story.contains(secret), "{story}");
    }
    error
}

fn assert_tells(error: &Error, parts: &[&str]) {
    let story = format!("{error:?}");
    for part in parts {
        assert!(story.contains(part), "`{part}` is not in:\n{story}");
    }
}

#[tokio::test]
async fn a_service_that_exits_is_reported_at_once() {
    let begin = Instant::now();
    let error = failure(shell("exits")).await;
    // The deadline is two minutes; this bound only distinguishes "at once" from "at the deadline".
    assert!(begin.elapsed() < Duration::from_secs(60));
    assert!(error.is_not_ready());
    assert_tells(
        &error,
        &[
            "service `exits` exited with 3 before it was ready",
            "waited for by: `waits-for-exits`",
            "exits.log, ending in",
            "cannot open the ledger",
            "connecting with ***",
        ],
    );
}

#[tokio::test]
async fn a_healthcheck_that_never_passes_shows_what_it_said() {
    let error = failure(shell("never-healthy")).await;
    assert!(error.is_not_ready());
    assert_tells(
        &error,
        &[
            "service `never-healthy` was not ready after 2.",
            "the ledger is locked by ***",
            "hint: if it only needs longer than 2s",
        ],
    );
}

#[tokio::test]
async fn a_wrong_image_is_named() {
    let error = failure(shell("wrong-image")).await;
    assert_tells(
        &error,
        &[
            "service `wrong-image` has no image to run",
            "greenroom.invalid/no-such-image:1",
            "hint: check the image's name",
        ],
    );
}

#[tokio::test]
async fn a_database_without_a_password_says_so_itself() {
    // `:?` would refuse an unset variable; an empty one gets to the server.
    let error =
        failure(Stack::builder(file("docker-compose.yml")).file(file("fixtures/live/no-password.yml"))).await;
    assert_tells(
        &error,
        &[
            "service `timescaledb` exited with 1",
            "waited for by: `grafana`, `ticker-service`",
            "POSTGRES_PASSWORD",
        ],
    );
}

#[tokio::test]
async fn a_missing_variable_is_named_with_its_place() {
    let empty = file("fixtures/live/empty.env");
    let error = polygon().env_file(empty).up().await.expect_err("the variable is not set");
    assert!(error.is_usage());
    assert_tells(
        &error,
        &["docker-compose.yml:13:9", "POLYGON_DB_PASSWORD", "set it in .env.test or the environment"],
    );
}

/// A free port on all addresses. Engines and outgoing connections get ports from 32768 on.
fn listen() -> TcpListener {
    let begin = 20_000 + (std::process::id() % 10_000) as u16;
    let mut ports = (begin..32_768).filter_map(|port| TcpListener::bind(("0.0.0.0", port)).ok());
    ports.next().expect("one of these ports is free")
}

#[tokio::test]
async fn fixed_ports_collide_with_a_message() {
    let listener = listen();
    let port = listener.local_addr().expect("it is bound").port();
    let fixed =
        || Stack::builder(file("fixtures/live/fixed.yml")).env("WEB_PORT", &port.to_string()).fixed_ports();
    let hint = "hint: something else on this machine uses the port";
    // A program outside any container has the port.
    assert_tells(&failure(fixed()).await, &[hint]);
    drop(listener);
    let first = fixed().up().await.expect("the port is free");
    assert_eq!(first.service("web").and_then(|web| web.port(80)).ok(), Some(port));
    // // Another stack has the port.
    assert_tells(&failure(fixed()).await, &[hint]);
    first.down().await.expect("it is removed");
}
