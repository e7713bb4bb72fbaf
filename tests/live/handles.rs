//! Typed connections, from the compose file.

use greenroom::polygon::PolygonStack;
use greenroom::{Error, Probe, Stack};
use sqlx::Row;

use crate::{polygon, shell};

type Result<T = (), E = Box<dyn std::error::Error>> = std::result::Result<T, E>;

#[tokio::test]
async fn the_three_handles_work_together() -> Result {
    let stack = PolygonStack::of(polygon().up().await?)?;

    let pool = stack.timescaledb.pool().await?;
    assert!(stack.timescaledb.extension_version().await?.is_some());
    sqlx::raw_sql(
        "CREATE TABLE prices (at timestamptz NOT NULL, symbol text NOT NULL, price double precision);
         SELECT create_hypertable('prices', 'at');
         INSERT INTO prices VALUES (now(), 'TSLA', 180.5), (now() - interval '1 minute', 'TSLA', 179.25);",
    )
    .execute(&pool)
    .await?;
    let highest: f64 = sqlx::query("SELECT max(price) FROM prices").fetch_one(&pool).await?.try_get(0)?;
    assert_eq!(highest, 180.5);
    let tables = stack.timescaledb.hypertables().await?;
    assert!(tables.iter().any(|table| table.name == "prices" && table.chunks >= 1), "{tables:?}");

    assert!(stack.ticker_service.health().await?.up);

    assert_eq!(stack.grafana.health().await?.database, "ok");
    let grafana = stack.grafana.client()?;
    let source = grafana.create_postgres_data_source("prices", &stack.timescaledb).await?;
    assert_eq!(grafana.data_sources().await?.iter().filter(|found| found.name == "prices").count(), 1);
    let health = grafana.data_source_health(&source.uid).await?;
    assert!(health.is_ok(), "{health:?}");
    let frames = grafana.query(&source.uid, "SELECT symbol, price FROM prices ORDER BY price").await?;
    assert_eq!(frames[0].columns, ["symbol", "price"]);
    assert_eq!(frames[0].types, ["string", "number"]);
    assert_eq!(frames[0].column("price").unwrap_or_default(), [179.25, 180.5]);

    stack.down().await?;
    Ok(())
}

#[tokio::test]
async fn grafana_refuses_a_wrong_password_and_remembers_its_data_sources() -> Result {
    let stack = PolygonStack::of(polygon().up().await?)?;
    let refused = stack.grafana.with_login("admin", "wrong").client()?.data_sources().await;
    let error = refused.expect_err("the password is wrong");
    assert!(error.to_string().contains("401"), "{error:?}");

    stack.grafana.client()?.create_postgres_data_source("prices", &stack.timescaledb).await?;
    stack.restart("grafana").await?;
    // The engine gave it another port: a new handle.
    let sources = stack.grafana("grafana")?.client()?.data_sources().await?;
    assert!(sources.iter().any(|source| source.name == "prices"), "{sources:?}");
    stack.down().await?;
    Ok(())
}

#[tokio::test]
async fn any_service_is_reached_by_its_name() -> Result {
    let stack = polygon().up().await?;
    let db = stack.service("timescaledb")?;
    assert_eq!(db.host(), "127.0.0.1");
    assert_ne!(db.port(5432)?, 5433, "the file's fixed port is not used");
    assert!(db.url("postgres", 5432)?.starts_with("postgres://127.0.0.1:"));
    assert!(db.container_name().ends_with("-timescaledb-1"));
    assert!(db.logs().await?.contains("database system is ready to accept connections"));
    let done = stack.service("grafana")?.exec(["sh", "-c", "echo $GF_PATHS_DATA; exit 4"]).await?;
    assert_eq!((done.code, done.output.trim()), (4, "/var/lib/grafana"));
    // Neighbours find each other by every name of the file.
    let grafana = stack.grafana("grafana")?.client()?;
    for name in ["timescaledb", "polygon_timescaledb"] {
        let source = serde_json::json!({
            "name": name, "uid": name, "type": "postgres", "access": "proxy", "url": format!("{name}:5432"),
            "user": "polygonuser", "database": "polygondata", "jsonData": {"sslmode": "disable"},
            "secureJsonData": {"password": "greenroom-test-database-password"},
        });
        let created = grafana.request("POST".parse()?, "/api/datasources").json(&source).send().await?;
        assert!(created.status().is_success(), "{created:?}");
        let health = grafana.data_source_health(name).await?;
        assert!(health.is_ok(), "{name}: {health:?}");
    }
    assert_eq!(stack.http("ticker-service")?.get("/").await?.status(), 200);
    stack.down().await?;
    Ok(())
}

#[tokio::test]
async fn a_wrong_name_or_kind_lists_the_right_ones() -> Result {
    let stack = polygon().up().await?;
    let unknown = stack.service("timescale").expect_err("there is no such service");
    assert_eq!(
        format!("{unknown:?}"),
        "there is no service `timescale`\n\nhint: did you mean `timescaledb`? defined services are `grafana`, `ticker-service`, `timescaledb`"
    );
    let wrong = stack.postgres("grafana").expect_err("Grafana is no database");
    assert!(format!("{wrong:?}").ends_with("hint: these are: `timescaledb`"), "{wrong:?}");
    stack.down().await?;
    Ok(())
}

#[test]
fn the_blocking_api_needs_no_runtime() -> Result<(), Error> {
    let stack = greenroom::blocking::Stack::up_as(polygon())?;
    let db = stack.timescale("timescaledb")?;
    assert!(greenroom::blocking::wait(async move { db.extension_version().await })?.is_some());
    stack.down()
}

mod with_rstest {
    use greenroom::Stack;
    use greenroom::fixtures::*;
    use greenroom::polygon::PolygonStack;
    use rstest::rstest;

    use crate::shell;

    #[rstest]
    #[tokio::test]
    async fn a_fixture_brings_the_stack(#[future(awt)] polygon_stack: PolygonStack) {
        assert!(polygon_stack.ticker_service.health().await.is_ok_and(|health| health.up));
        polygon_stack.down().await.expect("it is removed");
    }

    #[rstest]
    #[tokio::test]
    async fn a_fixture_is_overridden(
        #[future(awt)]
        #[with(shell("one-shot"))]
        stack: Stack,
    ) {
        assert!(stack.service("after-migration").is_ok());
        stack.down().await.expect("it is removed");
    }
}

#[tokio::test]
async fn a_probe_given_in_rust_beats_the_file() -> Result {
    let stack: Stack = shell("never-healthy").ready("never-healthy", Probe::exec(["true"])).up().await?;
    stack.down().await?;
    Ok(())
}
