//! How to log in to a service.

/// How to log in, every setting read from where it stood.
#[derive(Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub(crate) struct Login {
    pub user: String,
    pub password: Option<String>,
    pub database: String,
}

impl std::fmt::Debug for Login {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
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
