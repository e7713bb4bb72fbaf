//! Handles that fit only services of a certain kind.

use crate::Error;
use crate::kind::{Kind, Login};
use crate::known::RunningService;
use crate::stack::Stack;

impl Stack {
    /// Applies `read` to the service `name`. If the service is not `what`, returns an error that lists the services
    /// that are.
    pub(crate) fn read_kind<T>(
        &self,
        name: &str,
        what: &str,
        read: impl Fn(&RunningService) -> Option<T>,
    ) -> Result<T, Error> {
        let service = self.find(name)?;
        read(&service).ok_or_else(|| {
            let services = self.running().services();
            let fitting: Vec<_> = services
                .iter()
                .filter(|(_, service)| read(service).is_some())
                .map(|(name, _)| name.as_str())
                .collect();
            if service.known.completed {
                return Error::has_completed(name, what, &fitting);
            }
            Error::wrong_kind(name, what, &service.known.image.reference, &fitting)
        })
    }

    /// The port inside the container and the login of a server of this kind.
    pub(crate) fn login(&self, name: &str, kind: Kind, what: &str) -> Result<(u16, Login), Error> {
        self.read_kind(name, what, |service| {
            service.planned.login.as_ref().filter(|login| login.kind == kind)?;
            Some((kind.port(&service.planned.service)?, service.known.login.clone()?))
        })
    }
}
