//! The mounts of a request.

use testcontainers::bollard::models::{
    Mount as EngineMount, MountBindOptions, MountBindOptionsPropagationEnum, MountImageOptions,
    MountTmpfsOptions, MountType, MountVolumeOptions,
};

use super::options::to_map;
use crate::compose::{Mount, MountKind};

/// Whether the mount needs the engine's older string form, the only one with SELinux labels.
pub(super) fn is_bind_string(mount: &Mount) -> bool {
    mount.kind == MountKind::Bind && mount.selinux.is_some()
}

/// `/source:/target:options`
pub(super) fn bind_string(mount: &Mount) -> String {
    let access = if mount.read_only { "ro" } else { "rw" };
    let options = [Some(access), mount.selinux.as_deref(), mount.propagation.as_deref()];
    let options: Vec<_> = options.into_iter().flatten().collect();
    format!("{}:{}:{}", mount.source.as_deref().unwrap_or_default(), mount.target, options.join(","))
}

pub(super) fn body(mount: &Mount) -> EngineMount {
    EngineMount {
        target: Some(mount.target.clone()),
        source: mount.source.clone(),
        read_only: Some(mount.read_only),
        typ: Some(match mount.kind {
            MountKind::Bind => MountType::BIND,
            // The plan refuses other kinds.
            MountKind::Volume | MountKind::Other => MountType::VOLUME,
            MountKind::Tmpfs => MountType::TMPFS,
            MountKind::Image => MountType::IMAGE,
        }),
        bind_options: (mount.kind == MountKind::Bind).then(|| bind(mount)),
        volume_options: (mount.kind == MountKind::Volume).then(|| volume(mount)),
        tmpfs_options: (mount.kind == MountKind::Tmpfs).then(|| MountTmpfsOptions {
            size_bytes: mount.size,
            mode: mount.mode.map(i64::from),
            options: None,
        }),
        image_options: (mount.kind == MountKind::Image && mount.subpath.is_some())
            .then(|| MountImageOptions { subpath: mount.subpath.clone() }),
        ..EngineMount::default()
    }
}

/// Only the options that the file sets: engines refuse some of them even with their default values.
fn bind(mount: &Mount) -> MountBindOptions {
    let recursive = |word: &str| (mount.recursive.as_deref() == Some(word)).then_some(true);
    MountBindOptions {
        propagation: mount
            .propagation
            .as_deref()
            .and_then(|word| word.parse::<MountBindOptionsPropagationEnum>().ok()),
        non_recursive: recursive("disabled"),
        read_only_non_recursive: recursive("writable"),
        read_only_force_recursive: recursive("readonly"),
        create_mountpoint: None,
    }
}

fn volume(mount: &Mount) -> MountVolumeOptions {
    MountVolumeOptions {
        no_copy: Some(mount.nocopy),
        labels: (!mount.labels.is_empty()).then(|| to_map(&mount.labels)),
        subpath: mount.subpath.clone(),
        driver_config: None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bind(selinux: Option<&str>, recursive: Option<&str>) -> Mount {
        let mut mount = Mount::read_only_bind("/source".to_owned(), "/target".to_owned());
        mount.propagation = Some("rslave".to_owned());
        mount.selinux = selinux.map(str::to_owned);
        mount.recursive = recursive.map(str::to_owned);
        mount
    }

    #[test]
    fn only_a_bind_with_a_label_is_a_string() {
        let labelled = bind(Some("Z"), None);
        assert!(is_bind_string(&labelled));
        assert_eq!(bind_string(&labelled), "/source:/target:ro,Z,rslave");
        assert!(!is_bind_string(&bind(None, None)));
    }

    #[test]
    fn what_lies_below_a_bind_is_said_in_one_of_three_ways() {
        let options = |recursive| {
            let options = super::bind(&bind(None, recursive));
            [options.non_recursive, options.read_only_non_recursive, options.read_only_force_recursive]
        };
        assert_eq!(options(Some("disabled")), [Some(true), None, None]);
        assert_eq!(options(Some("writable")), [None, Some(true), None]);
        assert_eq!(options(Some("readonly")), [None, None, Some(true)]);
        assert_eq!(options(Some("enabled")), [None, None, None]);
        assert_eq!(options(None), [None, None, None]);
    }
}
