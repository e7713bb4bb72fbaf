//! A ready service answers.

use std::os::unix::fs::PermissionsExt;
use std::time::Duration;

use greenroom::polygon::TickerService;
use greenroom::{Probe, Stack};
use tokio::io::AsyncReadExt;
use tokio::net::TcpStream;

use crate::{file, polygon, shell};

type Result<T = (), E = Box<dyn std::error::Error>> = std::result::Result<T, E>;

#[tokio::test]
async fn the_first_query_and_the_first_request_never_fail() -> Result {
    for _ in 0..3 {
        let stack = polygon().up().await?;
        let pool = stack.postgres("timescaledb")?.pool().await?;
        let one: i32 = sqlx::query_scalar("SELECT 1").fetch_one(&pool).await?;
        assert_eq!(one, 1);
        assert_eq!(stack.http("grafana")?.get("/api/health").await?.status(), 200);
        assert!(TickerService::of(&stack, "ticker-service")?.health().await?.up);
        assert_eq!(stack.check().await?, []);
        stack.down().await?;
    }
    Ok(())
}

#[tokio::test]
async fn a_healthcheck_is_run_at_greenrooms_own_cadence() -> Result {
    // The file's interval is 30 s, so the engine would run the first check after 30 s. The service is ready after one
    // second.
    let stack = shell("slowly-healthy").up().await?;
    let ready_after = stack.report().services["slowly-healthy"].ready_after;
    assert!(ready_after.as_secs() < 15, "{ready_after:?}");
    stack.down().await?;
    Ok(())
}

#[tokio::test]
async fn a_server_on_its_containers_loopback_is_not_ready_although_its_healthcheck_passes() {
    let error = shell("on-loopback").up().await.expect_err("nothing answers at its published port");
    assert!(error.is_not_ready(), "{error:?}");
    let text = format!("{error:?}");
    assert!(text.contains("it listens on 127.0.0.1:8000, inside the container only"), "{text}");
    assert!(text.contains("hint: let the server listen on 0.0.0.0:8000, not 127.0.0.1:8000"), "{text}");
}

#[tokio::test]
async fn a_wrong_container_port_is_named_with_the_ports_that_are_served() {
    let builder = shell("two-phases").ready("two-phases", Probe::tcp(8001)).timeout(Duration::from_secs(5));
    let text = format!("{:?}", builder.up().await.expect_err("nothing listens on that port"));
    let expected = "nothing listens on port 8001 in the container, which listens on 8000";
    assert!(text.contains(expected), "{text}");
}

#[tokio::test]
async fn a_temporary_server_that_passes_the_healthcheck_is_not_ready() -> Result {
    let stack = shell("two-phases").up().await?;
    let service = stack.service("two-phases")?;
    let mut greeting = String::new();
    let mut server = TcpStream::connect((service.host(), service.port(8000)?)).await?;
    server.read_to_string(&mut greeting).await?;
    assert_eq!(greeting, "the real server\n");
    stack.down().await?;
    Ok(())
}

#[tokio::test]
async fn a_dependent_waits_until_a_one_shot_has_completed() -> Result {
    let stack = shell("one-shot").up().await?;
    assert!(stack.service("migration")?.logs().await?.contains("migrated"));
    assert_eq!(stack.report().services["migration"].status.to_string(), "completed");
    stack.down().await?;
    Ok(())
}

#[tokio::test]
async fn a_service_with_a_restart_policy_is_restarted_during_start_up() -> Result {
    let stack = shell("flaky").up().await?;
    assert_eq!(stack.report().services["flaky"].restarts, 2);
    stack.down().await?;
    Ok(())
}

#[tokio::test]
async fn grafana_is_ready_when_its_dashboards_are_provisioned() -> Result {
    let folder = tempfile::tempdir()?;
    std::fs::set_permissions(folder.path(), std::fs::Permissions::from_mode(0o755))?;
    for number in 0..40 {
        let model = serde_json::json!({ "title": format!("D{number}"), "uid": format!("d{number}") });
        std::fs::write(folder.path().join(format!("d{number}.json")), model.to_string())?;
    }
    let builder = Stack::builder(file("fixtures/live/provisioned.yml"));
    let stack = builder.env("DASHBOARDS", &folder.path().display().to_string()).up().await?;
    // The log of the one says that it has finished. The other one logs nothing of it, and is asked.
    for (service, logs) in [("grafana", true), ("quiet", false)] {
        let path = "/api/search?type=dash-db";
        let found = stack.grafana(service)?.client()?.request("GET".parse()?, path).send().await?;
        let found: Vec<serde_json::Value> = serde_json::from_str(&found.text().await?)?;
        assert_eq!(found.len(), 40, "{service}");
        let log = stack.service(service)?.logs().await?;
        assert_eq!(log.contains("finished to provision dashboards"), logs, "{log}");
    }
    stack.down().await?;
    Ok(())
}
