//! `restart:`, which greenroom applies itself and only during start-up, and restarts that a test asks for.

use expect_test::expect;

use super::{Script, TestStack, ms, secs};
use crate::event::Event;
use crate::stack::up::service;

fn stack(restart: &str) -> TestStack {
    TestStack::of(&format!(
        "services: {{db: {{image: db, restart: '{restart}', healthcheck: {{test: [CMD, ready]}}, x-greenroom: {{timeout: 30s}}}}}}"
    ))
}

/// The times of the first start and the restarts, in milliseconds.
fn starts(stack: &TestStack) -> Vec<u128> {
    [stack.engine.moments("start", "db-1"), stack.engine.moments("restart", "db-1")].concat()
}

/// A database that exits before it answers.
fn crashes() -> Script {
    Script::default().answers([(1, "starting up")]).ends(ms(200), 3)
}

#[tokio::test(start_paused = true)]
async fn each_exit_is_followed_by_a_restart_after_a_growing_pause() {
    let stack = stack("always");
    let script = Script::default().answers_after(ms(300));
    stack.script("db", script.ends(ms(200), 3).ends(ms(200), 0).ends(ms(200), 3).runs_on());
    let running = stack.up().await.expect("the fourth run stays");
    let starts = starts(&stack);
    let between: Vec<_> = starts.windows(2).map(|pair| pair[1] - pair[0]).collect();
    // Each run lasted 200 ms; its exit was noticed up to half a second later.
    for (between, pause) in between.iter().zip([100, 200, 400]) {
        assert!((200 + pause..=200 + pause + 510).contains(between), "{starts:?}");
    }
    assert_eq!(running.services()["db"].known.restarts, 3);
    let events = stack.events().into_iter().filter_map(|event| match event {
        Event::Restarting { service, exit, pause } => Some(format!("{service} {exit}, again in {pause:?}\n")),
        _ => None,
    });
    expect![[r#"
        db exited with 3, again in 100ms
        db exited with 0, again in 200ms
        db exited with 3, again in 400ms
    "#]]
    .assert_eq(&events.collect::<String>());
}

#[tokio::test(start_paused = true)]
async fn ready_after_counts_from_the_last_start() {
    let stack = stack("always");
    stack.script("db", Script::default().answers_after(ms(300)).ends(ms(200), 3).runs_on());
    let running = stack.up().await.expect("the second run stays");
    let after = running.services()["db"].known.ready_after;
    assert!((ms(300)..=ms(500)).contains(&after), "{after:?}");
}

#[tokio::test(start_paused = true)]
async fn the_deadline_is_respected() {
    let stack = stack("unless-stopped");
    stack.script("db", crashes());
    let story = stack.failure().await;
    expect![[r#"
        service `db` exited with 3 before it was ready, 29.2s after its start
          last probe: `ready` exited with 1: starting up
          restarted 10 times
          container: greenroom-shop-1-db-1, now removed
          log: $STATE/evidence/greenroom-shop-1/db.log, empty
          evidence of all services: $STATE/evidence/greenroom-shop-1"#]]
    .assert_eq(&story);
    assert!(starts(&stack).into_iter().all(|start| start < 30_000));
}

#[tokio::test(start_paused = true)]
async fn on_failure_restarts_at_most_as_often_as_it_states() {
    let stack = stack("on-failure:2");
    stack.script("db", crashes());
    let story = stack.failure().await;
    assert_eq!(starts(&stack).len(), 3);
    expect![[r#"
        service `db` exited with 3 before it was ready, 1.1s after its start
          last probe: `ready` exited with 1: starting up
          restarted 2 times
          container: greenroom-shop-1-db-1, now removed
          log: $STATE/evidence/greenroom-shop-1/db.log, empty
          evidence of all services: $STATE/evidence/greenroom-shop-1"#]]
    .assert_eq(&story);
}

#[tokio::test(start_paused = true)]
async fn on_failure_does_not_restart_after_exit_0() {
    let stack = stack("on-failure");
    stack.script("db", Script::default().answers([(1, "")]).ends(ms(200), 0));
    let story = stack.failure().await;
    assert_eq!(starts(&stack), [0]);
    assert!(story.starts_with("service `db` exited with 0 before it was ready"), "{story}");
}

#[tokio::test(start_paused = true)]
async fn without_a_policy_an_exit_is_final() {
    let stack = stack("no");
    stack.script("db", crashes());
    stack.failure().await;
    assert_eq!(starts(&stack), [0]);
}

#[tokio::test(start_paused = true)]
async fn a_service_without_a_probe_must_run_for_half_a_second_after_its_last_start() {
    let stack = TestStack::of("services: {worker: {image: worker, restart: always}}");
    stack.script("worker", Script::default().ends(ms(450), 1).ends(ms(450), 1).runs_on());
    let running = stack.up().await.expect("the third run stays");
    assert_eq!(running.services()["worker"].known.restarts, 2);
}

#[tokio::test(start_paused = true)]
async fn a_one_shot_is_restarted_until_it_completes() {
    let stack = TestStack::of(
        "
services:
  migrate: {image: migrate, restart: on-failure}
  web: {image: web, depends_on: {migrate: {condition: service_completed_successfully}}}
",
    );
    stack.script("migrate", Script::default().ends(secs(1), 1).ends(secs(1), 0));
    let running = stack.up().await.expect("its second run ends with 0");
    let migrate = &running.services()["migrate"];
    assert_eq!((migrate.known.restarts, migrate.known.completed), (1, true));
}

#[tokio::test(start_paused = true)]
async fn a_restart_that_the_engine_refuses_fails_the_start() {
    let stack = stack("always");
    stack.script("db", crashes());
    stack.engine.fails("restart container", "db-1", "no space left on device");
    expect![[r#"
        service `db` could not be started: failed to restart container greenroom-shop-1-db-1: no space left on device
          container: greenroom-shop-1-db-1, now removed
          log: $STATE/evidence/greenroom-shop-1/db.log, empty
          evidence of all services: $STATE/evidence/greenroom-shop-1"#]].assert_eq(&stack.failure().await);
}

#[tokio::test(start_paused = true)]
async fn a_restart_stops_gracefully_and_waits_until_the_service_answers_again() {
    let stack = TestStack::of(
        "services: {db: {image: db, stop_grace_period: 7s, healthcheck: {test: [CMD, ready]}}}",
    );
    stack.script("db", Script::default().answers_after(ms(50)).ignores_its_stop_signal());
    let running = stack.up().await.expect("it answers");
    let before = stack.timeline();
    let again = service::restart(&stack.start(), &running.services()["db"]).await.expect("it answers again");
    assert_eq!(again.known.ready_after, ms(50));
    expect![[r#"
        50 stop container db-1 within 7s
        7050 restart container db-1
        7050 run `ready` in db-1
        7070 run `ready` in db-1
        7100 run `ready` in db-1
    "#]]
    .assert_eq(stack.timeline().strip_prefix(&before).expect("calls are only added"));
}

#[tokio::test(start_paused = true)]
async fn a_service_that_exits_after_a_restart_is_reported() {
    let stack = TestStack::of("services: {db: {image: db, healthcheck: {test: [CMD, ready]}}}");
    stack.script("db", Script::default().runs_on().ends(ms(0), 3));
    let running = stack.up().await.expect("it answers");
    let failure = service::restart(&stack.start(), &running.services()["db"]).await.expect_err("it ends");
    expect!["service `db` exited with 3 before it was ready, 0.0s after its start"]
        .assert_eq(&stack.story(&failure.into_error(&stack.plan, None)));
}
