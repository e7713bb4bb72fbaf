//! Secrets, configs, images and hooks reach the container. The services log what they find.

use greenroom::{Stack, StackBuilder};
use reqwest::Method;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

use crate::{ask_engine, file, shell};

type Result<T = (), E = Box<dyn std::error::Error>> = std::result::Result<T, E>;

/// The services of one profile of `supply.yml`.
fn supply(profile: &str) -> StackBuilder {
    Stack::builder(file("fixtures/live/supply.yml"))
        .profile(profile)
        .env("SUPPLY_SECRET", "greenroom-supply-secret")
        .env("SUPPLY_USER", "supplied")
        .env("OUT", "/nowhere")
}

/// Asserts that the log has each of `lines`.
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
        .env_file(file(".env.test"))
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

/// The image of the shell services, once the engine has it.
async fn shell_image() -> Result<String> {
    let stack = shell("one-shot").up().await?;
    let image = stack.report().services["idle"].image.clone();
    stack.down().await?;
    Ok(image)
}

/// Serves a Dockerfile until the runtime ends; gives its URL.
async fn serve_dockerfile() -> Result<String> {
    const DOCKERFILE: &str = "ARG BASE\nFROM ${BASE}\nCMD [\"sh\", \"-c\", \"echo from afar; echo that is all; sleep infinity\"]\n";
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let url = format!("http://{}/Dockerfile", listener.local_addr()?);
    tokio::spawn(async move {
        while let Ok((mut connection, _)) = listener.accept().await {
            let head = "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nConnection: close\r\nContent-Length:";
            let answer = format!("{head} {}\r\n\r\n{DOCKERFILE}", DOCKERFILE.len());
            // Errors are ignored: the engine asks again if the answer does not arrive.
            let _ = connection.read(&mut [0; 4096]).await;
            let _ = connection.write_all(answer.as_bytes()).await;
        }
    });
    Ok(url)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_image_is_built_as_the_file_says() -> Result {
    // Images outlive their stack. Unique names allow this test to remove them.
    let project = format!("supply{}", std::process::id());
    let stack = supply("build")
        .project_name(&project)
        .env("SHELL_IMAGE", &shell_image().await?)
        .env("REMOTE", &serve_dockerfile().await?)
        .up()
        .await?;
    let log = stack.service("built")?.logs().await?;
    assert_says(
        &log,
        &[
            "argument: hello",
            "10.9.8.7\tone.supply",
            "10.9.8.6\ttwo.supply",
            "files: 321 654",
            "interfaces: lo",
            "context: .dockerignore kept-a.txt",
        ],
    );
    assert!(log.contains("shared memory:") && log.contains(" 32768\n"), "{log}");
    assert_says(&stack.service("built-inline")?.logs().await?, &["context: .dockerignore kept-a.txt"]);
    assert_says(&stack.service("built-from-outside")?.logs().await?, &["context: Dockerfile left-out.txt"]);
    assert_says(&stack.service("built-from-afar")?.logs().await?, &["from afar"]);

    let images = ["built", "inline:1", "built-from-outside", "built-from-afar", "tag:other"]
        .map(|name| format!("{project}-{name}"));
    let (_, built) = ask_engine(Method::GET, &format!("/images/{}/json", images[0])).await?;
    assert_eq!(built["Config"]["Labels"]["supply.label"], "built", "{built}");
    stack.down().await?;
    for image in images {
        let (status, said) = ask_engine(Method::DELETE, &format!("/images/{image}")).await?;
        assert_eq!(status, 200, "{image}: {said}");
    }
    Ok(())
}

/// A stack of one service that is built from `folder` and prints what is in its Dockerfile.
async fn edited(folder: &tempfile::TempDir, said: &str, build: bool) -> Result<Stack> {
    let image = shell_image().await?;
    let file = folder.path().join("docker-compose.yml");
    std::fs::write(&file, "services: {said: {build: ., stop_signal: SIGKILL}}\n")?;
    let dockerfile = format!("FROM {image}\nCMD [\"sh\", \"-c\", \"echo {said}; sleep infinity\"]\n");
    std::fs::write(folder.path().join("Dockerfile"), dockerfile)?;
    let builder = Stack::builder(file)
        .project_name(&format!("edited{}", std::process::id()))
        .ready("said", greenroom::Probe::log(said))
        .lifetime(greenroom::Lifetime::Keep);
    Ok(if build { builder.build() } else { builder }.up().await?)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_edited_dockerfile_is_built_again() -> Result {
    let folder = tempfile::tempdir()?;
    let first = edited(&folder, "first", false).await?;
    assert!(!first.report().services["said"].rebuilt);
    // The same file again finds the same stack; a changed Dockerfile makes it out of date.
    assert_eq!(edited(&folder, "first", false).await?.name(), first.name());
    let second = edited(&folder, "second", false).await?;
    assert_ne!(second.name(), first.name());
    assert!(second.report().services["said"].rebuilt, "{}", second.report());
    assert_says(&second.service("said")?.logs().await?, &["second"]);
    // Nothing has changed: what is built anew is the same image, so the stack stays.
    assert_eq!(edited(&folder, "second", true).await?.name(), second.name());
    for stack in greenroom::stack::stacks().await? {
        if [first.name(), second.name()].contains(&stack.name.as_str()) {
            stack.down().await?;
        }
    }
    let image = format!("edited{}-said", std::process::id());
    let (status, said) = ask_engine(Method::DELETE, &format!("/images/{image}")).await?;
    assert_eq!(status, 200, "{said}");
    Ok(())
}

/// What the hooks have written, to a folder of the host that outlives the service.
fn told(folder: &tempfile::TempDir) -> Result<String> {
    Ok(std::fs::read_to_string(folder.path().join("told"))?)
}

const AFTER_START: &str = "after the start as 1000 in /tmp\nthen as 0 in /\n";
const BEFORE_STOP: &str = "before the stop, greenroom-supply-secret, as 1001 in /tmp\n";

#[tokio::test]
async fn hooks_are_run_after_the_start_and_before_the_stop() -> Result {
    let folder = tempfile::tempdir()?;
    let stack = supply("hooks").env("OUT", &folder.path().to_string_lossy()).up().await?;
    assert_eq!(told(&folder)?, AFTER_START);
    stack.restart("hooked").await?;
    assert_eq!(told(&folder)?, [AFTER_START, BEFORE_STOP, AFTER_START].concat());
    stack.down().await?;
    assert_eq!(told(&folder)?, [AFTER_START, BEFORE_STOP, AFTER_START, BEFORE_STOP].concat());
    Ok(())
}

#[tokio::test]
async fn another_process_runs_the_hooks_when_it_takes_the_stack_down() -> Result {
    let folder = tempfile::tempdir()?;
    let stack = supply("hooks").env("OUT", &folder.path().to_string_lossy()).up().await?;
    // As another process finds it: by the engine's labels and what lies on the disk.
    let found = greenroom::stack::stacks().await?.into_iter().find(|found| found.name == stack.name());
    found.ok_or("it is not found")?.down().await?;
    assert_eq!(told(&folder)?, [AFTER_START, BEFORE_STOP].concat());
    stack.down().await?;
    Ok(())
}

#[tokio::test]
async fn a_hook_that_fails_after_the_start_fails_it() -> Result {
    let error = supply("failing-hook").up().await.expect_err("its hook exits with 7");
    let story = format!("{error:?}");
    for part in ["service `fails-after-start` could not be started", "exited with 7", "cannot seed with ***"]
    {
        assert!(story.contains(part), "`{part}` is not in:\n{story}");
    }
    assert!(!story.contains("greenroom-supply-secret"), "{story}");
    Ok(())
}
