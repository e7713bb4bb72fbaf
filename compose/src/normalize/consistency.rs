//! Checks what the parts of a document say of each other: references, contradictions, cycles. It changes nothing.

use std::collections::{BTreeMap, HashSet};

use indexmap::IndexSet;

use crate::reading::Reading;
use crate::text::names::{list, nearest};
use crate::text::units;
use crate::tree::forms::pairs;
use crate::tree::{Map, Node, Spot, Value};

/// Reports everything that is inconsistent among the active services.
pub(crate) fn check(reading: &mut Reading<'_>, document: &Node, inactive: &Map) {
    let empty = Map::new();
    let services = document.get("services").and_then(Node::as_map).unwrap_or(&empty);
    let mut container_names: BTreeMap<&str, &str> = BTreeMap::new();
    for (name, service) in services {
        let service = Service { name, node: service, document, services, inactive };
        service.check_source(reading);
        service.check_build(reading);
        service.check_networks(reading);
        service.check_healthcheck(reading);
        service.check_dependencies(reading);
        service.check_files(reading);
        service.check_models(reading);
        service.check_device_requests(reading);
        service.check_mounts(reading);
        service.check_scale(reading);
        service.check_limits(reading);
        service.check_container_name(reading, &mut container_names);
        service.check_watch(reading);
    }
    check_cycles(reading, services);
}

struct Service<'a> {
    name: &'a str,
    node: &'a Node,
    document: &'a Node,
    services: &'a Map,
    inactive: &'a Map,
}

impl<'a> Service<'a> {
    fn path(&self, rest: &str) -> String {
        format!("services.{}{rest}", self.name)
    }

    fn check_source(&self, reading: &mut Reading<'_>) {
        let has_image = self.node.text_at("image").is_some_and(|image| !image.is_empty());
        if has_image || self.node.get("build").is_some() || self.node.get("provider").is_some() {
            return;
        }
        match self.node.get("image") {
            Some(image) => drop(reading.value_problem(image, self.path(".image"), "is empty")),
            None => {
                let message = "has neither an image nor a build context";
                reading.problem(self.node.entry_spot(), self.path(""), message).hint =
                    Some("write `image: NAME` or `build: FOLDER`".to_owned());
            }
        }
    }

    fn check_build(&self, reading: &mut Reading<'_>) {
        let Some(build) = self.node.get("build") else { return };
        let text = |key: &str| build.text_at(key).is_some_and(|text| !text.is_empty());
        if text("dockerfile") && text("dockerfile_inline") {
            let message = "`dockerfile` and `dockerfile_inline` can't be used together";
            reading.problem(build.entry_spot(), self.path(".build"), message);
        }
        for (context, node) in build.get("additional_contexts").map(pairs).unwrap_or_default() {
            let Some(other) = node.as_text().and_then(|text| text.strip_prefix("service:")) else { continue };
            let path = self.path(&format!(".build.additional_contexts.{context}"));
            match self.services.get(other) {
                None => self.unknown_service(reading, other, &node, &path),
                Some(other_service) if other_service.get("build").is_none() => {
                    reading.problem(node.spot, path, format!("the service `{other}` has no `build`"));
                }
                Some(_) => {}
            }
        }
        if let Some(platform) = self.node.text_at("platform").filter(|platform| !platform.is_empty())
            && build.get("platforms").is_some()
            && !build.items("platforms").iter().any(|item| item.as_text() == Some(platform))
        {
            let message = format!("does not list the service's platform `{platform}`");
            let spot = build.get("platforms").map_or(build.spot, Node::entry_spot);
            reading.problem(spot, self.path(".build.platforms"), message);
        }
    }

    fn check_networks(&self, reading: &mut Reading<'_>) {
        let networks = self.node.get("networks").and_then(Node::as_map);
        if let (Some(mode), Some(networks)) = (self.node.get("network_mode"), networks)
            && !networks.is_empty()
            && mode.as_text() != Some("")
        {
            let message = "`network_mode` and `networks` can't be used together";
            reading.problem(mode.entry_spot(), self.path(".network_mode"), message).hint =
                Some("remove one of them".to_owned());
        }
        for (network, node) in networks.into_iter().flatten() {
            let path = self.path(&format!(".networks.{network}"));
            self.check_resource(reading, "networks", "network", network, node, &path);
        }
    }

    fn check_healthcheck(&self, reading: &mut Reading<'_>) {
        let Some(healthcheck) = self.node.get("healthcheck") else { return };
        let test = healthcheck.items("test");
        if let Some(first) = test.first()
            && !matches!(first.as_text(), Some("CMD" | "CMD-SHELL" | "NONE"))
        {
            let message = "must start with CMD, CMD-SHELL or NONE";
            reading.value_problem(first, self.path(".healthcheck.test"), message).hint = Some(
                "write a string for a shell command, or `[\"CMD\", …]` for a list of arguments".to_owned(),
            );
        }
    }

    fn check_dependencies(&self, reading: &mut Reading<'_>) {
        for (other, dependency) in self.node.entries("depends_on") {
            let optional = dependency.get("required").and_then(Node::as_bool) == Some(false);
            let path = self.path(&format!(".depends_on.{other}"));
            if self.services.contains_key(other) || (optional && self.inactive.contains_key(other)) {
                continue;
            }
            if let Some(profiled) = self.inactive.get(other) {
                let profiles = list(profiled.items("profiles").iter().filter_map(Node::as_text));
                let message = format!("`{other}` is not active: it needs one of the profiles {profiles}");
                reading.problem(dependency.entry_spot(), path, message).hint =
                    Some("activate one of them, or write `required: false`".to_owned());
                continue;
            }
            self.unknown_service(reading, other, dependency, &path);
        }
    }

    fn unknown_service(&self, reading: &mut Reading<'_>, other: &str, node: &Node, path: &str) {
        if reading.is_full() {
            return;
        }
        let known = || self.services.keys().chain(self.inactive.keys()).map(String::as_str);
        let hint = match nearest(other, known()) {
            Some(name) => format!("did you mean `{name}`?"),
            None => format!("defined services are {}", list(known())),
        };
        reading.problem(node.entry_spot(), path, format!("there is no service `{other}`")).hint = Some(hint);
    }

    fn check_files(&self, reading: &mut Reading<'_>) {
        for (kind, noun) in [("configs", "config"), ("secrets", "secret")] {
            let build = self.node.get("build").map(|build| (build, ".build"));
            for (holder, part) in [Some((self.node, "")), build].into_iter().flatten() {
                for (index, reference) in holder.items(kind).iter().enumerate() {
                    let path = self.path(&format!("{part}.{kind}[{index}]"));
                    let Some(source) = reference.get("source") else {
                        reading.problem(reference.spot, path, "the key `source` is missing").hint =
                            Some(format!("it is a name under the top-level key `{kind}`"));
                        continue;
                    };
                    let name = source.as_text().unwrap_or_default();
                    self.check_resource(reading, kind, noun, name, source, &path);
                }
            }
        }
    }

    fn check_models(&self, reading: &mut Reading<'_>) {
        for (model, node) in self.node.entries("models") {
            let path = self.path(&format!(".models.{model}"));
            self.check_resource(reading, "models", "model", model, node, &path);
        }
    }

    fn check_device_requests(&self, reading: &mut Reading<'_>) {
        let deploy = self.node.get("deploy").and_then(|deploy| deploy.get("resources")?.get("reservations"));
        let requests = deploy.map(|node| node.items("devices")).unwrap_or_default();
        let places =
            [(requests, ".deploy.resources.reservations.devices"), (self.node.items("gpus"), ".gpus")];
        for (requests, path) in places {
            for (index, request) in requests.iter().enumerate() {
                if request.get("count").is_some() && request.get("device_ids").is_some() {
                    let path = self.path(&format!("{path}[{index}]"));
                    reading.problem(request.spot, path, "`count` and `device_ids` can't be used together");
                }
            }
        }
    }

    fn check_resource(
        &self,
        reading: &mut Reading<'_>,
        kind: &str,
        noun: &str,
        name: &str,
        node: &Node,
        path: &str,
    ) {
        if reading.is_full() || self.document.get(kind).is_some_and(|resources| resources.get(name).is_some())
        {
            return;
        }
        let known =
            || self.document.entries(kind).map(|(name, _)| name.as_str()).filter(|name| *name != "default");
        let hint = match (nearest(name, known()), known().next()) {
            (Some(near), _) => format!("did you mean `{near}`?"),
            (None, None) => format!("define it under the top-level key `{kind}`"),
            (None, Some(_)) => format!("defined {kind} are {}", list(known())),
        };
        let spot = if matches!(kind, "networks" | "models") { node.entry_spot() } else { node.spot };
        reading.problem(spot, path, format!("there is no {noun} `{name}`")).hint = Some(hint);
    }

    /// Undefined volumes, and two mounts at one place.
    fn check_mounts(&self, reading: &mut Reading<'_>) {
        let mut mounted: BTreeMap<String, (String, Spot)> = BTreeMap::new();
        let mut mount = |reading: &mut Reading<'_>, target: &str, key: &str, index: usize, node: &Node| {
            let path = self.path(&format!(".{key}[{index}]"));
            if let Some((earlier, spot)) = mounted.insert(target.to_owned(), (path.clone(), node.spot)) {
                let is_written = self.node.has_in_its_text(spot) && node.spot.file == spot.file;
                let place = if is_written { String::new() } else { reading.place_of_merged(spot, &path) };
                let message = format!("`{target}` is already mounted by {earlier}{place}");
                reading.problem(node.spot, path, message);
            }
        };
        for (index, tmpfs) in self.node.items("tmpfs").iter().enumerate() {
            let text = tmpfs.as_text().unwrap_or_default();
            let target = text.split(':').next().unwrap_or(text);
            mount(reading, target, "tmpfs", index, tmpfs);
        }
        for (index, volume) in self.node.items("volumes").iter().enumerate() {
            let path = self.path(&format!(".volumes[{index}]"));
            if let (Some("volume"), Some(source)) = (volume.text_at("type"), volume.get("source")) {
                let name = source.as_text().unwrap_or_default();
                if !name.is_empty() {
                    self.check_resource(reading, "volumes", "volume", name, source, &path);
                }
            }
            if let Some(target) = volume.text_at("target") {
                mount(reading, target, "volumes", index, volume);
            }
        }
    }

    fn check_scale(&self, reading: &mut Reading<'_>) {
        let scale = self.node.get("scale");
        let replicas = self.node.get("deploy").and_then(|deploy| deploy.get("replicas"));
        if let (Some(scale), Some(replicas)) = (scale, replicas)
            && !scale.same(replicas)
        {
            let message = "`scale` and `deploy.replicas` differ";
            reading.problem(scale.entry_spot(), self.path(".scale"), message).hint =
                Some("write one of them".to_owned());
        }
        for (node, path) in [(scale, ".scale"), (replicas, ".deploy.replicas")] {
            let Some(node) = node else { continue };
            let Value::Int(count) = node.value else { continue };
            let count = i128::from(count);
            if count < 0 {
                reading.value_problem(node, self.path(path), "can't be negative");
            }
            if count > 1 && self.node.text_at("container_name").is_some_and(|name| !name.is_empty()) {
                let message = "several containers can't share one `container_name`";
                reading.value_problem(node, self.path(path), message);
            }
        }
    }

    /// Limits that can be written in two places.
    fn check_limits(&self, reading: &mut Reading<'_>) {
        let pairs = [
            ("cpus", "limits", "cpus"),
            ("mem_limit", "limits", "memory"),
            ("mem_reservation", "reservations", "memory"),
            ("pids_limit", "limits", "pids"),
        ];
        for (key, part, name) in pairs {
            let resources = self.node.get("deploy").and_then(|deploy| deploy.get("resources"));
            let other = resources.and_then(|resources| resources.get(part));
            let (Some(own), Some(other)) = (self.node.get(key), other) else { continue };
            let (own_amount, other_amount) = (amount(own), other.get(name).map_or(Some(0.0), amount));
            if own_amount != other_amount && own_amount != Some(0.0) && other.as_map().is_some() {
                let message = format!("`{key}` and `deploy.resources.{part}.{name}` differ");
                reading.problem(own.entry_spot(), self.path(&format!(".{key}")), message).hint =
                    Some("write the same in both, or only one of them".to_owned());
            }
        }
    }

    fn check_container_name(&self, reading: &mut Reading<'_>, names: &mut BTreeMap<&'a str, &'a str>) {
        let Some(node) = self.node.get("container_name") else { return };
        let name = node.as_text().unwrap_or_default();
        if let Some(other) = names.insert(name, self.name).filter(|_| !name.is_empty()) {
            let message = format!("`{name}` is already the container name of `{other}`");
            reading.value_problem(node, self.path(".container_name"), message);
        }
    }

    fn check_watch(&self, reading: &mut Reading<'_>) {
        let Some(develop) = self.node.get("develop") else { return };
        for (index, rule) in develop.items("watch").iter().enumerate() {
            if rule.text_at("path") == Some("") {
                let path = self.path(&format!(".develop.watch[{index}].path"));
                reading.value_problem(rule, path, "is empty");
            }
            let action = rule.text_at("action").unwrap_or_default();
            if action.starts_with("sync") && rule.text_at("target").is_none_or(str::is_empty) {
                let path = self.path(&format!(".develop.watch[{index}]"));
                reading.problem(rule.spot, path, format!("the action `{action}` needs a `target`"));
            }
        }
    }
}

fn amount(node: &Node) -> Option<f64> {
    match &node.value {
        Value::Int(value) => Some(i128::from(*value) as f64),
        Value::Float(value) => Some(*value),
        Value::Text(text) => text.parse().ok().or_else(|| units::bytes(text).map(|bytes| bytes as f64)),
        _ => None,
    }
}

/// Services that wait for each other in a circle.
fn check_cycles(reading: &mut Reading<'_>, services: &Map) {
    let mut done = HashSet::new();
    for start in services.keys() {
        let Some(cycle) = find_cycle(services, start, &mut done) else { continue };
        let first = &services[cycle[0]];
        let dependency = first.get("depends_on").and_then(|node| node.get(cycle[1]));
        let spot = dependency.unwrap_or(first).entry_spot();
        let path = format!("services.{}.depends_on", cycle[0]);
        let message = format!("services depend on each other in a circle: {}", cycle.join(" -> "));
        reading.problem(spot, path, message);
        return;
    }
}

/// Searches depth-first with an explicit stack: a chain of thousands of services would overflow the thread's stack.
fn find_cycle<'a>(services: &'a Map, start: &'a str, done: &mut HashSet<&'a str>) -> Option<Vec<&'a str>> {
    let next = |name: &str| -> Vec<&'a str> {
        let dependencies = services.get(name).into_iter().flat_map(|service| service.entries("depends_on"));
        dependencies.map(|(name, _)| name.as_str()).collect()
    };
    let mut way: IndexSet<&'a str> = IndexSet::from([start]);
    let mut open: Vec<Vec<&'a str>> = vec![next(start)];
    while let Some(rest) = open.last_mut() {
        match rest.pop() {
            None => {
                open.pop();
                done.extend(way.pop());
            }
            Some(other) if done.contains(other) => {}
            Some(other) => match way.get_index_of(other) {
                Some(at) => {
                    return Some(way[at..].iter().copied().chain([other]).collect());
                }
                None => {
                    way.insert(other);
                    open.push(next(other));
                }
            },
        }
    }
    None
}
