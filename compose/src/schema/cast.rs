//! Casts text that a variable or quotes made to the type that its key asks for: `privileged: ${FLAG}`.
//!
//! It looks at texts only; whether other values have the right type is up to [`check`](super::check).

use super::{Keys, Kind};
use crate::reading::Reading;
use crate::text::units;
use crate::tree::{MergeTag, Node, Trail, Value};

/// Casts every text below `node` that stands where `keys` asks for a boolean or a number.
pub(crate) fn cast(reading: &mut Reading<'_>, node: &mut Node, keys: &'static Keys, trail: &Trail<'_>) {
    let Value::Map(map) = &mut node.value else { return };
    for (key, value) in map {
        if let Some(field) = keys.field(key) {
            cast_kind(reading, value, &field.kind, &trail.key(key));
        }
    }
}

fn cast_kind(reading: &mut Reading<'_>, node: &mut Node, kind: &'static Kind, trail: &Trail<'_>) {
    if node.tag == Some(MergeTag::Reset) {
        return;
    }
    match kind {
        Kind::Keys(keys) => cast(reading, node, keys, trail),
        Kind::Optional(inner) | Kind::In(inner, ..) => cast_kind(reading, node, inner, trail),
        Kind::List(inner) | Kind::UniqueListOf(inner) => {
            for (index, item) in node.as_list_mut().into_iter().flatten().enumerate() {
                cast_kind(reading, item, inner, &trail.index(index));
            }
        }
        Kind::Names(inner) | Kind::AnyNames(inner) => {
            for (key, value) in node.as_map_mut().into_iter().flatten() {
                cast_kind(reading, value, inner, &trail.key(key));
            }
        }
        Kind::Either(kinds) => {
            let takes_text = kinds.iter().any(|kind| matches!(kind, Kind::Text | Kind::Choice(_)));
            if !(takes_text && matches!(node.value, Value::Text(_))) {
                kinds.iter().for_each(|kind| cast_kind(reading, node, kind, trail));
            }
        }
        Kind::Ulimit => {
            if node.as_map().is_none() {
                cast_integer(reading, node, trail);
            }
            for (key, value) in node.as_map_mut().into_iter().flatten() {
                if !key.starts_with("x-") {
                    cast_kind(reading, value, &Kind::Int, &trail.key(key));
                }
            }
        }
        Kind::Bool | Kind::External(_) => cast_boolean(reading, node, trail),
        Kind::Int | Kind::LooseInt | Kind::Unsigned | Kind::LooseUnsigned => {
            cast_integer(reading, node, trail);
        }
        Kind::Number => cast_number(reading, node, trail),
        _ => {}
    }
}

fn cast_boolean(reading: &mut Reading<'_>, node: &mut Node, trail: &Trail<'_>) {
    let Value::Text(text) = &node.value else { return };
    match units::boolean(text) {
        Some(value) => node.value = Value::Bool(value),
        None => wrong(reading, node, trail, "a boolean", "write true or false"),
    }
}

fn cast_integer(reading: &mut Reading<'_>, node: &mut Node, trail: &Trail<'_>) {
    let Value::Text(text) = &node.value else { return };
    // Unlike a plain number, a text is always decimal.
    match text.parse::<i64>() {
        Ok(value) => node.value = Value::Int(i128::from(value).into()),
        Err(_) => wrong(reading, node, trail, "a whole number", "write digits only"),
    }
}

fn cast_number(reading: &mut Reading<'_>, node: &mut Node, trail: &Trail<'_>) {
    let Value::Text(text) = &node.value else { return };
    match units::decimal(text) {
        Some(value) => node.value = Value::Float(value),
        None => wrong(reading, node, trail, "a number", "write digits, with a point if need be"),
    }
}

fn wrong(reading: &mut Reading<'_>, node: &Node, trail: &Trail<'_>, wanted: &str, hint: &str) {
    let text = node.as_text().unwrap_or_default();
    let message = if text.is_empty() {
        format!("must be {wanted}, but is empty")
    } else {
        format!("`{}` is not {wanted}", reading.hide(text))
    };
    reading.value_problem(node, trail, message).hint = Some(hint.to_owned());
}
