//! YAML text to tokens: indentation becomes tokens of its own, and what stands before a `:` is found to be a key.

use std::borrow::Cow;
use std::collections::VecDeque;

use super::{Malformed, Mark, Style};

/// The parts of the syntax.
#[derive(Debug)]
pub(crate) enum TokenKind<'a> {
    StreamEnd,
    Version(u32, u32),
    TagDirective { handle: &'a str, prefix: String },
    DocumentStart,
    DocumentEnd,
    BlockSequenceStart,
    BlockMappingStart,
    BlockEnd,
    FlowSequenceStart,
    FlowSequenceEnd,
    FlowMappingStart,
    FlowMappingEnd,
    BlockEntry,
    FlowEntry,
    Key,
    Value,
    Alias(&'a str),
    Anchor(&'a str),
    Tag { handle: &'a str, suffix: String },
    Scalar { value: Cow<'a, str>, style: Style },
}

#[derive(Debug)]
pub(crate) struct Token<'a> {
    pub(crate) kind: TokenKind<'a>,
    pub(crate) start: Mark,
    pub(crate) end: Mark,
}

/// The start of something that is a key if a `:` follows it on the same line.
#[derive(Clone, Copy)]
struct SimpleKey {
    /// Where it can be nothing else.
    required: bool,
    token_number: usize,
    mark: Mark,
}

/// A key that has no `?` before it ends within so many bytes.
const LONGEST_SIMPLE_KEY: usize = 1024;

pub(crate) struct Scanner<'a> {
    pub(super) text: &'a str,
    pub(super) mark: Mark,
    tokens: VecDeque<Token<'a>>,
    tokens_taken: usize,
    /// The column of the innermost block collection; -1 outside of all.
    pub(super) indent: i64,
    indents: Vec<i64>,
    pub(super) simple_key_allowed: bool,
    /// The possible key of every level of `[` and `{`; the first is that of the block around them.
    simple_keys: Vec<Option<SimpleKey>>,
}

/// Letters, digits, `_` and `-`: what names are made of.
fn is_word(byte: u8) -> bool {
    matches!(byte, b'0'..=b'9' | b'A'..=b'Z' | b'a'..=b'z' | b'_' | b'-')
}

/// Whether a line break may begin with this byte.
pub(super) fn may_break(byte: u8) -> bool {
    matches!(byte, b'\n' | b'\r' | 0xC2 | 0xE2)
}

impl<'a> Scanner<'a> {
    pub(crate) fn new(text: &'a str) -> Scanner<'a> {
        Scanner {
            text,
            mark: Mark::default(),
            tokens: VecDeque::new(),
            tokens_taken: 0,
            indent: -1,
            indents: Vec::new(),
            simple_key_allowed: true,
            simple_keys: vec![None],
        }
    }

    /// The next token, which stays the next one.
    pub(crate) fn peek(&mut self) -> Result<&mut Token<'a>, Malformed> {
        while self.needs_more_tokens()? {
            self.fetch_token()?;
        }
        // There is one: that is what more were needed for.
        let mark = self.mark;
        self.tokens.front_mut().ok_or(Malformed { problem: "no token", context: "", mark, begun: mark })
    }

    /// Goes on behind the next token.
    pub(crate) fn skip_token(&mut self) {
        self.tokens.pop_front();
        self.tokens_taken += 1;
    }

    /// A token that may turn out to be a key is not handed out before that is known.
    fn needs_more_tokens(&mut self) -> Result<bool, Malformed> {
        if self.tokens.is_empty() {
            return Ok(true);
        }
        self.drop_stale_keys()?;
        Ok(self.simple_keys.iter().flatten().any(|key| key.token_number == self.tokens_taken))
    }

    pub(super) fn in_flow(&self) -> bool {
        self.simple_keys.len() > 1
    }

    pub(super) fn malformed<T>(&self, context: &'static str, problem: &'static str) -> Result<T, Malformed> {
        self.malformed_since(self.mark, context, problem)
    }

    /// What is malformed here began there.
    pub(super) fn malformed_since<T>(
        &self,
        begun: Mark,
        context: &'static str,
        problem: &'static str,
    ) -> Result<T, Malformed> {
        Err(Malformed { problem, context, mark: self.mark, begun })
    }

    /// The byte so far ahead; 0, which no text holds, behind the end.
    pub(super) fn byte(&self, ahead: usize) -> u8 {
        self.text.as_bytes().get(self.mark.at + ahead).copied().unwrap_or(0)
    }

    pub(super) fn is_end(&self) -> bool {
        self.mark.at >= self.text.len()
    }

    pub(super) fn is_blank(&self, ahead: usize) -> bool {
        matches!(self.byte(ahead), b' ' | b'\t')
    }

    /// How many bytes of line break stand so far ahead.
    pub(super) fn line_break(&self, ahead: usize) -> usize {
        match self.byte(ahead) {
            b'\n' => 1,
            b'\r' if self.byte(ahead + 1) == b'\n' => 2,
            b'\r' => 1,
            0xC2 if self.byte(ahead + 1) == 0x85 => 2,
            0xE2 if self.byte(ahead + 1) == 0x80 && matches!(self.byte(ahead + 2), 0xA8 | 0xA9) => 3,
            _ => 0,
        }
    }

    pub(super) fn is_break_or_end(&self, ahead: usize) -> bool {
        self.mark.at + ahead >= self.text.len() || self.line_break(ahead) > 0
    }

    pub(super) fn is_blank_or_end(&self, ahead: usize) -> bool {
        self.is_blank(ahead) || self.is_break_or_end(ahead)
    }

    /// Goes over one character that is no line break.
    pub(super) fn skip(&mut self) {
        self.mark.at += match self.byte(0) {
            0..0x80 => 1,
            0x80..0xE0 => 2,
            0xE0..0xF0 => 3,
            _ => 4,
        };
        self.mark.column += 1;
    }

    /// Goes on to a byte of the same line.
    pub(super) fn skip_to(&mut self, at: usize) {
        let passed = &self.text[self.mark.at..at];
        let characters = if passed.is_ascii() { passed.len() } else { passed.chars().count() };
        self.mark.column = self.mark.column.saturating_add(u32::try_from(characters).unwrap_or(u32::MAX));
        self.mark.at = at;
    }

    pub(super) fn skip_blanks(&mut self) {
        while self.is_blank(0) {
            self.skip();
        }
    }

    pub(super) fn skip_comment(&mut self) {
        if self.byte(0) == b'#' {
            self.skip_to(self.end_of_line());
        }
    }

    /// Where the line break is that follows, or the end of the text.
    pub(super) fn end_of_line(&self) -> usize {
        let mut ahead = self.run(0, may_break);
        while !self.is_break_or_end(ahead) {
            ahead = self.run(ahead + 1, may_break);
        }
        self.mark.at + ahead
    }

    /// How far ahead the first byte is, from one on, that `stops`; or the end of the text.
    pub(super) fn run(&self, from: usize, stops: impl Fn(u8) -> bool) -> usize {
        let rest = self.text.as_bytes().get(self.mark.at + from..).unwrap_or_default();
        from + rest.iter().position(|byte| stops(*byte)).unwrap_or(rest.len())
    }

    /// Goes over a line break, if there is one, and answers what it means in a scalar.
    pub(super) fn skip_line_break(&mut self) -> &'a str {
        let length = self.line_break(0);
        let at = self.mark.at;
        if length == 0 {
            return "";
        }
        self.mark = Mark { at: at + length, line: self.mark.line.saturating_add(1), column: 0 };
        // The separators of Unicode stay what they are.
        if length == 3 { &self.text[at..at + 3] } else { "\n" }
    }

    /// `---` or `...` at the beginning of a line.
    pub(super) fn is_document_indicator(&self) -> bool {
        self.mark.column == 0
            && (self.text[self.mark.at..].starts_with("---") || self.text[self.mark.at..].starts_with("..."))
            && self.is_blank_or_end(3)
    }

    fn push(&mut self, kind: TokenKind<'a>, start: Mark) {
        self.tokens.push_back(Token { kind, start, end: self.mark });
    }

    fn fetch_token(&mut self) -> Result<(), Malformed> {
        self.skip_to_token();
        self.drop_stale_keys()?;
        self.unroll_indent(self.mark.column.into());
        if self.is_end() {
            return self.fetch_stream_end();
        }
        if self.mark.column == 0 && self.byte(0) == b'%' {
            return self.fetch_directive();
        }
        if self.is_document_indicator() {
            return self.fetch_document_indicator();
        }
        let in_flow = self.in_flow();
        match self.byte(0) {
            b'[' => self.fetch_flow_start(TokenKind::FlowSequenceStart),
            b'{' => self.fetch_flow_start(TokenKind::FlowMappingStart),
            b']' => self.fetch_flow_end(TokenKind::FlowSequenceEnd),
            b'}' => self.fetch_flow_end(TokenKind::FlowMappingEnd),
            b',' => self.fetch_flow_entry(),
            b'-' if self.is_blank_or_end(1) => self.fetch_block_entry(),
            b'?' if in_flow || self.is_blank_or_end(1) => self.fetch_key(),
            b':' if in_flow || self.is_blank_or_end(1) => self.fetch_value(),
            b'*' => self.fetch_named("while scanning an alias", TokenKind::Alias),
            b'&' => self.fetch_named("while scanning an anchor", TokenKind::Anchor),
            b'!' => self.fetch_tag(),
            b'|' | b'>' if !in_flow => self.fetch_block_scalar(),
            b'\'' | b'"' => self.fetch_scalar(Scanner::scan_quoted),
            b'-' | b'?' | b':' => self.fetch_scalar(Scanner::scan_plain),
            b'#' | b'|' | b'>' | b'%' | b'@' | b'`' | b'\t' => self.malformed(
                "while scanning for the next token",
                "found character that cannot start any token",
            ),
            _ => self.fetch_scalar(Scanner::scan_plain),
        }
    }

    /// Goes over blanks, comments and line breaks.
    fn skip_to_token(&mut self) {
        loop {
            if self.mark.column == 0 && self.text[self.mark.at..].starts_with('\u{feff}') {
                self.skip();
            }
            while self.byte(0) == b' '
                || (self.in_flow() || !self.simple_key_allowed) && self.byte(0) == b'\t'
            {
                self.skip();
            }
            self.skip_comment();
            if self.skip_line_break().is_empty() {
                return;
            }
            if !self.in_flow() {
                self.simple_key_allowed = true;
            }
        }
    }

    fn drop_stale_keys(&mut self) -> Result<(), Malformed> {
        let mark = self.mark;
        for possible in &mut self.simple_keys {
            if let Some(key) = possible
                && (key.mark.line < mark.line || key.mark.at + LONGEST_SIMPLE_KEY < mark.at)
            {
                if key.required {
                    let begun = key.mark;
                    return self.no_colon(begun);
                }
                *possible = None;
            }
        }
        Ok(())
    }

    fn no_colon<T>(&self, begun: Mark) -> Result<T, Malformed> {
        self.malformed_since(begun, "while scanning a simple key", "could not find expected ':'")
    }

    /// What begins here may be a key.
    fn save_simple_key(&mut self) -> Result<(), Malformed> {
        if self.simple_key_allowed {
            let required = !self.in_flow() && self.indent == i64::from(self.mark.column);
            let token_number = self.tokens_taken + self.tokens.len();
            let key = SimpleKey { required, token_number, mark: self.mark };
            self.take_simple_key()?;
            if let Some(slot) = self.simple_keys.last_mut() {
                *slot = Some(key);
            }
        }
        Ok(())
    }

    /// What may have been a key on this level is none.
    fn take_simple_key(&mut self) -> Result<(), Malformed> {
        match self.simple_keys.last_mut().and_then(Option::take) {
            Some(key) if key.required => self.no_colon(key.mark),
            _ => Ok(()),
        }
    }

    /// Begins a block collection if it stands further right; its token goes before that with the number, or to the
    /// end.
    fn roll_indent(&mut self, mark: Mark, number: Option<usize>, kind: TokenKind<'a>) {
        let column = i64::from(mark.column);
        if self.in_flow() || self.indent >= column {
            return;
        }
        self.indents.push(self.indent);
        self.indent = column;
        let at = number.map_or(self.tokens.len(), |number| number - self.tokens_taken);
        self.tokens.insert(at, Token { kind, start: mark, end: mark });
    }

    /// Ends the block collections that stand further right.
    fn unroll_indent(&mut self, column: i64) {
        while !self.in_flow() && self.indent > column {
            self.push(TokenKind::BlockEnd, self.mark);
            self.indent = self.indents.pop().unwrap_or(-1);
        }
    }

    fn fetch_stream_end(&mut self) -> Result<(), Malformed> {
        if self.mark.column != 0 {
            self.mark.column = 0;
            self.mark.line = self.mark.line.saturating_add(1);
        }
        self.unroll_indent(-1);
        self.take_simple_key()?;
        self.simple_key_allowed = false;
        self.push(TokenKind::StreamEnd, self.mark);
        Ok(())
    }

    fn fetch_document_indicator(&mut self) -> Result<(), Malformed> {
        self.unroll_indent(-1);
        self.take_simple_key()?;
        self.simple_key_allowed = false;
        let start = self.mark;
        let kind = if self.byte(0) == b'-' { TokenKind::DocumentStart } else { TokenKind::DocumentEnd };
        self.skip_to(start.at + 3);
        self.push(kind, start);
        Ok(())
    }

    fn fetch_flow_start(&mut self, kind: TokenKind<'a>) -> Result<(), Malformed> {
        self.save_simple_key()?;
        self.simple_keys.push(None);
        self.simple_key_allowed = true;
        self.push_indicator(kind);
        Ok(())
    }

    fn fetch_flow_end(&mut self, kind: TokenKind<'a>) -> Result<(), Malformed> {
        self.take_simple_key()?;
        if self.in_flow() {
            self.simple_keys.pop();
        }
        self.simple_key_allowed = false;
        self.push_indicator(kind);
        Ok(())
    }

    fn fetch_flow_entry(&mut self) -> Result<(), Malformed> {
        self.take_simple_key()?;
        self.simple_key_allowed = true;
        self.push_indicator(TokenKind::FlowEntry);
        Ok(())
    }

    fn push_indicator(&mut self, kind: TokenKind<'a>) {
        let start = self.mark;
        self.skip();
        self.push(kind, start);
    }

    fn fetch_block_entry(&mut self) -> Result<(), Malformed> {
        self.begin_block(
            TokenKind::BlockSequenceStart,
            "block sequence entries are not allowed in this context",
        )?;
        self.take_simple_key()?;
        self.simple_key_allowed = true;
        self.push_indicator(TokenKind::BlockEntry);
        Ok(())
    }

    fn fetch_key(&mut self) -> Result<(), Malformed> {
        self.begin_block(TokenKind::BlockMappingStart, "mapping keys are not allowed in this context")?;
        self.take_simple_key()?;
        self.simple_key_allowed = !self.in_flow();
        self.push_indicator(TokenKind::Key);
        Ok(())
    }

    fn fetch_value(&mut self) -> Result<(), Malformed> {
        match self.simple_keys.last_mut().and_then(Option::take) {
            Some(SimpleKey { token_number, mark, .. }) => {
                let token = Token { kind: TokenKind::Key, start: mark, end: mark };
                self.tokens.insert(token_number - self.tokens_taken, token);
                self.roll_indent(mark, Some(token_number), TokenKind::BlockMappingStart);
                self.simple_key_allowed = false;
            }
            None => {
                self.begin_block(
                    TokenKind::BlockMappingStart,
                    "mapping values are not allowed in this context",
                )?;
                self.simple_key_allowed = !self.in_flow();
            }
        }
        self.push_indicator(TokenKind::Value);
        Ok(())
    }

    /// Outside of `[` and `{` an indicator may begin a block collection, where one can begin.
    fn begin_block(&mut self, kind: TokenKind<'a>, problem: &'static str) -> Result<(), Malformed> {
        if !self.in_flow() {
            if !self.simple_key_allowed {
                return self.malformed("", problem);
            }
            self.roll_indent(self.mark, None, kind);
        }
        Ok(())
    }

    fn fetch_scalar(
        &mut self,
        scan: fn(&mut Scanner<'a>) -> Result<Token<'a>, Malformed>,
    ) -> Result<(), Malformed> {
        self.save_simple_key()?;
        self.simple_key_allowed = false;
        let token = scan(self)?;
        self.tokens.push_back(token);
        Ok(())
    }

    fn fetch_block_scalar(&mut self) -> Result<(), Malformed> {
        self.take_simple_key()?;
        self.simple_key_allowed = true;
        let token = self.scan_block()?;
        self.tokens.push_back(token);
        Ok(())
    }

    /// `*name` or `&name`.
    fn fetch_named(
        &mut self,
        context: &'static str,
        kind: fn(&'a str) -> TokenKind<'a>,
    ) -> Result<(), Malformed> {
        self.save_simple_key()?;
        self.simple_key_allowed = false;
        let start = self.mark;
        self.skip();
        let name = self.word();
        let ends = matches!(self.byte(0), b'?' | b':' | b',' | b']' | b'}' | b'%' | b'@' | b'`');
        if name.is_empty() || !(ends || self.is_blank_or_end(0)) {
            return self.malformed(context, "did not find expected alphabetic or numeric character");
        }
        self.push(kind(name), start);
        Ok(())
    }

    /// Goes over a name.
    fn word(&mut self) -> &'a str {
        let start = self.mark.at;
        self.skip_to(start + self.run(0, |byte| !is_word(byte)));
        &self.text[start..self.mark.at]
    }

    /// `!suffix`, `!!suffix`, `!handle!suffix` or `!<tag>`.
    fn fetch_tag(&mut self) -> Result<(), Malformed> {
        const CONTEXT: &str = "while scanning a tag";
        self.save_simple_key()?;
        self.simple_key_allowed = false;
        let start = self.mark;
        let kind = if self.byte(1) == b'<' {
            self.skip_to(start.at + 2);
            let suffix = self.tag_uri(CONTEXT)?;
            if suffix.is_empty() {
                return self.malformed(CONTEXT, "did not find expected tag URI");
            }
            if self.byte(0) != b'>' {
                return self.malformed(CONTEXT, "did not find the expected '>'");
            }
            self.skip();
            TokenKind::Tag { handle: "", suffix }
        } else {
            self.short_tag(CONTEXT)?
        };
        if !self.is_blank_or_end(0) {
            return self.malformed(CONTEXT, "did not find expected whitespace or line break");
        }
        self.push(kind, start);
        Ok(())
    }

    fn short_tag(&mut self, context: &'static str) -> Result<TokenKind<'a>, Malformed> {
        let handle = self.tag_handle();
        let uri = self.tag_uri(context)?;
        if handle.len() > 1 && handle.ends_with('!') {
            if uri.is_empty() {
                return self.malformed(context, "did not find expected tag URI");
            }
            return Ok(TokenKind::Tag { handle, suffix: uri });
        }
        // It was no handle but the beginning of the tag itself. A `!` alone is a tag, too.
        let suffix = format!("{}{uri}", &handle[1..]);
        Ok(if suffix.is_empty() {
            TokenKind::Tag { handle: "", suffix: "!".to_owned() }
        } else {
            TokenKind::Tag { handle: "!", suffix }
        })
    }

    /// `!`, `!!` or `!name!`; or the beginning of a tag, `!name`.
    fn tag_handle(&mut self) -> &'a str {
        let start = self.mark.at;
        self.skip();
        self.word();
        if self.byte(0) == b'!' {
            self.skip();
        }
        &self.text[start..self.mark.at]
    }

    /// The characters of a URI: a comma or a bracket after a tag is part of it.
    fn tag_uri(&mut self, context: &'static str) -> Result<String, Malformed> {
        let mut uri = Vec::new();
        loop {
            match self.byte(0) {
                b'%' => uri.push(self.escaped_byte(context)?),
                byte @ (b';' | b'/' | b'?' | b':' | b'@' | b'&' | b'=' | b'+' | b'$' | b'.' | b'!' | b'~'
                | b'*' | b'\'' | b'(' | b')' | b',' | b'[' | b']') => {
                    uri.push(byte);
                    self.skip();
                }
                byte if is_word(byte) => {
                    uri.push(byte);
                    self.skip();
                }
                _ => break,
            }
        }
        match String::from_utf8(uri) {
            Ok(uri) => Ok(uri),
            Err(_) => self.malformed(context, "found an incorrect UTF-8 octet"),
        }
    }

    /// `%2F`
    fn escaped_byte(&mut self, context: &'static str) -> Result<u8, Malformed> {
        let digits = self.text.get(self.mark.at + 1..self.mark.at + 3).unwrap_or_default();
        match u8::from_str_radix(digits, 16) {
            Ok(byte) if digits.bytes().all(|digit| digit.is_ascii_hexdigit()) && digits.len() == 2 => {
                self.skip_to(self.mark.at + 3);
                Ok(byte)
            }
            _ => self.malformed(context, "did not find URI escaped octet"),
        }
    }

    /// `%YAML 1.1` or `%TAG ! prefix`.
    fn fetch_directive(&mut self) -> Result<(), Malformed> {
        const CONTEXT: &str = "while scanning a directive";
        self.unroll_indent(-1);
        self.take_simple_key()?;
        self.simple_key_allowed = false;
        let start = self.mark;
        self.skip();
        let name = self.word();
        if name.is_empty() {
            return self.malformed(CONTEXT, "could not find expected directive name");
        }
        if !self.is_blank_or_end(0) {
            return self.malformed(CONTEXT, "found unexpected non-alphabetical character");
        }
        let kind = match name {
            "YAML" => self.version_directive()?,
            "TAG" => self.tag_directive()?,
            _ => return self.malformed(CONTEXT, "found unknown directive name"),
        };
        let end = self.mark;
        self.end_line(CONTEXT)?;
        self.tokens.push_back(Token { kind, start, end });
        Ok(())
    }

    /// Goes on to the next line; there may only be a comment before it.
    pub(super) fn end_line(&mut self, context: &'static str) -> Result<(), Malformed> {
        self.skip_blanks();
        self.skip_comment();
        if !self.is_break_or_end(0) {
            return self.malformed(context, "did not find expected comment or line break");
        }
        self.skip_line_break();
        Ok(())
    }

    fn version_directive(&mut self) -> Result<TokenKind<'a>, Malformed> {
        const CONTEXT: &str = "while scanning a %YAML directive";
        self.skip_blanks();
        let major = self.version_number(CONTEXT)?;
        if self.byte(0) != b'.' {
            return self.malformed(CONTEXT, "did not find expected digit or '.' character");
        }
        self.skip();
        Ok(TokenKind::Version(major, self.version_number(CONTEXT)?))
    }

    fn version_number(&mut self, context: &'static str) -> Result<u32, Malformed> {
        let start = self.mark.at;
        self.skip_to(start + self.run(0, |byte| !byte.is_ascii_digit()));
        match &self.text[start..self.mark.at] {
            "" => self.malformed(context, "did not find expected version number"),
            digits if digits.len() > 9 => self.malformed(context, "found extremely long version number"),
            digits => Ok(digits.parse().unwrap_or(0)),
        }
    }

    fn tag_directive(&mut self) -> Result<TokenKind<'a>, Malformed> {
        const CONTEXT: &str = "while scanning a %TAG directive";
        self.skip_blanks();
        if self.byte(0) != b'!' {
            return self.malformed(CONTEXT, "did not find expected '!'");
        }
        let handle = self.tag_handle();
        if handle != "!" && !handle.ends_with('!') {
            return self.malformed(CONTEXT, "did not find expected '!'");
        }
        if !self.is_blank(0) {
            return self.malformed(CONTEXT, "did not find expected whitespace");
        }
        self.skip_blanks();
        let prefix = self.tag_uri(CONTEXT)?;
        if prefix.is_empty() {
            return self.malformed(CONTEXT, "did not find expected tag URI");
        }
        if !self.is_blank_or_end(0) {
            return self.malformed(CONTEXT, "did not find expected whitespace or line break");
        }
        Ok(TokenKind::TagDirective { handle, prefix })
    }
}
