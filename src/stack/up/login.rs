//! Reads login settings that are stored in files inside the container (`POSTGRES_PASSWORD_FILE`).

use crate::engine::{Engine, Keep};
use crate::kind::{Login, LoginSettings, Setting};

/// Resolves the settings, reading those that are stored in files.
pub(in crate::stack) async fn resolve(
    engine: &dyn Engine,
    id: &str,
    login: &LoginSettings,
) -> Result<Login, String> {
    let user = read(engine, id, &login.user).await?;
    let password = match &login.password {
        Some(password) => Some(read(engine, id, password).await?),
        None => None,
    };
    let database = read(engine, id, &login.database).await?;
    Ok(Login { user, password, database })
}

async fn read(engine: &dyn Engine, id: &str, setting: &Setting) -> Result<String, String> {
    let path = match setting {
        Setting::Value(value) => return Ok(value.clone()),
        Setting::File(path) => path,
    };
    match engine.exec(id, &["cat".to_owned(), path.clone()], Keep::All).await {
        // The images strip the trailing newline, too.
        Ok(done) if done.code == 0 => Ok(done.output.trim_end_matches(['\n', '\r']).to_owned()),
        Ok(done) => Err(format!("cannot read {path} in the container: {}", done.output.trim())),
        Err(error) => Err(error.to_string()),
    }
}
