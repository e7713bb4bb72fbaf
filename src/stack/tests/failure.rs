//! How a failed start is reported.

use expect_test::{Expect, expect};

use super::engine::Whereabouts;
use super::{Script, TestStack, ms, secs};
use crate::engine::Exit;

/// A database with a healthcheck, and two services that wait for it.
const DB: &str = "
services:
  db:
    image: db
    environment: {DB_PASSWORD: hunter2-hunter2, URL: 'amqp://me:hunter3@mq/'}
    healthcheck: {test: [CMD, ready, --password, hunter2-hunter2]}
  web: {image: web, depends_on: [db]}
  api: {image: api, depends_on: [db]}
  edge: {image: edge, depends_on: [web]}
";

/// Runs [`DB`] with a scripted database, and compares the complete error.
async fn check(db: Script, expected: &Expect) -> TestStack {
    let stack = TestStack::of(DB);
    stack.script("db", db);
    let story = stack.failure().await;
    assert!(!story.contains("hunter"), "shows a secret: {story}");
    expected.assert_eq(&story);
    stack
}

#[tokio::test(start_paused = true)]
async fn a_healthcheck_that_never_passes_is_reported_at_the_deadline() {
    let db = Script::default().answers([(1, "could not connect"), (2, "no password for hunter2-hunter2\n")]);
    check(db.logs("starting\n"), &expect![[r#"
        service `db` was not ready after 120.0s: 247 attempts, last: `ready --password ***` exited with 2: no password for ***
          probe: exec `ready --password ***` ends with 0
          container: greenroom-shop-1-db-1, now removed
          waited for by: `api`, `web`
          log: $STATE/evidence/greenroom-shop-1/db.log, ending in
            starting
          evidence of all services: $STATE/evidence/greenroom-shop-1

        hint: if it only needs longer than 120s, raise `--timeout` or `x-greenroom: timeout:`"#]]).await;
}

#[tokio::test(start_paused = true)]
async fn a_healthcheck_that_hangs_is_reported_at_the_deadline() {
    check(
        Script::default().hangs(),
        &expect![[r#"
            service `db` was not ready after 120.0s: 3 attempts, last: no answer within 30s
              probe: exec `ready --password ***` ends with 0
              container: greenroom-shop-1-db-1, now removed
              waited for by: `api`, `web`
              log: $STATE/evidence/greenroom-shop-1/db.log, empty
              evidence of all services: $STATE/evidence/greenroom-shop-1

            hint: if it only needs longer than 120s, raise `--timeout` or `x-greenroom: timeout:`"#]],
    )
    .await;
}

#[tokio::test(start_paused = true)]
async fn an_exit_is_reported_at_once_with_the_last_probe_and_the_end_of_the_log() {
    let log: String = (1..=40).map(|line| format!("line {line} amqp://me:hunter3@mq\n")).collect();
    let db = Script::default().answers([(2, "connection refused, hunter2-hunter2")]).logs(log);
    let stack = check(
        db.ends(secs(1), 3),
        &expect![[r#"
            service `db` exited with 3 before it was ready, 1.5s after its start
              last probe: `ready --password ***` exited with 2: connection refused, ***
              container: greenroom-shop-1-db-1, now removed
              waited for by: `api`, `web`
              log: $STATE/evidence/greenroom-shop-1/db.log, ending in
                line 11 amqp://me:***@mq
                line 12 amqp://me:***@mq
                line 13 amqp://me:***@mq
                line 14 amqp://me:***@mq
                line 15 amqp://me:***@mq
                line 16 amqp://me:***@mq
                line 17 amqp://me:***@mq
                line 18 amqp://me:***@mq
                line 19 amqp://me:***@mq
                line 20 amqp://me:***@mq
                line 21 amqp://me:***@mq
                line 22 amqp://me:***@mq
                line 23 amqp://me:***@mq
                line 24 amqp://me:***@mq
                line 25 amqp://me:***@mq
                line 26 amqp://me:***@mq
                line 27 amqp://me:***@mq
                line 28 amqp://me:***@mq
                line 29 amqp://me:***@mq
                line 30 amqp://me:***@mq
                line 31 amqp://me:***@mq
                line 32 amqp://me:***@mq
                line 33 amqp://me:***@mq
                line 34 amqp://me:***@mq
                line 35 amqp://me:***@mq
                line 36 amqp://me:***@mq
                line 37 amqp://me:***@mq
                line 38 amqp://me:***@mq
                line 39 amqp://me:***@mq
                line 40 amqp://me:***@mq
              evidence of all services: $STATE/evidence/greenroom-shop-1"#]],
    )
    .await;
    let last_asked = stack.engine.moments("run", "db-1").pop().expect("it was asked");
    assert!(last_asked < 1_500, "{last_asked}");
}

#[tokio::test(start_paused = true)]
async fn a_secret_is_hidden_before_an_output_is_cut() {
    // The end of this output begins in the middle of the secret.
    let output: &'static str = format!("hunter2-hunter2{}", "x".repeat(492)).leak();
    let stack = TestStack::of(DB);
    stack.script("db", Script::default().answers([(1, output)]).ends(secs(1), 1));
    let story = stack.failure().await;
    let seen = format!("last probe: `ready --password ***` exited with 1: ***{}\n", "x".repeat(492));
    assert!(story.contains(&seen), "{story}");
    assert!(stack.evidence("state.txt").contains(&seen), "{}", stack.evidence("state.txt"));
}

#[tokio::test(start_paused = true)]
async fn an_exit_during_a_command_that_hangs_is_reported_at_once() {
    let stack = check(
        Script::default().hangs().ends(secs(1), 1),
        &expect![[r#"
            service `db` exited with 1 before it was ready, 1.0s after its start
              last probe: `ready --password ***` exited with 137
              container: greenroom-shop-1-db-1, now removed
              waited for by: `api`, `web`
              log: $STATE/evidence/greenroom-shop-1/db.log, empty
              evidence of all services: $STATE/evidence/greenroom-shop-1"#]],
    )
    .await;
    assert_eq!(stack.engine.moments("run", "db-1"), [0]);
}

#[tokio::test(start_paused = true)]
async fn out_of_memory_is_reported() {
    let exit = Exit { code: 137, out_of_memory: true, error: String::new() };
    check(
        Script::default().answers([(1, "")]).ends_as(ms(10), exit),
        &expect![[r#"
            service `db` exited with 137 (out of memory) before it was ready, 0.0s after its start
              last probe: `ready --password ***` exited with 1
              container: greenroom-shop-1-db-1, now removed
              waited for by: `api`, `web`
              log: $STATE/evidence/greenroom-shop-1/db.log, empty
              evidence of all services: $STATE/evidence/greenroom-shop-1

            hint: raise `mem_limit` of `db`"#]],
    )
    .await;
}

#[tokio::test(start_paused = true)]
async fn the_engines_message_about_an_exit_is_reported() {
    let exit = Exit { code: 127, out_of_memory: false, error: "exec: \"serve\": not found".to_owned() };
    check(
        Script::default().ends_as(ms(0), exit),
        &expect![[r#"
        service `db` exited with 127 (the command was not found) before it was ready, 0.0s after its start
          the engine says: exec: "serve": not found
          container: greenroom-shop-1-db-1, now removed
          waited for by: `api`, `web`
          log: $STATE/evidence/greenroom-shop-1/db.log, empty
          evidence of all services: $STATE/evidence/greenroom-shop-1"#]],
    )
    .await;
}

#[tokio::test(start_paused = true)]
async fn a_volume_of_another_version_gives_a_hint() {
    let db = Script::default().logs("FATAL:  database files are incompatible with server\n");
    check(db.ends(ms(0), 1), &expect![[r#"
        service `db` exited with 1 before it was ready, 0.0s after its start
          container: greenroom-shop-1-db-1, now removed
          waited for by: `api`, `web`
          log: $STATE/evidence/greenroom-shop-1/db.log, ending in
            FATAL:  database files are incompatible with server
          evidence of all services: $STATE/evidence/greenroom-shop-1

        hint: the volume was written by another PostgreSQL version; remove it with `greenroom volumes rm` to start clean"#]]).await;
}

#[tokio::test(start_paused = true)]
async fn secrets_are_hidden_in_the_engines_messages_too() {
    let stack = TestStack::of(DB);
    stack.engine.fails("start container", "db-1", "exec hunter2-hunter2: no such file");
    expect![[r#"
        service `db` could not be started: failed to start container greenroom-shop-1-db-1: exec ***: no such file
          container: greenroom-shop-1-db-1, now removed
          waited for by: `api`, `web`
          log: $STATE/evidence/greenroom-shop-1/db.log, empty
          evidence of all services: $STATE/evidence/greenroom-shop-1"#]].assert_eq(&stack.failure().await);
}

#[tokio::test(start_paused = true)]
async fn a_container_that_cannot_be_created_is_reported() {
    let stack = TestStack::of(DB);
    stack.engine.fails("create container", "db-1", "no space left on device");
    expect![[r#"
        service `db` could not be started: failed to create container greenroom-shop-1-db-1: no space left on device
          waited for by: `api`, `web`
          evidence of all services: $STATE/evidence/greenroom-shop-1"#]].assert_eq(&stack.failure().await);
}

#[tokio::test(start_paused = true)]
async fn a_port_that_is_taken_gives_a_hint() {
    let stack = TestStack::of("services: {web: {image: web, ports: ['80:80']}}");
    stack.engine.fails("start container", "web-1", "Bind for 0.0.0.0:80 failed: port is already allocated");
    expect![[r#"
        service `web` could not be started: failed to start container greenroom-shop-1-web-1: Bind for 0.0.0.0:80 failed: port is already allocated
          container: greenroom-shop-1-web-1, now removed
          log: $STATE/evidence/greenroom-shop-1/web.log, empty
          evidence of all services: $STATE/evidence/greenroom-shop-1

        hint: something else on this machine uses the port; without fixed ports the engine picks free ones"#]].assert_eq(&stack.failure().await);
}

#[tokio::test(start_paused = true)]
async fn an_engine_that_cannot_inspect_is_reported() {
    let stack = TestStack::of(DB);
    stack.engine.fails("inspect container", "db-1", "internal error");
    expect![[r#"
        service `db` could not be watched: failed to inspect container greenroom-shop-1-db-1: internal error
          container: greenroom-shop-1-db-1, now removed
          waited for by: `api`, `web`
          log: $STATE/evidence/greenroom-shop-1/db.log, empty
          evidence of all services: $STATE/evidence/greenroom-shop-1"#]]
    .assert_eq(&stack.failure().await);
}

#[tokio::test(start_paused = true)]
async fn a_network_that_cannot_be_created_is_reported() {
    let stack = TestStack::of(DB);
    stack.engine.fails("create network", "default", "could not find an available address pool");
    expect!["failed to create network greenroom-shop-1_default: could not find an available address pool"]
        .assert_eq(&stack.failure().await);
}

#[tokio::test(start_paused = true)]
async fn a_probe_that_can_never_succeed_is_reported_at_once() {
    let stack =
        TestStack::of("services: {web: {image: web, network_mode: none, x-greenroom: {ready: {tcp: 80}}}}");
    expect![[r#"
        service `web` will never be ready (0.0s after its start): port 80/tcp is not published
          probe: tcp :80 accepts and stays open
          container: greenroom-shop-1-web-1, now removed
          log: $STATE/evidence/greenroom-shop-1/web.log, empty
          evidence of all services: $STATE/evidence/greenroom-shop-1"#]]
    .assert_eq(&stack.failure().await);
}

#[cfg(feature = "postgres")]
#[tokio::test(start_paused = true)]
async fn a_missing_password_file_is_reported() {
    let file = "
services:
  db:
    image: db
    environment: {POSTGRES_PASSWORD_FILE: /run/secrets/password}
    x-greenroom: {kind: postgres}
";
    let stack = TestStack::of(file);
    stack.script(
        "db",
        Script::default().answers([(1, "cat: /run/secrets/password: No such file or directory\n")]),
    );
    expect![[r#"
        service `db` will never be ready (0.0s after its start): cannot read /run/secrets/password in the container: cat: /run/secrets/password: No such file or directory
          probe: sql :5432 `SELECT 1`
          container: greenroom-shop-1-db-1, now removed
          log: $STATE/evidence/greenroom-shop-1/db.log, empty
          evidence of all services: $STATE/evidence/greenroom-shop-1"#]].assert_eq(&stack.failure().await);
}

#[cfg(feature = "postgres")]
#[tokio::test(start_paused = true)]
async fn reading_a_password_file_has_a_deadline_too() {
    let file = "
services:
  db:
    image: db
    environment: {POSTGRES_PASSWORD_FILE: /run/secrets/password}
    x-greenroom: {kind: postgres, timeout: 5s}
";
    let stack = TestStack::of(file);
    stack.script("db", Script::default().hangs());
    expect![[r#"
        service `db` was not ready after 5.0s: 1 attempt, last: its login could not be read from the container
          probe: sql :5432 `SELECT 1`
          container: greenroom-shop-1-db-1, now removed
          log: $STATE/evidence/greenroom-shop-1/db.log, empty
          evidence of all services: $STATE/evidence/greenroom-shop-1

        hint: if it only needs longer than 5s, raise `--timeout` or `x-greenroom: timeout:`"#]]
    .assert_eq(&stack.failure().await);
}

#[tokio::test(start_paused = true)]
async fn a_one_shot_that_fails_is_reported() {
    let stack = TestStack::of(
        "
services:
  migrate: {image: migrate}
  web: {image: web, depends_on: {migrate: {condition: service_completed_successfully}}}
",
    );
    stack.script("migrate", Script::default().ends(secs(2), 3).logs("applying 0001\nno such table\n"));
    expect![[r#"
        service `migrate` exited with 3 before it was ready, 2.1s after its start
          container: greenroom-shop-1-migrate-1, now removed
          waited for by: `web`
          log: $STATE/evidence/greenroom-shop-1/migrate.log, ending in
            applying 0001
            no such table
          evidence of all services: $STATE/evidence/greenroom-shop-1"#]]
    .assert_eq(&stack.failure().await);
}

#[tokio::test(start_paused = true)]
async fn a_one_shot_that_does_not_end_is_reported_at_the_deadline() {
    let stack = TestStack::of(
        "
services:
  migrate: {image: migrate, x-greenroom: {timeout: 10s}}
  web: {image: web, depends_on: {migrate: {condition: service_completed_successfully}}}
",
    );
    expect![[r#"
        service `migrate` was not ready after 10.0s: 72 attempts, last: it is still running
          probe: ends with 0
          container: greenroom-shop-1-migrate-1, now removed
          waited for by: `web`
          log: $STATE/evidence/greenroom-shop-1/migrate.log, empty
          evidence of all services: $STATE/evidence/greenroom-shop-1

        hint: if it only needs longer than 10s, raise `--timeout` or `x-greenroom: timeout:`"#]]
    .assert_eq(&stack.failure().await);
}

#[tokio::test(start_paused = true)]
async fn a_service_without_a_probe_may_not_exit_with_1() {
    let stack = TestStack::of("services: {worker: {image: worker}}");
    stack.script("worker", Script::default().ends(ms(300), 1));
    expect![[r#"
        service `worker` exited with 1 before it was ready, 0.3s after its start
          container: greenroom-shop-1-worker-1, now removed
          log: $STATE/evidence/greenroom-shop-1/worker.log, empty
          evidence of all services: $STATE/evidence/greenroom-shop-1"#]]
    .assert_eq(&stack.failure().await);
}

#[tokio::test(start_paused = true)]
async fn all_services_that_fail_at_about_the_same_time_are_named() {
    let stack = TestStack::of(
        "
services:
  a: {image: a}
  b: {image: b, healthcheck: {test: [CMD, ready]}}
  c: {image: c}
  late: {image: late}
  waits: {image: waits, depends_on: [a]}
",
    );
    stack.script("a", Script::default().ends(ms(300), 1).logs("no ledger\n"));
    stack.script("b", Script::default().answers([(1, "not yet")]).ends(ms(600), 2));
    stack.script("late", Script::default().ends(secs(5), 1));
    stack.engine.fails("start container", "c-1", "no such device");
    stack.engine.takes("start container", "c-1", ms(500));
    expect![[r#"
        service `a` exited with 1 before it was ready, 0.3s after its start; `c`, `b` failed, too
          container: greenroom-shop-1-a-1, now removed
          waited for by: `waits`
          log: $STATE/evidence/greenroom-shop-1/a.log, ending in
            no ledger
          service `c` could not be started: failed to start container greenroom-shop-1-c-1: no such device
          service `b` exited with 2 before it was ready, 0.6s after its start
          evidence of all services: $STATE/evidence/greenroom-shop-1"#]]
    .assert_eq(&stack.failure().await);
}

#[tokio::test(start_paused = true)]
async fn nothing_is_waited_for_if_nothing_else_can_fail() {
    let stack = TestStack::of(DB);
    stack.script("db", Script::default().ends(ms(0), 1));
    stack.failure().await;
    assert_eq!(stack.engine.moment("remove container", "db-1"), 0);
}

#[tokio::test(start_paused = true)]
async fn all_missing_images_are_named() {
    let stack = TestStack::of("services: {a: {image: one}, b: {image: two}, c: {image: three}}");
    for image in ["one", "three"] {
        stack.engine.image_is(image, Whereabouts::Nowhere);
    }
    expect![[r#"
        service `a` has no image to run: failed to pull image one: repository does not exist; `c` failed, too
          service `c` has no image to run: failed to pull image three: repository does not exist

        hint: check the image's name, try `docker pull`, or declare `build:` or `x-greenroom: fallback:`"#]]
    .assert_eq(&stack.failure().await);
}

#[tokio::test(start_paused = true)]
async fn all_services_that_ended_after_they_were_ready_are_named() {
    let stack = TestStack::of(
        "
services:
  db: {image: db, healthcheck: {test: [CMD, ready]}}
  cache: {image: cache, healthcheck: {test: [CMD, ready]}}
  web: {image: web, healthcheck: {test: [CMD, ready]}}
",
    );
    for service in ["db", "cache"] {
        stack.script(service, Script::default().ends(secs(2), 1));
    }
    stack.script("web", Script::default().answers_after(secs(5)));
    expect![[r#"
        service `cache` exited with 1 after it was ready, while the stack was still starting; `db` failed, too
          container: greenroom-shop-1-cache-1, now removed
          log: $STATE/evidence/greenroom-shop-1/cache.log, empty
          service `db` exited with 1 after it was ready, while the stack was still starting
          evidence of all services: $STATE/evidence/greenroom-shop-1"#]]
    .assert_eq(&stack.failure().await);
}

#[tokio::test(start_paused = true)]
async fn the_evidence_of_every_service_is_saved() {
    let stack = TestStack::of(DB);
    stack.script(
        "db",
        Script::default().answers([(1, "refused hunter2-hunter2")]).logs("my words\n").ends(ms(200), 3),
    );
    stack.script("web", Script::default().logs("never seen\n"));
    stack.failure().await;
    assert_eq!(stack.evidence("db.log"), "my words\n");
    expect![[r#"
        db: greenroom-shop-1-db-1 (db): exited with 3
        api: greenroom-shop-1-api-1 (api): created, not started
        web: greenroom-shop-1-web-1 (web): created, not started
        edge: greenroom-shop-1-edge-1 (edge): created, not started
        db: last probe: `ready --password ***` exited with 1: refused ***
    "#]]
    .assert_eq(&stack.evidence("state.txt"));
}

#[cfg(unix)]
#[tokio::test(start_paused = true)]
async fn only_its_user_can_read_the_evidence() {
    use std::os::unix::fs::PermissionsExt;

    let stack = TestStack::of(DB);
    stack.script("db", Script::default().ends(ms(0), 3));
    stack.failure().await;
    for (path, mode) in [(stack.evidence_path("db.log"), 0o600), (stack.evidence_path(""), 0o700)] {
        let metadata = std::fs::metadata(&path).expect("it was saved");
        assert_eq!(metadata.permissions().mode() & 0o777, mode, "{}", path.display());
    }
}

#[tokio::test(start_paused = true)]
async fn a_stack_is_removed_even_if_its_evidence_cannot_be_saved() {
    let stack = TestStack::of(DB);
    stack.script("db", Script::default().ends(ms(0), 3));
    // A file is in the folder's place.
    std::fs::write(stack.folder.0.join("evidence"), "").expect("the folder can be written to");
    expect![[r#"
        service `db` exited with 3 before it was ready, 0.0s after its start
          waited for by: `api`, `web`"#]]
    .assert_eq(&stack.failure().await);
}

#[tokio::test(start_paused = true)]
async fn a_service_that_exits_after_it_was_ready_fails_the_start() {
    let stack = TestStack::of(
        "
services:
  db: {image: db, healthcheck: {test: [CMD, ready]}}
  web: {image: web, healthcheck: {test: [CMD, ready]}}
",
    );
    stack.script("db", Script::default().ends(secs(2), 1).logs("out of disk\n"));
    stack.script("web", Script::default().answers_after(secs(5)));
    expect![[r#"
        service `db` exited with 1 after it was ready, while the stack was still starting
          container: greenroom-shop-1-db-1, now removed
          log: $STATE/evidence/greenroom-shop-1/db.log, ending in
            out of disk
          evidence of all services: $STATE/evidence/greenroom-shop-1"#]]
    .assert_eq(&stack.failure().await);
}
