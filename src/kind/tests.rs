//! Tests of the table of kinds, and of the port and login read from a service.

use std::collections::BTreeSet;

use super::*;

fn service(command: &[&str], environment: &[(&str, &str)]) -> Service {
    let mut service = Service::default();
    service.command = Some(command.iter().map(|word| (*word).to_owned()).collect());
    service.environment =
        environment.iter().map(|(name, value)| ((*name).to_owned(), Some((*value).to_owned()))).collect();
    service
}

#[test]
fn no_name_and_no_image_is_of_two_kinds() {
    let mut names = BTreeSet::new();
    let mut images = BTreeSet::new();
    for kind in Kind::ALL {
        assert!(names.insert(kind.name()), "{} is there twice", kind.name());
        for image in kind.images() {
            assert!(images.insert(image), "{image} is there twice");
            assert!(!image.contains(['/', ':', '@']), "{image} is no bare name");
            assert_eq!(Kind::of_image(&format!("registry:5000/team/{image}:1.2@sha256:0")), *kind);
            assert_eq!(Kind::of_image(&format!("{image}-exporter")), Kind::Other);
        }
    }
    let protocols: BTreeSet<_> = Protocol::ALL.iter().map(|protocol| protocol.name()).collect();
    assert_eq!(protocols.len(), Protocol::ALL.len());
}

#[test]
fn a_flag_is_found_in_either_form() {
    for (command, port) in [
        (&["memcached", "-p", "1"][..], 1),
        (&["memcached", "--port=2"], 2),
        (&["memcached", "--port", "3", "--port=4"], 3),
        (&["memcached", "--portion=5", "-p"], 11211),
    ] {
        assert_eq!(Kind::Memcached.port(&service(command, &[])), Some(port), "{command:?}");
    }
}

#[test]
fn a_login_is_read_by_the_settings_of_its_kind() {
    let read = |path: &str| (path == "/run/secrets/known").then(|| "from-file".to_owned());
    let login = |kind: Kind, environment: &[(&str, &str)]| {
        let login = kind.login(&service(&[], environment), read).expect("it has a login");
        let show = |setting: &Setting| match setting {
            Setting::Value(value) => value.clone(),
            Setting::File(path) => format!("<{path}"),
        };
        let password = login.password.as_ref().map_or("-".to_owned(), show);
        let secret = login.secret().unwrap_or("-");
        format!("{}:{password}@{} hides {secret}", show(&login.user), show(&login.database))
    };
    for (kind, environment, expected) in [
        (Kind::Postgres, &[][..], "postgres:-@postgres hides -"),
        (Kind::Postgres, &[("POSTGRES_USER", "me"), ("POSTGRES_PASSWORD", "")], "me:-@me hides -"),
        (Kind::Postgres, &[("POSTGRES_USER_FILE", "/run/secrets/known")], "from-file:-@from-file hides -"),
        (Kind::Postgres, &[("POSTGRESQL_DATABASE", "shop")], "postgres:-@shop hides -"),
        (Kind::Postgres, &[("POSTGRES_PASSWORD_FILE", "/other")], "postgres:</other@postgres hides -"),
        (Kind::Grafana, &[], "admin:admin@ hides -"),
        (
            Kind::Grafana,
            &[("GF_SECURITY_ADMIN_PASSWORD__FILE", "/run/secrets/known")],
            "admin:from-file@ hides from-file",
        ),
    ] {
        assert_eq!(login(kind, environment), expected);
    }
    assert_eq!(Kind::Http.login(&Service::default(), read), None);
}

#[test]
fn a_probe_that_logs_in_is_asked_of_the_kind_that_it_means() {
    for (kind, probe, asked) in [
        (Kind::Postgres, Probe::sql("SELECT 2"), Kind::Postgres),
        (Kind::Other, Probe::sql("SELECT 2"), Kind::Postgres),
        (Kind::Postgres, Probe::http("/"), Kind::Postgres),
        (Kind::Other, Probe::http("/"), Kind::Other),
        (Kind::Other, Probe::protocol(Protocol::Memcached), Kind::Memcached),
    ] {
        assert_eq!(kind.asked_by(&probe), asked, "{kind:?} {probe}");
    }
}
