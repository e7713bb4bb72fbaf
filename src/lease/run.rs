//! Which invocation of `cargo test` or `cargo nextest run` this process belongs to.

use super::process::{Entry, Process, ancestors};

/// Names a run, for users whose runner is none of those that are known.
const NAME_VARIABLE: &str = "GREENROOM_RUN_ID";

/// <https://nexte.st/docs/configuration/env-vars/>
const NEXTEST_VARIABLE: &str = "NEXTEST_RUN_ID";

/// An invocation of a test runner.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Run {
    /// The same for all processes of it, and no other's.
    pub id: String,
    /// The process that ends with it, when that is not one of its tests.
    pub runner: Option<Process>,
}

impl Run {
    pub(crate) fn of_this_process() -> Run {
        let variable = |name| std::env::var(name).ok().filter(|value| !value.is_empty());
        Run::identify(variable(NAME_VARIABLE), variable(NEXTEST_VARIABLE), &Process::own(), ancestors())
    }

    /// The user's own name for it; else nextest's; else the nearest `cargo` above; else the process itself.
    fn identify(named: Option<String>, nextest: Option<String>, own: &Process, above: Vec<Entry>) -> Run {
        let is_nextest = |entry: &Entry| entry.name.starts_with("cargo-nextest") || entry.name == "nextest";
        // The names that processes are given may be cut at 15 letters.
        let is_cargo = |entry: &Entry| matches!(entry.name.as_str(), "cargo" | "cargo.exe");
        let nearest_nextest = above.iter().position(is_nextest);
        let nearest_cargo = above.iter().position(is_cargo);
        // A test that nextest runs may call `cargo test` itself: nextest's variable is inherited, and means another run.
        let is_nested =
            matches!((nearest_cargo, nearest_nextest), (Some(cargo), Some(nextest)) if cargo < nextest);
        let nextest = nextest.filter(|_| !is_nested);

        let parent = above.first().map(|entry| entry.process.clone());
        let at = |index: Option<usize>| index.map(|index| above[index].process.clone());
        let nearest = nearest_cargo.into_iter().chain(nearest_nextest).min();
        match (named, nextest) {
            (Some(name), _) => Run { id: format!("named {name}"), runner: at(nearest).or(parent) },
            (None, Some(id)) => Run { id: format!("nextest {id}"), runner: at(nearest_nextest).or(parent) },
            (None, None) => match at(nearest_cargo) {
                Some(cargo) => Run { id: format!("cargo {}", cargo.identity()), runner: Some(cargo) },
                None => Run { id: format!("process {}", own.identity()), runner: None },
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn process(pid: u32) -> Process {
        Process { pid, start: "7".to_owned(), command: String::new() }
    }

    /// The run of process 1 below processes of these names, 2 and up.
    fn run(named: Option<&str>, nextest: Option<&str>, above: &[&str]) -> (String, Option<u32>) {
        let above = above.iter().zip(2..).map(|(name, pid)| Entry {
            process: process(pid),
            name: (*name).to_owned(),
            parent: pid + 1,
        });
        let run =
            Run::identify(named.map(str::to_owned), nextest.map(str::to_owned), &process(1), above.collect());
        (run.id, run.runner.map(|runner| runner.pid))
    }

    #[test]
    fn an_invocation_is_known_by_its_runner() {
        assert_eq!(run(None, None, &["cargo", "bash"]), ("cargo 2-7".to_owned(), Some(2)));
        assert_eq!(run(None, None, &["rustdoc", "cargo", "cargo"]), ("cargo 3-7".to_owned(), Some(3)));
        assert_eq!(run(None, Some("a"), &["cargo-nextest", "bash"]), ("nextest a".to_owned(), Some(2)));
        assert_eq!(run(None, None, &["idea", "systemd"]), ("process 1-7".to_owned(), None));
    }

    #[test]
    fn a_nextest_of_another_name_is_watched_as_the_parent() {
        assert_eq!(run(None, Some("a"), &["my-runner", "bash"]), ("nextest a".to_owned(), Some(2)));
        assert_eq!(run(None, Some("a"), &["my-runner", "cargo"]), ("nextest a".to_owned(), Some(2)));
    }

    #[test]
    fn a_cargo_test_inside_of_a_nextest_run_is_a_run_of_its_own() {
        let above = ["cargo", "outer_test", "cargo-nextest"];
        assert_eq!(run(None, Some("a"), &above), ("cargo 2-7".to_owned(), Some(2)));
    }

    #[test]
    fn a_user_names_a_run() {
        assert_eq!(run(Some("mine"), Some("a"), &["cargo"]), ("named mine".to_owned(), Some(2)));
        assert_eq!(run(Some("mine"), None, &["make", "bash"]), ("named mine".to_owned(), Some(2)));
    }
}
