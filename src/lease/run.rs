//! Identifies the invocation of `cargo test` or `cargo nextest run` that this process belongs to.

use super::process::{Entry, Process, ancestors};

/// Names a run, for test runners that greenroom does not know.
const NAME_VARIABLE: &str = "GREENROOM_RUN_ID";

/// <https://nexte.st/docs/configuration/env-vars/>
const NEXTEST_VARIABLE: &str = "NEXTEST_RUN_ID";

/// An invocation of a test runner.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Run {
    /// Shared by all processes of the run, and unique to it.
    pub id: String,
    /// The runner's process, which ends with the run; `None` if a test binary was started by hand.
    pub runner: Option<Process>,
}

impl Run {
    pub(crate) fn of_this_process() -> Run {
        let variable = |name| std::env::var(name).ok().filter(|value| !value.is_empty());
        Run::identify(variable(NAME_VARIABLE), variable(NEXTEST_VARIABLE), &Process::own(), ancestors())
    }

    /// The run is identified by the user's name for it, else by nextest's id, else by the nearest `cargo` among the
    /// ancestors, else by the process itself.
    fn identify(named: Option<String>, nextest: Option<String>, own: &Process, above: Vec<Entry>) -> Run {
        let is_nextest = |entry: &Entry| entry.name.starts_with("cargo-nextest") || entry.name == "nextest";
        // The kernel cuts process names at 15 characters.
        let is_cargo = |entry: &Entry| matches!(entry.name.as_str(), "cargo" | "cargo.exe");
        let nearest_nextest = above.iter().position(is_nextest);
        let nearest_cargo = above.iter().position(is_cargo);
        // A test under nextest may run `cargo test` itself. It inherits nextest's variable, which then means another
        // run.
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

    /// The run of process 1, whose ancestors have these names and the ids 2 and up.
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
    fn a_run_is_identified_by_its_runner() {
        assert_eq!(run(None, None, &["cargo", "bash"]), ("cargo 2-7".to_owned(), Some(2)));
        assert_eq!(run(None, None, &["rustdoc", "cargo", "cargo"]), ("cargo 3-7".to_owned(), Some(3)));
        assert_eq!(run(None, Some("a"), &["cargo-nextest", "bash"]), ("nextest a".to_owned(), Some(2)));
        assert_eq!(run(None, None, &["idea", "systemd"]), ("process 1-7".to_owned(), None));
    }

    #[test]
    fn if_nextest_has_another_name_the_parent_is_the_runner() {
        assert_eq!(run(None, Some("a"), &["my-runner", "bash"]), ("nextest a".to_owned(), Some(2)));
        assert_eq!(run(None, Some("a"), &["my-runner", "cargo"]), ("nextest a".to_owned(), Some(2)));
    }

    #[test]
    fn a_cargo_test_inside_a_nextest_run_is_its_own_run() {
        let above = ["cargo", "outer_test", "cargo-nextest"];
        assert_eq!(run(None, Some("a"), &above), ("cargo 2-7".to_owned(), Some(2)));
    }

    #[test]
    fn a_user_can_name_a_run() {
        assert_eq!(run(Some("mine"), Some("a"), &["cargo"]), ("named mine".to_owned(), Some(2)));
        assert_eq!(run(Some("mine"), None, &["make", "bash"]), ("named mine".to_owned(), Some(2)));
    }
}
