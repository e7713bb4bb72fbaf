//! The command-line arguments.

use std::path::{Path, PathBuf};
use std::time::Duration;

use clap::{Args as _, CommandFactory as _, FromArgMatches as _};
use greenroom::{StackBuilder, compose};

use crate::failure::Failure;

/// The parsed command line.
pub(crate) struct Arguments {
    pub(crate) options: Options,
    pub(crate) command: Command,
}

/// Brings up the services of a docker-compose.yml, waits until they really answer, and takes them down again.
#[derive(clap::Parser)]
#[command(
    name = "greenroom",
    version,
    after_help = "\
Exit codes:
  0    ready
  1    not ready
  2    wrong usage or compose file
  3    no container engine
  130  ended by SIGINT (Ctrl-C)
  143  ended by SIGTERM"
)]
struct CommandLine {
    #[command(subcommand)]
    command: Command,
}

#[derive(clap::Subcommand)]
pub(crate) enum Command {
    /// Brings a stack up, checks every service once more, prints a report, and takes the stack down; meant for CI.
    Smoke {
        /// Builds all images that the file builds, even if nothing has changed.
        #[arg(long)]
        build: bool,
    },
    /// Brings this file's stack up and leaves it running; a stack that is already up is reused.
    Up {
        /// Builds all images that the file builds, even if nothing has changed.
        #[arg(long)]
        build: bool,
        /// Takes the stack down once it has been unused for this long, such as 30m [default: never].
        #[arg(long, value_name = "DURATION", value_parser = compose::parse_duration)]
        idle: Option<Duration>,
    },
    /// Takes this file's stacks down.
    Down {
        /// Takes down the stack with this name instead; repeatable.
        #[arg(long = "stack", value_name = "NAME")]
        stacks: Vec<String>,
        /// Takes down every greenroom stack on this machine, including those of running tests.
        #[arg(long, conflicts_with = "stacks")]
        all: bool,
    },
    /// Lists your stacks and the processes that hold them; with a file, those of its folder; with a project's name, its stacks.
    Ps {
        /// Lists every greenroom stack on this machine, including those of other users.
        #[arg(long)]
        all: bool,
    },
    /// Removes your leftover stacks: those that no process uses any more but that were never taken down.
    Prune {
        /// Lists what would be removed, without removing anything.
        #[arg(long)]
        dry_run: bool,
    },
    /// Shows the logs of this file's stack, with secrets hidden.
    Logs {
        /// Shows only these services.
        #[arg(value_name = "SERVICE")]
        services: Vec<String>,
        /// Shows the logs of the stack with this name instead.
        #[arg(long, value_name = "NAME")]
        stack: Option<String>,
        /// Shows only the last N lines of each service.
        #[arg(long, value_name = "N")]
        tail: Option<usize>,
    },
    /// Shows what `up` would do.
    Plan,
    /// Shows the compose file as Compose resolves it, including secret values.
    Config {
        /// Hides secret values.
        #[arg(long)]
        redact: bool,
    },
    /// Lists and removes kept volumes.
    Volumes {
        #[command(subcommand)]
        command: VolumesCommand,
    },
}

#[derive(clap::Subcommand)]
pub(crate) enum VolumesCommand {
    /// Lists the kept volumes on this machine.
    Ls,
    /// Removes kept volumes and their data.
    Rm {
        /// The volume's name, or its key in this compose file.
        #[arg(required = true, value_name = "NAME")]
        names: Vec<String>,
    },
}

// The options of every subcommand, given before or after its name. Not a doc comment: clap would make it every
// command's description.
#[derive(clap::Args, Default)]
#[command(next_help_heading = "Options of every command")]
pub(crate) struct Options {
    /// A compose file; repeatable, later files override earlier ones [default: the file that Compose would find].
    #[arg(short, long = "file", value_name = "FILE")]
    files: Vec<PathBuf>,
    /// Variables for the compose file, instead of .env.test or .env next to it; repeatable.
    #[arg(long = "env-file", value_name = "FILE")]
    env_files: Vec<PathBuf>,
    /// Enables a profile; repeatable.
    #[arg(long = "profile", value_name = "NAME")]
    profiles: Vec<String>,
    /// The project's name, instead of the one in the file.
    #[arg(short, long, value_name = "NAME")]
    project_name: Option<String>,
    /// The project's folder [default: the folder of the first compose file].
    #[arg(long, value_name = "FOLDER")]
    project_directory: Option<PathBuf>,
    /// Keeps a named volume for the next run; repeatable.
    #[arg(long = "keep-volume", value_name = "NAME")]
    keep_volumes: Vec<String>,
    /// How long each service may take to become ready, such as 90s or 1m30s [default: 2m].
    #[arg(long, value_name = "DURATION", value_parser = compose::parse_duration)]
    timeout: Option<Duration>,
    /// Publishes the host ports given in the file, on 127.0.0.1 unless it names an address, instead of free ports.
    #[arg(long)]
    fixed_ports: bool,
    #[clap(skip)]
    format: Option<Format>,
}

// The option of the commands that have a result to write; not a doc comment either.
#[derive(clap::Args)]
#[command(next_help_heading = "Options of every command")]
struct Output {
    /// The output format: text or json; for `config`: yaml or json. In json, a failure is an object with `error`.
    #[arg(long, value_enum, value_name = "FORMAT", hide_possible_values = true)]
    format: Option<Format>,
}

/// These show text for people alone.
const WITHOUT_FORMAT: [&str; 2] = ["plan", "logs"];

/// The output format of a result.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Format {
    Text,
    Json,
    Yaml,
}

impl Arguments {
    /// Parses the process's arguments.
    ///
    /// # Errors
    ///
    /// Wrong usage, and also `--help`: clap prints both.
    pub(crate) fn parse() -> Result<Arguments, clap::Error> {
        let matches = with_options(CommandLine::command()).try_get_matches()?;
        let mut options = Options::default();
        let mut level = Some(&matches);
        while let Some(matches) = level {
            options = options.then(Options::of(matches)?);
            level = matches.subcommand().map(|(_, below)| below);
        }
        Ok(Arguments { options, command: CommandLine::from_arg_matches(&matches)?.command })
    }

    /// Whether these arguments ask for JSON, even if they are wrong otherwise.
    pub(crate) fn ask_for_json(arguments: impl IntoIterator<Item = String>) -> bool {
        let mut last = String::new();
        for argument in arguments {
            if argument == "--format=json" || (last == "--format" && argument == "json") {
                return true;
            }
            last = argument;
        }
        false
    }
}

/// Adds the options to every command. With clap's own `global`, files before the subcommand would be dropped when there
/// are files after it.
fn with_options(command: clap::Command) -> clap::Command {
    let command = Options::augment_args(command).mut_subcommands(with_options);
    if WITHOUT_FORMAT.contains(&command.get_name()) { command } else { Output::augment_args(command) }
}

impl Options {
    /// The options of one command.
    fn of(matches: &clap::ArgMatches) -> Result<Options, clap::Error> {
        let format = match matches.try_contains_id("format") {
            Ok(_) => Output::from_arg_matches(matches)?.format,
            // The command has no such option.
            Err(_) => None,
        };
        Ok(Options { format, ..Options::from_arg_matches(matches)? })
    }

    /// Merges two sets of options: lists are concatenated, and later single values override earlier ones.
    fn then(mut self, later: Options) -> Options {
        self.files.extend(later.files);
        self.env_files.extend(later.env_files);
        self.profiles.extend(later.profiles);
        self.keep_volumes.extend(later.keep_volumes);
        Options {
            project_name: later.project_name.or(self.project_name),
            project_directory: later.project_directory.or(self.project_directory),
            timeout: later.timeout.or(self.timeout),
            fixed_ports: later.fixed_ports || self.fixed_ports,
            format: later.format.or(self.format),
            ..self
        }
    }

    /// Whether the options select a project's folder, rather than leaving that to the current one.
    pub(crate) fn names_a_folder(&self) -> bool {
        !self.files.is_empty() || self.project_directory.is_some()
    }

    /// The first compose file that does not exist.
    pub(crate) fn missing_file(&self) -> Option<&Path> {
        self.files.iter().map(PathBuf::as_path).find(|file| !file.exists())
    }

    pub(crate) fn project_name(&self) -> Option<&str> {
        self.project_name.as_deref()
    }

    pub(crate) fn builder(&self) -> StackBuilder {
        let mut builder = StackBuilder::new();
        for file in &self.files {
            builder = builder.file(file);
        }
        for file in &self.env_files {
            builder = builder.env_file(file);
        }
        for profile in &self.profiles {
            builder = builder.profile(profile);
        }
        for volume in &self.keep_volumes {
            builder = builder.keep_volume(volume);
        }
        if let Some(name) = &self.project_name {
            builder = builder.project_name(name);
        }
        if let Some(directory) = &self.project_directory {
            builder = builder.project_directory(directory);
        }
        if let Some(timeout) = self.timeout {
            builder = builder.timeout(timeout);
        }
        if self.fixed_ports { builder.fixed_ports() } else { builder }
    }

    /// Whether the result, and so a failure, is to be JSON.
    pub(crate) fn is_json(&self) -> bool {
        self.format == Some(Format::Json)
    }

    /// The requested format, which must be one of those that the command supports. The default is the first of them.
    pub(crate) fn format(&self, possible: &[Format]) -> Result<Format, Failure> {
        match self.format {
            None => Ok(possible[0]),
            Some(format) if possible.contains(&format) => Ok(format),
            Some(format) => {
                let possible: Vec<_> = possible.iter().map(|format| format.name()).collect();
                let hint = match &possible[..] {
                    ["text"] => "leave `--format` out".to_owned(),
                    possible => format!("`--format` may be {}", possible.join(" or ")),
                };
                Err(Failure::Usage(format!(
                    "this command does not support the format {}\n\nhint: {hint}",
                    format.name(),
                )))
            }
        }
    }
}

impl Format {
    fn name(self) -> &'static str {
        match self {
            Format::Text => "text",
            Format::Json => "json",
            Format::Yaml => "yaml",
        }
    }
}
