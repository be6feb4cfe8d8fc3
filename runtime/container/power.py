"""Giving power away: the last steps of whoever becomes a container's program.

Up to here it is the host's root, in the container's world. What it gives up it never gets back,
nor does anything that it starts. The order is not free: each step needs what a later one takes.

    resource limits, OOM score     raising one takes CAP_SYS_RESOURCE
    filter                         takes CAP_SYS_ADMIN, or no_new_privs
    bounding set                   takes CAP_SETPCAP
    groups, user                   takes CAP_SETGID, CAP_SETUID, which root loses by it
    the other capability sets
    no_new_privs, filter           if both are wanted: then the filter can wait until the end, and
                                   need not let through what the steps above call

runc: libcontainer/standard_init_linux.go; man 7 capabilities, man 2 seccomp, man 2 setrlimit
"""

from __future__ import annotations

import os
import resource
from pathlib import Path

from runtime.container.isolation import too_high, too_low
from runtime.container.user import User
from runtime.linux import capabilities, process, seccomp
from runtime.linux.seccomp import Filter
from runtime.oci.spec import UNLIMITED, Process, Rlimit


def give_up_power(user: User, program: Process, filter_: Filter | None) -> None:
    """Become `user`, with no more than `program` is to have. Raises KernelError, HostLacks."""
    for limit in program.rlimits:
        set_limit(limit)
    if program.oom_score_adj is not None:
        set_oom_score(program.oom_score_adj)
    if filter_ is not None and not program.no_new_privileges:
        seccomp.load(filter_)
    become_user(user, frozenset(program.capabilities))
    if program.no_new_privileges:
        process.prctl(process.PR_SET_NO_NEW_PRIVS, 1)
        if filter_ is not None:
            seccomp.load(filter_)


def become_user(user: User, keep: frozenset[str]) -> None:
    """Be `user`, with the capabilities `keep` at most.

    What the host itself has lost is lost here too. A user other than root starts with none, as
    after any change from root.
    """
    capabilities.drop_bounding(keep)
    os.setgroups(user.groups)
    os.setresgid(user.gid, user.gid, user.gid)
    os.setresuid(user.uid, user.uid, user.uid)
    kept = capabilities.bits(keep & capabilities.held("CapBnd")) if user.uid == 0 else 0
    capabilities.capset(effective=kept, permitted=kept, inheritable=0)
    capabilities.clear_ambient()


def set_limit(limit: Rlimit) -> None:
    """Raises HostLacks where the host's own limit is lower and cannot be raised."""
    number = getattr(resource, limit.type)
    soft, hard = (-1 if each == UNLIMITED else each for each in (limit.soft, limit.hard))
    try:
        resource.setrlimit(number, (soft, hard))
    except (ValueError, OSError) as error:
        raise too_high(limit, resource.getrlimit(number)[1]) from error


def set_oom_score(score: int) -> None:
    """How readily the kernel kills it when memory runs out: -1000 (never) to 1000.

    Raises HostLacks: to go below one's own takes CAP_SYS_RESOURCE. man 5 proc
    """
    try:
        Path("/proc/self/oom_score_adj").write_text(str(score))
    except PermissionError as error:
        raise too_low(score) from error
