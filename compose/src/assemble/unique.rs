//! Keeps one of several list entries that stand for the same thing: the last one.

use std::collections::HashMap;

use crate::canonical::mount;
use crate::reading::Reading;
use crate::tree::{Node, Trail, Value};

/// What makes two entries of a list the same.
#[derive(Clone, Copy)]
enum Key {
    /// The part before `=`.
    Name,
    Text,
    MountTarget,
    DeviceTarget,
    Port,
    FileTarget(&'static str),
    EnvFile,
}

const KEYS: [(&str, Key); 29] = [
    ("networks.*.labels", Key::Name),
    ("networks.*.ipam.options", Key::Name),
    ("services.*.annotations", Key::Name),
    ("services.*.build.args", Key::Name),
    ("services.*.build.additional_contexts", Key::Name),
    ("services.*.build.platform", Key::Name),
    ("services.*.build.tags", Key::Name),
    ("services.*.build.labels", Key::Name),
    ("services.*.cap_add", Key::Name),
    ("services.*.cap_drop", Key::Name),
    ("services.*.devices", Key::DeviceTarget),
    ("services.*.configs", Key::FileTarget("")),
    ("services.*.deploy.labels", Key::Name),
    ("services.*.dns", Key::Name),
    ("services.*.dns_opt", Key::Name),
    ("services.*.dns_search", Key::Name),
    ("services.*.environment", Key::Name),
    ("services.*.env_file", Key::EnvFile),
    ("services.*.expose", Key::Text),
    ("services.*.labels", Key::Name),
    ("services.*.links", Key::Name),
    ("services.*.networks.*.aliases", Key::Name),
    ("services.*.networks.*.link_local_ips", Key::Name),
    ("services.*.ports", Key::Port),
    ("services.*.profiles", Key::Name),
    ("services.*.secrets", Key::FileTarget("/run/secrets")),
    ("services.*.sysctls", Key::Name),
    ("services.*.tmpfs", Key::Name),
    ("services.*.volumes", Key::MountTarget),
];

/// Keeps one entry per key in every list of the table.
pub(crate) fn keep_last(reading: &mut Reading<'_>, node: &mut Node, trail: &Trail<'_>) {
    match &mut node.value {
        Value::Map(map) => {
            for (key, value) in map {
                keep_last(reading, value, &trail.key(key));
            }
        }
        Value::List(list) => {
            let Some((_, key)) = KEYS.iter().find(|(pattern, _)| trail.matches(pattern)) else { return };
            // A single entry repeats nothing, but the key of a mount can itself be wrong.
            if list.len() < 2 && !matches!(key, Key::MountTarget) {
                return;
            }
            let mut places: HashMap<String, usize> = HashMap::new();
            let mut kept: Vec<Node> = Vec::with_capacity(list.len());
            for (index, item) in std::mem::take(list).into_iter().enumerate() {
                let Some(name) = key.of(reading, &item, &trail.index(index)) else {
                    kept.push(item);
                    continue;
                };
                match places.get(&name) {
                    Some(at) => kept[*at] = item,
                    None => {
                        places.insert(name, kept.len());
                        kept.push(item);
                    }
                }
            }
            *list = kept;
        }
        _ => {}
    }
}

impl Key {
    /// `None` for an entry of a wrong type, which the check against the schema reports.
    fn of(self, reading: &mut Reading<'_>, item: &Node, trail: &Trail<'_>) -> Option<String> {
        let text = item.as_text();
        match self {
            Key::Name => {
                let text = text?;
                Some(text.split_once('=').map_or(text, |(name, _)| name).to_owned())
            }
            Key::Text => item.to_go_text(),
            Key::MountTarget => match text {
                // `/x` and `/x/` are two until the short form is brought to the long one, which cleans the target;
                // long forms that say both are refused.
                Some(text) => Some(mount::split(text).ok()?.target),
                None => match item.text_at("target") {
                    Some(target) => Some(target.to_owned()),
                    None if item.as_map().is_some() => {
                        reading.problem(item.spot, trail, "the key `target` is missing").hint =
                            Some("it is the path inside the container".to_owned());
                        None
                    }
                    None => None,
                },
            },
            Key::DeviceTarget => match text {
                Some(text) => Some(text.split(':').nth(1).unwrap_or(text).to_owned()),
                None => item.text_at("target").map(str::to_owned),
            },
            // The number 80, the text "80" and no published port are three different keys in Compose.
            Key::Port => match &item.value {
                Value::Map(_) => {
                    let target = item.get("target")?.to_go_text()?;
                    let published = match item.get("published").map(|published| &published.value) {
                        Some(Value::Int(number)) => format!("#{number}"),
                        Some(Value::Text(text)) => format!("={text}"),
                        _ => String::new(),
                    };
                    let host = item.text_at("host_ip").unwrap_or("0.0.0.0");
                    let protocol = item.text_at("protocol").unwrap_or("tcp");
                    Some(format!("{host}:{published}:{target}/{protocol}"))
                }
                _ => item.to_go_text(),
            },
            Key::FileTarget(folder) => match text {
                Some(text) => Some(format!("{folder}/{text}")),
                None => match item.text_at("target") {
                    Some(target) => Some(target.to_owned()),
                    None => Some(format!("{folder}/{}", item.text_at("source")?)),
                },
            },
            Key::EnvFile => text.or(item.text_at("path")).map(str::to_owned),
        }
    }
}
