//! What a plain scalar is, by the rules of Go's YAML library, which are Compose's.
//!
//! They are neither YAML 1.1 (`yes` and `1:30` are text) nor YAML 1.2 (`010` is eight, `0b11` three, `1_000` a
//! thousand, `2020-01-01` a date).

use std::ops::RangeInclusive;

use crate::tree::Value;

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
    if let Some(time) = time(text) {
        return Value::Time(time);
    }
    number(text).unwrap_or_else(|| Value::Text(text.to_owned()))
}

/// A number in any of the notations that Go takes.
pub(crate) fn number(text: &str) -> Option<Value> {
    // Behind a leading dot Go's library leaves them where they are.
    let digits = if text.starts_with('.') { text.to_owned() } else { text.replace('_', "") };
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

/// A date, or a date and a time, in one of the four layouts that Go's library takes, as Compose prints it:
/// `2020-1-1`, `2001-12-14 21:59:43.1`, `2001-12-14T21:59:43.1-05:00`, and that with `t`.
fn time(text: &str) -> Option<String> {
    let (date, clock) = text.split_at(text.find(['T', 't', ' ']).unwrap_or(text.len()));
    let mut parts = date.splitn(3, '-');
    let (year, month, day) = (parts.next()?, parts.next()?, parts.next()?);
    let year = within(year, 0..=9999).filter(|_| year.len() == 4)?;
    let month = within(month, 1..=12)?;
    let day = within(day, 1..=days(year, month))?;
    let clock = match clock.strip_prefix(['T', 't']) {
        Some(zoned) => match zoned.strip_suffix('Z') {
            Some(clock) => time_of_day(clock)? + "Z",
            None => {
                let (clock, zone) = zoned.split_at_checked(zoned.len().checked_sub("+00:00".len())?)?;
                time_of_day(clock)? + time_zone(zone)?
            }
        },
        None if clock.is_empty() => "00:00:00Z".to_owned(),
        None => time_of_day(clock.trim_start_matches(' '))? + "Z",
    };
    Some(format!("{year:04}-{month:02}-{day:02}T{clock}"))
}

/// `1:2:3.450` as `01:02:03.45`.
fn time_of_day(text: &str) -> Option<String> {
    let mut parts = text.splitn(3, ':');
    let (hour, minute) = (within(parts.next()?, 0..=23)?, within(parts.next()?, 0..=59)?);
    let second = parts.next()?;
    let (second, fraction) = second.split_once(['.', ',']).unwrap_or((second, "0"));
    if fraction.is_empty() || !fraction.bytes().all(|digit| digit.is_ascii_digit()) {
        return None;
    }
    let second = within(second, 0..=59)?;
    let nanoseconds = fraction[..fraction.len().min(9)].trim_end_matches('0');
    let dot = if nanoseconds.is_empty() { "" } else { "." };
    Some(format!("{hour:02}:{minute:02}:{second:02}{dot}{nanoseconds}"))
}

/// `+02:00`; none at all is `Z`.
fn time_zone(text: &str) -> Option<&str> {
    let (hours, minutes) = text.strip_prefix(['+', '-'])?.split_once(':')?;
    let is_zone = hours.len() == 2 && within(hours, 0..=23).is_some() && within(minutes, 0..=59).is_some();
    let is_none = hours == "00" && minutes == "00";
    is_zone.then_some(if is_none { "Z" } else { text })
}

fn within(digits: &str, range: RangeInclusive<u32>) -> Option<u32> {
    let most = if *range.end() > 99 { 4 } else { 2 };
    let are_digits = digits.len() <= most && digits.bytes().all(|digit| digit.is_ascii_digit());
    digits.parse().ok().filter(|number| are_digits && range.contains(number))
}

fn days(year: u32, month: u32) -> u32 {
    match month {
        2 if year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400)) => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}
