"""Rehearsal: who waits for a caller goes through his motions, before it matters.

A forked Python copies each page of memory when it first touches an object there (every use of an
object counts its references, which is a change), and SQLite compiles each statement when it sees it
for the first time. Together that would be a good part of a start. So a spare monitor and its first
process play the life of a container that never was: what is touched now is there when it is needed.

Rule: nothing that is done here can be seen afterwards, by nobody.
"""

from __future__ import annotations

import contextlib
import functools
import json
import os
from pathlib import Path

from runtime.container import profile
from runtime.container.bundle import Request
from runtime.container.messages import Exit, Start
from runtime.container.record import Record
from runtime.container.records import Records
from runtime.container.user import find_user
from runtime.errors import NotFound
from runtime.linux import capabilities
from runtime.oci.spec import DEFAULT_CAPABILITIES, Process, Spec
from runtime.snapshot.overlay import Snapshots

NOBODY = "nobody"
"""No container's id, which are 64 hex digits, and no file's name: none is made."""

ROW = (
    "INSERT INTO containers (id, name, image, manifest, request, created_ns, status)"
    " VALUES (?, ?, '', '', ?, 0, 'created')"
)
"""A plain one: how callers make theirs is not the monitor's business, and takes half a megabyte."""


class _Over(Exception):
    """The end of the play, at which the database forgets it."""


@functools.cache
def script() -> bytes:
    """A description like most others. The launcher reads it, and all its children know it."""
    seccomp = profile.default_seccomp(DEFAULT_CAPABILITIES)
    spec = Spec(Process(("true",), env=("PATH=/bin",)), hostname=NOBODY, seccomp=seccomp)
    return json.dumps(spec.to_json()).encode()


@functools.cache
def wish() -> str:
    """What its user asked for, as it stands in its row. Written by the launcher, once: a monitor
    only reads such texts.
    """
    return Request(image=NOBODY).to_json()


def read() -> None:
    """Both processes read what the container is to be."""
    Spec.from_bytes(script())


def become(root: Path) -> None:
    """The first process looks for its layers, and for what it will have to know of its user."""
    with contextlib.suppress(NotFound):
        Snapshots(root).overlay(NOBODY)
    find_user("")
    capabilities.held("CapBnd")


def keep_record(records: Records) -> None:
    """The monitor writes down how a container is made, runs and ends, and takes it all back.

    Raises OnggiError where the database cannot be used.
    """
    place = records.bundle(NOBODY).directory
    start = Start(records.root, place, NOBODY, recorded=True, lifeline=False, auto_remove=True)
    record = Record(start, records)
    with contextlib.suppress(_Over), records.database.transaction():
        records.database.change(ROW, NOBODY, NOBODY, wish())
        record.refuse_running()
        record.started(os.getpid())
        record.check()
        record.status()
        record.ended(Exit(0, oom_killed=False))
        raise _Over
