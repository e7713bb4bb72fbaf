//! Input that means harm: an error, in little time and memory.

use std::io;
use std::path::Path;
use std::time::{Duration, Instant};

use greenroom::compose::{self, Files, Problems, Request};

struct OneFile(Vec<u8>);

impl Files for OneFile {
    fn read(&self, _path: &Path) -> io::Result<Vec<u8>> {
        Ok(self.0.clone())
    }

    fn is_file(&self, path: &Path) -> bool {
        path == Path::new("/hostile/compose.yaml")
    }
}

fn refused(bytes: impl Into<Vec<u8>>) -> Problems {
    let started = Instant::now();
    let problems = compose::read(&Request::in_directory("/hostile"), &OneFile(bytes.into()))
        .expect_err("hostile input was read");
    // Generous, for slow machines and builds without optimisation: what is caught here takes minutes or forever.
    assert!(started.elapsed() < Duration::from_secs(20), "took {:?}", started.elapsed());
    problems
}

#[test]
fn an_alias_bomb_is_refused() {
    let mut text = String::from("x-0: &a0 [x, x, x, x, x, x, x, x, x, x]\n");
    for level in 1..20 {
        let aliases = vec![format!("*a{}", level - 1); 10].join(", ");
        text.push_str(&format!("x-{level}: &a{level} [{aliases}]\n"));
    }
    assert!(refused(text).to_string().contains("once its aliases are expanded"));
}

#[test]
fn a_bomb_of_merge_keys_is_refused() {
    let mut text = String::from("x-0: &a0 {k: v}\n");
    for level in 1..30 {
        let before = level - 1;
        text.push_str(&format!("x-{level}: &a{level} {{a: *a{before}, b: *a{before}, c: *a{before}}}\n"));
    }
    assert!(refused(text).to_string().contains("compose.yaml:"));
}

#[test]
fn deep_nesting_is_refused() {
    assert!(refused("x-a: ".to_owned() + &"[".repeat(100_000)).to_string().contains("compose.yaml:1"));
    assert!(refused("x-a: ".to_owned() + &"{a: ".repeat(100_000)).to_string().contains("compose.yaml:1"));
    let deep: String = (0..1_000).map(|level| " ".repeat(level) + "a:\n").collect();
    assert!(refused(deep).to_string().contains("levels deep"));
    assert!(refused("- ".repeat(100_000)).to_string().contains("levels deep"));
}

#[test]
fn deep_variables_are_refused() {
    let template = "${A:-".repeat(50_000) + &"}".repeat(50_000);
    assert!(refused(format!("services: {{a: {{image: \"{template}\"}}}}")).to_string().contains("too deep"));
}

#[test]
fn a_file_that_is_too_large_is_refused() {
    assert!(refused(vec![b'#'; 100 * 1024 * 1024]).to_string().contains("larger than 10 MB"));
}

#[test]
fn bytes_that_are_no_text_are_refused() {
    assert!(
        refused(b"services:\n  a: {image: \"\xff\xfe\"}".to_vec()).to_string().contains("not valid UTF-8")
    );
    assert!(refused(b"services:\n  a: {image: \"x\0y\"}".to_vec()).to_string().contains("NUL"));
}

#[test]
fn an_alias_inside_of_its_anchor_is_refused() {
    assert!(refused("x-a: &a [*a]\n").to_string().contains("compose.yaml:1:10"));
}

/// Whatever a file is cut off in, the answer is a project or a message.
#[test]
fn a_file_that_is_cut_off_anywhere_is_no_panic() {
    let text = "%YAML 1.1\n---\nx-a: &a {k: !tag, l: [!x, *a], \"m\": 'it''s'}\nservices:\n  web: &w\n    image: >-\n      é\n\
                    \n    ? command\n    : |+2\n        [!a, b]\n\n    environment: !override {A: \"\\u00e9\\\n      b\", <<: *w}\n\
                    ...\n---\n# end\nservices: !<tag:yaml.org,2002:map> {}\n";
    for (end, _) in text.char_indices() {
        let files = OneFile(text.as_bytes()[..end].to_vec());
        if let Err(problems) = compose::read(&Request::in_directory("/hostile"), &files) {
            assert!(!problems.to_string().is_empty());
        }
    }
}
