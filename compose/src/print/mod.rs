//! Prints the tree as the canonical document, in JSON: what `docker compose config --format json` prints.
//!
//! Values that can't be printed, such as an invalid size, are problems. [`output`] then makes text of the
//! document.

use serde_json::{Map as JsonMap, Value as Json};

pub(crate) mod output;

use crate::reading::Reading;
use crate::schema::project::PROJECT;
use crate::schema::service::SERVICE;
use crate::schema::{Extensions, Field, Keys, Kind, Print};
use crate::text::{units, words};
use crate::tree::forms::pairs;
use crate::tree::json::{float, print_any, sorted};
use crate::tree::{Map, Node, Trail, Value};

/// The canonical document. Inactive services are checked, too, by printing them.
pub(crate) fn print_document(reading: &mut Reading<'_>, tree: &Node, inactive: &Map) -> Json {
    let root = Trail::ROOT;
    let document = print_keys(reading, tree, &PROJECT, &root);
    for (name, service) in inactive {
        print_keys(reading, service, &SERVICE, &root.key("services").key(name));
    }
    document
}

/// Prints a mapping by its table. Values that can't be printed, such as an invalid size, are reported.
fn print_keys(reading: &mut Reading<'_>, node: &Node, keys: &'static Keys, trail: &Trail<'_>) -> Json {
    let empty = Map::new();
    let map = node.as_map().unwrap_or(&empty);
    let mut out = Vec::with_capacity(map.len());
    for (key, value) in map {
        if let Some(field) = keys.field(key) {
            if let Some(json) = print_field(reading, value, field, &trail.key(key)) {
                out.push((key.clone(), json));
            }
        } else if key.starts_with("x-") && keys.extensions != Extensions::Refused {
            let mut json = print_any(value);
            if trail.is_root() {
                forget_empty_lists(&mut json);
            }
            out.push((key.clone(), json));
        }
    }
    for field in keys.fields.iter().filter(|field| field.print.is_always() && !map.contains_key(field.name)) {
        if let Some(json) = print_missing(reading, node, field, trail) {
            out.push((field.name.to_owned(), json));
        }
    }
    sorted(out)
}

/// In top-level extensions, Compose prints an empty list as null.
fn forget_empty_lists(json: &mut Json) {
    match json {
        Json::Array(list) if list.is_empty() => *json = Json::Null,
        Json::Array(list) => list.iter_mut().for_each(forget_empty_lists),
        Json::Object(map) => map.values_mut().for_each(forget_empty_lists),
        _ => {}
    }
}

fn print_field(
    reading: &mut Reading<'_>,
    value: &Node,
    field: &'static Field,
    trail: &Trail<'_>,
) -> Option<Json> {
    if field.print == Print::Never {
        return None;
    }
    let json = print(reading, value, &field.kind, trail);
    match field.print {
        Print::NonEmpty if is_empty(&json) => None,
        Print::NonEmpty if matches!(field.kind, Kind::Duration) && json == "0s" => None,
        Print::Present if json.is_null() => None,
        Print::AlwaysZero if is_empty(&json) => Some(zero(&field.kind)),
        _ => Some(json),
    }
}

fn print_missing(
    reading: &mut Reading<'_>,
    node: &Node,
    field: &'static Field,
    trail: &Trail<'_>,
) -> Option<Json> {
    match field.print {
        Print::Always => Some(Json::Null),
        Print::AlwaysZero => Some(zero(&field.kind)),
        Print::AlwaysMap => {
            let empty = Node::empty_map(node.spot);
            Some(print(reading, &empty, &field.kind, &trail.key(field.name)))
        }
        _ => None,
    }
}

/// Go's zero value of a key of this kind.
fn zero(kind: &Kind) -> Json {
    match kind {
        Kind::In(inner, ..) => zero(inner),
        Kind::Int | Kind::LooseInt | Kind::PlainInt => 0.into(),
        Kind::Bytes | Kind::IntBytes => Json::String("0".to_owned()),
        _ => Json::String(String::new()),
    }
}

fn is_empty(json: &Json) -> bool {
    match json {
        Json::Null | Json::Bool(false) => true,
        Json::Number(number) => number.as_f64() == Some(0.0),
        Json::String(text) => text.is_empty(),
        Json::Array(list) => list.is_empty(),
        Json::Object(map) => map.is_empty(),
        Json::Bool(true) => false,
    }
}

fn print(reading: &mut Reading<'_>, node: &Node, kind: &'static Kind, trail: &Trail<'_>) -> Json {
    match kind {
        Kind::Keys(keys) => print_keys(reading, node, keys, trail),
        Kind::Optional(inner) => {
            if node.is_null() {
                Json::Null
            } else {
                print(reading, node, inner, trail)
            }
        }
        Kind::In(inner, ..) => print(reading, node, inner, trail),
        Kind::Either(kinds) => match kinds.last() {
            Some(kind) => print(reading, node, kind, trail),
            None => Json::Null,
        },
        Kind::List(inner) | Kind::UniqueListOf(inner) => {
            let items = node.as_list().unwrap_or_default().iter().enumerate();
            items.map(|(index, item)| print(reading, item, inner, &trail.index(index))).collect()
        }
        Kind::Names(inner) | Kind::AnyNames(inner) => {
            let entries = node.as_map().into_iter().flatten();
            sorted(
                entries
                    .map(|(key, value)| (key.clone(), print(reading, value, inner, &trail.key(key))))
                    .collect(),
            )
        }
        Kind::UniqueList | Kind::TextList => {
            node.as_list().unwrap_or_default().iter().map(print_text).collect()
        }
        Kind::Pairs => print_pairs(node, || Json::String(String::new())),
        Kind::Ssh => print_ssh(node),
        Kind::Environment => print_pairs(node, || Json::Null),
        Kind::Options | Kind::NullableOptions | Kind::StrictOptions | Kind::Texts => {
            print_pairs(node, || Json::String(String::new()))
        }
        Kind::Bytes | Kind::IntBytes | Kind::TextBytes => print_bytes(reading, node, trail),
        Kind::Duration => print_duration(reading, node, trail),
        Kind::Mode => print_mode(reading, node, trail),
        Kind::Number => print_number(reading, node, trail),
        Kind::LooseInt | Kind::LooseUnsigned | Kind::PlainNumber => match node.value {
            Value::Float(value) => (value as i64).into(),
            _ => print_any(node),
        },
        Kind::Command => print_command(reading, node, trail),
        Kind::Hosts => print_hosts(reading, node, trail),
        Kind::Ulimit | Kind::PlainUlimit => match node.as_map() {
            Some(map) => ["hard", "soft"]
                .into_iter()
                .filter_map(|key| Some((key.to_owned(), print_any(map.get(key)?))))
                .filter(|(_, json)| !is_empty(json))
                .collect::<JsonMap<_, _>>()
                .into(),
            None => match print_any(node) {
                limit if is_empty(&limit) => JsonMap::new().into(),
                limit => limit,
            },
        },
        Kind::Count => print_count(reading, node, trail),
        Kind::ProviderOptions => print_provider_options(node),
        Kind::Text | Kind::OptionalText | Kind::Choice(_) | Kind::Checked(..) => print_text(node),
        Kind::Bool
        | Kind::PlainBool
        | Kind::External(_)
        | Kind::Int
        | Kind::StrictInt
        | Kind::Unsigned
        | Kind::PlainInt => print_any(node),
    }
}

fn print_text(node: &Node) -> Json {
    node.to_go_text().map_or(Json::Null, Json::String)
}

/// Compose keeps these in single precision.
fn print_number(reading: &mut Reading<'_>, node: &Node, trail: &Trail<'_>) -> Json {
    let value = match node.value {
        Value::Int(value) => i128::from(value) as f64,
        Value::Float(value) => value,
        _ => return print_text(node),
    };
    if !value.is_finite() {
        reading.value_problem(node, trail, "is not a finite number");
        return Json::Null;
    }
    format!("{}", value as f32).parse().map_or(Json::Null, float)
}

fn print_pairs(node: &Node, without_value: impl Fn() -> Json) -> Json {
    let text = |value: Node| value.to_go_text().map_or_else(&without_value, Json::String);
    sorted(pairs(node).into_iter().map(|(name, value)| (name, text(value))).collect())
}

fn print_ssh(node: &Node) -> Json {
    let keys = pairs(node).into_iter().map(|(id, path)| match path.as_text() {
        Some(path) if !path.is_empty() => format!("{id}={path}"),
        _ => id,
    });
    keys.map(Json::String).collect()
}

fn print_bytes(reading: &mut Reading<'_>, node: &Node, trail: &Trail<'_>) -> Json {
    let bytes = match &node.value {
        Value::Int(value) => (*value).into(),
        Value::Text(text) => match units::bytes(text) {
            Some(bytes) if bytes > i64::MAX.into() => {
                let message = format!("`{}` is more than {} bytes", reading.hide(text), i64::MAX);
                reading.value_problem(node, trail, message);
                0
            }
            Some(bytes) => bytes,
            None => {
                let message = format!("`{}` is not a size", reading.hide(text));
                reading.value_problem(node, trail, message).hint = Some(
                    "write a number of bytes, or a number and a unit, as in \"64m\" or \"1.5gb\"".to_owned(),
                );
                0
            }
        },
        // Compose drops a number with a fraction.
        _ => 0,
    };
    Json::String(if bytes == 0 { String::new() } else { bytes.to_string() })
}

fn print_duration(reading: &mut Reading<'_>, node: &Node, trail: &Trail<'_>) -> Json {
    let Some(text) = node.as_text() else { return Json::Null };
    match units::duration(text) {
        Ok(nanoseconds) => Json::String(units::go_duration(nanoseconds)),
        Err(message) => {
            let message = reading.hide(&message);
            reading.value_problem(node, trail, message).hint =
                Some("write a number and a unit, as in \"10s\", \"1m30s\" or \"500ms\"".to_owned());
            Json::Null
        }
    }
}

/// `0440` and `"0440"` are octal, `440` is decimal; printed in octal.
fn print_mode(reading: &mut Reading<'_>, node: &Node, trail: &Trail<'_>) -> Json {
    let mode = match &node.value {
        Value::Int(value) => Some((*value).into()),
        Value::Text(text) => u64::from_str_radix(text, 8).ok().map(i128::from),
        _ => None,
    };
    match mode {
        Some(mode) => Json::String(format!("0{mode:o}")),
        None => {
            reading.value_problem(node, trail, "is not an octal number").hint =
                Some("write permissions as in 0440".to_owned());
            Json::Null
        }
    }
}

fn print_command(reading: &mut Reading<'_>, node: &Node, trail: &Trail<'_>) -> Json {
    let Some(line) = node.as_text() else {
        return match node.as_list() {
            Some(list) => list.iter().map(print_text).collect(),
            None => Json::Null,
        };
    };
    match words::split(line) {
        Ok(words) => words.into_iter().map(Json::String).collect(),
        Err(message) => {
            reading.value_problem(node, trail, format!("the command line {message}")).hint =
                Some("write it as a list, one item for each word".to_owned());
            Json::Null
        }
    }
}

/// `host=address` in every entry, sorted as Compose sorts them.
fn print_hosts(reading: &mut Reading<'_>, node: &Node, trail: &Trail<'_>) -> Json {
    let mut hosts: Vec<(String, String)> = Vec::new();
    for (name, addresses) in node.as_map().into_iter().flatten() {
        let all = addresses.as_list().unwrap_or(std::slice::from_ref(addresses));
        check_host(reading, name, addresses, &trail.key(name));
        hosts.extend(all.iter().filter_map(|address| Some((name.clone(), bare_address(address.as_text()?)))));
    }
    for (index, entry) in node.as_list().unwrap_or_default().iter().enumerate() {
        let text = entry.as_text().unwrap_or_default();
        match text.split_once('=').or_else(|| text.split_once(':')) {
            Some((name, address)) => {
                check_host(reading, name, entry, &trail.index(index));
                hosts.push((name.to_owned(), bare_address(address)));
            }
            None => {
                let message = format!("`{}` has no address", reading.hide(text));
                reading.value_problem(entry, trail.index(index), message).hint =
                    Some("write NAME=ADDRESS".to_owned());
            }
        }
    }
    let mut entries: Vec<String> =
        hosts.into_iter().map(|(name, address)| format!("{name}={address}")).collect();
    entries.sort();
    entries.into_iter().map(Json::String).collect()
}

fn check_host(reading: &mut Reading<'_>, name: &str, node: &Node, trail: &Trail<'_>) {
    if name.is_empty() || name.contains([':', '=']) {
        let message = format!("`{}` is not a host name", reading.secrets.hide(name));
        reading.value_problem(node, trail, message).hint = Some("write NAME=ADDRESS".to_owned());
    }
}

/// An address without the brackets of IPv6.
fn bare_address(address: &str) -> String {
    let inner = address.strip_prefix('[').and_then(|address| address.strip_suffix(']'));
    inner.filter(|inner| !inner.is_empty()).unwrap_or(address).to_owned()
}

fn print_provider_options(node: &Node) -> Json {
    let entries = node.as_map().into_iter().flatten();
    let options = entries.map(|(key, value)| {
        let values = value.as_list().unwrap_or(std::slice::from_ref(value));
        (key.clone(), values.iter().map(print_text).collect())
    });
    sorted(options.collect())
}

/// `all` is -1.
fn print_count(reading: &mut Reading<'_>, node: &Node, trail: &Trail<'_>) -> Json {
    match node.as_text().map(|text| (text.eq_ignore_ascii_case("all"), text.parse::<i64>().ok())) {
        None => print_any(node),
        Some((true, _)) => (-1).into(),
        Some((_, Some(count))) => print_any(&Node::implied(Value::Int(i128::from(count).into()), node)),
        Some((_, None)) => {
            reading.value_problem(node, trail, "is neither a number nor `all`");
            Json::Null
        }
    }
}
