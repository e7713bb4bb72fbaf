//! The `greenroom` command: parses the arguments, calls the library, prints the result and sets the exit code.

mod arguments;
mod exit_code;
mod failure;
mod names;
mod others;
mod output;
mod progress;
mod signals;
mod start;

mod smoke;
mod up;
mod down;
mod ps;
mod prune;
mod logs;
mod plan;
mod config;
mod volumes;

use std::process::ExitCode;

use arguments::{Arguments, Command, VolumesCommand};
use failure::Failure;
use serde_json::json;

fn main() -> ExitCode {
    let Arguments { options, command } = match Arguments::parse() {
        Ok(arguments) => arguments,
        Err(error) => return wrong_usage(&error),
    };
    let done = match command {
        Command::Smoke { build } => block_on(smoke::smoke(&options, build)),
        Command::Up { build, idle } => block_on(up::up(&options, build, idle)),
        Command::Down { stacks, all } => block_on(down::down(&options, &stacks, all)),
        Command::Ps { all } => block_on(output::patiently(ps::ps(&options, all))),
        Command::Prune { dry_run } => block_on(prune::prune(&options, dry_run)),
        Command::Logs { services, stack, tail } => {
            block_on(output::patiently(logs::logs(&options, &services, stack.as_deref(), tail)))
        }
        Command::Plan => plan::plan(&options),
        Command::Config { redact } => config::config(&options, redact),
        Command::Volumes { command: VolumesCommand::Ls } => {
            block_on(output::patiently(volumes::ls(&options)))
        }
        Command::Volumes { command: VolumesCommand::Rm { names } } => {
            block_on(output::patiently(volumes::rm(&options, &names)))
        }
    };
    match done {
        Ok(()) => ExitCode::from(exit_code::READY),
        Err(failure) => {
            if options.is_json()
                && let Some(error) = failure.to_json()
            {
                // The exit code and standard error tell of the failure in any case.
                let _ = output::print_json(&json!({"error": error}));
            }
            if let Some(text) = failure.text() {
                output::tell(&format!("error: {text}"));
            }
            ExitCode::from(failure.exit_code())
        }
    }
}

/// Prints clap's own message: a help text, or what is wrong with the arguments.
fn wrong_usage(error: &clap::Error) -> ExitCode {
    if error.use_stderr() && Arguments::ask_for_json(std::env::args()) {
        let text = error.to_string();
        let failure = Failure::Usage(text.trim_start_matches("error: ").trim_end().to_owned());
        let _ = output::print_json(&json!({"error": failure.to_json()}));
    }
    // There is nowhere to report that standard error is closed.
    let _ = error.print();
    ExitCode::from(if error.use_stderr() { exit_code::USAGE } else { exit_code::READY })
}

/// Runs a command that talks to the engine.
fn block_on(command: impl Future<Output = Result<(), Failure>>) -> Result<(), Failure> {
    // The command itself is polled on this thread. The one worker handles signals while this thread is blocked in the
    // drop of an interrupted start.
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .enable_all()
        .build()
        .map_err(|error| Failure::Failed(format!("cannot start the command's runtime: {error}")))?;
    runtime.block_on(command)
}
