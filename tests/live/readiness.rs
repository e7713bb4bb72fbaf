//! A ready service answers.

use greenroom::polygon::TickerService;

use crate::{polygon, shell};

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
