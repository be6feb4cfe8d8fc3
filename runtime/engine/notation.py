"""Docker's notations for the options of a container, read into plain values.

    nofile=1024:2048   /dev/fuse:/dev/x:rw   on-failure:3   net.core.somaxconn=512   /run:size=64m

Each is written as one text on the command line and as a dictionary in docker's SDK; both are
read here, into tuples and mappings that survive a round trip through JSON. Pure: whether the
host has such a device or such a limit is seen by those who act on it.

github.com/docker/cli/opts, github.com/docker/go-units; docker-py, `docker.types`
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any

from runtime.engine.arguments import as_bytes, as_text, as_whole, is_whole, signal_number
from runtime.errors import InvalidInput

Ulimit = tuple[str, int, int]
"""Its name, the soft and the hard limit; -1 is none."""

HOST_GATEWAY = "host-gateway"
"""In --add-host: the host itself, as the container reaches it. (linux/etc.py)"""

Device = tuple[str, str, str]
"""Its path on the host, its path in the container, what may be done with it (of "rwm")."""

Rate = tuple[str, int]
"""A block device's path, and bytes or operations a second."""

ULIMITS = (
    *("core", "cpu", "data", "fsize", "locks", "memlock", "msgqueue", "nice", "nofile", "nproc"),
    *("rss", "rtprio", "rttime", "sigpending", "stack"),
)
"""man 2 getrlimit, in lower case and without RLIMIT_."""

POLICIES = ("no", "always", "unless-stopped", "on-failure")

SYSCTLS = (
    *("kernel.msgmax", "kernel.msgmnb", "kernel.msgmni", "kernel.sem", "kernel.shmall"),
    *("kernel.shmmax", "kernel.shmmni", "kernel.shm_rmid_forced"),
)
SYSCTL_PREFIXES = ("net.", "fs.mqueue.")
"""The settings of the kernel that belong to a namespace, and so can be a container's own."""


def as_texts(values: Any) -> tuple[str, ...]:
    """One text or several."""
    return (values,) if isinstance(values, str) else tuple(as_text(value) for value in values)


def as_document(value: Any) -> Any:
    """A field's value as JSON has it."""
    if isinstance(value, Mapping):
        return dict(value)
    return list(value) if isinstance(value, tuple) else value


def as_capabilities(values: Any) -> tuple[str, ...]:
    """net_admin, CAP_NET_ADMIN → CAP_NET_ADMIN; ALL stays. Raises InvalidInput for a name that
    can be none; whether the kernel has it is seen where it is used.
    """
    names = [name.strip().upper() for name in as_texts(values)]
    for name in names:
        if not name.replace("_", "").isalnum():
            raise InvalidInput(
                "not a capability: {name!r}", hint="for example: NET_ADMIN, or ALL", name=name
            )
    return tuple(
        name if name == "ALL" or name.startswith("CAP_") else f"CAP_{name}" for name in names
    )


def as_ulimits(values: Any) -> tuple[Ulimit, ...]:
    """nofile=1024:2048, or the SDK's {"Name": "nofile", "Soft": 1024, "Hard": 2048}; of one name
    the last counts. Raises InvalidInput.
    """
    limits = [_ulimit(value) for value in _each(values)]
    return tuple({name: (name, soft, hard) for name, soft, hard in limits}.values())


def _ulimit(value: Any) -> Ulimit:
    name, numbers = _ulimit_parts(value)
    if name not in ULIMITS or not numbers or not all(map(is_whole, numbers)):
        raise InvalidInput(
            "not a ulimit: {text!r}",
            hint="write name=soft:hard, such as nofile=1024:2048; the names are: {known}",
            text=str(value),
            known=", ".join(ULIMITS),
        )
    soft, hard = int(numbers[0]), int(numbers[-1])
    if hard != -1 and (soft > hard or soft == -1):
        raise InvalidInput(
            "the soft limit of {name} is above its hard limit: {soft} > {hard}",
            name=name,
            soft=soft,
            hard=hard,
        )
    return name, soft, hard


def _ulimit_parts(value: Any) -> tuple[str, list[str]]:
    if not isinstance(value, Mapping):
        name, _, rest = str(value).partition("=")
        numbers = rest.split(":")
        return name, numbers if len(numbers) <= 2 else []
    parts = _lower(value)
    soft = parts.get("soft", parts.get("hard"))
    return str(parts.get("name", "")), [str(soft), str(parts.get("hard", soft))]


def show_ulimits(limits: tuple[Ulimit, ...]) -> list[dict[str, Any]]:
    """As HostConfig has them."""
    return [{"Name": name, "Hard": hard, "Soft": soft} for name, soft, hard in limits]


def as_devices(values: Any) -> tuple[Device, ...]:
    """HOST[:CONTAINER][:rwm], or the SDK's dictionary. Raises InvalidInput."""
    return tuple(_device(value) for value in _each(values))


def _device(value: Any) -> Device:
    if isinstance(value, Mapping):
        host = str(value.get("PathOnHost", ""))
        inside = str(value.get("PathInContainer") or host)
        allowed = str(value.get("CgroupPermissions") or "rwm")
    else:
        host, *more = str(value).split(":")
        allowed = more.pop() if more and (_is_allowed(more[-1]) or len(more) == 2) else "rwm"
        inside = (more.pop() if more else "") or host
        host = "" if more else host
    if not _is_allowed(allowed) or not host.startswith("/") or not inside.startswith("/"):
        raise InvalidInput(
            "not a device: {text!r}",
            hint="write HOST[:CONTAINER][:rwm], such as /dev/fuse or /dev/sda:/dev/xvda:r",
            text=str(value),
        )
    return host, inside, allowed


def _is_allowed(text: str) -> bool:
    """Some of r, w, m, each at most once."""
    return bool(text) and set(text) <= set("rwm") and len(set(text)) == len(text)


def show_devices(devices: tuple[Device, ...]) -> list[dict[str, str]]:
    """As HostConfig has them."""
    keys = ("PathOnHost", "PathInContainer", "CgroupPermissions")
    return [dict(zip(keys, device, strict=True)) for device in devices]


def as_rates(values: Any) -> tuple[Rate, ...]:
    """DEVICE:RATE, the rate in bytes (1mb) or operations a second, or the SDK's dictionary."""
    return tuple(_rate(value) for value in _each(values))


def _rate(value: Any) -> Rate:
    if isinstance(value, Mapping):
        path, rate = str(value.get("Path", "")), value.get("Rate", "")
    else:
        path, _, rate = str(value).rpartition(":")
    if not path.startswith("/") or not rate:
        raise InvalidInput(
            "not a device and its rate: {text!r}",
            hint="write DEVICE:RATE, such as /dev/sda:1mb",
            text=str(value),
        )
    return path, as_bytes(rate)


def show_rates(rates: tuple[Rate, ...]) -> list[dict[str, Any]]:
    """As HostConfig has them."""
    return [{"Path": path, "Rate": rate} for path, rate in rates]


def as_weights(values: Any) -> tuple[tuple[str, int], ...]:
    """DEVICE:WEIGHT, or the SDK's dictionary."""
    return tuple(_weight(value) for value in _each(values))


def _weight(value: Any) -> tuple[str, int]:
    if isinstance(value, Mapping):
        path, weight = str(value.get("Path", "")), str(value.get("Weight", ""))
    else:
        path, _, weight = str(value).rpartition(":")
    if not path.startswith("/") or not re.fullmatch(r"[0-9]{1,5}", weight):
        raise InvalidInput(
            "not a device and its weight: {text!r}",
            hint="write DEVICE:WEIGHT, such as /dev/sda:200",
            text=str(value),
        )
    return path, int(weight)


def show_weights(weights: tuple[tuple[str, int], ...]) -> list[dict[str, Any]]:
    """As HostConfig has them."""
    return [{"Path": path, "Weight": weight} for path, weight in weights]


def as_swap(size: Any) -> int:
    """Memory and swap together in bytes; -1 is no limit. Raises InvalidInput."""
    return -1 if str(size) == "-1" else as_bytes(size)


def as_sysctls(values: Any) -> dict[str, str]:
    """name=value, or the SDK's dictionary. Raises InvalidInput for one of the whole host's."""
    settings = as_pairs(values)
    for name in settings:
        if name not in SYSCTLS and not name.startswith(SYSCTL_PREFIXES):
            raise InvalidInput(
                "sysctl {name} is not allowed: it would change the whole host",
                hint="a container's own are net.*, fs.mqueue.* and {known}",
                name=name,
                known=", ".join(SYSCTLS),
            )
    return settings


def as_tmpfs(values: Any) -> dict[str, str]:
    """PATH[:OPTIONS], or the SDK's {path: options}. Whether something can be mounted there is seen
    with all other mounts (`mount_points`).
    """
    if isinstance(values, Mapping):
        return {str(path): str(options or "") for path, options in values.items()}
    return dict(str(value).partition(":")[::2] for value in _each(values))


def as_policy(value: Any) -> str:
    """The name of a restart policy. Raises InvalidInput."""
    return _restart(value)[0]


def as_retries(value: Any) -> int:
    """How often at most a container is restarted; 0 is without an end. Raises InvalidInput."""
    return _restart(value)[1]


def _restart(value: Any) -> tuple[str, int]:
    """on-failure:3, or the SDK's {"Name": "on-failure", "MaximumRetryCount": 3}."""
    if isinstance(value, Mapping):
        parts = _lower(value)
        name, count = str(parts.get("name") or "no"), str(parts.get("maximumretrycount") or 0)
    else:
        name, colon, count = str(value).partition(":")
        name, count = name or "no", count if colon else "0"
    if name not in POLICIES or not is_whole(count) or int(count) < 0:
        raise InvalidInput(
            "invalid restart policy: {text}",
            hint="write no, always, unless-stopped, on-failure or on-failure:3",
            text=str(value),
        )
    if int(count) and name != "on-failure":
        raise InvalidInput(
            "maximum retry count cannot be used with restart policy {name}",
            hint="only on-failure has one, such as on-failure:3",
            name=name,
        )
    return name, int(count)


def as_stop_signal(value: Any) -> str:
    """A signal as it was written. Raises InvalidInput if it is none."""
    signal_number(value)
    return str(value)


def as_health(value: Any) -> dict[str, Any]:
    """A health check with the keys of docker's JSON: Test, Interval, Timeout, StartPeriod and
    StartInterval in nanoseconds, Retries. What was not said is left to the image.

    Raises InvalidInput.
    """
    given = _lower({str(key).replace("_", ""): item for key, item in value.items()})
    check: dict[str, Any] = {}
    if (test := given.get("test")) is not None:
        check["Test"] = (
            ["CMD-SHELL", test] if isinstance(test, str) else [str(word) for word in test]
        )
    for key in ("Interval", "Timeout", "StartPeriod", "StartInterval"):
        if duration := given.get(key.lower()):
            check[key] = _duration(key, duration)
    if retries := given.get("retries"):
        check["Retries"] = as_whole(retries)
    if check.get("Retries", 0) < 0:
        raise InvalidInput("the number of health check retries cannot be negative")
    if check.get("Test") == ["NONE"] and len(check) > 1:
        raise InvalidInput("--no-healthcheck conflicts with --health-* options")
    return check


def _duration(name: str, value: Any) -> int:
    from runtime.dockerfile.health import SMALLEST_NS, parse_duration  # seldom wanted

    nanoseconds = value if isinstance(value, int) else parse_duration(str(value))
    if nanoseconds is None or nanoseconds < SMALLEST_NS:
        raise InvalidInput(
            "{name} of the health check is not a duration: {text}",
            hint="write it with a unit, such as 30s or 1m30s; the shortest is 1ms",
            name=name,
            text=value,
        )
    return nanoseconds


def as_streams(value: Any) -> tuple[str, ...]:
    """STDIN, stdout… → what the one who starts a container is attached to."""
    names = tuple(name.lower() for name in as_texts(value))
    for name in names:
        if name not in ("stdin", "stdout", "stderr"):
            raise InvalidInput(
                "no such stream: {name}", hint="write STDIN, STDOUT or STDERR", name=name
            )
    return names


def as_log_driver(value: Any) -> str:
    """The type of a log configuration."""
    return str(_lower(value).get("type") or "json-file")


def as_log_options(value: Any) -> dict[str, str]:
    """Its options, each name with a text."""
    return as_pairs(_lower(value).get("config") or {})


def as_network(value: Any) -> str:
    """The name of a network, host, none or container:NAME; docker's other word for bridge is
    default.
    """
    return "bridge" if value in ("", "default") else str(value)


def as_endpoints(value: Any) -> dict[str, Any]:
    """The SDK's networking_config: names of networks, and what is asked for in each."""
    endpoints = value.get("EndpointsConfig", value)
    return {str(name): dict(config or {}) for name, config in endpoints.items()}


def as_mac(value: Any) -> str:
    """A hardware address. Raises InvalidInput."""
    from runtime.network.ipam import read_mac  # seldom wanted

    return read_mac(str(value))


def as_ports(value: Any) -> tuple[tuple[Any, ...], ...]:
    """Published ports, as -p says them or as the SDK does: see network/ports.py."""
    from runtime.network.ports import read_ports  # seldom wanted

    return tuple(tuple(wanted) for wanted in read_ports(value))


def show_bindings(ports: tuple[tuple[Any, ...], ...]) -> dict[str, Any]:
    """As HostConfig.PortBindings."""
    from runtime.network.ports import show_bindings as show

    return show(ports)


def as_exposed(value: Any) -> tuple[str, ...]:
    """Ports at which a container says that it listens: 80, 80-82/udp."""
    from runtime.network.ports import read_exposed

    return read_exposed(value)


def as_servers(values: Any) -> tuple[str, ...]:
    """Name servers by their addresses. Raises InvalidInput."""
    servers = as_texts(values)
    for server in servers:
        _refuse_no_address(server, "--dns")
    return servers


def as_hosts(values: Any) -> tuple[str, ...]:
    """NAME:ADDRESS or NAME=ADDRESS, or the SDK's {name: address}. Raises InvalidInput."""
    if isinstance(values, Mapping):
        return tuple(_host(str(name), str(address)) for name, address in values.items())
    found = []
    for text in as_texts(values):
        separator = "=" if "=" in text else ":"
        name, _, address = text.partition(separator)
        found.append(_host(name, address))
    return tuple(found)


def _host(name: str, address: str) -> str:
    if address.startswith("[") and address.endswith("]"):
        address = address[1:-1]
    if not name or not address or any(mark in name for mark in " \t\n:="):
        raise InvalidInput(
            "not a host and its address: {text!r}",
            hint="write NAME:ADDRESS, such as db:10.0.0.5 or up:host-gateway",
            text=f"{name}:{address}"[:100],
        )
    if address != HOST_GATEWAY:
        _refuse_no_address(address, "--add-host")
    return f"{name}:{address}"


def _refuse_no_address(text: str, flag: str) -> None:
    import ipaddress  # seldom wanted

    try:
        ipaddress.ip_address(text)
    except ValueError as error:
        raise InvalidInput(
            "{flag}: {text!r} is no IP address", flag=flag, text=text[:100]
        ) from error


def as_links(values: Any) -> tuple[tuple[str, str], ...]:
    """NAME[:ALIAS], or the SDK's {name: alias} or pairs: whom a container calls how."""
    if isinstance(values, Mapping):
        values = list(values.items())
    found = []
    for value in [values] if isinstance(values, str) else values:
        name, _, alias = (
            value.partition(":") if isinstance(value, str) else (*value[:1], "", value[1])
        )
        name = str(name).removeprefix("/")
        if not name:
            raise InvalidInput("not a link: {text!r}", hint="write NAME:ALIAS", text=str(value))
        found.append((name, str(alias or name)))
    return tuple(found)


def show_links(links: tuple[tuple[str, str], ...]) -> list[str]:
    """As HostConfig has them."""
    return [f"{name}:{alias}" for name, alias in links]


def as_pairs(values: Any) -> dict[str, str]:
    """name=value texts, or a dictionary. Raises InvalidInput for a text without a name or "="."""
    if isinstance(values, Mapping):
        return {str(name): str(value) for name, value in values.items()}
    pairs = {}
    for text in _each(values):
        name, equals, value = str(text).partition("=")
        if not equals or not name:
            raise InvalidInput("not a pair: {text!r}", hint="write name=value", text=str(text))
        pairs[name] = value
    return pairs


def _each(values: Any) -> Iterable[Any]:
    """One text or dictionary, or several."""
    return [values] if isinstance(values, str | Mapping) else values


def _lower(value: Mapping[str, Any]) -> dict[str, Any]:
    """The SDK takes `Name` and `name` alike."""
    return {str(key).lower(): item for key, item in value.items()}
