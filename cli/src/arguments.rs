//! What the user may say.

use std::path::PathBuf;
use std::time::Duration;

use clap::{Args as _, CommandFactory as _, FromArgMatches as _};
use greenroom::{StackBuilder, compose};

use crate::failure::Failure;

/// The command line, understood.
pub(crate) struct Arguments {
    pub(crate) options: Options,
    pub(crate) command: Command,
}

/// Brings the services of a docker-compose.yml up, waits until they really answer, and takes them down again.
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
    /// Brings a stack up, asks every service once more, reports, and takes it down: the check for CI.
    Smoke,
    /// Brings this file's stack up and leaves it running; one that is up already is used again.
    Up {
        /// Takes it down when no process has used it for so long, such as 30m; without it, `greenroom down` does.
        #[arg(long, value_name = "DURATION", value_parser = compose::parse_duration)]
        idle: Option<Duration>,
    },
    /// Takes this file's stacks down.
    Down {
        /// This stack instead; repeatable.
        #[arg(long = "stack", value_name = "NAME")]
        stacks: Vec<String>,
        /// Every stack of greenroom's on this machine, those of tests that run right now among them.
        #[arg(long, conflicts_with = "stacks")]
        all: bool,
    },
    /// Shows every stack of yours, and who holds it; with a file or a project named, those of it.
    Ps {
        /// Every stack of greenroom's on this machine, those of other users, too.
        #[arg(long)]
        all: bool,
    },
    /// Removes the stacks of yours that nobody uses any more and that nobody has taken down.
    Prune {
        /// Only tells which.
        #[arg(long)]
        dry_run: bool,
    },
    /// Shows what the services of this file's stack have logged, with its secrets hidden.
    Logs {
        /// These services only.
        #[arg(value_name = "SERVICE")]
        services: Vec<String>,
        /// Of this stack instead.
        #[arg(long, value_name = "NAME")]
        stack: Option<String>,
        /// The last N lines of each service only.
        #[arg(long, value_name = "N")]
        tail: Option<usize>,
    },
    /// Shows what `up` would do.
    Plan,
    /// Shows the compose file as Compose understands it, values and all.
    Config {
        /// Hides secret values.
        #[arg(long)]
        redact: bool,
    },
    /// Shows and removes kept volumes.
    Volumes {
        #[command(subcommand)]
        command: VolumesCommand,
    },
}

#[derive(clap::Subcommand)]
pub(crate) enum VolumesCommand {
    /// Shows the kept volumes of this machine.
    Ls,
    /// Removes kept volumes and all that they keep.
    Rm {
        /// Its name, or its key in this compose file.
        #[arg(required = true, value_name = "NAME")]
        names: Vec<String>,
    },
}

// What every subcommand takes, before or after its name. Not a doc comment: clap would make it every command's description.
#[derive(clap::Args)]
#[command(next_help_heading = "Options of every command")]
pub(crate) struct Options {
    /// A compose file; repeatable, the later over the earlier. Without it, the one that Compose would find.
    #[arg(short, long = "file", value_name = "FILE")]
    files: Vec<PathBuf>,
    /// Variables for the compose file, in the place of .env.test or .env beside it; repeatable.
    #[arg(long = "env-file", value_name = "FILE")]
    env_files: Vec<PathBuf>,
    /// Turns a profile on; repeatable.
    #[arg(long = "profile", value_name = "NAME")]
    profiles: Vec<String>,
    /// The project's name, in the place of the file's own.
    #[arg(short, long, value_name = "NAME")]
    project_name: Option<String>,
    /// The project's folder, when it is not that of the first compose file.
    #[arg(long, value_name = "FOLDER")]
    project_directory: Option<PathBuf>,
    /// Keeps a named volume for the next run; repeatable.
    #[arg(long = "keep-volume", value_name = "NAME")]
    keep_volumes: Vec<String>,
    /// How long each service may take to become ready, such as 90s or 1m30s [default: 2m].
    #[arg(long, value_name = "DURATION", value_parser = compose::parse_duration)]
    timeout: Option<Duration>,
    /// Publishes the ports that the file states, instead of free ones that the engine picks.
    #[arg(long)]
    fixed_ports: bool,
    /// How the result is written: text or json; of `config`: yaml or json.
    #[arg(long, value_enum, value_name = "FORMAT", hide_possible_values = true)]
    format: Option<Format>,
}

/// How a result is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Format {
    Text,
    Json,
    Yaml,
}

impl Arguments {
    /// Reads the process's arguments; `--help` and wrong usage end the process here.
    pub(crate) fn parse() -> Arguments {
        let matches = with_options(CommandLine::command()).get_matches();
        Arguments::of(&matches).unwrap_or_else(|error| error.exit())
    }

    fn of(matches: &clap::ArgMatches) -> Result<Arguments, clap::Error> {
        let mut options = Options::from_arg_matches(matches)?;
        let mut level = matches;
        while let Some((_, below)) = level.subcommand() {
            options = options.then(Options::from_arg_matches(below)?);
            level = below;
        }
        Ok(Arguments { options, command: CommandLine::from_arg_matches(matches)?.command })
    }
}

/// Every command takes the options. With clap's own `global`, files before and after the subcommand would not add up:
/// the former would be dropped.
fn with_options(command: clap::Command) -> clap::Command {
    Options::augment_args(command).mut_subcommands(with_options)
}

impl Options {
    /// Lists add up; of single values the later one counts.
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

    /// Whether the user says which project is meant, instead of leaving that to the folder.
    pub(crate) fn names_a_project(&self) -> bool {
        !self.files.is_empty() || self.project_name.is_some() || self.project_directory.is_some()
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

    /// The format among those that the command can write; the first without `--format`.
    pub(crate) fn format(&self, possible: &[Format]) -> Result<Format, Failure> {
        match self.format {
            None => Ok(possible[0]),
            Some(format) if possible.contains(&format) => Ok(format),
            Some(format) => {
                let possible: Vec<_> = possible.iter().map(|format| format.name()).collect();
                Err(Failure::Usage(format!(
                    "this command does not write {}\n\nhint: `--format` may be {}",
                    format.name(),
                    possible.join(" or ")
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
