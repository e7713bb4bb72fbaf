//! The builder: which stack to bring up, and how.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::Error;
use crate::compose::{self, Disk, Project, Request, Warning};
use crate::event::{Event, Observer};
use crate::kind::Probe;
use crate::lease::Lifetime;
use crate::plan::{self, Options, Plan, Ports};
use crate::state;

/// Configures a stack before it is started. [`Stack::builder`](crate::Stack::builder) creates one.
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
    build: bool,
}

/// Leaves out variables and probes: they can hold secrets.
impl std::fmt::Debug for StackBuilder {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("StackBuilder").field("files", &self.files).finish_non_exhaustive()
    }
}

impl StackBuilder {
    /// A builder without a file. It uses the file that Compose would find, from the working folder upwards, with its
    /// override file (`docker-compose.override.yml`).
    #[must_use]
    pub fn new() -> StackBuilder {
        StackBuilder::default()
    }

    /// Reads this compose file. Several files are merged in order, like Compose's `-f`. An override file beside it is not
    /// read, and a warning says so.
    #[must_use]
    pub fn file(mut self, file: impl AsRef<Path>) -> StackBuilder {
        self.files.push(file.as_ref().to_owned());
        self
    }

    /// Resolves relative file names against this folder instead of the process's working folder.
    #[must_use]
    pub fn working_directory(mut self, directory: impl AsRef<Path>) -> StackBuilder {
        self.directory = Some(directory.as_ref().to_owned());
        self
    }

    /// Reads variables from this file instead of `.env.test` or `.env` beside the compose file. Later files win.
    #[must_use]
    pub fn env_file(mut self, file: impl AsRef<Path>) -> StackBuilder {
        self.env_files.push(file.as_ref().to_owned());
        self
    }

    /// Sets a variable for the compose file's `${…}`. It takes precedence over the process's environment and the
    /// environment files.
    #[must_use]
    pub fn env(mut self, name: &str, value: &str) -> StackBuilder {
        self.environment.insert(name.to_owned(), value.to_owned());
        self
    }

    /// Enables a profile.
    #[must_use]
    pub fn profile(mut self, profile: &str) -> StackBuilder {
        self.profiles.push(profile.to_owned());
        self
    }

    /// Names the project, like Compose's `--project-name`.
    #[must_use]
    pub fn project_name(mut self, name: &str) -> StackBuilder {
        self.project_name = Some(name.to_owned());
        self
    }

    /// Sets the project's folder, like Compose's `--project-directory`. The default is the first compose file's folder.
    #[must_use]
    pub fn project_directory(mut self, directory: impl AsRef<Path>) -> StackBuilder {
        self.project_directory = Some(directory.as_ref().to_owned());
        self
    }

    /// Keeps this named volume (its key under the top-level `volumes:`): it gets a stable name, outlives the stack, and
    /// is reused by the next stack that keeps it. Only one stack at a time can use a kept volume.
    #[must_use]
    pub fn keep_volume(mut self, key: &str) -> StackBuilder {
        self.keep_volumes.push(key.to_owned());
        self
    }

    /// How long each service may take to become ready, not counting its image. The default is two minutes.
    #[must_use]
    pub fn timeout(mut self, timeout: Duration) -> StackBuilder {
        self.timeout = Some(timeout);
        self
    }

    /// Publishes the fixed host ports that the file states, on 127.0.0.1 where the file names no address. A second such
    /// stack on the machine will collide.
    #[must_use]
    pub fn fixed_ports(mut self) -> StackBuilder {
        self.ports = Ports::AsWritten;
        self
    }

    /// Uses this probe for `service` instead of the one from the file or from the service's kind.
    #[must_use]
    pub fn ready(mut self, service: &str, probe: Probe) -> StackBuilder {
        self.probes.insert(service.to_owned(), probe);
        self
    }

    /// How long the stack lives, and who shares it; see [`Lifetime`]. The default comes from the variable
    /// `GREENROOM_LIFETIME` (`test`, `process`, `run`, `keep`), else it is [`Lifetime::Test`].
    #[must_use]
    pub fn lifetime(mut self, lifetime: Lifetime) -> StackBuilder {
        self.lifetime = Some(lifetime);
        self
    }

    /// Takes a stack of [`Lifetime::Keep`] down once no process has used it for this long.
    #[must_use]
    pub fn idle(mut self, idle: Duration) -> StackBuilder {
        self.idle = Some(idle);
        self
    }

    /// Builds the images of all services that have a `build:`, as Compose's `--build` does. Without it, an image is built
    /// if the engine does not have it, or if greenroom built it and its context or options have changed since.
    #[must_use]
    pub fn build(mut self) -> StackBuilder {
        self.build = true;
        self
    }

    /// Calls `observe` for each event, as it happens, on one of greenroom's own threads.
    #[must_use]
    pub fn observe(mut self, observe: impl Fn(&Event) + Send + Sync + 'static) -> StackBuilder {
        self.observer = Observer::new(observe);
        self
    }

    /// Reads the compose files.
    ///
    /// # Errors
    ///
    /// A file is missing or invalid. The error lists every problem with its position.
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
        let mut request = Request::in_directory(working_dir);
        request.files = self.files.clone();
        request.env_files = self.env_files.clone();
        request.profiles = self.profiles.clone();
        request.project_name = self.project_name.clone();
        request.project_directory = self.project_directory.clone();
        request.environment = environment;
        request.home = std::env::home_dir();
        compose::read(&request, &Disk).map_err(|problems| Error::compose(&problems))
    }

    /// Plans what would run, without running it.
    ///
    /// # Errors
    ///
    /// As for [`read`](StackBuilder::read); also a name or option that does not fit the file.
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
            build: self.build,
        };
        let mut plan = plan::plan(project, &Disk, &options)?;
        plan.warnings.extend(self.unread_override());
        Ok(plan)
    }

    /// Warns of an override file that stays unread, as in Compose, because the file beside it is named. Where no file is
    /// named, both are read: so the same folder can mean two different stacks.
    fn unread_override(&self) -> Option<Warning> {
        let [file] = &self.files[..] else { return None };
        let folder = self.directory.clone().unwrap_or_default();
        let unread = compose::override_beside(&Disk, &folder.join(file))?;
        let name = |path: &Path| path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let (file, unread) = (name(file), name(&unread));
        Some(Warning::new(
            None,
            format!(
                "{unread} is not read, because {file} is named: name both files, or none (no `-f`, \
                 `StackBuilder::new()`)"
            ),
        ))
    }

    pub(super) fn wanted(self) -> Result<Wanted, Error> {
        let lifetime = match self.lifetime {
            Some(lifetime) => lifetime,
            None => Lifetime::usual()?,
        };
        let project = self.read()?;
        let (idle, observer, build) = (self.idle, self.observer.clone(), self.build);
        let plan = self.plan_of(&project, &new_id())?;
        let plan_again = Box::new(move |id: &str| self.plan_of(&project, id));
        Ok(Wanted { plan, plan_again, lifetime, idle, observer, build })
    }
}

/// The stack to bring up or to find.
pub(super) struct Wanted {
    pub plan: Plan,
    /// Makes the same plan for a stack that already has a name, from the id in that name.
    pub plan_again: Box<PlanAgain>,
    pub lifetime: Lifetime,
    /// How long an unused kept stack stays.
    pub idle: Option<Duration>,
    pub observer: Observer,
    /// Whether to build all images before a running stack is looked for.
    pub build: bool,
}

type PlanAgain = dyn Fn(&str) -> Result<Plan, Error> + Send + Sync;

/// A random id of eight hexadecimal digits.
fn new_id() -> String {
    format!("{:08x}", state::random() >> 32)
}
