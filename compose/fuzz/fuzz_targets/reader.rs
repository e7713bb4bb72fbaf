//! Whole projects: whatever the files hold, the reader answers with a document or with problems that have places, and
//! the document that it prints reads back as it was.
#![no_main]

use std::path::Path;

use greenroom_compose::{Problems, Project, Values};
use greenroom_compose_fuzz::{FOLDER, Texts, request};
use libfuzzer_sys::fuzz_target;
use serde_json::Value as Json;

fuzz_target!(|input: &[u8]| {
    let texts = Texts::split(input);
    match greenroom_compose::read(&request(), &texts) {
        Ok(project) => {
            check_places(&project, &texts);
            check_prints(&project);
        }
        Err(problems) => check_problems(&problems, &texts),
    }
});

fn check_problems(problems: &Problems, texts: &Texts) {
    assert!(problems.iter().next().is_some(), "an error says what is wrong");
    for place in problems.iter().filter_map(|problem| problem.place.as_ref()) {
        texts.assert_has(place);
    }
    let _ = problems.to_string();
}

fn check_places(project: &Project, texts: &Texts) {
    for place in project.warnings.iter().filter_map(|warning| warning.place.as_ref()) {
        texts.assert_has(place);
    }
    for name in project.services.keys() {
        let place = project.place(&format!("services.{name}")).expect("a service stands somewhere");
        texts.assert_has(&place);
    }
}

fn check_prints(project: &Project) {
    let json = project.to_json(Values::Shown);
    let yaml = project.to_yaml(Values::Shown);
    let _ = project.to_json(Values::Redacted);
    if has_dollar_in_key(project.document()) {
        return;
    }
    if let Ok(again) = read_printed(&json) {
        // Unlike the YAML, it does not have all that is in the document.
        let parsed = |text: &str| -> Json { serde_json::from_str(text).expect("it is JSON") };
        assert_reads_back(&parsed(&json), &parsed(&again.to_json(Values::Shown)), &json);
    }
    if let Ok(again) = read_printed(&yaml) {
        assert_reads_back(project.document(), again.document(), &yaml);
    }
}

/// What was printed is all there. As in Compose there may be more: what is empty (a protocol, a network's name, a build
/// context) is not printed, and gets its default when that is read.
fn assert_reads_back(before: &Json, again: &Json, printed: &str) {
    match (before, again) {
        (Json::Object(before), Json::Object(again)) => {
            for (key, value) in before {
                let found = again.get(key).unwrap_or_else(|| panic!("`{key}` is lost:\n{printed}"));
                assert_reads_back(value, found, printed);
            }
        }
        (Json::Array(before), Json::Array(again)) => {
            assert_eq!(before.len(), again.len(), "{printed}");
            before.iter().zip(again).for_each(|(value, found)| assert_reads_back(value, found, printed));
        }
        _ => assert_eq!(before, again, "{printed}"),
    }
}

/// Keys are not interpolated, but printed with `$$` for `$` as all is: they do not read back, nor do they in Compose.
fn has_dollar_in_key(json: &Json) -> bool {
    match json {
        Json::Object(map) => map.iter().any(|(key, value)| key.contains('$') || has_dollar_in_key(value)),
        Json::Array(list) => list.iter().any(has_dollar_in_key),
        _ => false,
    }
}

/// Compose itself prints documents that it refuses to read (a limit of `-1`, a dependency that is not active), so that
/// an error here is none of ours.
fn read_printed(text: &str) -> Result<Project, Problems> {
    let mut texts = Texts::default();
    texts.0.insert(Path::new(FOLDER).join("compose.yaml"), text.as_bytes().to_vec());
    let mut request = request();
    // What was outside is in the document now.
    request.environment.clear();
    request.profiles = vec!["*".to_owned()];
    greenroom_compose::read(&request, &texts)
}
