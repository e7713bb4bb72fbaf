//! What a plain scalar is, by the rules of Go's YAML library, which are Compose's.
//!
//! They are neither YAML 1.1 (`yes` and `1:30` are text) nor YAML 1.2 (`010` is eight, `0b11` three, `1_000` a
//! thousand, `2020-01-01` a date).

use super::node::Value;

/// The value of a plain (unquoted, untagged) scalar.
pub(crate) fn plain(text: &str) -> Value {
    match text {
        "" | "~" | "null" | "Null" | "NULL" => return Value::Null,
        "true" | "True" | "TRUE" => return Value::Bool(true),
        "false" | "False" | "FALSE" => return Value::Bool(false),
        ".nan" | ".NaN" | ".NAN" => return Value::Float(f64::NAN),
        ".inf" | ".Inf" | ".INF" | "+.inf" | "+.Inf" | "+.INF" => return Value::Float(f64::INFINITY),
        "-.inf" | "-.Inf" | "-.INF" => return Value::Float(f64::NEG_INFINITY),
        _ => {}
    }
    let first = text.as_bytes()[0];
    if !(first.is_ascii_digit() || matches!(first, b'+' | b'-' | b'.')) {
        return Value::Text(text.to_owned());
    }
    if is_time(text) {
        return Value::Time(text.to_owned());
    }
    number(text).unwrap_or_else(|| Value::Text(text.to_owned()))
}

/// A number in any of the notations that Go takes.
pub(crate) fn number(text: &str) -> Option<Value> {
    let digits = text.replace('_', "");
    if let Some(value) = integer(&digits) {
        return Some(Value::Int(value.into()));
    }
    if is_decimal(&digits) {
        return digits.parse().ok().filter(|value: &f64| value.is_finite()).map(Value::Float);
    }
    None
}

/// An integer as Go's `ParseInt` with base 0 takes it: `0x`, `0b`, `0o`, and a leading `0` for octal.
pub(crate) fn integer(text: &str) -> Option<i128> {
    let (negative, digits) = match text.as_bytes().first()? {
        b'-' => (true, &text[1..]),
        b'+' => (false, &text[1..]),
        _ => (false, text),
    };
    let lower = digits.to_ascii_lowercase();
    let (radix, digits) = match lower.get(..2) {
        Some("0x") => (16, &lower[2..]),
        Some("0b") => (2, &lower[2..]),
        Some("0o") => (8, &lower[2..]),
        _ if lower.len() > 1 && lower.starts_with('0') => (8, &lower[1..]),
        _ => (10, lower.as_str()),
    };
    if digits.is_empty() || !digits.chars().all(|c| c.is_digit(radix)) {
        return None;
    }
    let value = i128::from_str_radix(digits, radix).ok()?;
    let value = if negative { -value } else { value };
    (value >= i128::from(i64::MIN) && value <= i128::from(u64::MAX)).then_some(value)
}

/// `[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?`
fn is_decimal(text: &str) -> bool {
    let unsigned = text.strip_prefix(['-', '+']).unwrap_or(text);
    let (mantissa, exponent) = match unsigned.split_once(['e', 'E']) {
        Some((mantissa, exponent)) => (mantissa, Some(exponent.strip_prefix(['-', '+']).unwrap_or(exponent))),
        None => (unsigned, None),
    };
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let all_digits = |part: &str| part.bytes().all(|b| b.is_ascii_digit());
    all_digits(whole)
        && all_digits(fraction)
        && !(whole.is_empty() && fraction.is_empty())
        && exponent.is_none_or(|digits| !digits.is_empty() && all_digits(digits))
}

/// A date, or a date and a time: `2020-01-01`, `2001-12-14t21:59:43.10-05:00`, `2001-12-14 21:59:43`.
fn is_time(text: &str) -> bool {
    let bytes = text.as_bytes();
    let digits = |part: &str, least: usize, most: usize| {
        (least..=most).contains(&part.len()) && part.bytes().all(|b| b.is_ascii_digit())
    };
    if bytes.len() < 8 || bytes.get(4) != Some(&b'-') || !text.is_ascii() {
        return false;
    }
    let (date, time) = match text.find(['t', 'T', ' ']) {
        Some(at) => (&text[..at], Some(text[at + 1..].trim_start())),
        None => (text, None),
    };
    let mut parts = date.split('-');
    let is_date = parts.next().is_some_and(|year| digits(year, 4, 4))
        && parts.next().is_some_and(|month| digits(month, 1, 2) && (1..=12).contains(&value(month)))
        && parts.next().is_some_and(|day| digits(day, 1, 2) && (1..=31).contains(&value(day)))
        && parts.next().is_none();
    let Some(time) = time else { return is_date && date.len() >= 8 };
    let clock = time.split(['.', 'Z', '+', '-', ' ']).next().unwrap_or_default();
    is_date && clock.split(':').count() == 3 && clock.split(':').all(|part| digits(part, 1, 2))
}

fn value(digits: &str) -> u32 {
    digits.parse().unwrap_or(0)
}

/// A float as Go's `%v` prints it: the shortest digits, with an exponent below 1e-4 and from 1e6 on.
pub(crate) fn go_float(value: f64) -> String {
    if value.is_nan() {
        return "NaN".to_owned();
    }
    if value.is_infinite() {
        return if value > 0.0 { "+Inf" } else { "-Inf" }.to_owned();
    }
    let text = format!("{value:e}");
    let (mantissa, exponent) = text.split_once('e').unwrap_or((&text, "0"));
    let power: i32 = exponent.parse().unwrap_or(0);
    if value != 0.0 && !(-4..6).contains(&power) {
        let sign = if power < 0 { '-' } else { '+' };
        return format!("{mantissa}e{sign}{:02}", power.abs());
    }
    format!("{value}")
}
