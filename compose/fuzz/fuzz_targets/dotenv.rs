//! Environment files, in both formats.
#![no_main]

use std::collections::BTreeMap;

use greenroom_compose::fuzzing::dotenv;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    let outer = BTreeMap::from([("OUTER".to_owned(), "from outside".to_owned())]);
    let lines = text.lines().count();
    for raw in [false, true] {
        match dotenv(text, &outer, raw) {
            Ok(variables) => {
                for (name, (_, line)) in &variables {
                    assert!(*line >= 1 && *line <= lines, "{name}: line {line} of {lines}");
                }
                check_printed(&variables);
            }
            Err((line, message)) => {
                assert!(line >= 1 && line <= lines.max(1), "line {line} of {lines}: {message}");
                assert!(!message.is_empty());
            }
        }
    }
});

/// Values in single quotes are taken as they are: what is written so reads back.
fn check_printed(variables: &BTreeMap<String, (String, usize)>) {
    // A backslash before the closing quote can't be written; a name can be made of what no name should be.
    let is_plain = |text: &str| text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_');
    let written = |(name, (value, _)): &(&String, &(String, usize))| {
        !name.is_empty() && is_plain(name) && !value.contains(['\\', '\'', '\r'])
    };
    let written: BTreeMap<_, _> = variables.iter().filter(written).collect();
    let text: String = written.iter().map(|(name, (value, _))| format!("{name}='{value}'\n")).collect();
    let again = dotenv(&text, &BTreeMap::new(), false).expect("what is in quotes is read");
    let values = |(name, (value, _)): (&String, &(String, usize))| (name.clone(), value.clone());
    let before: BTreeMap<String, String> = written.into_iter().map(values).collect();
    assert_eq!(again.iter().map(values).collect::<BTreeMap<_, _>>(), before);
}
