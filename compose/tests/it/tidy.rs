//! The crate checks its own structure: what its rooms import, and that it knows nothing of the world.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

/// The rooms of `src/`, in the order of `src/lib.rs`, and which rooms each may import.
const ROOMS: [(&str, &[&str]); 14] = [
    ("secret", &[]),
    ("text", &[]),
    ("yaml", &[]),
    ("tree", &["text"]),
    ("reading", &["secret", "text", "tree"]),
    ("parse", &["text", "yaml", "tree", "reading"]),
    ("schema", &["text", "tree", "reading"]),
    ("variable", &["tree", "reading"]),
    ("canonical", &["text", "tree", "reading"]),
    ("assemble", &["text", "tree", "reading", "parse", "schema", "variable", "canonical"]),
    ("discover", &["text", "tree", "reading", "variable", "assemble"]),
    ("normalize", &["text", "tree", "reading", "variable", "canonical"]),
    ("print", &["text", "tree", "reading", "parse", "schema"]),
    ("view", &["secret", "text", "tree", "reading", "variable", "discover", "print"]),
];

/// The files that need each other: loading a file loads what it includes.
const CIRCLES: [&[&str]; 1] = [&["assemble::include", "assemble::load"]];

/// The Rust files of `src/` by their path below it: the code without comments and unit tests.
fn sources() -> BTreeMap<String, String> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut folders = vec![root.clone()];
    let mut sources = BTreeMap::new();
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|end| end == "rs") {
                let text = fs::read_to_string(&path).unwrap();
                let code = text.split("#[cfg(test)]").next().unwrap_or_default();
                let lines = code.lines().map(|line| line.split("//").next().unwrap_or_default());
                let name = path.strip_prefix(&root).unwrap().to_string_lossy().into_owned();
                sources.insert(name, lines.collect::<Vec<_>>().join("\n"));
            }
        }
    }
    sources
}

/// `tree::node` of `tree/node.rs`, `tree` of `tree/mod.rs`.
fn module(file: &str) -> String {
    file.trim_end_matches(".rs").trim_end_matches("/mod").replace('/', "::")
}

/// One file's `use` lines and the rest of its code.
struct Code {
    module: String,
    /// Absolute paths, less the leading `crate::`.
    imports: Vec<String>,
    /// Re-exports, likewise.
    exports: Vec<String>,
    body: String,
}

impl Code {
    fn of(file: &str, text: &str) -> Code {
        let mut code =
            Code { module: module(file), imports: Vec::new(), exports: Vec::new(), body: String::new() };
        for statement in text.split_inclusive(';') {
            let trimmed = statement.trim();
            let (visibility, path) = trimmed.split_once("use ").unwrap_or(("no use line", ""));
            let paths = expand(path.trim_end_matches(';'));
            let paths = paths.iter().filter_map(|path| code.absolute(path)).collect::<Vec<_>>();
            match visibility.trim() {
                "" => code.imports.extend(paths),
                "pub" | "pub(crate)" => code.exports.extend(paths),
                _ if trimmed.split(' ').rev().nth(1) == Some("mod") => {}
                _ => code.body += statement,
            }
        }
        code
    }

    /// `None` for what is not of this crate. The children of a module are named as they are.
    fn absolute(&self, path: &str) -> Option<String> {
        let parent = self.module.rsplit_once("::").map_or("", |(parent, _)| parent);
        match path.split_once("::").unwrap_or((path, "")) {
            ("crate", rest) => Some(rest.to_owned()),
            ("super", rest) if parent.is_empty() => Some(rest.to_owned()),
            ("super", rest) => Some(format!("{parent}::{rest}")),
            ("std" | "serde" | "serde_json" | "indexmap" | "base64", _) => None,
            _ => Some(format!("{}::{path}", self.module)),
        }
    }

    /// All paths that the file names: its imports, re-exports that it uses itself, and paths in its code.
    fn paths(&self) -> Vec<String> {
        let words: BTreeSet<&str> = self.body.split(|c: char| !(c.is_alphanumeric() || c == '_')).collect();
        let used = |path: &&String| path.rsplit("::").next().is_some_and(|name| words.contains(name));
        let in_code = self.body.split(|c: char| !(c.is_alphanumeric() || c == '_' || c == ':'));
        let in_code = in_code.filter(|path| path.contains("::")).filter_map(|path| self.absolute(path));
        self.imports.iter().chain(self.exports.iter().filter(used)).cloned().chain(in_code).collect()
    }
}

/// `a::b` and `a::c::d` of `a::{b, c::d}`.
fn expand(path: &str) -> Vec<String> {
    let Some((head, rest)) = path.split_once('{') else {
        let path = path.split(" as ").next().unwrap_or_default();
        return vec![path.trim().trim_end_matches("::self").to_owned()];
    };
    let mut depth = 0;
    let parts = rest.rsplit_once('}').map_or(rest, |(inside, _)| inside).split(|c: char| {
        depth += i32::from(c == '{') - i32::from(c == '}');
        c == ',' && depth == 0
    });
    let parts = parts.map(str::trim).filter(|part| !part.is_empty());
    parts.flat_map(|part| expand(&format!("{}{part}", head.trim()))).collect()
}

/// The module in which a path ends, re-exports followed.
fn resolve<'a>(path: &str, modules: &'a BTreeMap<String, Code>) -> Option<&'a str> {
    let mut prefix = path;
    loop {
        if let Some((name, code)) = modules.get_key_value(prefix) {
            let rest = path[prefix.len()..].trim_start_matches("::");
            let item = rest.split("::").next().unwrap_or_default();
            let export = code.exports.iter().find(|export| export.rsplit("::").next() == Some(item));
            return match export {
                Some(export) if !item.is_empty() => resolve(export, modules),
                _ => Some(name),
            };
        }
        prefix = prefix.rsplit_once("::")?.0;
    }
}

/// Which modules each module imports. The crate's root and the doors for the fuzz targets import as they like.
fn imports() -> BTreeMap<String, BTreeSet<String>> {
    let code = sources().into_iter().filter(|(file, _)| !matches!(file.as_str(), "lib.rs" | "fuzzing.rs"));
    let modules: BTreeMap<String, Code> =
        code.map(|(file, text)| (module(&file), Code::of(&file, &text))).collect();
    let imports = |code: &Code| {
        let paths = code.paths();
        let found = paths.iter().filter_map(|path| resolve(path, &modules));
        found.filter(|found| *found != code.module).map(str::to_owned).collect()
    };
    modules.values().map(|code| (code.module.clone(), imports(code))).collect()
}

fn room(module: &str) -> &str {
    module.split("::").next().unwrap_or_default()
}

#[test]
fn rooms_import_only_what_the_table_allows() {
    let mut found: BTreeMap<&str, BTreeSet<&str>> =
        ROOMS.iter().map(|(room, _)| (*room, BTreeSet::new())).collect();
    let imports = imports();
    for (module, imported) in &imports {
        let others = imported.iter().map(|other| room(other)).filter(|other| *other != room(module));
        found.get_mut(room(module)).unwrap_or_else(|| panic!("`{module}` is no room")).extend(others);
    }
    for (at, (room, allowed)) in ROOMS.iter().enumerate() {
        assert!(allowed.iter().all(|other| ROOMS[..at].iter().any(|(above, _)| above == other)), "{room}");
        assert_eq!(found[room], allowed.iter().copied().collect(), "what `{room}` imports");
    }
}

#[test]
fn no_files_import_each_other_but_those_of_the_one_circle() {
    let imports = imports();
    let reached = |start: &String| {
        let mut reached = BTreeSet::new();
        let mut open = vec![start];
        while let Some(module) = open.pop() {
            open.extend(imports[module].iter().filter(|next| reached.insert((*next).clone())));
        }
        reached
    };
    let reached: BTreeMap<&String, BTreeSet<String>> =
        imports.keys().map(|module| (module, reached(module))).collect();
    let circle = |module: &String| -> Vec<&str> {
        let others = reached[module].iter().filter(|other| reached[other].contains(module));
        others.map(String::as_str).collect()
    };
    let circles: BTreeSet<Vec<&str>> =
        imports.keys().map(circle).filter(|circle| !circle.is_empty()).collect();
    assert_eq!(circles, CIRCLES.iter().map(|circle| circle.to_vec()).collect());
}

#[test]
fn the_rooms_are_listed_in_the_order_of_the_table() {
    let library = &sources()["lib.rs"];
    let listed: Vec<&str> = library
        .lines()
        .filter_map(|line| line.trim_start_matches("pub ").strip_prefix("mod ")?.strip_suffix(';'))
        .filter(|module| *module != "fuzzing")
        .collect();
    assert_eq!(listed, ROOMS.map(|(room, _)| room));
}

#[test]
fn the_reader_knows_no_world() {
    // What tells the time, waits, talks, prints or reads the environment. `reading/files.rs` is the one door to the
    // disk.
    let world =
        ["tokio", "std::env", "Instant", "SystemTime", "std::process", "TcpStream", "println!", "print!("];
    for (file, code) in sources() {
        for word in world {
            assert!(!code.contains(word), "{file}: `{word}` has no place here");
        }
        assert!(file == "reading/files.rs" || !code.contains("std::fs"), "{file}: reads files by itself");
    }
}
