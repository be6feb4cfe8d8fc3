"""Published ports: docker's notation for them, and what became of one.

    80                    any free port of the host        → port 80 of the container
    4000:80               port 4000, at every address      → port 80
    127.0.0.1:4000:80     only at this address of the host
    [::1]:4000:80/udp     IPv6 in brackets; tcp, if nothing is said
    8000-8002:80-82       three ports, one by one
    8000-8010:80          one of these, whichever is free

A `Wanted` is what somebody asked for, a `Published` what there is. Pure: which port is free, only
the kernel knows (`publishing`).

github.com/docker/go-connections/nat; docker-py, `models.containers.run`, ports
"""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

from runtime.errors import InvalidInput

EVERYWHERE, EVERYWHERE_6 = "0.0.0.0", "::"  # noqa: S104  (docker's default: every address)
PROTOCOLS = ("tcp", "udp")
LARGEST = 65535


class Wanted(NamedTuple):
    """A port of a container that shall be reached from outside. `host_ip` "" means everywhere;
    one of the host's ports `first` to `last` will do, 0 is any free one.
    """

    port: int
    protocol: str
    host_ip: str = ""
    first: int = 0
    last: int = 0

    @property
    def name(self) -> str:
        """ "80/tcp" """
        return f"{self.port}/{self.protocol}"

    @property
    def host_port(self) -> str:
        """As HostConfig.PortBindings shows it: "4000", "8000-8010", "" for any."""
        if not self.first:
            return ""
        return str(self.first) if self.first == self.last else f"{self.first}-{self.last}"


class Published(NamedTuple):
    """A port of this host that leads to a port of a container, whose address is `address`."""

    container: str
    network: str
    protocol: str
    host_ip: str
    host_port: int
    address: str
    port: int

    @property
    def name(self) -> str:
        """ "80/tcp" """
        return f"{self.port}/{self.protocol}"

    @property
    def is_ipv6(self) -> bool:
        """Whether it is at an IPv6 address of the host."""
        return ":" in self.host_ip

    @property
    def is_everywhere(self) -> bool:
        """Whether every address of the host will do."""
        return self.host_ip in (EVERYWHERE, EVERYWHERE_6)

    @property
    def host(self) -> str:
        """ "0.0.0.0:4000", "[::]:4000" """
        return (
            f"[{self.host_ip}]:{self.host_port}"
            if self.is_ipv6
            else (f"{self.host_ip}:{self.host_port}")
        )

    @property
    def comment(self) -> str:
        """How its rule is known."""
        return f"{self.container[:12]} {self.name}"


# ── What people write ───────────────────────────────────────────────────────────────────────────


def parse_publish(text: str) -> tuple[Wanted, ...]:
    """A value of -p. Raises InvalidInput."""
    before, _, inside = text.rpartition(":")
    host_ip, _, outside = before.rpartition(":")
    inside, protocol = _protocol(inside, text)
    first, last = _range(inside, text)
    if not first:
        raise _not_a_port(text)
    host_ip = _address(host_ip, text)
    if not outside:
        return tuple(Wanted(port, protocol, host_ip) for port in range(first, last + 1))
    host_first, host_last = _range(outside, text)
    if first == last:
        return (Wanted(first, protocol, host_ip, host_first, host_last),)
    if last - first != host_last - host_first:
        raise InvalidInput(
            "the two ranges of {text!r} are not equally long",
            hint="for example: 8000-8002:80-82",
            text=text,
        )
    pairs = zip(range(first, last + 1), range(host_first, host_last + 1), strict=True)
    return tuple(Wanted(port, protocol, host_ip, host, host) for port, host in pairs)


def parse_exposed(text: str) -> tuple[str, ...]:
    """A value of --expose or EXPOSE: "80" → "80/tcp", "80-82/udp" → three. Raises InvalidInput."""
    ports, protocol = _protocol(text, text)
    first, last = _range(ports, text)
    if not first:
        raise _not_a_port(text)
    return tuple(f"{port}/{protocol}" for port in range(first, last + 1))


def read_ports(value: Any) -> tuple[Wanted, ...]:
    """What -p says, one text or several; or the SDK's dictionary, from the container's port to

        4000  None (any)  ("127.0.0.1", 4000)  ("127.0.0.1",)  {"HostIp": …, "HostPort": …}

    or a list of these. Raises InvalidInput.
    """
    if isinstance(value, Mapping):
        found = [wanted for key, item in value.items() for wanted in _of_sdk(str(key), item)]
    else:
        texts = [value] if isinstance(value, str | int) else value
        found = [wanted for text in texts for wanted in parse_publish(str(text))]
    return tuple(dict.fromkeys(found))


def read_exposed(value: Any) -> tuple[str, ...]:
    """Texts of --expose, or docker's {"80/tcp": {}}. Raises InvalidInput."""
    texts = [value] if isinstance(value, str | int) else value
    return tuple(dict.fromkeys(name for text in texts for name in parse_exposed(str(text))))


def _of_sdk(key: str, value: Any) -> Iterable[Wanted]:
    names = parse_exposed(key)
    values = value if isinstance(value, list) else [value]
    for name in names:
        for item in values:
            host_ip, outside = _binding(item)
            text = f"{host_ip}:{outside}:{name}" if host_ip else f"{outside}:{name}"
            yield from parse_publish(text if outside or host_ip else name)


def _binding(item: Any) -> tuple[str, str]:
    """The host's address and port, in one of the SDK's ways to say it."""
    if isinstance(item, Mapping):
        host_ip, port = item.get("HostIp") or "", item.get("HostPort")
    elif isinstance(item, tuple) and len(item) == 2:
        host_ip, port = item[0] or "", item[1]
    elif isinstance(item, tuple) and len(item) == 1:
        host_ip, port = (item[0], None) if isinstance(item[0], str) else ("", item[0])
    elif isinstance(item, int | str) or item is None:
        host_ip, port = "", item
    else:
        raise _not_a_port(str(item))
    host_ip = f"[{host_ip}]" if ":" in host_ip and not host_ip.startswith("[") else str(host_ip)
    return host_ip, "" if port is None else str(port)


def _protocol(text: str, whole: str) -> tuple[str, str]:
    ports, _, protocol = text.partition("/")
    protocol = protocol.lower() or "tcp"
    if protocol not in PROTOCOLS:
        raise InvalidInput(
            "port {text!r}: the protocol {protocol} cannot be published",
            hint="write tcp or udp",
            text=whole,
            protocol=protocol,
        )
    return ports, protocol


def _range(text: str, whole: str) -> tuple[int, int]:
    first, dash, last = text.partition("-")
    numbers = (first, last if dash else first)
    if not all(number.isascii() and number.isdigit() and len(number) <= 5 for number in numbers):
        raise _not_a_port(whole)
    low, high = map(int, numbers)
    if low > high or high > LARGEST or (dash and not low):
        raise _not_a_port(whole)
    return low, high


def _address(text: str, whole: str) -> str:
    if not text:
        return ""
    bracketed = text.startswith("[") and text.endswith("]")
    try:
        address = ipaddress.ip_address(text[1:-1] if bracketed else text)
    except ValueError as error:
        raise InvalidInput(
            "port {text!r}: {address} is no IP address",
            hint="for example: 127.0.0.1:4000:80, or [::1]:4000:80",
            text=whole,
            address=text,
        ) from error
    if (address.version == 6) != bracketed or "%" in text:
        raise InvalidInput(
            "port {text!r}: {address} is no IP address",
            hint="for example: 127.0.0.1:4000:80, or [::1]:4000:80",
            text=whole,
            address=text,
        )
    return str(address)


def _not_a_port(text: str) -> InvalidInput:
    return InvalidInput(
        "not a port: {text!r}",
        hint="write HOST:CONTAINER, such as 4000:80; a port is a number from 1 to 65535",
        text=text[:100],
    )


# ── What is shown ───────────────────────────────────────────────────────────────────────────────


def show_bindings(wanted: Sequence[Sequence[Any]]) -> dict[str, Any]:
    """HostConfig.PortBindings."""
    document: dict[str, Any] = {}
    for each in (Wanted(*parts) for parts in wanted):
        binding = {"HostIp": each.host_ip, "HostPort": each.host_port}
        document.setdefault(each.name, []).append(binding)
    return document


def exposed(image: Iterable[str], request: Mapping[str, Any]) -> list[str]:
    """All ports at which the container is said to listen: by its image, --expose and -p."""
    ports = [Wanted(*parts).name for parts in request.get("ports", ())]
    names = [name for text in image for name in parse_exposed(text)]
    return [*dict.fromkeys((*names, *request.get("exposed_ports", ()), *ports))]


def wanted_of(request: Mapping[str, Any], image: Iterable[str] = ()) -> tuple[Wanted, ...]:
    """What shall be published of a container: -p, and with -P every other exposed port, too."""
    wanted = [Wanted(*parts) for parts in request.get("ports", ())]
    if request.get("publish_all_ports"):
        said = {each.name for each in wanted}
        for name in exposed(image, request):
            port, _, protocol = name.partition("/")
            if name not in said:
                wanted.append(Wanted(int(port), protocol))
    return tuple(wanted)


def show_ports(names: Iterable[str], published: Iterable[Published]) -> dict[str, Any]:
    """NetworkSettings.Ports: null for a port that is only exposed."""
    document: dict[str, Any] = dict.fromkeys(names)
    for each in published:
        binding = {"HostIp": each.host_ip, "HostPort": str(each.host_port)}
        document[each.name] = [*(document.get(each.name) or []), binding]
    return document


def summary(names: Iterable[str], published: Sequence[Published]) -> list[dict[str, Any]]:
    """`Ports` of docker's ContainerSummary: docker's Port, sorted by the container's port."""
    found: list[dict[str, Any]] = [
        {
            "IP": each.host_ip,
            "PrivatePort": each.port,
            "PublicPort": each.host_port,
            "Type": each.protocol,
        }
        for each in published
    ]
    shown = {each.name for each in published}
    for name in names:
        port, _, protocol = name.partition("/")
        if name not in shown:
            found.append({"PrivatePort": int(port), "Type": protocol})
    return sorted(found, key=lambda each: (each["PrivatePort"], each["Type"]))
