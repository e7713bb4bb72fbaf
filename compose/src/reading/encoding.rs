//! The encodings of text files: UTF-8, and UTF-16 where YAML's readers take it (YAML 1.1, "Character Encoding").

/// The text without its byte order mark, or what is wrong with it. Only UTF-8 is read.
pub(super) fn utf8(bytes: Vec<u8>) -> Result<String, String> {
    if utf16(&bytes).is_some() {
        return Err("it is UTF-16, not UTF-8".to_owned());
    }
    let text = String::from_utf8(bytes).map_err(|error| {
        let at = error.utf8_error().valid_up_to();
        format!("it is not valid UTF-8 (byte {at})")
    })?;
    Ok(text.strip_prefix('\u{feff}').map(str::to_owned).unwrap_or(text))
}

/// The same for a file that may be UTF-16, too.
pub(super) fn utf8_or_utf16(bytes: Vec<u8>) -> Result<String, String> {
    match utf16(&bytes) {
        Some(units) => String::from_utf16(&units)
            .map_err(|_| "it begins as UTF-16 does, but is not valid UTF-16".to_owned()),
        None => utf8(bytes),
    }
}

/// The units of a UTF-16 text after its byte order mark; `None` if the text has no such mark.
fn utf16(bytes: &[u8]) -> Option<Vec<u16>> {
    let (mark, rest) = bytes.split_first_chunk()?;
    let unit = match mark {
        [0xff, 0xfe] => u16::from_le_bytes,
        [0xfe, 0xff] => u16::from_be_bytes,
        _ => return None,
    };
    // UTF-32 begins with the mark of UTF-16. It becomes NUL characters, which are refused.
    let (pairs, odd) = rest.as_chunks();
    let units = pairs.iter().map(|pair| unit(*pair));
    // Half a surrogate pair, so that an odd byte at the end is not valid.
    Some(units.chain((!odd.is_empty()).then_some(0xd800)).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_orders_of_utf_16_are_read() {
        for bytes in [&b"\xff\xfea\0\xac\x20"[..], b"\xfe\xff\0a\x20\xac"] {
            assert_eq!(utf8_or_utf16(bytes.to_vec()).as_deref(), Ok("a\u{20ac}"));
            assert_eq!(utf8(bytes.to_vec()), Err("it is UTF-16, not UTF-8".to_owned()));
        }
        assert!(utf8_or_utf16(b"\xff\xfea".to_vec()).is_err());
        assert_eq!(utf8_or_utf16(b"\xef\xbb\xbfa".to_vec()).as_deref(), Ok("a"));
    }
}
