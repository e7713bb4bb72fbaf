//! Nodes as JSON: any value as it is, whatever it means.

use serde_json::Value as Json;

use super::{Node, Value};
use crate::text::units::go_float;

/// A value as it is, of whatever type.
pub(crate) fn print_any(node: &Node) -> Json {
    match &node.value {
        Value::Null => Json::Null,
        Value::Bool(value) => Json::Bool(*value),
        Value::Int(value) => match (i64::try_from(i128::from(*value)), u64::try_from(i128::from(*value))) {
            (Ok(value), _) => value.into(),
            (_, Ok(value)) => value.into(),
            _ => Json::String(value.to_string()),
        },
        Value::Float(value) => float(*value),
        Value::Time(text) | Value::Text(text) => Json::String(text.clone()),
        Value::List(list) => list.iter().map(print_any).collect(),
        Value::Map(map) => sorted(map.iter().map(|(key, value)| (key.clone(), print_any(value))).collect()),
    }
}

/// JSON knows no infinity; whole floats print without a fraction, as Go prints them.
pub(crate) fn float(value: f64) -> Json {
    if value.fract() == 0.0 && value.abs() < 9e15 {
        return (value as i64).into();
    }
    serde_json::Number::from_f64(value).map_or_else(|| Json::String(go_float(value)), Json::Number)
}

/// A mapping in the order of its keys.
pub(crate) fn sorted(mut entries: Vec<(String, Json)>) -> Json {
    entries.sort_by(|a, b| a.0.cmp(&b.0));
    Json::Object(entries.into_iter().collect())
}
