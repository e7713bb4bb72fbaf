//! Reports of what runs, as text for people and as JSON for programs. Pure.

use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

use serde_json::{Value, json};

use crate::address::Addresses;
use crate::compose::Warning;

/// The services of a stack, and how long each took to become ready.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Report {
    /// The stack's name.
    pub stack: String,
    /// The project's name.
    pub project: String,
    /// The services by name.
    pub services: BTreeMap<String, ServiceReport>,
    /// From the start of `up` until the last service was ready, images included.
    pub total: Duration,
    /// Keys that are not applied, and warnings of the reader and the engine.
    pub warnings: Vec<Warning>,
}

/// One service of a report.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct ServiceReport {
    /// The image that runs.
    pub image: String,
    /// The image that the file names, if a fallback runs instead.
    pub stands_in_for: Option<String>,
    /// Whether the start built the image again, because its build context or options had changed.
    pub rebuilt: bool,
    /// The container's name.
    pub container: String,
    /// The service's status.
    pub status: ServiceStatus,
    /// From the container's last start until the service was ready.
    pub ready_after: Duration,
    /// How the service was probed.
    pub probe: String,
    /// How often the service was restarted before it was ready.
    pub restarts: u32,
    /// The addresses of its published ports.
    pub addresses: Addresses,
}

/// A service that was ready, but does not answer any more.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Silent {
    /// The service.
    pub service: String,
    /// What was observed instead of an answer, secrets hidden.
    pub seen: String,
}

/// The status of a service.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ServiceStatus {
    /// Its container exists, but has not been started.
    Created,
    /// Its container runs; it is not known whether the service answers.
    Running,
    /// It answers.
    Ready,
    /// It has run to completion: it has exited with 0.
    Completed,
    /// It has exited.
    Exited,
}

impl Report {
    /// The report as `up --format json` prints it.
    ///
    /// ```json
    /// {"project": "shop", "stack": "greenroom-shop-7f3a01c2", "total_ms": 1840,
    ///  "services": {"db": {"image": "postgres:17", "stands_in_for": null, "rebuilt": false,
    ///    "container": "greenroom-shop-7f3a01c2-db-1", "state": "ready", "ready_after_ms": 1520,
    ///    "probe": "sql :5432 `SELECT 1`", "restarts": 0, "ports": {"5432/tcp": "127.0.0.1:49153"}}},
    ///  "warnings": ["compose.yml:9:7: services.db.attach: greenroom does not apply `attach`"]}
    /// ```
    #[must_use]
    pub fn to_json(&self) -> Value {
        let services: serde_json::Map<_, _> =
            self.services.iter().map(|(name, service)| (name.clone(), service.to_json())).collect();
        let warnings: Vec<_> = self.warnings.iter().map(ToString::to_string).collect();
        json!({
            "project": self.project,
            "stack": self.stack,
            "total_ms": millis(self.total),
            "services": services,
            "warnings": warnings,
        })
    }
}

impl ServiceReport {
    fn to_json(&self) -> Value {
        let ports: serde_json::Map<_, _> = self
            .addresses
            .iter()
            .map(|(port, address)| (port.to_string(), json!(address.to_string())))
            .collect();
        json!({
            "image": self.image,
            "stands_in_for": self.stands_in_for,
            "rebuilt": self.rebuilt,
            "container": self.container,
            "state": self.status.to_string(),
            "ready_after_ms": millis(self.ready_after),
            "probe": self.probe,
            "restarts": self.restarts,
            "ports": ports,
        })
    }
}

impl fmt::Display for Silent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "service `{}` does not answer: {}", self.service, self.seen)
    }
}

impl fmt::Display for ServiceStatus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            ServiceStatus::Created => "created",
            ServiceStatus::Running => "running",
            ServiceStatus::Ready => "ready",
            ServiceStatus::Completed => "completed",
            ServiceStatus::Exited => "exited",
        })
    }
}

/// Whole milliseconds, for JSON.
pub(crate) fn millis(duration: Duration) -> u64 {
    duration.as_millis().try_into().unwrap_or(u64::MAX)
}

/// A line for the stack, then a line for each service: name, state, ready time, addresses and image.
impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "stack {} (project {})", self.stack, self.project)?;
        let widest = self.services.keys().map(String::len).max().unwrap_or_default();
        for (name, service) in &self.services {
            let addresses: Vec<_> =
                service.addresses.iter().map(|(port, address)| format!("{address} -> {port}")).collect();
            write!(
                f,
                "\n  {name:widest$}  {:9}  {:>6.2}s",
                service.status,
                service.ready_after.as_secs_f64()
            )?;
            write!(
                f,
                "  {}",
                if addresses.is_empty() { "no port".to_owned() } else { addresses.join(", ") }
            )?;
            write!(f, "  {}", service.image)?;
            if let Some(wanted) = &service.stands_in_for {
                write!(f, " (stands in for {wanted})")?;
            }
            if service.rebuilt {
                write!(f, " (rebuilt: its build context had changed)")?;
            }
            match service.restarts {
                0 => {}
                1 => write!(f, ", restarted once")?,
                times => write!(f, ", restarted {times} times")?,
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::address::{Address, Port};
    use expect_test::expect;

    fn service(container: &str) -> ServiceReport {
        ServiceReport {
            image: "postgres:17".to_owned(),
            stands_in_for: None,
            rebuilt: false,
            container: format!("greenroom-shop-7f3a01c2-{container}-1"),
            status: ServiceStatus::Ready,
            ready_after: Duration::from_micros(1_523_400),
            probe: "sql :5432 `SELECT 1`".to_owned(),
            restarts: 0,
            addresses: [(Port::tcp(5432), Address::new("127.0.0.1", 49153))].into_iter().collect(),
        }
    }

    /// An ordinary service, a restarted one with a fallback image, and a completed one.
    fn report() -> Report {
        let fallback = ServiceReport {
            image: "greenroom-fallback/grafana:8980be0ad68d".to_owned(),
            stands_in_for: Some("grafana/grafana:11.0.0".to_owned()),
            addresses: ["3000/tcp", "9094/udp"]
                .map(|port| (port.parse().expect("it is a port"), Address::new("127.0.0.1", 49154)))
                .into_iter()
                .collect(),
            restarts: 1,
            ..service("grafana")
        };
        let one_shot = ServiceReport {
            status: ServiceStatus::Completed,
            ready_after: Duration::from_secs(12),
            probe: "ends with 0".to_owned(),
            addresses: Addresses::default(),
            restarts: 3,
            ..service("migrate")
        };
        let services = [("db", service("db")), ("grafana", fallback), ("migrate", one_shot)];
        Report {
            stack: "greenroom-shop-7f3a01c2".to_owned(),
            project: "shop".to_owned(),
            services: services.map(|(name, service)| (name.to_owned(), service)).into(),
            total: Duration::from_millis(13_840),
            warnings: vec![Warning::new(None, "services.db.attach: not applied")],
        }
    }

    #[test]
    fn a_report_as_text_has_a_line_for_each_service() {
        expect![[r#"
            stack greenroom-shop-7f3a01c2 (project shop)
              db       ready        1.52s  127.0.0.1:49153 -> 5432/tcp  postgres:17
              grafana  ready        1.52s  127.0.0.1:49154 -> 3000/tcp, 127.0.0.1:49154 -> 9094/udp  greenroom-fallback/grafana:8980be0ad68d (stands in for grafana/grafana:11.0.0), restarted once
              migrate  completed   12.00s  no port  postgres:17, restarted 3 times"#]].assert_eq(&report().to_string());
    }

    #[test]
    fn a_report_is_json_for_programs() {
        let json = serde_json::to_string_pretty(&report().to_json()).expect("it is JSON");
        expect![[r#"
            {
              "project": "shop",
              "stack": "greenroom-shop-7f3a01c2",
              "total_ms": 13840,
              "services": {
                "db": {
                  "image": "postgres:17",
                  "stands_in_for": null,
                  "rebuilt": false,
                  "container": "greenroom-shop-7f3a01c2-db-1",
                  "state": "ready",
                  "ready_after_ms": 1523,
                  "probe": "sql :5432 `SELECT 1`",
                  "restarts": 0,
                  "ports": {
                    "5432/tcp": "127.0.0.1:49153"
                  }
                },
                "grafana": {
                  "image": "greenroom-fallback/grafana:8980be0ad68d",
                  "stands_in_for": "grafana/grafana:11.0.0",
                  "rebuilt": false,
                  "container": "greenroom-shop-7f3a01c2-grafana-1",
                  "state": "ready",
                  "ready_after_ms": 1523,
                  "probe": "sql :5432 `SELECT 1`",
                  "restarts": 1,
                  "ports": {
                    "3000/tcp": "127.0.0.1:49154",
                    "9094/udp": "127.0.0.1:49154"
                  }
                },
                "migrate": {
                  "image": "postgres:17",
                  "stands_in_for": null,
                  "rebuilt": false,
                  "container": "greenroom-shop-7f3a01c2-migrate-1",
                  "state": "completed",
                  "ready_after_ms": 12000,
                  "probe": "ends with 0",
                  "restarts": 3,
                  "ports": {}
                }
              },
              "warnings": [
                "services.db.attach: not applied"
              ]
            }"#]]
        .assert_eq(&json);
    }

    #[test]
    fn a_stack_without_services_is_one_line() {
        let report = Report { services: BTreeMap::new(), ..report() };
        assert_eq!(report.to_string(), "stack greenroom-shop-7f3a01c2 (project shop)");
    }
}
