//! Makes relative paths absolute (Compose specification, "Relative path determination"). No file is looked at.

use std::path::Path;

use crate::reading::Reading;
use crate::text::path::join;
use crate::tree::{Node, Value};

/// Makes every path of a canonical document absolute; `directory` is what they are relative to.
pub(crate) fn resolve(reading: &mut Reading<'_>, document: &mut Node, directory: &Path) {
    let home = reading.home.clone();
    let paths = Paths { directory, home: home.as_deref() };
    for (name, service) in document.entries_mut("services") {
        paths.resolve_service(reading, name, service);
    }
    for kind in ["configs", "secrets"] {
        for (_, file) in document.entries_mut(kind) {
            paths.resolve_at(file, "file", Paths::host_path);
        }
    }
    for (_, volume) in document.entries_mut("volumes") {
        paths.resolve_volume(volume);
    }
}

struct Paths<'a> {
    directory: &'a Path,
    home: Option<&'a Path>,
}

impl Paths<'_> {
    fn resolve_service(&self, reading: &mut Reading<'_>, name: &str, service: &mut Node) {
        if let Some(build) = service.get_mut("build") {
            self.resolve_at(build, "context", Paths::context);
            if let Some(contexts) = build.get_mut("additional_contexts") {
                self.resolve_contexts(contexts);
            }
        }
        for file in service.items_mut("env_file") {
            self.resolve_at(file, "path", Paths::path);
        }
        for file in service.items_mut("label_file") {
            self.resolve_text(file, Paths::path);
        }
        if let Some(extends) = service.get_mut("extends") {
            self.resolve_at(extends, "file", Paths::path);
        }
        let watch = service.get_mut("develop").and_then(|develop| develop.get_mut("watch"));
        for rule in watch.and_then(Node::as_list_mut).into_iter().flatten() {
            self.resolve_at(rule, "path", Paths::path);
        }
        for (index, mount) in service.items_mut("volumes").enumerate() {
            if mount.text_at("type") != Some("bind") {
                continue;
            }
            if mount.get("source").is_none() {
                let path = format!("services.{name}.volumes[{index}]");
                reading.problem(mount.spot, path, "a bind mount needs a `source`").hint =
                    Some("it is the path on the host".to_owned());
            }
            self.resolve_at(mount, "source", Paths::host_path);
        }
    }

    /// A local volume whose options make it a bind mount.
    fn resolve_volume(&self, volume: &mut Node) {
        let local = volume.text_at("driver") == Some("local");
        if let Some(options) = volume.get_mut("driver_opts").filter(|_| local)
            && options.text_at("o") == Some("bind")
        {
            self.resolve_at(options, "device", Paths::host_path);
        }
    }

    fn resolve_contexts(&self, contexts: &mut Node) {
        match &mut contexts.value {
            Value::Map(map) => {
                for context in map.values_mut() {
                    self.resolve_text(context, Paths::context);
                }
            }
            Value::List(list) => {
                for item in list {
                    if let Value::Text(text) = &mut item.value
                        && let Some((name, context)) = text.split_once('=')
                    {
                        *text = format!("{name}={}", self.context(context));
                    }
                }
            }
            _ => {}
        }
    }

    fn resolve_at(&self, node: &mut Node, key: &str, resolve: fn(&Self, &str) -> String) {
        if let Some(value) = node.get_mut(key) {
            self.resolve_text(value, resolve);
        }
    }

    fn resolve_text(&self, node: &mut Node, resolve: fn(&Self, &str) -> String) {
        if let Value::Text(text) = &mut node.value {
            *text = resolve(self, text);
        }
    }

    /// An empty path stays empty, and is reported later.
    fn path(&self, path: &str) -> String {
        let path = self.expand_home(path);
        if path.is_empty() || path.starts_with('/') { path } else { self.below(&path) }
    }

    /// A path on the host, which may be a Windows one.
    fn host_path(&self, path: &str) -> String {
        let path = self.expand_home(path);
        if path.starts_with('/') || is_windows_absolute(&path) { path } else { self.below(&path) }
    }

    /// A build context, which may be a URL or another service.
    fn context(&self, context: &str) -> String {
        if is_remote(context) { context.to_owned() } else { self.path(context) }
    }

    fn expand_home(&self, path: &str) -> String {
        match (path.strip_prefix('~'), self.home) {
            (Some(rest), Some(home)) => join(home, rest.trim_start_matches('/')).display().to_string(),
            _ => path.to_owned(),
        }
    }

    fn below(&self, path: &str) -> String {
        join(self.directory, path).display().to_string()
    }
}

fn is_windows_absolute(path: &str) -> bool {
    let bytes = path.as_bytes();
    path.starts_with("\\\\") || (bytes.len() > 2 && bytes[1] == b':' && matches!(bytes[2], b'\\' | b'/'))
}

fn is_remote(context: &str) -> bool {
    context.contains("://")
        || ["service:", "github.com/", "git@"].iter().any(|prefix| context.starts_with(prefix))
}
