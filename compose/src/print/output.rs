//! The canonical document as text. What Compose prints as JSON differs from what it prints as YAML.

use serde_json::Value as Json;

use crate::parse::scalar;
use crate::schema::project::PROJECT;
use crate::schema::{Keys, Kind, Print};
use crate::tree::Value;

/// Reduces the document to what Compose prints as JSON: `x-…` at the top level only, and a few keys under other
/// names.
pub(crate) fn to_json_form(document: &mut Json) {
    json_keys(document, &PROJECT);
}

fn json_keys(json: &mut Json, keys: &'static Keys) {
    let Some(map) = json.as_object_mut() else { return };
    for (key, value) in map.iter_mut() {
        let Some(field) = keys.field(key) else { continue };
        each_below(value, &field.kind, &mut |json, keys| {
            if let Some(map) = json.as_object_mut() {
                map.retain(|key, _| keys.field(key).is_some());
            }
            json_keys(json, keys);
        });
    }
    for field in keys.fields.iter().filter(|field| field.json_name != field.name) {
        if let Some(value) = map.remove(field.name)
            && !field.json_name.is_empty()
        {
            map.insert(field.json_name.to_owned(), value);
        }
    }
    map.sort_keys();
}

/// Reduces the document to what Compose prints as YAML: without the empty values that only its JSON has.
pub(crate) fn to_yaml_form(document: &mut Json) {
    yaml_keys(document, &PROJECT);
}

fn yaml_keys(json: &mut Json, keys: &'static Keys) {
    let Some(map) = json.as_object_mut() else { return };
    for field in keys.fields {
        let Some(value) = map.get_mut(field.name) else { continue };
        each_below(value, &field.kind, &mut yaml_keys);
        let is_left_out = match field.print {
            Print::Always => value.is_null(),
            Print::AlwaysMap => value.as_object().is_some_and(serde_json::Map::is_empty),
            _ => false,
        };
        if is_left_out {
            map.remove(field.name);
        }
    }
}

/// Calls `visit` for every mapping with known keys that a value of this kind is or holds.
fn each_below(json: &mut Json, kind: &'static Kind, visit: &mut dyn FnMut(&mut Json, &'static Keys)) {
    match kind {
        Kind::Keys(keys) => visit(json, keys),
        Kind::Optional(inner) => each_below(json, inner, visit),
        Kind::Either(kinds) => {
            if let Some(kind) = kinds.last() {
                each_below(json, kind, visit);
            }
        }
        Kind::List(inner) | Kind::UniqueListOf(inner) => {
            for item in json.as_array_mut().into_iter().flatten() {
                each_below(item, inner, visit);
            }
        }
        Kind::Names(inner) | Kind::AnyNames(inner) => {
            for (_, value) in json.as_object_mut().into_iter().flatten() {
                each_below(value, inner, visit);
            }
        }
        _ => {}
    }
}

/// Makes JSON valid YAML, by escaping characters that YAML takes for line breaks or does not allow.
pub(crate) fn escape_for_yaml(json: String) -> String {
    let is_special = |c: char| {
        (c.is_control() && c != '\n') || matches!(c, '\u{2028}' | '\u{2029}' | '\u{fffe}' | '\u{ffff}')
    };
    if !json.contains(is_special) {
        return json;
    }
    let escape = |c: char| if is_special(c) { format!("\\u{:04x}", u32::from(c)) } else { c.to_string() };
    json.chars().map(escape).collect()
}

/// Writes YAML that Go's library and this crate read back unchanged.
///
/// `serde_yaml` leaves `1_000`, `0b11`, `2020-01-01` and `yes` without quotes, because it reads them as text.
/// To Compose they are two numbers, a date, and (in YAML 1.1) a boolean.
pub(crate) fn write_yaml(mut document: Json) -> String {
    let sign = unused_sign(&document);
    mark(&mut document, &sign);
    serde_yaml::to_string(&document).unwrap_or_default().replace(&format!("'{sign}"), "'")
}

/// A prefix for every text that must be quoted. `@` can't begin a plain scalar, so `serde_yaml` quotes it; then it
/// goes.
fn unused_sign(document: &Json) -> String {
    let text = document.to_string();
    let mut sign = "@".to_owned();
    while text.contains(&sign) {
        sign = sign.repeat(2);
    }
    sign
}

fn mark(json: &mut Json, sign: &str) {
    match json {
        Json::String(text) if is_ambiguous(text) => text.insert_str(0, sign),
        Json::Array(list) => list.iter_mut().for_each(|item| mark(item, sign)),
        Json::Object(map) => {
            *map = std::mem::take(map)
                .into_iter()
                .map(|(key, mut value)| {
                    mark(&mut value, sign);
                    (if is_ambiguous(&key) { format!("{sign}{key}") } else { key }, value)
                })
                .collect();
        }
        _ => {}
    }
}

/// Whether a reader of YAML 1.1 or 1.2 could take the text for another type.
fn is_ambiguous(text: &str) -> bool {
    let is_number_like =
        |text: &str| text.bytes().all(|b| b.is_ascii_digit() || matches!(b, b':' | b'_' | b'.'));
    let is_word = matches!(text.to_ascii_lowercase().as_str(), "y" | "n" | "yes" | "no" | "on" | "off");
    is_word || !matches!(scalar::plain(text), Value::Text(_)) || (!text.is_empty() && is_number_like(text))
}
