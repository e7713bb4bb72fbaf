//! Secrets and configs in the container.

use expect_test::expect;

use super::TestStack;

const FILE: &str = "
services:
  db:
    image: db
    secrets: [password, {source: key, target: tls/key.pem, mode: 0400, uid: '70', gid: '71'}]
    configs: [settings, {source: settings, target: /etc/db.conf}]
secrets:
  password: {file: password.txt}
  key: {file: key.pem}
configs:
  settings: {content: 'size = 1'}
";

#[tokio::test(start_paused = true)]
async fn files_are_copied_into_the_container_before_it_starts() {
    let stack = TestStack::of(FILE);
    let running = stack.up().await.expect("it runs");
    expect![[r#"
        0 create network default
        0 create container db-1
        0 copy [FileSpec(/run/secrets/password 0444 0:0), FileSpec(/run/secrets/tls/key.pem 0400 70:71), FileSpec(/settings 0444 0:0), FileSpec(/etc/db.conf 0444 0:0)] into db-1
        0 start container db-1
    "#]]
    .assert_eq(&stack.timeline());
    expect![[r#"
        [
            (
                "/run/secrets/password",
                "content of password.txt\n",
            ),
            (
                "/run/secrets/tls/key.pem",
                "content of key.pem\n",
            ),
            (
                "/settings",
                "size = 1",
            ),
            (
                "/etc/db.conf",
                "size = 1",
            ),
        ]
    "#]]
    .assert_debug_eq(&stack.engine.files("greenroom-shop-1-db-1"));
    drop(running);
}

#[tokio::test(start_paused = true)]
async fn files_that_a_mount_would_hide_are_mounted_and_removed_with_the_stack() {
    for service in [
        "read_only: true",
        "tmpfs: ['/run:size=1m']",
        "volumes: [{type: tmpfs, target: /run/secrets}]",
        "volumes: ['data:/run']",
    ] {
        let file = "services: {db: {image: db, secrets: [password], SERVICE}}
secrets: {password: {file: password.txt}}
volumes: {data: {}}";
        let stack = TestStack::of(&file.replace("SERVICE", service));
        let running = stack.up().await.expect("it runs");
        assert_eq!(stack.engine.moments("copy", ""), [], "{service}");
        let mounts = stack.engine.spec("greenroom-shop-1-db-1").mounts;
        let mount = mounts.last().expect("the secret is mounted");
        assert_eq!((mount.target.as_str(), mount.read_only), ("/run/secrets/password", true), "{service}");
        let source = mount.source.clone().expect("a file of the host is mounted");
        assert_eq!(std::fs::read_to_string(&source).expect("it is there"), "content of password.txt\n");
        stack.down().await.expect("it is removed");
        assert!(!std::path::Path::new(&source).exists(), "{service}: {source} is left");
        drop(running);
    }
}

#[tokio::test(start_paused = true)]
async fn a_copy_that_fails_is_reported_and_everything_is_removed() {
    let stack = TestStack::of(FILE);
    stack.engine.fails("copy", "db-1", "no space left on device");
    let story = stack.failure().await;
    assert!(story.starts_with("service `db` could not be started: "), "{story}");
    assert!(story.contains("no space left on device"), "{story}");
}

#[tokio::test(start_paused = true)]
async fn secret_values_are_hidden_in_errors() {
    let stack = TestStack::of(FILE);
    stack.engine.fails("start container", "db-1", "got `content of password.txt` and `size = 1`");
    let story = stack.failure().await;
    assert!(story.contains("got `***` and `size = 1`"), "{story}");
}

#[tokio::test(start_paused = true)]
async fn different_content_makes_a_different_stack() {
    let [one, other] =
        ["size = 1", "size = 2"].map(|content| TestStack::of(&FILE.replace("size = 1", content)));
    assert_ne!(one.plan.fingerprint, other.plan.fingerprint);
    assert_ne!(one.plan.services[0].config_hash, other.plan.services[0].config_hash);
}
