//! Merges one document over another (Compose specification, "Merge").
//!
//! Mappings merge, lists append, scalars are replaced; the table below holds the exceptions. Types are not checked
//! here, and repeated entries stay until [`unique`](super::unique).

use std::collections::HashSet;

use crate::canonical::started;
use crate::reading::Reading;
use crate::tree::forms::{names, sequence};
use crate::tree::json::print_any;
use crate::tree::{Map, MergeTag, Node, Trail, Value};

/// How two values at one path merge, where that differs from the general rule.
#[derive(Clone, Copy)]
enum Rule {
    /// The later value stands, even when it is empty.
    Replace,
    /// Both become lists (of `KEY=VALUE`, for mappings); repeated entries are removed later, see
    /// [`unique`](super::unique).
    Sequence,
    /// Like `Sequence`, but skips entries that are there already.
    SequenceOfNew,
    /// Both become mappings.
    Build,
    DependsOn,
    NamesToNull,
    Logging,
    Ipam,
}

const RULES: [(&str, Rule); 29] = [
    ("networks.*.ipam.config", Rule::Ipam),
    ("networks.*.labels", Rule::Sequence),
    ("volumes.*.labels", Rule::Sequence),
    ("services.*.annotations", Rule::Sequence),
    ("services.*.build", Rule::Build),
    ("services.*.build.args", Rule::Sequence),
    ("services.*.build.additional_contexts", Rule::Sequence),
    ("services.*.build.extra_hosts", Rule::SequenceOfNew),
    ("services.*.build.labels", Rule::Sequence),
    ("services.*.command", Rule::Replace),
    ("services.*.depends_on", Rule::DependsOn),
    ("services.*.deploy.labels", Rule::Sequence),
    ("services.*.dns", Rule::Sequence),
    ("services.*.dns_opt", Rule::Sequence),
    ("services.*.dns_search", Rule::Sequence),
    ("services.*.entrypoint", Rule::Replace),
    ("services.*.env_file", Rule::Sequence),
    ("services.*.label_file", Rule::Sequence),
    ("services.*.environment", Rule::Sequence),
    ("services.*.extra_hosts", Rule::SequenceOfNew),
    ("services.*.healthcheck.test", Rule::Replace),
    ("services.*.labels", Rule::Sequence),
    ("services.*.volumes.*.volume.labels", Rule::Sequence),
    ("services.*.logging", Rule::Logging),
    ("services.*.models", Rule::NamesToNull),
    ("services.*.networks", Rule::NamesToNull),
    ("services.*.sysctls", Rule::Sequence),
    ("services.*.tmpfs", Rule::Sequence),
    ("services.*.ulimits.*", Rule::Replace),
];

/// The document that `over` makes of `base`.
pub(crate) fn merge(reading: &mut Reading<'_>, base: Node, over: Node, trail: &Trail<'_>) -> Node {
    if let Some((_, rule)) = RULES.iter().find(|(pattern, _)| trail.matches(pattern)) {
        return merge_by_rule(reading, *rule, base, over, trail);
    }
    if base.is_null() {
        return over;
    }
    if over.is_null() {
        return base;
    }
    match (base.value, over.value) {
        (Value::Map(map), Value::Map(other)) => {
            let value = Value::Map(merge_maps(reading, map, other, trail));
            Node { value, spot: over.spot, key: over.key, tag: None, variables: None, written: true }
        }
        (Value::List(mut list), Value::List(other)) => {
            list.extend(other);
            Node {
                value: Value::List(list),
                spot: over.spot,
                key: over.key,
                tag: None,
                variables: None,
                written: true,
            }
        }
        (base @ (Value::Map(_) | Value::List(_)), value) => {
            let earlier = Node::new(base, over.spot).type_name();
            let over = Node { value, ..over };
            let message =
                format!("can't be merged: this is {}, the earlier value is {earlier}", over.type_name());
            reading.problem(over.spot, trail, message);
            over
        }
        (_, value) => Node { value, ..over },
    }
}

fn merge_maps(reading: &mut Reading<'_>, mut base: Map, over: Map, trail: &Trail<'_>) -> Map {
    for (key, value) in over {
        match base.get_mut(&key) {
            Some(slot) => {
                let earlier = std::mem::replace(slot, Node::new(Value::Null, value.spot));
                let merged = merge(reading, earlier, value, &trail.key(&key));
                base.insert(key, merged);
            }
            None => {
                base.insert(key, value);
            }
        }
    }
    base
}

fn merge_by_rule(reading: &mut Reading<'_>, rule: Rule, base: Node, over: Node, trail: &Trail<'_>) -> Node {
    let merge_plainly = |reading: &mut Reading<'_>, base: Option<Map>, over: Option<Map>, like: &Node| {
        let merged = merge_maps(reading, base.unwrap_or_default(), over.unwrap_or_default(), trail);
        Node { value: Value::Map(merged), tag: None, variables: None, ..like.clone() }
    };
    match rule {
        Rule::Replace => over,
        Rule::Sequence => {
            let mut list = sequence(&base);
            list.extend(sequence(&over));
            Node { value: Value::List(list), tag: None, variables: None, ..over }
        }
        Rule::SequenceOfNew => {
            let mut list = sequence(&base);
            // By hash: a range of ports is thousands of entries.
            let known: HashSet<_> = list.iter().map(content).collect();
            let new: Vec<Node> =
                sequence(&over).into_iter().filter(|item| !known.contains(&content(item))).collect();
            list.extend(new);
            Node { value: Value::List(list), tag: None, variables: None, ..over }
        }
        Rule::Build => {
            let long = |node: &Node| match &node.value {
                Value::Text(_) => Some(Map::from([("context".to_owned(), node.clone())])),
                Value::Map(map) => Some(map.clone()),
                _ => None,
            };
            merge_plainly(reading, long(&base), long(&over), &over)
        }
        Rule::DependsOn => {
            check_names(reading, &base, trail);
            check_names(reading, &over, trail);
            let long = |node: &Node| names(node, started);
            merge_plainly(reading, long(&base), long(&over), &over)
        }
        Rule::NamesToNull => {
            check_names(reading, &base, trail);
            check_names(reading, &over, trail);
            let long = |node: &Node| names(node, |item| Node::implied(Value::Null, item));
            merge_plainly(reading, long(&base), long(&over), &over)
        }
        Rule::Logging => {
            let same_driver = match (base.get("driver"), over.get("driver")) {
                (Some(base), Some(over)) => base.same(over),
                _ => true,
            };
            let are_maps = base.as_map().is_some() && (over.as_map().is_some() || over.is_null());
            if same_driver && are_maps {
                merge_plainly(reading, base.as_map().cloned(), over.as_map().cloned(), &over)
            } else {
                over
            }
        }
        Rule::Ipam => merge_ipam(reading, &base, over, trail),
    }
}

/// Every pool is compared with every other; no engine has this many.
const MOST_POOLS: usize = 1_000;

/// Pools of the same subnet merge. As in Compose, a pool that the later list does not have goes, and one whose subnet
/// is there already goes on merging with the earlier pool in hand.
fn merge_ipam(reading: &mut Reading<'_>, base: &Node, over: Node, trail: &Trail<'_>) -> Node {
    if base.as_list().unwrap_or_default().len().max(over.as_list().unwrap_or_default().len()) > MOST_POOLS {
        reading.problem(over.spot, trail, format!("more than {MOST_POOLS} pools can't be merged"));
        return over;
    }
    let mut pools: Vec<Node> = Vec::new();
    let same_subnet = |a: &Node, b: &Node| a.text_at("subnet") == b.text_at("subnet");
    for earlier in base.as_list().unwrap_or_default() {
        let mut merged = earlier.clone();
        // Where `merged` stands in the list so far.
        let mut places: Vec<usize> = Vec::new();
        for (index, later) in over.as_list().unwrap_or_default().iter().enumerate() {
            if !same_subnet(&merged, later) && !pools.iter().any(|known| same_subnet(known, later)) {
                pools.push(later.clone());
                continue;
            }
            merged = merge(reading, merged, later.clone(), &trail.index(index));
            for place in &places {
                pools[*place] = merged.clone();
            }
            match pools.iter().position(|known| same_subnet(known, &merged)) {
                Some(place) => pools[place] = merged.clone(),
                None => pools.push(merged.clone()),
            }
            places.extend(pools.iter().position(|known| same_subnet(known, &merged)));
        }
    }
    Node { value: Value::List(pools), ..over }
}

/// Equal for values that are the same.
fn content(node: &Node) -> String {
    print_any(node).to_string()
}

/// Reports list items that are not names: they would be lost when the list becomes a mapping.
fn check_names(reading: &mut Reading<'_>, node: &Node, trail: &Trail<'_>) {
    for (index, item) in node.as_list().unwrap_or_default().iter().enumerate() {
        if item.as_text().is_none() {
            let message = item.must_be("a string");
            reading.problem(item.spot, trail.index(index), message);
        }
    }
}

/// Applies the `!reset` and `!override` tags of `over`: removes what they mark from `base`, and `!reset` values from
/// `over` too (Compose specification, "Reset value" and "Replace value").
pub(crate) fn apply_tags(mut base: Option<&mut Node>, over: &mut Node) {
    match &mut over.value {
        Value::Map(map) => map.retain(|key, value| {
            if value.tag.is_some() {
                if let Some(base) = base.as_deref_mut().and_then(Node::as_map_mut) {
                    base.shift_remove(key);
                }
                if value.tag == Some(MergeTag::Reset) {
                    return false;
                }
            }
            apply_tags(base.as_deref_mut().and_then(|base| base.get_mut(key)), value);
            true
        }),
        Value::List(list) => {
            list.retain(|item| item.tag != Some(MergeTag::Reset));
            list.iter_mut().for_each(|item| apply_tags(None, item));
        }
        _ => {}
    }
}
