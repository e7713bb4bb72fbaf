//! Which image a service runs.

use expect_test::expect;

use super::engine::{ScriptedEngine, Whereabouts};
use super::{TestFolder, TestStack};
use crate::event::Event;
use crate::plan::Options;
use crate::stack::up::changed_since;
use std::sync::Arc;

#[tokio::test(start_paused = true)]
async fn an_image_that_is_present_is_not_pulled() {
    let stack = TestStack::of("services: {db: {image: 'db:1'}}");
    stack.up().await.expect("it runs");
    assert_eq!(stack.engine.moments("pull", ""), []);
}

#[tokio::test(start_paused = true)]
async fn an_image_that_is_not_present_is_pulled() {
    let stack = TestStack::of("services: {db: {image: 'db:1'}}");
    stack.engine.image_is("db:1", Whereabouts::Registry);
    stack.up().await.expect("it is in the registry");
    assert_eq!(stack.engine.moments("pull image db:1", ""), [0]);
    let progress = stack.events().into_iter().filter_map(|event| match event {
        Event::ImageProgress { service, line } => Some(format!("{service}: {line}\n")),
        _ => None,
    });
    expect![[r#"
        db: pulling db:1
        db: layer 1 of 1
    "#]]
    .assert_eq(&progress.collect::<String>());
}

#[tokio::test(start_paused = true)]
async fn an_image_that_the_file_builds_is_built_and_not_pulled() {
    let stack = TestStack::of("services: {web: {build: {context: .}}}");
    stack.engine.image_is("shop-web", Whereabouts::Registry);
    stack.up().await.expect("it is built");
    assert_eq!(stack.engine.moments("build image shop-web", ""), [0]);
    assert_eq!(stack.engine.moments("pull", ""), []);
}

#[tokio::test(start_paused = true)]
async fn an_unavailable_image_is_named() {
    let stack =
        TestStack::of("services: {db: {image: 'example.org/db:1'}, web: {image: web, depends_on: [db]}}");
    stack.engine.image_is("example.org/db:1", Whereabouts::Nowhere);
    expect![[r#"
        service `db` has no image to run: failed to pull image example.org/db:1: repository does not exist
          waited for by: `web`

        hint: check the image's name, try `docker pull`, or declare `build:` or `x-greenroom: fallback:`"#]]
    .assert_eq(&stack.failure().await);
}

#[tokio::test(start_paused = true)]
async fn an_image_that_may_not_be_pulled_is_named() {
    let stack = TestStack::of("services: {db: {image: 'db:1', pull_policy: never}}");
    stack.engine.image_is("db:1", Whereabouts::Registry);
    expect![[r#"
        service `db` has no image to run: failed to find image `db:1`: the engine does not have it, and `pull_policy: never` forbids pulling it

        hint: check the image's name, try `docker pull`, or declare `build:` or `x-greenroom: fallback:`"#]].assert_eq(&stack.failure().await);
}

/// A stack with a service that is built from its own folder.
fn stack_with_build(engine: &Arc<ScriptedEngine>, folder: &Arc<TestFolder>, options: Options) -> TestStack {
    let file = "services: {web: {build: {context: web}}}";
    TestStack::on(engine.clone(), folder.clone(), &folder.0, file, options)
}

/// A folder with the context of [`stack_with_build`].
fn folder_with_context(dockerfile: &str) -> Arc<TestFolder> {
    let folder = Arc::new(TestFolder::new());
    std::fs::create_dir_all(folder.0.join("web")).expect("the folder can be written to");
    write_dockerfile(&folder, dockerfile);
    folder
}

fn write_dockerfile(folder: &TestFolder, text: &str) {
    std::fs::write(folder.0.join("web/Dockerfile"), text).expect("the folder can be written to");
}

/// How often the image was built in all.
fn builds(engine: &ScriptedEngine) -> usize {
    engine.moments("build image", "").len()
}

#[tokio::test(start_paused = true)]
async fn an_image_is_built_again_when_its_context_has_changed() {
    let (engine, folder) = (Arc::new(ScriptedEngine::new()), folder_with_context("FROM a"));
    engine.image_is("shop-web", Whereabouts::Nowhere);
    for (dockerfile, builds_in_all, rebuilt) in
        [("FROM a", 1, false), ("FROM a", 1, false), ("FROM b", 2, true)]
    {
        write_dockerfile(&folder, dockerfile);
        let stack = stack_with_build(&engine, &folder, Options::default());
        let running = stack.up().await.expect("it runs");
        let report = running.report();
        assert_eq!(
            (builds(&engine), report.services["web"].rebuilt),
            (builds_in_all, rebuilt),
            "{dockerfile}"
        );
        assert_eq!(report.warnings, []);
        assert_eq!(changed_since(&stack.plan, &stack.facts(&running)).await, None);
        stack.down_running(running).await.expect("it is removed");
    }
}

#[tokio::test(start_paused = true)]
async fn a_running_stack_is_known_to_be_out_of_date() {
    let (engine, folder) = (Arc::new(ScriptedEngine::new()), folder_with_context("FROM a"));
    engine.image_is("shop-web", Whereabouts::Nowhere);
    let stack = stack_with_build(&engine, &folder, Options::default());
    let running = stack.up().await.expect("it runs");
    write_dockerfile(&folder, "FROM b");
    assert_eq!(changed_since(&stack.plan, &stack.facts(&running)).await.as_deref(), Some("web"));
}

#[tokio::test(start_paused = true)]
async fn an_image_of_somebody_else_is_used_with_a_warning() {
    let (engine, folder) = (Arc::new(ScriptedEngine::new()), folder_with_context("FROM a"));
    engine.image_is("shop-web", Whereabouts::Engine);
    let running = stack_with_build(&engine, &folder, Options::default()).up().await.expect("it runs");
    assert_eq!(builds(&engine), 0);
    let warnings = running.report().warnings.iter().map(ToString::to_string).collect::<String>();
    expect!["services.web.build: the image `shop-web` is used as it is, and may be out of date: greenroom did not build it; `--build`, or `.build()` in Rust, builds it"].assert_eq(&warnings);
}

#[tokio::test(start_paused = true)]
async fn an_image_is_built_in_any_case_if_that_is_asked_for() {
    let (engine, folder) = (Arc::new(ScriptedEngine::new()), folder_with_context("FROM a"));
    for count in [1, 2] {
        let stack = stack_with_build(&engine, &folder, Options { build: true, ..Options::default() });
        let running = stack.up().await.expect("it runs");
        assert_eq!(builds(&engine), count);
        stack.down_running(running).await.expect("it is removed");
    }
}

#[tokio::test(start_paused = true)]
async fn a_build_that_fails_is_not_answered_with_a_hint_to_declare_one() {
    let (engine, folder) = (Arc::new(ScriptedEngine::new()), folder_with_context("FROM a"));
    engine.image_is("shop-web", Whereabouts::Nowhere);
    let stack = stack_with_build(&engine, &folder, Options::default());
    stack.engine.fails("build image", "", "gcc: not found");
    expect![[r#"
        service `web` has no image to run: failed to build image shop-web: gcc: not found

        hint: `docker build $STATE/web` shows the whole output of the build"#]]
    .assert_eq(&stack.failure().await);
}

/// A stack in its own folder, which contains the fallback's build context.
fn stack_with_fallback() -> TestStack {
    let folder = Arc::new(TestFolder::new());
    let context = folder.0.join("images/db");
    std::fs::create_dir_all(&context).expect("the folder can be written to");
    std::fs::write(context.join("Dockerfile"), "FROM scratch\n").expect("the folder can be written to");
    let engine = Arc::new(ScriptedEngine::new());
    let file = "services: {db: {image: 'example.org/db:1', x-greenroom: {fallback: {context: images/db}}}}";
    let directory = folder.0.clone();
    let stack = TestStack::on(engine, folder, &directory, file, Options::default());
    stack.engine.image_is("example.org/db:1", Whereabouts::Nowhere);
    stack
}

#[tokio::test(start_paused = true)]
async fn a_fallback_is_used_and_reported() {
    let stack = stack_with_fallback();
    let running = stack.up().await.expect("the fallback is built");
    expect![[r#"
        0 pull image example.org/db:1
        0 create network default
        0 build image greenroom-fallback/db:843cf7f4a037
        0 create container db-1
        0 start container db-1
    "#]]
    .assert_eq(&stack.timeline());
    let events: Vec<_> =
        stack.events().into_iter().filter(|event| matches!(event, Event::FallbackImage { .. })).collect();
    expect![[r#"
        [
            FallbackImage {
                service: "db",
                wanted: "example.org/db:1",
                used: "greenroom-fallback/db:843cf7f4a037",
                reason: "repository does not exist",
            },
        ]
    "#]]
    .assert_debug_eq(&events);
    let report = running.report();
    assert_eq!(report.services["db"].stands_in_for.as_deref(), Some("example.org/db:1"));
}

#[tokio::test(start_paused = true)]
async fn a_fallback_that_cannot_be_built_is_reported_with_the_image_it_replaces() {
    let stack = stack_with_fallback();
    stack.engine.fails("build image", "", "the Dockerfile is empty");
    expect![[r#"
        service `db` has no image to run: failed to pull image example.org/db:1: repository does not exist
          its fallback could not be built: failed to build image greenroom-fallback/db:843cf7f4a037: the Dockerfile is empty"#]].assert_eq(&stack.failure().await);
}

#[tokio::test(start_paused = true)]
async fn a_fallback_that_is_not_needed_is_not_built() {
    let stack = stack_with_fallback();
    stack.engine.image_is("example.org/db:1", Whereabouts::Registry);
    let running = stack.up().await.expect("it is in the registry");
    assert_eq!(stack.engine.moments("build", ""), []);
    assert_eq!(running.services()["db"].known.image.stands_in_for, None);
}
