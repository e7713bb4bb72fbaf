//! What to bring up, said step by step.

use std::collections::BTreeMap;
use std::hash::{BuildHasher, Hasher, RandomState};
use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::Error;
use crate::compose::{self, Disk, Project, Request};
use crate::event::{Event, Observer};
use crate::lease::Lifetime;
use crate::plan::{self, Options, Plan, Ports, Probe};

/// Which files to read, and what to ask of the stack. [`Stack::builder`](crate::Stack::builder) makes one.
#[derive(Clone, Default)]
pub struct StackBuilder {
    files: Vec<PathBuf>,
    directory: Option<PathBuf>,
    env_files: Vec<PathBuf>,
    environment: BTreeMap<String, String>,
    profiles: Vec<String>,
    project_name: Option<String>,
    project_directory: Option<PathBuf>,
    keep_volumes: Vec<String>,
    timeout: Option<Duration>,
    ports: Ports,
    probes: BTreeMap<String, Probe>,
    lifetime: Option<Lifetime>,
    idle: Option<Duration>,
    observer: Observer,
}

/// Variables and probes, which can hold secrets, are left out.
impl std::fmt::Debug for StackBuilder {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("StackBuilder").field("files", &self.files).finish_non_exhaustive()
    }
}

impl StackBuilder {
    /// Without a file: the one that Compose would find, from the working folder upwards.
    #[must_use]
    pub fn new() -> StackBuilder {
        StackBuilder::default()
    }

    /// Reads this compose file; several are merged in order, as Compose's `-f` does.
    #[must_use]
    pub fn file(mut self, file: impl AsRef<Path>) -> StackBuilder {
        self.files.push(file.as_ref().to_owned());
        self
    }

    /// The folder from which relative file names count, instead of the process's working folder.
    #[must_use]
    pub fn working_directory(mut self, directory: impl AsRef<Path>) -> StackBuilder {
        self.directory = Some(directory.as_ref().to_owned());
        self
    }

    /// Reads variables from this file instead of `.env.test` or `.env` beside the compose file; the last of several wins.
    #[must_use]
    pub fn env_file(mut self, file: impl AsRef<Path>) -> StackBuilder {
        self.env_files.push(file.as_ref().to_owned());
        self
    }

    /// Sets a variable for the compose file's `${…}`; it beats the process's own and the environment files.
    #[must_use]
    pub fn env(mut self, name: &str, value: &str) -> StackBuilder {
        self.environment.insert(name.to_owned(), value.to_owned());
        self
    }

    /// Turns a profile on.
    #[must_use]
    pub fn profile(mut self, profile: &str) -> StackBuilder {
        self.profiles.push(profile.to_owned());
        self
    }

    /// Names the project, as Compose's `--project-name` does.
    #[must_use]
    pub fn project_name(mut self, name: &str) -> StackBuilder {
        self.project_name = Some(name.to_owned());
        self
    }

    /// The project's folder, when it is not that of the first compose file, as Compose's `--project-directory`.
    #[must_use]
    pub fn project_directory(mut self, directory: impl AsRef<Path>) -> StackBuilder {
        self.project_directory = Some(directory.as_ref().to_owned());
        self
    }

    /// Keeps this named volume (its key under the top-level `volumes:`): it survives, under a stable name, and the next
    /// stack that keeps it finds it again. A kept volume is used by one stack at a time.
    #[must_use]
    pub fn keep_volume(mut self, key: &str) -> StackBuilder {
        self.keep_volumes.push(key.to_owned());
        self
    }

    /// How long each service may take to become ready, not counting its image. Two minutes unless told otherwise.
    #[must_use]
    pub fn timeout(mut self, timeout: Duration) -> StackBuilder {
        self.timeout = Some(timeout);
        self
    }

    /// Publishes the ports that the file states, where it states them. A second stack on the machine will collide.
    #[must_use]
    pub fn fixed_ports(mut self) -> StackBuilder {
        self.ports = Ports::AsWritten;
        self
    }

    /// Asks `service` this question instead of what the file or the service's kind would.
    #[must_use]
    pub fn ready(mut self, service: &str, probe: Probe) -> StackBuilder {
        self.probes.insert(service.to_owned(), probe);
        self
    }

    /// How long the stack lives, and with whom it is shared: [`Lifetime`] tells which to choose. Without this it is what the
    /// variable `GREENROOM_LIFETIME` says (`test`, `process`, `run`, `keep`), else [`Lifetime::Test`].
    #[must_use]
    pub fn lifetime(mut self, lifetime: Lifetime) -> StackBuilder {
        self.lifetime = Some(lifetime);
        self
    }

    /// Takes a stack of [`Lifetime::Keep`] down when no process has used it for so long.
    #[must_use]
    pub fn idle(mut self, idle: Duration) -> StackBuilder {
        self.idle = Some(idle);
        self
    }

    /// Is told what happens, as it happens. Called from greenroom's own threads.
    #[must_use]
    pub fn observe(mut self, observe: impl Fn(&Event) + Send + Sync + 'static) -> StackBuilder {
        self.observer = Observer::new(observe);
        self
    }

    /// Reads the compose files.
    ///
    /// # Errors
    ///
    /// The files are not there or wrong; every complaint has its place.
    pub fn read(&self) -> Result<Project, Error> {
        let working_dir = match &self.directory {
            Some(directory) => std::path::absolute(directory),
            None => std::env::current_dir(),
        };
        let working_dir = working_dir.map_err(Error::no_working_directory)?;
        let mut environment: BTreeMap<String, String> = std::env::vars_os()
            .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)))
            .collect();
        environment.extend(self.environment.clone());
        let request = Request {
            files: self.files.clone(),
            working_dir,
            env_files: self.env_files.clone(),
            profiles: self.profiles.clone(),
            project_name: self.project_name.clone(),
            project_directory: self.project_directory.clone(),
            environment,
            home: std::env::home_dir(),
        };
        compose::read(&request, &Disk).map_err(|problems| Error::compose(&problems))
    }

    /// Decides what would run, without running it.
    ///
    /// # Errors
    ///
    /// As [`read`](StackBuilder::read), and a name or option that does not fit the file.
    pub fn plan(&self) -> Result<Plan, Error> {
        self.plan_of(&self.read()?, &new_id())
    }

    fn plan_of(&self, project: &Project, id: &str) -> Result<Plan, Error> {
        let options = Options {
            id: id.to_owned(),
            keep_volumes: self.keep_volumes.clone(),
            ports: self.ports,
            timeout: self.timeout,
            probes: self.probes.clone(),
        };
        plan::plan(project, &Disk, &options)
    }

    pub(super) fn wanted(self) -> Result<Wanted, Error> {
        let lifetime = match self.lifetime {
            Some(lifetime) => lifetime,
            None => Lifetime::usual()?,
        };
        let project = self.read()?;
        let (idle, observer) = (self.idle, self.observer.clone());
        let plan = self.plan_of(&project, &new_id())?;
        let plan_again = Box::new(move |id: &str| self.plan_of(&project, id));
        Ok(Wanted { plan, plan_again, lifetime, idle, observer })
    }
}

/// What is to be brought up, or found.
pub(super) struct Wanted {
    pub plan: Plan,
    /// The plan of the same for a stack that has a name already, by what makes that name unique.
    pub plan_again: Box<PlanAgain>,
    pub lifetime: Lifetime,
    /// How long a kept stack stays that nobody uses.
    pub idle: Option<Duration>,
    pub observer: Observer,
}

type PlanAgain = dyn Fn(&str) -> Result<Plan, Error> + Send + Sync;

/// Eight hexadecimal digits that no other stack of this machine has.
fn new_id() -> String {
    // The standard library's hasher is seeded by the system's randomness, which is all that is needed here.
    let random = RandomState::new().build_hasher().finish();
    format!("{:08x}", random >> 32)
}
