//! YAML tokens to events: a state for every place in the grammar where an event can end.

use std::borrow::Cow;

use super::scanner::{Scanner, Token, TokenKind};
use super::{Event, EventKind, Malformed, Mark, Properties, Style};

#[derive(Clone, Copy, Debug)]
enum State {
    StreamStart,
    DocumentStart,
    DocumentContent,
    DocumentEnd,
    BlockNode,
    BlockSequenceEntry,
    IndentlessSequenceEntry,
    BlockMappingKey,
    BlockMappingValue,
    FlowSequenceFirstEntry,
    FlowSequenceEntry,
    FlowSequencePairKey,
    FlowSequencePairValue,
    FlowSequencePairEnd,
    FlowMappingFirstKey,
    FlowMappingKey,
    FlowMappingValue,
    FlowMappingEmptyValue,
    End,
}

/// Where a node stands, which says what it can be.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Place {
    Block,
    /// The value of a mapping, whose list need not be indented.
    BlockValue,
    Flow,
}

/// Gives the events of a text one by one.
pub(crate) struct Parser<'a> {
    scanner: Scanner<'a>,
    state: State,
    /// Where to go on after the node that is being read.
    states: Vec<State>,
    /// Where the collections begin that are being read.
    begun: Vec<Mark>,
    /// What `%TAG` says of this document.
    tags: Vec<(&'a str, String)>,
}

impl<'a> Parser<'a> {
    pub(crate) fn new(text: &'a str) -> Parser<'a> {
        Parser {
            scanner: Scanner::new(text),
            state: State::StreamStart,
            states: Vec::new(),
            begun: Vec::new(),
            tags: Vec::new(),
        }
    }

    /// The next event; after the last, that one again.
    pub(crate) fn next(&mut self) -> Result<Event<'a>, Malformed> {
        match self.state {
            State::StreamStart => {
                check_characters(self.scanner.text)?;
                self.document_start(true)
            }
            State::DocumentStart => self.document_start(false),
            State::DocumentContent => self.document_content(),
            State::DocumentEnd => self.document_end(),
            State::BlockNode => self.node(Place::Block),
            State::BlockSequenceEntry => self.block_sequence_entry(),
            State::IndentlessSequenceEntry => self.indentless_sequence_entry(),
            State::BlockMappingKey => self.block_mapping_key(),
            State::BlockMappingValue => self.block_mapping_value(),
            State::FlowSequenceFirstEntry => self.flow_sequence_entry(true),
            State::FlowSequenceEntry => self.flow_sequence_entry(false),
            State::FlowSequencePairKey => self.flow_sequence_pair_key(),
            State::FlowSequencePairValue => {
                self.flow_value(|kind| matches!(kind, TokenKind::FlowSequenceEnd), State::FlowSequencePairEnd)
            }
            State::FlowSequencePairEnd => {
                let mark = self.scanner.peek()?.start;
                self.state = State::FlowSequenceEntry;
                Ok(Event { kind: EventKind::MappingEnd, mark })
            }
            State::FlowMappingFirstKey => self.flow_mapping_key(true),
            State::FlowMappingKey => self.flow_mapping_key(false),
            State::FlowMappingValue => {
                self.flow_value(|kind| matches!(kind, TokenKind::FlowMappingEnd), State::FlowMappingKey)
            }
            State::FlowMappingEmptyValue => {
                let mark = self.scanner.peek()?.start;
                Ok(self.empty(mark, State::FlowMappingKey))
            }
            State::End => Ok(Event { kind: EventKind::StreamEnd, mark: self.scanner.mark }),
        }
    }

    /// Goes back to what is around the node that has ended.
    fn leave(&mut self) {
        self.state = self.states.pop().unwrap_or(State::End);
    }

    /// A node, after which `then` goes on.
    fn node_then(&mut self, place: Place, then: State) -> Result<Event<'a>, Malformed> {
        self.states.push(then);
        self.node(place)
    }

    /// What is malformed in the innermost collection.
    fn malformed<T>(&self, context: &'static str, problem: &'static str, mark: Mark) -> Result<T, Malformed> {
        Err(Malformed { problem, context, mark, begun: self.begun.last().copied().unwrap_or(mark) })
    }

    /// A value that is left out, after which `then` goes on.
    fn empty(&mut self, mark: Mark, then: State) -> Event<'a> {
        self.state = then;
        empty_scalar(mark, Properties::default())
    }

    /// The end of a collection, which the next token is.
    fn end_collection(&mut self, kind: EventKind<'a>, mark: Mark) -> Event<'a> {
        self.begun.pop();
        self.end(kind, mark)
    }

    /// The end of a node, which the next token is.
    fn end(&mut self, kind: EventKind<'a>, mark: Mark) -> Event<'a> {
        self.scanner.skip_token();
        self.leave();
        Event { kind, mark }
    }

    fn document_start(&mut self, implicit: bool) -> Result<Event<'a>, Malformed> {
        while !implicit && matches!(self.scanner.peek()?.kind, TokenKind::DocumentEnd) {
            self.scanner.skip_token();
        }
        let Token { kind, start: mark, .. } = self.scanner.peek()?;
        let mark = *mark;
        match kind {
            TokenKind::StreamEnd => {
                self.state = State::End;
                Ok(Event { kind: EventKind::StreamEnd, mark })
            }
            TokenKind::Version(..) | TokenKind::TagDirective { .. } | TokenKind::DocumentStart => {
                let version = self.directives()?;
                let token = self.scanner.peek()?;
                if !matches!(token.kind, TokenKind::DocumentStart) {
                    return malformed("", "did not find expected <document start>", token.start);
                }
                self.scanner.skip_token();
                self.states.push(State::DocumentEnd);
                self.state = State::DocumentContent;
                Ok(Event { kind: EventKind::DocumentStart { version }, mark })
            }
            _ if implicit => {
                self.states.push(State::DocumentEnd);
                self.state = State::BlockNode;
                Ok(Event { kind: EventKind::DocumentStart { version: None }, mark })
            }
            _ => malformed("", "did not find expected <document start>", mark),
        }
    }

    fn directives(&mut self) -> Result<Option<(u32, u32)>, Malformed> {
        let mut version = None;
        loop {
            let token = self.scanner.peek()?;
            let mark = token.start;
            match &mut token.kind {
                TokenKind::Version(..) if version.is_some() => {
                    return malformed("", "found duplicate %YAML directive", mark);
                }
                TokenKind::Version(1, minor @ (1 | 2)) => version = Some((1, *minor)),
                TokenKind::Version(..) => return malformed("", "found incompatible YAML document", mark),
                TokenKind::TagDirective { handle, .. }
                    if self.tags.iter().any(|(known, _)| known == handle) =>
                {
                    return malformed("", "found duplicate %TAG directive", mark);
                }
                TokenKind::TagDirective { handle, prefix } => {
                    self.tags.push((*handle, std::mem::take(prefix)));
                }
                _ => return Ok(version),
            }
            self.scanner.skip_token();
        }
    }

    fn document_content(&mut self) -> Result<Event<'a>, Malformed> {
        let token = self.scanner.peek()?;
        match token.kind {
            TokenKind::Version(..)
            | TokenKind::TagDirective { .. }
            | TokenKind::DocumentStart
            | TokenKind::DocumentEnd
            | TokenKind::StreamEnd => {
                let mark = token.start;
                self.leave();
                Ok(empty_scalar(mark, Properties::default()))
            }
            _ => self.node(Place::Block),
        }
    }

    fn document_end(&mut self) -> Result<Event<'a>, Malformed> {
        let token = self.scanner.peek()?;
        let mark = token.start;
        if matches!(token.kind, TokenKind::DocumentEnd) {
            self.scanner.skip_token();
        }
        self.tags.clear();
        self.state = State::DocumentStart;
        Ok(Event { kind: EventKind::DocumentEnd, mark })
    }

    fn node(&mut self, place: Place) -> Result<Event<'a>, Malformed> {
        let token = self.scanner.peek()?;
        let mark = token.start;
        if let TokenKind::Alias(anchor) = token.kind {
            return Ok(self.end(EventKind::Alias { anchor }, mark));
        }
        let properties = self.properties()?;
        let Token { kind, start: at, .. } = self.scanner.peek()?;
        let at = *at;
        let in_block = place != Place::Flow;
        match kind {
            TokenKind::BlockEntry if place == Place::BlockValue => {
                self.state = State::IndentlessSequenceEntry;
                Ok(Event { kind: EventKind::SequenceStart { properties }, mark })
            }
            TokenKind::Scalar { value, style } => {
                let (value, style) = (std::mem::take(value), *style);
                Ok(self.end(EventKind::Scalar { properties, value, style }, mark))
            }
            TokenKind::FlowSequenceStart => {
                self.begin(State::FlowSequenceFirstEntry, EventKind::SequenceStart { properties }, mark)
            }
            TokenKind::FlowMappingStart => {
                self.begin(State::FlowMappingFirstKey, EventKind::MappingStart { properties }, mark)
            }
            TokenKind::BlockSequenceStart if in_block => {
                self.begin(State::BlockSequenceEntry, EventKind::SequenceStart { properties }, mark)
            }
            TokenKind::BlockMappingStart if in_block => {
                self.begin(State::BlockMappingKey, EventKind::MappingStart { properties }, mark)
            }
            _ if properties.anchor.is_some() || properties.tag.is_some() => {
                self.leave();
                Ok(empty_scalar(mark, properties))
            }
            _ => {
                let context =
                    if in_block { "while parsing a block node" } else { "while parsing a flow node" };
                Err(Malformed {
                    problem: "did not find expected node content",
                    context,
                    mark: at,
                    begun: mark,
                })
            }
        }
    }

    fn begin(&mut self, state: State, kind: EventKind<'a>, mark: Mark) -> Result<Event<'a>, Malformed> {
        self.begun.push(self.scanner.peek()?.start);
        self.scanner.skip_token();
        self.state = state;
        Ok(Event { kind, mark })
    }

    /// An anchor and a tag, in either order.
    fn properties(&mut self) -> Result<Properties<'a>, Malformed> {
        let mut properties = Properties::default();
        loop {
            let token = self.scanner.peek()?;
            let mark = token.start;
            match &mut token.kind {
                TokenKind::Anchor(name) if properties.anchor.is_none() => properties.anchor = Some(name),
                TokenKind::Tag { handle, suffix } if properties.tag.is_none() => {
                    let (handle, suffix) = (*handle, std::mem::take(suffix));
                    properties.tag = Some(self.tag(handle, suffix, mark)?);
                }
                _ => return Ok(properties),
            }
            self.scanner.skip_token();
        }
    }

    fn tag(&self, handle: &str, suffix: String, mark: Mark) -> Result<String, Malformed> {
        if handle.is_empty() {
            return Ok(suffix);
        }
        let declared =
            self.tags.iter().find(|(known, _)| *known == handle).map(|(_, prefix)| prefix.as_str());
        match (declared, handle) {
            (Some(prefix), _) => Ok(format!("{prefix}{suffix}")),
            (None, "!") => Ok(format!("!{suffix}")),
            (None, "!!") => Ok(format!("tag:yaml.org,2002:{suffix}")),
            (None, _) => malformed("while parsing a node", "found undefined tag handle", mark),
        }
    }

    fn block_sequence_entry(&mut self) -> Result<Event<'a>, Malformed> {
        let token = self.scanner.peek()?;
        let (mark, end) = (token.start, token.end);
        match token.kind {
            TokenKind::BlockEntry => {
                self.scanner.skip_token();
                match self.scanner.peek()?.kind {
                    TokenKind::BlockEntry | TokenKind::BlockEnd => {
                        Ok(self.empty(end, State::BlockSequenceEntry))
                    }
                    _ => self.node_then(Place::Block, State::BlockSequenceEntry),
                }
            }
            TokenKind::BlockEnd => Ok(self.end_collection(EventKind::SequenceEnd, mark)),
            _ => self.malformed(
                "while parsing a block collection",
                "did not find expected '-' indicator",
                mark,
            ),
        }
    }

    /// A list that stands as far left as the key that it belongs to.
    fn indentless_sequence_entry(&mut self) -> Result<Event<'a>, Malformed> {
        let token = self.scanner.peek()?;
        let (mark, end) = (token.start, token.end);
        if !matches!(token.kind, TokenKind::BlockEntry) {
            self.leave();
            return Ok(Event { kind: EventKind::SequenceEnd, mark });
        }
        self.scanner.skip_token();
        match self.scanner.peek()?.kind {
            TokenKind::BlockEntry | TokenKind::Key | TokenKind::Value | TokenKind::BlockEnd => {
                Ok(self.empty(end, State::IndentlessSequenceEntry))
            }
            _ => self.node_then(Place::Block, State::IndentlessSequenceEntry),
        }
    }

    fn block_mapping_key(&mut self) -> Result<Event<'a>, Malformed> {
        let token = self.scanner.peek()?;
        let (mark, end) = (token.start, token.end);
        match token.kind {
            TokenKind::Key => {
                self.scanner.skip_token();
                match self.scanner.peek()?.kind {
                    TokenKind::Key | TokenKind::Value | TokenKind::BlockEnd => {
                        Ok(self.empty(end, State::BlockMappingValue))
                    }
                    _ => self.node_then(Place::BlockValue, State::BlockMappingValue),
                }
            }
            TokenKind::BlockEnd => Ok(self.end_collection(EventKind::MappingEnd, mark)),
            _ => self.malformed("while parsing a block mapping", "did not find expected key", mark),
        }
    }

    fn block_mapping_value(&mut self) -> Result<Event<'a>, Malformed> {
        let token = self.scanner.peek()?;
        let (mark, end) = (token.start, token.end);
        if !matches!(token.kind, TokenKind::Value) {
            return Ok(self.empty(mark, State::BlockMappingKey));
        }
        self.scanner.skip_token();
        match self.scanner.peek()?.kind {
            TokenKind::Key | TokenKind::Value | TokenKind::BlockEnd => {
                Ok(self.empty(end, State::BlockMappingKey))
            }
            _ => self.node_then(Place::BlockValue, State::BlockMappingKey),
        }
    }

    fn flow_sequence_entry(&mut self, first: bool) -> Result<Event<'a>, Malformed> {
        if !first && !self.skip_comma(|kind| matches!(kind, TokenKind::FlowSequenceEnd))? {
            let mark = self.scanner.peek()?.start;
            return self.malformed("while parsing a flow sequence", "did not find expected ',' or ']'", mark);
        }
        let token = self.scanner.peek()?;
        let mark = token.start;
        match token.kind {
            TokenKind::FlowSequenceEnd => Ok(self.end_collection(EventKind::SequenceEnd, mark)),
            // `[key: value]` is a list of a mapping.
            TokenKind::Key => {
                self.scanner.skip_token();
                self.state = State::FlowSequencePairKey;
                Ok(Event { kind: EventKind::MappingStart { properties: Properties::default() }, mark })
            }
            _ => self.node_then(Place::Flow, State::FlowSequenceEntry),
        }
    }

    /// Whether the next token is a comma, which is passed, or the end of the collection.
    fn skip_comma(&mut self, is_end: fn(&TokenKind<'_>) -> bool) -> Result<bool, Malformed> {
        let kind = &self.scanner.peek()?.kind;
        let is_comma = matches!(kind, TokenKind::FlowEntry);
        let goes_on = is_comma || is_end(kind);
        if is_comma {
            self.scanner.skip_token();
        }
        Ok(goes_on)
    }

    fn flow_sequence_pair_key(&mut self) -> Result<Event<'a>, Malformed> {
        let token = self.scanner.peek()?;
        match token.kind {
            TokenKind::Value | TokenKind::FlowEntry | TokenKind::FlowSequenceEnd => {
                let end = token.end;
                self.scanner.skip_token();
                Ok(self.empty(end, State::FlowSequencePairValue))
            }
            _ => self.node_then(Place::Flow, State::FlowSequencePairValue),
        }
    }

    fn flow_mapping_key(&mut self, first: bool) -> Result<Event<'a>, Malformed> {
        if !first && !self.skip_comma(|kind| matches!(kind, TokenKind::FlowMappingEnd))? {
            let mark = self.scanner.peek()?.start;
            return self.malformed("while parsing a flow mapping", "did not find expected ',' or '}'", mark);
        }
        let token = self.scanner.peek()?;
        let mark = token.start;
        match token.kind {
            TokenKind::FlowMappingEnd => Ok(self.end_collection(EventKind::MappingEnd, mark)),
            TokenKind::Key => {
                self.scanner.skip_token();
                let token = self.scanner.peek()?;
                let mark = token.start;
                match token.kind {
                    TokenKind::Value | TokenKind::FlowEntry | TokenKind::FlowMappingEnd => {
                        Ok(self.empty(mark, State::FlowMappingValue))
                    }
                    _ => self.node_then(Place::Flow, State::FlowMappingValue),
                }
            }
            // A key alone.
            _ => self.node_then(Place::Flow, State::FlowMappingEmptyValue),
        }
    }

    /// What stands behind a key, which is nothing where the collection goes on or ends.
    fn flow_value(
        &mut self,
        is_end: fn(&TokenKind<'_>) -> bool,
        then: State,
    ) -> Result<Event<'a>, Malformed> {
        if matches!(self.scanner.peek()?.kind, TokenKind::Value) {
            self.scanner.skip_token();
            let kind = &self.scanner.peek()?.kind;
            if !matches!(kind, TokenKind::FlowEntry) && !is_end(kind) {
                return self.node_then(Place::Flow, then);
            }
        }
        let mark = self.scanner.peek()?.start;
        Ok(self.empty(mark, then))
    }
}

fn empty_scalar<'a>(mark: Mark, properties: Properties<'a>) -> Event<'a> {
    Event { kind: EventKind::Scalar { properties, value: Cow::Borrowed(""), style: Style::Plain }, mark }
}

fn malformed<T>(context: &'static str, problem: &'static str, mark: Mark) -> Result<T, Malformed> {
    Err(Malformed { problem, context, mark, begun: mark })
}

/// YAML takes no control characters, and no character that is none.
fn check_characters(text: &str) -> Result<(), Malformed> {
    let is_plain = |byte: u8| matches!(byte, b'\t' | b'\n' | b'\r' | b' '..=b'~');
    let is_refused = |c: char| match c {
        '\t' | '\n' | '\r' | '\u{85}' => false,
        '\u{fffe}' | '\u{ffff}' => true,
        c => c.is_control(),
    };
    // Most texts are plain from one end to the other.
    let Some(first) = text.bytes().position(|byte| !is_plain(byte)) else { return Ok(()) };
    let Some(at) = text[first..].find(is_refused).map(|after| first + after) else { return Ok(()) };
    let mut scanner = Scanner::new(text);
    while scanner.mark.at < at {
        if scanner.skip_line_break().is_empty() {
            scanner.skip();
        }
    }
    malformed("", "control characters are not allowed", scanner.mark)
}
