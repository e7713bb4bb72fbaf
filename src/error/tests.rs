//! The complete text of each error. `tests/it/tidy.rs` checks that each constructor is here.

use std::io;
use std::path::Path;
use std::time::Duration;

use expect_test::{Expect, expect};

use super::*;
use crate::compose::{self, Disk, Problems, Request};

fn check(error: &Error, expected: Expect) {
    expected.assert_eq(&format!("{error:?}"));
}

fn problems() -> Problems {
    let request = Request::in_directory("/nowhere-at-all");
    compose::read(&request, &Disk).expect_err("there is no compose file")
}

fn disk_full() -> io::Error {
    io::Error::other("the disk is full")
}

#[test]
fn display_is_the_first_line_and_debug_is_everything() {
    let error = Error::state("lock", Path::new("/state/locks/data"), disk_full())
        .with_detail("volume: data\nwhich is kept")
        .with_detail("another line")
        .with_hint("make room");
    assert_eq!(error.to_string(), "cannot lock /state/locks/data");
    check(
        &error,
        expect![[r#"
        cannot lock /state/locks/data: the disk is full
          volume: data
          which is kept
          another line

        hint: make room"#]],
    );
}

#[test]
fn an_error_is_json_for_programs() {
    let with_evidence = Error::start_failed("service `db` was not ready".to_owned())
        .with_evidence(Path::new("/state/evidence/shop"))
        .with_hint("wait");
    let text = "services:\n  db:\n    imagee: postgres\n    user: 5\n";
    let folder = tempfile::tempdir().expect("the folder for temporary files can be written to");
    std::fs::write(folder.path().join("compose.yaml"), text).expect("it can be written to");
    let request = Request::in_directory(folder.path());
    let problems = compose::read(&request, &Disk).expect_err("a key is wrong");
    let json = [with_evidence, Error::compose(&problems)].map(|error| format!("{:#}\n", error.to_json()));
    expect![[r#"
        {
          "kind": "not-ready",
          "message": "service `db` was not ready\n  evidence of all services: /state/evidence/shop",
          "hint": "wait",
          "problems": [],
          "evidence": "/state/evidence/shop"
        }
        {
          "kind": "usage",
          "message": "compose.yaml:3:5: services.db: unknown key `imagee`\n    3 |     imagee: postgres\n      |     ^\n\nhint: did you mean `image`?\n\ncompose.yaml:4:11: services.db.user: must be a string, not a number\n    4 |     user: 5\n      |           ^\n\nhint: write it in quotes",
          "hint": null,
          "problems": [
            {
              "file": "compose.yaml",
              "line": 3,
              "column": 5,
              "path": "services.db",
              "message": "unknown key `imagee`",
              "hint": "did you mean `image`?"
            },
            {
              "file": "compose.yaml",
              "line": 4,
              "column": 11,
              "path": "services.db.user",
              "message": "must be a string, not a number",
              "hint": "write it in quotes"
            }
          ],
          "evidence": null
        }
    "#]].assert_eq(&json.concat());
}

#[test]
fn a_later_error_is_printed_below_the_first() {
    let later = Error::teardown("greenroom-shop-1", &["failed to remove container `db`: busy", "busy"]);
    let error = Error::start_failed("service `db` was not ready".to_owned())
        .with_detail("probe: tcp :80")
        .and_then(later);
    assert!(error.is_not_ready());
    check(
        &error,
        expect![[r#"
        service `db` was not ready
          probe: tcp :80
          stack `greenroom-shop-1` could not be removed completely
            failed to remove container `db`: busy
            busy

        hint: `greenroom down --stack greenroom-shop-1` tries again"#]],
    );
}

#[test]
fn the_hint_of_the_first_error_is_kept() {
    let later = Error::teardown("greenroom-shop-1", &["x"]);
    assert_eq!(Error::start_cancelled().with_hint("first").and_then(later).hint(), Some("first"));
}

#[test]
fn the_compose_files_and_the_options() {
    let defined = ["db", "web", "worker"];
    check(
        &Error::compose(&problems()),
        expect![[r#"
            no compose file in /nowhere-at-all or any folder above it

            hint: compose files are named `compose.yaml`, `compose.yml`, `docker-compose.yml` and `docker-compose.yaml`"#]],
    );
    check(
        &Error::unknown("service", "wrker", defined),
        expect![[r#"
        there is no service `wrker`

        hint: did you mean `worker`? defined services are `db`, `web`, `worker`"#]],
    );
    check(
        &Error::unknown("service", "database", defined),
        expect![[r#"
        there is no service `database`

        hint: defined services are `db`, `web`, `worker`"#]],
    );
    check(
        &Error::unknown("volume", "data", []),
        expect![[r#"
        there is no volume `data`

        hint: the file defines no volumes"#]],
    );
    check(
        &Error::unknown_lifetime("GREENROOM_LIFETIME", "day", &["test", "run"]),
        expect!["`GREENROOM_LIFETIME` must be one of `test`, `run`, not `day`"],
    );
    check(
        &Error::no_working_directory(io::Error::other("it was removed")),
        expect!["cannot determine the working directory: it was removed"],
    );
}

#[test]
fn the_engine_and_the_runtime() {
    check(
        &Error::of_engine(&"failed to create network `x`: busy"),
        expect!["failed to create network `x`: busy"],
    );
    check(
        &Error::engine_unavailable("no engine answers".to_owned(), "start one".to_owned()),
        expect![[r#"
        no engine answers

        hint: start one"#]],
    );
    check(
        &Error::missing_external("network", "front", "shop_front"),
        expect![[r#"
        external network `front` does not exist: the engine has no network `shop_front`

        hint: create it first: `docker network create shop_front`; without `external: true` each stack gets one of its own"#]],
    );
    check(
        &Error::no_runtime(io::Error::other("too many threads")),
        expect!["failed to start greenroom's background runtime: too many threads"],
    );
    check(
        &Error::task_lost(),
        expect![[r#"
            greenroom's background task ended without a result

            hint: if it panicked, the panic's message is above"#]],
    );
    check(
        &Error::teardown("greenroom-shop-1", &["failed to remove network `x`: busy"]),
        expect![[r#"
        stack `greenroom-shop-1` could not be removed completely
          failed to remove network `x`: busy

        hint: `greenroom down --stack greenroom-shop-1` tries again"#]],
    );
}

#[test]
fn the_start_of_a_stack() {
    check(
        &Error::start_failed("service `db` was not ready".to_owned()),
        expect!["service `db` was not ready"],
    );
    check(&Error::start_cancelled(), expect!["the start was cancelled before the stack was ready"]);
}

#[test]
fn kept_volumes() {
    let held = |user: &VolumeUser| Error::volume_held("data", "greenroom_shop_data", user);
    let stack = |holder: &str, is_own| VolumeUser::Stack {
        stack: "greenroom-shop-1".to_owned(),
        holder: holder.to_owned(),
        is_own,
    };
    check(
        &held(&stack("project shop in /shop", true)),
        expect![[r#"
        kept volume `data` is in use by stack `greenroom-shop-1`
          volume: greenroom_shop_data
          holder: project shop in /shop
          two servers on one data directory would corrupt it

        hint: wait for that stack, or take it down: `greenroom down --stack greenroom-shop-1`"#]],
    );
    check(
        &held(&stack(
            "project shop in /shop, of the user with id 1000, from another host or container",
            false,
        )),
        expect![[r#"
            kept volume `data` is in use by stack `greenroom-shop-1`
              volume: greenroom_shop_data
              holder: project shop in /shop, of the user with id 1000, from another host or container
              two servers on one data directory would corrupt it

            hint: ask its owner first; `greenroom down --stack greenroom-shop-1` takes it down"#]],
    );
    let claim = || "greenroom.claim.greenroom_shop_data".to_owned();
    check(
        &held(&VolumeUser::Removal { claim: claim(), holder: "process 12".to_owned() }),
        expect![[r#"
        kept volume `data` is being removed
          volume: greenroom_shop_data
          holder: process 12
          two servers on one data directory would corrupt it

        hint: if that process is gone, `docker volume rm greenroom.claim.greenroom_shop_data` releases the volume"#]],
    );
    check(
        &held(&VolumeUser::Volume(claim())),
        expect![[r#"
        kept volume `data` is claimed by volume `greenroom.claim.greenroom_shop_data`, which greenroom did not create
          volume: greenroom_shop_data
          two servers on one data directory would corrupt it

        hint: remove it if nobody needs it: `docker volume rm greenroom.claim.greenroom_shop_data`"#]],
    );
    check(
        &held(&VolumeUser::Container("psql".to_owned())),
        expect![[r#"
            kept volume `data` is in use by container `psql`, which belongs to no stack
              volume: greenroom_shop_data
              two servers on one data directory would corrupt it

            hint: stop the container (`docker stop psql`) or remove it (`docker rm psql`) first"#]],
    );
    let in_use = |user: &VolumeUser| Error::volume_in_use("data", "greenroom_shop_data", user);
    check(
        &in_use(&stack("project shop in /shop", true)),
        expect![[r#"
        kept volume `data` is in use by stack `greenroom-shop-1`
          volume: greenroom_shop_data
          holder: project shop in /shop

        hint: wait for that stack, or take it down: `greenroom down --stack greenroom-shop-1`"#]],
    );
    check(
        &in_use(&VolumeUser::Container("psql".to_owned())),
        expect![[r#"
            kept volume `data` is in use by container `psql`, which belongs to no stack
              volume: greenroom_shop_data

            hint: stop the container (`docker stop psql`) or remove it (`docker rm psql`) first"#]],
    );
}

#[test]
fn the_state_folder() {
    check(
        &Error::state_folder_of_others(
            Path::new("/state"),
            "others can write to it: its mode is 0777",
            "GREENROOM_STATE_DIR",
        ),
        expect![[r#"
            cannot keep greenroom's state in /state: others can write to it: its mode is 0777

            hint: set GREENROOM_STATE_DIR to a folder of your own, or: `chmod go-w /state`"#]],
    );
    check(
        &Error::lock_held(
            Path::new("/state/locks/leases"),
            "process 12 (greenroom)",
            Duration::from_secs(30),
        ),
        expect![[r#"
            cannot lock /state/locks/leases within 30s
              the lock is held by process 12 (greenroom)

            hint: end that process, or wait for it and try again"#]],
    );
    check(
        &Error::no_state_folder("GREENROOM_STATE_DIR"),
        expect![[r#"
        there is no home folder to keep greenroom's state in

        hint: set GREENROOM_STATE_DIR to a folder"#]],
    );
    check(
        &Error::state("write", Path::new("/state/leases/run-1/lease.json"), disk_full()),
        expect!["cannot write /state/leases/run-1/lease.json: the disk is full"],
    );
}

#[test]
fn handles_for_any_service() {
    check(
        &Error::port_not_published("api", 8080, &["80/tcp".to_owned(), "53/udp".to_owned()]),
        expect![[r#"
        service `api` does not publish port 8080/tcp

        hint: it publishes `80/tcp`, `53/udp`; add 8080 under `ports:` of `api`: any host port will do"#]],
    );
    check(
        &Error::port_not_published("api", 8080, &[]),
        expect![[r#"
        service `api` does not publish port 8080/tcp

        hint: it publishes no port; add 8080 under `ports:` of `api`: any host port will do"#]],
    );
}

#[cfg(any(feature = "postgres", feature = "grafana"))]
#[test]
fn handles_for_services_of_one_kind() {
    check(
        &Error::wrong_kind("api", "a PostgreSQL server", "shop-api", &["db", "archive"]),
        expect![[r#"
        service `api` is not a PostgreSQL server
          its image: shop-api

        hint: these are: `db`, `archive`"#]],
    );
    check(
        &Error::wrong_kind("api", "a PostgreSQL server", "shop-api", &[]),
        expect![[r#"
            service `api` is not a PostgreSQL server
              its image: shop-api

            hint: no service of this stack is one; where the image's name does not tell, set `x-greenroom: kind:`"#]],
    );
    check(
        &Error::has_completed("migrate", "a PostgreSQL server", &["db"]),
        expect![[r#"
            service `migrate` no longer runs
              another service waits for its completion, and it has exited with 0

            hint: a PostgreSQL server that runs: `db`"#]],
    );
    check(
        &Error::has_completed("migrate", "a PostgreSQL server", &[]),
        expect![[r#"
        service `migrate` no longer runs
          another service waits for its completion, and it has exited with 0"#]],
    );
}

#[cfg(feature = "http")]
#[test]
fn http_handles() {
    check(
        &Error::no_port_published("api"),
        expect![[r#"
        service `api` publishes no TCP port

        hint: add one under `ports:` of `api`: any host port will do"#]],
    );
    check(
        &Error::no_http_client("api", io::Error::other("no randomness")),
        expect!["failed to build an HTTP client for `api`: no randomness"],
    );
    check(
        &Error::no_answer("api", "/orders", io::Error::other("connection refused")),
        expect!["`api` did not answer at /orders: connection refused"],
    );
}

#[cfg(feature = "postgres")]
#[test]
fn postgres_handles_and_volumes() {
    check(
        &Error::postgres(
            "connect to",
            "db",
            &"postgres://me:***@127.0.0.1:49153/db",
            io::Error::other("connection refused"),
        ),
        expect!["failed to connect to `db` at postgres://me:***@127.0.0.1:49153/db: connection refused"],
    );
    let directory = "/var/lib/postgresql/data";
    check(
        &Error::volume_does_not_keep("data", "db", "/data", directory, "in the container's own layer"),
        expect![[r#"
            volume `data` does not keep the data of `db`
              the volume is mounted at /data
              PostgreSQL keeps its data in /var/lib/postgresql/data, in the container's own layer

            hint: mount the volume where the data is: `data:/var/lib/postgresql/data`, or at its parent folder"#]],
    );
    check(
        &Error::unknown_data_directory("db", "no answer within 2s"),
        expect!["cannot find out where `db` keeps its data: no answer within 2s"],
    );
}

#[cfg(feature = "grafana")]
#[test]
fn grafana() {
    let refused =
        |status, said| Error::refused_by_grafana("list the data sources of", "grafana", status, said);
    check(
        &Error::answer_broke_off("api", io::Error::other("unexpected end")),
        expect!["the answer of `api` broke off: unexpected end"],
    );
    check(
        &Error::unexpected_answer("ask for the health of", "grafana", "expected value"),
        expect!["failed to ask for the health of `grafana`: unexpected answer: expected value"],
    );
    check(
        &Error::query_failed("grafana", "relation \"prices\" does not exist"),
        expect![[r#"failed to query through `grafana`: relation "prices" does not exist"#]],
    );
    check(
        &refused(401, "Invalid username or password"),
        expect![[r#"
            failed to list the data sources of `grafana`: HTTP 401: Invalid username or password

            hint: the login comes from GF_SECURITY_ADMIN_USER and GF_SECURITY_ADMIN_PASSWORD in the compose file; a kept volume may still have an older one"#]],
    );
    check(
        &Error::login_refused_by_grafana(
            "query through",
            "grafana",
            "viewer",
            "Invalid username or password",
        ),
        expect![[r#"
            failed to query through `grafana`: HTTP 401: Invalid username or password

            hint: `with_login` was given the user `viewer`: check the user and the password"#]],
    );
    check(
        &Error::grafana_too_old("query through", "grafana", "6.7.4", 9),
        expect![[r#"
        failed to query through `grafana`: Grafana 6.7.4 answers; greenroom's Grafana handle needs 9 or newer

        hint: use an image of Grafana 9 or newer; `GrafanaClient::request` sends requests of your own to any version"#]],
    );
    check(
        &refused(404, "Data source not found"),
        expect!["failed to list the data sources of `grafana`: HTTP 404: Data source not found"],
    );
    check(
        &refused(501, "no plugins"),
        expect![[r#"
            failed to list the data sources of `grafana`: HTTP 501: no plugins

            hint: this is the Grafana stand-in, which does not support this; use the real image"#]],
    );
}

#[test]
fn each_predicate_is_true_for_exactly_one_kind() {
    let errors = [
        Error::compose(&problems()),
        Error::engine_unavailable("x".to_owned(), "y".to_owned()),
        Error::start_failed("x".to_owned()),
        Error::missing_external("network", "x", "y"),
        Error::volume_held("x", "y", &VolumeUser::Container("z".to_owned())),
        Error::start_cancelled(),
        Error::of_engine(&"x"),
        Error::port_not_published("x", 1, &[]),
        Error::no_state_folder("X"),
        Error::teardown("x", &["x"]),
    ];
    let predicates = errors.iter().map(|error| {
        [
            error.is_usage(),
            error.is_engine_unavailable(),
            error.is_not_ready(),
            error.is_missing_external(),
            error.is_volume_held(),
            error.is_cancelled(),
        ]
    });
    for (index, predicates) in predicates.enumerate() {
        assert_eq!(predicates, [0, 1, 2, 3, 4, 5].map(|kind| kind == index), "{:?}", errors[index]);
    }
}
