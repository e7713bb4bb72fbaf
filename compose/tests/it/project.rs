//! What a project tells beside its document: the typed view, places, secrets, files.

use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};

use expect_test::{Expect, expect};
use greenroom_compose::{Condition, Files, MountKind, Project, Request, Values};

/// Files in memory.
struct Texts(BTreeMap<PathBuf, String>);

impl Texts {
    fn of(files: &[(&str, &str)]) -> Texts {
        Texts(files.iter().map(|(path, text)| (Path::new("/shop").join(path), (*text).to_owned())).collect())
    }
}

impl Files for Texts {
    fn read(&self, path: &Path) -> io::Result<Vec<u8>> {
        self.0.get(path).map(|text| text.clone().into_bytes()).ok_or_else(|| io::ErrorKind::NotFound.into())
    }

    fn is_file(&self, path: &Path) -> bool {
        self.0.contains_key(path)
    }
}

fn read(files: &[(&str, &str)]) -> Project {
    greenroom_compose::read(&Request::in_directory("/shop"), &Texts::of(files)).unwrap()
}

const SHOP: &str = "\
services:
  web:
    image: web
    command: serve --port 80
    depends_on:
      db: {condition: service_started}
    healthcheck: {test: curl localhost, interval: 1m30s, retries: 3}
    ports:
      - \"8080:80\"
      - target: 81
    volumes: [\"./site:/site:ro\", \"cache:/cache\"]
    labels: {com.example.team: shop}
  worker:
    image: worker
    depends_on: [db]
  db:
    image: postgres:17
    mem_limit: 64m
    environment: {POSTGRES_PASSWORD: \"${DB_PASSWORD}\", UNSET: }
    x-greenroom: {ready: sql}
volumes:
  cache:
";

#[test]
fn the_typed_view_holds_what_the_document_says() {
    let project = read(&[("compose.yaml", SHOP), (".env", "DB_PASSWORD=hunter2-hunter2\n")]);
    let web = &project.services["web"];
    assert_eq!(web.command.as_deref().unwrap(), ["serve", "--port", "80"]);
    assert_eq!((web.ports[0].target, web.ports[0].published.as_deref()), (80, Some("8080")));
    assert_eq!((web.ports[1].target, web.ports[1].published.as_deref()), (81, None));
    assert_eq!(
        (web.volumes[0].kind, web.volumes[0].source.as_deref()),
        (MountKind::Bind, Some("/shop/site"))
    );
    assert!(web.volumes[0].read_only && web.volumes[0].create_host_path);
    assert_eq!((web.volumes[1].kind, web.volumes[1].source.as_deref()), (MountKind::Volume, Some("cache")));
    let healthcheck = web.healthcheck.as_ref().unwrap();
    assert_eq!(healthcheck.test.as_deref().unwrap(), ["CMD-SHELL", "curl localhost"]);
    assert_eq!(healthcheck.interval.unwrap().as_secs(), 90);
    assert!(web.networks.contains_key("default"));
    let db = &project.services["db"];
    assert_eq!(db.environment["POSTGRES_PASSWORD"].as_deref(), Some("hunter2-hunter2"));
    assert_eq!(db.environment["UNSET"], None);
    assert_eq!(db.resources.memory, Some(64 * 1024 * 1024));
    assert_eq!(db.greenroom, Some(serde_json::json!({"ready": "sql"})));
    assert_eq!(project.networks["default"].name, "shop_default");
    assert_eq!(project.volumes["cache"].name, "shop_cache");
}

#[test]
fn a_condition_that_is_written_out_is_told_from_the_short_form() {
    let project = read(&[("compose.yaml", SHOP)]);
    let of = |service: &str| project.services[service].depends_on["db"].clone();
    assert_eq!((of("web").condition, of("web").written_out), (Condition::ServiceStarted, true));
    assert_eq!((of("worker").condition, of("worker").written_out), (Condition::ServiceStarted, false));
}

#[test]
fn every_path_has_a_place() {
    let project = read(&[("compose.yaml", SHOP)]);
    let place = |path: &str| project.place(path).unwrap().to_string();
    assert_eq!(place("services.web.ports[0]"), "compose.yaml:9:9");
    assert_eq!(place("services.web.ports[1].target"), "compose.yaml:10:17");
    assert_eq!(place("services.web.labels.com.example.team"), "compose.yaml:12:32");
    assert_eq!(place("services.worker.depends_on.db"), "compose.yaml:15:18");
    // What no file says stands where the nearest thing around it stands.
    assert_eq!(place("services.web.ports[0].protocol"), "compose.yaml:9:9");
    assert_eq!(place("services.web.hostname"), "compose.yaml:3:5");
    let place = project.place("services.db.image").unwrap();
    assert_eq!(project.line(&place), Some("    image: postgres:17"));
}

#[test]
fn an_environment_file_for_tests_takes_the_place_of_the_other() {
    let files =
        [("compose.yaml", SHOP), (".env", "DB_PASSWORD=production"), (".env.test", "DB_PASSWORD=for-tests")];
    let project = read(&files);
    assert_eq!(project.services["db"].environment["POSTGRES_PASSWORD"].as_deref(), Some("for-tests"));
    assert_eq!(project.env_files, [Path::new("/shop/.env.test")]);
}

#[test]
fn an_unset_variable_is_warned_about_once() {
    let text =
        "services:\n  a:\n    image: x:${TAG}\n    labels: {a: \"${TAG}\", b: \"${TAG}\"}\nversion: \"3\"\n";
    let project = read(&[("compose.yaml", text)]);
    let warnings: Vec<String> = project.warnings.iter().map(ToString::to_string).collect();
    expect![[r#"
        compose.yaml:3:12: the variable `TAG` is not set: an empty string is used in its place
        compose.yaml:5:1: `version` is obsolete: it is ignored and can be removed"#]]
    .assert_eq(&warnings.join("\n"));
}

fn check_redacted(text: &str, expected: &Expect) {
    let project = read(&[("compose.yaml", text), (".env", "DB_PASSWORD=hunter2-hunter2\n")]);
    let shown = project.to_yaml(Values::Redacted);
    assert!(!shown.contains("hunter2"), "{shown}");
    expected.assert_eq(&shown);
}

#[test]
fn secrets_can_be_redacted() {
    check_redacted(
        "services:\n  a:\n    image: x\n    environment:\n      DB_PASSWORD: ${DB_PASSWORD}\n      URL: postgres://u:hunter2@db/x\n      \
         USER: me\n    labels: {token: hunter2-hunter2}\n    build: {context: ., args: [API_KEY=hunter2]}\n    command: run --password ${DB_PASSWORD}\n",
        &expect![[r#"
            name: shop
            networks:
              default:
                name: shop_default
            services:
              a:
                build:
                  args:
                    API_KEY: '***'
                  context: /shop
                  dockerfile: Dockerfile
                command:
                - run
                - --password
                - '***'
                networks:
                  default: null
                environment:
                  DB_PASSWORD: '***'
                  URL: postgres://u:***@db/x
                  USER: me
                image: x
                labels:
                  token: '***'
        "#]],
    );
}

#[test]
fn debug_shows_no_value() {
    let project = read(&[("compose.yaml", SHOP), (".env", "DB_PASSWORD=hunter2-hunter2\n")]);
    assert!(!format!("{project:?}").contains("hunter2"));
}

#[test]
fn what_is_printed_is_a_compose_file_again() {
    let text = "services:\n  a:\n    image: x\n    environment: {PRICE: \"5$$\", CODE: '$${NOT}'}\n";
    let project = read(&[("compose.yaml", text)]);
    let again = read(&[("compose.yaml", &project.to_yaml(Values::Shown))]);
    assert_eq!(project.document(), again.document());
    assert_eq!(again.services["a"].environment["CODE"].as_deref(), Some("${NOT}"));
}
