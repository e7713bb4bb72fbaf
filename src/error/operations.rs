//! One constructor for each operation that can fail.

use std::fmt::Display;
use std::io;
use std::path::Path;
use std::time::Duration;

use super::{Error, Kind, list};
use crate::compose::{Problems, nearest};

/// Who has a kept volume.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum VolumeUser {
    Stack {
        stack: String,
        /// Where it comes from: its project, and its user and host if they are others than this process's.
        holder: String,
        /// Whether it belongs to this user on this host.
        is_own: bool,
    },
    /// A process that removes the volume.
    Removal { claim: String, holder: String },
    /// A container outside of every stack.
    Container(String),
    /// A volume that has the claim's name, but is none.
    Volume(String),
}

impl VolumeUser {
    fn describe(&self) -> String {
        match self {
            VolumeUser::Stack { stack, .. } => format!("in use by stack `{stack}`"),
            VolumeUser::Removal { .. } => "being removed".to_owned(),
            VolumeUser::Container(name) => {
                format!("in use by container `{name}`, which belongs to no stack")
            }
            VolumeUser::Volume(name) => format!("claimed by volume `{name}`, which greenroom did not create"),
        }
    }

    fn holder(&self) -> Option<&str> {
        match self {
            VolumeUser::Stack { holder, .. } | VolumeUser::Removal { holder, .. } => Some(holder),
            VolumeUser::Container(_) | VolumeUser::Volume(_) => None,
        }
    }

    fn hint(&self) -> String {
        match self {
            VolumeUser::Stack { stack, is_own: true, .. } => {
                format!("wait for that stack, or take it down: `greenroom down --stack {stack}`")
            }
            VolumeUser::Stack { stack, .. } => {
                format!("ask its owner first; `greenroom down --stack {stack}` takes it down")
            }
            VolumeUser::Removal { claim, .. } => {
                format!("if that process is gone, `docker volume rm {claim}` releases the volume")
            }
            VolumeUser::Container(name) => {
                format!("stop the container (`docker stop {name}`) or remove it (`docker rm {name}`) first")
            }
            VolumeUser::Volume(name) => format!("remove it if nobody needs it: `docker volume rm {name}`"),
        }
    }
}

/// The compose files and the options.
impl Error {
    pub(crate) fn compose(problems: &Problems) -> Error {
        Error::new(Kind::Usage, problems.to_string()).with_problems(problems)
    }

    /// `what` (`service`, `volume`) is not among `defined`.
    pub(crate) fn unknown<'a>(what: &str, name: &str, defined: impl IntoIterator<Item = &'a str>) -> Error {
        let defined: Vec<_> = defined.into_iter().collect();
        let near = nearest(name, defined.iter().copied());
        let near = near.map(|near| format!("did you mean `{near}`? ")).unwrap_or_default();
        let list = if defined.is_empty() {
            format!("the file defines no {what}s")
        } else {
            format!("defined {what}s are {}", list(&defined))
        };
        Error::new(Kind::Usage, format!("there is no {what} `{name}`")).with_hint(format!("{near}{list}"))
    }

    pub(crate) fn unknown_lifetime(variable: &str, value: &str, known: &[&str]) -> Error {
        Error::new(Kind::Usage, format!("`{variable}` must be one of {}, not `{value}`", list(known)))
    }

    pub(crate) fn no_working_directory(source: io::Error) -> Error {
        Error::new(Kind::Usage, "cannot determine the working directory").with_source(source)
    }
}

/// The engine and greenroom's own runtime.
impl Error {
    /// An engine operation failed; `message` is the whole text.
    pub(crate) fn of_engine(message: &impl Display) -> Error {
        Error::new(Kind::Other, message.to_string())
    }

    pub(crate) fn engine_unavailable(why: String, hint: String) -> Error {
        Error::new(Kind::EngineUnavailable, why).with_hint(hint)
    }

    /// `what` is `network` or `volume`, `key` its key in the file, `name` its name on the engine.
    pub(crate) fn missing_external(what: &str, key: &str, name: &str) -> Error {
        let headline = format!("external {what} `{key}` does not exist: the engine has no {what} `{name}`");
        Error::new(Kind::MissingExternal, headline).with_hint(format!(
            "create it first: `docker {what} create {name}`; without `external: true` each stack gets one of its own"
        ))
    }

    pub(crate) fn no_runtime(source: io::Error) -> Error {
        Error::new(Kind::Other, "failed to start greenroom's background runtime").with_source(source)
    }

    /// A background task ended without a result: it panicked, or the runtime was shut down.
    pub(crate) fn task_lost() -> Error {
        Error::new(Kind::Other, "greenroom's background task ended without a result")
            .with_hint("if it panicked, the panic's message is above")
    }

    /// `failures` are the engine's errors.
    pub(crate) fn teardown(stack: &str, failures: &[impl Display]) -> Error {
        let error = Error::new(Kind::Other, format!("stack `{stack}` could not be removed completely"));
        failures
            .iter()
            .fold(error, |error, failure| error.with_detail(failure.to_string()))
            .with_hint(format!("`greenroom down --stack {stack}` tries again"))
    }
}

/// The start of a stack.
impl Error {
    /// A service did not become ready; `headline` says which one and why.
    pub(crate) fn start_failed(headline: String) -> Error {
        Error::new(Kind::NotReady, headline)
    }

    pub(crate) fn start_cancelled() -> Error {
        Error::new(Kind::Cancelled, "the start was cancelled before the stack was ready")
    }

    /// The kept volume cannot be claimed. `name` is its name on the engine.
    pub(crate) fn volume_held(key: &str, name: &str, user: &VolumeUser) -> Error {
        Error::volume_in_use(key, name, user)
            .with_detail("two servers on one data directory would corrupt it")
    }

    /// The kept volume cannot be removed.
    pub(crate) fn volume_in_use(key: &str, name: &str, user: &VolumeUser) -> Error {
        let error = Error::new(Kind::VolumeHeld, format!("kept volume `{key}` is {}", user.describe()))
            .with_detail(format!("volume: {name}"));
        let error = match user.holder() {
            Some(holder) => error.with_detail(format!("holder: {holder}")),
            None => error,
        };
        error.with_hint(user.hint())
    }
}

/// What greenroom writes down.
impl Error {
    pub(crate) fn no_state_folder(variable: &str) -> Error {
        Error::new(Kind::Other, "there is no home folder to keep greenroom's state in")
            .with_hint(format!("set {variable} to a folder"))
    }

    /// `why` says what others can do with it.
    pub(crate) fn state_folder_of_others(path: &Path, why: &str, variable: &str) -> Error {
        let shown = path.display();
        Error::new(Kind::Usage, format!("cannot keep greenroom's state in {shown}: {why}"))
            .with_hint(format!("set {variable} to a folder of your own, or: `chmod go-w {shown}`"))
    }

    /// `holder` has had the lock for all of `within`.
    pub(crate) fn lock_held(path: &Path, holder: &str, within: Duration) -> Error {
        Error::new(Kind::Other, format!("cannot lock {} within {within:?}", path.display()))
            .with_detail(format!("the lock is held by {holder}"))
            .with_hint("end that process, or wait for it and try again")
    }

    /// `operation` is a verb: `lock`, `write`.
    pub(crate) fn state(operation: &str, path: &Path, source: io::Error) -> Error {
        Error::new(Kind::Other, format!("cannot {operation} {}", path.display())).with_source(source)
    }
}

/// Handles for any service.
impl Error {
    pub(crate) fn port_not_published(service: &str, port: u16, published: &[String]) -> Error {
        let instead = if published.is_empty() {
            "it publishes no port".to_owned()
        } else {
            format!("it publishes {}", list(published))
        };
        Error::new(Kind::Other, format!("service `{service}` does not publish port {port}/tcp"))
            .with_hint(format!("{instead}; add {port} under `ports:` of `{service}`: any host port will do"))
    }
}

/// Handles for services of one kind.
#[cfg(any(feature = "postgres", feature = "grafana"))]
impl Error {
    /// `service` is not `what` (`a PostgreSQL server`); the services in `fitting` are.
    pub(crate) fn wrong_kind(service: &str, what: &str, image: &str, fitting: &[&str]) -> Error {
        Error::new(Kind::Other, format!("service `{service}` is not {what}"))
            .with_detail(format!("its image: {image}"))
            .with_hint(if fitting.is_empty() {
                "no service of this stack is one; where the image's name does not tell, set `x-greenroom: kind:`"
                    .to_owned()
            } else {
                format!("these are: {}", list(fitting))
            })
    }

    /// The service was to run to completion, so there is no server any more; the services in `fitting` have one.
    pub(crate) fn has_completed(service: &str, what: &str, fitting: &[&str]) -> Error {
        let error = Error::new(Kind::Other, format!("service `{service}` no longer runs"))
            .with_detail("another service waits for its completion, and it has exited with 0");
        match fitting {
            [] => error,
            _ => error.with_hint(format!("{what} that runs: {}", list(fitting))),
        }
    }
}

/// HTTP handles.
#[cfg(feature = "http")]
impl Error {
    pub(crate) fn no_port_published(service: &str) -> Error {
        Error::new(Kind::Other, format!("service `{service}` publishes no TCP port"))
            .with_hint(format!("add one under `ports:` of `{service}`: any host port will do"))
    }

    pub(crate) fn no_http_client(service: &str, source: impl Into<super::Source>) -> Error {
        Error::new(Kind::Other, format!("failed to build an HTTP client for `{service}`")).with_source(source)
    }

    pub(crate) fn no_answer(service: &str, path: &str, source: impl Into<super::Source>) -> Error {
        Error::new(Kind::Other, format!("`{service}` did not answer at {path}")).with_source(source)
    }
}

/// PostgreSQL handles, and the volumes of its servers.
#[cfg(feature = "postgres")]
impl Error {
    /// `operation` is the beginning of a sentence: `connect to`. `url` hides its password.
    pub(crate) fn postgres(
        operation: &str,
        service: &str,
        url: &impl Display,
        source: impl Into<super::Source>,
    ) -> Error {
        Error::new(Kind::Other, format!("failed to {operation} `{service}` at {url}")).with_source(source)
    }

    /// The server of `service` keeps its data in `directory`, which is not on the kept volume mounted at `mounted_at`;
    /// `place` says where that directory is.
    pub(crate) fn volume_does_not_keep(
        key: &str,
        service: &str,
        mounted_at: &str,
        directory: &str,
        place: &str,
    ) -> Error {
        Error::new(Kind::Other, format!("volume `{key}` does not keep the data of `{service}`"))
            .with_detail(format!("the volume is mounted at {mounted_at}"))
            .with_detail(format!("PostgreSQL keeps its data in {directory}, {place}"))
            .with_hint(format!(
                "mount the volume where the data is: `{key}:{directory}`, or at its parent folder"
            ))
    }

    pub(crate) fn unknown_data_directory(service: &str, what: &str) -> Error {
        Error::new(Kind::Other, format!("cannot find out where `{service}` keeps its data: {what}"))
    }
}

/// Grafana handles.
#[cfg(feature = "grafana")]
impl Error {
    /// The answer began, and its body did not come to an end.
    pub(crate) fn answer_broke_off(service: &str, source: impl Into<super::Source>) -> Error {
        Error::new(Kind::Other, format!("the answer of `{service}` broke off")).with_source(source)
    }

    /// The answer is not what was asked for. `operation` as for [`postgres`](Error::postgres).
    pub(crate) fn unexpected_answer(
        operation: &str,
        service: &str,
        source: impl Into<super::Source>,
    ) -> Error {
        Error::new(Kind::Other, format!("failed to {operation} `{service}`: unexpected answer"))
            .with_source(source)
    }

    /// A query through Grafana failed with `message`.
    pub(crate) fn query_failed(service: &str, message: &str) -> Error {
        Error::new(Kind::Other, format!("failed to query through `{service}`: {message}"))
    }

    /// Grafana is older than the `oldest` major version that its handle can use.
    pub(crate) fn grafana_too_old(operation: &str, service: &str, version: &str, oldest: u32) -> Error {
        let why = format!("Grafana {version} answers; greenroom's Grafana handle needs {oldest} or newer");
        Error::new(Kind::Other, format!("failed to {operation} `{service}`: {why}")).with_hint(format!(
            "use an image of Grafana {oldest} or newer; `GrafanaClient::request` sends requests of your own to any version"
        ))
    }

    /// Grafana refused a request with `message`.
    pub(crate) fn refused_by_grafana(operation: &str, service: &str, status: u16, message: &str) -> Error {
        let error =
            Error::new(Kind::Other, format!("failed to {operation} `{service}`: HTTP {status}: {message}"));
        match status {
            401 => error.with_hint(
                "the login comes from GF_SECURITY_ADMIN_USER and GF_SECURITY_ADMIN_PASSWORD in the compose file; a kept volume may still have an older one",
            ),
            501 => error.with_hint(
                "this is the Grafana stand-in, which does not support this; use the real image",
            ),
            _ => error,
        }
    }

    /// Grafana refused the login that the test gave.
    pub(crate) fn login_refused_by_grafana(
        operation: &str,
        service: &str,
        user: &str,
        message: &str,
    ) -> Error {
        Error::new(Kind::Other, format!("failed to {operation} `{service}`: HTTP 401: {message}"))
            .with_hint(format!("`with_login` was given the user `{user}`: check the user and the password"))
    }
}
