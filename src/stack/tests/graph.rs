//! The order and the moments in which services start.

use expect_test::expect;

use super::{Script, TestStack, ms, secs};

#[tokio::test(start_paused = true)]
async fn independent_services_start_at_the_same_moment() {
    let stack = TestStack::of("services: {a: {image: a}, b: {image: b}, c: {image: c}}");
    stack.engine.takes("create container", "b-1", ms(300));
    stack.up().await.expect("nothing goes wrong");
    expect![[r#"
        0 create network default
        0 create container a-1
        0 create container b-1
        0 create container c-1
        0 start container a-1
        0 start container c-1
        300 start container b-1
    "#]]
    .assert_eq(&stack.timeline());
}

/// Three dependents. Compose would start the one in the short form at once.
const AFTER_DB: &str = "
services:
  db: {image: db, healthcheck: {test: [CMD, ready], interval: 30s}}
  short: {image: a, depends_on: [db]}
  long: {image: a, depends_on: {db: {condition: service_healthy}}}
  early: {image: a, depends_on: {db: {condition: service_started}}}
";

#[tokio::test(start_paused = true)]
async fn a_dependent_starts_as_soon_as_its_dependency_answers() {
    let stack = TestStack::of(AFTER_DB);
    stack.script("db", Script::default().answers_after(secs(3)));
    stack.up().await.expect("db answers after three seconds");
    let answered = stack.engine.moments("run", "db-1").pop().expect("it was asked");
    assert!((3_000..=3_500).contains(&answered), "{answered}");
    assert_eq!(stack.engine.moment("start", "short-1"), answered);
    assert_eq!(stack.engine.moment("start", "long-1"), answered);
}

#[tokio::test(start_paused = true)]
async fn an_explicit_service_started_only_waits_for_the_start() {
    let stack = TestStack::of(AFTER_DB);
    stack.script("db", Script::default().answers_after(secs(3)));
    stack.engine.takes("start container", "db-1", ms(700));
    stack.up().await.expect("db answers after three seconds");
    assert_eq!(stack.engine.moment("start", "early-1"), 700);
}

#[tokio::test(start_paused = true)]
async fn containers_are_created_before_their_dependencies_are_ready() {
    let stack = TestStack::of(AFTER_DB);
    stack.script("db", Script::default().answers_after(secs(3)));
    stack.up().await.expect("db answers after three seconds");
    assert_eq!(stack.engine.moments("create container", ""), [0, 0, 0, 0]);
}

#[tokio::test(start_paused = true)]
async fn a_dependent_of_a_one_shot_starts_when_it_has_completed() {
    let stack = TestStack::of(
        "
services:
  migrate: {image: migrate, ports: [80], healthcheck: {test: [CMD, never-asked]}}
  web: {image: web, depends_on: {migrate: {condition: service_completed_successfully}}}
",
    );
    stack.script("migrate", Script::default().ends(secs(2), 0));
    let running = stack.up().await.expect("it ends with 0");
    let started = stack.engine.moment("start", "web-1");
    assert!((2_000..=2_150).contains(&started), "{started}");
    assert!(running.services()["migrate"].known.completed && !running.services()["web"].known.completed);
    assert_eq!(stack.engine.moments("run", "migrate-1"), []);
}

#[tokio::test(start_paused = true)]
async fn a_dependent_of_two_waits_for_the_later_one() {
    let stack = TestStack::of(
        "
services:
  db: {image: db, healthcheck: {test: [CMD, ready]}}
  cache: {image: cache, healthcheck: {test: [CMD, ready]}}
  web: {image: web, depends_on: [cache, db]}
  edge: {image: edge, depends_on: [web]}
",
    );
    stack.script("db", Script::default().answers_after(secs(1)));
    stack.script("cache", Script::default().answers_after(secs(2)));
    stack.up().await.expect("both answer");
    let web = stack.engine.moment("start", "web-1");
    assert!((2_000..=2_500).contains(&web), "{web}");
    // `web` has no healthcheck: it is ready when it has run for half a second.
    let edge = stack.engine.moment("start", "edge-1");
    assert!((web + 500..=web + 650).contains(&edge), "{edge}");
}

#[tokio::test(start_paused = true)]
async fn a_failure_cancels_everything_in_progress_and_removes_everything() {
    let stack = TestStack::of(
        "
services:
  bad: {image: bad, healthcheck: {test: [CMD, ready]}}
  slow: {image: slow, healthcheck: {test: [CMD, ready]}}
  web: {image: web, depends_on: [bad], volumes: ['data:/data']}
volumes: {data: {}}
",
    );
    stack.script("bad", Script::default().answers([(1, "")]).ends(ms(60), 1));
    stack.script("slow", Script::default().answers_after(secs(90)));
    stack.failure().await;
    expect![[r#"
        0 create network default
        0 create volume data
        0 create container bad-1
        0 create container slow-1
        0 create container web-1
        0 start container bad-1
        0 start container slow-1
        0 run `ready` in bad-1
        0 run `ready` in slow-1
        20 run `ready` in bad-1
        20 run `ready` in slow-1
        50 run `ready` in bad-1
        50 run `ready` in slow-1
        95 run `ready` in bad-1
        95 run `ready` in slow-1
        163 run `ready` in slow-1
        265 run `ready` in slow-1
        417 run `ready` in slow-1
        595 remove container bad-1
        595 remove container slow-1
        595 remove container web-1
        595 remove network default
        595 remove volume data
    "#]]
    .assert_eq(&stack.timeline());
}
