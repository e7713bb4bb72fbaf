//! The repository checks itself: invariants of the architecture and of the documents that are visible in the sources.

use std::fs;
use std::path::{Path, PathBuf};

pub(crate) fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

/// The Rust files below a folder or file, with their text without comments and tests.
pub(crate) fn sources(place: &str) -> Vec<(PathBuf, String)> {
    fn walk(path: &Path, found: &mut Vec<PathBuf>) {
        if path.is_dir() {
            for entry in fs::read_dir(path).expect("a folder of the repository is readable") {
                walk(&entry.expect("the folder's entries are readable").path(), found);
            }
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            found.push(path.to_owned());
        }
    }
    let mut found = Vec::new();
    walk(&root().join(place), &mut found);
    assert!(!found.is_empty(), "there is no Rust file in {place}");
    found.into_iter().map(|path| (path.clone(), code(&read(&path)))).collect()
}

pub(crate) fn read(path: &Path) -> String {
    fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// The code of a file: without comment lines, and up to its unit tests.
fn code(text: &str) -> String {
    let code = text.split("#[cfg(test)]\nmod tests {").next().unwrap_or_default();
    code.lines().filter(|line| !line.trim_start().starts_with("//")).collect::<Vec<_>>().join("\n")
}

/// Fails for each line of `place` that contains one of `words`.
fn assert_absent(place: &str, words: &[&str]) {
    for (path, text) in sources(place) {
        for (number, line) in text.lines().enumerate() {
            for word in words {
                assert!(
                    !line.contains(word),
                    "{}: `{word}` has no place here (code line {}): {line}",
                    path.display(),
                    number + 1
                );
            }
        }
    }
}

#[test]
fn the_pure_modules_know_no_world() {
    // Names for clocks, waiting, the network and the environment. The reader's crate has a test of its own.
    let world = [
        "tokio",
        "std::env",
        "std::time::Instant",
        "SystemTime",
        "TcpStream",
        "ToSocketAddrs",
        "reqwest",
        "sqlx",
        "std::process",
        "testcontainers",
        "bollard",
    ];
    for place in ["src/address.rs", "src/kind", "src/plan", "src/report.rs"] {
        assert_absent(place, &world);
    }
}

#[test]
fn only_the_engine_names_testcontainers_and_bollard() {
    for entry in fs::read_dir(root().join("src")).expect("src is readable") {
        let name =
            entry.expect("the folder's entries are readable").file_name().to_string_lossy().into_owned();
        if name != "engine" {
            assert_absent(&format!("src/{name}"), &["testcontainers", "bollard"]);
        }
    }
    let public = read(&root().join("src/engine/mod.rs"));
    assert!(
        !public.lines().any(|line| line.starts_with("pub use") || line.starts_with("pub struct")),
        "the engine is private"
    );
}

#[test]
fn the_engine_never_waits() {
    assert_absent("src/engine", &["tokio::time", "thread::sleep", "poll::"]);
}

#[test]
fn the_library_prints_nothing_but_what_a_panicking_test_is_told() {
    for (path, text) in sources("src") {
        let prints =
            ["print!(", "println!(", "dbg!("].iter().map(|word| text.matches(word).count()).sum::<usize>();
        let expected = usize::from(path.ends_with("src/stack/panicking.rs"));
        assert_eq!(prints, expected, "{} prints", path.display());
    }
}

#[test]
fn no_lint_is_allowed_silently_and_no_test_ignored() {
    for place in ["src", "compose", "cli", "tests", "fixtures"] {
        let needles = [["#[al", "low("].concat(), ["#![al", "low("].concat(), ["#[ig", "nore"].concat()];
        assert_absent(place, &needles.each_ref().map(String::as_str));
    }
}

#[test]
fn nextest_shows_why_a_test_is_skipped() {
    let config = read(&root().join(".config/nextest.toml"));
    for (path, text) in sources("tests/live") {
        for call in text.split(" skip(").skip(1) {
            let test = call.split(',').next().unwrap_or_default().trim();
            assert!(
                config.contains(&format!("::{test})")),
                "{}: `{test}` is not in nextest.toml",
                path.display()
            );
        }
    }
}

#[test]
fn unsafe_code_is_in_one_file() {
    for (path, text) in sources("src") {
        let unsafe_ = ["unsafe", "_code"].concat();
        assert_eq!(
            text.contains(&unsafe_),
            path.ends_with("src/watcher/constructor.rs"),
            "{}",
            path.display()
        );
    }
}

#[test]
fn the_readme_lists_every_variable_that_is_read() {
    let readme = read(&root().join("README.md"));
    let settings = readme.split("## Settings").nth(1).and_then(|text| text.split("\n## ").next());
    let table: Vec<_> =
        settings.expect("it has the chapter").lines().filter(|line| line.starts_with('|')).collect();
    let mut count = 0;
    for (path, text) in ["src", "cli/src"].into_iter().flat_map(sources) {
        for rest in text.split("\"GREENROOM_").skip(1) {
            let name = format!("GREENROOM_{}", rest.split('"').next().unwrap_or_default());
            let is_listed = table.iter().any(|line| line.contains(&format!("`{name}`")));
            assert!(is_listed, "{}: {name} is not in the README's table of settings", path.display());
            count += 1;
        }
    }
    assert!(count >= 5, "only {count} variables were found");
}

#[test]
fn the_links_of_a_readme_lead_somewhere_on_docs_rs() {
    for (readme, has_anchors) in [("README.md", true), ("compose/README.md", false)] {
        let text = read(&root().join(readme));
        let anchors: Vec<_> = text
            .lines()
            .filter_map(|line| line.strip_prefix("## "))
            .map(|title| format!("#{}", title.to_lowercase().replace(' ', "-")))
            .collect();
        for link in text.split("](").skip(1).filter_map(|rest| rest.split(')').next()) {
            let is_anchor = anchors.iter().any(|anchor| anchor == link);
            assert!(is_anchor || link.starts_with("https://"), "{readme}: {link} is dead on docs.rs");
        }
        assert!(!has_anchors || text.contains("](#"), "{readme} has no links to its own chapters");
    }
}

#[test]
fn the_changelog_has_the_version() {
    let changelog = read(&root().join("CHANGELOG.md"));
    assert!(changelog.contains(&format!("## {}", env!("CARGO_PKG_VERSION"))));
}

#[test]
fn each_error_is_tested_with_its_whole_text() {
    let constructors = read(&root().join("src/error/operations.rs"));
    let tests = read(&root().join("src/error/tests.rs"));
    let names = constructors.split("pub(crate) fn ").skip(1).filter_map(|rest| rest.split(['(', '<']).next());
    for name in names {
        assert!(tests.contains(&format!("Error::{name}(")), "src/error/tests.rs has no `Error::{name}`");
    }
}

/// The keys of one list of `src/plan/support.rs`.
pub(crate) fn supported(list: &str) -> Vec<String> {
    let support = read(&root().join("src/plan/support.rs"));
    let keys =
        support.split(&format!("const {list}: &[&str] = &[")).nth(1).and_then(|rest| rest.split("];").next());
    let keys = code(keys.unwrap_or_else(|| panic!("there is no `{list}`")));
    keys.split('"').skip(1).step_by(2).map(str::to_owned).collect()
}

#[test]
fn the_documented_keys_are_those_that_up_goes_by() {
    // A key that is applied in part is listed by its first segment. Its parts that are not applied are listed in full.
    let mut applied: Vec<_> =
        supported("APPLIED").iter().map(|key| key.split('.').next().unwrap_or(key).to_owned()).collect();
    applied.dedup();
    let lists = [
        ("Applied", applied),
        ("Not applied, with a warning", supported("NOT_APPLIED")),
        ("Without effect, as in Compose", supported("WITHOUT_EFFECT")),
    ];
    let document = read(&root().join("docs/compose.md"));
    for (heading, keys) in lists {
        let list = document
            .split_once(&format!("\n## {heading}\n\n"))
            .and_then(|(_, list)| list.split("\n\n").next())
            .unwrap_or_else(|| panic!("docs/compose.md has no list `{heading}`"));
        let told: Vec<_> = list.split('`').skip(1).step_by(2).collect();
        assert_eq!(told, keys, "docs/compose.md: {heading}");
    }
}
