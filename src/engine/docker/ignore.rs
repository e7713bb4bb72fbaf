//! Which files of a build context `.dockerignore` excludes.
//!
//! <https://docs.docker.com/build/concepts/context/#dockerignore-files>: patterns of Go's `filepath.Match`, and `**`.

use std::path::Path;

/// The patterns in order; the last match decides.
pub(super) struct Ignore {
    patterns: Vec<Pattern>,
    /// Whether any pattern is an exception: then files of an ignored folder may be included.
    pub(super) has_exceptions: bool,
}

struct Pattern {
    /// Starts with `!`: matching files are included again.
    is_exception: bool,
    glob: String,
}

impl Ignore {
    pub(super) fn parse(text: &str) -> Ignore {
        let lines = text.strip_prefix('\u{feff}').unwrap_or(text).lines();
        let patterns: Vec<_> = lines
            .filter(|line| !line.starts_with('#'))
            .map(str::trim)
            .filter_map(|line| {
                let exception = line.strip_prefix('!');
                let glob = clean(exception.unwrap_or(line).trim());
                (!glob.is_empty()).then_some(Pattern { is_exception: exception.is_some(), glob })
            })
            .collect();
        let has_exceptions = patterns.iter().any(|pattern| pattern.is_exception);
        Ignore { patterns, has_exceptions }
    }

    pub(super) fn matches(&self, path: &Path) -> bool {
        let parts: Vec<_> = path.iter().map(|part| part.to_string_lossy()).collect();
        let path = parts.join("/");
        // A pattern also covers all that lies below what it names.
        let ends: Vec<usize> =
            path.match_indices('/').map(|(at, _)| at).chain(std::iter::once(path.len())).collect();
        let mut is_ignored = false;
        for pattern in &self.patterns {
            let decides = pattern.is_exception == is_ignored;
            if decides && ends.iter().any(|&end| matches(pattern.glob.as_bytes(), &path.as_bytes()[..end])) {
                is_ignored = !pattern.is_exception;
            }
        }
        is_ignored
    }
}

/// The pattern without a leading slash, empty parts, `.` and `..`.
fn clean(pattern: &str) -> String {
    let mut parts: Vec<&str> = Vec::new();
    for part in pattern.split('/') {
        match part {
            "" | "." => {}
            ".." => {
                parts.pop();
            }
            _ => parts.push(part),
        }
    }
    parts.join("/")
}

fn matches(pattern: &[u8], path: &[u8]) -> bool {
    match pattern {
        [] => path.is_empty(),
        [b'*', b'*'] => true,
        // Any number of folders, none among them.
        [b'*', b'*', rest @ ..] => {
            let rest = rest.strip_prefix(b"/").unwrap_or(rest);
            let below = (0..path.len()).filter(|&at| path[at] == b'/').map(|at| at + 1);
            std::iter::once(0).chain(below).any(|begin| matches(rest, &path[begin..]))
        }
        [b'*', rest @ ..] => {
            let end = path.iter().position(|&byte| byte == b'/').unwrap_or(path.len());
            (0..=end).any(|skip| matches(rest, &path[skip..]))
        }
        [b'?', rest @ ..] => {
            // A character may be several bytes.
            let length = path.iter().skip(1).take_while(|&&byte| byte & 0xc0 == 0x80).count() + 1;
            path.first().is_some_and(|&byte| byte != b'/') && matches(rest, &path[length..])
        }
        [b'[', rest @ ..] => match (rest.iter().skip(1).position(|&byte| byte == b']'), path.split_first()) {
            (Some(end), Some((&byte, others))) if byte != b'/' => {
                let (class, rest) = (&rest[..=end], &rest[end + 2..]);
                is_in_class(class, byte) && matches(rest, others)
            }
            _ => false,
        },
        [b'\\', byte, rest @ ..] | [byte, rest @ ..] => {
            path.first() == Some(byte) && matches(rest, &path[1..])
        }
    }
}

/// Matches the content of `[…]`: bytes and ranges of bytes, negated after `^`.
fn is_in_class(class: &[u8], byte: u8) -> bool {
    let (negated, mut class) = class.strip_prefix(b"^").map_or((false, class), |class| (true, class));
    let mut found = false;
    while let Some((&first, rest)) = class.split_first() {
        match rest {
            [b'-', last, rest @ ..] => {
                found |= (first..=*last).contains(&byte);
                class = rest;
            }
            _ => {
                found |= first == byte;
                class = rest;
            }
        }
    }
    found != negated
}

#[cfg(test)]
mod tests {
    use super::*;

    fn assert_ignores(patterns: &str, cases: &[(&str, bool)]) {
        let ignore = Ignore::parse(patterns);
        for (path, ignored) in cases {
            assert_eq!(ignore.matches(Path::new(path)), *ignored, "{path} by {patterns:?}");
        }
    }

    #[test]
    fn the_last_matching_pattern_decides() {
        assert_ignores(
            "# comment\ntarget\n*.log\n!keep.log\n**/node_modules\ndocs/*.md\n",
            &[
                ("target", true),
                ("target/debug/x", true),
                ("src/target", false),
                ("a.log", true),
                ("keep.log", false),
                ("a/b/node_modules/c", true),
                ("node_modules", true),
                ("docs/a.md", true),
                ("docs/a.txt", false),
                ("docs/more/a.md", false),
            ],
        );
        assert_ignores("*\n!src\nsrc/*.tmp\n", &[("a", true), ("src/x", false), ("src/x.tmp", true)]);
    }

    #[test]
    fn two_stars_stand_for_folders() {
        assert_ignores(
            "**/*.go\na/**/z\nbuild/**\n",
            &[
                ("x.go", true),
                ("a/b/x.go", true),
                ("a/z", true),
                ("a/b/c/z", true),
                ("a/zz", false),
                ("build/x/y", true),
                ("build", false),
            ],
        );
    }

    #[test]
    fn classes_escapes_and_single_characters() {
        assert_ignores(
            "key-[0-9].txt\n[^a-c]x\nnote?.md\n\\#file\n",
            &[
                ("key-1.txt", true),
                ("key-x.txt", false),
                ("dx", true),
                ("bx", false),
                ("note1.md", true),
                ("noteü.md", true),
                ("note.md", false),
                ("#file", true),
            ],
        );
    }

    #[test]
    fn slashes_dots_and_blanks_do_not_count() {
        assert_ignores(
            "  /logs/  \n./tmp\na//b\n.\n",
            &[("logs/x", true), ("tmp", true), ("a/b", true), ("c", false)],
        );
    }
}
