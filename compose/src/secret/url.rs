//! Passwords in URLs.

use std::ops::Range;

/// The passwords of all `scheme://user:password@host` in `text`: after `scheme://user:`, up to the last `@` before the
/// path.
pub(super) fn passwords(text: &str) -> impl Iterator<Item = Range<usize>> {
    text.match_indices("://").filter_map(|(at, separator)| password(text, at + separator.len()))
}

/// The password of the URL whose authority begins at `start`.
fn password(text: &str, start: usize) -> Option<Range<usize>> {
    let is_end = |c: char| matches!(c, '/' | '?' | '#' | '"' | '\'') || c.is_whitespace();
    let authority = text[start..].split(is_end).next()?;
    let (userinfo, _host) = authority.rsplit_once('@')?;
    let (user, password) = userinfo.split_once(':').filter(|(_, password)| !password.is_empty())?;
    let begin = start + user.len() + 1;
    Some(begin..begin + password.len())
}

/// `text` with each `%41` replaced by the byte that it means.
pub(super) fn decode(text: &str) -> String {
    let (mut bytes, mut rest) = (Vec::new(), text.as_bytes());
    while let Some((&first, after)) = rest.split_first() {
        let byte = percent(rest);
        bytes.push(byte.unwrap_or(first));
        rest = if byte.is_some() { &rest[3..] } else { after };
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

/// The byte that `%41` at the beginning of `text` means.
pub(super) fn percent(text: &[u8]) -> Option<u8> {
    let [b'%', high, low, ..] = text else { return None };
    let digit = |byte: &u8| char::from(*byte).to_digit(16);
    u8::try_from(digit(high)? * 16 + digit(low)?).ok()
}
