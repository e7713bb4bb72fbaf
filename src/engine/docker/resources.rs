//! The resources and devices of a request.

use testcontainers::bollard::models::{
    DeviceMapping, DeviceRequest as EngineRequest, HostConfig, ResourcesBlkioWeightDevice, ThrottleDevice,
};

use super::options::{some, to_map};
use crate::compose::{Device, DeviceRequest};
use crate::engine::ContainerSpec;

/// Adds the container's resources and devices to the body.
pub(super) fn add(body: HostConfig, spec: &ContainerSpec) -> HostConfig {
    let resources = &spec.resources;
    let blkio = &resources.blkio;
    let (named, paths): (Vec<&Device>, Vec<_>) = spec.devices.iter().partition(|device| is_cdi(device));
    HostConfig {
        nano_cpus: resources.cpus.map(|cpus| (cpus * 1e9).round() as i64),
        cpu_count: resources.cpu_count,
        // As Compose does, in hundredths of a percent.
        cpu_percent: resources.cpu_percent.map(|percent| percent * 100),
        cpu_period: resources.cpu_period,
        cpu_quota: resources.cpu_quota,
        cpu_realtime_period: resources.cpu_rt_period,
        cpu_realtime_runtime: resources.cpu_rt_runtime,
        cpu_shares: resources.cpu_shares,
        cpuset_cpus: resources.cpuset.clone(),
        cgroup_parent: spec.cgroup_parent.clone(),
        memory: resources.memory,
        memory_reservation: resources.memory_reservation,
        memory_swap: resources.memory_swap,
        memory_swappiness: resources.memory_swappiness,
        oom_kill_disable: resources.oom_kill_disable.then_some(true),
        oom_score_adj: resources.oom_score_adj,
        pids_limit: resources.pids,
        blkio_weight: blkio.weight,
        blkio_weight_device: weights(&blkio.weight_device),
        blkio_device_read_bps: rates(&blkio.device_read_bps),
        blkio_device_write_bps: rates(&blkio.device_write_bps),
        blkio_device_read_iops: rates(&blkio.device_read_iops),
        blkio_device_write_iops: rates(&blkio.device_write_iops),
        devices: (!paths.is_empty()).then(|| paths.into_iter().map(mapping).collect()),
        device_cgroup_rules: some(&spec.device_cgroup_rules),
        device_requests: requests(&named, &spec.device_requests),
        ..body
    }
}

/// Whether the device is named in the Container Device Interface (`vendor.com/class=name`) rather than by a path.
fn is_cdi(device: &Device) -> bool {
    let is_name = |name: &str| !name.starts_with('/') && name.contains('/') && name.contains('=');
    device.source == device.target && is_name(&device.source)
}

fn mapping(device: &Device) -> DeviceMapping {
    DeviceMapping {
        path_on_host: Some(device.source.clone()),
        path_in_container: Some(device.target.clone()),
        cgroup_permissions: Some(device.permissions.clone()),
    }
}

fn requests(named: &[&Device], requests: &[DeviceRequest]) -> Option<Vec<EngineRequest>> {
    let cdi = (!named.is_empty()).then(|| EngineRequest {
        driver: Some("cdi".to_owned()),
        device_ids: Some(named.iter().map(|device| device.source.clone()).collect()),
        ..EngineRequest::default()
    });
    let requests = requests.iter().map(|request| EngineRequest {
        driver: request.driver.clone(),
        count: request.count,
        device_ids: some(&request.ids),
        capabilities: Some(vec![request.capabilities.clone()]),
        options: Some(to_map(&request.options)),
    });
    let all: Vec<_> = requests.chain(cdi).collect();
    (!all.is_empty()).then_some(all)
}

fn weights(devices: &[(String, i64)]) -> Option<Vec<ResourcesBlkioWeightDevice>> {
    let weight = |(path, weight): &(String, i64)| ResourcesBlkioWeightDevice {
        path: Some(path.clone()),
        weight: usize::try_from(*weight).ok(),
    };
    (!devices.is_empty()).then(|| devices.iter().map(weight).collect())
}

fn rates(devices: &[(String, i64)]) -> Option<Vec<ThrottleDevice>> {
    let rate = |(path, rate): &(String, i64)| ThrottleDevice { path: Some(path.clone()), rate: Some(*rate) };
    (!devices.is_empty()).then(|| devices.iter().map(rate).collect())
}
