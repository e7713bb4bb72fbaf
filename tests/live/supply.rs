//! What a service is supplied with arrives in its container. The services print what they find into their logs.

use greenroom::{Stack, StackBuilder};

use crate::file;

type Result<T = (), E = Box<dyn std::error::Error>> = std::result::Result<T, E>;

/// The services of one profile of the file that supplies them.
fn supply(profile: &str) -> StackBuilder {
    Stack::builder(file("fixtures/live/supply.yml"))
        .profile(profile)
        .env("SUPPLY_SECRET", "greenroom-supply-secret")
        .env("SUPPLY_USER", "supplied")
}

/// Asserts that each of `lines` is one of the log.
fn assert_says(log: &str, lines: &[&str]) {
    for line in lines {
        assert!(log.lines().any(|said| said == *line), "`{line}` is not in:\n{log}");
    }
}

#[tokio::test]
async fn secrets_and_configs_are_files_of_the_owner_and_mode_that_the_file_states() -> Result {
    let stack = supply("files").up().await?;
    assert_says(
        &stack.service("files")?.logs().await?,
        &[
            "/run/secrets/from-variable 444 0:0: greenroom-supply-secret",
            "/run/secrets/own 400 1000:1000: greenroom-supply-file",
            "/etc/supply/roots 400 0:0: cat: /etc/supply/roots: Permission denied",
            "/inline 444 0:0: user = supplied",
            "/etc/supply/group.conf 640 0:1000: greenroom-supply-file",
        ],
    );
    assert_says(
        &stack.service("sealed")?.logs().await?,
        &[
            "/run/secrets/from-variable 444: greenroom-supply-secret",
            "/run/secrets/from-variable cannot be written",
            "/etc/group.conf 444: greenroom-supply-file",
            "/etc/group.conf cannot be written",
            "/etc/supply/supply.txt cannot be written",
        ],
    );
    let log = stack.service("started-again")?.logs().await?;
    assert_eq!(log.matches("greenroom-supply-secret").count(), 2, "{log}");
    stack.down().await?;
    Ok(())
}

#[tokio::test]
async fn a_password_in_a_secret_is_known_to_the_handle_and_to_no_output() -> Result {
    let stack = Stack::builder(file("fixtures/live/password-file.yml"))
        .env("POLYGON_DB_PASSWORD", "greenroom-supply-password")
        .up()
        .await?;
    let one: i32 = sqlx::query_scalar("SELECT 1").fetch_one(&stack.postgres("db")?.pool().await?).await?;
    assert_eq!(one, 1);
    let told = format!("{:?} {} {:?}", stack.plan(), stack.report(), stack.postgres("db")?);
    assert!(!told.contains("greenroom-supply-password"), "{told}");
    stack.down().await?;
    Ok(())
}
