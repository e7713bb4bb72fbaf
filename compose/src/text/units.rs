//! Sizes, durations, numbers and booleans, as Compose reads them and as Go prints them.

use std::time::Duration;

/// `64m`, `64MB`, `1.5 GiB`: powers of 1024 all of them. A fraction of a byte disappears.
pub(crate) fn bytes(text: &str) -> Option<i128> {
    let last = text.rfind(|c: char| c.is_ascii_digit() || matches!(c, '.' | ' '))?;
    let (number, unit) = match &text[last..=last] {
        " " => (&text[..last], &text[last + 1..]),
        _ => text.split_at(last + 1),
    };
    let number = decimal(number).filter(|number| *number >= 0.0)?;
    let unit = unit.to_ascii_lowercase();
    let power = match unit.strip_suffix("ib").or_else(|| unit.strip_suffix('b')).unwrap_or(&unit) {
        "" if unit == "ib" => return None,
        "" => 0,
        letter => ["k", "m", "g", "t", "p"].iter().position(|known| *known == letter)? + 1,
    };
    let bytes = number * 1024_f64.powi(i32::try_from(power).ok()?);
    Some(bytes as i128)
}

/// A number as Go's `ParseFloat` takes it: with a sign, an exponent, and underscores between digits.
pub(crate) fn decimal(text: &str) -> Option<f64> {
    let is_digit = |byte: Option<&u8>| byte.is_some_and(u8::is_ascii_digit);
    let bytes = text.as_bytes();
    let stands_between_digits =
        |at: usize| is_digit(bytes.get(at.wrapping_sub(1))) && is_digit(bytes.get(at + 1));
    if !text.match_indices('_').all(|(at, _)| stands_between_digits(at)) {
        return None;
    }
    text.replace('_', "").parse().ok()
}

const NANOSECONDS: [(&str, i128); 9] = [
    ("ns", 1),
    ("us", 1_000),
    ("µs", 1_000),
    ("μs", 1_000),
    ("ms", 1_000_000),
    ("s", 1_000_000_000),
    ("m", 60_000_000_000),
    ("h", 3_600_000_000_000),
    ("d", 86_400_000_000_000),
];
const NANOSECONDS_A_WEEK: i128 = 604_800_000_000_000;

/// `1h5m30s20ms`, `1.5s`, `1d`, `-1s`, in nanoseconds: Go's syntax with days and weeks added.
pub(crate) fn duration(text: &str) -> Result<i64, String> {
    let invalid = || format!("`{text}` is not a duration");
    let (negative, mut rest) = match text.strip_prefix('-') {
        Some(rest) => (true, rest),
        None => (false, text.strip_prefix('+').unwrap_or(text)),
    };
    if rest == "0" {
        return Ok(0);
    }
    if rest.is_empty() {
        return Err(invalid());
    }
    let mut total: i128 = 0;
    while !rest.is_empty() {
        let end = rest.find(|c: char| !(c.is_ascii_digit() || c == '.')).unwrap_or(rest.len());
        let (number, after) = rest.split_at(end);
        let unit_end = after.find(|c: char| c.is_ascii_digit() || c == '.').unwrap_or(after.len());
        let (unit, after) = after.split_at(unit_end);
        let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
        if whole.len() + fraction.len() == 0 || fraction.contains('.') || number.len() > 30 {
            return Err(invalid());
        }
        if unit.is_empty() {
            return Err(format!("the duration `{text}` has no unit"));
        }
        let nanoseconds = if unit == "w" {
            NANOSECONDS_A_WEEK
        } else {
            let known = NANOSECONDS.iter().find(|(name, _)| *name == unit);
            known.ok_or_else(|| format!("`{unit}` is not a unit of time"))?.1
        };
        let whole: i128 = if whole.is_empty() { 0 } else { whole.parse().map_err(|_| invalid())? };
        total = total.saturating_add(whole.saturating_mul(nanoseconds));
        if !fraction.is_empty() {
            let fraction: f64 = format!("0.{fraction}").parse().map_err(|_| invalid())?;
            total = total.saturating_add((fraction * nanoseconds as f64) as i128);
        }
        rest = after;
    }
    let total = if negative { -total } else { total };
    i64::try_from(total).map_err(|_| format!("the duration `{text}` is too long"))
}

/// Reads a duration as the Compose specification writes them: `90s`, `1m30s`, `2h`.
///
/// # Errors
/// What is wrong with it.
pub fn parse_duration(text: &str) -> Result<Duration, String> {
    let nanoseconds = duration(text)?;
    u64::try_from(nanoseconds).map(Duration::from_nanos).map_err(|_| format!("`{text}` is negative"))
}

/// A duration as Go prints it: `1m30s`, `1.5s`, `10µs`.
pub(crate) fn go_duration(nanoseconds: i64) -> String {
    let size = u128::from(nanoseconds.unsigned_abs());
    let sign = if nanoseconds < 0 { "-" } else { "" };
    if size == 0 {
        return "0s".to_owned();
    }
    if size < 1_000_000_000 {
        let (unit, divisor) = match size {
            0..1_000 => ("ns", 1),
            1_000..1_000_000 => ("µs", 1_000),
            _ => ("ms", 1_000_000),
        };
        return format!("{sign}{}{unit}", fraction(size, divisor));
    }
    let (minutes, rest) = (size / 60_000_000_000, size % 60_000_000_000);
    let seconds = fraction(rest, 1_000_000_000);
    let (hours, minutes) = (minutes / 60, minutes % 60);
    match (hours, minutes) {
        (0, 0) => format!("{sign}{seconds}s"),
        (0, _) => format!("{sign}{minutes}m{seconds}s"),
        _ => format!("{sign}{hours}h{minutes}m{seconds}s"),
    }
}

fn fraction(value: u128, divisor: u128) -> String {
    let (whole, rest) = (value / divisor, value % divisor);
    if rest == 0 {
        return whole.to_string();
    }
    let width = divisor.ilog10() as usize;
    let digits = format!("{rest:0width$}");
    format!("{whole}.{}", digits.trim_end_matches('0'))
}

/// `true`, `yes`, `on`, `y` and their opposites, in any case.
pub(crate) fn boolean(text: &str) -> Option<bool> {
    match text.to_lowercase().as_str() {
        "true" | "yes" | "on" | "y" => Some(true),
        "false" | "no" | "off" | "n" => Some(false),
        _ => None,
    }
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
