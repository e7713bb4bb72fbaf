//! Templates: variables, `NAME=VALUE`, each on its line; then a line `---`; then the template.
#![no_main]

use std::collections::BTreeMap;

use greenroom_compose::fuzzing::interpolate;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: &str| {
    let (variables, template) = input.split_once("\n---\n").unwrap_or(("", input));
    let variables: BTreeMap<String, String> = variables
        .lines()
        .filter_map(|line| line.split_once('='))
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .collect();
    let Some(text) = interpolate(template, &variables) else {
        assert!(template.contains("${"), "what has no braces can't be wrong");
        return;
    };
    if !template.contains('$') {
        assert_eq!(text, template, "what has no variables stays");
    }
    let doubled = template.replace('$', "$$");
    assert_eq!(interpolate(&doubled, &variables).as_deref(), Some(template), "`$$` is a `$`");
    // Each substitution puts in at most one value, or what the template itself holds.
    let longest = variables.values().map(String::len).max().unwrap_or(0);
    assert!(text.len() <= template.len() + template.matches('$').count() * longest, "grows by values alone");
});
