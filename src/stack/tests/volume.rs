//! Kept volumes.

use std::collections::BTreeMap;
use std::sync::Arc;

use expect_test::expect;

use super::{Script, TestFolder, TestStack, ms, secs};
use crate::engine::{ContainerSpec, Engine};
use crate::lease::{self, Lifetime};
use crate::plan::{Options, label};
use crate::volume::{Claim, KeptVolume};

const VOLUME: &str = "greenroom_shop_26315ce1_data";
const CLAIM_NAME: &str = "greenroom.claim.greenroom_shop_26315ce1_data";

const FILE: &str = "
services:
  db: {image: db, stop_grace_period: 25s, volumes: ['data:/data', 'cache:/cache', 'theirs:/theirs']}
volumes:
  data: {}
  cache: {}
  theirs: {external: true, name: their-data}
";

/// A stack that keeps `data`.
fn keeping() -> Options {
    Options { keep_volumes: vec!["data".to_owned()], ..Options::default() }
}

fn labels(labels: &[(&str, &str)]) -> BTreeMap<String, String> {
    labels.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
}

/// A stack of this user on this host.
fn stack() -> TestStack {
    let mut stack = TestStack::with(FILE, keeping());
    stack.labels = lease::labels(Lifetime::Test, None, None);
    stack.engine.has_volume("their-data");
    stack
}

/// A stack of the same project, started with another state folder.
fn elsewhere(stack: &TestStack) -> TestStack {
    let mut other = stack.beside("2", FILE, keeping());
    other.folder = Arc::new(TestFolder::new());
    other.labels = stack.labels.clone();
    other
}

/// Claims `data` for somebody with these labels.
async fn claimed(stack: &TestStack, labels: BTreeMap<String, String>) {
    let spec = Claim::of_stack(VOLUME, "data", "", labels, "another").spec().clone();
    stack.engine.create_volume(&spec).await.expect("nobody else has it");
}

fn kept() -> KeptVolume {
    KeptVolume {
        name: VOLUME.to_owned(),
        key: "data".to_owned(),
        project: "shop".to_owned(),
        directory: "/shop".into(),
    }
}

#[tokio::test(start_paused = true)]
async fn a_kept_volume_and_an_external_one_outlive_the_stack() {
    let stack = stack();
    let running = stack.up().await.expect("it runs");
    stack.down().await.expect("it is removed");
    drop(running);
    expect![[r#"
        volume greenroom_shop_26315ce1_data
        volume their-data
    "#]]
    .assert_eq(&stack.engine.contents());
}

#[tokio::test(start_paused = true)]
async fn a_kept_volume_is_found_again_by_the_next_stack() {
    let first = stack();
    let running = first.up().await.expect("it runs");
    first.down().await.expect("it is removed");
    drop(running);
    let kept = first.engine.contents();

    let second = first.beside("2", FILE, keeping());
    let running = second.up().await.expect("the volume is free again");
    let services = running.services();
    let mounted = services["db"].known.mounts.iter().filter_map(|mount| mount.volume.as_deref());
    expect![[r#"
        [
            "greenroom_shop_26315ce1_data",
            "greenroom-shop-2_cache",
            "their-data",
        ]
    "#]]
    .assert_debug_eq(&mounted.collect::<Vec<_>>());
    second.down().await.expect("it is removed");
    assert_eq!(second.engine.contents(), kept);
}

#[tokio::test(start_paused = true)]
async fn a_kept_volume_survives_a_start_that_fails() {
    let stack = stack();
    stack.script("db", Script::default().ends(ms(0), 1));
    stack.up().await.err().expect("it ends with 1");
    expect![[r#"
        volume greenroom_shop_26315ce1_data
        volume their-data
    "#]]
    .assert_eq(&stack.engine.contents());
}

#[tokio::test(start_paused = true)]
async fn only_one_stack_at_a_time_can_use_a_kept_volume() {
    let first = stack();
    let running = first.up().await.expect("it runs");
    let second = first.beside("2", FILE, keeping());
    let error = second.up().await.err().expect("the volume is held");
    assert!(error.is_volume_held());
    expect![[r#"
        kept volume `data` is in use by stack `greenroom-shop-1`
          volume: greenroom_shop_26315ce1_data
          holder: project shop in /shop
          two servers on one data directory would corrupt it

        hint: wait for that stack, or take it down: `greenroom down --stack greenroom-shop-1`"#]]
    .assert_eq(&second.story(&error));
    // The holder is not disturbed.
    assert!(first.engine.contents().contains("container greenroom-shop-1-db-1\n"));
    assert!(!first.engine.contents().contains("greenroom-shop-2"));
    drop(running);
}

#[tokio::test(start_paused = true)]
async fn of_two_starts_with_different_state_folders_one_gets_the_kept_volume() {
    let first = stack();
    let second = elsewhere(&first);
    let (one, two) = tokio::join!(first.up(), second.up());
    let (winner, loser) = if one.is_ok() { (&first, two) } else { (&second, one) };
    let error = loser.err().expect("the volume is held");
    assert!(format!("{error:?}").contains(&winner.plan.stack), "{error:?}");
    winner.engine.moment("start container", "db-1");
    winner.down().await.expect("it is removed");
    assert!(!first.engine.contents().contains(CLAIM_NAME), "{}", first.engine.contents());
}

#[tokio::test(start_paused = true)]
async fn a_kept_volume_is_held_until_its_container_has_ended_even_without_the_claim() {
    let first = stack();
    first.up().await.expect("it runs");
    first.engine.remove_volume(CLAIM_NAME).await.expect("somebody removes it");
    first.engine.pauses("greenroom-shop-1-db-1");
    let second = elsewhere(&first);
    let error = second.up().await.err().expect("the volume is held");
    expect![[r#"
        kept volume `data` is in use by stack `greenroom-shop-1`
          volume: greenroom_shop_26315ce1_data
          holder: project shop in /shop
          two servers on one data directory would corrupt it

        hint: wait for that stack, or take it down: `greenroom down --stack greenroom-shop-1`"#]]
    .assert_eq(&second.story(&error));
}

#[tokio::test(start_paused = true)]
async fn the_claim_is_taken_again_before_the_container_starts() {
    let file = "
services:
  db: {image: db, volumes: ['data:/data'], depends_on: [slow]}
  slow: {image: slow, x-greenroom: {ready: {exec: [ready]}}}
volumes: {data: {}}
";
    let stack = TestStack::with(file, keeping());
    stack.script("slow", Script::default().answers_after(secs(10)));
    let (result, ()) = tokio::join!(stack.up(), async {
        tokio::time::sleep(secs(5)).await;
        stack.engine.remove_volume(CLAIM_NAME).await.expect("somebody removes it");
        claimed(&stack, labels(&[(label::STACK, "another")])).await;
    });
    let error = result.err().expect("the volume is held");
    assert!(format!("{error:?}").contains("in use by stack `another`"), "{error:?}");
    assert_eq!(stack.engine.moments("start container", "db-1"), []);
}

#[tokio::test(start_paused = true)]
async fn the_stack_of_a_dead_process_is_removed_to_get_its_kept_volume() {
    let stack = stack();
    let dead = labels(&[(label::STACK, "greenroom-shop-0"), (label::OWNER, "1-0")]);
    claimed(&stack, stack.labels.clone().into_iter().chain(dead).collect()).await;
    stack.up().await.expect("the volume is free");
    assert!(!stack.engine.contents().contains("shop-0"), "{}", stack.engine.contents());
}

#[tokio::test(start_paused = true)]
async fn the_holder_is_described_when_nobody_here_can_judge_it() {
    let stack = stack();
    let foreign = labels(&[
        (label::STACK, "greenroom-shop-0"),
        (label::PROJECT, "shop"),
        (label::DIRECTORY, "/builds/shop"),
        (label::LIFETIME, "process"),
        (label::USER, "another"),
        (label::HOST, "another"),
        (label::OWNER, "1-0"),
    ]);
    claimed(&stack, foreign).await;
    let error = stack.up().await.err().expect("the volume is held");
    expect![[r#"
        kept volume `data` is in use by stack `greenroom-shop-0`
          volume: greenroom_shop_26315ce1_data
          holder: project shop in /builds/shop, of the user with id another, from another host or container
          two servers on one data directory would corrupt it

        hint: ask its owner first; `greenroom down --stack greenroom-shop-0` takes it down"#]]
    .assert_eq(&stack.story(&error));
}

#[tokio::test(start_paused = true)]
async fn a_kept_volume_is_not_removed_while_a_stack_is_starting() {
    let stack = stack();
    stack.engine.takes("start container", "", secs(10));
    let (result, removed) = tokio::join!(stack.up(), async {
        tokio::time::sleep(secs(5)).await;
        kept().remove_on(stack.engine.as_ref()).await
    });
    result.expect("it runs");
    let error = removed.expect_err("the volume is held");
    expect![[r#"
        kept volume `data` is in use by stack `greenroom-shop-1`
          volume: greenroom_shop_26315ce1_data
          holder: project shop in /shop

        hint: wait for that stack, or take it down: `greenroom down --stack greenroom-shop-1`"#]]
    .assert_eq(&stack.story(&error));
    stack.down().await.expect("it is removed");
    kept().remove_on(stack.engine.as_ref()).await.expect("the volume is free");
    assert_eq!(stack.engine.contents(), "volume their-data\n");
}

#[tokio::test(start_paused = true)]
async fn a_start_waits_for_the_removal_of_the_kept_volume_and_makes_it_anew() {
    let stack = stack();
    let running = stack.up().await.expect("it runs");
    stack.down().await.expect("it is removed");
    drop(running);
    stack.engine.takes("remove volume", VOLUME, secs(5));
    let volume = kept();
    let (removed, result) = tokio::join!(volume.remove_on(stack.engine.as_ref()), async {
        tokio::time::sleep(secs(1)).await;
        stack.up().await
    });
    removed.expect("it is removed");
    result.expect("it runs");
    let labels = stack.engine.labels();
    assert_eq!(labels[&format!("volume {VOLUME}")][label::VOLUME], "kept");
}

#[tokio::test(start_paused = true)]
async fn the_claim_of_a_killed_removal_is_taken_over() {
    let stack = stack();
    let dead = labels(&[(label::OWNER, "1-0")]);
    claimed(&stack, stack.labels.clone().into_iter().chain(dead).collect()).await;
    stack.up().await.expect("the volume is free");
}

#[tokio::test(start_paused = true)]
async fn a_foreign_container_that_uses_a_kept_volume_is_named() {
    let stack = stack();
    let mut spec = {
        let other = stack.beside("2", FILE, keeping());
        let running = other.up().await.expect("it runs");
        let spec = other.engine.spec("greenroom-shop-2-db-1");
        other.down().await.expect("it is removed");
        drop(running);
        spec
    };
    spec.labels.clear();
    stack.engine.has_container(ContainerSpec { name: "adminer".to_owned(), ..spec });
    let error = stack.up().await.err().expect("the volume is held");
    expect![[r#"
        kept volume `data` is in use by container `adminer`, which belongs to no stack
          volume: greenroom_shop_26315ce1_data
          two servers on one data directory would corrupt it

        hint: stop the container (`docker stop adminer`) or remove it (`docker rm adminer`) first"#]]
    .assert_eq(&stack.story(&error));
}

#[tokio::test(start_paused = true)]
async fn stacks_that_keep_nothing_share_nothing() {
    let first = TestStack::of(FILE);
    first.engine.has_volume("their-data");
    let second = first.beside("2", FILE, Options::default());
    let (one, two) = tokio::join!(first.up(), second.up());
    let (one, two) = (one.expect("it runs"), two.expect("it runs"));
    expect![[r#"
        container greenroom-shop-2-db-1
        container greenroom-shop-1-db-1
        network greenroom-shop-1_default
        network greenroom-shop-2_default
        volume greenroom-shop-1_cache
        volume greenroom-shop-1_data
        volume greenroom-shop-2_cache
        volume greenroom-shop-2_data
        volume their-data
    "#]]
    .assert_eq(&first.engine.contents());

    first.down().await.expect("it is removed");
    drop(one);
    expect![[r#"
        container greenroom-shop-2-db-1
        network greenroom-shop-2_default
        volume greenroom-shop-2_cache
        volume greenroom-shop-2_data
        volume their-data
    "#]]
    .assert_eq(&first.engine.contents());
    second.down().await.expect("it is removed");
    drop(two);
    assert_eq!(second.engine.contents(), "volume their-data\n");
}

#[cfg(feature = "postgres")]
#[tokio::test(start_paused = true)]
async fn a_database_whose_data_directory_is_unknown_is_an_error() {
    let file = "
services:
  db: {image: 'postgres:17', volumes: ['data:/data'], network_mode: none, x-greenroom: {ready: {exec: [ready]}}}
volumes: {data: {}}
";
    let stack = TestStack::with(file, keeping());
    let error = stack.up().await.err().expect("nobody can ask it where its data is");
    expect!["cannot find out where `db` keeps its data: its port is not published"]
        .assert_eq(&stack.story(&error));
}
