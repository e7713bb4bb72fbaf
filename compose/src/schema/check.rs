//! Checks a merged document against the schema: unknown keys, wrong types, missing keys, repeated entries.
//!
//! It changes nothing.

use std::collections::HashMap;

use super::{Extensions, Keys, Kind};
use crate::reading::Reading;
use crate::text::names::{list, nearest};
use crate::tree::json::print_any;
use crate::tree::{Map, Node, Trail, Value};

/// Reports everything below `node` that the schema does not allow.
pub(crate) fn check(reading: &mut Reading<'_>, node: &Node, keys: &'static Keys, trail: &Trail<'_>) {
    let Value::Map(map) = &node.value else {
        return wrong_type(reading, node, trail, "a mapping");
    };
    for (key, value) in map {
        match keys.field(key) {
            Some(field) => check_kind(reading, value, &field.kind, &trail.key(key)),
            None if keys.extensions == Extensions::AnyKey => {}
            None if keys.extensions == Extensions::Allowed && key.starts_with("x-") => {}
            None => unknown_key(reading, key, value, keys, trail),
        }
    }
    for field in keys.fields.iter().filter(|field| field.required && !map.contains_key(field.name)) {
        let message = format!("the key `{}` is missing", field.name);
        reading.problem(node.entry_spot(), trail, message).hint = missing_hint(&field.kind);
    }
}

fn missing_hint(kind: &Kind) -> Option<String> {
    match kind {
        Kind::Choice(words) => Some(format!("valid values are {}", words.join(", "))),
        _ => None,
    }
}

fn unknown_key(reading: &mut Reading<'_>, key: &str, value: &Node, keys: &Keys, trail: &Trail<'_>) {
    if reading.is_full() {
        return;
    }
    let nearest = nearest(key, keys.fields.iter().map(|field| field.name));
    let hint = match nearest {
        Some(known) => format!("did you mean `{known}`?"),
        None if trail.depth() == 0 && is_old_service(value) => {
            "services belong under the top-level key `services`".to_owned()
        }
        None if keys.extensions == Extensions::Allowed => "custom keys start with `x-`".to_owned(),
        None => format!("known keys are {}", list(keys.fields.iter().map(|field| field.name))),
    };
    reading.problem(value.entry_spot(), trail, format!("unknown key `{key}`")).hint = Some(hint);
}

/// In the first version of the format, services were top-level keys.
fn is_old_service(value: &Node) -> bool {
    value.get("image").is_some() || value.get("build").is_some()
}

fn check_kind(reading: &mut Reading<'_>, node: &Node, kind: &'static Kind, trail: &Trail<'_>) {
    match kind {
        Kind::Keys(keys) => check(reading, node, keys, trail),
        Kind::Optional(_) if node.is_null() => {}
        Kind::Optional(inner) => check_kind(reading, node, inner, trail),
        Kind::Either(kinds) => match kinds.iter().find(|kind| accepts(kind, &node.value)) {
            Some(kind) => check_kind(reading, node, kind, trail),
            None => wrong_type(reading, node, trail, &wanted(kind)),
        },
        _ if !accepts(kind, &node.value) => wrong_type(reading, node, trail, &wanted(kind)),
        Kind::List(inner) => check_items(reading, node, inner, trail),
        Kind::UniqueListOf(inner) => check_unique_items(reading, node, inner, trail),
        Kind::UniqueList => check_unique_items(reading, node, &Kind::Text, trail),
        Kind::TextList => check_items(reading, node, &Kind::Text, trail),
        Kind::Names(inner) => check_names(reading, node, inner, trail),
        Kind::AnyNames(inner) => check_values(reading, node, inner, trail),
        Kind::Options => check_values(reading, node, &OPTION, trail),
        Kind::NullableOptions => check_values(reading, node, &NULLABLE_OPTION, trail),
        Kind::StrictOptions => check_values(reading, node, &STRICT_OPTION, trail),
        Kind::Texts => check_values(reading, node, &Kind::Text, trail),
        Kind::Environment => check_variables(reading, node, trail),
        Kind::Pairs => check_pairs(reading, node, trail),
        Kind::Hosts => check_hosts(reading, node, trail),
        Kind::Command if node.as_list().is_some() => check_items(reading, node, &Kind::Text, trail),
        Kind::Ulimit | Kind::PlainUlimit => check_ulimit(reading, node, trail),
        Kind::External(extensions) => check_external(reading, node, *extensions, trail),
        Kind::ProviderOptions => check_provider_options(reading, node, trail),
        Kind::Ssh => check_ssh(reading, node, trail),
        Kind::Choice(words) => {
            let text = node.as_text().unwrap_or_default();
            if !words.contains(&text) {
                let message = format!("`{}` is not allowed here", reading.hide(text));
                reading.value_problem(node, trail, message).hint =
                    Some(format!("valid values are {}", words.join(", ")));
            }
        }
        Kind::Checked(is_valid, description) => {
            let text = node.as_text().unwrap_or_default();
            if !is_valid(text) {
                let message = format!("`{}` is not allowed here", reading.hide(text));
                reading.value_problem(node, trail, message).hint = Some(format!("write {description}"));
            }
        }
        _ => {}
    }
    if let Some(range) = kind.range() {
        check_range(reading, node, range, trail);
    }
}

fn check_range(reading: &mut Reading<'_>, node: &Node, (least, most): (i128, i128), trail: &Trail<'_>) {
    let (is_less, is_more) = match node.value {
        Value::Int(number) => (i128::from(number) < least, i128::from(number) > most),
        // What does not fit into 64 bits is a float, which may be rounded to the nearest number that fits.
        Value::Float(number) if least == i64::MIN.into() => {
            (number <= least as f64, number >= (most + 1) as f64)
        }
        Value::Float(number) => (number < least as f64, number >= (most + 1) as f64),
        _ => return,
    };
    if !is_less && !is_more {
        return;
    }
    let wanted = match (least, most) {
        (0, _) if is_less => "can't be negative".to_owned(),
        _ if least > i64::MIN.into() && most < i64::MAX.into() => format!("must be from {least} to {most}"),
        _ if is_less => format!("must be at least {least}"),
        _ => format!("must be at most {most}"),
    };
    reading.value_problem(node, trail, format!("{wanted}, not {}", shown_number(node)));
}

/// A number as it is written: `80.0`, although Go prints it as `80`.
fn shown_number(node: &Node) -> String {
    match node.value {
        Value::Float(number) => format!("{number:?}"),
        _ => node.to_go_text().unwrap_or_default(),
    }
}

static OPTION: Kind = Kind::Either(&[Kind::Text, Kind::Number]);
static NULLABLE_OPTION: Kind = Kind::Either(&[Kind::Text, Kind::Number, Kind::OptionalText]);
static STRICT_OPTION: Kind = Kind::Either(&[Kind::Text, Kind::StrictInt, Kind::OptionalText]);

/// Whether the outermost type of a value fits.
fn accepts(kind: &Kind, value: &Value) -> bool {
    match kind {
        Kind::Text | Kind::Choice(_) | Kind::Checked(..) | Kind::TextBytes | Kind::Duration => {
            matches!(value, Value::Text(_))
        }
        Kind::OptionalText => matches!(value, Value::Text(_) | Value::Null),
        Kind::Bool => matches!(value, Value::Bool(_) | Value::Text(_)),
        Kind::PlainBool => matches!(value, Value::Bool(_)),
        Kind::PlainInt => matches!(value, Value::Int(_)) || is_whole(value),
        Kind::StrictInt => matches!(value, Value::Int(_)),
        Kind::PlainUlimit => matches!(value, Value::Int(_) | Value::Map(_)),
        Kind::Count => matches!(value, Value::Int(_) | Value::Text(_)),
        Kind::PlainNumber => matches!(value, Value::Int(_) | Value::Float(_)),
        Kind::Int | Kind::Unsigned | Kind::IntBytes => {
            matches!(value, Value::Int(_) | Value::Text(_)) || is_whole(value)
        }
        Kind::LooseInt | Kind::LooseUnsigned | Kind::Number | Kind::Bytes | Kind::Mode => {
            matches!(value, Value::Int(_) | Value::Float(_) | Value::Text(_))
        }
        Kind::Ulimit => matches!(value, Value::Int(_) | Value::Text(_) | Value::Map(_)),
        Kind::External(_) => matches!(value, Value::Bool(_) | Value::Text(_) | Value::Map(_)),
        Kind::Pairs | Kind::Environment | Kind::Ssh | Kind::Hosts => {
            matches!(value, Value::Map(_) | Value::List(_))
        }
        Kind::Command => matches!(value, Value::Null | Value::Text(_) | Value::List(_)),
        Kind::Options
        | Kind::NullableOptions
        | Kind::StrictOptions
        | Kind::Texts
        | Kind::Names(_)
        | Kind::AnyNames(_)
        | Kind::Keys(_)
        | Kind::ProviderOptions => {
            matches!(value, Value::Map(_))
        }
        Kind::UniqueList | Kind::TextList | Kind::List(_) | Kind::UniqueListOf(_) => {
            matches!(value, Value::List(_))
        }
        Kind::In(inner, ..) => accepts(inner, value),
        Kind::Optional(inner) => matches!(value, Value::Null) || accepts(inner, value),
        Kind::Either(kinds) => kinds.iter().any(|kind| accepts(kind, value)),
    }
}

fn is_whole(value: &Value) -> bool {
    matches!(value, Value::Float(number) if number.fract() == 0.0)
}

/// "a string or a list"
fn wanted(kind: &Kind) -> String {
    match kind {
        Kind::Text | Kind::OptionalText | Kind::Choice(_) | Kind::Checked(..) => "a string".to_owned(),
        Kind::TextBytes => "a size with its unit, such as \"64m\"".to_owned(),
        Kind::Duration => "a duration with its unit, such as \"10s\"".to_owned(),
        Kind::Bool | Kind::PlainBool | Kind::External(_) => "a boolean".to_owned(),
        Kind::Count => "a number or `all`".to_owned(),
        Kind::PlainInt
        | Kind::StrictInt
        | Kind::Int
        | Kind::LooseInt
        | Kind::Unsigned
        | Kind::LooseUnsigned => "a whole number".to_owned(),
        Kind::Number | Kind::PlainNumber | Kind::Mode => "a number".to_owned(),
        Kind::Bytes | Kind::IntBytes => "a size".to_owned(),
        Kind::Ulimit | Kind::PlainUlimit => "a number or a mapping".to_owned(),
        Kind::Pairs | Kind::Environment | Kind::Ssh | Kind::Hosts => "a mapping or a list".to_owned(),
        Kind::Command => "a string or a list".to_owned(),
        Kind::Options
        | Kind::NullableOptions
        | Kind::StrictOptions
        | Kind::Texts
        | Kind::Names(_)
        | Kind::AnyNames(_)
        | Kind::Keys(_)
        | Kind::ProviderOptions => "a mapping".to_owned(),
        Kind::UniqueList | Kind::TextList | Kind::List(_) | Kind::UniqueListOf(_) => "a list".to_owned(),
        Kind::Optional(inner) | Kind::In(inner, ..) => wanted(inner),
        Kind::Either(kinds) => {
            let mut names: Vec<String> = Vec::new();
            for name in kinds.iter().map(wanted) {
                if !names.contains(&name) {
                    names.push(name);
                }
            }
            match names.split_last() {
                Some((last, rest)) if !rest.is_empty() => format!("{} or {last}", rest.join(", ")),
                _ => names.concat(),
            }
        }
    }
}

fn wrong_type(reading: &mut Reading<'_>, node: &Node, trail: &Trail<'_>, wanted: &str) {
    let message = match &node.value {
        // "must be a whole number, not a number" would say nothing.
        Value::Int(_) | Value::Float(_) if wanted.contains("number") || wanted.contains("size") => {
            format!("must be {wanted}, not {}", shown_number(node))
        }
        _ => node.must_be(wanted),
    };
    let hint = match &node.value {
        Value::Float(number) if wanted.contains("whole number") && number.fract() == 0.0 => {
            Some(format!("write {number}"))
        }
        Value::Bool(_) | Value::Int(_) | Value::Float(_) | Value::Time(_) if wanted.contains("string") => {
            Some("write it in quotes".to_owned())
        }
        Value::Int(number) if wanted.contains("duration") => Some(format!("write \"{number}s\" for seconds")),
        Value::Text(_) if wanted == "a list" => Some("put it on a line of its own, after `- `".to_owned()),
        _ => None,
    };
    let spot = if node.is_null() { node.entry_spot() } else { node.spot };
    reading.problem(spot, trail, message).hint = hint;
}

fn check_items(reading: &mut Reading<'_>, node: &Node, kind: &'static Kind, trail: &Trail<'_>) {
    for (index, item) in node.as_list().into_iter().flatten().enumerate() {
        check_kind(reading, item, kind, &trail.index(index));
    }
}

fn check_values(reading: &mut Reading<'_>, node: &Node, kind: &'static Kind, trail: &Trail<'_>) {
    for (key, value) in node.as_map().into_iter().flatten() {
        check_kind(reading, value, kind, &trail.key(key));
    }
}

/// Repetitions are reported only if every entry is valid, so that one mistake is reported once.
fn check_unique_items(reading: &mut Reading<'_>, node: &Node, kind: &'static Kind, trail: &Trail<'_>) {
    let problems = reading.problems.len();
    check_items(reading, node, kind, trail);
    if reading.problems.len() == problems {
        check_unique(reading, node, trail);
    }
}

fn check_unique(reading: &mut Reading<'_>, node: &Node, trail: &Trail<'_>) {
    let items = node.as_list().unwrap_or_default();
    let mut seen: HashMap<_, &Node> = HashMap::new();
    let mut numbers_in_texts: HashMap<_, &Node> = HashMap::new();
    for (index, item) in items.iter().enumerate() {
        let text = item.to_go_text().unwrap_or_else(|| print_any(item).to_string());
        let earlier = *seen.entry((item.type_name(), text)).or_insert(item);
        if let Some(Ok(number)) = item.as_text().map(str::parse) {
            numbers_in_texts.entry(comparable(number)).or_insert(item);
        }
        // To Compose's validator a number repeats an earlier text that reads the same, but not the
        // other way round.
        let earlier_text = number_of(item).and_then(|number| numbers_in_texts.get(&comparable(number)));
        let repeated = if std::ptr::eq(earlier, item) { earlier_text.copied() } else { Some(earlier) };
        if let Some(repeated) = repeated {
            report_repeated(reading, node, item, repeated, &trail.index(index));
        }
    }
}

/// Names the place of the first entry as well, unless both are in one list of one file.
fn report_repeated(reading: &mut Reading<'_>, list: &Node, item: &Node, earlier: &Node, trail: &Trail<'_>) {
    let place = if list.has_in_its_text(earlier.spot) && earlier.spot <= item.spot {
        String::new()
    } else {
        reading.place_of_merged(earlier.spot, &trail.to_string())
    };
    reading.problem(item.spot, trail, format!("this entry is already in the list{place}"));
}

fn number_of(node: &Node) -> Option<f64> {
    match node.value {
        Value::Int(number) => Some(i128::from(number) as f64),
        Value::Float(number) => Some(number),
        _ => None,
    }
}

/// The same bits for equal numbers, including the two zeros.
fn comparable(number: f64) -> u64 {
    (number + 0.0).to_bits()
}

fn check_names(reading: &mut Reading<'_>, node: &Node, kind: &'static Kind, trail: &Trail<'_>) {
    for (key, value) in node.as_map().into_iter().flatten() {
        let is_name =
            key.bytes().all(|b| b.is_ascii_alphanumeric() || b"._-".contains(&b)) && !key.is_empty();
        if !is_name && !key.starts_with("x-") {
            reading.problem(value.entry_spot(), trail, format!("`{key}` is not a valid name")).hint =
                Some("names consist of letters, digits, `.`, `_` and `-`".to_owned());
        }
        check_kind(reading, value, kind, &trail.key(key));
    }
}

/// Mappings of scalars, and lists of `KEY=VALUE`.
fn check_pairs(reading: &mut Reading<'_>, node: &Node, trail: &Trail<'_>) {
    if node.as_list().is_some() {
        check_unique_items(reading, node, &Kind::Text, trail);
        return;
    }
    for (key, value) in node.as_map().into_iter().flatten() {
        if key.is_empty() {
            reading.problem(value.entry_spot(), trail, "a name is empty");
        }
        if !matches!(value.value, Value::Null) && value.to_go_text().is_none() {
            wrong_type(reading, value, &trail.key(key), "a string, a number or a boolean");
        }
    }
}

/// A name in a list can't end with a space; in a mapping it can.
fn check_variables(reading: &mut Reading<'_>, node: &Node, trail: &Trail<'_>) {
    check_pairs(reading, node, trail);
    for (index, item) in node.as_list().into_iter().flatten().enumerate() {
        let name = item.as_text().and_then(|text| text.split('=').next()).unwrap_or_default();
        if name.ends_with(char::is_whitespace) {
            let message = format!("the variable name `{name}` ends with a space");
            reading.value_problem(item, trail.index(index), message).hint =
                Some("write NAME=VALUE, without spaces around the `=`".to_owned());
        }
    }
}

fn check_hosts(reading: &mut Reading<'_>, node: &Node, trail: &Trail<'_>) {
    if node.as_list().is_some() {
        check_unique_items(reading, node, &Kind::Text, trail);
        return;
    }
    for (key, value) in node.as_map().into_iter().flatten() {
        let trail = trail.key(key);
        match &value.value {
            // Compose takes the key for an extension, and then fails.
            _ if key.starts_with("x-") => {
                let message = format!("the host name `{key}` begins with `x-`, so it can't be a key");
                reading.problem(value.entry_spot(), trail, message).hint =
                    Some("write a list: `extra_hosts: [\"NAME=ADDRESS\"]`".to_owned());
            }
            Value::Text(_) => {}
            Value::List(_) => check_items(reading, value, &Kind::Text, &trail),
            _ => wrong_type(reading, value, &trail, "an address or a list of addresses"),
        }
    }
}

fn check_ulimit(reading: &mut Reading<'_>, node: &Node, trail: &Trail<'_>) {
    let Some(map) = node.as_map() else { return };
    check_ulimit_keys(reading, map, trail);
    for key in ["soft", "hard"] {
        match map.get(key) {
            Some(value) => check_kind(reading, value, &Kind::StrictInt, &trail.key(key)),
            None => {
                reading.problem(node.entry_spot(), trail, format!("the key `{key}` is missing")).hint =
                    Some("write both `soft` and `hard`, or one number".to_owned());
            }
        }
    }
}

/// The old form of `external` has a name.
fn check_external(reading: &mut Reading<'_>, node: &Node, extensions: Extensions, trail: &Trail<'_>) {
    for (key, value) in node.as_map().into_iter().flatten() {
        if key == "name" {
            check_kind(reading, value, &Kind::Text, &trail.key(key));
        } else if extensions != Extensions::AnyKey && !key.starts_with("x-") {
            reading.problem(value.entry_spot(), trail, format!("unknown key `{key}`")).hint =
                Some("write `external: true`, and `name` beside it".to_owned());
        }
    }
}

/// Scalars and lists of them.
fn check_provider_options(reading: &mut Reading<'_>, node: &Node, trail: &Trail<'_>) {
    for (key, value) in node.as_map().into_iter().flatten() {
        let trail = trail.key(key);
        match value.as_list() {
            Some(items) => {
                for (index, item) in items.iter().enumerate().filter(|(_, item)| item.to_go_text().is_none())
                {
                    wrong_type(reading, item, &trail.index(index), "a string, a number or a boolean");
                }
            }
            None if value.to_go_text().is_none() => {
                wrong_type(reading, value, &trail, "a string, a number, a boolean or a list of them");
            }
            None => {}
        }
    }
}

/// In a list, every agent but `default` must name its socket or key; in a mapping it need not.
fn check_ssh(reading: &mut Reading<'_>, node: &Node, trail: &Trail<'_>) {
    check_pairs(reading, node, trail);
    for (index, item) in node.as_list().into_iter().flatten().enumerate() {
        if item.as_text().is_some_and(|text| text != "default" && !text.contains('=')) {
            reading.value_problem(item, trail.index(index), "does not name a socket or key").hint =
                Some("write ID=PATH, or `default`".to_owned());
        }
    }
}

fn check_ulimit_keys(reading: &mut Reading<'_>, map: &Map, trail: &Trail<'_>) {
    for (key, value) in map {
        if !matches!(key.as_str(), "soft" | "hard") && !key.starts_with("x-") {
            reading.problem(value.entry_spot(), trail, format!("unknown key `{key}`")).hint =
                Some("known keys are `soft` and `hard`".to_owned());
        }
    }
}
