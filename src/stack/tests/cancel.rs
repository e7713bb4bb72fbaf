//! Cancelled starts.

use expect_test::expect;
use tokio::sync::oneshot;

use super::{Script, TestStack, ms, secs};

const FILE: &str = "
services:
  db: {image: db, volumes: ['data:/data'], healthcheck: {test: [CMD, ready]}}
  web: {image: web, depends_on: [db]}
volumes: {data: {}}
";

/// Cancels the start of `stack` after a while; checks that nothing is left, now or later, and returns the error.
async fn cancelled_after(stack: &TestStack, after: std::time::Duration) -> String {
    let (cancel, cancelled) = oneshot::channel();
    let (result, ()) = tokio::join!(stack.up_cancellable(cancelled), async {
        tokio::time::sleep(after).await;
        cancel.send(()).expect("the start is in progress");
    });
    let story = stack.story(&result.err().expect("it was cancelled"));
    assert_eq!(stack.engine.contents(), "");
    tokio::time::sleep(secs(60)).await;
    assert_eq!(stack.engine.contents(), "", "a creation went on after the clean-up");
    story
}

#[tokio::test(start_paused = true)]
async fn a_start_cancelled_while_waiting_leaves_nothing() {
    let stack = TestStack::of(FILE);
    stack.script("db", Script::default().answers([(1, "starting")]));
    let story = cancelled_after(&stack, secs(2)).await;
    expect!["the start was cancelled before the stack was ready"].assert_eq(&story);
    assert_eq!(stack.engine.moments("remove container", ""), [2_000, 2_000]);
    assert!(stack.evidence("state.txt").contains("db: last probe: `ready` exited with 1: starting"));
}

#[tokio::test(start_paused = true)]
async fn a_start_cancelled_during_a_slow_creation_leaves_nothing() {
    for slow in ["create network", "create volume", "create container"] {
        let stack = TestStack::of(FILE);
        stack.engine.takes(slow, "", secs(10));
        cancelled_after(&stack, secs(2)).await;
        assert_eq!(stack.engine.moments("start", ""), [], "{slow}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_start_cancelled_during_a_slow_container_start_leaves_nothing() {
    let stack = TestStack::of(FILE);
    stack.engine.takes("start container", "", secs(10));
    cancelled_after(&stack, secs(2)).await;
}

#[tokio::test(start_paused = true)]
async fn a_failure_waits_for_slow_creations_before_it_cleans_up() {
    let stack = TestStack::of("services: {bad: {image: bad}, slow: {image: slow}}");
    stack.script("bad", Script::default().ends(ms(0), 1));
    stack.engine.takes("create container", "slow-1", secs(10));
    stack.failure().await;
    tokio::time::sleep(secs(60)).await;
    assert_eq!(stack.engine.contents(), "");
}
