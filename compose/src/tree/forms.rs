//! Mappings that may also be written as lists: `{A: b}` or `["A=b"]`, `{a: …}` or `[a]`. Each function takes either
//! form.

use super::{Map, Node, Value};

/// The names and values of either form; no value is `Null`.
pub(crate) fn pairs(node: &Node) -> Vec<(String, Node)> {
    match &node.value {
        Value::Map(map) => map
            .iter()
            .map(|(name, value)| {
                let text = value.to_go_text().map_or(Value::Null, Value::Text);
                (name.clone(), Node { value: text, ..value.clone() })
            })
            .collect(),
        Value::List(list) => list
            .iter()
            .filter_map(|item| {
                let text = item.as_text()?;
                let (name, value) = match text.split_once('=') {
                    Some((name, value)) => (name, Value::Text(value.to_owned())),
                    None => (text, Value::Null),
                };
                Some((name.to_owned(), Node { value, key: Some(item.spot), ..item.clone() }))
            })
            .collect(),
        _ => Vec::new(),
    }
}

/// A mapping from either form: a list's entries become keys.
pub(crate) fn names(node: &Node, value: impl Fn(&Node) -> Node) -> Option<Map> {
    match &node.value {
        Value::Map(map) => Some(map.clone()),
        Value::List(list) => Some(
            list.iter()
                .filter_map(|item| {
                    let mut value = value(item);
                    value.key = Some(item.spot);
                    Some((item.as_text()?.to_owned(), value))
                })
                .collect(),
        ),
        _ => None,
    }
}

/// A list of `KEY=VALUE` from either form; a key without a value stands alone.
pub(crate) fn sequence(node: &Node) -> Vec<Node> {
    match &node.value {
        Value::List(list) => list.clone(),
        Value::Text(_) => vec![node.clone()],
        Value::Map(map) => map.iter().flat_map(|(key, value)| key_values(key, value)).collect(),
        _ => Vec::new(),
    }
}

fn key_values(key: &str, value: &Node) -> Vec<Node> {
    match &value.value {
        Value::List(list) => list.iter().flat_map(|item| key_values(key, item)).collect(),
        _ => match value.to_go_text() {
            Some(text) => {
                vec![Node { value: Value::Text(format!("{key}={text}")), key: value.key, ..value.clone() }]
            }
            None => vec![Node { value: Value::Text(key.to_owned()), ..value.clone() }],
        },
    }
}
