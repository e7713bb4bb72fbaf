//! The reader on fixture files: a case is a file `fixtures/<case>.yml` with the expected document `<case>.json`
//! beside it, or a folder `<case>/` that holds a `compose.yaml`. In `broken/` stands the expected message instead,
//! `<case>.error.txt`. Warnings, where there are any, stand in `<case>.warnings.txt`. `UPDATE_EXPECT=1 cargo test
//! --test it` writes the expectations anew.

use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};

use expect_test::expect_file;
use greenroom_compose::{Disk, Files, Problems, Project, Request, Values};

fn fixtures() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures")
}

/// The cases of a folder: what ends in `.yml`, and folders with a compose file in them.
fn cases(folder: &Path) -> Vec<PathBuf> {
    let mut cases: Vec<PathBuf> = std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| {
            path.extension().is_some_and(|end| end == "yml") || path.join("compose.yaml").is_file()
        })
        .collect();
    cases.sort();
    cases
}

/// What a case is read with: a fixed environment, and for a folder what its `request.json` adds.
fn request(case: &Path) -> Request {
    let mut environment: BTreeMap<String, String> = [
        ("GREETING", "hello"),
        ("EMPTY", ""),
        ("API_TOKEN", "tok-12345678"),
        ("PORT", "8080"),
        ("BAD", "maybe"),
    ]
    .map(|(name, value)| (name.to_owned(), value.to_owned()))
    .into();
    let mut request = Request::in_directory(case.parent().unwrap());
    request.home = Some("/home/tester".into());
    if case.is_dir() {
        request.working_dir = case.to_owned();
        let options = std::fs::read(case.join("request.json")).unwrap_or_else(|_| b"{}".to_vec());
        let options: serde_json::Value = serde_json::from_slice(&options).unwrap();
        let list = |key: &str| {
            let items = options[key].as_array().into_iter().flatten();
            items.map(|item| item.as_str().unwrap().to_owned()).collect::<Vec<_>>()
        };
        request.files = list("files").into_iter().map(PathBuf::from).collect();
        request.env_files = list("env_files").into_iter().map(PathBuf::from).collect();
        request.profiles = list("profiles");
        request.project_directory = options["project_directory"].as_str().map(PathBuf::from);
        request.project_name = options["project_name"].as_str().map(str::to_owned);
        for (name, value) in options["environment"].as_object().into_iter().flatten() {
            environment.insert(name.clone(), value.as_str().unwrap().to_owned());
        }
    } else {
        request.files = vec![case.to_owned()];
    }
    request.environment = environment;
    request
}

fn read(case: &Path) -> Result<Project, Problems> {
    greenroom_compose::read(&request(case), &Disk)
}

#[test]
fn every_fixture_gives_its_document() {
    for case in cases(&fixtures()) {
        let project = read(&case).unwrap_or_else(|problems| panic!("{}: {problems}", case.display()));
        let directory = request(&case).working_dir.display().to_string();
        let text = project.to_json(Values::Shown).replace(&directory, "$DIR");
        expect_file![case.with_extension("json")].assert_eq(&text);
        let warnings: String = project.warnings.iter().map(|warning| format!("{warning}\n")).collect();
        let expected = case.with_extension("warnings.txt");
        if !warnings.is_empty() || expected.is_file() {
            expect_file![expected].assert_eq(&warnings);
        }
    }
}

/// Hands out one text as the compose file, and all else from the disk.
struct Printed(PathBuf, String);

impl Files for Printed {
    fn read(&self, path: &Path) -> io::Result<Vec<u8>> {
        if path == self.0 { Ok(self.1.clone().into_bytes()) } else { Disk.read(path) }
    }

    fn is_file(&self, path: &Path) -> bool {
        Disk.is_file(path)
    }
}

#[test]
fn the_yaml_of_every_document_reads_back_as_it_was() {
    // Compose prints no limit as "-1", and refuses that when it reads it.
    let is_readable = |case: &PathBuf| !case.ends_with("swap-without-limit.yml");
    for case in cases(&fixtures()).into_iter().filter(is_readable) {
        let project = read(&case).unwrap();
        let file = project.directory.join("printed.yaml");
        let mut request = request(&case);
        // What was outside is in the document now; `*` because inactive services are not.
        request.environment.clear();
        request.profiles = vec!["*".to_owned()];
        request.env_files = vec!["/dev/null".into()];
        request.files = vec![file.clone()];
        let again = greenroom_compose::read(&request, &Printed(file, project.to_yaml(Values::Shown)))
            .unwrap_or_else(|problems| panic!("{}: {problems}", case.display()));
        assert_eq!(project.document(), again.document(), "{}", case.display());
    }
}

#[test]
fn every_broken_fixture_gives_its_message() {
    for case in cases(&fixtures().join("broken")) {
        let problems = match read(&case) {
            Ok(_) => panic!("{}: was read, and is broken", case.display()),
            Err(problems) => problems,
        };
        let text = format!("{problems}\n").replace(&request(&case).working_dir.display().to_string(), "$DIR");
        assert!(!text.contains("tok-12345678"), "{}: shows a secret: {text}", case.display());
        expect_file![case.with_extension("error.txt")].assert_eq(&text);
    }
}
