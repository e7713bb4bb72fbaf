//! A comma right after a tag, as in `[!tag, value]`: to Go's library it is a part of the tag, and our parser panics.

use std::borrow::Cow;

/// The text with a blank in the place of every such comma, which is what Go's library makes of it.
pub(crate) fn without_commas(text: &str) -> Cow<'_, str> {
    let mut words = text.split(|c: char| c.is_whitespace());
    if !words.any(|word| word.find('!').is_some_and(|at| word[at..].contains(','))) {
        return Cow::Borrowed(text);
    }
    let mut scan = Scan::default();
    let mut commas = Vec::new();
    let mut start = 0;
    for line in text.split_inclusive('\n') {
        scan.line(line, |at| commas.push(start + at));
        start += line.len();
    }
    let mut bytes = text.to_owned();
    for at in commas {
        bytes.replace_range(at..=at, " ");
    }
    Cow::Owned(bytes)
}

/// Just enough of YAML's syntax to tell a tag in a flow collection from the same characters anywhere else.
#[derive(Default)]
struct Scan {
    /// How many brackets are open.
    depth: usize,
    quote: Option<char>,
    /// The indentation of the line that opened a block scalar.
    block: Option<usize>,
}

impl Scan {
    fn line(&mut self, line: &str, mut found: impl FnMut(usize)) {
        let indentation = line.len() - line.trim_start_matches(' ').len();
        if let Some(outer) = self.block {
            if line.trim().is_empty() || indentation > outer {
                return;
            }
            self.block = None;
        }
        // The last character before the blanks; the end of the line before is one.
        let mut before = '\n';
        let mut after_blank = true;
        let mut escaped = false;
        let mut skip_to = 0;
        for (at, c) in line.char_indices() {
            if at < skip_to {
                continue;
            }
            if let Some(quote) = self.quote {
                if c == quote && !escaped {
                    self.quote = None;
                }
                escaped = c == '\\' && quote == '"' && !escaped;
                (before, after_blank) = (c, false);
                continue;
            }
            let begins = match before {
                '\n' | '[' | '{' => true,
                ',' => self.depth > 0,
                ':' | '-' | '?' => after_blank,
                _ => false,
            };
            match c {
                ' ' | '\t' | '\r' | '\n' => {
                    after_blank = true;
                    continue;
                }
                '#' if after_blank => return,
                '"' | '\'' if begins => self.quote = Some(c),
                '[' | '{' if begins => self.depth += 1,
                ']' | '}' => self.depth = self.depth.saturating_sub(1),
                '|' | '>' if begins && self.depth == 0 => {
                    self.block = Some(indentation);
                    return;
                }
                '!' | '&' | '*' if begins => {
                    let word = line[at..].split(char::is_whitespace).next().unwrap_or_default();
                    let comma = word.find(',').filter(|_| c == '!' && self.depth > 0);
                    comma.into_iter().for_each(|comma| found(at + comma));
                    // Properties of a value: what follows them begins it.
                    skip_to = at
                        + comma.map_or(word.find([',', ']', '}']).unwrap_or(word.len()), |comma| comma + 1);
                    continue;
                }
                _ => {}
            }
            (before, after_blank) = (c, false);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::without_commas;

    #[test]
    fn only_the_comma_after_a_tag_goes() {
        for (text, expected) in [
            ("a: [!x, b]\n", "a: [!x  b]\n"),
            ("a: &n {k: !x, l: 1}\n", "a: &n {k: !x  l: 1}\n"),
            ("a: [b,\n  !x, c]\n", "a: [b,\n  !x  c]\n"),
        ] {
            assert_eq!(without_commas(text), expected);
        }
    }

    #[test]
    fn the_same_characters_elsewhere_stay() {
        for text in [
            "a: \"[!x, b]\"\n",
            "a: ['!x, b', c]\n",
            "a: hello !x, b\n",
            "a: |\n  [!x, b]\n",
            "- a: >-\n    ls [!x, b]\n  b: c\n",
            "a: b # [!x, b]\n",
            "a: [b!x, c]\n",
        ] {
            assert_eq!(without_commas(text), text);
        }
    }
}
