//! Services with several containers, or with none.

use expect_test::expect;

use super::{Script, TestStack, secs};

const TWO_WORKERS: &str = "
services:
  worker: {image: worker, deploy: {replicas: 2}, healthcheck: {test: [CMD, ready]}}
  web: {image: web, depends_on: [worker]}
";

#[tokio::test(start_paused = true)]
async fn a_dependent_waits_for_every_replica() {
    let stack = TestStack::of(TWO_WORKERS);
    stack.engine.takes("start container", "worker-2", secs(4));
    let running = stack.up().await.expect("nothing goes wrong");
    assert_eq!(stack.engine.moment("start", "worker-1"), 0);
    assert!(stack.engine.moment("start", "web-1") >= 4_000);
    let names: Vec<_> = running.services().into_keys().collect();
    assert_eq!(names, ["web", "worker", "worker#2"]);
    assert_eq!(
        stack.engine.spec("greenroom-shop-1-worker-2").labels["com.docker.compose.container-number"],
        "2"
    );
}

#[tokio::test(start_paused = true)]
async fn a_replica_that_fails_is_named() {
    let stack = TestStack::of(
        "services: {worker: {image: worker, scale: 2}, web: {image: web, depends_on: [worker]}}",
    );
    stack.engine.fails("start container", "worker-2", "no space left on device");
    expect![[r#"
        service `worker#2` could not be started: failed to start container greenroom-shop-1-worker-2: no space left on device
          container: greenroom-shop-1-worker-2, now removed
          waited for by: `web`
          log: $STATE/evidence/greenroom-shop-1/worker#2.log, empty
          evidence of all services: $STATE/evidence/greenroom-shop-1"#]]
    .assert_eq(&stack.failure().await);
}

#[tokio::test(start_paused = true)]
async fn nobody_waits_for_a_service_without_containers() {
    let stack = TestStack::of(
        "services: {worker: {image: worker, scale: 0}, web: {image: web, depends_on: [worker]}}",
    );
    stack.up().await.expect("nothing goes wrong");
    expect![[r#"
        0 create network default
        0 create container web-1
        0 start container web-1
    "#]]
    .assert_eq(&stack.timeline());
}

#[tokio::test(start_paused = true)]
async fn the_replicas_of_a_service_share_one_image() {
    let stack = TestStack::of("services: {worker: {build: ., scale: 3}}");
    stack.engine.image_is("shop-worker", super::engine::Whereabouts::Nowhere);
    stack.up().await.expect("nothing goes wrong");
    assert_eq!(stack.engine.moments("build image", "shop-worker").len(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_network_sharer_starts_after_the_owner_and_is_probed_through_the_owners_ports() {
    let stack = TestStack::of(
        "
services:
  vpn: {image: vpn, healthcheck: {test: [CMD, ready]}}
  app: {image: app, network_mode: 'service:vpn', x-greenroom: {ready: {tcp: 8000}}}
",
    );
    stack.script("vpn", Script::default().answers_after(secs(3)));
    let planned = stack.plan.service("vpn").expect("it is planned");
    assert_eq!(planned.ports.iter().map(|port| port.port.number).collect::<Vec<_>>(), [8000]);
    // Nothing listens on the scripted engine's ports; the failure shows which address was probed.
    let failure = stack.failure().await;
    assert!(failure.contains("service `app` was not ready"), "{failure}");
    assert!(failure.contains("127.0.0.1:49153"), "{failure}");
    let (vpn, app) =
        (stack.engine.moment("start", "vpn-1"), stack.engine.moment("create container", "app-1"));
    assert!(vpn <= app && app < 3_000, "{vpn} {app}");
}

#[tokio::test(start_paused = true)]
async fn a_sharer_is_created_in_the_network_of_its_owner() {
    let stack =
        TestStack::of("services: {vpn: {image: vpn}, app: {image: app, network_mode: 'service:vpn'}}");
    stack.up().await.expect("nothing goes wrong");
    let mode = stack.engine.spec("greenroom-shop-1-app-1").namespaces.network;
    assert_eq!(mode.as_deref(), Some("container:greenroom-shop-1-vpn-1"));
}
