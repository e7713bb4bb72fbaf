//! Commands in a running container.

use futures_util::StreamExt;
use testcontainers::bollard::exec::{CreateExecOptions, StartExecResults};

use super::error::failed;
use super::{Docker, body};
use crate::compose::Hook;
use crate::engine::{EngineError, ExecOutput, Keep};

/// Only a failed hook's output is shown.
pub(super) const OF_A_HOOK: Keep = Keep::End(64 * 1024);

pub(super) fn options(hook: &Hook) -> CreateExecOptions<String> {
    CreateExecOptions {
        cmd: Some(hook.command.clone()),
        user: hook.user.clone(),
        privileged: Some(hook.privileged),
        working_dir: hook.working_dir.clone(),
        env: Some(body::environment(&hook.environment)),
        ..CreateExecOptions::default()
    }
}

impl Docker {
    /// Runs a command in a container until it exits.
    pub(super) async fn run(
        &self,
        id: &str,
        options: CreateExecOptions<String>,
        keep: Keep,
    ) -> Result<ExecOutput, EngineError> {
        let command = options.cmd.iter().flatten().map(String::as_str).collect::<Vec<_>>().join(" ");
        let failed = |error| failed(format!("run `{command}` in container `{id}`"))(error);
        let options = CreateExecOptions { attach_stdout: Some(true), attach_stderr: Some(true), ..options };
        let exec = self.client.create_exec(id, options).await.map_err(failed)?;
        let mut output = Vec::new();
        if let StartExecResults::Attached { output: mut stream, .. } =
            self.client.start_exec(&exec.id, None).await.map_err(failed)?
        {
            while let Some(chunk) = stream.next().await {
                keep.add(&mut output, &chunk.map_err(failed)?.into_bytes());
            }
        }
        let code = self.client.inspect_exec(&exec.id).await.map_err(failed)?.exit_code.unwrap_or(-1);
        Ok(ExecOutput { code, output: String::from_utf8_lossy(&output).into_owned() })
    }
}
