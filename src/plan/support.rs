//! Which keys of a service greenroom applies, which it reads and leaves out, and which it refuses to ignore.

use super::{build, problem};
use serde_json::Value as Json;

use crate::compose::{Problem, Project, Warning};

/// Applied at `up`.
const APPLIED: &[&str] = &[
    "build",
    "cap_add",
    "cap_drop",
    "command",
    "configs",
    "container_name",
    "depends_on",
    "dns",
    "dns_opt",
    "dns_search",
    "domainname",
    "entrypoint",
    "environment",
    // Its values are in `environment` already.
    "env_file",
    "expose",
    "extra_hosts",
    "group_add",
    "healthcheck",
    "hostname",
    "image",
    "init",
    "labels",
    "label_file",
    "mem_limit",
    "network_mode",
    "networks",
    "platform",
    "ports",
    "post_start",
    "pre_stop",
    "privileged",
    // Which services a profile leaves out is the reader's to decide.
    "profiles",
    "pull_policy",
    "read_only",
    "restart",
    "scale",
    "secrets",
    "security_opt",
    "shm_size",
    "stdin_open",
    "stop_grace_period",
    "stop_signal",
    "sysctls",
    "tmpfs",
    "tty",
    "ulimits",
    "user",
    "volumes",
    "working_dir",
];

/// Read, shown by `config`, and not applied: what they do has no meaning in a stack that lives for a test, or no test
/// that passes with them could fail without them.
const NOT_APPLIED: &[&str] = &[
    "annotations",
    "attach",
    "blkio_config",
    "cpu_count",
    "cpu_percent",
    "cpu_period",
    "cpu_quota",
    "cpu_rt_period",
    "cpu_rt_runtime",
    "cpu_shares",
    "cpus",
    "cpuset",
    "deploy",
    "develop",
    "logging",
    "mem_reservation",
    "mem_swappiness",
    "memswap_limit",
    "oom_kill_disable",
    "oom_score_adj",
    "pids_limit",
    "storage_opt",
];

/// More is a slip of the pen, and would take an engine down.
pub(super) const MOST_REPLICAS: u32 = 1000;

/// Complains of every key that would change the service's meaning if it were left out, and notes those that do not.
pub(super) fn check(
    project: &Project,
    service: &str,
    problems: &mut Vec<Problem>,
    warnings: &mut Vec<Warning>,
) {
    let Some(keys) = project.document()["services"][service].as_object() else { return };
    for (key, value) in keys {
        if is_absent(value) || key.starts_with("x-") || APPLIED.contains(&key.as_str()) {
            continue;
        }
        let path = format!("services.{service}.{key}");
        if NOT_APPLIED.contains(&key.as_str()) {
            warnings.push(not_applied(project, &path));
        } else {
            let mut refused = problem(
                project,
                &path,
                format!("greenroom cannot apply `{key}` yet, and the service may not work without it"),
            );
            refused.hint = Some(
                "`greenroom config` reads it; for `up`, leave it out in an override file: `!reset null`"
                    .to_owned(),
            );
            problems.push(*refused);
        }
    }
    build::check(project, service, problems, warnings);
    for message in unsupported_values(project, service) {
        problems.push(*problem(project, &format!("services.{service}.{}", message.0), message.1));
    }
}

/// Whether a value says nothing.
pub(super) fn is_absent(value: &Json) -> bool {
    value.is_null()
        || value.as_array().is_some_and(Vec::is_empty)
        || value.as_object().is_some_and(serde_json::Map::is_empty)
}

/// What is said of a key that is read and left out, by its path in the document.
pub(super) fn not_applied(project: &Project, path: &str) -> Warning {
    let key = path.rsplit('.').next().unwrap_or(path);
    Warning { place: project.place(path), message: format!("{path}: greenroom does not apply `{key}`") }
}

/// Keys that are applied, but not with every value.
fn unsupported_values(project: &Project, name: &str) -> Vec<(&'static str, String)> {
    let service = &project.services[name];
    let mut found = Vec::new();
    if let Some(mode) = &service.network_mode
        && !matches!(mode.as_str(), "none" | "bridge")
        && !mode.starts_with("service:")
        && !mode.starts_with("container:")
    {
        found.push(("network_mode", format!("greenroom does not run a service with `network_mode: {mode}`: what answers at its ports may be another stack's, or none of ours")));
    }
    if service.scale > MOST_REPLICAS {
        let key = if project.document()["services"][name].get("scale").is_some() {
            "scale"
        } else {
            "deploy.replicas"
        };
        found.push((key, format!("greenroom runs at most {MOST_REPLICAS} containers a service")));
    }
    if service.volumes.iter().any(|mount| mount.kind == crate::compose::MountKind::Other) {
        found.push(("volumes", "greenroom mounts binds, volumes and tmpfs only".to_owned()));
    }
    found
}
