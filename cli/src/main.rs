//! The `greenroom` command.
#![expect(clippy::print_stdout, clippy::print_stderr, reason = "only the command prints")]

mod config;

use std::path::PathBuf;
use std::process::ExitCode;

use clap::Parser as _;
use greenroom::compose::{Request, Values};

#[derive(clap::Parser)]
struct Arguments {
    #[arg(short, long, global = true)]
    file: Vec<PathBuf>,
    #[arg(long, global = true)]
    env_file: Vec<PathBuf>,
    #[arg(long, global = true)]
    profile: Vec<String>,
    #[arg(short, long, global = true)]
    project_name: Option<String>,
    #[arg(long, global = true)]
    project_directory: Option<PathBuf>,
    #[command(subcommand)]
    command: Command,
}

#[derive(clap::Subcommand)]
enum Command {
    /// Shows the project as Compose would.
    Config {
        #[arg(long, value_enum, default_value = "yaml")]
        format: config::Format,
        /// Hides secret values.
        #[arg(long)]
        redact: bool,
    },
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let request = Request {
        files: arguments.file,
        working_dir: std::env::current_dir().unwrap_or_else(|_| PathBuf::from("/")),
        env_files: arguments.env_file,
        profiles: arguments.profile,
        project_name: arguments.project_name,
        project_directory: arguments.project_directory,
        environment: std::env::vars().collect(),
        home: std::env::home_dir(),
    };
    let Command::Config { format, redact } = arguments.command;
    let values = if redact { Values::Redacted } else { Values::Shown };
    match config::config(&request, format, values) {
        Ok(output) => {
            output.warnings.iter().for_each(|warning| eprintln!("warning: {warning}"));
            print!("{}", output.document);
            ExitCode::SUCCESS
        }
        Err(problems) => {
            eprintln!("{problems}");
            ExitCode::from(2)
        }
    }
}
