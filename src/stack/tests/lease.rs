//! What happens to stacks when all their holders are gone.

use super::{Script, TestStack, ms, secs};
use crate::address::{Address, Addresses};
use crate::lease::{self, BEAT, Facts, Folder, Lifetime, Record, Terms};
use crate::plan::Options;
use crate::plan::label;
use crate::stack::end::lease::{discard_on, end_on};
use crate::stack::end::leftover::{orphans, remove_orphan};
use crate::stack::share::{adopt, running};
use crate::stack::sign::{Sign, renew_on};
use crate::stack::up::graph;

const FILE: &str = "
services:
  db: {image: db, volumes: ['data:/data'], ports: ['5432:5432/udp']}
  job: {image: job}
volumes: {data: {}}
";

/// Records the stack, with these facts, under a lease that has ended.
fn ended(stack: &mut TestStack, lifetime: &str, facts: Option<Facts>) -> Folder {
    recorded(stack, "ending-run-1.x", lifetime, facts)
}

/// Records the stack, with these facts, under the lease in this folder.
fn recorded(stack: &TestStack, folder: &str, lifetime: &str, facts: Option<Facts>) -> Folder {
    let folder = Folder::of(&stack.state(), folder).expect("there is a state folder");
    let record = Record {
        stack: stack.plan.stack.clone(),
        lifetime: lifetime.to_owned(),
        key: Some("key".to_owned()),
        facts,
        ..Record::default()
    };
    folder.write_record(&record).expect("it can be written");
    let terms = Terms { nonce: "a nonce".to_owned(), ..Terms::of(lifetime == "keep", None, "") };
    let text = serde_json::to_vec(&terms).expect("it is JSON");
    std::fs::write(folder.path().join("lease.json"), text).expect("it can be written");
    folder
}

fn published(port: &str, host_port: u16) -> Addresses {
    let port = port.parse().expect("it is a port");
    [(port, Address::new("127.0.0.1", host_port))].into_iter().collect()
}

/// Labels the stack as created under the lease that [`recorded`] writes, since 1970.
fn under_lease(stack: &mut TestStack) {
    stack.labels = lease::labels(Lifetime::Run, Some("key"), None);
    let state = stack.state().display();
    let own = [
        (label::LEASE, "run-1"),
        (label::NONCE, "a nonce"),
        (label::STATE, &state),
        (label::OWNER, "1-1"),
        (label::SINCE, "0"),
    ];
    stack.labels.extend(own.map(|(name, value)| (name.to_owned(), value.to_owned())));
}

fn labelled(stack: &mut TestStack, name: &str, value: &str) {
    stack.labels.insert(name.to_owned(), value.to_owned());
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
async fn nothing_is_left_of_a_kept_stack_whose_start_was_killed() {
    for slow in ["create network", "create volume", "create container"] {
        let mut stack = TestStack::of(FILE);
        under_lease(&mut stack);
        stack.engine.takes(slow, "", secs(2));
        let folder = recorded(&stack, "run-1", "keep", None);
        let start = stack.start();
        assert!(tokio::time::timeout(ms(500), graph::run(&start)).await.is_err());
        discard_on(stack.engine.as_ref(), &folder, &stack.plan.stack).await.expect("it is removed");
        tokio::time::sleep(secs(60)).await;
        assert_eq!(stack.engine.contents(), "", "{slow}");
        assert_eq!(folder.stacks().expect("they can be read"), [""; 0]);
    }
}

/// Each of two state folders, or of two containers with one engine, has a lease of the same run.
#[tokio::test(start_paused = true)]
async fn ending_a_lease_does_not_touch_another_one_with_the_same_id() {
    for (name, value) in [
        (label::NONCE, "another"),
        (label::STATE, "/another"),
        (label::HOST, "another"),
        (label::USER, "another"),
    ] {
        let mut stack = TestStack::of(FILE);
        under_lease(&mut stack);
        let mut other = stack.beside("2", FILE, Options::default());
        under_lease(&mut other);
        labelled(&mut other, name, value);
        let folder = ended(&mut stack, "run", None);
        stack.up().await.expect("it runs");
        other.up().await.expect("it runs");
        let before = stack.engine.contents().lines().count();
        end_on(stack.engine.as_ref(), &folder).await.expect("it is removed");
        let left = stack.engine.contents();
        assert!(!left.contains("greenroom-shop-1"), "{name}: {left}");
        assert_eq!(left.lines().count() * 2, before, "{name}: {left}");
    }
}

/// The stack's lease is lost, and so is its host or container.
#[tokio::test(start_paused = true)]
async fn a_stack_of_a_dead_host_is_removed_with_its_signs_once_it_has_been_silent_for_long() {
    let mut stack = TestStack::of(FILE);
    under_lease(&mut stack);
    labelled(&mut stack, label::HOST, "another");
    stack.up().await.expect("it runs");
    let (engine, state, name) = (stack.engine.as_ref(), stack.state(), stack.plan.stack.as_str());
    let labels = stack.labels_of_network();
    Sign::Alive(10_000).give(engine, name, &labels).await.expect("it is created");
    let before = engine.contents();
    for now in [10_000, 11_199] {
        assert_eq!(orphans(engine, &state, now).await.expect("the engine answers"), []);
        remove_orphan(engine, &state, name, now).await.expect("it stays");
        assert_eq!(engine.contents(), before);
    }
    let found = orphans(engine, &state, 11_200).await.expect("the engine answers");
    assert_eq!(found.iter().map(|leftover| leftover.stack.as_str()).collect::<Vec<_>>(), [name]);
    remove_orphan(engine, &state, name, 11_200).await.expect("it is removed");
    assert_eq!(engine.contents(), "");
}

#[tokio::test(start_paused = true)]
async fn a_kept_stack_without_a_record_is_a_leftover_unless_it_was_complete() {
    let mut stack = TestStack::of(FILE);
    under_lease(&mut stack);
    labelled(&mut stack, label::LIFETIME, "keep");
    stack.up().await.expect("it runs");
    let (engine, state) = (stack.engine.as_ref(), stack.state());
    assert_eq!(orphans(engine, &state, 0).await.expect("the engine answers").len(), 1);
    let labels = stack.labels_of_network();
    Sign::Complete.give(engine, &stack.plan.stack, &labels).await.expect("it is created");
    assert_eq!(orphans(engine, &state, u64::MAX).await.expect("the engine answers"), []);
    stack.down().await.expect("it is removed, with its sign");
    assert_eq!(engine.contents(), "");
}

#[tokio::test(start_paused = true)]
async fn the_signs_of_life_of_an_old_stack_are_renewed() {
    let mut stack = TestStack::of(FILE);
    under_lease(&mut stack);
    stack.up().await.expect("it runs");
    let engine = stack.engine.as_ref();
    let folder = recorded(&stack, "run-1", "run", None);
    let signs = || {
        let contents = engine.contents();
        contents
            .lines()
            .filter_map(|line| line.split_once(".alive-"))
            .map(|(_, at)| at.to_owned())
            .collect::<Vec<_>>()
    };
    for (now, expected) in [
        // It is young.
        (BEAT.as_secs() - 1, &[][..]),
        (300, &["300"]),
        (300, &["300"]),
        (600, &["600"]),
    ] {
        renew_on(engine, &folder, now).await.expect("the engine answers");
        assert_eq!(signs(), expected);
    }
    stack.down().await.expect("it is removed, with its sign");
    assert_eq!(engine.contents(), "");
    renew_on(engine, &folder, 900).await.expect("the engine answers");
    assert_eq!(engine.contents(), "", "there is nothing that could live");
}

#[tokio::test(start_paused = true)]
async fn a_kept_stack_needs_no_signs_of_life_once_it_is_complete() {
    let mut stack = TestStack::of(FILE);
    under_lease(&mut stack);
    labelled(&mut stack, label::LIFETIME, "keep");
    let run = stack.up().await.expect("it runs");
    let folder = recorded(&stack, "run-1", "keep", Some(stack.facts(&run)));
    let before = stack.engine.contents();
    renew_on(stack.engine.as_ref(), &folder, 900).await.expect("the engine answers");
    assert_eq!(stack.engine.contents(), before);
}

#[tokio::test(start_paused = true)]
async fn a_stack_that_is_taken_down_during_a_beat_leaves_no_sign() {
    // In the first case the sign is created before the stack's record goes, in the second after.
    for slow in [ms(0), ms(2_000)] {
        let mut stack = TestStack::of(FILE);
        under_lease(&mut stack);
        stack.up().await.expect("it runs");
        let folder = recorded(&stack, "run-1", "run", None);
        stack.engine.takes("create volume", ".alive-900", slow);
        stack.engine.takes("remove volume", "_data", ms(500));
        let beat = renew_on(stack.engine.as_ref(), &folder, 900);
        let down = async {
            tokio::time::sleep(ms(1)).await;
            stack.down().await.expect("it is removed");
            folder.forget(&stack.plan.stack);
        };
        let (beat, ()) = tokio::join!(beat, down);
        beat.expect("the engine answers");
        // A beat that ended before the record went is followed by another.
        renew_on(stack.engine.as_ref(), &folder, 1_200).await.expect("the engine answers");
        assert_eq!(stack.engine.contents(), "");
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
    assert_eq!(folder.stacks().expect("it can be read"), [stack.plan.stack.clone()]);
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
