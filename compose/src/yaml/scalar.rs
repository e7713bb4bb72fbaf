//! The texts of a document, in their three ways of being written.

use std::borrow::Cow;

use super::scanner::{Scanner, Token, TokenKind, may_break};
use super::{Malformed, Mark, Style};

impl<'a> Scanner<'a> {
    /// `text`, over as many lines as are indented enough.
    pub(super) fn scan_plain(&mut self) -> Result<Token<'a>, Malformed> {
        let start = self.mark;
        let mut end = start;
        let mut lines = Lines::default();
        let mut leads_line = false;
        loop {
            if self.is_document_indicator() || self.byte(0) == b'#' {
                break;
            }
            let piece = self.mark.at;
            self.skip_plain_piece();
            if self.mark.at > piece {
                lines.add(self.text, end.at, piece, self.mark.at);
                leads_line = false;
                end = self.mark;
            }
            if self.is_end() || !self.is_blank_or_end(0) {
                break;
            }
            leads_line |= self.skip_plain_space(&mut lines, leads_line)?;
            if !self.in_flow() && i64::from(self.mark.column) < self.indent + 1 {
                break;
            }
        }
        if leads_line {
            self.simple_key_allowed = true;
        }
        let value = lines.finish(&self.text[start.at..end.at]);
        Ok(Token { kind: TokenKind::Scalar { value, style: Style::Plain }, start, end })
    }

    /// Goes over what is neither blank nor ends a plain scalar.
    fn skip_plain_piece(&mut self) {
        let in_flow = self.in_flow();
        let ends_in_flow = |byte| matches!(byte, b',' | b'?' | b'[' | b']' | b'{' | b'}');
        let may_end =
            |byte| may_break(byte) || matches!(byte, b' ' | b'\t' | b':') || (in_flow && ends_in_flow(byte));
        let mut ahead = self.run(0, may_end);
        while !self.is_blank_or_end(ahead) {
            match self.byte(ahead) {
                b':' if self.is_blank_or_end(ahead + 1) => break,
                byte if in_flow && ends_in_flow(byte) => break,
                _ => ahead = self.run(ahead + 1, may_end),
            }
        }
        self.skip_to(self.mark.at + ahead);
    }

    /// Goes over blanks and line breaks; answers whether there were line breaks.
    fn skip_plain_space(&mut self, lines: &mut Lines<'a>, mut leads_line: bool) -> Result<bool, Malformed> {
        loop {
            if self.is_blank(0) {
                if leads_line && self.byte(0) == b'\t' && i64::from(self.mark.column) < self.indent + 1 {
                    return self.malformed(
                        "while scanning a plain scalar",
                        "found a tab character that violates indentation",
                    );
                }
                self.skip();
            } else if self.line_break(0) > 0 {
                lines.end_line(self.skip_line_break());
                leads_line = true;
            } else {
                return Ok(leads_line);
            }
        }
    }

    /// `'text'` or `"text"`.
    pub(super) fn scan_quoted(&mut self) -> Result<Token<'a>, Malformed> {
        let start = self.mark;
        let quote = self.byte(0);
        self.skip();
        let value = match self.short_quoted(quote) {
            Some(value) => Cow::Borrowed(value),
            None => Cow::Owned(self.long_quoted(start, quote)?),
        };
        self.skip();
        Ok(Token { kind: TokenKind::Scalar { value, style: Style::Quoted }, start, end: self.mark })
    }

    /// The text up to the closing quote, if it is all in one line and holds nothing special.
    fn short_quoted(&mut self, quote: u8) -> Option<&'a str> {
        let start = self.mark.at;
        let may_end = |byte| byte == quote || byte == b'\\' || may_break(byte);
        let mut ahead = self.run(0, may_end);
        while !self.is_break_or_end(ahead) {
            match self.byte(ahead) {
                b'\\' if quote == b'"' => return None,
                b'\'' if quote == b'\'' && self.byte(ahead + 1) == b'\'' => return None,
                byte if byte == quote => {
                    self.skip_to(start + ahead);
                    return Some(&self.text[start..start + ahead]);
                }
                _ => ahead = self.run(ahead + 1, may_end),
            }
        }
        None
    }

    fn long_quoted(&mut self, start: Mark, quote: u8) -> Result<String, Malformed> {
        const CONTEXT: &str = "while scanning a quoted scalar";
        let mut text = String::new();
        loop {
            if self.is_document_indicator() {
                return self.malformed_since(start, CONTEXT, "found unexpected document indicator");
            }
            if self.is_end() {
                return self.malformed_since(start, CONTEXT, "found unexpected end of stream");
            }
            let mut leads_line = false;
            while !self.is_blank_or_end(0) {
                match self.byte(0) {
                    b'\'' if quote == b'\'' && self.byte(1) == b'\'' => {
                        text.push('\'');
                        self.skip_to(self.mark.at + 2);
                    }
                    byte if byte == quote => break,
                    b'\\' if quote == b'"' && self.line_break(1) > 0 => {
                        self.skip();
                        self.skip_line_break();
                        leads_line = true;
                        break;
                    }
                    b'\\' if quote == b'"' => text.push(self.escape()?),
                    _ => {
                        let start = self.mark.at;
                        self.skip();
                        text.push_str(&self.text[start..self.mark.at]);
                    }
                }
            }
            if self.byte(0) == quote {
                return Ok(text);
            }
            self.quoted_space(&mut text, leads_line);
        }
    }

    /// Folds what stands between the words of a quoted scalar. After an escaped line break (`leads_line`), blanks
    /// are left out.
    fn quoted_space(&mut self, text: &mut String, mut leads_line: bool) {
        let start = self.mark.at;
        let mut first = "";
        let mut breaks = String::new();
        let mut blanks = 0;
        loop {
            if self.is_blank(0) {
                self.skip();
                blanks += usize::from(!leads_line);
            } else if self.line_break(0) > 0 {
                let line_break = self.skip_line_break();
                if leads_line {
                    breaks.push_str(line_break);
                } else {
                    first = line_break;
                    leads_line = true;
                }
            } else {
                break;
            }
        }
        if leads_line {
            fold(text, first, &breaks);
        } else {
            text.push_str(&self.text[start..start + blanks]);
        }
    }

    /// `\n`, `\x41` and the like.
    fn escape(&mut self) -> Result<char, Malformed> {
        const CONTEXT: &str = "while parsing a quoted scalar";
        let digits = match self.byte(1) {
            b'x' => 2,
            b'u' => 4,
            b'U' => 8,
            letter => {
                let Some(character) = escaped(letter) else {
                    return self.malformed(CONTEXT, "found unknown escape character");
                };
                self.skip_to(self.mark.at + 2);
                return Ok(character);
            }
        };
        self.skip_to(self.mark.at + 2);
        let code = self.text.get(self.mark.at..self.mark.at + digits).unwrap_or_default();
        if code.len() != digits || !code.bytes().all(|digit| digit.is_ascii_hexdigit()) {
            return self.malformed(CONTEXT, "did not find expected hexdecimal number");
        }
        let Some(character) = u32::from_str_radix(code, 16).ok().and_then(char::from_u32) else {
            return self.malformed(CONTEXT, "found invalid Unicode character escape code");
        };
        self.skip_to(self.mark.at + digits);
        Ok(character)
    }

    /// `|` or `>`, and the indented lines that follow.
    pub(super) fn scan_block(&mut self) -> Result<Token<'a>, Malformed> {
        const CONTEXT: &str = "while scanning a block scalar";
        let start = self.mark;
        let literal = self.byte(0) == b'|';
        self.skip();
        let (chomping, increment) = self.block_header(CONTEXT)?;
        self.end_line(CONTEXT)?;
        let mut indent = increment.map_or(0, |increment| self.indent.max(0) + increment);
        let mut text = String::new();
        let mut last = "";
        let mut breaks = String::new();
        let mut last_is_blank = false;
        self.block_breaks(&mut indent, &mut breaks)?;
        while i64::from(self.mark.column) == indent && !self.is_end() {
            let is_blank = self.is_blank(0);
            if !literal && last.starts_with('\n') && !last_is_blank && !is_blank {
                if breaks.is_empty() {
                    text.push(' ');
                }
            } else {
                text.push_str(last);
            }
            text.push_str(&breaks);
            breaks.clear();
            last_is_blank = is_blank;
            let line = self.mark.at;
            self.skip_to(self.end_of_line());
            text.push_str(&self.text[line..self.mark.at]);
            last = self.skip_line_break();
            self.block_breaks(&mut indent, &mut breaks)?;
        }
        if chomping != Chomping::Strip {
            text.push_str(last);
        }
        if chomping == Chomping::Keep {
            text.push_str(&breaks);
        }
        let kind = TokenKind::Scalar { value: Cow::Owned(text), style: Style::Block };
        Ok(Token { kind, start, end: self.mark })
    }

    /// `+` or `-`, and how many columns the text is indented, in any order.
    fn block_header(&mut self, context: &'static str) -> Result<(Chomping, Option<i64>), Malformed> {
        let mut chomping = self.chomping();
        let mut increment = None;
        if self.byte(0).is_ascii_digit() {
            if self.byte(0) == b'0' {
                return self.malformed(context, "found an indentation indicator equal to 0");
            }
            increment = Some(i64::from(self.byte(0) - b'0'));
            self.skip();
            if chomping == Chomping::Clip {
                chomping = self.chomping();
            }
        }
        Ok((chomping, increment))
    }

    fn chomping(&mut self) -> Chomping {
        let chomping = match self.byte(0) {
            b'+' => Chomping::Keep,
            b'-' => Chomping::Strip,
            _ => return Chomping::Clip,
        };
        self.skip();
        chomping
    }

    /// Goes over empty lines and indentation; finds the indentation out (0 before that) if it is not given.
    fn block_breaks(&mut self, indent: &mut i64, breaks: &mut String) -> Result<(), Malformed> {
        let mut deepest = 0;
        loop {
            let is_before = |column: u32| *indent == 0 || i64::from(column) < *indent;
            while is_before(self.mark.column) && self.byte(0) == b' ' {
                self.skip();
            }
            deepest = deepest.max(i64::from(self.mark.column));
            if is_before(self.mark.column) && self.byte(0) == b'\t' {
                return self.malformed(
                    "while scanning a block scalar",
                    "found a tab character where an indentation space is expected",
                );
            }
            if self.line_break(0) == 0 {
                break;
            }
            breaks.push_str(self.skip_line_break());
        }
        if *indent == 0 {
            *indent = deepest.max(self.indent + 1).max(1);
        }
        Ok(())
    }
}

/// What becomes of the line breaks at the end of a block scalar.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Chomping {
    Keep,
    Clip,
    Strip,
}

/// A single line break is a blank, and of several the first goes. Unicode's separators stay.
fn fold(text: &mut String, first: &str, breaks: &str) {
    if !first.starts_with('\n') {
        text.push_str(first);
    } else if breaks.is_empty() {
        text.push(' ');
    }
    text.push_str(breaks);
}

/// The lines of a plain scalar: lent by the document as long as there is one.
#[derive(Default)]
struct Lines<'a> {
    folded: Option<String>,
    first: Option<&'a str>,
    breaks: String,
    begun: Option<usize>,
}

impl<'a> Lines<'a> {
    /// A piece of the text, from one byte to another; the piece before it ended at `before`.
    fn add(&mut self, text: &'a str, before: usize, from: usize, to: usize) {
        let begun = *self.begun.get_or_insert(from);
        match self.first.take() {
            Some(first) => {
                let folded = self.folded.get_or_insert_with(|| text[begun..before].to_owned());
                fold(folded, first, &self.breaks);
                self.breaks.clear();
                folded.push_str(&text[from..to]);
            }
            None => {
                if let Some(folded) = &mut self.folded {
                    folded.push_str(&text[before..to]);
                }
            }
        }
    }

    fn end_line(&mut self, line_break: &'a str) {
        match self.first {
            None => self.first = Some(line_break),
            Some(_) => self.breaks.push_str(line_break),
        }
    }

    fn finish(self, line: &'a str) -> Cow<'a, str> {
        self.folded.map_or(Cow::Borrowed(line), Cow::Owned)
    }
}

fn escaped(letter: u8) -> Option<char> {
    Some(match letter {
        b'0' => '\0',
        b'a' => '\u{7}',
        b'b' => '\u{8}',
        b't' | b'\t' => '\t',
        b'n' => '\n',
        b'v' => '\u{b}',
        b'f' => '\u{c}',
        b'r' => '\r',
        b'e' => '\u{1b}',
        b' ' => ' ',
        b'"' => '"',
        b'\'' => '\'',
        b'\\' => '\\',
        b'N' => '\u{85}',
        b'_' => '\u{a0}',
        b'L' => '\u{2028}',
        b'P' => '\u{2029}',
        _ => return None,
    })
}
