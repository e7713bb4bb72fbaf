//! Kept volumes: the next stack finds them, only one stack at a time uses them, and they really keep the data.

use std::path::Path;

use greenroom::{Stack, StackBuilder};

use crate::file;

type Result<T = (), E = Box<dyn std::error::Error>> = std::result::Result<T, E>;

/// A project in this test's own folder, so that its kept volume is not shared: kept volumes are named after the
/// folder.
fn project(folder: &Path) -> Result<StackBuilder> {
    let repository = file("");
    let text = std::fs::read_to_string(file("docker-compose.yml"))?;
    std::fs::write(
        folder.join("docker-compose.yml"),
        text.replace("fixtures/", &format!("{}/fixtures/", repository.display())).replace(
            "Cargo.toml, Cargo.lock",
            &format!("{0}/Cargo.toml, {0}/Cargo.lock", repository.display()),
        ),
    )?;
    std::fs::copy(file(".env.test"), folder.join(".env.test"))?;
    Ok(Stack::builder(folder.join("docker-compose.yml")).keep_volume("timescaledb-data"))
}

/// Removes the kept volumes of a test's project, even if the test fails.
struct Kept<'a>(&'a Path);

impl Drop for Kept<'_> {
    fn drop(&mut self) {
        let folder = self.0.to_owned();
        let removed = greenroom::blocking::wait(async move {
            for volume in greenroom::volume::kept_volumes()
                .await?
                .into_iter()
                .filter(|volume| volume.directory == folder)
            {
                volume.remove().await?;
            }
            Ok(())
        });
        if !std::thread::panicking() {
            removed.expect("the kept volumes are removed");
        }
    }
}

#[tokio::test]
async fn a_row_in_a_kept_volume_is_there_in_the_next_stack() -> Result {
    let folder = tempfile::tempdir()?;
    let folder = folder.path().canonicalize()?;
    let _kept = Kept(&folder);

    let stack = project(&folder)?.up().await?;
    let pool = stack.postgres("timescaledb")?.pool().await?;
    sqlx::raw_sql("CREATE TABLE ledger (entry text); INSERT INTO ledger VALUES ('kept')")
        .execute(&pool)
        .await?;
    pool.close().await;
    stack.down().await?;

    let stack = project(&folder)?.up().await?;
    let pool = stack.postgres("timescaledb")?.pool().await?;
    let entry: String = sqlx::query_scalar("SELECT entry FROM ledger").fetch_one(&pool).await?;
    assert_eq!(entry, "kept");
    // The server was stopped, not killed, so it had nothing to recover.
    let log = stack.service("timescaledb")?.logs().await?;
    assert!(log.contains("database system was shut down") && !log.contains("automatic recovery"), "{log}");

    // While the volume is held, a second stack is refused, and the error names the holder.
    let error = project(&folder)?.up().await.expect_err("the volume is in use");
    assert!(error.is_volume_held());
    assert!(format!("{error:?}").contains(stack.name()), "{error:?}");
    assert!(stack.check().await?.is_empty(), "the holder is not disturbed");
    stack.down().await?;
    Ok(())
}

#[tokio::test]
async fn a_volume_that_would_not_keep_is_refused() -> Result {
    let folder = file("fixtures/live");
    let _kept = Kept(&folder);
    let chapter = Stack::builder(file("compose/fixtures/chapter-as-written.yml"))
        .file(folder.join("fallbacks.yml"))
        .project_directory(&folder)
        .env_file(file(".env.test"))
        .keep_volume("timescaledb-data");
    let error = chapter.up().await.expect_err("the data is not on the volume");
    let story = format!("{error:?}");
    for part in [
        "volume `timescaledb-data` does not keep the data of `timescaledb`",
        "the volume is mounted at /var/lib/postgresql/data",
        "PostgreSQL keeps its data in /home/postgres/pgdata/data",
    ] {
        assert!(story.contains(part), "{story}");
    }
    Ok(())
}

#[tokio::test]
async fn a_volume_that_the_file_does_not_have_is_refused() {
    let error =
        crate::polygon().keep_volume("timescale-data").up().await.expect_err("there is no such volume");
    assert!(error.is_usage());
    assert!(format!("{error:?}").contains("did you mean `timescaledb-data`?"), "{error:?}");
}
