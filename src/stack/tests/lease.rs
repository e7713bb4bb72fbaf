//! What happens to stacks when all their holders are gone.

use std::collections::BTreeMap;

use super::{Script, TestStack, ms, secs};
use crate::address::{Address, Addresses};
use crate::lease::{Facts, Folder, Record};
use crate::plan::Options;
use crate::plan::label;
use crate::stack::end::lease::end_on;
use crate::stack::share::{adopt, running};
use crate::stack::up::graph;

const FILE: &str = "
services:
  db: {image: db, volumes: ['data:/data'], ports: ['5432:5432/udp']}
  job: {image: job}
volumes: {data: {}}
";

/// Records the stack, with these facts, under a lease that has ended.
fn ended(stack: &mut TestStack, lifetime: &str, facts: Option<Facts>) -> Folder {
    let folder = Folder::of(&stack.state(), "ending-run-1.x").expect("there is a state folder");
    let record =
        Record { stack: stack.plan.stack.clone(), lifetime: lifetime.to_owned(), facts, ..Record::default() };
    folder.write_record(&record).expect("it can be written");
    folder
}

fn published(port: &str, host_port: u16) -> Addresses {
    let port = port.parse().expect("it is a port");
    [(port, Address::new("127.0.0.1", host_port))].into_iter().collect()
}

fn under_lease(stack: &mut TestStack) {
    stack.labels = BTreeMap::from([(label::LEASE.to_owned(), "run-1".to_owned())]);
}

#[tokio::test(start_paused = true)]
async fn ending_a_lease_removes_its_stacks_and_no_others() {
    let mut stack = TestStack::of(FILE);
    under_lease(&mut stack);
    let other = stack.beside("2", FILE, Options::default());
    let run = stack.up().await.expect("it runs");
    other.up().await.expect("it runs");
    let known = stack.facts(&run);
    let folder = ended(&mut stack, "run", Some(known));
    end_on(stack.engine.as_ref(), &folder).await.expect("it is removed");
    assert!(!stack.engine.contents().contains("greenroom-shop-1"), "{}", stack.engine.contents());
    assert!(stack.engine.contents().contains("greenroom-shop-2"), "{}", stack.engine.contents());
    assert!(!folder.exists());
    assert!(!stack.evidence_path("state.txt").exists(), "a regular end saves no evidence");
}

#[tokio::test(start_paused = true)]
async fn evidence_is_saved_for_a_test_whose_process_died() {
    let mut stack = TestStack::of(FILE);
    stack.script("db", Script::default().logs("ready to accept connections\n"));
    under_lease(&mut stack);
    let run = stack.up().await.expect("it runs");
    let known = stack.facts(&run);
    let folder = ended(&mut stack, "test", Some(known));
    end_on(stack.engine.as_ref(), &folder).await.expect("it is removed");
    assert_eq!(stack.engine.contents(), "");
    assert_eq!(stack.evidence("db.log"), "ready to accept connections\n");
}

#[tokio::test(start_paused = true)]
async fn a_kept_volume_outlives_its_lease_and_its_service_is_stopped_gracefully() {
    let options = Options { keep_volumes: vec!["data".to_owned()], ..Options::default() };
    let mut stack = TestStack::with(FILE, options);
    under_lease(&mut stack);
    let run = stack.up().await.expect("it runs");
    let known = stack.facts(&run);
    let folder = ended(&mut stack, "run", Some(known));
    end_on(stack.engine.as_ref(), &folder).await.expect("it is removed");
    assert_eq!(stack.engine.contents().lines().count(), 1, "{}", stack.engine.contents());
    assert!(stack.engine.contents().starts_with("volume greenroom_shop_"));
    stack.engine.moment("stop container", "db-1");
}

#[tokio::test(start_paused = true)]
async fn objects_created_late_for_a_killed_process_are_removed_too() {
    for slow in ["create network", "create volume", "create container"] {
        let mut stack = TestStack::of(FILE);
        under_lease(&mut stack);
        stack.engine.takes(slow, "", secs(2));
        let folder = ended(&mut stack, "run", None);
        let start = stack.start();
        // Killed: nothing is cleaned up, and the engine finishes what it was asked for.
        assert!(tokio::time::timeout(ms(500), graph::run(&start)).await.is_err());
        end_on(stack.engine.as_ref(), &folder).await.expect("it is removed");
        tokio::time::sleep(secs(60)).await;
        assert_eq!(stack.engine.contents(), "", "{slow}");
        assert!(!folder.exists());
    }
}

#[tokio::test(start_paused = true)]
async fn a_lease_that_cannot_be_ended_stays_for_the_next_try() {
    let mut stack = TestStack::of(FILE);
    under_lease(&mut stack);
    let run = stack.up().await.expect("it runs");
    let known = stack.facts(&run);
    let folder = ended(&mut stack, "run", Some(known));
    stack.engine.fails("remove volume", "", "device or resource busy");
    assert!(end_on(stack.engine.as_ref(), &folder).await.is_err());
    assert_eq!(folder.stacks(), [stack.plan.stack.clone()]);
}

#[tokio::test(start_paused = true)]
async fn a_running_stack_is_restored_from_its_record() {
    let mut stack = TestStack::of(FILE);
    stack.script("job", Script::default().ends(ms(100), 0));
    under_lease(&mut stack);
    let up = stack.up().await.expect("it runs");
    let facts = stack.facts(&up);
    let mut listed = stack.listed().await;
    let found = running((*stack.plan).clone(), &facts, &listed).expect("all is well");
    assert_eq!(found.services()["db"].known.addresses, up.services()["db"].known.addresses);
    assert!(found.services()["job"].known.completed);

    // The ports come from the engine, not from the record: they change when a service is restarted.
    let ports = published("5432/udp", 50_000);
    for container in &mut listed {
        container.addresses = ports.clone();
    }
    let found = running((*stack.plan).clone(), &facts, &listed).expect("all is well");
    assert_eq!(found.services()["db"].known.addresses, ports);
}

#[tokio::test(start_paused = true)]
async fn a_service_on_another_containers_network_has_its_current_ports() {
    let stack = TestStack::of(
        "{services: {db: {image: db, ports: ['5432:5432/udp']}, side: {image: side, network_mode: 'service:db'}}}",
    );
    let facts = stack.facts(&stack.up().await.expect("it runs"));
    let ports = published("5432/udp", 50_000);
    let mut listed = stack.listed().await;
    for container in listed.iter_mut().filter(|container| container.name.ends_with("db-1")) {
        container.addresses = ports.clone();
    }
    let found = running((*stack.plan).clone(), &facts, &listed).expect("all is well");
    assert_eq!(found.services()["side"].known.addresses, ports);
    let engine = stack.engine.clone();
    let adopted = adopt(engine, (*stack.plan).clone()).await.expect("it answers");
    assert_eq!(adopted.services()["side"].known.addresses, adopted.services()["db"].known.addresses);
}

#[tokio::test(start_paused = true)]
async fn a_dead_or_outdated_stack_is_not_used() {
    let mut stack = TestStack::of(FILE);
    under_lease(&mut stack);
    let facts = stack.facts(&stack.up().await.expect("it runs"));
    let listed = stack.listed().await;
    let why = |change: &dyn Fn(&mut crate::engine::FoundContainer)| {
        let mut listed = listed.clone();
        change(listed.iter_mut().find(|container| container.name.ends_with("db-1")).expect("it is there"));
        running((*stack.plan).clone(), &facts, &listed).err().expect("it cannot be used any more")
    };
    assert_eq!(why(&|db| db.id = "another".to_owned()), "service `db` is gone");
    assert_eq!(why(&|db| db.running = false), "service `db` is no longer running");
    assert_eq!(
        why(&|db| db.image = "sha256:7f3a".to_owned()),
        "service `db` runs an image that `db` no longer refers to"
    );
}
