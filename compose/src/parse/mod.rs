//! Parses YAML events into a tree of nodes, within limits. Resolves anchors and merge keys; keeps tags and places.
//!
//! It knows no key of Compose, and does not interpolate.

use std::collections::HashMap;

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use indexmap::map::Entry;

pub(crate) mod scalar;

use crate::reading::{Reading, Stopped};
use crate::text::names::nearest;
use crate::tree::{Map, MergeTag, Node, Spot, Trail, Value};
use crate::yaml::{Event, EventKind, Malformed, Mark, Parser, Properties, Style};

/// Far deeper than any real file, and shallow enough for the recursive stages that follow.
const DEEPEST: usize = 64;

/// The documents of one file (Compose reads every document of a file, and merges them in their order).
pub(crate) fn parse(reading: &mut Reading<'_>, file: u32) -> Result<Vec<Node>, Stopped> {
    let text = reading.sources.text(file);
    let start = Spot { file, line: 1, column: 1 };
    let mut builder = Builder {
        events: Parser::new(text),
        file,
        text,
        anchors: HashMap::new(),
        left: reading.left(),
        values: 0,
    };
    let documents = builder.documents();
    let values = builder.values;
    match documents {
        Ok(documents) => {
            reading.spend(values, start, "")?;
            Ok(documents)
        }
        Err(Fault { spot, path, message, hint }) => {
            // `spend` reports too many values.
            reading.spend(values, spot, &path)?;
            reading.problem(spot, path, message).hint = hint;
            Err(Stopped)
        }
    }
}

struct Builder<'a> {
    events: Parser<'a>,
    file: u32,
    text: &'a str,
    /// `None` while the anchor's own value is being read.
    anchors: HashMap<&'a str, Option<Node>>,
    /// How many values there may be, and how many there are.
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

impl<'a> Builder<'a> {
    fn documents(&mut self) -> Result<Vec<Node>, Fault> {
        let mut documents = Vec::new();
        loop {
            match self.next()?.kind {
                EventKind::StreamEnd => return Ok(documents),
                EventKind::DocumentStart { version } => {
                    if version.is_some_and(|version| version != (1, 1)) {
                        let spot = Spot { file: self.file, line: 1, column: 1 };
                        return Err(Fault::new(
                            spot,
                            &Trail::ROOT,
                            "Compose reads YAML 1.1, but the file declares another version",
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

    fn next(&mut self) -> Result<Event<'a>, Fault> {
        self.events.next().map_err(|Malformed { problem, context, mark, begun }| {
            // What is never closed is reported where it begins; the end of the file would not help.
            let is_at_end = self.text[mark.at..].trim().is_empty();
            let spot = self.spot(if is_at_end { begun } else { mark });
            let context = if context.is_empty() { String::new() } else { format!(" {context}") };
            let mut fault = Fault::new(spot, &Trail::ROOT, format!("not valid YAML: {problem}{context}"));
            fault.hint = yaml_hint(problem).map(str::to_owned);
            fault
        })
    }

    /// Marks count from 0, places from 1.
    fn spot(&self, mark: Mark) -> Spot {
        Spot { file: self.file, line: mark.line.saturating_add(1), column: mark.column.saturating_add(1) }
    }

    fn node(&mut self, event: Event<'a>, trail: &Trail<'_>, depth: usize) -> Result<Node, Fault> {
        let spot = self.spot(event.mark);
        self.count(1, spot, trail)?;
        if depth > DEEPEST {
            return Err(too_deep(spot));
        }
        let (node, anchor) = match event.kind {
            EventKind::Scalar { properties: Properties { anchor, tag }, value, style } => {
                (scalar_node(&value, style, tag.as_deref(), spot, trail)?, anchor)
            }
            EventKind::SequenceStart { properties: Properties { anchor, tag } } => {
                self.open(anchor);
                let mut list = Vec::new();
                loop {
                    let event = self.next()?;
                    if matches!(event.kind, EventKind::SequenceEnd) {
                        break;
                    }
                    list.push(self.node(event, &trail.index(list.len()), depth + 1)?);
                }
                (branch(Value::List(list), tag.as_deref(), spot), anchor)
            }
            EventKind::MappingStart { properties: Properties { anchor, tag } } => {
                self.open(anchor);
                let map = self.mapping(trail, depth)?;
                (branch(Value::Map(map), tag.as_deref(), spot), anchor)
            }
            EventKind::Alias { anchor } => {
                let node = self.aliased(anchor, spot, trail)?;
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

    fn open(&mut self, anchor: Option<&'a str>) {
        if let Some(anchor) = anchor {
            self.anchors.insert(anchor, None);
        }
    }

    fn aliased(&self, anchor: &str, spot: Spot, trail: &Trail<'_>) -> Result<&Node, Fault> {
        match self.anchors.get(anchor) {
            Some(Some(node)) => Ok(node),
            Some(None) => Err(Fault::new(
                spot,
                trail,
                format!("the alias `*{anchor}` is inside the value that it repeats"),
            )),
            None => {
                let mut fault =
                    Fault::new(spot, trail, format!("there is no anchor `&{anchor}` before this alias"));
                let known = self.anchors.keys().copied();
                fault.hint = nearest(anchor, known).map(|near| format!("did you mean `*{near}`?"));
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
            if matches!(event.kind, EventKind::MappingEnd) {
                break;
            }
            let key_spot = self.spot(event.mark);
            let key = self.key(event, key_spot, trail)?;
            let event = self.next()?;
            match key {
                Key::Merge if merges => {
                    let mut fault = Fault::new(key_spot, trail, "duplicate key `<<`");
                    fault.hint = Some("merge a list: `<<: [*a, *b]`".to_owned());
                    return Err(fault);
                }
                Key::Merge => {
                    merges = true;
                    let node = self.node(event, trail, depth + 1)?;
                    if node.tag == Some(MergeTag::Reset) {
                        continue;
                    }
                    merge_sources(node, &mut merged).map_err(|spot| {
                        Fault::new(spot, trail, "`<<` takes a mapping or a list of mappings")
                    })?;
                }
                Key::Text(key) => {
                    let mut node = self.node(event, &trail.key(&key), depth + 1)?;
                    node.key = Some(key_spot);
                    match map.entry(key) {
                        Entry::Vacant(entry) => drop(entry.insert(node)),
                        Entry::Occupied(entry) => {
                            let (key, line) = (entry.key(), entry.get().entry_spot().line);
                            let fault = format!("duplicate key `{key}`, first seen at line {line}");
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
                match map.entry(key) {
                    Entry::Vacant(entry) => drop(entry.insert(node)),
                    // What `!reset` takes away leaves room for the merged value, which then stands for all before it.
                    Entry::Occupied(mut entry) if entry.get().tag == Some(MergeTag::Reset) => {
                        entry.insert(Node { tag: Some(MergeTag::Override), ..node });
                    }
                    Entry::Occupied(_) => {}
                }
            }
        }
        Ok(map)
    }

    fn key(&mut self, event: Event<'a>, spot: Spot, trail: &Trail<'_>) -> Result<Key, Fault> {
        let node = match event.kind {
            EventKind::Scalar { properties: Properties { tag, .. }, value, style: Style::Plain }
                if value == "<<"
                    && matches!(tag.as_deref(), None | Some("!" | "tag:yaml.org,2002:merge")) =>
            {
                return Ok(Key::Merge);
            }
            EventKind::Scalar { properties: Properties { anchor, tag }, value, style } => {
                let node = scalar_node(&value, style, tag.as_deref(), spot, trail)?;
                if let Some(anchor) = anchor {
                    self.anchors.insert(anchor, Some(node.clone()));
                }
                (value, node)
            }
            EventKind::Alias { anchor } => {
                let node = self.aliased(anchor, spot, trail)?;
                let (weight, node) = (node.weight(), node.clone());
                self.count(weight, spot, trail)?;
                (node.to_go_text().unwrap_or_default().into(), node)
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
            "indent with spaces, and quote values that start with a special character",
        ),
        (
            "mapping values are not allowed",
            "quote values that contain `: `; all keys of a mapping need the same indentation",
        ),
        (
            "did not find expected key",
            "all keys of a mapping need the same indentation, and so do all items of a list",
        ),
        ("block sequence entries are not allowed", "start a list on the line after its key"),
        ("could not find expected ':'", "write `key: value`, with a space after the colon"),
        ("did not find expected ','", "close the bracket, and quote values with special characters"),
        ("did not find expected '-' indicator", "all items of a list need the same indentation"),
        ("did not find expected <document start>", "all keys of a mapping need the same indentation"),
        ("unexpected end of stream", "close the quotes"),
        ("unknown escape character", "write `\\\\` for a backslash, or use single quotes"),
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
    style: Style,
    tag: Option<&str>,
    spot: Spot,
    trail: &Trail<'_>,
) -> Result<Node, Fault> {
    let core = tag.and_then(|tag| tag.strip_prefix("tag:yaml.org,2002:"));
    let wrong = |kind: &str| Fault::new(spot, trail, format!("`{text}` is tagged as {kind}, but is not"));
    let value = match core {
        Some("str") => Value::Text(text.to_owned()),
        Some("null") => match scalar::plain(text) {
            Value::Null => Value::Null,
            _ => return Err(wrong("null")),
        },
        Some("binary") => match BASE64_STANDARD.decode(text.replace(['\n', '\r'], "")) {
            Ok(bytes) => Value::Text(String::from_utf8_lossy(&bytes).into_owned()),
            Err(_) => return Err(wrong("binary")),
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
        _ if style == Style::Plain && tag.is_none() => scalar::plain(text),
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
