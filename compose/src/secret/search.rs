//! Finds secrets in free text, in one pass, however they are written there.

use std::ops::Range;

use base64::Engine;
use base64::prelude::BASE64_STANDARD_NO_PAD;

use super::name::is_secret_name;
use super::url;

/// Shorter values are hidden only after a secret's name: hiding every `a` of a log helps nobody.
const SHORTEST_FOUND_ANYWHERE: usize = 6;

/// Longer values are not searched for in base64.
const LONGEST_IN_BASE64: usize = 1 << 16;

/// Longer names are not considered before a short value.
const LONGEST_NAME: usize = 100;

/// The texts to search for, by the byte that they begin with.
#[derive(Clone, Default, PartialEq, Eq)]
pub(super) struct Needles(Vec<Vec<Needle>>);

#[derive(Clone, PartialEq, Eq)]
enum Needle {
    /// A value, however its characters are escaped.
    Value(String),
    /// A value that is too short to be hidden wherever it is.
    Short(String),
    /// The part of a value's base64 that does not depend on what is encoded before and after it.
    Base64(String),
}

/// How a text writes a value.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Writing {
    Plain,
    /// `%41` for `A`, and `+` for a space.
    Url,
    /// As in a JSON string.
    Json,
    /// The alphabet for URLs means the same, and line breaks mean nothing.
    Base64,
}

impl Needles {
    /// Adds a value, and its lines if there are several.
    pub(super) fn add(&mut self, value: &str) {
        if !is_long(value) {
            return self.insert(Needle::Short(value.to_owned()));
        }
        let lines = value.lines().map(str::trim).filter(|line| is_long(line) && *line != value);
        for text in std::iter::once(value).chain(lines) {
            self.insert(Needle::Value(text.to_owned()));
            if text.len() <= LONGEST_IN_BASE64 {
                (0..3).for_each(|offset| self.insert(Needle::Base64(base64(text, offset))));
            }
        }
    }

    fn insert(&mut self, needle: Needle) {
        let Some(&first) = needle.text().first() else { return };
        self.0.resize(1 << 8, Vec::new());
        let firsts = match (&needle, first) {
            (Needle::Base64(_), b'+') => [b'+', b'-'],
            (Needle::Base64(_), b'/') => [b'/', b'_'],
            _ => [first; 2],
        };
        for first in firsts {
            let those = &mut self.0[usize::from(first)];
            if !those.contains(&needle) {
                those.push(needle.clone());
            }
        }
    }

    /// Where secrets are in `text`. Spans may overlap: two secrets may have a part in common.
    pub(super) fn find(&self, text: &str) -> Vec<Range<usize>> {
        let mut spans: Vec<Range<usize>> = Vec::new();
        if self.0.is_empty() {
            return spans;
        }
        let writings = Writing::all_in(text);
        let is_escape = |byte: u8| matches!(byte, b'%' | b'\\') && writings.len() > 1;
        let begins: Vec<bool> =
            (0..=u8::MAX).map(|byte| is_escape(byte) || !self.0[usize::from(byte)].is_empty()).collect();
        // A word in base64 is hidden as a whole.
        let mut word_end = 0;
        for (start, _) in text.bytes().enumerate().filter(|(_, byte)| begins[usize::from(*byte)]) {
            let rest = &text.as_bytes()[start..];
            for &writing in &writings {
                for needle in writing.first(rest).into_iter().flat_map(|first| &self.0[usize::from(first)]) {
                    let is_word = matches!(needle, Needle::Base64(_));
                    if is_word && (start < word_end || writing != Writing::Plain) {
                        continue;
                    }
                    let Some(span) = needle.at(text, start, writing) else { continue };
                    word_end = if is_word { span.end } else { word_end };
                    match spans.last_mut().filter(|last| (last.start..=last.end).contains(&span.start)) {
                        Some(last) => last.end = last.end.max(span.end),
                        None => spans.push(span),
                    }
                }
            }
        }
        spans
    }
}

impl Needle {
    fn text(&self) -> &[u8] {
        let (Needle::Value(text) | Needle::Short(text) | Needle::Base64(text)) = self;
        text.as_bytes()
    }

    /// What to hide if the needle is at `start`.
    fn at(&self, text: &str, start: usize, writing: Writing) -> Option<Range<usize>> {
        let writing = if matches!(self, Needle::Base64(_)) { Writing::Base64 } else { writing };
        let end = start + writing.length(&text.as_bytes()[start..], self.text())?;
        match self {
            Needle::Value(_) => Some(start..end),
            Needle::Short(_) => {
                let is_whole = !text[end..].starts_with(char::is_alphanumeric);
                (is_whole && is_named(&text[..start])).then_some(start..end)
            }
            Needle::Base64(_) => {
                // The characters beside it hold some bits of the secret, too.
                let begin = text[..start].trim_end_matches(is_base64).len();
                let after = text[end..].trim_start_matches(is_base64).len();
                Some(begin..text.len() - after)
            }
        }
    }
}

impl Writing {
    /// The ways to write a value that need to be considered in `text`: most texts escape nothing.
    fn all_in(text: &str) -> Vec<Writing> {
        let url = text.contains(['%', '+']).then_some(Writing::Url);
        let json = text.contains('\\').then_some(Writing::Json);
        [Some(Writing::Plain), url, json].into_iter().flatten().collect()
    }

    /// The length of `needle`, written this way, at the beginning of `text`.
    fn length(self, text: &[u8], needle: &[u8]) -> Option<usize> {
        if self == Writing::Plain {
            return text.starts_with(needle).then_some(needle.len());
        }
        let (mut at, mut left) = (0, needle);
        while let Some(wanted) = left.first() {
            let byte = text.get(at)?;
            let (length, rest) = match self.escape(&text[at..]) {
                Some((means, length)) => (length, left.strip_prefix(means.as_slice())?),
                // Forms write a space as `+`.
                None if byte == wanted || (self == Writing::Url && (*byte, *wanted) == (b'+', b' ')) => {
                    (1, &left[1..])
                }
                None => return None,
            };
            (at, left) = (at + length, rest);
        }
        Some(at)
    }

    /// The first byte of what `text` means.
    fn first(self, text: &[u8]) -> Option<u8> {
        match self.escape(text) {
            Some((means, _)) => means.first().copied(),
            None => text.first().copied(),
        }
    }

    /// The bytes that an escape at the beginning of `text` means, and the escape's length.
    fn escape(self, text: &[u8]) -> Option<(Vec<u8>, usize)> {
        match (self, text.first()?) {
            (Writing::Url, b'%') => url::percent(text).map(|byte| (vec![byte], 3)),
            (Writing::Json, b'\\') => json(text),
            (Writing::Base64, b'-') => Some((vec![b'+'], 1)),
            (Writing::Base64, b'_') => Some((vec![b'/'], 1)),
            (Writing::Base64, b'\n' | b'\r') => Some((Vec::new(), 1)),
            _ => None,
        }
    }
}

/// The character of a JSON string's escape, and the escape's length.
fn json(text: &[u8]) -> Option<(Vec<u8>, usize)> {
    let unit = |at: usize| {
        let digits = text.get(at..at + 6)?.strip_prefix(b"\\u")?;
        u16::from_str_radix(std::str::from_utf8(digits).ok()?, 16).ok()
    };
    let character = match text.get(1)? {
        b'n' => '\n',
        b'r' => '\r',
        b't' => '\t',
        b'b' => '\u{8}',
        b'f' => '\u{c}',
        plain @ (b'"' | b'\\' | b'/') => char::from(*plain),
        b'u' => {
            let units = std::iter::successors(Some(0), |at| Some(at + 6)).map_while(unit).take(2);
            let character = char::decode_utf16(units).next()?.ok()?;
            return Some((character.to_string().into_bytes(), 6 * character.len_utf16()));
        }
        _ => return None,
    };
    Some((character.to_string().into_bytes(), 2))
}

/// The characters of the base64 of `text`, encoded after `offset` other bytes, that depend on nothing else.
fn base64(text: &str, offset: usize) -> String {
    let bytes = [&[0; 2][..offset], text.as_bytes()].concat();
    let (begin, end) = ((8 * offset).div_ceil(6), 8 * bytes.len() / 6);
    BASE64_STANDARD_NO_PAD.encode(bytes)[begin..end].to_owned()
}

fn is_base64(c: char) -> bool {
    c.is_ascii_alphanumeric() || matches!(c, '+' | '/' | '-' | '_' | '=')
}

/// Whether `text` ends with a secret's name and what separates it from its value: `NAME=`, `"NAME": "`, `--NAME `.
fn is_named(text: &str) -> bool {
    let is_filler = |c: char| matches!(c, ' ' | '"' | '\'' | '\\');
    let is_part = |c: char| c.is_alphanumeric() || matches!(c, '_' | '-' | '.');
    let before = text.trim_end_matches(is_filler);
    let named = before.strip_suffix(['=', ':']).map(|name| name.trim_end_matches(is_filler));
    let before = named.unwrap_or(before);
    let length: usize =
        before.chars().rev().take(LONGEST_NAME).take_while(|&c| is_part(c)).map(char::len_utf8).sum();
    let name = &before[before.len() - length..];
    (named.is_some() || name.starts_with('-')) && is_secret_name(name)
}

/// Whether a value is hidden wherever it is.
fn is_long(value: &str) -> bool {
    value.chars().nth(SHORTEST_FOUND_ANYWHERE - 1).is_some()
}
