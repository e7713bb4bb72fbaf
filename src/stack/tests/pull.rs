//! When an image is pulled, and when it is built. What each policy does, Docker Compose 2.40 was asked.

use super::TestStack;
use super::engine::Whereabouts::{self, Both, Engine, Nowhere, Registry};
use super::secs;

const DAY: u64 = 24 * 60 * 60;

/// What is done for the image `db:1`, which is there, of a service that says `said` besides.
async fn done(said: &str, whereabouts: Whereabouts) -> Result<String, String> {
    let stack = TestStack::of(&format!("services: {{db: {{image: 'db:1'{said}}}}}"));
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

/// The same of one that is built.
async fn done_with_build(policy: &str, whereabouts: Whereabouts) -> String {
    let said = format!(", build: ., pull_policy: {policy}");
    done(&said, whereabouts).await.expect("it can be built")
}

#[tokio::test(start_paused = true)]
async fn missing_pulls_what_is_not_there_and_builds_what_cannot_be_pulled() {
    for policy in ["missing", "if_not_present"] {
        assert_eq!(done_with_build(policy, Both).await, "");
        assert_eq!(done_with_build(policy, Registry).await, "pull image db:1");
        assert_eq!(done_with_build(policy, Nowhere).await, "pull image db:1, then build image db:1");
    }
    assert_eq!(done(", build: .", Nowhere).await.as_deref(), Ok("pull image db:1, then build image db:1"));
    assert_eq!(done("", Registry).await.as_deref(), Ok("pull image db:1"));
}

#[tokio::test(start_paused = true)]
async fn always_pulls_and_where_that_fails_goes_on_with_what_a_build_gave() {
    assert_eq!(done(", pull_policy: always", Both).await.as_deref(), Ok("pull image db:1"));
    assert_eq!(done_with_build("always", Both).await, "pull image db:1");
    assert_eq!(done_with_build("always", Engine).await, "pull image db:1");
    assert_eq!(done_with_build("always", Nowhere).await, "pull image db:1, then build image db:1");
    let error = done(", pull_policy: always", Engine).await.expect_err("no registry has it");
    assert!(error.ends_with("failed to pull image db:1: repository does not exist"), "{error}");
}

#[tokio::test(start_paused = true)]
async fn never_builds_at_most() {
    assert_eq!(done_with_build("never", Engine).await, "");
    assert_eq!(done_with_build("never", Registry).await, "build image db:1");
    let error = done(", pull_policy: never", Registry).await.expect_err("it is not there");
    assert!(
        error.ends_with("the engine does not have it, and `pull_policy: never` forbids to pull it"),
        "{error}"
    );
}

#[tokio::test(start_paused = true)]
async fn build_builds_each_time() {
    assert_eq!(done_with_build("build", Both).await, "build image db:1");
    assert_eq!(done(", pull_policy: build", Engine).await.as_deref(), Ok(""));
    let error = done(", pull_policy: build", Registry).await.expect_err("there is nothing to build");
    assert!(error.ends_with("there is no `build` for its `pull_policy: build` to go by"), "{error}");
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
    // The engine does not tell its age.
    assert_eq!(done(", pull_policy: daily", Both).await.as_deref(), Ok("pull image db:1"));
    assert_eq!(done(", pull_policy: daily", Registry).await.as_deref(), Ok("pull image db:1"));
}

#[tokio::test(start_paused = true)]
async fn what_has_no_name_of_its_own_is_in_no_registry() {
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
