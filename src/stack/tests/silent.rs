//! An engine that stops answering.

use expect_test::expect;
use tokio::sync::oneshot;

use super::{Script, TestStack, secs};
use crate::event::Event;
use crate::liveness::LivenessChecked;
use crate::stack::up::start_or_clean_up;

const FILE: &str = "services: {web: {image: web}}";

/// Brings the stack up on an engine that is asked for a sign of life; gives the error, and what was waited for.
async fn up(stack: &TestStack) -> (Option<String>, Vec<String>) {
    let mut start = stack.start();
    start.engine = LivenessChecked::over(start.engine, start.observer.clone());
    let (_cancel, cancelled) = oneshot::channel();
    let error = start_or_clean_up(&start, cancelled).await.err();
    let waits = stack.events().into_iter().filter_map(|event| match event {
        Event::Waiting { what } => Some(what),
        _ => None,
    });
    (error.map(|error| stack.story(&error)), waits.collect())
}

#[tokio::test(start_paused = true)]
async fn a_request_to_a_silent_engine_ends_at_its_deadline() {
    let stack = TestStack::of(FILE);
    stack.engine.takes("create network", "", secs(3600));
    stack.engine.falls_silent();
    let begin = tokio::time::Instant::now();
    let (error, waits) = up(&stack).await;
    assert_eq!(begin.elapsed(), secs(20));
    expect![[r#"
        failed to talk to the container engine at $ENGINE: it gave no sign of life within 20s

        hint: it may be stopped or overloaded: `docker version` shows whether it answers; then try again"#]]
    .assert_eq(&error.expect("it fails").replace(&crate::engine::shown_address(), "$ENGINE"));
    assert_eq!(waits.len(), 1, "{waits:?}");
    assert!(waits[0].ends_with(", which does not answer"), "{waits:?}");
}

#[tokio::test(start_paused = true)]
async fn a_slow_request_is_waited_for_while_the_engine_answers_others() {
    let stack = TestStack::of(FILE);
    stack.engine.takes("create container", "", secs(3600));
    assert_eq!(up(&stack).await, (None, Vec::new()));
}

#[tokio::test(start_paused = true)]
async fn a_service_is_not_waited_for_on_a_silent_engine() {
    let stack = TestStack::of("services: {web: {image: web, x-greenroom: {ready: {exec: [ready]}}}}");
    stack.script("web", Script::default().hangs());
    stack.engine.falls_silent();
    let begin = tokio::time::Instant::now();
    let (error, waits) = up(&stack).await;
    assert!(error.is_some_and(|error| error.contains("it gave no sign of life within 20s")));
    // Not until the service's own deadline.
    assert_eq!(begin.elapsed(), secs(20));
    assert_eq!(waits.len(), 1, "{waits:?}");
}
