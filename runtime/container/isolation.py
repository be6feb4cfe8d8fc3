"""From what was asked for to how a container is kept apart: docker's default posture, and every
flag that widens or narrows it.

Each function takes the request, decides one part of the Spec, and says no where docker does: what
makes no sense is InvalidInput, what the user asked for by name and this host cannot give is
HostLacks. Where the host cuts docker's defaults the container gets what there is, and `notices`
says what it does not get.

    capabilities ──▶ seccomp (a profile depends on them)        devices ──▶ device rules
    namespaces   ──▶ mounts (/dev/shm belongs to the IPC world)

moby: daemon/oci_linux.go, daemon/pkg/oci/caps, daemon/daemon_unix.go
"""

from __future__ import annotations

import resource
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from runtime.container import profile
from runtime.container.notice import Notice
from runtime.errors import HostLacks, InvalidInput
from runtime.linux import capabilities as caps
from runtime.oci.spec import (
    DEFAULT_CAPABILITIES,
    MASKED_PATHS,
    READONLY_PATHS,
    UNLIMITED,
    Rlimit,
)

if TYPE_CHECKING:
    from runtime.container.bundle import Request

LOWEST_OOM_SCORE, HIGHEST_OOM_SCORE = -1000, 1000


def capabilities_of(request: Request) -> tuple[str, ...]:
    """The defaults without `cap_drop` and with `cap_add`; of all only what this host has.

    Raises InvalidInput for a name that is none, HostLacks for one that was added by name and that
    this host has taken away from everybody.
    """
    for name in (*request.cap_add, *request.cap_drop):
        if name != "ALL" and name not in caps.NAMES:
            raise InvalidInput(
                "there is no capability {name}",
                hint="man 7 capabilities lists them; for example: NET_ADMIN, or ALL",
                name=name,
            )
    host = caps.held("CapBnd")
    if lost := [name for name in request.cap_add if name != "ALL" and name not in host]:
        raise HostLacks(
            "this host cannot give the capability {feature} to anybody",
            feature=", ".join(lost),
            evidence="CapBnd in /proc/self/status",
            hint="leave it out: it is missing here in the bounding set of root itself",
        )
    return tuple(name for name in _wanted(request) if name in host)


def _wanted(request: Request) -> list[str]:
    """As docker: ALL is everything but what is dropped, or nothing but what is added."""
    if request.privileged:
        return list(caps.NAMES)
    base: tuple[str, ...] = () if "ALL" in request.cap_drop else DEFAULT_CAPABILITIES
    if "ALL" in request.cap_add:
        base = caps.NAMES
    kept = [name for name in base if name not in request.cap_drop]
    return kept + [name for name in request.cap_add if name not in (*kept, "ALL")]


def security_options(request: Request) -> dict[str, str]:
    """`security_opt` as {name: value}; of one name the last counts.

    Raises InvalidInput for a name or value that is none, HostLacks for the security modules
    that this engine does not speak to.
    """
    options: dict[str, str] = {}
    for text in request.security_opt:
        name, separator, value = text.partition("=" if "=" in text else ":")
        if name == "no-new-privileges":
            value = value or "true"
        valid = {
            "no-new-privileges": value in ("true", "false"),
            "seccomp": value in ("unconfined", "builtin") or value.startswith("{"),
            "systempaths": value == "unconfined",
            "apparmor": bool(separator),
            "label": bool(separator),
        }
        if not valid.get(name):
            raise InvalidInput(
                "not a security option: {text!r}",
                hint="for example: no-new-privileges, seccomp=unconfined, seccomp=FILE, "
                "systempaths=unconfined",
                text=text[:100],
            )
        if name in ("apparmor", "label") and value not in ("unconfined", "disable"):
            raise HostLacks(
                "this engine does not load profiles of {feature}",
                feature="AppArmor" if name == "apparmor" else "SELinux",
                evidence=text[:100],
                hint="leave the option out; seccomp and capabilities are there",
            )
        options[name] = value
    return options


def no_new_privileges(request: Request) -> bool:
    """Whether no program may bring more power than its starter has, not even set-user-ID root."""
    return security_options(request).get("no-new-privileges") == "true"


def seccomp_of(request: Request, capabilities: tuple[str, ...]) -> dict[str, Any] | None:
    """The filter as the runtime-spec writes it; None for a container without one: one that was
    asked for so, or a privileged one without a profile of its own. Raises InvalidSpec.
    """
    value = security_options(request).get("seccomp", "")
    if value == "unconfined" or (request.privileged and not value):
        return None
    if value.startswith("{"):
        return profile.seccomp_of(value.encode(), capabilities)
    return profile.default_seccomp(capabilities)


def hidden_paths(request: Request) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """The paths that are covered, and those that are read-only."""
    if request.privileged or "systempaths" in security_options(request):
        return (), ()
    return MASKED_PATHS, READONLY_PATHS


def rlimits_of(request: Request) -> tuple[Rlimit, ...]:
    """`ulimits` as the runtime-spec writes them. Raises HostLacks for one above this host's own,
    where that cannot be raised.
    """
    limits = tuple(
        Rlimit(f"RLIMIT_{name.upper()}", *(number % (UNLIMITED + 1) for number in numbers))
        for name, *numbers in request.ulimits
    )
    if limits and "CAP_SYS_RESOURCE" not in caps.held("CapEff"):
        for limit in limits:
            hard = resource.getrlimit(getattr(resource, limit.type))[1]
            if hard != resource.RLIM_INFINITY and limit.hard > hard:
                raise too_high(limit, hard)
    return limits


def too_high(limit: Rlimit, available: int) -> HostLacks:
    """For a limit that cannot be given."""
    name = limit.type.removeprefix("RLIMIT_").lower()
    asked = "unlimited" if limit.hard == UNLIMITED else limit.hard
    return HostLacks(
        "this host does not permit a resource limit this high: {limit}",
        feature="resource limits",
        evidence=f"getrlimit({limit.type}): {available}",
        hint="ask for less: the host's own is {available}",
        limit=f"{name}={asked}",
        available=available,
    )


def oom_score_of(request: Request) -> int | None:
    """None leaves it as the host has it. Raises InvalidInput, HostLacks for one below the host's
    own, where that cannot be lowered.
    """
    score = request.oom_score_adj
    if not LOWEST_OOM_SCORE <= score <= HIGHEST_OOM_SCORE:
        raise InvalidInput(
            "the OOM score must be between {lowest} and {highest}: {score}",
            lowest=LOWEST_OOM_SCORE,
            highest=HIGHEST_OOM_SCORE,
            score=score,
        )
    if score and "CAP_SYS_RESOURCE" not in caps.held("CapEff"):
        own = int(Path("/proc/self/oom_score_adj").read_text())
        if score < own:
            raise too_low(score)
    return score or None


def too_low(score: int) -> HostLacks:
    """For an OOM score that cannot be given."""
    return HostLacks(
        "this host does not permit an OOM score this low: {score}",
        feature="OOM score",
        evidence="CapEff in /proc/self/status: without CAP_SYS_RESOURCE",
        hint="it takes CAP_SYS_RESOURCE, which this host does not give to root",
        score=score,
    )


def notices(request: Request) -> Iterator[Notice]:
    """What this host cuts of docker's defaults."""
    bounding = caps.held("CapBnd")
    lost = [name for name in _wanted(request) if name not in bounding]
    if lost:
        yield Notice(
            "this host does not give these capabilities to anybody, so the container goes "
            "without them: {names}",
            names=", ".join(lost),
        )
