//! When an image is pulled and when it is built. The expectations were observed with Docker Compose 2.40.

use super::TestStack;
use super::engine::Whereabouts::{self, Both, Engine, Nowhere, Registry};
use super::secs;

const DAY: u64 = 24 * 60 * 60;

/// Brings up a service with the image `db:1` and further keys `keys`; returns the pulls and builds.
async fn done(keys: &str, whereabouts: Whereabouts) -> Result<String, String> {
    let stack = TestStack::of(&format!("services: {{db: {{image: 'db:1'{keys}}}}}"));
    stack.engine.image_is("db:1", whereabouts);
    up(stack).await
}

async fn up(stack: TestStack) -> Result<String, String> {
    if let Err(error) = stack.up().await {
        return Err(error.to_string());
    }
    let timeline = stack.timeline();
    let images = timeline.lines().filter(|line| line.contains(" image ")).map(|line| &line[2..]);
    Ok(images.collect::<Vec<_>>().join(", then "))
}

/// Like [`done`], for a service with a `build`.
async fn done_with_build(policy: &str, whereabouts: Whereabouts) -> String {
    let keys = format!(", build: ., pull_policy: {policy}");
    done(&keys, whereabouts).await.expect("it can be built")
}

#[tokio::test(start_paused = true)]
async fn missing_pulls_a_missing_image_and_builds_it_if_that_fails() {
    for policy in ["missing", "if_not_present"] {
        assert_eq!(done_with_build(policy, Both).await, "");
        assert_eq!(done_with_build(policy, Registry).await, "pull image db:1");
        assert_eq!(done_with_build(policy, Nowhere).await, "pull image db:1, then build image db:1");
    }
    assert_eq!(done(", build: .", Nowhere).await.as_deref(), Ok("pull image db:1, then build image db:1"));
    assert_eq!(done("", Registry).await.as_deref(), Ok("pull image db:1"));
}

#[tokio::test(start_paused = true)]
async fn always_pulls_and_falls_back_to_a_build() {
    assert_eq!(done(", pull_policy: always", Both).await.as_deref(), Ok("pull image db:1"));
    assert_eq!(done_with_build("always", Both).await, "pull image db:1");
    assert_eq!(done_with_build("always", Engine).await, "pull image db:1");
    assert_eq!(done_with_build("always", Nowhere).await, "pull image db:1, then build image db:1");
    let error = done(", pull_policy: always", Engine).await.expect_err("no registry has it");
    assert!(error.ends_with("failed to pull image db:1: repository does not exist"), "{error}");
}

#[tokio::test(start_paused = true)]
async fn never_only_builds() {
    assert_eq!(done_with_build("never", Engine).await, "");
    assert_eq!(done_with_build("never", Registry).await, "build image db:1");
    let error = done(", pull_policy: never", Registry).await.expect_err("it is not there");
    assert!(
        error.ends_with("the engine does not have it, and `pull_policy: never` forbids pulling it"),
        "{error}"
    );
}

#[tokio::test(start_paused = true)]
async fn build_builds_each_time() {
    assert_eq!(done_with_build("build", Both).await, "build image db:1");
    assert_eq!(done(", pull_policy: build", Engine).await.as_deref(), Ok(""));
    let error = done(", pull_policy: build", Registry).await.expect_err("there is nothing to build");
    assert!(error.ends_with("and `pull_policy: build` has no `build` to use"), "{error}");
}

#[tokio::test(start_paused = true)]
async fn an_image_is_pulled_again_once_it_is_old() {
    for (policy, age, pulls) in [
        ("daily", DAY - 60, ""),
        ("daily", DAY + 60, "pull image db:1"),
        ("weekly", 7 * DAY - 60, ""),
        ("weekly", 7 * DAY + 60, "pull image db:1"),
        ("every_90m", 80 * 60, ""),
        ("every_90m", 100 * 60, "pull image db:1"),
        ("every_2d", 3 * DAY, "pull image db:1"),
    ] {
        let stack = TestStack::of(&format!("services: {{db: {{image: 'db:1', pull_policy: {policy}}}}}"));
        stack.engine.image_was_named("db:1", secs(age));
        assert_eq!(up(stack).await.as_deref(), Ok(pulls), "{policy} after {age} s");
    }
    // The engine does not know the image's age.
    assert_eq!(done(", pull_policy: daily", Both).await.as_deref(), Ok("pull image db:1"));
    assert_eq!(done(", pull_policy: daily", Registry).await.as_deref(), Ok("pull image db:1"));
}

#[tokio::test(start_paused = true)]
async fn a_service_without_an_image_name_is_never_pulled() {
    let stack = TestStack::of("services: {db: {build: ., pull_policy: always}}");
    stack.engine.image_is("shop-db", Registry);
    assert_eq!(up(stack).await.as_deref(), Ok("build image shop-db"));
}

#[tokio::test(start_paused = true)]
async fn a_build_that_needs_buildkit_says_what_to_do() {
    let stack = TestStack::of("services: {db: {build: .}}");
    stack.engine.image_is("shop-db", Nowhere);
    stack.engine.fails("build image", "shop-db", "the --mount option requires BuildKit");
    let error = stack.up().await.err().expect("it cannot be built");
    assert!(error.hint().is_some_and(|hint| hint.starts_with("build it first with `docker compose build`")));
}
