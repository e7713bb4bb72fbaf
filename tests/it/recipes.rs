//! Checks the recipes in CONTRIBUTING.md: every path they name exists, and existing code followed every step.

use std::fmt::Write;
use std::fs;
use std::path::Path;

use expect_test::expect_file;
use greenroom::kind::{Kind, Protocol};
use greenroom::plan::PlannedService;
use greenroom::{Plan, StackBuilder};

use crate::tidy::{read, root, supported};

/// The concatenated texts of all files below a folder.
fn texts_below(folder: &Path) -> String {
    let mut text = String::new();
    for entry in fs::read_dir(folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display())) {
        let path = entry.expect("the folder's entries are readable").path();
        if path.is_dir() {
            text.push_str(&texts_below(&path));
        } else {
            text.push_str(&fs::read_to_string(path).unwrap_or_default());
        }
    }
    text
}

/// The words between backquotes.
fn quoted(text: &str) -> impl Iterator<Item = &str> {
    text.split('`').skip(1).step_by(2)
}

/// The planned service of a file whose only service is `service`.
fn planned(service: &str) -> PlannedService {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("compose.yaml");
    fs::write(&file, format!("services: {{service: {service}}}\n")).unwrap();
    let plan: Plan =
        StackBuilder::new().file(file).plan().unwrap_or_else(|error| panic!("{service}: {error:?}"));
    plan.service("service").unwrap().clone()
}

#[test]
fn what_the_recipes_name_is_there() {
    let contributing = read(&root().join("CONTRIBUTING.md"));
    let recipes = contributing.split("\n## Recipes\n").nth(1).and_then(|rest| rest.split("\n## ").next());
    let paths: Vec<_> =
        quoted(recipes.expect("there are recipes")).filter(|word| word.contains('/')).collect();
    assert!(paths.len() > 20, "{paths:?}");
    for path in paths {
        let there = path.split('<').next().unwrap_or(path);
        assert!(root().join(there).exists(), "CONTRIBUTING.md names `{path}`, which does not exist");
    }
}

#[test]
fn kinds_and_protocols_are_documented_as_they_are_planned() {
    let mut page = "\
# Kinds of service

<!-- `tests/it/recipes.rs` generates this page from the plans of services of each kind. -->

The services that greenroom recognizes. This page goes with the [README](../README.md).

## By image

The last part of the image's name, without tag and digest, must match exactly: `postgres-exporter` is not PostgreSQL. For other
names, set `x-greenroom: {kind: …}`. Every other published TCP port, and every one of a service of no such kind, has to accept a
connection and keep it open. The healthcheck, if there is one, has to pass as well.

| kind | images | usual port | ready when |
|---|---|---|---|
"
    .to_owned();
    for kind in Kind::ALL.iter().filter(|kind| **kind != Kind::Other) {
        let named = planned(&format!("{{image: example, x-greenroom: {{kind: {}}}}}", kind.name()));
        for image in kind.images() {
            let by_image = planned(&format!("{{image: \"example/{image}:1\"}}"));
            assert_eq!((by_image.kind, &by_image.readiness), (*kind, &named.readiness), "{image}");
        }
        let ports: Vec<_> = named.ports.iter().map(|port| port.port.number.to_string()).collect();
        let readiness = named.readiness.to_string();
        let ready = readiness.trim_end_matches(", then the image's healthcheck if it has one");
        let (images, ports) = (kind.images().join("`, `"), ports.join(", "));
        writeln!(page, "| `{}` | `{images}` | {ports} | {ready} |", kind.name()).unwrap();
    }
    let provisioning = planned(
        "{image: grafana/grafana, healthcheck: {disable: true}, environment: {GF_PATHS_PROVISIONING: /provisioning}}",
    );
    let readiness = provisioning.readiness.to_string();
    let (_, then) = readiness.split_once(", then ").expect("it is asked twice");
    write!(
        page,
        "
A Grafana begins to provision its dashboards only when it already serves. If it may have dashboards to provision, it is ready when it
has done so: `{then}`. That is asked if a mount, config or secret is at, above or below
`/etc/grafana/provisioning/dashboards`, if `GF_PATHS_PROVISIONING` is set, if it has `volumes_from`, or if the file builds its image.

Its log answers the question: `finished to provision dashboards`. If the log says nothing of it, because Grafana is old or its log
is quiet, greenroom logs in and requests `POST /api/admin/provisioning/dashboards/reload`. Grafana reads the files again then, and
answers once every dashboard is saved. If it refuses, it does not become ready, and the error says why; with
`x-greenroom: {{ready: {{http: /api/health}}}}`, greenroom does not ask for dashboards. Data sources need no question: they are there when
Grafana serves.
"
    )
    .unwrap();
    page.push_str(
        "
## Protocols

Keys of `x-greenroom: ready:` that probe a server in its own protocol, with the service's login if the file contains one.

| key | ready when |
|---|---|
",
    );
    for protocol in Protocol::ALL {
        let key = protocol.name();
        let asked = planned(&format!("{{image: example, x-greenroom: {{ready: {{{key}: 4711}}}}}}"));
        assert_eq!(asked.ports[0].port.number, 4711, "{key}");
        writeln!(page, "| `{{{key}: 4711}}` | {} |", asked.readiness).unwrap();
    }
    expect_file![root().join("docs/kinds.md")].assert_eq(&page);
}

#[test]
fn every_kind_and_every_protocol_has_its_fixture() {
    let kinds = read(&root().join("fixtures/plan/kinds.yml"));
    for kind in Kind::ALL {
        let named = kinds.contains(&format!("kind: {}", kind.name()));
        let pictured = kind
            .images()
            .iter()
            .any(|image| kinds.split(['/', ':', '"', ',', '}', ' ']).any(|word| word == *image));
        assert!(named || pictured, "fixtures/plan/kinds.yml has no service of kind {}", kind.name());
    }
    let ready = read(&root().join("fixtures/plan/ready.yml"));
    for protocol in Protocol::ALL {
        let key = format!("ready: {{{}:", protocol.name());
        assert!(ready.contains(&key), "fixtures/plan/ready.yml has no {key}");
    }
    let files = fs::read_dir(root().join("src/kind/protocol")).unwrap();
    assert_eq!(
        files.count() - 1,
        Protocol::ALL.len(),
        "a file of src/kind/protocol is in no entry of the table"
    );
}

#[test]
fn every_handle_is_exported_and_used() {
    let folder = root().join("src/handle");
    let exports = read(&folder.join("mod.rs"));
    let tests = texts_below(&root().join("tests/live"));
    let texts = texts_below(&folder);
    let methods: Vec<_> = texts
        .lines()
        .filter_map(|line| {
            line.trim_start().strip_prefix("pub fn ")?.split_once("(&self, name: &str) -> Result<")
        })
        .collect();
    assert!(methods.len() > 5, "{methods:?}");
    for (method, handle) in methods {
        let handle = handle.trim_start_matches("Vec<").split([',', '>']).next().unwrap_or_default();
        let module = format!("pub mod {}", handle.to_lowercase());
        let exported = exports.split(|c: char| !c.is_alphanumeric()).any(|word| word == handle);
        assert!(exported || exports.contains(&module), "src/handle/mod.rs does not export `{handle}`");
        assert!(tests.contains(&format!(".{method}(")), "no live test calls `{method}`");
    }
}

#[test]
fn every_compose_key_that_is_not_refused_has_its_fixture() {
    let fixtures = ["fixtures", "compose/fixtures"].map(|folder| texts_below(&root().join(folder))).concat();
    for key in supported("APPLIED").iter().chain(&supported("NOT_APPLIED")) {
        let name = key.rsplit('.').next().unwrap_or(key);
        assert!(fixtures.contains(&format!("{name}:")), "no fixture has `{key}`");
    }
}

#[test]
fn every_output_format_is_in_the_help_and_tested() {
    let arguments = read(&root().join("cli/src/arguments.rs"));
    let help = read(&root().join("cli/tests/help/greenroom.txt"));
    let tests = texts_below(&root().join("cli/tests"));
    let formats: Vec<_> = arguments
        .lines()
        .filter_map(|line| line.trim_start().strip_prefix("Format::")?.split('"').nth(1))
        .collect();
    assert!(formats.len() > 2, "{formats:?}");
    for format in formats {
        assert!(help.contains(format), "the help does not mention {format}");
        assert!(tests.contains(&format!("\"--format\", \"{format}\"")), "no test asks for {format}");
    }
}
