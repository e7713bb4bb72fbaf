//! Which keys greenroom applies, which it ignores with a warning, and which it refuses.
//!
//! A listed key covers everything below it. If keys below it are listed, only those are supported and the rest is
//! refused, so that no key of a file is ignored silently. `*` is a name that the user chooses.

use serde_json::Value as Json;

use super::{build, problem};
use crate::compose::{Problem, Project, Warning};

/// Applied at `up`.
pub(crate) const APPLIED: &[&str] = &[
    "annotations",
    "blkio_config",
    "build.args",
    "build.cache_from",
    "build.context",
    "build.dockerfile",
    "build.dockerfile_inline",
    "build.extra_hosts",
    "build.isolation",
    "build.labels",
    "build.network",
    "build.no_cache",
    "build.platforms",
    "build.pull",
    "build.shm_size",
    "build.tags",
    "build.target",
    "build.ulimits",
    "cap_add",
    "cap_drop",
    "cgroup",
    "cgroup_parent",
    "command",
    "configs",
    "container_name",
    "cpu_count",
    "cpu_percent",
    "cpu_period",
    "cpu_quota",
    "cpu_rt_period",
    "cpu_rt_runtime",
    "cpu_shares",
    "cpus",
    "cpuset",
    "depends_on.*.condition",
    "depends_on.*.required",
    "deploy.replicas",
    "deploy.resources.limits.cpus",
    "deploy.resources.limits.memory",
    "deploy.resources.limits.pids",
    "deploy.resources.reservations.devices",
    "deploy.resources.reservations.memory",
    "deploy.restart_policy.condition",
    "deploy.restart_policy.max_attempts",
    "device_cgroup_rules",
    "devices",
    "dns",
    "dns_opt",
    "dns_search",
    "domainname",
    "entrypoint",
    // Its values are in `environment` already.
    "env_file",
    "environment",
    "expose",
    "external_links",
    "extra_hosts",
    "gpus",
    "group_add",
    "healthcheck",
    "hostname",
    "image",
    "init",
    "ipc",
    "isolation",
    "label_file",
    "labels",
    "links",
    "logging.driver",
    "logging.options",
    "mac_address",
    "mem_limit",
    "mem_reservation",
    "mem_swappiness",
    "memswap_limit",
    "network_mode",
    "networks.*.aliases",
    "networks.*.driver_opts",
    "networks.*.gw_priority",
    "networks.*.interface_name",
    "networks.*.ipv4_address",
    "networks.*.ipv6_address",
    "networks.*.link_local_ips",
    "networks.*.mac_address",
    "networks.*.priority",
    "oom_kill_disable",
    "oom_score_adj",
    "pid",
    "pids_limit",
    "platform",
    "ports.host_ip",
    "ports.protocol",
    "ports.published",
    "ports.target",
    "post_start",
    "pre_stop",
    "privileged",
    // The reader has already left out the services of inactive profiles.
    "profiles",
    "pull_policy",
    "read_only",
    "restart",
    "runtime",
    "scale",
    "secrets",
    "security_opt",
    "shm_size",
    "stdin_open",
    "stop_grace_period",
    "stop_signal",
    "storage_opt",
    "sysctls",
    "tmpfs",
    "tty",
    "ulimits",
    "user",
    "userns_mode",
    "uts",
    "volumes.bind.create_host_path",
    "volumes.bind.propagation",
    "volumes.bind.recursive",
    "volumes.bind.selinux",
    "volumes.image.subpath",
    "volumes.read_only",
    "volumes.source",
    "volumes.target",
    "volumes.tmpfs.mode",
    "volumes.tmpfs.size",
    "volumes.type",
    "volumes.volume.labels",
    "volumes.volume.nocopy",
    "volumes.volume.subpath",
    "volumes_from",
    "working_dir",
];

/// Read and shown by `config`, but not applied: they have no meaning in a stack that lives for a test, or cannot change
/// a test's result.
const NOT_APPLIED: &[&str] = &[
    "attach",
    "build.cache_to",
    "build.provenance",
    "build.sbom",
    "deploy.endpoint_mode",
    "deploy.labels",
    "deploy.mode",
    "deploy.placement",
    "deploy.resources.reservations.cpus",
    "deploy.resources.reservations.generic_resources",
    "deploy.rollback_config",
    "deploy.update_config",
    "develop",
    "models",
    // A provider is not a container: the service is left out.
    "provider",
];

/// Compose itself ignores these at `up`: they are for people, for Swarm, or for a later command.
const WITHOUT_EFFECT: &[&str] = &[
    "depends_on.*.restart",
    "deploy.restart_policy.delay",
    "deploy.restart_policy.window",
    "ports.app_protocol",
    "ports.mode",
    "ports.name",
    "volumes.consistency",
];

/// Applied keys of a top-level network.
pub(crate) const NETWORK: &[&str] = &[
    "attachable",
    "driver",
    "driver_opts",
    "enable_ipv4",
    "enable_ipv6",
    "external",
    "internal",
    "ipam.config.aux_addresses",
    "ipam.config.gateway",
    "ipam.config.ip_range",
    "ipam.config.subnet",
    "ipam.driver",
    "ipam.options",
    "labels",
    "name",
];

/// Applied keys of a top-level volume.
pub(crate) const VOLUME: &[&str] = &["driver", "driver_opts", "external", "labels", "name"];

/// How greenroom treats a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Support {
    Applied,
    NotApplied,
    /// Depends on the keys below it, which are listed.
    Mixed,
    Refused,
}

/// The known keys of one top-level section.
struct Table {
    /// `services`, `networks` or `volumes`.
    kind: &'static str,
    /// Keys that are applied or need not be.
    fine: [&'static [&'static str]; 2],
    not_applied: &'static [&'static str],
}

const TABLES: [Table; 3] = [
    Table { kind: "services", fine: [APPLIED, WITHOUT_EFFECT], not_applied: NOT_APPLIED },
    Table { kind: "networks", fine: [NETWORK, &[]], not_applied: &[] },
    Table { kind: "volumes", fine: [VOLUME, &[]], not_applied: &[] },
];

impl Table {
    fn support(&self, key: &str) -> Support {
        let is_above = |listed: &&str| listed.strip_prefix(key).is_some_and(|rest| rest.starts_with('.'));
        if self.fine.iter().any(|list| list.contains(&key)) {
            Support::Applied
        } else if self.not_applied.contains(&key) {
            Support::NotApplied
        } else if self.fine.into_iter().chain([self.not_applied]).flatten().any(is_above) {
            Support::Mixed
        } else {
            Support::Refused
        }
    }

    /// The table's name for `name` below `key`.
    fn below(&self, key: &str, name: &str) -> String {
        let any = format!("{key}.*");
        if self.support(&any) == Support::Refused { format!("{key}.{name}") } else { any }
    }
}

/// Refuses every key that greenroom does not support, and warns of those it can ignore.
pub(super) fn check(project: &Project, problems: &mut Vec<Problem>, warnings: &mut Vec<Warning>) {
    for table in &TABLES {
        let entries = project.document()[table.kind].as_object().into_iter().flatten();
        for (name, keys) in entries {
            let mut walk = Walk { project, table, problems, warnings };
            for (key, value) in keys.as_object().into_iter().flatten() {
                walk.check(key, &format!("{}.{name}.{key}", table.kind), value);
            }
        }
    }
}

struct Walk<'a> {
    project: &'a Project,
    table: &'a Table,
    problems: &'a mut Vec<Problem>,
    warnings: &'a mut Vec<Warning>,
}

impl Walk<'_> {
    fn check(&mut self, key: &str, path: &str, value: &Json) {
        let is_extension = key.rsplit('.').next().is_some_and(|name| name.starts_with("x-"));
        if is_extension || is_absent(value) {
            return;
        }
        match (self.table.support(key), value) {
            (Support::Applied, _) => {}
            (Support::NotApplied, _) => self.warnings.push(not_applied(self.project, path, key)),
            (Support::Mixed, Json::Object(map)) => {
                for (name, value) in map {
                    self.check(&self.table.below(key, name), &format!("{path}.{name}"), value);
                }
            }
            (Support::Mixed, Json::Array(list)) => {
                for (index, value) in list.iter().enumerate() {
                    self.check(key, &format!("{path}[{index}]"), value);
                }
            }
            // A key that is switched off needs no support.
            (Support::Refused, Json::Bool(false)) => {}
            (Support::Refused, _) if build::NEEDS_BUILDKIT.contains(&key) => {
                self.problems.push(*build::needs_buildkit(self.project, path, &format!("`{key}`")));
            }
            (Support::Mixed | Support::Refused, _) => {
                let message =
                    format!("greenroom cannot apply `{key}` yet, and the service may not work without it");
                let mut refused = problem(self.project, path, message);
                refused.hint = Some(
                    "`greenroom config` reads it; for `up`, leave it out in an override file: `!reset null`"
                        .to_owned(),
                );
                self.problems.push(*refused);
            }
        }
    }
}

/// The warning for a key that is read but not applied; `path` is its path in the document.
pub(super) fn not_applied(project: &Project, path: &str, key: &str) -> Warning {
    Warning::new(project.place(path), format!("{path}: greenroom does not apply `{key}`"))
}

/// Whether the value is empty, which is the same as an absent key.
fn is_absent(value: &Json) -> bool {
    match value {
        Json::Null => true,
        Json::Array(list) => list.is_empty(),
        // The document has some maps that the file does not, nested but without any value.
        Json::Object(map) => map.values().all(is_empty_map),
        _ => false,
    }
}

fn is_empty_map(value: &Json) -> bool {
    value.as_object().is_some_and(|map| map.values().all(is_empty_map))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_list_is_sorted_and_no_key_stands_in_two_or_below_another() {
        for list in [APPLIED, NOT_APPLIED, WITHOUT_EFFECT, NETWORK, VOLUME] {
            assert!(list.is_sorted(), "{list:?}");
        }
        let all: Vec<_> = [APPLIED, NOT_APPLIED, WITHOUT_EFFECT].concat();
        for key in &all {
            let others = all.iter().filter(|other| {
                other.strip_prefix(key).is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
            });
            assert_eq!(others.count(), 1, "{key}");
        }
    }

    #[test]
    fn a_key_that_is_not_listed_is_refused() {
        let services = &TABLES[0];
        assert_eq!(services.support("volumes"), Support::Mixed);
        assert_eq!(services.support("volumes.bind.propagation"), Support::Applied);
        assert_eq!(services.support("volumes.bind.something_new"), Support::Refused);
        assert_eq!(services.support("volume"), Support::Refused);
        assert_eq!(services.below("networks", "backend"), "networks.*");
        assert_eq!(services.below("build", "args"), "build.args");
    }
}
