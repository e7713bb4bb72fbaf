//! Errors that end the search, and show no secret.

use std::time::{Duration, Instant};

use greenroom::{Error, Stack, StackBuilder};

use crate::{file, polygon, shell};

/// What is in every environment here and must be in no message.
const SECRETS: [&str; 4] = [
    "greenroom-shell-api-token",
    "greenroom-test-database-password",
    "greenroom-test-polygon-api-key",
    "greenroom-test-grafana-password",
];

/// The whole story of a start that fails.
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
async fn a_service_that_exits_is_told_at_once() {
    let begin = Instant::now();
    let error = failure(shell("exits")).await;
    // The deadline is two minutes; this bound only tells "at once" from "at the deadline".
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

#[tokio::test]
async fn fixed_ports_collide_with_a_message() {
    let first = polygon().fixed_ports().up().await;
    let Ok(first) = first else {
        // Something else on this machine has one of the ports: then that is what the message says.
        assert_tells(
            &first.expect_err("it is an error"),
            &["hint: something else on this machine uses the port"],
        );
        return;
    };
    assert_eq!(first.service("timescaledb").and_then(|db| db.port(5432)).ok(), Some(5433));
    let error = failure(polygon().fixed_ports()).await;
    assert_tells(&error, &["hint: something else on this machine uses the port"]);
    first.down().await.expect("it is removed");
}
