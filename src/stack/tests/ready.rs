//! When a service counts as ready.

use std::convert::Infallible;
use std::sync::atomic::{AtomicUsize, Ordering};

use expect_test::expect;
use tokio::net::TcpListener;
use tokio::time::Instant;

use super::{Script, TestStack, ms, secs};
use crate::event::Event;
use crate::kind::Probe;
use crate::plan::{Options, Ports};

const HEALTHCHECK: &str = "
services:
  db:
    image: db
    healthcheck: {test: [CMD, ready], interval: 30s, start_period: 1m, start_interval: 5s, timeout: 2s, retries: 1}
";

#[tokio::test(start_paused = true)]
async fn a_healthcheck_runs_at_once_and_often_whatever_its_interval() {
    let stack = TestStack::of(HEALTHCHECK);
    stack.script("db", Script::default().answers_after(ms(100)));
    let running = stack.up().await.expect("it answers");
    assert_eq!(stack.engine.moments("run `ready`", "db-1"), [0, 20, 50, 95, 163]);
    assert_eq!(running.services()["db"].known.ready_after, ms(163));
}

#[tokio::test(start_paused = true)]
async fn more_failures_than_retries_do_not_fail_the_start() {
    let stack = TestStack::of(HEALTHCHECK);
    stack.script("db", Script::default().answers((0..40).map(|_| (1, "no")).chain([(0, "")])));
    stack.up().await.expect("the forty-first answer is good");
    assert_eq!(stack.engine.moments("run", "db-1").len(), 41);
}

#[tokio::test(start_paused = true)]
async fn a_healthcheck_that_hangs_is_retried_after_its_timeout() {
    let stack = TestStack::of(HEALTHCHECK);
    stack.script("db", Script::default().hangs());
    stack.failure().await;
    assert_eq!(&stack.engine.moments("run", "db-1")[..3], [0, 2_020, 4_050]);
}

#[tokio::test(start_paused = true)]
async fn the_images_healthcheck_is_used_if_the_file_has_none() {
    let stack =
        TestStack::of("services: {db: {image: db}, other: {image: db, healthcheck: {disable: true}}}");
    stack.engine.image_has_healthcheck("db", &["CMD-SHELL", "ready || exit 1"]);
    stack.up().await.expect("it answers");
    assert_eq!(stack.engine.moments("run `/bin/sh -c ready || exit 1`", "db-1"), [0]);
    assert_eq!(stack.engine.moments("run", "other-1"), []);
}

/// A service whose published port leads to `listener`, as through the engine's proxy.
fn behind(listener: &TcpListener, more: &str) -> TestStack {
    let port = listener.local_addr().expect("it is bound").port();
    let file = format!("services: {{api: {{image: api, ports: ['127.0.0.1:{port}:8080'], {more}}}}}");
    TestStack::with(&file, Options { ports: Ports::AsWritten, timeout: Some(secs(2)), ..Options::default() })
}

async fn bound() -> TcpListener {
    TcpListener::bind("127.0.0.1:0").await.expect("loopback has a free port")
}

/// Accepts connections and keeps them open, like a stopped proxy.
async fn accept_all(listener: &TcpListener, accepted: &AtomicUsize) -> Infallible {
    let mut open = Vec::new();
    loop {
        open.push(listener.accept().await.expect("it is bound"));
        accepted.fetch_add(1, Ordering::Relaxed);
    }
}

/// How many connections a start makes until the service is ready.
async fn connections_until_ready(script: Script, more: &str) -> usize {
    let (listener, accepted) = (bound().await, AtomicUsize::new(0));
    let stack = behind(&listener, more);
    stack.script("api", script);
    tokio::select! {
        running = stack.up() => drop(running.expect("it answers")),
        never = accept_all(&listener, &accepted) => match never {},
    }
    accepted.load(Ordering::Relaxed)
}

const PASSES: &str = "healthcheck: {test: [CMD, ready]}";

#[tokio::test(start_paused = true)]
async fn a_published_port_is_asked_besides_the_healthcheck() {
    let listening = Script::default().listens_on(&["0.0.0.0:8080"]);
    assert_eq!(connections_until_ready(listening.clone(), PASSES).await, 1);
    // The server that answered before the healthcheck passed may have been a temporary one.
    assert_eq!(connections_until_ready(listening.answers([(1, ""), (0, "")]), PASSES).await, 2);
    let unserved = format!("{PASSES}, x-greenroom: {{unserved: [8080]}}");
    assert_eq!(connections_until_ready(Script::default(), &unserved).await, 0);
}

#[tokio::test(start_paused = true)]
async fn an_accepted_connection_is_believed_at_the_second_time_if_the_container_cannot_be_looked_into() {
    assert_eq!(connections_until_ready(Script::default(), PASSES).await, 2);
}

/// The error of a start whose healthcheck passes, and whose port a proxy accepts, while this listens in the container.
async fn failure_while_listening_on(sockets: &[&str]) -> String {
    let (listener, accepted) = (bound().await, AtomicUsize::new(0));
    let stack = behind(&listener, PASSES);
    stack.script("api", Script::default().listens_on(sockets));
    let failure = tokio::select! {
        failure = stack.failure() => failure,
        never = accept_all(&listener, &accepted) => match never {},
    };
    let address = listener.local_addr().expect("it is bound").to_string();
    failure.replace(&address, "PROXY")
}

#[tokio::test(start_paused = true)]
async fn a_server_on_its_containers_loopback_is_never_ready() {
    expect![[r#"
        service `api` was not ready after 2.0s: 11 attempts, last: only the engine's proxy accepts the connection (PROXY)
          it listens on 127.0.0.1:8080, inside the container only
          probe: tcp :8080 accepts and stays open, then exec `ready` ends with 0
          container: greenroom-shop-1-api-1, now removed
          log: $STATE/evidence/greenroom-shop-1/api.log, empty
          evidence of all services: $STATE/evidence/greenroom-shop-1

        hint: let the server listen on 0.0.0.0:8080, not 127.0.0.1:8080: a published port does not reach a container's loopback"#]].assert_eq(&failure_while_listening_on(&["127.0.0.1:8080"]).await);
}

#[tokio::test(start_paused = true)]
async fn a_wrong_container_port_is_told_with_the_ports_that_are_served() {
    expect![[r#"
        service `api` was not ready after 2.0s: 11 attempts, last: only the engine's proxy accepts the connection (PROXY)
          nothing listens on port 8080 in the container, which listens on 9090
          probe: tcp :8080 accepts and stays open, then exec `ready` ends with 0
          container: greenroom-shop-1-api-1, now removed
          log: $STATE/evidence/greenroom-shop-1/api.log, empty
          evidence of all services: $STATE/evidence/greenroom-shop-1

        hint: correct the container port 8080 in the compose file; if the service serves it only later, add `x-greenroom: {unserved: [8080]}`"#]].assert_eq(&failure_while_listening_on(&["0.0.0.0:9090", "[::]:9090"]).await);
}

#[tokio::test(start_paused = true)]
async fn an_explicit_probe_replaces_the_healthcheck() {
    let file = "services: {db: {image: db, healthcheck: {test: [CMD, theirs]}, x-greenroom: {ready: {exec: [ours]}}}}";
    let stack = TestStack::of(file);
    stack.up().await.expect("it answers");
    assert_eq!(stack.engine.moments("run `ours`", "db-1"), [0]);
    assert_eq!(stack.engine.moments("run `theirs`", "db-1"), []);

    let probes = [("db".to_owned(), Probe::exec(["the", "test's"]))].into();
    let stack = TestStack::with(file, Options { probes, ..Options::default() });
    stack.up().await.expect("it answers");
    assert_eq!(stack.engine.moments("run `the test's`", "db-1"), [0]);
    assert_eq!(stack.engine.moments("run `ours`", "db-1"), []);
}

#[tokio::test(start_paused = true)]
async fn a_text_in_the_log_makes_a_service_ready() {
    let stack = TestStack::of("services: {db: {image: db, x-greenroom: {ready: {log: listening on}}}}");
    stack.script("db", Script::default().logs("starting\nlistening on 5432\n"));
    let running = stack.up().await.expect("the text is there");
    assert_eq!(running.services()["db"].known.ready_after, ms(0));
}

#[tokio::test(start_paused = true)]
async fn a_service_without_a_probe_is_ready_after_half_a_second() {
    let stack = TestStack::of("services: {worker: {image: worker}}");
    let running = stack.up().await.expect("it runs");
    let after = running.services()["worker"].known.ready_after;
    assert!((ms(500)..=ms(650)).contains(&after), "{after:?}");
    assert!(!running.services()["worker"].known.completed);
}

#[tokio::test(start_paused = true)]
async fn a_service_without_a_probe_may_exit_with_0() {
    let stack =
        TestStack::of("services: {worker: {image: worker, volumes: ['data:/data']}}\nvolumes: {data: {}}");
    stack.script("worker", Script::default().ends(ms(0), 0));
    let running = stack.up().await.expect("it ended well");
    let worker = &running.services()["worker"];
    assert!(worker.known.completed);
    assert_eq!(worker.known.mounts.len(), 1);
}

#[tokio::test(start_paused = true)]
async fn each_step_is_reported_as_an_event() {
    let stack = TestStack::of(
        "services: {db: {image: db, healthcheck: {test: [CMD, ready]}}, web: {image: web, depends_on: [db]}}",
    );
    stack.script("db", Script::default().answers([(1, ""), (0, "")]));
    stack.up().await.expect("both are ready");
    let events: Vec<_> = stack.events().iter().map(one_line).collect();
    expect![[r#"
        Started { service: "db" }
        db ready after 20ms: exec `ready` ends with 0
        Started { service: "web" }
        web ready after 623ms: still runs after half a second, or has ended with 0"#]]
    .assert_eq(&events.join("\n"));
}

#[tokio::test(start_paused = true)]
async fn the_last_look_gives_a_slow_service_a_few_seconds() {
    let stack = TestStack::of(HEALTHCHECK);
    stack.script("db", Script::default().answers([(0, ""), (1, "busy"), (1, "busy"), (0, "")]));
    let running = stack.up().await.expect("it answers");
    assert_eq!(running.silent(stack.engine.as_ref()).await, []);
    assert_eq!(stack.engine.moments("run", "db-1").len(), 4);
}

#[tokio::test(start_paused = true)]
async fn a_service_that_stays_silent_is_found_and_one_that_has_exited_at_once() {
    for (script, patience, seen) in [
        (Script::default().answers([(0, ""), (1, "broken")]), secs(5), "`ready` exited with 1: broken"),
        (Script::default().answers([(0, ""), (1, "")]).ends(secs(1), 3), secs(0), "it exited with 3"),
    ] {
        let stack = TestStack::of(HEALTHCHECK);
        stack.script("db", script);
        let running = stack.up().await.expect("it answers");
        tokio::time::sleep(secs(1)).await;
        let begin = Instant::now();
        let silent = running.silent(stack.engine.as_ref()).await;
        assert_eq!(silent.iter().map(|silent| silent.seen.as_str()).collect::<Vec<_>>(), [seen]);
        assert!((patience..patience + secs(1)).contains(&begin.elapsed()), "{:?}", begin.elapsed());
    }
}

fn one_line(event: &Event) -> String {
    match event {
        Event::Ready(ready) => format!("{} ready after {:?}: {}", ready.service, ready.after, ready.probe),
        event => format!("{event:?}"),
    }
}
