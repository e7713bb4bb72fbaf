//! How to log in to a service, by the settings in its compose file.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::{Kind, stated};
use crate::compose::Service;

/// The settings from which a kind's image reads its login.
pub(super) struct Row {
    pub user: Field,
    pub password: Field,
    pub database: Field,
    /// The suffix of variables that name a file, inside the container, with the value.
    pub file_suffix: &'static str,
}

/// Setting names, of which the first stated one counts, and the default if none is stated.
pub(super) struct Field(pub &'static [&'static str], pub Otherwise);

#[derive(Clone, Copy)]
pub(super) enum Otherwise {
    Is(&'static str),
    /// The same as the user's name.
    AsUser,
    Nothing,
}

/// How to log in to a service, by the settings that its image reads.
#[derive(Clone, PartialEq, Eq)]
pub struct LoginSettings {
    /// The kind of server.
    pub(crate) kind: Kind,
    pub(crate) user: Setting,
    pub(crate) password: Option<Setting>,
    pub(crate) database: Setting,
}

/// A value, or the file inside the container that holds it (`POSTGRES_PASSWORD_FILE`).
#[derive(Clone, PartialEq, Eq)]
pub(crate) enum Setting {
    Value(String),
    File(String),
}

/// How to log in, with the values of all settings.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Login {
    /// Empty if this kind of server has no users.
    pub user: String,
    pub password: Option<String>,
    /// Empty if this kind of server has no databases.
    pub database: String,
}

impl Row {
    /// `read` returns the contents of a file inside the container, if they are known.
    fn settings(
        &self,
        kind: Kind,
        service: &Service,
        read: impl Fn(&str) -> Option<String>,
    ) -> LoginSettings {
        let setting = |name: &&str| {
            let in_file = || {
                let path = stated(service, &format!("{name}{}", self.file_suffix))?;
                Some(read(path).map_or_else(|| Setting::File(path.to_owned()), Setting::Value))
            };
            stated(service, name).map(|value| Setting::Value(value.to_owned())).or_else(in_file)
        };
        let field = |Field(names, otherwise): &Field, user: Option<&Setting>| {
            names.iter().find_map(setting).or_else(|| match otherwise {
                Otherwise::Is(value) => Some(Setting::Value((*value).to_owned())),
                Otherwise::AsUser => user.cloned(),
                Otherwise::Nothing => None,
            })
        };
        let user = field(&self.user, None);
        let nothing = || Setting::Value(String::new());
        LoginSettings {
            kind,
            password: field(&self.password, user.as_ref()),
            database: field(&self.database, user.as_ref()).unwrap_or_else(nothing),
            user: user.unwrap_or_else(nothing),
        }
    }
}

impl Kind {
    /// How to log in to a service of this kind. `read` returns the contents of a file inside the container, if known.
    pub(crate) fn login(
        self,
        service: &Service,
        read: impl Fn(&str) -> Option<String>,
    ) -> Option<LoginSettings> {
        Some(self.row()?.login.as_ref()?.settings(self, service, read))
    }
}

impl LoginSettings {
    /// The password that the file states, unless it is the kind's well-known default.
    pub(crate) fn secret(&self) -> Option<&str> {
        let default = match self.kind.row()?.login.as_ref()?.password.1 {
            Otherwise::Is(value) => Some(value),
            Otherwise::AsUser | Otherwise::Nothing => None,
        };
        match &self.password {
            Some(Setting::Value(value)) => Some(value.as_str()).filter(|value| Some(*value) != default),
            Some(Setting::File(_)) | None => None,
        }
    }
}

impl fmt::Debug for LoginSettings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "LoginSettings({}, hidden)", self.kind.name())
    }
}

impl fmt::Debug for Login {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Login({}@{}, password hidden)", self.user, self.database)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_login_does_not_show_its_password() {
        let login = Login {
            user: "me".to_owned(),
            password: Some("hunter2-hunter2".to_owned()),
            database: "db".to_owned(),
        };
        assert_eq!(format!("{login:?}"), "Login(me@db, password hidden)");
    }
}
