//! YAML events to nodes, within limits: anchors and merge keys are resolved here, tags and places kept.
//!
//! The events come from a port of libyaml, since Go's YAML library, which Compose uses, is one too: what the one
//! takes for YAML (a closing bracket that is indented less than the specification asks) the other does.

use std::borrow::Cow;
use std::collections::HashMap;
use std::io::Cursor;
use std::panic::{AssertUnwindSafe, catch_unwind};

use indexmap::map::Entry;
use libyaml_safer::{Event, EventData, Mark, Parser, ScalarStyle};

use super::check;
use super::node::{Map, MergeTag, Node, Spot, Value};
use super::reading::{Reading, Stopped};
use super::trail::Trail;
use super::{scalar, tags};

/// Deeper than any real file by far, and shallow enough for the recursions that follow.
const DEEPEST: usize = 64;

/// The documents of one file (Compose reads every document of a file, and merges them in their order).
pub(crate) fn parse(reading: &mut Reading<'_>, file: u32) -> Result<Vec<Node>, Stopped> {
    let text = reading.sources.text(file);
    // The parser panics where a block scalar ends the file without a line end.
    let ended = if text.ends_with('\n') { Cow::Borrowed(text) } else { Cow::Owned(format!("{text}\n")) };
    let ended = tags::without_commas(&ended);
    let mut events = Parser::new();
    events.set_input(Cursor::new(ended.as_bytes()));
    let start = Spot { file, line: 1, column: 1 };
    let mut builder =
        Builder { events, file, text, anchors: HashMap::new(), last: start, left: reading.left(), values: 0 };
    let documents = builder.documents();
    let (values, last) = (builder.values, builder.last);
    match documents {
        Ok(documents) => {
            reading.spend(values, last, "")?;
            Ok(documents)
        }
        Err(Fault { spot, path, message, hint }) => {
            // Too many values are told where they are counted.
            reading.spend(values, spot, &path)?;
            reading.problem(spot, path, message).hint = hint;
            Err(Stopped)
        }
    }
}

struct Builder<'input> {
    events: Parser<Cursor<&'input [u8]>>,
    file: u32,
    text: &'input str,
    /// `None` while the anchor's own value is being read.
    anchors: HashMap<String, Option<Node>>,
    /// Where the last event began.
    last: Spot,
    /// How many values there may be, and are.
    left: usize,
    values: usize,
}

struct Fault {
    spot: Spot,
    path: String,
    message: String,
    hint: Option<String>,
}

impl Fault {
    fn new(spot: Spot, trail: &Trail<'_>, message: impl Into<String>) -> Fault {
        Fault { spot, path: trail.to_string(), message: message.into(), hint: None }
    }
}

impl Builder<'_> {
    fn documents(&mut self) -> Result<Vec<Node>, Fault> {
        let mut documents = Vec::new();
        loop {
            match self.next()?.data {
                EventData::StreamEnd => return Ok(documents),
                EventData::DocumentStart { version_directive, .. } => {
                    if version_directive.is_some_and(|version| (version.major, version.minor) != (1, 1)) {
                        let spot = Spot { file: self.file, line: 1, column: 1 };
                        return Err(Fault::new(
                            spot,
                            &Trail::ROOT,
                            "Compose reads YAML 1.1, and this says another version",
                        ));
                    }
                    self.anchors.clear();
                    let event = self.next()?;
                    documents.push(self.node(event, &Trail::ROOT, 0)?);
                }
                _ => {}
            }
        }
    }

    fn next(&mut self) -> Result<Event, Fault> {
        // The parser panics over a few tags that libyaml refuses, as in `[!a, b]`. No state of it is used after that.
        let Ok(parsed) = catch_unwind(AssertUnwindSafe(|| self.events.parse())) else {
            let message = "not valid YAML: a tag that can't be read";
            return Err(Fault::new(self.last, &Trail::ROOT, message));
        };
        let event = parsed.map_err(|error| {
            // What is never closed is told where it begins: the end of the file says nothing.
            let is_at_end =
                |mark: &Mark| self.text.lines().skip(index(mark.line)).all(|line| line.trim().is_empty());
            let mark = error.problem_mark().filter(|mark| !is_at_end(mark)).or(error.context_mark());
            let start = Spot { file: self.file, line: 1, column: 1 };
            let spot = mark.or(error.problem_mark()).map_or(start, |mark| self.spot(mark));
            let problem = error.problem();
            let spot = if problem.contains("control characters") { self.control_character() } else { spot };
            let context = error.context().filter(|context| !context.is_empty());
            let context = context.map_or(String::new(), |context| format!(" {context}"));
            let mut fault = Fault::new(spot, &Trail::ROOT, format!("not valid YAML: {problem}{context}"));
            fault.hint = yaml_hint(problem).map(str::to_owned);
            fault
        })?;
        self.last = self.spot(event.start_mark);
        Ok(event)
    }

    /// The first character that no YAML may hold.
    fn control_character(&self) -> Spot {
        let is_wrong = |c: char| {
            c.is_control() && !matches!(c, '\t' | '\n' | '\r' | '\u{85}')
                || matches!(c, '\u{fffe}' | '\u{ffff}')
        };
        let found = self.text.find(is_wrong).unwrap_or_default();
        let before = &self.text[..found];
        let line = before.matches('\n').count() as u64;
        let column = before.rsplit('\n').next().unwrap_or_default().chars().count() as u64;
        Spot { file: self.file, line: number(line), column: number(column) }
    }

    fn spot(&self, mark: Mark) -> Spot {
        Spot { file: self.file, line: number(mark.line), column: number(mark.column) }
    }

    fn node(&mut self, event: Event, trail: &Trail<'_>, depth: usize) -> Result<Node, Fault> {
        let spot = self.spot(event.start_mark);
        self.count(1, spot, trail)?;
        if depth > DEEPEST {
            return Err(too_deep(spot));
        }
        let (node, anchor) = match event.data {
            EventData::Scalar { anchor, tag, mut value, style, .. } => {
                self.check_escapes(style, event.start_mark, event.end_mark, trail)?;
                if self.is_cut_short(style, event.end_mark) && value.ends_with('\n') {
                    value.pop();
                }
                (scalar_node(&value, style, tag.as_deref(), spot, trail)?, anchor)
            }
            EventData::SequenceStart { anchor, tag, .. } => {
                self.open(anchor.as_deref());
                let mut list = Vec::new();
                loop {
                    let event = self.next()?;
                    if event.data == EventData::SequenceEnd {
                        break;
                    }
                    list.push(self.node(event, &trail.index(list.len()), depth + 1)?);
                }
                (branch(Value::List(list), tag.as_deref(), spot), anchor)
            }
            EventData::MappingStart { anchor, tag, .. } => {
                self.open(anchor.as_deref());
                let map = self.mapping(trail, depth)?;
                (branch(Value::Map(map), tag.as_deref(), spot), anchor)
            }
            EventData::Alias { anchor } => {
                let node = self.aliased(&anchor, spot, trail)?;
                if depth + height(node) > DEEPEST {
                    return Err(too_deep(spot));
                }
                let weight = node.weight();
                // The place stays that of the anchor: what is wrong with a repeated value is mended there.
                let node = node.clone();
                self.count(weight, spot, trail)?;
                return Ok(node);
            }
            _ => (Node::new(Value::Null, spot), None),
        };
        if let Some(anchor) = anchor {
            self.count(node.weight(), spot, trail)?;
            self.anchors.insert(anchor, Some(node.clone()));
        }
        Ok(node)
    }

    /// Whether a block scalar ends with the file, and the file with no line end: then the scalar has none either.
    fn is_cut_short(&self, style: ScalarStyle, end: Mark) -> bool {
        matches!(style, ScalarStyle::Literal | ScalarStyle::Folded) && end.index > self.text.len() as u64
    }

    /// Go's library knows no `\/`, which the parser lets pass.
    fn check_escapes(
        &self,
        style: ScalarStyle,
        start: Mark,
        end: Mark,
        trail: &Trail<'_>,
    ) -> Result<(), Fault> {
        let range = usize::try_from(start.index).ok().zip(usize::try_from(end.index).ok());
        let written = range.and_then(|(start, end)| self.text.get(start..end)).unwrap_or_default();
        let mut rest = written;
        while style == ScalarStyle::DoubleQuoted
            && let Some(at) = rest.find('\\')
        {
            if rest[at + 1..].starts_with('/') {
                let mut fault = Fault::new(self.spot(start), trail, "`\\/` is no escape of Compose's");
                fault.hint = Some("write `/`".to_owned());
                return Err(fault);
            }
            let escaped = rest[at + 1..].chars().next().map_or(0, char::len_utf8);
            rest = &rest[at + 1 + escaped..];
        }
        Ok(())
    }

    fn open(&mut self, anchor: Option<&str>) {
        if let Some(anchor) = anchor {
            self.anchors.insert(anchor.to_owned(), None);
        }
    }

    fn aliased(&self, anchor: &str, spot: Spot, trail: &Trail<'_>) -> Result<&Node, Fault> {
        match self.anchors.get(anchor) {
            Some(Some(node)) => Ok(node),
            Some(None) => Err(Fault::new(
                spot,
                trail,
                format!("the alias `*{anchor}` stands inside of what it repeats"),
            )),
            None => {
                let mut fault =
                    Fault::new(spot, trail, format!("there is no anchor `&{anchor}` before this alias"));
                let known = || self.anchors.keys().map(String::as_str);
                fault.hint = check::nearest(anchor, known()).map(|near| format!("did you mean `*{near}`?"));
                Err(fault)
            }
        }
    }

    fn mapping(&mut self, trail: &Trail<'_>, depth: usize) -> Result<Map, Fault> {
        let mut map = Map::new();
        let mut merged: Vec<Node> = Vec::new();
        let mut merges = false;
        loop {
            let event = self.next()?;
            if event.data == EventData::MappingEnd {
                break;
            }
            let key_spot = self.spot(event.start_mark);
            let key = self.key(event, key_spot, trail)?;
            let event = self.next()?;
            match key {
                Key::Merge if merges => {
                    let mut fault = Fault::new(key_spot, trail, "the key `<<` is already there");
                    fault.hint = Some("merge a list: `<<: [*a, *b]`".to_owned());
                    return Err(fault);
                }
                Key::Merge => {
                    merges = true;
                    let node = self.node(event, trail, depth + 1)?;
                    merge_sources(node, &mut merged).map_err(|spot| {
                        Fault::new(spot, trail, "`<<` merges a mapping or a list of mappings")
                    })?;
                }
                Key::Text(key) => {
                    let mut node = self.node(event, &trail.key(&key), depth + 1)?;
                    node.key = Some(key_spot);
                    match map.entry(key) {
                        Entry::Vacant(entry) => drop(entry.insert(node)),
                        Entry::Occupied(entry) => {
                            let (key, line) = (entry.key(), entry.get().entry_spot().line);
                            let fault = format!("the key `{key}` is already there, at line {line}");
                            return Err(Fault::new(key_spot, trail, fault));
                        }
                    }
                }
            }
        }
        // A mapping's own keys win over merged ones wherever `<<` stands; of merged ones the first wins.
        for source in merged {
            let Value::Map(entries) = source.value else { continue };
            for (key, node) in entries {
                map.entry(key).or_insert(node);
            }
        }
        Ok(map)
    }

    fn key(&mut self, event: Event, spot: Spot, trail: &Trail<'_>) -> Result<Key, Fault> {
        let node = match event.data {
            EventData::Scalar { value, style: ScalarStyle::Plain, tag: None, .. } if value == "<<" => {
                return Ok(Key::Merge);
            }
            EventData::Scalar { anchor, tag, value, style, .. } => {
                let node = scalar_node(&value, style, tag.as_deref(), spot, trail)?;
                if let Some(anchor) = anchor {
                    self.anchors.insert(anchor, Some(node.clone()));
                }
                (value, node)
            }
            EventData::Alias { anchor } => {
                let node = self.aliased(&anchor, spot, trail)?;
                let (weight, node) = (node.weight(), node.clone());
                self.count(weight, spot, trail)?;
                (node.to_go_text().unwrap_or_default(), node)
            }
            _ => return Err(Fault::new(spot, trail, "a key must be a string")),
        };
        match node {
            (_, Node { value: Value::Text(text), .. }) => Ok(Key::Text(text)),
            (written, node) => {
                let message = format!("the key `{written}` is {}; keys must be strings", node.type_name());
                let mut fault = Fault::new(spot, trail, message);
                fault.hint = Some(format!("write it in quotes: \"{written}\""));
                Err(fault)
            }
        }
    }

    /// `Err` if there are too many values; [`parse`] says so.
    fn count(&mut self, values: usize, spot: Spot, trail: &Trail<'_>) -> Result<(), Fault> {
        self.values += values;
        if self.values > self.left { Err(Fault::new(spot, trail, "")) } else { Ok(()) }
    }
}

/// What most probably is meant by one of the parser's complaints.
fn yaml_hint(problem: &str) -> Option<&'static str> {
    let hints = [
        (
            "cannot start any token",
            "indent with spaces, and put values that begin with a special character in quotes",
        ),
        (
            "mapping values are not allowed",
            "put a value that holds `: ` in quotes; keys of one mapping have one indentation",
        ),
        (
            "did not find expected key",
            "keys of one mapping have one indentation, and so have the items of one list",
        ),
        ("block sequence entries are not allowed", "a list begins on the line after its key"),
        ("could not find expected ':'", "write `key: value`, with a blank after the colon"),
        ("did not find expected ','", "close the bracket, and put values with special characters in quotes"),
        ("did not find expected '-' indicator", "the items of one list have one indentation"),
        ("did not find expected <document start>", "keys of one mapping have one indentation"),
        ("unexpected end of stream", "close the quotes"),
        ("control characters", "remove it, or write it as an escape in double quotes"),
    ];
    hints.into_iter().find(|(part, _)| problem.contains(part)).map(|(_, hint)| hint)
}

enum Key {
    Merge,
    Text(String),
}

/// Flattens what stands under `<<`; `Err` holds the place of what can't be merged.
fn merge_sources(node: Node, into: &mut Vec<Node>) -> Result<(), Spot> {
    match node.value {
        Value::Map(_) => into.push(node),
        Value::List(list) => {
            for item in list {
                if item.as_map().is_none() {
                    return Err(item.spot);
                }
                into.push(item);
            }
        }
        _ => return Err(node.spot),
    }
    Ok(())
}

fn scalar_node(
    text: &str,
    style: ScalarStyle,
    tag: Option<&str>,
    spot: Spot,
    trail: &Trail<'_>,
) -> Result<Node, Fault> {
    let core = tag.and_then(|tag| tag.strip_prefix("tag:yaml.org,2002:"));
    let wrong = |kind: &str| Fault::new(spot, trail, format!("`{text}` is tagged as {kind} and is none"));
    let value = match core {
        Some("str") => Value::Text(text.to_owned()),
        Some("null") => match scalar::plain(text) {
            Value::Null => Value::Null,
            _ => return Err(wrong("null")),
        },
        Some("timestamp") => match scalar::plain(text) {
            Value::Time(time) => Value::Time(time),
            _ => return Err(wrong("a date")),
        },
        Some("bool") => match scalar::plain(text) {
            value @ Value::Bool(_) => value,
            _ => return Err(wrong("a boolean")),
        },
        Some("int") => match scalar::integer(&text.replace('_', "")) {
            Some(value) => Value::Int(value.into()),
            None => return Err(wrong("an integer")),
        },
        Some("float") => match scalar::plain(text) {
            Value::Float(value) => Value::Float(value),
            Value::Int(value) => Value::Float(i128::from(value) as f64),
            _ => return Err(wrong("a float")),
        },
        None if tag == Some("!") && text.is_empty() => Value::Null,
        // Any other tag, `!override` among them, makes the scalar a text: so it is to Go's library.
        _ if style == ScalarStyle::Plain && tag.is_none() => scalar::plain(text),
        _ => Value::Text(text.to_owned()),
    };
    Ok(Node { tag: merge_tag(tag), ..Node::new(value, spot) })
}

/// A list or mapping. Below an `!override` no tag means anything.
fn branch(value: Value, tag: Option<&str>, spot: Spot) -> Node {
    let mut node = Node { tag: merge_tag(tag), ..Node::new(value, spot) };
    if node.tag == Some(MergeTag::Override) {
        forget_tags_below(&mut node);
    }
    node
}

fn forget_tags_below(node: &mut Node) {
    let forget = |below: &mut Node| {
        below.tag = None;
        forget_tags_below(below);
    };
    match &mut node.value {
        Value::List(list) => list.iter_mut().for_each(forget),
        Value::Map(map) => map.values_mut().for_each(forget),
        _ => {}
    }
}

fn merge_tag(tag: Option<&str>) -> Option<MergeTag> {
    match tag {
        Some("!reset") => Some(MergeTag::Reset),
        Some("!override") => Some(MergeTag::Override),
        _ => None,
    }
}

fn too_deep(spot: Spot) -> Fault {
    Fault::new(spot, &Trail::ROOT, format!("nested more than {DEEPEST} levels deep"))
}

fn height(node: &Node) -> usize {
    let below = match &node.value {
        Value::List(list) => list.iter().map(height).max(),
        Value::Map(map) => map.values().map(height).max(),
        _ => return 0,
    };
    below.map_or(0, |below| below + 1)
}

fn index(from_zero: u64) -> usize {
    usize::try_from(from_zero).unwrap_or(usize::MAX)
}

/// Marks count from 0, places from 1.
fn number(from_zero: u64) -> u32 {
    u32::try_from(from_zero).unwrap_or(u32::MAX).saturating_add(1)
}
