//! Every key that greenroom applies reaches the engine.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::Path;

use expect_test::expect_file;
use serde_json::Value as Json;

use super::plan_of;
use crate::engine::requests;
use crate::plan::{Fate, Options, Ports, support};
use crate::stack::owner::Owner;
use crate::stack::spec;
use crate::stack::up::security;

/// Applied keys that are in no create request; other tests cover them.
const ELSEWHERE: &[&str] = &[
    // In the build request.
    "services.build",
    // Done by greenroom itself before, during or after a container's run.
    "services.configs",
    "services.depends_on",
    "services.deploy.replicas",
    "services.deploy.restart_policy",
    "services.healthcheck",
    "services.post_start",
    "services.pre_stop",
    "services.profiles",
    "services.pull_policy",
    "services.restart",
    "services.scale",
    "services.secrets",
    "services.volumes.bind.create_host_path",
    // Merged into `environment` and `labels`.
    "services.env_file",
    "services.label_file",
    // Required: the file is invalid without them.
    "services.image",
    "services.ports.target",
    "services.volumes.source",
    "services.volumes.target",
    "services.volumes.type",
];

#[test]
fn every_applied_key_changes_a_request_or_is_tested_elsewhere() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let text = std::fs::read_to_string(root.join("fixtures/requests.yml")).expect("it is readable");
    let file: Json = serde_yaml::from_str(&text).expect("it is YAML");
    let all = requests_of(&file);
    let mut report = String::new();
    for (path, value) in all.iter().filter(|(path, _)| path.starts_with("plain ")) {
        let _ = writeln!(report, "{path}: {value}");
    }
    let lists =
        [("services", support::APPLIED), ("networks", support::NETWORK), ("volumes", support::VOLUME)];
    for (kind, key) in lists.into_iter().flat_map(|(kind, keys)| keys.iter().map(move |key| (kind, key))) {
        let key = format!("{kind}.{key}");
        if ELSEWHERE.iter().any(|other| key == *other || key.starts_with(&format!("{other}."))) {
            continue;
        }
        let mut without = file.clone();
        let path: Vec<_> = std::iter::once(kind).chain(["*"]).chain(key.split('.').skip(1)).collect();
        assert!(remove(&mut without, &path), "fixtures/requests.yml has no `{key}`");
        let without = requests_of(&without);
        assert!(all != without, "`{key}` changes no request");
        let _ = writeln!(report, "{key}");
        for (path, value) in all.iter().filter(|(path, value)| without.get(*path) != Some(value)) {
            let _ = writeln!(report, "  + {path}: {value}");
        }
        for (path, value) in without.iter().filter(|(path, value)| all.get(*path) != Some(value)) {
            let _ = writeln!(report, "  - {path}: {value}");
        }
    }
    expect_file![root.join("fixtures/requests.txt")].assert_eq(&report);
}

/// The requests that create the file's containers, networks and volumes: one line for each value.
fn requests_of(file: &Json) -> BTreeMap<String, String> {
    let options = Options { id: "1".to_owned(), ports: Ports::AsWritten, ..Options::default() };
    let plan = plan_of(Path::new("/shop"), &file.to_string(), &options);
    let owner = Owner::for_tests();
    let mut lines = BTreeMap::new();
    for planned in &plan.services {
        let security = security::read(&planned.service.security_opt, &plan.directory).expect("no profiles");
        let spec = spec::container(&plan, planned, "example", security, &owner);
        let request = requests::container(&spec);
        flatten(&planned.name, &request, &mut lines);
    }
    for planned in plan.networks.iter().filter(|planned| !planned.network.external) {
        let request = requests::network(&spec::network(&plan, planned, &owner));
        flatten(&format!("network {}", planned.key), &request, &mut lines);
    }
    for planned in plan.volumes.iter().filter(|planned| planned.fate != Fate::External) {
        let request = requests::volume(&spec::volume(&plan, planned, &owner));
        flatten(&format!("volume {}", planned.key), &request, &mut lines);
    }
    // These hash the whole file.
    lines.retain(|path, _| !path.ends_with("greenroom.plan") && !path.ends_with("config-hash"));
    lines
}

fn flatten(path: &str, value: &Json, lines: &mut BTreeMap<String, String>) {
    match value {
        Json::Object(map) if !map.is_empty() => {
            map.iter().for_each(|(name, value)| flatten(&format!("{path} {name}"), value, lines));
        }
        Json::Array(list) if !list.is_empty() => {
            let items = list.iter().enumerate();
            items.for_each(|(index, value)| flatten(&format!("{path} {index}"), value, lines));
        }
        value => drop(lines.insert(path.to_owned(), value.to_string())),
    }
}

/// Removes a key everywhere; `*` matches any name, and lists are passed through. Returns whether the key was found.
fn remove(value: &mut Json, path: &[&str]) -> bool {
    let mut any = false;
    match (value, path) {
        (Json::Array(list), _) => list.iter_mut().for_each(|item| any |= remove(item, path)),
        (Json::Object(map), [key]) => any = map.remove(*key).is_some(),
        (Json::Object(map), ["*", rest @ ..]) => {
            map.values_mut().for_each(|value| any |= remove(value, rest));
        }
        (Json::Object(map), [key, rest @ ..]) => {
            any = map.get_mut(*key).is_some_and(|value| remove(value, rest));
        }
        _ => {}
    }
    any
}
