//! The short form of a volume: `source:target:options` (Compose specification, "volumes", "Short syntax").

use crate::text::path;
use crate::tree::{Map, Node, Value};

/// The parts of a short form.
pub(crate) struct ShortMount {
    pub(crate) source: Option<String>,
    pub(crate) target: String,
    options: Option<String>,
    /// A target of one or two characters: Compose gives it no `volume: {}`.
    tiny: bool,
}

/// Splits at colons, except for the colon of a Windows drive: `d:/path` is one part.
pub(crate) fn split(text: &str) -> Result<ShortMount, &'static str> {
    if text.is_empty() {
        return Err("is empty");
    }
    if text.len() <= 2 {
        return Ok(ShortMount { source: None, target: text.to_owned(), options: None, tiny: true });
    }
    let mut parts: Vec<&str> = Vec::new();
    let mut start = 0;
    for (at, _) in text.match_indices(':') {
        let part = &text[start..at];
        let is_drive = part.chars().count() == 1 && part.starts_with(char::is_alphabetic);
        if !is_drive {
            parts.push(part);
            start = at + 1;
        }
    }
    parts.push(&text[start..]);
    if parts.iter().any(|part| part.is_empty()) {
        return Err("has an empty part between colons");
    }
    let mut parts = parts.into_iter().map(str::to_owned);
    let (first, second, third, more) = (parts.next(), parts.next(), parts.next(), parts.next());
    match (first, second, more) {
        (_, _, Some(_)) => Err("has too many colons"),
        (Some(source), Some(target), None) => {
            Ok(ShortMount { source: Some(source), target, options: third, tiny: false })
        }
        (target, ..) => {
            Ok(ShortMount { source: None, target: target.unwrap_or_default(), options: None, tiny: false })
        }
    }
}

/// The long form of a short form. Like Compose, it ignores unknown options.
pub(crate) fn long_form(node: &Node, text: &str) -> Result<Node, &'static str> {
    let short = split(text)?;
    let flag = |value| Node::implied(Value::Bool(value), node);
    let mut mount = Map::new();
    let mut bind = Map::new();
    let mut volume = Map::new();
    let is_bind = short.source.as_deref().is_some_and(is_path);
    mount.insert("type".to_owned(), Node::text(if is_bind { "bind" } else { "volume" }, node));
    if let Some(source) = short.source {
        mount.insert("source".to_owned(), Node::text(source, node));
    }
    mount.insert("target".to_owned(), Node::text(path::clean(&short.target), node));
    for option in short.options.iter().flat_map(|options| options.split(',')) {
        match option {
            "ro" => drop(mount.insert("read_only".to_owned(), flag(true))),
            "rw" => drop(mount.insert("read_only".to_owned(), flag(false))),
            "nocopy" => drop(volume.insert("nocopy".to_owned(), flag(true))),
            "rprivate" | "private" | "rshared" | "shared" | "rslave" | "slave" => {
                bind.insert("propagation".to_owned(), Node::text(option, node));
            }
            "z" | "Z" => drop(bind.insert("selinux".to_owned(), Node::text(option, node))),
            _ => {}
        }
    }
    if is_bind {
        bind.insert("create_host_path".to_owned(), flag(true));
    }
    if !bind.is_empty() {
        mount.insert("bind".to_owned(), Node::implied(Value::Map(bind), node));
    }
    if !short.tiny && (!is_bind || !volume.is_empty()) {
        mount.insert("volume".to_owned(), Node::implied(Value::Map(volume), node));
    }
    Ok(Node { variables: node.variables.clone(), ..Node::implied(Value::Map(mount), node) })
}

/// Whether a source is a path on the host and not the name of a volume.
fn is_path(source: &str) -> bool {
    let mut characters = source.chars();
    let (first, second) = (characters.next(), characters.next());
    source.starts_with(['.', '/', '~'])
        || source.starts_with("\\\\")
        || (first.is_some_and(char::is_alphabetic) && second == Some(':'))
}
