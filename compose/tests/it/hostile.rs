//! Input that means harm: an answer in little time and memory, and an error where the limits say so. None of these
//! inputs could be read without those limits: it would take hours, or more memory than there is.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::io;
use std::path::{Path, PathBuf};
use std::process::Command;

use greenroom_compose::{Disk, Files, Problems, Project, Request};

/// Files in memory below `/hostile`.
#[derive(Default)]
struct Memory(BTreeMap<PathBuf, Vec<u8>>);

impl Memory {
    fn with(mut self, name: &str, text: impl Into<Vec<u8>>) -> Memory {
        self.0.insert(Path::new("/hostile").join(name), text.into());
        self
    }
}

impl Files for Memory {
    fn read(&self, path: &Path) -> io::Result<Vec<u8>> {
        self.0.get(path).cloned().ok_or_else(|| io::ErrorKind::NotFound.into())
    }

    fn is_file(&self, path: &Path) -> bool {
        self.0.contains_key(path)
    }
}

/// A file for every name that is asked for, made of the number in it.
struct Endless(fn(usize) -> String);

impl Files for Endless {
    fn read(&self, path: &Path) -> io::Result<Vec<u8>> {
        let number = path.file_stem().and_then(|stem| stem.to_str()?.parse().ok()).unwrap_or(0);
        Ok(self.0(number).into_bytes())
    }

    fn is_file(&self, path: &Path) -> bool {
        path.ends_with("compose.yaml")
    }
}

fn read(files: &dyn Files) -> Result<Project, Problems> {
    greenroom_compose::read(&Request::in_directory("/hostile"), files)
}

fn refused_files(files: &dyn Files) -> String {
    read(files).expect_err("hostile input was read").to_string()
}

fn refused(text: impl Into<Vec<u8>>) -> String {
    refused_files(&Memory::default().with("compose.yaml", text))
}

fn taken(text: impl Into<Vec<u8>>) -> Project {
    read(&Memory::default().with("compose.yaml", text)).expect("a large file is a file")
}

const TOO_MANY: &str = "the files hold more than 500000 values after aliases";

/// So many services, each with these lines.
fn services(count: usize, lines: impl Fn(usize) -> String) -> String {
    let mut text = String::from("services:\n");
    for number in 0..count {
        writeln!(text, "  s{number}: {}", lines(number)).expect("a text takes text");
    }
    text
}

#[test]
fn an_alias_bomb_is_refused() {
    let mut text = String::from("x-0: &a0 [x, x, x, x, x, x, x, x, x, x]\n");
    for level in 1..20 {
        let aliases = vec![format!("*a{}", level - 1); 10].join(", ");
        text.push_str(&format!("x-{level}: &a{level} [{aliases}]\n"));
    }
    assert!(refused(text).contains(TOO_MANY));
}

#[test]
fn a_bomb_of_merge_keys_is_refused() {
    let mut text = String::from("x-0: &a0 {k: v}\n");
    for level in 1..30 {
        let before = level - 1;
        text.push_str(&format!("x-{level}: &a{level} {{a: *a{before}, b: *a{before}, c: *a{before}}}\n"));
    }
    assert!(refused(text).contains(TOO_MANY));
}

#[test]
fn a_long_text_that_is_repeated_is_refused() {
    let text = "x".repeat(5 * 1024 * 1024);
    let aliases = vec!["*a"; 100_000].join(", ");
    assert!(refused(format!("x-a: &a {text}\nx-b: [{aliases}]\n")).contains(TOO_MANY));
}

#[test]
fn anchors_around_anchors_are_refused() {
    let list = vec!["1"; 100_000].join(", ");
    let open: String = (0..50).map(|level| format!("&a{level} [")).collect();
    assert!(refused(format!("x-a: {open}{list}{}", "]".repeat(50))).contains(TOO_MANY));
}

#[test]
fn deep_nesting_is_refused() {
    assert!(refused("x-a: ".to_owned() + &"[".repeat(100_000)).contains("compose.yaml:1"));
    assert!(refused("x-a: ".to_owned() + &"{a: ".repeat(100_000)).contains("compose.yaml:1"));
    let deep: String = (0..1_000).map(|level| " ".repeat(level) + "a:\n").collect();
    assert!(refused(deep).contains("levels deep"));
    assert!(refused("- ".repeat(100_000)).contains("levels deep"));
    assert!(refused("? ".repeat(100_000)).contains("compose.yaml:1"));
}

#[test]
fn an_alias_inside_of_its_anchor_is_refused() {
    assert!(refused("x-a: &a [*a]\n").contains("compose.yaml:1:10"));
    assert!(refused("x-a: &a {<<: *a}\n").contains("compose.yaml:1:14"));
    assert!(refused("x-a: &a {b: &b {<<: [*b, *a]}}\n").contains("compose.yaml:1:22"));
}

#[test]
fn a_tag_that_is_none_is_refused() {
    assert!(refused("x-a: !%ED%A0%80 b\n").contains("compose.yaml:1:16: not valid YAML"));
    assert!(refused("x-a: !<! b\n").contains("compose.yaml:1:9: not valid YAML"));
}

#[test]
fn bytes_that_are_no_text_are_refused() {
    assert!(refused(b"services:\n  a: {image: \"\xff\xfe\"}".to_vec()).contains("not valid UTF-8"));
    assert!(refused(b"services:\n  a: {image: \"x\0y\"}".to_vec()).contains("NUL"));
}

#[test]
fn deep_variables_are_refused() {
    let template = "${A:-".repeat(50_000) + &"}".repeat(50_000);
    assert!(refused(format!("services: {{a: {{image: \"{template}\"}}}}")).contains("too deeply"));
}

#[test]
fn variables_that_make_much_of_little_are_refused() {
    let files = |text: String, env: String| Memory::default().with("compose.yaml", text).with(".env", env);
    let one_megabyte = format!("A={}\n", "x".repeat(1024 * 1024));

    let in_one_text = format!("x-a: \"{}\"", "$A".repeat(1_000));
    assert!(refused_files(&files(in_one_text, one_megabyte.clone())).contains("too long"));
    let unused = format!("x-a: \"{}\"", "${B+$A}".repeat(1_000));
    assert!(refused_files(&files(unused, one_megabyte.clone())).contains("too long"));
    let in_many_texts = format!("x-a: [{}]", vec!["$A"; 100_000].join(", "));
    assert!(refused_files(&files(in_many_texts, one_megabyte)).contains(TOO_MANY));

    let laughs = |times: usize, levels: usize| {
        let mut env = String::from("A0=ha\n");
        for level in 1..levels {
            writeln!(env, "A{level}={}", format!("$A{}", level - 1).repeat(times))
                .expect("a text takes text");
        }
        files("services: {}".to_owned(), env)
    };
    assert!(refused_files(&laughs(10, 30)).contains("too long"));
    let mut many = format!("A={}\n", "x".repeat(1_000_000));
    (0..1_000).for_each(|number| writeln!(many, "B{number}=$A").expect("a text takes text"));
    assert!(
        refused_files(&files("services: {}".to_owned(), many)).contains(".env:34:1: the values are longer")
    );
}

#[test]
fn thousands_of_unset_variables_are_told_within_reason() {
    let variables: String = (0..100_000).map(|number| format!("$V{number} ")).collect();
    let project = taken(format!("services: {{a: {{image: \"x{variables}\"}}}}"));
    assert_eq!(project.warnings.len(), 1_000);
}

#[test]
fn a_file_that_is_too_large_is_refused() {
    let large = || vec![b'#'; 100 * 1024 * 1024];
    assert!(refused(large()).contains("larger than 10 MB"));
    let service = "services: {a: {image: x, env_file: [a.env]}}";
    let files = Memory::default().with("compose.yaml", service).with("a.env", large());
    assert!(refused_files(&files).contains("compose.yaml:1:"));
    assert!(refused_files(&files).contains("can't read a.env: it is larger than 10 MB"));
}

#[test]
fn a_file_that_is_read_over_and_over_is_refused() {
    let env = "A=1\n".repeat(1_000_000);
    let text = services(1_000, |_| "{image: x, env_file: [a.env]}".to_owned());
    let files = Memory::default().with("compose.yaml", text).with("a.env", env);
    assert!(refused_files(&files).contains("can't read a.env: the files read before it use up the limit"));
}

#[test]
fn a_file_that_is_no_regular_file_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let pipe = folder.path().join("pipe");
    assert!(Command::new("mkfifo").arg(&pipe).status().unwrap().success());
    let compose_file = folder.path().join("compose.yaml");
    for path in [Path::new("/dev/zero"), &pipe] {
        let mut request = Request::in_directory(folder.path());
        let refused = |request: &Request| greenroom_compose::read(request, &Disk).unwrap_err().to_string();

        request.files = vec![path.to_owned()];
        assert!(refused(&request).contains("it is not a regular file"));
        request.files.clear();
        for key in ["env_file", "label_file"] {
            let text = format!("services: {{a: {{image: x, {key}: [{}]}}}}", path.display());
            std::fs::write(&compose_file, text).unwrap();
            assert!(refused(&request).contains("it is not a regular file"));
        }
        std::fs::write(&compose_file, format!("include: [{}]", path.display())).unwrap();
        assert!(refused(&request).contains("it is not a regular file"));
        std::fs::write(&compose_file, "services: {a: {image: x}}").unwrap();
        request.env_files = vec![path.to_owned()];
        assert!(refused(&request).contains("it is not a regular file"));
    }
    // This one device is how one says that there is no file.
    let mut request = Request::in_directory(folder.path());
    request.env_files = vec!["/dev/null".into()];
    assert_eq!(greenroom_compose::read(&request, &Disk).unwrap().services.len(), 1);
}

#[test]
fn a_hundred_thousand_services_are_read() {
    assert_eq!(taken(services(100_000, |_| "{image: x}".to_owned())).services.len(), 100_000);
}

#[test]
fn a_file_of_five_megabytes_is_read() {
    let text = services(5_000, |number| {
        let environment: String = (0..20).map(|key| format!("VARIABLE_{key}: value of {number}, ")).collect();
        format!(
            "{{image: \"x:${{TAG:-{number}}}\", ports: [\"{}:80\"], environment: {{{environment}}}, command: [\"{}\"]}}",
            number + 1_000,
            "word ".repeat(80)
        )
    });
    assert!(text.len() > 5_000_000, "{}", text.len());
    assert_eq!(taken(text).services.len(), 5_000);
}

#[test]
fn ranges_of_ports_are_taken_within_reason() {
    let range = |_| "{image: x, ports: [\"1-65535:1-65535\"]}".to_owned();
    assert_eq!(taken(services(1, range)).services["s0"].ports.len(), 65_535);
    assert!(refused(services(1_000, range)).contains(TOO_MANY));
    // Every entry is compared with every other when it is merged.
    let again = services(1, range) + "---\nservices: {s0: {ports: [\"1-65535:1-65535\"]}}\n";
    assert!(refused(again).contains(TOO_MANY));
    let thousands = |_| "{image: x, ports: [\"1-30000:1-30000\"]}".to_owned();
    let again = services(1, thousands) + "---\nservices: {s0: {ports: [\"1-30000:1-30000\"]}}\n";
    assert_eq!(taken(again).services["s0"].ports.len(), 30_000);
}

#[test]
fn giant_numbers_are_refused() {
    let digits = "9".repeat(1_000_000);
    for value in [
        format!("ports: [\"{digits}\"]"),
        format!("ports: [{digits}]"),
        format!("mem_limit: {digits}x"),
        format!("stop_grace_period: {digits}h"),
        "stop_grace_period: 999999999999999999999999999999w999999999999999999999999999999w".to_owned(),
        format!("scale: {digits}"),
        format!("cpu_shares: \"{digits}\""),
        "pids_limit: 1e400".to_owned(),
    ] {
        let problems = refused(format!("services: {{a: {{image: x, {value}}}}}"));
        assert!(problems.contains("compose.yaml:1:"), "{value:.50}: {problems:.500}");
        assert!(problems.len() < 5_000, "{value:.50}: {} bytes", problems.len());
    }
}

#[test]
fn huge_keys_are_told_in_short() {
    let key = "k".repeat(1024 * 1024);
    let problems = refused(format!("services:\n  ? {key}\n  : {{imge: x, {}}}\n", "a: *k, ".repeat(10)));
    assert!(problems.len() < 10_000, "{} bytes", problems.len());
    let unknown: String = (0..1_000).map(|number| format!("    k{number}: x\n")).collect();
    let problems = refused(format!("services:\n  ? {key}\n  :\n{unknown}"));
    assert!(problems.contains("unknown key `k0`") && problems.len() < 100_000, "{} bytes", problems.len());
    let unknown = format!("services:\n  a:\n    image: x\n    ? {key}\n    : x\n");
    assert!(refused(unknown).contains("compose.yaml:4:7: services.a: unknown key `kkk"));
}

#[test]
fn problems_without_number_are_told_within_reason() {
    // All of them in one line, which each of them would show.
    let unknown: String = (0..100_000).map(|number| format!("k{number}: x, ")).collect();
    let files = Memory::default().with("compose.yaml", format!("services: {{a: {{{unknown}}}}}"));
    assert_eq!(read(&files).unwrap_err().iter().count(), 100);
    // For each the nearest of all names would be looked for.
    let text = services(50_000, |number| format!("{{image: x, depends_on: [t{number}]}}"));
    let files = Memory::default().with("compose.yaml", text);
    assert_eq!(read(&files).unwrap_err().iter().count(), 100);
    let text = services(20_000, |number| format!("{{image: x, volumes: [\"v{number}:/v\"]}}"));
    assert_eq!(read(&Memory::default().with("compose.yaml", text)).unwrap_err().iter().count(), 100);
}

#[test]
fn a_name_that_is_like_none_is_not_compared() {
    let anchors: String = (0..50_000).map(|number| format!("&anchor{number} x, ")).collect();
    assert!(refused(format!("x-a: [{anchors}]\nx-b: *{}\n", "a".repeat(1024 * 1024))).contains("no anchor"));
}

#[test]
fn a_long_chain_of_extends_is_refused() {
    let chain = |number: usize| format!("{{image: x, extends: {{service: s{}}}}}", number + 1);
    assert!(refused(services(10_000, chain)).contains("`extends` is nested more than 64 levels deep"));
    let through_files = |number: usize| {
        format!("services: {{s: {{image: x, extends: {{file: /hostile/{}.yaml, service: s}}}}}}", number + 1)
    };
    assert!(refused_files(&Endless(through_files)).contains("`extends` is nested more than 64 levels deep"));
}

#[test]
fn extending_a_large_service_over_and_over_is_refused() {
    let list = vec!["x"; 100_000].join(", ");
    let text = services(1_000, |_| "{extends: {service: base}}".to_owned());
    assert!(refused(format!("{text}  base: {{image: x, x-a: [{list}]}}\n")).contains(TOO_MANY));
}

#[test]
fn many_services_can_extend_one_of_another_file() {
    let base = services(1_000, |_| "{image: x, environment: {A: a, B: b}}".to_owned());
    let text = services(1_000, |number| format!("{{extends: {{file: base.yaml, service: s{number}}}}}"));
    let files = Memory::default().with("compose.yaml", text).with("base.yaml", base);
    assert_eq!(read(&files).unwrap().services.len(), 1_000);
}

#[test]
fn includes_without_end_are_refused() {
    assert!(refused("include: [compose.yaml]").contains("in a circle: compose.yaml -> compose.yaml"));
    let chain = |number: usize| format!("include: [/hostile/{}.yaml]", number + 1);
    assert!(refused_files(&Endless(chain)).contains("`include` is nested more than 32 levels deep"));
    // Each includes the next one twice.
    let mut files =
        Memory::default().with("compose.yaml", "include: [1.yaml]").with("30.yaml", "services: {}");
    for number in 1..30 {
        let next = number + 1;
        files = files.with(&format!("{number}.yaml"), format!("include: [{next}.yaml, {next}.yaml]"));
    }
    assert!(refused_files(&files).contains(TOO_MANY));
}

#[test]
fn documents_without_number_are_refused() {
    let many = "---\nservices: {a: {image: x}}\n".repeat(10_000);
    assert!(refused(many).contains("more than 50 documents would be merged"));
}

#[test]
fn long_lists_are_merged() {
    let hosts = |prefix: &str| {
        let list: String = (0..50_000).map(|number| format!("{prefix}{number}=1.2.3.4, ")).collect();
        format!("services: {{a: {{image: x, extra_hosts: [{list}]}}}}\n")
    };
    let project = taken(format!("{}---\n{}", hosts("a"), hosts("b")));
    assert_eq!(project.services["a"].extra_hosts.len(), 100_000);
    let pools: String = (0..2_000).map(|number| format!("{{subnet: \"{number}\"}}, ")).collect();
    let networks = format!("networks: {{n: {{ipam: {{config: [{pools}]}}}}}}\n");
    assert!(refused(format!("{networks}---\n{networks}")).contains("more than 1000 pools"));
}

#[test]
fn profiles_without_number_are_compared() {
    let names = || (0..50_000).map(|number| format!("p{number}"));
    let env = format!("COMPOSE_PROFILES={}\n", names().collect::<Vec<_>>().join(","));
    let text = format!(
        "services: {{a: {{image: x, profiles: [{}]}}}}",
        names().map(|n| n + "x, ").collect::<String>()
    );
    let files = Memory::default().with("compose.yaml", text).with(".env", env);
    assert_eq!(read(&files).unwrap().services.len(), 0);
}

/// Whatever a file is cut off in, the answer is a project or a message.
#[test]
fn a_file_that_is_cut_off_anywhere_is_no_panic() {
    let text = "%YAML 1.1\n---\nx-a: &a {k: !tag, l: [!x, *a], \"m\": 'it''s'}\nservices:\n  web: &w\n    image: >-\n      é\n\
                    \n    ? command\n    : |+2\n        [!a, b]\n\n    environment: !override {A: \"\\u00e9\\\n      b\", <<: *w}\n\
                    ...\n---\n# end\nservices: !<tag:yaml.org,2002:map> {}\n";
    for (end, _) in text.char_indices() {
        let files = Memory::default().with("compose.yaml", &text.as_bytes()[..end]);
        if let Err(problems) = read(&files) {
            assert!(!problems.to_string().is_empty());
        }
    }
}
