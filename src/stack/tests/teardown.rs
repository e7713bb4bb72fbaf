//! Taking a stack down.

use std::collections::BTreeMap;

use expect_test::expect;

use super::{Script, TestStack, ms, secs};
use crate::engine::Filter;
use crate::plan::Options;
use crate::stack::listing;

const FILE: &str = "
services:
  db: {image: db, stop_grace_period: 25s, volumes: ['data:/data'], labels: {team: shop}}
  cache: {image: cache, stop_grace_period: 25s, volumes: ['scratch:/data']}
  web: {image: web, networks: [default, back, theirs]}
networks:
  back: {labels: {team: shop}}
  theirs: {external: true, name: their-network}
volumes:
  data: {labels: {team: shop}}
  scratch: {}
";

fn stack() -> TestStack {
    let options = Options { keep_volumes: vec!["data".to_owned()], ..Options::default() };
    let stack = TestStack::with(FILE, options);
    stack.engine.has_network("their-network");
    stack
}

#[tokio::test(start_paused = true)]
async fn users_of_kept_volumes_are_stopped_and_all_others_killed_in_parallel() {
    let stack = stack();
    stack.engine.takes("remove container", "", secs(1));
    stack.script("db", Script::default().ignores_its_stop_signal());
    let running = stack.up().await.expect("it runs");
    let before = stack.timeline();
    tokio::time::sleep_until(tokio::time::Instant::now() + ms(1)).await;
    stack.down().await.expect("it is removed");
    drop(running);
    expect![[r#"
        624 remove container cache-1
        624 stop container db-1 within 25s
        624 remove container web-1
        25624 remove container db-1
        26624 remove network back
        26624 remove network default
        26624 remove volume scratch
        26624 remove volume greenroom.claim.greenroom_shop_26315ce1_data
    "#]]
    .assert_eq(stack.timeline().strip_prefix(&before).expect("calls are only added"));
}

#[tokio::test(start_paused = true)]
async fn a_container_that_has_ended_is_not_stopped() {
    let stack = stack();
    stack.script("db", Script::default().ends(ms(100), 0));
    let running = stack.up().await.expect("it ended with 0");
    stack.down().await.expect("it is removed");
    drop(running);
    assert_eq!(stack.engine.moments("stop", ""), []);
}

#[tokio::test(start_paused = true)]
async fn everything_is_created_with_labels() {
    let stack = stack();
    let running = stack.up().await.expect("it runs");
    let mut labels: BTreeMap<_, _> = stack.engine.labels();
    assert_eq!(labels.remove("network their-network").map(|labels| labels.len()), Some(0));
    for (what, labels) in &mut labels {
        let kept = what.starts_with("volume greenroom_");
        assert_eq!(labels.contains_key("greenroom.stack"), !kept, "{what}: {labels:?}");
        // Hashes of the file and of the service, which change with every edit.
        for hash in ["greenroom.plan", "com.docker.compose.config-hash"] {
            if let Some(value) = labels.get_mut(hash) {
                assert_eq!(value.len(), 12, "{value}");
                *value = "HASH".to_owned();
            }
        }
        if let Some(nonce) = labels.get_mut("greenroom.claim") {
            *nonce = "NONCE".to_owned();
        }
    }
    expect![[r#"
        {
            "container greenroom-shop-1-cache-1": {
                "com.docker.compose.config-hash": "HASH",
                "com.docker.compose.container-number": "1",
                "com.docker.compose.oneoff": "False",
                "com.docker.compose.project": "greenroom-shop-1",
                "com.docker.compose.service": "cache",
                "greenroom.directory": "/shop",
                "greenroom.lifetime": "test",
                "greenroom.object": "greenroom-shop-1-cache-1",
                "greenroom.plan": "HASH",
                "greenroom.project": "shop",
                "greenroom.service": "cache",
                "greenroom.stack": "greenroom-shop-1",
                "greenroom.stop-grace": "",
            },
            "container greenroom-shop-1-db-1": {
                "com.docker.compose.config-hash": "HASH",
                "com.docker.compose.container-number": "1",
                "com.docker.compose.oneoff": "False",
                "com.docker.compose.project": "greenroom-shop-1",
                "com.docker.compose.service": "db",
                "greenroom.directory": "/shop",
                "greenroom.lifetime": "test",
                "greenroom.object": "greenroom-shop-1-db-1",
                "greenroom.plan": "HASH",
                "greenroom.project": "shop",
                "greenroom.service": "db",
                "greenroom.stack": "greenroom-shop-1",
                "greenroom.stop-grace": "25",
                "team": "shop",
            },
            "container greenroom-shop-1-web-1": {
                "com.docker.compose.config-hash": "HASH",
                "com.docker.compose.container-number": "1",
                "com.docker.compose.oneoff": "False",
                "com.docker.compose.project": "greenroom-shop-1",
                "com.docker.compose.service": "web",
                "greenroom.directory": "/shop",
                "greenroom.lifetime": "test",
                "greenroom.object": "greenroom-shop-1-web-1",
                "greenroom.plan": "HASH",
                "greenroom.project": "shop",
                "greenroom.service": "web",
                "greenroom.stack": "greenroom-shop-1",
                "greenroom.stop-grace": "",
            },
            "network greenroom-shop-1_back": {
                "com.docker.compose.network": "back",
                "com.docker.compose.project": "greenroom-shop-1",
                "greenroom.directory": "/shop",
                "greenroom.lifetime": "test",
                "greenroom.object": "greenroom-shop-1_back",
                "greenroom.plan": "HASH",
                "greenroom.project": "shop",
                "greenroom.stack": "greenroom-shop-1",
                "team": "shop",
            },
            "network greenroom-shop-1_default": {
                "com.docker.compose.network": "default",
                "com.docker.compose.project": "greenroom-shop-1",
                "greenroom.directory": "/shop",
                "greenroom.lifetime": "test",
                "greenroom.object": "greenroom-shop-1_default",
                "greenroom.plan": "HASH",
                "greenroom.project": "shop",
                "greenroom.stack": "greenroom-shop-1",
            },
            "volume greenroom-shop-1_scratch": {
                "com.docker.compose.project": "greenroom-shop-1",
                "com.docker.compose.volume": "scratch",
                "greenroom.directory": "/shop",
                "greenroom.lifetime": "test",
                "greenroom.object": "greenroom-shop-1_scratch",
                "greenroom.plan": "HASH",
                "greenroom.project": "shop",
                "greenroom.stack": "greenroom-shop-1",
                "greenroom.volume": "fresh",
                "greenroom.volume.key": "scratch",
            },
            "volume greenroom.claim.greenroom_shop_26315ce1_data": {
                "com.docker.compose.project": "greenroom-shop-1",
                "greenroom.claim": "NONCE",
                "greenroom.directory": "/shop",
                "greenroom.lifetime": "test",
                "greenroom.object": "greenroom.claim.greenroom_shop_26315ce1_data",
                "greenroom.plan": "HASH",
                "greenroom.project": "shop",
                "greenroom.stack": "greenroom-shop-1",
                "greenroom.volume": "claim",
                "greenroom.volume.key": "data",
            },
            "volume greenroom_shop_26315ce1_data": {
                "greenroom.directory": "/shop",
                "greenroom.project": "shop",
                "greenroom.volume": "kept",
                "greenroom.volume.key": "data",
                "team": "shop",
            },
        }
    "#]]
    .assert_debug_eq(&labels);
    drop(running);
}

#[tokio::test(start_paused = true)]
async fn objects_without_the_stacks_label_are_not_touched() {
    let stack = stack();
    let mut spec = {
        let running = stack.up().await.expect("it runs");
        let spec = stack.engine.spec("greenroom-shop-1-cache-1");
        stack.down().await.expect("it is removed");
        drop(running);
        spec
    };
    // The stack's names, but not its labels.
    spec.labels = [("com.docker.compose.project".to_owned(), "greenroom-shop-1".to_owned())].into();
    spec.networks.clear();
    spec.mounts.clear();
    stack.engine.has_container(spec);
    stack.engine.has_network("greenroom-shop-1_default");
    stack.engine.has_volume("greenroom-shop-1_scratch");
    let before = stack.engine.contents();
    stack.down().await.expect("there is nothing to remove");
    assert_eq!(stack.engine.contents(), before);
}

/// An image committed from one of our containers has its labels, and hands them down.
#[tokio::test(start_paused = true)]
async fn a_users_container_of_an_image_with_our_labels_is_not_touched() {
    let stack = stack();
    let running = stack.up().await.expect("it runs");
    let mut spec = stack.engine.spec("greenroom-shop-1-cache-1");
    spec.name = "mine".to_owned();
    spec.networks.clear();
    spec.mounts.clear();
    stack.engine.has_container(spec);
    assert!(stack.listed().await.iter().all(|container| container.name != "mine"));
    stack.down().await.expect("it is removed");
    drop(running);
    expect![[r#"
        container mine
        network their-network
        volume greenroom_shop_26315ce1_data
    "#]]
    .assert_eq(&stack.engine.contents());
}

/// Anybody who can use the engine can write labels.
#[tokio::test(start_paused = true)]
async fn labels_that_lead_out_of_the_state_folder_delete_nothing() {
    let stack = stack();
    let victim = stack.folder.0.join("victim");
    std::fs::create_dir_all(&victim).expect("there is room");
    for name in ["../victim", "..", ""] {
        let labels = [("greenroom.stack", name), ("greenroom.object", &format!("{name}_net"))];
        let labels = labels.map(|(name, value)| (name.to_owned(), value.to_owned()));
        stack.engine.has_network_with(&format!("{name}_net"), labels.into());
    }
    let every = Filter { labels: vec!["greenroom.stack".to_owned()], volume: None };
    let found = listing::stacks(stack.engine.as_ref(), &every).await.expect("the engine answers");
    assert!(found.is_empty(), "{found:?}");
    assert!(victim.exists());
}

#[tokio::test(start_paused = true)]
async fn a_removal_that_fails_is_reported_and_the_rest_is_removed() {
    let stack = stack();
    let running = stack.up().await.expect("it runs");
    stack.engine.fails("remove container", "cache-1", "device or resource busy");
    stack.engine.fails("remove network", "back", "unexpected EOF");
    let error = stack.down().await.expect_err("two things could not be removed");
    drop(running);
    expect![[r#"
        stack `greenroom-shop-1` could not be removed completely
          failed to remove container greenroom-shop-1-cache-1: device or resource busy
          failed to remove network greenroom-shop-1_back: unexpected EOF
          failed to remove network greenroom-shop-1_default: the network has active endpoints
          failed to remove volume greenroom-shop-1_scratch: the volume is in use

        hint: `greenroom down --stack greenroom-shop-1` tries again"#]]
    .assert_eq(&stack.story(&error));
    expect![[r#"
        container greenroom-shop-1-cache-1
        network greenroom-shop-1_back
        network greenroom-shop-1_default
        network their-network
        volume greenroom-shop-1_scratch
        volume greenroom_shop_26315ce1_data
    "#]]
    .assert_eq(&stack.engine.contents());
}

#[tokio::test(start_paused = true)]
async fn a_removal_elsewhere_is_waited_for() {
    let stack = stack();
    let running = stack.up().await.expect("it runs");
    stack.engine.is_removed_elsewhere("greenroom-shop-1-cache-1", secs(9));
    let begin = tokio::time::Instant::now();
    stack.down().await.expect("it is removed");
    drop(running);
    assert_eq!(begin.elapsed().as_secs(), 9);
    assert_eq!(stack.engine.moments("remove container", "cache-1").len(), 1);
    expect![[r#"
        network their-network
        volume greenroom_shop_26315ce1_data
    "#]]
    .assert_eq(&stack.engine.contents());
}

#[tokio::test(start_paused = true)]
async fn an_endless_removal_elsewhere_is_reported_with_the_last_observation() {
    let stack = stack();
    let running = stack.up().await.expect("it runs");
    stack.engine.is_removed_elsewhere("greenroom-shop-1-web-1", secs(3600));
    let begin = tokio::time::Instant::now();
    let error = stack.down().await.expect_err("it stays");
    drop(running);
    assert_eq!(begin.elapsed().as_secs(), 10);
    expect![[r#"
        stack `greenroom-shop-1` could not be removed completely
          failed to remove container greenroom-shop-1-web-1: removal of container greenroom-shop-1-web-1 is already in progress; 10s later: the engine still has it
          failed to remove network greenroom-shop-1_back: the network has active endpoints
          failed to remove network greenroom-shop-1_default: the network has active endpoints

        hint: `greenroom down --stack greenroom-shop-1` tries again"#]]
    .assert_eq(&stack.story(&error));
}

#[tokio::test(start_paused = true)]
async fn a_container_that_cannot_be_stopped_is_reported_and_stays() {
    let stack = stack();
    let running = stack.up().await.expect("it runs");
    stack.engine.fails("stop container", "within 25s", "unexpected EOF");
    let error = stack.down().await.expect_err("it could not be stopped");
    drop(running);
    expect![[r#"
        stack `greenroom-shop-1` could not be removed completely
          failed to stop container greenroom-shop-1-db-1 within 25s: unexpected EOF
          failed to remove network greenroom-shop-1_default: the network has active endpoints

        hint: `greenroom down --stack greenroom-shop-1` tries again"#]]
    .assert_eq(&stack.story(&error));
    expect![[r#"
        container greenroom-shop-1-db-1
        network greenroom-shop-1_default
        network their-network
        volume greenroom_shop_26315ce1_data
    "#]]
    .assert_eq(&stack.engine.contents());
}

#[tokio::test(start_paused = true)]
async fn an_engine_that_cannot_list_is_reported() {
    let stack = stack();
    let running = stack.up().await.expect("it runs");
    stack.engine.fails("list networks", "", "connection refused");
    let error = stack.down().await.expect_err("the stack's objects cannot be listed");
    drop(running);
    expect!["failed to list networks: connection refused"].assert_eq(&stack.story(&error));
}

#[tokio::test(start_paused = true)]
async fn a_failed_start_and_a_failed_clean_up_are_both_reported() {
    let stack = stack();
    stack.script("web", Script::default().ends(ms(0), 1));
    stack.engine.fails("remove container", "cache-1", "device or resource busy");
    let error = stack.up().await.err().expect("it ends with 1");
    expect![[r#"
        service `web` exited with 1 before it was ready, 0.0s after its start
          container: greenroom-shop-1-web-1, now removed
          log: $STATE/evidence/greenroom-shop-1/web.log, empty
          evidence of all services: $STATE/evidence/greenroom-shop-1
          stack `greenroom-shop-1` could not be removed completely
            failed to remove container greenroom-shop-1-cache-1: device or resource busy
            failed to remove network greenroom-shop-1_default: the network has active endpoints
            failed to remove volume greenroom-shop-1_scratch: the volume is in use

        hint: `greenroom down --stack greenroom-shop-1` tries again"#]]
    .assert_eq(&stack.story(&error));
}
