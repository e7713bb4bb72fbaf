//! YAML events to nodes, within limits: anchors and merge keys are resolved here, tags and places kept.

use std::collections::HashMap;

use saphyr_parser::{Event, Parser, ScalarStyle, Span, StrInput, Tag};

use super::node::{Map, MergeTag, Node, Spot, Value};
use super::reading::{Reading, Stopped};
use super::scalar;
use super::trail::Trail;

/// Deeper than any real file by far, and shallow enough for the recursions that follow.
const DEEPEST: usize = 64;

/// How many nodes a file may have after its aliases are expanded: enough for thousands of services, too few for a
/// bomb of aliases.
const MOST_NODES: usize = 400_000;

/// The documents of one file (Compose reads every document of a file, and merges them in their order).
pub(crate) fn parse(reading: &mut Reading<'_>, file: u32) -> Result<Vec<Node>, Stopped> {
    // The parser borrows the text, problems are noted in the same `Reading`: so the text is taken out for a while.
    let text = reading.sources.text(file).to_owned();
    let mut builder = Builder {
        events: Parser::new_from_str(&text),
        file,
        anchors: HashMap::new(),
        nodes: 0,
        end: Spot { file, line: 1, column: 1 },
    };
    builder.documents().map_err(|Fault { spot, path, message, hint }| {
        reading.problem(spot, path, message).hint = hint;
        Stopped
    })
}

struct Builder<'input> {
    events: Parser<'input, StrInput<'input>>,
    file: u32,
    anchors: HashMap<usize, Node>,
    nodes: usize,
    end: Spot,
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

impl<'input> Builder<'input> {
    fn documents(&mut self) -> Result<Vec<Node>, Fault> {
        let mut documents = Vec::new();
        loop {
            let (event, span) = self.next()?;
            match event {
                Event::StreamEnd => return Ok(documents),
                Event::DocumentStart(_) => {
                    let (event, span) = self.next()?;
                    documents.push(self.node(event, span, &Trail::ROOT, 0)?);
                }
                _ => {
                    self.end = self.spot(span);
                }
            }
        }
    }

    fn next(&mut self) -> Result<(Event<'input>, Span), Fault> {
        match self.events.next_event() {
            Some(Ok(next)) => Ok(next),
            Some(Err(error)) => {
                let marker = *error.marker();
                let spot =
                    Spot { file: self.file, line: line(marker.line()), column: line(marker.col() + 1) };
                let mut fault = Fault::new(spot, &Trail::ROOT, format!("not valid YAML: {}", error.info()));
                if error.info().contains("tab") {
                    fault.hint = Some("indent with spaces".to_owned());
                }
                Err(fault)
            }
            None => Ok((Event::StreamEnd, Span::default())),
        }
    }

    fn spot(&self, span: Span) -> Spot {
        Spot { file: self.file, line: line(span.start.line()), column: line(span.start.col() + 1) }
    }

    fn node(
        &mut self,
        event: Event<'input>,
        span: Span,
        trail: &Trail<'_>,
        depth: usize,
    ) -> Result<Node, Fault> {
        let spot = self.spot(span);
        self.count(1, spot, trail)?;
        if depth > DEEPEST {
            return Err(Fault::new(spot, &Trail::ROOT, format!("nested more than {DEEPEST} levels deep")));
        }
        let (node, anchor) = match event {
            Event::Scalar(text, style, anchor, tag) => {
                let node = scalar_node(&text, style, tag.as_deref(), spot, trail)?;
                (node, anchor)
            }
            Event::SequenceStart(anchor, tag) => {
                let mut list = Vec::new();
                loop {
                    let (event, span) = self.next()?;
                    if matches!(event, Event::SequenceEnd) {
                        break;
                    }
                    list.push(self.node(event, span, &trail.index(list.len()), depth + 1)?);
                }
                (Node { tag: merge_tag(tag.as_deref()), ..Node::new(Value::List(list), spot) }, anchor)
            }
            Event::MappingStart(anchor, tag) => {
                let map = self.mapping(trail, depth)?;
                (Node { tag: merge_tag(tag.as_deref()), ..Node::new(Value::Map(map), spot) }, anchor)
            }
            Event::Alias(anchor) => {
                let Some(node) = self.anchors.get(&anchor).cloned() else {
                    return Err(Fault::new(spot, trail, "this alias stands inside of what it repeats"));
                };
                self.count(size(&node), spot, trail)?;
                if depth + height(&node) > DEEPEST {
                    return Err(Fault::new(
                        spot,
                        &Trail::ROOT,
                        format!("nested more than {DEEPEST} levels deep"),
                    ));
                }
                // The place stays that of the anchor: what is wrong with a repeated value is mended there.
                return Ok(node);
            }
            _ => (Node::new(Value::Null, spot), 0),
        };
        if anchor != 0 {
            self.anchors.insert(anchor, node.clone());
        }
        Ok(node)
    }

    fn mapping(&mut self, trail: &Trail<'_>, depth: usize) -> Result<Map, Fault> {
        let mut map = Map::new();
        let mut merged: Vec<Node> = Vec::new();
        loop {
            let (event, span) = self.next()?;
            if matches!(event, Event::MappingEnd) {
                break;
            }
            let key_spot = self.spot(span);
            let key = self.key(event, key_spot, trail)?;
            let (event, span) = self.next()?;
            match key {
                Key::Merge => {
                    let node = self.node(event, span, trail, depth + 1)?;
                    merge_sources(node, &mut merged).map_err(|spot| {
                        Fault::new(spot, trail, "`<<` merges a mapping or a list of mappings")
                    })?;
                }
                Key::Text(key) => {
                    let mut node = self.node(event, span, &trail.key(&key), depth + 1)?;
                    node.key = Some(key_spot);
                    if let Some(earlier) = map.get(&key) {
                        let line = earlier.entry_spot().line;
                        let fault = format!("the key `{key}` is already there, at line {line}");
                        return Err(Fault::new(key_spot, trail, fault));
                    }
                    map.insert(key, node);
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

    fn key(&mut self, event: Event<'input>, spot: Spot, trail: &Trail<'_>) -> Result<Key, Fault> {
        let node = match event {
            Event::Scalar(text, ScalarStyle::Plain, 0, None) if text == "<<" => return Ok(Key::Merge),
            Event::Scalar(text, style, anchor, tag) => {
                let node = scalar_node(&text, style, tag.as_deref(), spot, trail)?;
                if anchor != 0 {
                    self.anchors.insert(anchor, node.clone());
                }
                (text.into_owned(), node)
            }
            Event::Alias(anchor) => match self.anchors.get(&anchor) {
                Some(node) => (node.to_go_text().unwrap_or_default(), node.clone()),
                None => return Err(Fault::new(spot, trail, "this alias stands inside of what it repeats")),
            },
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

    fn count(&mut self, nodes: usize, spot: Spot, trail: &Trail<'_>) -> Result<(), Fault> {
        self.nodes += nodes;
        if self.nodes > MOST_NODES {
            let message = format!("the file has more than {MOST_NODES} values once its aliases are expanded");
            return Err(Fault::new(spot, trail, message));
        }
        Ok(())
    }
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
    tag: Option<&Tag>,
    spot: Spot,
    trail: &Trail<'_>,
) -> Result<Node, Fault> {
    let core = tag.filter(|tag| tag.is_yaml_core_schema()).map(|tag| tag.suffix.as_str());
    let wrong = |kind: &str| Fault::new(spot, trail, format!("`{text}` is tagged as {kind} and is none"));
    let value = match core {
        Some("str") => Value::Text(text.to_owned()),
        Some("null") => Value::Null,
        Some("bool") => match scalar::plain(text) {
            value @ Value::Bool(_) => value,
            _ => return Err(wrong("a boolean")),
        },
        Some("int") => match scalar::integer(&text.replace('_', "")) {
            Some(value) => Value::Int(value),
            None => return Err(wrong("an integer")),
        },
        Some("float") => match text.parse() {
            Ok(value) => Value::Float(value),
            Err(_) => return Err(wrong("a float")),
        },
        _ if style == ScalarStyle::Plain && tag.is_none_or(|tag| merge_tag(Some(tag)).is_some()) => {
            scalar::plain(text)
        }
        _ => Value::Text(text.to_owned()),
    };
    Ok(Node { tag: merge_tag(tag), ..Node::new(value, spot) })
}

fn merge_tag(tag: Option<&Tag>) -> Option<MergeTag> {
    let tag = tag.filter(|tag| tag.handle == "!")?;
    match tag.suffix.as_str() {
        "reset" => Some(MergeTag::Reset),
        "override" => Some(MergeTag::Override),
        _ => None,
    }
}

fn size(node: &Node) -> usize {
    match &node.value {
        Value::List(list) => list.iter().map(|node| size(node) + 1).sum(),
        Value::Map(map) => map.values().map(|node| size(node) + 1).sum(),
        _ => 0,
    }
}

fn height(node: &Node) -> usize {
    let below = match &node.value {
        Value::List(list) => list.iter().map(height).max(),
        Value::Map(map) => map.values().map(height).max(),
        _ => return 0,
    };
    below.map_or(0, |below| below + 1)
}

fn line(number: usize) -> u32 {
    u32::try_from(number).unwrap_or(u32::MAX)
}
