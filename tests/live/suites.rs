//! The example's suite under both runners: one stack for each invocation, and nothing after it.

use std::process::{Command, Stdio};

use crate::skipped::skip;
use crate::world::{World, cargo, program};

/// Runs the example's tests, and asserts that they had one stack and left nothing.
fn one_stack_for(runner: &str, arguments: &[&str], (binaries, passed): (usize, &str)) {
    // Compiled first, so that only the tests are measured.
    program();
    let world = World::new();
    let output = cargo(&world, arguments).output().expect("cargo runs");
    let after = world.until_nothing_is_left();
    let told = String::from_utf8_lossy(&output.stdout) + String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{told}");
    assert_eq!(told.matches(passed).count(), binaries, "{told}");
    assert_eq!(world.created().len(), 1, "{told}");
    eprintln!("{runner}: one stack, gone {after:.2?} after the end");
}

#[test]
fn cargo_test_has_one_stack() {
    one_stack_for("cargo test", &["test", "--locked"], (2, "10 passed"));
}

#[test]
fn cargo_nextest_has_one_stack() {
    let nextest = Command::new("cargo-nextest").arg("--version").stdout(Stdio::null()).status();
    if !nextest.is_ok_and(|status| status.success()) {
        return skip(cargo_nextest_has_one_stack, "`cargo nextest` is not installed");
    }
    let run = ["nextest", "run", "--locked", "--retries", "2"];
    one_stack_for("cargo nextest run", &run, (1, "21 tests run: 21 passed"));
    for (partition, passed) in
        [("slice:1/2", "11 tests run: 11 passed"), ("slice:2/2", "10 tests run: 10 passed")]
    {
        let arguments = ["nextest", "run", "--locked", "--partition", partition];
        one_stack_for(&format!("cargo nextest run --partition {partition}"), &arguments, (1, passed));
    }
}

#[test]
fn a_single_tests_stack_is_removed_with_it() {
    program();
    let world = World::new();
    let output =
        cargo(&world, &["test", "--locked", "--test", "orders", "--", "--exact", "one_order"]).output();
    let output = output.expect("cargo runs");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stdout));
    world.until_nothing_is_left();
    assert_eq!(world.created().len(), 1);
}
