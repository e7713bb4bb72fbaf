//! Hooks after the start and before the stop.

use expect_test::expect;

use super::{Script, TestStack, ms, secs};
use crate::event::Event;
use crate::stack::up::service;

const FILE: &str = "
services:
  db:
    image: db
    stop_grace_period: 20s
    post_start: [{command: [seed, one]}, {command: [seed, two]}]
    pre_stop: [{command: [drain], environment: {DB_TOKEN: hunter2-hunter2}}]
  web:
    image: web
    depends_on: {db: {condition: service_started}}
    pre_stop: [{command: [say, goodbye]}]
";

async fn up() -> (TestStack, std::sync::Arc<crate::stack::running::Running>) {
    let stack = TestStack::of(FILE);
    let running = stack.up().await.expect("it runs");
    (stack, running)
}

fn hook_failures(stack: &TestStack) -> Vec<String> {
    let events = stack.events().into_iter();
    let failures = events.filter_map(|event| match event {
        Event::HookFailed { service, hook, message, output } => {
            Some(format!("{service} {hook} {message}: {output}"))
        }
        _ => None,
    });
    failures.collect()
}

#[tokio::test(start_paused = true)]
async fn a_service_counts_as_started_once_its_hooks_have_finished() {
    let stack = TestStack::of(FILE);
    stack.engine.takes("run `seed", "db-1", ms(300));
    let running = stack.up().await.expect("it runs");
    expect![[r#"
        0 create network default
        0 create container db-1
        0 create container web-1
        0 start container db-1
        0 run `seed one` in db-1
        300 run `seed two` in db-1
        600 start container web-1
    "#]]
    .assert_eq(&stack.timeline());
    drop(running);
}

#[tokio::test(start_paused = true)]
async fn a_failed_post_start_hook_fails_the_start_with_its_output() {
    let stack = TestStack::of(FILE);
    stack.script("db", Script::default().answers([(0, ""), (3, "no table prices\ngiving up\n")]));
    expect![[r#"
        service `db` could not be started: its post_start hook `seed two` exited with 3
          hook output: no table prices
            giving up
          container: greenroom-shop-1-db-1, now removed
          waited for by: `web`
          log: $STATE/evidence/greenroom-shop-1/db.log, empty
          evidence of all services: $STATE/evidence/greenroom-shop-1"#]]
    .assert_eq(&stack.failure().await);
    // A stack that never was up runs no `pre_stop` hooks.
    assert_eq!(stack.engine.moments("run `drain`", ""), []);
}

#[tokio::test(start_paused = true)]
async fn an_exited_container_is_reported_rather_than_its_failed_hook() {
    let stack = TestStack::of(FILE);
    stack.script("db", Script::default().ends(ms(0), 3));
    let story = stack.failure().await;
    assert!(
        story.starts_with("service `db` exited with 3 before it was ready, 0.0s after its start"),
        "{story}"
    );
    assert!(story.contains("post_start[0] could not be run: the container is not running"), "{story}");
}

#[tokio::test(start_paused = true)]
async fn a_hanging_post_start_hook_fails_the_start_at_the_services_deadline() {
    let stack = TestStack::of(FILE);
    stack.script("db", Script::default().hangs());
    let begin = tokio::time::Instant::now();
    let story = stack.failure().await;
    assert_eq!(begin.elapsed(), crate::plan::DEFAULT_TIMEOUT);
    assert!(story.contains("post_start hook `seed one` had not exited by its deadline"), "{story}");
}

#[tokio::test(start_paused = true)]
async fn all_hooks_run_before_anything_is_stopped() {
    let (stack, running) = up().await;
    stack.engine.takes("run `drain`", "db-1", secs(2));
    let before = stack.timeline();
    stack.down_running(running).await.expect("it is removed");
    expect![[r#"
        623 run `drain` in db-1
        623 run `say goodbye` in web-1
        2623 remove container db-1
        2623 remove container web-1
        2623 remove network default
    "#]]
    .assert_eq(stack.timeline().strip_prefix(&before).expect("calls are only added"));
    assert_eq!(hook_failures(&stack), [""; 0]);
}

#[tokio::test(start_paused = true)]
async fn a_failed_pre_stop_hook_is_reported_and_everything_is_removed() {
    let (stack, running) = up().await;
    stack.script("db", Script::default().answers([(4, "cannot drain hunter2-hunter2\n")]));
    stack.script("web", Script::default().hangs());
    let begin = tokio::time::Instant::now();
    stack.down_running(running).await.expect("it is removed");
    assert_eq!(stack.engine.contents(), "");
    // The default grace period.
    assert_eq!(begin.elapsed(), secs(10));
    assert_eq!(
        hook_failures(&stack),
        [
            "db pre_stop[0] exited with 4: cannot drain ***",
            "web pre_stop[0] had not exited by its deadline: "
        ]
    );
}

#[tokio::test(start_paused = true)]
async fn a_restart_is_a_stop_and_a_start() {
    let (stack, running) = up().await;
    let before = stack.timeline();
    service::restart(&stack.start(), &running.services()["db"]).await.expect("it runs again");
    expect![[r#"
        623 run `drain` in db-1
        623 stop container db-1 within 20s
        623 restart container db-1
        623 run `seed one` in db-1
        623 run `seed two` in db-1
    "#]]
    .assert_eq(stack.timeline().strip_prefix(&before).expect("calls are only added"));
    drop(running);
}

#[tokio::test(start_paused = true)]
async fn a_container_that_has_exited_runs_no_hook() {
    let stack = TestStack::of(&FILE.replace("post_start", "x-post-start"));
    stack.script("db", Script::default().ends(secs(3), 0));
    let running = stack.up().await.expect("it runs");
    tokio::time::sleep(secs(3)).await;
    stack.down_running(running).await.expect("it is removed");
    assert_eq!(stack.engine.moments("run `drain`", ""), []);
    assert_eq!(hook_failures(&stack), [""; 0]);
}
