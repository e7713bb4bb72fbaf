//! The dependencies between the library's modules: `src/lib.rs` lists each module above those that use it.

use std::collections::{BTreeMap, BTreeSet};

use crate::tidy::{read, root, sources};

/// The modules in the order of `src/lib.rs`, each with the modules it uses.
const MODULES: &[(&str, &[&str])] = &[
    ("compose", &[]),
    ("address", &[]),
    ("kind", &["compose"]),
    ("error", &["compose"]),
    ("plan", &["compose", "address", "kind", "error"]),
    ("limits", &[]),
    ("event", &["compose", "plan", "limits"]),
    ("report", &["compose", "address"]),
    ("runtime", &["error"]),
    ("state", &["error", "limits", "event"]),
    ("engine", &["compose", "address", "error", "plan"]),
    ("liveness", &["compose", "plan", "limits", "event", "engine"]),
    ("poll", &[]),
    ("known", &["address", "kind", "error", "plan", "report", "engine"]),
    ("probe", &["compose", "address", "kind", "plan", "engine", "poll", "known"]),
    ("lease", &["compose", "error", "plan", "state", "known"]),
    (
        "volume",
        &[
            "kind", "error", "plan", "limits", "event", "runtime", "state", "engine", "liveness", "poll",
            "known", "probe", "lease",
        ],
    ),
    (
        "stack",
        &[
            "compose", "address", "kind", "error", "plan", "event", "report", "runtime", "state", "engine",
            "liveness", "poll", "known", "probe", "lease", "volume",
        ],
    ),
    ("watcher", &["lease", "stack"]),
    (
        "handle",
        &["compose", "address", "kind", "error", "event", "runtime", "engine", "known", "probe", "stack"],
    ),
    ("polygon", &["kind", "error", "stack", "handle"]),
    ("blocking", &["error", "runtime", "stack"]),
    ("fixtures", &["stack", "polygon"]),
];

/// The modules that `src/lib.rs` declares, in order, and the module of each name that it re-exports.
fn library() -> (Vec<String>, BTreeMap<String, String>) {
    let library = read(&root().join("src/lib.rs"));
    let mut modules = Vec::new();
    let mut names = BTreeMap::new();
    for statement in library.split(';').filter_map(|text| text.rsplit("\n\n").next()) {
        let code: String = statement.lines().filter(|line| !line.starts_with(['/', '#'])).collect();
        if let Some((_, module)) = code.rsplit_once("mod ").or_else(|| code.rsplit_once(" as ")) {
            modules.push(module.to_owned());
        } else if let Some((module, exports)) =
            code.strip_prefix("pub use ").and_then(|path| path.split_once("::"))
        {
            let exports = exports.trim_matches(['{', '}']).split(',').map(str::trim);
            names.extend(
                exports.map(|name| (name.rsplit("::").next().unwrap_or(name).to_owned(), module.to_owned())),
            );
        }
    }
    (modules, names)
}

/// The first segments of all paths that begin with `crate::`.
fn used(code: &str) -> BTreeSet<&str> {
    let is_name = |c: char| c.is_alphanumeric() || c == '_';
    let name = |text: &str| text.find(|c| !is_name(c)).unwrap_or(text.len());
    let mut found = BTreeSet::new();
    for rest in code.split("crate::").skip(1) {
        match rest.strip_prefix('{') {
            Some(group) => {
                let group = group.split('}').next().unwrap_or_default();
                found.extend(group.split(',').map(str::trim).map(|part| &part[..name(part)]));
            }
            None => {
                found.insert(&rest[..name(rest)]);
            }
        }
    }
    found
}

#[test]
fn each_module_uses_those_above_it_that_the_table_allows() {
    let (modules, names) = library();
    let listed: Vec<_> = MODULES.iter().map(|(module, _)| *module).collect();
    assert_eq!(modules, listed, "the table lists the modules of src/lib.rs in their order");
    for (index, (module, allowed)) in MODULES.iter().enumerate().skip(1) {
        let place = format!("src/{module}.rs");
        let place = if root().join(&place).exists() { place } else { format!("src/{module}") };
        let mut uses = BTreeSet::new();
        for (path, code) in sources(&place) {
            if path.components().any(|part| matches!(part.as_os_str().to_str(), Some("tests" | "tests.rs"))) {
                continue;
            }
            for name in used(&code) {
                let other = names.get(name).map_or(name, String::as_str);
                assert!(listed.contains(&other), "{}: `crate::{name}` is in no module", path.display());
                if other != *module {
                    uses.insert(other.to_owned());
                }
            }
        }
        let below: Vec<_> = uses.iter().filter(|other| !listed[..index].contains(&other.as_str())).collect();
        assert!(below.is_empty(), "`{module}` uses {below:?}, which src/lib.rs lists below it");
        let allowed: BTreeSet<_> = allowed.iter().map(|other| (*other).to_owned()).collect();
        assert_eq!(uses, allowed, "what `{module}` uses");
    }
}
