"""Every option of a new container, and what it is called everywhere it is spoken of.

One option has five names: docker's SDK has keywords, its command line has flags, its JSON has
members of HostConfig, and `Request` has the field that the engine acts on. They stand here in
one table, each row an option, with the function that reads what people write.

An option works from the day on which `Request` has its field: whoever adds the field adds what
it does. Until then it is refused by its name; nothing is ever taken and forgotten.

Pure. Docker Engine API 1.47, ContainerCreate; docker-py, `models.containers.run`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any, NamedTuple

from runtime.container.bundle import Request
from runtime.container.worlds import HOST_NETWORK, NO_NETWORK, OTHER
from runtime.engine import mount_notation, notation
from runtime.engine.arguments import (
    as_arguments,
    as_bytes,
    as_environment,
    as_labels,
    as_text,
    as_whole,
)
from runtime.errors import Conflict, InvalidInput


class Option(NamedTuple):
    """One row. `member` is where HostConfig shows it ("" if elsewhere), `read` makes the field's
    value of what was written or raises InvalidInput, `show` makes docker's JSON of the field.
    """

    keyword: str
    field: str
    flag: str = ""
    member: str = ""
    read: Callable[[Any], Any] = notation.as_document
    show: Callable[[Any], Any] = notation.as_document


OPTIONS = (
    #      SDK's keyword         Request's field           flag                  HostConfig's member
    # ── What runs ──────────────────────────────────────────────────────────────────────────────
    Option("environment", "environment", "env", "", as_environment),
    Option("entrypoint", "entrypoint", "entrypoint", "", as_arguments),
    Option("working_dir", "working_dir", "workdir", "", as_text),
    Option("user", "user", "user", "", as_text),
    Option("group_add", "group_add", "group-add", "GroupAdd", notation.as_texts),
    Option("labels", "labels", "label", "", as_labels),
    Option("hostname", "hostname", "hostname", "", as_text),
    Option("domainname", "domainname", "domainname", "", as_text),
    Option("stdin_open", "stdin_open", "interactive", "", bool),
    Option("tty", "tty", "tty", "", bool),
    Option("attach", "attach", "attach", "", notation.as_streams),
    Option("annotations", "annotations", "annotation", "Annotations", notation.as_pairs),
    # ── How it lives and ends ──────────────────────────────────────────────────────────────────
    Option("auto_remove", "auto_remove", "rm", "AutoRemove", bool),
    Option("init", "init", "init", "Init", bool),
    Option("restart_policy", "restart_policy", "restart", "RestartPolicy.Name", notation.as_policy),
    Option(
        *("restart_policy", "restart_retries", "restart", "RestartPolicy.MaximumRetryCount"),
        notation.as_retries,
    ),
    Option("stop_signal", "stop_signal", "stop-signal", "", notation.as_stop_signal),
    Option("stop_timeout", "stop_timeout_s", "stop-timeout", "", as_whole),
    Option("healthcheck", "health", "health-cmd", "", notation.as_health),
    Option("log_config", "log_driver", "log-driver", "LogConfig.Type", notation.as_log_driver),
    Option("log_config", "log_options", "log-opt", "LogConfig.Config", notation.as_log_options),
    # ── What it may use ────────────────────────────────────────────────────────────────────────
    Option("mem_limit", "memory_bytes", "memory", "Memory", as_bytes),
    Option("memswap_limit", "memory_swap_bytes", "memory-swap", "MemorySwap", notation.as_swap),
    Option(
        *("mem_reservation", "memory_reservation_bytes", "memory-reservation"),
        "MemoryReservation",
        as_bytes,
    ),
    Option(
        "mem_swappiness", "memory_swappiness", "memory-swappiness", "MemorySwappiness", as_whole
    ),
    Option("kernel_memory", "kernel_memory_bytes", "kernel-memory", "", as_bytes),
    Option("oom_kill_disable", "oom_kill_disable", "oom-kill-disable", "OomKillDisable", bool),
    Option("oom_score_adj", "oom_score_adj", "oom-score-adj", "OomScoreAdj", as_whole),
    Option("nano_cpus", "nano_cpus", "cpus", "NanoCpus", as_whole),
    Option("cpu_shares", "cpu_shares", "cpu-shares", "CpuShares", as_whole),
    Option("cpu_period", "cpu_period", "cpu-period", "CpuPeriod", as_whole),
    Option("cpu_quota", "cpu_quota", "cpu-quota", "CpuQuota", as_whole),
    Option("cpuset_cpus", "cpuset_cpus", "cpuset-cpus", "CpusetCpus", as_text),
    Option("cpuset_mems", "cpuset_mems", "cpuset-mems", "CpusetMems", as_text),
    Option("cpu_rt_period", "cpu_rt_period", "cpu-rt-period", "CpuRealtimePeriod", as_whole),
    Option("cpu_rt_runtime", "cpu_rt_runtime", "cpu-rt-runtime", "CpuRealtimeRuntime", as_whole),
    Option("pids_limit", "pids_limit", "pids-limit", "PidsLimit", as_whole),
    Option("blkio_weight", "blkio_weight", "blkio-weight", "BlkioWeight", as_whole),
    Option(
        *("blkio_weight_device", "blkio_weight_device", "blkio-weight-device"),
        *("BlkioWeightDevice", notation.as_weights, notation.show_weights),
    ),
    Option(
        *("device_read_bps", "device_read_bps", "device-read-bps", "BlkioDeviceReadBps"),
        *(notation.as_rates, notation.show_rates),
    ),
    Option(
        *("device_write_bps", "device_write_bps", "device-write-bps", "BlkioDeviceWriteBps"),
        *(notation.as_rates, notation.show_rates),
    ),
    Option(
        *("device_read_iops", "device_read_iops", "device-read-iops", "BlkioDeviceReadIOps"),
        *(notation.as_rates, notation.show_rates),
    ),
    Option(
        *("device_write_iops", "device_write_iops", "device-write-iops", "BlkioDeviceWriteIOps"),
        *(notation.as_rates, notation.show_rates),
    ),
    Option(
        *("ulimits", "ulimits", "ulimit", "Ulimits"), notation.as_ulimits, notation.show_ulimits
    ),
    Option("shm_size", "shm_bytes", "shm-size", "ShmSize", as_bytes),
    Option("storage_opt", "storage_options", "storage-opt"),
    # ── How it is kept apart ───────────────────────────────────────────────────────────────────
    Option("privileged", "privileged", "privileged", "Privileged", bool),
    Option("cap_add", "cap_add", "cap-add", "CapAdd", notation.as_capabilities),
    Option("cap_drop", "cap_drop", "cap-drop", "CapDrop", notation.as_capabilities),
    Option("security_opt", "security_opt", "security-opt", "SecurityOpt", notation.as_texts),
    Option("devices", "devices", "device", "Devices", notation.as_devices, notation.show_devices),
    Option(
        *("device_cgroup_rules", "device_rules", "device-cgroup-rule", "DeviceCgroupRules"),
        notation.as_texts,
    ),
    Option("device_requests", "device_requests", "gpus"),
    Option("sysctls", "sysctls", "sysctl", "Sysctls", notation.as_sysctls),
    Option("read_only", "read_only", "read-only", "ReadonlyRootfs", bool),
    Option("tmpfs", "tmpfs", "tmpfs", "Tmpfs", notation.as_tmpfs),
    Option("pid_mode", "pid_mode", "pid", "PidMode", as_text),
    Option("ipc_mode", "ipc_mode", "ipc", "IpcMode", as_text),
    Option("uts_mode", "uts_mode", "uts", "UTSMode", as_text),
    Option("cgroupns", "cgroupns_mode", "cgroupns", "CgroupnsMode", as_text),
    Option("cgroup_parent", "cgroup_parent", "cgroup-parent", "CgroupParent", as_text),
    Option("userns_mode", "userns_mode", "userns", "UsernsMode", as_text),
    Option("runtime", "runtime", "runtime", "Runtime", as_text),
    # ── What it is connected to ────────────────────────────────────────────────────────────────
    Option("network", "network", "network", "NetworkMode", notation.as_network),
    Option(
        *("ports", "ports", "publish", "PortBindings", notation.as_ports, notation.show_bindings)
    ),
    Option("publish_all_ports", "publish_all_ports", "publish-all", "PublishAllPorts", bool),
    Option("exposed_ports", "exposed_ports", "expose", "", notation.as_exposed),
    Option("networking_config", "networks", "network-alias", "", notation.as_endpoints),
    Option("mac_address", "mac_address", "mac-address", "", notation.as_mac),
    Option("extra_hosts", "extra_hosts", "add-host", "ExtraHosts", notation.as_hosts),
    Option("dns", "dns", "dns", "Dns", notation.as_servers),
    Option("dns_opt", "dns_options", "dns-option", "DnsOptions", notation.as_texts),
    Option("dns_search", "dns_search", "dns-search", "DnsSearch", notation.as_texts),
    Option("links", "links", "link", "Links", notation.as_links, notation.show_links),
    Option("volumes", "binds", "volume", "Binds", mount_notation.as_binds),
    Option("volumes", "volumes", "volume", "", mount_notation.as_anonymous),
    Option(
        *("mounts", "mounts", "mount", "Mounts"),
        *(mount_notation.as_mounts, mount_notation.show_mounts),
    ),
    Option("volumes_from", "volumes_from", "volumes-from", "VolumesFrom", notation.as_texts),
    Option("volume_driver", "volume_driver", "volume-driver", "VolumeDriver", as_text),
)
"""In the order in which a person would ask. A keyword with two rows fills two fields."""

CHANGEABLE = (
    *("blkio_weight", "cpu_period", "cpu_quota", "cpu_shares", "cpuset_cpus", "cpuset_mems"),
    *("mem_limit", "mem_reservation", "memswap_limit", "kernel_memory", "nano_cpus"),
    *("pids_limit", "restart_policy"),
)
"""Keywords of options that can be changed later, and so while the container runs."""

ALIASES = {"network_mode": "network", "remove": "auto_remove"}
"""Other keywords of the SDK that mean the same."""


def works(option: Option) -> bool:
    """Whether the engine acts on it."""
    return option.field in Request.__dataclass_fields__


def named(keyword: str) -> list[Option]:
    """Its rows. Raises TypeError, as a call with a wrong keyword does everywhere in Python."""
    meant = ALIASES.get(keyword, keyword)
    if rows := [option for option in OPTIONS if option.keyword == meant]:
        return rows
    raise TypeError(f"a container has no option {keyword!r}")


def read_options(options: Mapping[str, Any]) -> dict[str, Any]:
    """The SDK's keywords as fields of `Request`; None and False ask for nothing.

    Raises InvalidInput for a value that cannot be read and for an option that does not work
    yet, TypeError for one that docker does not have.
    """
    fields: dict[str, Any] = {}
    for keyword, value in options.items():
        for option in named(keyword):
            if value is None or value is False:
                continue
            if works(option):
                fields[option.field] = option.read(value)
            elif value:
                raise InvalidInput("not supported yet: {flag}", flag=keyword)
    return fields


def read_changes(options: Mapping[str, Any]) -> dict[str, Any]:
    """The keywords of `update` as fields of `Request`; 0 asks for nothing, but for the number of
    processes, where it takes the limit away. Raises as `read_options`.
    """
    for keyword in options:
        if keyword not in CHANGEABLE:
            raise TypeError(f"option {keyword!r} of a container cannot be changed")
    changes = read_options(options)
    if changes.get("pids_limit") == 0:
        changes["pids_limit"] = -1
    return {field: value for field, value in changes.items() if value}


def refuse_conflicts(request: Request) -> None:
    """Raises Conflict for options that contradict each other."""
    if request.auto_remove and getattr(request, "restart_policy", "no") not in ("", "no"):
        raise Conflict(
            "a container cannot be restarted and removed when it ends: choose one",
            hint="leave out --restart or --rm",
        )
    if request.network.startswith(OTHER):
        for given, flag in (
            (request.ports or request.publish_all_ports, "-p"),
            (request.exposed_ports, "--expose"),
            (request.dns or request.dns_search or request.dns_options, "--dns"),
            (request.extra_hosts, "--add-host"),
            (request.links, "--link"),
        ):
            if given:
                raise Conflict(
                    "{flag} does not go with --network {mode}: that network is another container's",
                    flag=flag,
                    mode=request.network[: len(OTHER) + 12],
                )
    if request.links and request.network in (HOST_NETWORK, NO_NETWORK):
        raise Conflict(
            "--link does not go with --network {mode}: there is nobody", mode=request.network
        )


def members(request: Request) -> Iterator[tuple[str, Any]]:
    """What HostConfig shows of a request: (member, value) of everything that was asked for."""
    for option in OPTIONS:
        if option.member and works(option):
            value = getattr(request, option.field)
            default = Request.__dataclass_fields__[option.field].default
            if value not in (default, (), {}):
                yield option.member, option.show(value)
