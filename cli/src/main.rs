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

fn main() -> ExitCode {
    let Arguments { options, command } = Arguments::parse();
    let done = match command {
        Command::Smoke => block_on(smoke::smoke(&options)),
        Command::Up { idle } => block_on(up::up(&options, idle)),
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
            if let Some(text) = failure.text() {
                output::tell(&format!("error: {text}"));
            }
            ExitCode::from(failure.exit_code())
        }
    }
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
