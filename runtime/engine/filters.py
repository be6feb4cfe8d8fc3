"""Filters of lists and prunes: which containers and images somebody means.

Values of one filter are alternatives (of labels: all must hold), different filters must all
hold. Docker Engine API 1.47, ContainerList, ContainerPrune, ImageList, ImagePrune: "filters".
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, TypeVar

from runtime.engine.durations import moment_ns
from runtime.errors import InvalidInput, NotFound

if TYPE_CHECKING:
    from runtime.engine.glance import Glance

Filters = Mapping[str, Any] | None
Thing = TypeVar("Thing")
Find = Callable[[str], list[str] | None]
"""Finds the layers (diff_ids) of the image that a text means, None if there is none."""

STATUSES = ("created", "restarting", "running", "removing", "paused", "exited", "dead")
HEALTHS = ("starting", "healthy", "unhealthy", "none")
CONTAINER_FILTERS = (
    *("ancestor", "before", "exited", "expose", "health", "id", "is-task", "isolation", "label"),
    *("name", "network", "publish", "since", "status", "volume"),
)
PRUNE_FILTERS = ("until", "label", "label!")


def keep_containers(
    every: Sequence[Glance], filters: Filters, find_image: Find = lambda text: None
) -> list[Glance]:
    """Those that pass every filter; `every` are all there are, since some filters name another
    container. Raises InvalidInput for a filter or a value that does not exist, NotFound for a
    container that a filter names.
    """
    wanted = read_filters(filters, CONTAINER_FILTERS)
    ports = {name: wanted.pop(name) for name in ("expose", "publish") if name in wanted}
    tests = [_container_test(name, texts, every, find_image) for name, texts in wanted.items()]
    if ports:
        tests.append(_port_test(ports.get("expose", ()), ports.get("publish", ())))
    return [each for each in every if all(test(each) for test in tests)]


def read_filters(filters: Filters, known: Sequence[str]) -> dict[str, list[str]]:
    """Each filter with a list of texts. Raises InvalidInput for one that is not `known`."""
    for name in filters or {}:
        if name not in known:
            raise InvalidInput(
                "there is no filter {name}",
                hint="the filters are: {known}",
                name=name,
                known=", ".join(known),
            )
    return {name: _texts(value) for name, value in (filters or {}).items()}


def _texts(value: Any) -> list[str]:
    if isinstance(value, bool):
        return [str(value).lower()]
    return [str(value)] if isinstance(value, str | int) else [str(each) for each in value]


def _container_test(
    name: str, texts: list[str], every: Sequence[Glance], find_image: Find
) -> Callable[[Glance], bool]:
    """One filter, its values read, as a question about a container."""
    if not texts:
        return lambda each: False
    match name:
        case "id":
            return lambda each: any(each.id.startswith(text) for text in texts)
        case "name":
            patterns = [_pattern(text) for text in texts]
            return lambda each: any(
                pattern.search(each.name) or pattern.search("/" + each.name) for pattern in patterns
            )
        case "label":
            return lambda each: has_labels(each.labels, texts)
        case "status":
            _refuse_others(name, texts, STATUSES)
            return lambda each: each.status in texts
        case "health":
            _refuse_others(name, texts, HEALTHS)
            return lambda each: each.health in texts
        case "exited":
            codes = [_number(name, text) for text in texts]
            return lambda each: each.status == "exited" and each.exit_code in codes
        case "ancestor":
            found = [layers for text in texts if (layers := find_image(text)) is not None]
            return lambda each: any(each.diff_ids[: len(layers)] == layers for layers in found)
        case "before":
            limit = min(_named(every, text).created_ns for text in texts)
            return lambda each: each.created_ns < limit
        case "since":
            limit = max(_named(every, text).created_ns for text in texts)
            return lambda each: each.created_ns > limit
        case "network":
            return lambda each: bool({*each.networks, *each.network_ids} & {*texts})
        case "is-task":
            _refuse_others(name, texts, ("true", "false"))
            return lambda each: "false" in texts  # no container here belongs to a service
        case "volume":
            return lambda each: any(_shows(mount, texts) for mount in each.mounts)
        case _:  # isolation, which only Windows has
            return lambda each: False


def _port_test(expose: Iterable[str], publish: Iterable[str]) -> Callable[[Glance], bool]:
    """Whether it listens at one of these ports, or is reached at one of those of the host. As with
    docker the two filters are alternatives, and a container that does not run has no ports.
    """
    inside = [_ports(text) for text in expose]
    outside = [_ports(text) for text in publish]

    def one_is_there(port: Mapping[str, Any]) -> bool:
        return _is_in(port["PrivatePort"], port["Type"], inside) or _is_in(
            port.get("PublicPort", 0), port["Type"], outside
        )

    return lambda each: any(map(one_is_there, each.ports))


def _shows(mount: Mapping[str, Any], texts: Sequence[str]) -> bool:
    """Whether it is one of these volumes, or in one of these places."""
    return mount["Destination"] in texts or (mount.get("Name") or mount["Source"]) in texts


def has_labels(labels: Mapping[str, str], texts: Iterable[str]) -> bool:
    """Whether all of `texts`, name or name=value, are among the labels."""
    for text in texts:
        name, equals, value = text.partition("=")
        if name not in labels or (equals and labels[name] != value):
            return False
    return True


def prune_test(
    filters: Filters, more: Sequence[str] = ()
) -> Callable[[Mapping[str, str], int], bool]:
    """Whether something with these labels, made at that moment (nanoseconds since 1970), is to
    go. Raises InvalidInput.
    """
    wanted = read_filters(filters, (*PRUNE_FILTERS, *more))
    until = [until_ns(text) for text in wanted.get("until", ())]

    def goes(labels: Mapping[str, str], created_ns: int) -> bool:
        kept = wanted.get("label!")
        return (
            all(created_ns < limit for limit in until)
            and has_labels(labels, wanted.get("label", ()))
            and not (kept and has_labels(labels, kept))
        )

    return goes


def until_ns(text: str) -> int:
    """The moment of an `until`. Raises InvalidInput."""
    try:
        return moment_ns(text, time.time_ns())
    except ValueError as error:
        raise InvalidInput(
            "not a moment: {text}",
            hint="write 24h, 2026-01-31, 2026-01-31T12:00:00Z or seconds since 1970",
            text=text,
        ) from error


def is_true(name: str, texts: Sequence[str]) -> bool:
    """The value of a filter that is a switch, such as dangling. Raises InvalidInput."""
    known = {"true": True, "1": True, "false": False, "0": False}
    _refuse_others(name, texts, tuple(known))
    return known[texts[-1]]


def _pattern(text: str) -> re.Pattern[str]:
    try:
        return re.compile(text)
    except re.error as error:
        raise InvalidInput(
            "not a pattern: {text}: {reason}",
            hint="write a part of the name, or a regular expression",
            text=text,
            reason=str(error),
        ) from error


def _named(every: Sequence[Glance], text: str) -> Glance:
    """The container of that name, or whose ID begins so: a name may look like an ID's beginning.

    Raises NotFound.
    """
    for each in every:
        if each.name == text.removeprefix("/"):
            return each
    for each in every:
        if text and each.id.startswith(text):
            return each
    raise NotFound(
        "no such container: {name}", hint="`onggi ps -a` lists all containers", name=text
    )


def _refuse_others(name: str, texts: Sequence[str], known: Sequence[str]) -> None:
    for text in texts:
        if text not in known:
            raise InvalidInput(
                "invalid filter {name}={text}",
                hint="its values are: {known}",
                name=name,
                text=text,
                known=", ".join(known),
            )


def _number(name: str, text: str) -> int:
    if not re.fullmatch(r"-?\d+", text, re.ASCII):
        raise InvalidInput(
            "invalid filter {name}={text}",
            hint="it takes a whole number",
            name=name,
            text=text,
        )
    return int(text)


def _ports(text: str) -> tuple[int, int, str]:
    """80, 80/udp or 8000-8080/tcp: first, last and protocol. Raises InvalidInput."""
    shape = re.fullmatch(r"(\d{1,5})(?:-(\d{1,5}))?(?:/(tcp|udp|sctp))?", text, re.ASCII)
    if shape is None:
        raise InvalidInput(
            "not a port: {text}", hint="write 80, 80/udp or 8000-8080/tcp", text=text
        )
    return int(shape[1]), int(shape[2] or shape[1]), shape[3] or "tcp"


def _is_in(port: int, protocol: str, ranges: Iterable[tuple[int, int, str]]) -> bool:
    return any(first <= port <= last and protocol == kind for first, last, kind in ranges)
