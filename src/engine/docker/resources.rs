//! What a container may use, in the engine's words.

use testcontainers::bollard::models::{
    DeviceMapping, DeviceRequest as EngineRequest, HostConfig, ResourcesBlkioWeightDevice, ThrottleDevice,
};

use super::body::{some, to_map};
use crate::compose::{Device, DeviceRequest, Service};

/// The body with the service's resources and devices in it.
pub(super) fn add(body: HostConfig, service: &Service) -> HostConfig {
    let resources = &service.resources;
    let blkio = &resources.blkio;
    let (named, paths): (Vec<&Device>, Vec<_>) = service.devices.iter().partition(|device| is_cdi(device));
    HostConfig {
        nano_cpus: resources.cpus.map(|cpus| (cpus * 1e9).round() as i64),
        cpu_count: resources.cpu_count,
        // Compose counts hundredths of a percent here.
        cpu_percent: resources.cpu_percent.map(|percent| percent * 100),
        cpu_period: resources.cpu_period,
        cpu_quota: resources.cpu_quota,
        cpu_realtime_period: resources.cpu_rt_period,
        cpu_realtime_runtime: resources.cpu_rt_runtime,
        cpu_shares: resources.cpu_shares,
        cpuset_cpus: resources.cpuset.clone(),
        cgroup_parent: service.cgroup_parent.clone(),
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
        device_cgroup_rules: some(&service.device_cgroup_rules),
        device_requests: requests(&named, &service.device_requests),
        ..body
    }
}

/// Whether a device is meant by its name in the Container Device Interface, `vendor.com/class=name`, and not by a path.
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

#[cfg(test)]
mod tests {
    use super::*;

    fn device(source: &str, target: &str) -> Device {
        let mut device = Device::default();
        device.source = source.to_owned();
        device.target = target.to_owned();
        device.permissions = "r".to_owned();
        device
    }

    #[test]
    fn a_device_is_a_path_or_a_name_that_a_driver_knows() {
        let mut gpus = DeviceRequest::default();
        gpus.count = Some(-1);
        gpus.capabilities = vec!["gpu".to_owned()];
        let mut service = Service::default();
        service.devices =
            vec![device("/dev/null", "/dev/n"), device("vendor.com/net=one", "vendor.com/net=one")];
        service.device_requests = vec![gpus];
        let body = add(HostConfig::default(), &service);
        let devices = body.devices.expect("there is one with a path");
        assert_eq!(devices, [mapping(&service.devices[0])]);
        let requests = body.device_requests.expect("there are two");
        assert_eq!((requests[0].count, &requests[0].device_ids), (Some(-1), &None));
        assert_eq!(requests[0].capabilities, Some(vec![vec!["gpu".to_owned()]]));
        assert_eq!(requests[1].driver.as_deref(), Some("cdi"));
        assert_eq!(requests[1].device_ids, Some(vec!["vendor.com/net=one".to_owned()]));
    }

    #[test]
    fn what_is_not_said_is_not_sent() {
        assert_eq!(add(HostConfig::default(), &Service::default()), HostConfig::default());
    }

    #[test]
    fn shares_and_rates_are_in_the_engines_units() {
        let mut service = Service::default();
        let resources = &mut service.resources;
        resources.cpus = Some(0.1);
        resources.cpu_percent = Some(50);
        resources.cpu_rt_runtime = Some(900);
        resources.blkio.weight = Some(300);
        resources.blkio.weight_device = vec![("/dev/sda".to_owned(), 10)];
        resources.blkio.device_read_bps = vec![("/dev/sda".to_owned(), 1024)];
        let body = add(HostConfig::default(), &service);
        assert_eq!((body.nano_cpus, body.cpu_percent), (Some(100_000_000), Some(5000)));
        assert_eq!((body.cpu_realtime_runtime, body.blkio_weight), (Some(900), Some(300)));
        assert_eq!(body.blkio_weight_device, weights(&[("/dev/sda".to_owned(), 10)]));
        assert_eq!(body.blkio_device_read_bps, rates(&[("/dev/sda".to_owned(), 1024)]));
        assert_eq!(body.blkio_device_write_bps, None);
    }
}
