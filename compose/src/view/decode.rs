//! Decodes the canonical document into typed values.
//!
//! The document has passed all checks and is in its long form. A value that is not there is left at its default.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use serde_json::Value as Json;

use super::model::{
    Attachment, Blkio, Build, Condition, Dependency, Device, DeviceRequest, FileReference, FileSource,
    Healthcheck, Hook, IpamPool, Logging, Mount, MountKind, Network, Port, Resources, RestartPolicy, Service,
    Ulimit, Volume,
};
use crate::text::units;
use crate::tree::Node;

pub(crate) fn service(name: &str, json: &Json, node: &Node) -> Service {
    Service {
        name: name.to_owned(),
        image: text(json, "image"),
        build: json.get("build").map(build),
        container_name: text(json, "container_name"),
        hostname: text(json, "hostname"),
        domainname: text(json, "domainname"),
        command: words(json, "command"),
        entrypoint: words(json, "entrypoint"),
        environment: optional_texts(json, "environment"),
        ports: items(json, "ports").filter_map(port).collect(),
        expose: texts(json, "expose"),
        volumes: items(json, "volumes").map(mount).collect(),
        tmpfs: texts(json, "tmpfs"),
        networks: entries(json, "networks").map(|(name, json)| (name.clone(), attachment(json))).collect(),
        network_mode: text(json, "network_mode"),
        depends_on: entries(json, "depends_on")
            .map(|(name, json)| (name.clone(), dependency(json, name, node)))
            .collect(),
        healthcheck: json.get("healthcheck").map(healthcheck),
        labels: text_map(json, "labels"),
        user: text(json, "user"),
        working_dir: text(json, "working_dir"),
        stop_signal: text(json, "stop_signal"),
        stop_grace_period: duration(json, "stop_grace_period"),
        restart: text(json, "restart"),
        scale: scale(json),
        pull_policy: text(json, "pull_policy"),
        platform: text(json, "platform"),
        init: json.get("init").and_then(Json::as_bool),
        read_only: flag(json, "read_only"),
        privileged: flag(json, "privileged"),
        tty: flag(json, "tty"),
        stdin_open: flag(json, "stdin_open"),
        cap_add: texts(json, "cap_add"),
        cap_drop: texts(json, "cap_drop"),
        security_opt: texts(json, "security_opt"),
        group_add: texts(json, "group_add"),
        shm_size: bytes(json, "shm_size"),
        resources: resources(json),
        devices: items(json, "devices").map(device).collect(),
        device_requests: device_requests(json),
        device_cgroup_rules: texts(json, "device_cgroup_rules"),
        annotations: text_map(json, "annotations"),
        ipc: text(json, "ipc"),
        pid: text(json, "pid"),
        uts: text(json, "uts"),
        userns_mode: text(json, "userns_mode"),
        cgroup: text(json, "cgroup"),
        cgroup_parent: text(json, "cgroup_parent"),
        isolation: text(json, "isolation"),
        runtime: text(json, "runtime"),
        logging: json.get("logging").map(logging),
        mac_address: text(json, "mac_address"),
        links: texts(json, "links"),
        external_links: texts(json, "external_links"),
        volumes_from: texts(json, "volumes_from"),
        storage_opt: text_map(json, "storage_opt"),
        restart_policy: part(part(json, "deploy"), "restart_policy").as_object().map(restart_policy),
        provider: text(part(json, "provider"), "type"),
        extra_hosts: texts(json, "extra_hosts"),
        dns: texts(json, "dns"),
        dns_search: texts(json, "dns_search"),
        dns_opt: texts(json, "dns_opt"),
        sysctls: text_map(json, "sysctls"),
        ulimits: ulimits(json),
        secrets: items(json, "secrets").map(file_reference).collect(),
        configs: items(json, "configs").map(file_reference).collect(),
        post_start: items(json, "post_start").map(hook).collect(),
        pre_stop: items(json, "pre_stop").map(hook).collect(),
        greenroom: json.get("x-greenroom").cloned(),
    }
}

/// `node` is the network in the tree, because the document leaves out the options of `ipam`, as Compose does.
pub(crate) fn network(json: &Json, node: Option<&Node>) -> Network {
    let ipam = part(json, "ipam");
    let ipam_options = node.and_then(|node| node.get("ipam")?.get("options"));
    Network {
        name: text(json, "name").unwrap_or_default(),
        external: flag(json, "external"),
        driver: text(json, "driver"),
        driver_opts: text_map(json, "driver_opts"),
        internal: flag(json, "internal"),
        enable_ipv4: json.get("enable_ipv4").and_then(Json::as_bool),
        enable_ipv6: json.get("enable_ipv6").and_then(Json::as_bool),
        attachable: flag(json, "attachable"),
        labels: text_map(json, "labels"),
        ipam_driver: text(ipam, "driver"),
        ipam_options: ipam_options
            .and_then(Node::as_map)
            .into_iter()
            .flatten()
            .filter_map(|(name, value)| Some((name.clone(), value.as_text()?.to_owned())))
            .collect(),
        ipam: items(ipam, "config")
            .map(|pool| IpamPool {
                subnet: text(pool, "subnet"),
                gateway: text(pool, "gateway"),
                ip_range: text(pool, "ip_range"),
                aux_addresses: text_map(pool, "aux_addresses"),
            })
            .collect(),
    }
}

pub(crate) fn volume(json: &Json) -> Volume {
    Volume {
        name: text(json, "name").unwrap_or_default(),
        external: flag(json, "external"),
        driver: text(json, "driver"),
        driver_opts: text_map(json, "driver_opts"),
        labels: text_map(json, "labels"),
    }
}

/// `scale`, or else `deploy.replicas`; negative values have been refused.
fn scale(json: &Json) -> u32 {
    let count = json.get("scale").or_else(|| json.get("deploy")?.get("replicas"));
    count.and_then(Json::as_u64).map_or(1, |count| u32::try_from(count).unwrap_or(u32::MAX))
}

/// A top-level secret or config.
pub(crate) fn file_source(json: &Json) -> FileSource {
    FileSource {
        external: flag(json, "external"),
        file: text(json, "file").map(PathBuf::from),
        environment: text(json, "environment"),
        content: text(json, "content"),
    }
}

fn file_reference(json: &Json) -> FileReference {
    FileReference {
        source: text(json, "source").unwrap_or_default(),
        target: text(json, "target"),
        uid: text(json, "uid"),
        gid: text(json, "gid"),
        // Compose prints it in octal digits.
        mode: json.get("mode").and_then(|mode| u32::from_str_radix(mode.as_str()?, 8).ok()),
    }
}

fn build(json: &Json) -> Build {
    Build {
        context: text(json, "context").unwrap_or_default(),
        dockerfile: text(json, "dockerfile"),
        dockerfile_inline: text(json, "dockerfile_inline"),
        args: optional_texts(json, "args"),
        target: text(json, "target"),
        labels: text_map(json, "labels"),
        network: text(json, "network"),
        no_cache: flag(json, "no_cache"),
        pull: flag(json, "pull"),
        cache_from: texts(json, "cache_from"),
        extra_hosts: texts(json, "extra_hosts"),
        shm_size: bytes(json, "shm_size"),
        ulimits: ulimits(json),
        isolation: text(json, "isolation"),
        platforms: texts(json, "platforms"),
        tags: texts(json, "tags"),
    }
}

fn port(json: &Json) -> Option<Port> {
    Some(Port {
        target: u16::try_from(json.get("target")?.as_u64()?).ok()?,
        published: text(json, "published"),
        host_ip: text(json, "host_ip"),
        protocol: text(json, "protocol").unwrap_or_else(|| "tcp".to_owned()),
    })
}

fn mount(json: &Json) -> Mount {
    let [bind, volume, tmpfs, image] = ["bind", "volume", "tmpfs", "image"].map(|key| part(json, key));
    Mount {
        kind: match json.get("type").and_then(Json::as_str) {
            Some("bind") => MountKind::Bind,
            Some("volume") => MountKind::Volume,
            Some("tmpfs") => MountKind::Tmpfs,
            Some("image") => MountKind::Image,
            _ => MountKind::Other,
        },
        source: text(json, "source"),
        target: text(json, "target").unwrap_or_default(),
        read_only: flag(json, "read_only"),
        create_host_path: flag(bind, "create_host_path"),
        propagation: text(bind, "propagation"),
        selinux: text(bind, "selinux"),
        recursive: text(bind, "recursive"),
        nocopy: flag(volume, "nocopy"),
        labels: text_map(volume, "labels"),
        subpath: text(volume, "subpath").or_else(|| text(image, "subpath")),
        size: bytes(tmpfs, "size"),
        mode: tmpfs.get("mode").and_then(Json::as_u64).and_then(|mode| u32::try_from(mode).ok()),
    }
}

fn attachment(json: &Json) -> Attachment {
    Attachment {
        aliases: texts(json, "aliases"),
        ipv4_address: text(json, "ipv4_address"),
        ipv6_address: text(json, "ipv6_address"),
        link_local_ips: texts(json, "link_local_ips"),
        mac_address: text(json, "mac_address"),
        driver_opts: text_map(json, "driver_opts"),
        interface_name: text(json, "interface_name"),
        priority: number(json, "priority").unwrap_or(0),
        gw_priority: number(json, "gw_priority"),
    }
}

/// The service's own keys and `deploy.resources`, whose limits win, as in Compose; where both are written they are
/// equal.
fn resources(json: &Json) -> Resources {
    let deployed = part(part(json, "deploy"), "resources");
    let (limits, reservations) = (part(deployed, "limits"), part(deployed, "reservations"));
    // Zero means "not set" for all of these.
    let set = |value: Option<i64>| value.filter(|value| *value != 0);
    let cpus = |json: &Json| json.get("cpus").and_then(Json::as_f64).filter(|cpus| *cpus != 0.0);
    Resources {
        cpus: cpus(limits).or_else(|| cpus(json)),
        cpu_count: set(number(json, "cpu_count")),
        cpu_percent: set(number(json, "cpu_percent")),
        cpu_period: set(number(json, "cpu_period")),
        cpu_quota: set(number(json, "cpu_quota")),
        cpu_rt_period: set(number(json, "cpu_rt_period")),
        cpu_rt_runtime: set(number(json, "cpu_rt_runtime")),
        cpu_shares: set(number(json, "cpu_shares")),
        cpuset: text(json, "cpuset"),
        memory: set(bytes(limits, "memory")).or_else(|| set(bytes(json, "mem_limit"))),
        memory_reservation: set(bytes(reservations, "memory"))
            .or_else(|| set(bytes(json, "mem_reservation"))),
        memory_swap: set(bytes(json, "memswap_limit")),
        memory_swappiness: set(bytes(json, "mem_swappiness")),
        oom_kill_disable: flag(json, "oom_kill_disable"),
        oom_score_adj: set(number(json, "oom_score_adj")),
        pids: set(number(limits, "pids")).or_else(|| set(number(json, "pids_limit"))),
        blkio: blkio(part(json, "blkio_config")),
    }
}

fn blkio(json: &Json) -> Blkio {
    let by_path = |key: &str, value: &str| {
        let entry =
            |json: &Json| Some((text(json, "path")?, bytes(json, value).or_else(|| number(json, value))?));
        items(json, key).filter_map(entry).collect()
    };
    Blkio {
        weight: number(json, "weight").and_then(|weight| u16::try_from(weight).ok()),
        weight_device: by_path("weight_device", "weight"),
        device_read_bps: by_path("device_read_bps", "rate"),
        device_write_bps: by_path("device_write_bps", "rate"),
        device_read_iops: by_path("device_read_iops", "rate"),
        device_write_iops: by_path("device_write_iops", "rate"),
    }
}

fn device(json: &Json) -> Device {
    Device {
        source: text(json, "source").unwrap_or_default(),
        target: text(json, "target").unwrap_or_default(),
        permissions: text(json, "permissions").unwrap_or_else(|| "rwm".to_owned()),
    }
}

fn device_requests(json: &Json) -> Vec<DeviceRequest> {
    let reservations = part(part(part(json, "deploy"), "resources"), "reservations");
    let reserved = items(reservations, "devices").map(device_request);
    // A device requested by `gpus` needs the capability `gpu`.
    let gpus = items(json, "gpus").map(|json| {
        let mut request = device_request(json);
        request.capabilities.push("gpu".to_owned());
        request
    });
    reserved.chain(gpus).collect()
}

fn device_request(json: &Json) -> DeviceRequest {
    DeviceRequest {
        driver: text(json, "driver"),
        count: number(json, "count"),
        ids: texts(json, "device_ids"),
        capabilities: texts(json, "capabilities"),
        options: text_map(json, "options"),
    }
}

fn logging(json: &Json) -> Logging {
    Logging { driver: text(json, "driver"), options: text_map(json, "options") }
}

fn restart_policy(json: &serde_json::Map<String, Json>) -> RestartPolicy {
    RestartPolicy {
        condition: json.get("condition").and_then(Json::as_str).map(str::to_owned),
        max_attempts: json
            .get("max_attempts")
            .and_then(Json::as_u64)
            .and_then(|most| u32::try_from(most).ok()),
    }
}

fn dependency(json: &Json, name: &str, service: &Node) -> Dependency {
    let condition = service.get("depends_on").and_then(|node| node.get(name)?.get("condition"));
    Dependency {
        condition: match json.get("condition").and_then(Json::as_str) {
            Some("service_healthy") => Condition::ServiceHealthy,
            Some("service_completed_successfully") => Condition::ServiceCompletedSuccessfully,
            _ => Condition::ServiceStarted,
        },
        required: flag(json, "required"),
        written_out: condition.is_some_and(|condition| condition.written),
    }
}

fn healthcheck(json: &Json) -> Healthcheck {
    Healthcheck {
        test: words(json, "test"),
        interval: duration(json, "interval"),
        timeout: duration(json, "timeout"),
        start_period: duration(json, "start_period"),
        retries: json.get("retries").and_then(Json::as_u64),
        disable: flag(json, "disable"),
    }
}

fn hook(json: &Json) -> Hook {
    Hook {
        command: texts(json, "command"),
        user: text(json, "user"),
        privileged: flag(json, "privileged"),
        working_dir: text(json, "working_dir"),
        environment: optional_texts(json, "environment"),
    }
}

fn ulimits(json: &Json) -> BTreeMap<String, Ulimit> {
    entries(json, "ulimits").map(|(name, json)| (name.clone(), ulimit(json))).collect()
}

fn ulimit(json: &Json) -> Ulimit {
    let limit = |key: &str| json.as_i64().or_else(|| json.get(key)?.as_i64()).unwrap_or(0);
    Ulimit { soft: limit("soft"), hard: limit("hard") }
}

fn text(json: &Json, key: &str) -> Option<String> {
    json.get(key)?.as_str().map(str::to_owned)
}

/// The value of a key; `null` if it is missing.
fn part<'a>(json: &'a Json, key: &str) -> &'a Json {
    json.get(key).unwrap_or(&Json::Null)
}

fn number(json: &Json, key: &str) -> Option<i64> {
    json.get(key)?.as_i64()
}

fn flag(json: &Json, key: &str) -> bool {
    json.get(key).and_then(Json::as_bool).unwrap_or(false)
}

fn bytes(json: &Json, key: &str) -> Option<i64> {
    json.get(key)?.as_str()?.parse().ok()
}

/// A negative duration is valid and means zero.
fn duration(json: &Json, key: &str) -> Option<Duration> {
    let nanoseconds = units::duration(json.get(key)?.as_str()?).ok()?;
    Some(Duration::from_nanos(u64::try_from(nanoseconds).unwrap_or(0)))
}

fn words(json: &Json, key: &str) -> Option<Vec<String>> {
    json.get(key)?.as_array().map(|list| strings(list))
}

fn texts(json: &Json, key: &str) -> Vec<String> {
    words(json, key).unwrap_or_default()
}

fn strings(list: &[Json]) -> Vec<String> {
    list.iter().filter_map(Json::as_str).map(str::to_owned).collect()
}

fn items<'a>(json: &'a Json, key: &str) -> impl Iterator<Item = &'a Json> {
    json.get(key).and_then(Json::as_array).into_iter().flatten()
}

fn entries<'a>(json: &'a Json, key: &str) -> impl Iterator<Item = (&'a String, &'a Json)> {
    json.get(key).and_then(Json::as_object).into_iter().flatten()
}

fn text_map(json: &Json, key: &str) -> BTreeMap<String, String> {
    optional_texts(json, key).into_iter().map(|(name, value)| (name, value.unwrap_or_default())).collect()
}

fn optional_texts(json: &Json, key: &str) -> BTreeMap<String, Option<String>> {
    // Compose lets a variable without a name pass, but it can't be given to a container.
    let named = entries(json, key).filter(|(name, _)| !name.is_empty());
    named.map(|(name, value)| (name.clone(), value.as_str().map(str::to_owned))).collect()
}
