//! The keys of a service (Compose specification, "Services", "Build", "Deploy" and "Develop").

use super::Kind::{
    self, Bool, Bytes, Checked, Choice, Command, Duration, Either, Environment, Hosts, In, Int, IntBytes,
    Keys as Table, List, LooseInt, LooseUnsigned, Names, NullableOptions, Number, Optional, Options, Pairs,
    PlainBool, PlainNumber, PlainUlimit, ProviderOptions, Ssh, StrictInt, StrictOptions, Text, TextBytes,
    TextList, Ulimit, UniqueList, UniqueListOf, Unsigned,
};
use super::shared::{
    BLKIO_LIMIT, BLKIO_WEIGHT, DEVICE_REQUEST, FILE_REFERENCE, GPU_REQUEST, TEXT_OR_LIST, WEIGHT,
};
use super::{Keys, always, always_map, always_zero, closed, field, hidden, open, shown};

pub(crate) static SERVICE: Keys = open(&[
    field("annotations", Pairs),
    shown("attach", Bool),
    shown("build", Either(&[Text, Table(&BUILD)])),
    shown(
        "blkio_config",
        Table(&closed(&[
            field("device_read_bps", List(&Table(&BLKIO_LIMIT))),
            field("device_read_iops", List(&Table(&BLKIO_LIMIT))),
            field("device_write_bps", List(&Table(&BLKIO_LIMIT))),
            field("device_write_iops", List(&Table(&BLKIO_LIMIT))),
            field("weight", WEIGHT),
            field("weight_device", List(&Table(&BLKIO_WEIGHT))),
        ])),
    ),
    field("cap_add", UniqueList),
    field("cap_drop", UniqueList),
    field("cgroup", Choice(&["host", "private"])),
    field("cgroup_parent", Text),
    always("command", Command),
    field("configs", List(&FILE_REFERENCE)),
    field(
        "container_name",
        Checked(
            is_container_name,
            "two or more letters, digits, `_`, `.` or `-`, of which the first is a letter or digit",
        ),
    ),
    field("cpu_count", In(&Int, 0, i64::MAX as i128)),
    field("cpu_percent", In(&Int, 0, 100)),
    field("cpu_period", LooseInt),
    field("cpu_quota", LooseInt),
    field("cpu_rt_period", LooseInt),
    field("cpu_rt_runtime", LooseInt),
    field("cpu_shares", LooseInt),
    field("cpus", Number),
    field("cpuset", Text),
    shown(
        "credential_spec",
        Table(&open(&[field("config", Text), field("file", Text), field("registry", Text)])),
    ),
    field("depends_on", Either(&[UniqueList, Names(&Table(&DEPENDENCY))])),
    shown("deploy", Optional(&Table(&DEPLOY))),
    shown("develop", Optional(&Table(&DEVELOP))),
    field("device_cgroup_rules", UniqueList),
    field(
        "devices",
        List(&Either(&[
            Text,
            Table(&open(&[
                field("source", Text).required(),
                field("target", Text),
                field("permissions", Text),
            ])),
        ])),
    ),
    field("dns", TEXT_OR_LIST),
    field("dns_opt", UniqueList),
    field("dns_search", TEXT_OR_LIST),
    field("domainname", Text),
    always("entrypoint", Command),
    hidden(
        "env_file",
        Either(&[
            Text,
            List(&Either(&[
                Text,
                Table(&closed(&[
                    field("path", Text).required(),
                    field("format", Text),
                    field("required", Bool),
                ])),
            ])),
        ]),
    ),
    field("environment", Environment),
    field("expose", UniqueListOf(&SCALAR)),
    field(
        "extends",
        Either(&[Text, Table(&closed(&[field("service", Text).required(), field("file", Text)]))]),
    ),
    field("external_links", UniqueList),
    field("extra_hosts", Hosts),
    field("gpus", Either(&[Choice(&["all"]), List(&Table(&GPU_REQUEST))])),
    field("group_add", UniqueListOf(&SCALAR)),
    shown("healthcheck", Table(&HEALTHCHECK)),
    field("hostname", Text),
    field("image", Text),
    shown("init", Bool),
    field("ipc", Text),
    field("isolation", Text),
    hidden("label_file", Either(&[Text, TextList])),
    field("labels", Pairs),
    field("links", UniqueList),
    shown("logging", Table(&open(&[field("driver", Text), field("options", NullableOptions)]))),
    field("mac_address", Text),
    field("mem_limit", Bytes),
    field("mem_reservation", IntBytes),
    field("mem_swappiness", IntBytes),
    field("memswap_limit", Bytes),
    field(
        "models",
        Either(&[
            UniqueList,
            Names(&Optional(&Table(&open(&[field("endpoint_var", Text), field("model_var", Text)])))),
        ]),
    ),
    field("network_mode", Text),
    field("networks", Either(&[UniqueList, Names(&Optional(&Table(&ATTACHMENT)))])),
    field("oom_kill_disable", Bool),
    field("oom_score_adj", In(&Int, -1000, 1000)),
    field("pid", Text),
    field("pids_limit", LooseInt),
    field("platform", Text),
    field("ports", UniqueListOf(&PORT)),
    field("post_start", List(&Table(&HOOK))),
    field("pre_stop", List(&Table(&HOOK))),
    field("privileged", Bool),
    field("profiles", UniqueList),
    shown("provider", Table(&open(&[field("type", Text).required(), field("options", ProviderOptions)]))),
    field(
        "pull_policy",
        Checked(
            is_pull_policy,
            "always, never, build, missing, if_not_present, refresh, daily, weekly, or every_ and a duration, as in every_12h",
        ),
    ),
    hidden("pull_refresh_after", Text),
    field("read_only", Bool),
    field("restart", Text),
    field("runtime", Text),
    shown("scale", Int),
    field("secrets", List(&FILE_REFERENCE)),
    field("security_opt", UniqueList),
    field("shm_size", Bytes),
    field("stdin_open", Bool),
    shown("stop_grace_period", Duration),
    field("stop_signal", Text),
    field("storage_opt", StrictOptions),
    field("sysctls", Pairs),
    field("tmpfs", TEXT_OR_LIST),
    field("tty", Bool),
    field("ulimits", Names(&Ulimit)),
    field("use_api_socket", PlainBool),
    field("user", Text),
    field("userns_mode", Text),
    field("uts", Text),
    field("volumes", UniqueListOf(&MOUNT)),
    field("volumes_from", UniqueList),
    field("working_dir", Text),
]);

static SCALAR: Kind = Either(&[StrictInt, Text]);

static BUILD: Keys = open(&[
    field("context", Text),
    field("dockerfile", Text),
    field("dockerfile_inline", Text),
    field("entitlements", TextList),
    field("args", Environment),
    field("ssh", Ssh),
    field("labels", Pairs),
    field("cache_from", TextList),
    field("cache_to", TextList),
    field("no_cache", Bool),
    field("additional_contexts", Pairs),
    field("network", Text),
    field("provenance", Either(&[PlainBool, Text])),
    field("sbom", Either(&[PlainBool, Text])),
    field("pull", Bool),
    field("target", Text),
    field("shm_size", IntBytes),
    field("extra_hosts", Hosts),
    field("isolation", Text),
    field("privileged", Bool),
    field("secrets", List(&FILE_REFERENCE)),
    field("tags", TextList),
    field("ulimits", Names(&PlainUlimit)),
    field("platforms", TextList),
]);

static DEPENDENCY: Keys = open(&[
    field("condition", Choice(&["service_started", "service_healthy", "service_completed_successfully"]))
        .required(),
    field("restart", Bool),
    shown("required", PlainBool),
]);

static HEALTHCHECK: Keys = open(&[
    field("disable", Bool),
    shown("interval", Duration),
    shown("retries", LooseUnsigned),
    field("test", Either(&[Text, TextList])),
    shown("timeout", Duration),
    shown("start_period", Duration),
    shown("start_interval", Duration),
]);

static ATTACHMENT: Keys = open(&[
    field("aliases", UniqueList),
    field("interface_name", Text),
    field("ipv4_address", Text),
    field("ipv6_address", Text),
    field("link_local_ips", UniqueList),
    field("mac_address", Text),
    field("driver_opts", Options),
    field("priority", PlainNumber),
    field("gw_priority", PlainNumber),
]);

static PORT: Kind = Either(&[
    StrictInt,
    Text,
    Table(&open(&[
        field("name", Text),
        field("mode", Text),
        field("host_ip", Text),
        field("target", In(&Unsigned, 0, u32::MAX as i128)),
        field("published", Either(&[StrictInt, Text])),
        field("protocol", Text),
        field("app_protocol", Text),
    ])),
]);

static MOUNT: Kind = Either(&[
    Text,
    Table(&open(&[
        field("type", Choice(&["bind", "volume", "tmpfs", "cluster", "npipe", "image"])).required(),
        field("source", Text),
        field("target", Text),
        field("read_only", Bool),
        field("consistency", Text),
        shown(
            "bind",
            Table(&open(&[
                field("propagation", Text),
                field("create_host_path", Bool),
                field("recursive", Choice(&["enabled", "disabled", "writable", "readonly"])),
                field("selinux", Choice(&["z", "Z"])),
            ])),
        ),
        shown(
            "volume",
            Table(&open(&[field("labels", Pairs), field("nocopy", Bool), field("subpath", Text)])),
        ),
        shown(
            "tmpfs",
            Table(&open(&[
                field("size", In(&IntBytes, 0, i64::MAX as i128)),
                field("mode", In(&PlainNumber, 0, u32::MAX as i128)),
            ])),
        ),
        shown("image", Table(&open(&[field("subpath", Text)]))),
    ])),
]);

static HOOK: Keys = open(&[
    always("command", Command).required(),
    field("user", Text),
    field("privileged", Bool),
    field("working_dir", Text),
    field("environment", Environment),
]);

static DEVELOP: Keys = open(&[field(
    "watch",
    List(&Table(&open(&[
        field("ignore", TEXT_OR_LIST),
        field("include", TEXT_OR_LIST),
        field("path", Text).required(),
        field("action", Choice(&["rebuild", "sync", "restart", "sync+restart", "sync+exec"])).required(),
        field("target", Text),
        always_map("exec", Table(&HOOK)),
        field("initial_sync", PlainBool),
    ]))),
)]);

static DEPLOY: Keys = open(&[
    field("mode", Text),
    field("endpoint_mode", Text),
    shown("replicas", Int),
    field("labels", Pairs),
    shown("rollback_config", Table(&UPDATE)),
    shown("update_config", Table(&UPDATE)),
    always_map(
        "resources",
        Table(&open(&[
            shown(
                "limits",
                Table(&open(&[field("cpus", Number), field("memory", TextBytes), field("pids", Int)])),
            ),
            shown(
                "reservations",
                Table(&open(&[
                    field("cpus", Number),
                    field("memory", TextBytes),
                    field(
                        "generic_resources",
                        List(&Table(&open(&[shown(
                            "discrete_resource_spec",
                            Table(&open(&[always_zero("kind", Text), always_zero("value", LooseInt)])),
                        )]))),
                    ),
                    field("devices", List(&Table(&DEVICE_REQUEST))),
                ])),
            ),
        ])),
    ),
    shown(
        "restart_policy",
        Table(&open(&[
            field("condition", Text),
            shown("delay", Duration),
            shown("max_attempts", Unsigned),
            shown("window", Duration),
        ])),
    ),
    always_map(
        "placement",
        Table(&open(&[
            field("constraints", TextList),
            field("preferences", List(&Table(&open(&[field("spread", Text)])))),
            field("max_replicas_per_node", Unsigned),
        ])),
    ),
]);

static UPDATE: Keys = open(&[
    shown("parallelism", Unsigned),
    field("delay", Duration),
    field("failure_action", Text),
    field("monitor", Duration),
    field("max_failure_ratio", Number),
    field("order", Choice(&["start-first", "stop-first"])),
]);

/// The schema's pattern is not anchored: two matching characters in a row anywhere are enough.
fn is_container_name(name: &str) -> bool {
    name.as_bytes().windows(2).any(|pair| {
        pair[0].is_ascii_alphanumeric() && (pair[1].is_ascii_alphanumeric() || b"_.-".contains(&pair[1]))
    })
}

/// Not anchored either: any of the words, anywhere, is enough.
fn is_pull_policy(policy: &str) -> bool {
    let words = ["always", "never", "build", "if_not_present", "missing", "refresh", "daily", "weekly"];
    words.iter().any(|word| policy.contains(word))
        || policy.match_indices("every_").any(|(at, word)| {
            let rest = &policy[at + word.len()..];
            let unit = rest.trim_start_matches(|c: char| c.is_ascii_digit());
            unit.starts_with(['w', 'd', 'h', 'm', 's'])
        })
}
