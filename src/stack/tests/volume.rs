//! Kept volumes.

use expect_test::expect;

use super::{Script, TestStack, ms};
use crate::engine::ContainerSpec;
use crate::plan::Options;

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

fn stack() -> TestStack {
    let stack = TestStack::with(FILE, keeping());
    stack.engine.has_volume("their-data");
    stack
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
          two servers on one data directory would corrupt it

        hint: wait for that stack, or take it down: `greenroom down --stack greenroom-shop-1`"#]]
    .assert_eq(&second.story(&error));
    // The holder is not disturbed.
    assert!(first.engine.contents().contains("container greenroom-shop-1-db-1\n"));
    assert!(!first.engine.contents().contains("greenroom-shop-2"));
    drop(running);
}

#[tokio::test(start_paused = true)]
async fn a_kept_volume_is_held_while_a_container_runs_even_without_the_lock() {
    let first = stack();
    let running = first.up().await.expect("it runs");
    // As if the process that started it were gone.
    drop(running);
    let second = first.beside("2", FILE, keeping());
    let error = second.up().await.err().expect("the volume is held");
    assert!(error.is_volume_held());
    expect![[r#"
        kept volume `data` is in use by stack `greenroom-shop-1`
          volume: greenroom_shop_26315ce1_data
          two servers on one data directory would corrupt it

        hint: wait for that stack, or take it down: `greenroom down --stack greenroom-shop-1`"#]]
    .assert_eq(&second.story(&error));
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
        kept volume `data` is in use by container `adminer`, which greenroom did not create
          volume: greenroom_shop_26315ce1_data
          two servers on one data directory would corrupt it

        hint: stop it first: `docker stop adminer`"#]]
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
