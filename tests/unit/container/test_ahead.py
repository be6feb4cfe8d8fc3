"""What is made ahead serves whoever wants just that, and nobody else."""

from __future__ import annotations

import json
import os
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from runtime import journal
from runtime.container import ahead, rehearsal
from runtime.container.records import Records
from runtime.oci.devices import EVERY_DEVICE
from runtime.oci.mounts import DEFAULT_MOUNTS, Mount
from runtime.oci.spec import NAMESPACES, Namespace, Process, Spec

USUAL = Spec(Process(("true",)))


def with_mount(place: str) -> tuple[Mount, ...]:
    return (*DEFAULT_MOUNTS, Mount(place, "bind", "/srv", ("bind",)))


@pytest.mark.parametrize(
    "change",
    [
        {},
        {"hostname": "jar", "root_readonly": True, "resources": {"memory": {"limit": 1 << 26}}},
        {"mounts": with_mount("/data")},
        {"mounts": with_mount("/devices")},
        {"process": Process(("sh",), user="student", terminal=True)},
    ],
)
def test_it_fits(change: dict[str, Any]) -> None:
    assert ahead.fits(Spec.from_bytes(json.dumps(replace(USUAL, **change).to_json()).encode()))


@pytest.mark.parametrize(
    "change",
    [
        {"mounts": with_mount("/dev/data")},
        {"mounts": with_mount("/sys")},
        {"mounts": with_mount("/proc/cpuinfo")},
        {"mounts": DEFAULT_MOUNTS[1:]},
        {"mounts": tuple(replace(each, options=()) for each in DEFAULT_MOUNTS)},
        {"masked_paths": ()},
        {"readonly_paths": ()},
        {"sysctl": {"net.ipv4.ip_forward": "1"}},
        {"devices": USUAL.devices[1:]},
        {"device_rules": EVERY_DEVICE},
        {"namespaces": tuple(map(Namespace, NAMESPACES[1:]))},
        {"namespaces": (Namespace("pid", "/somebody/else"), *USUAL.namespaces[1:])},
    ],
)
def test_it_does_not_fit(change: dict[str, Any]) -> None:
    assert not ahead.fits(replace(USUAL, **change))


def test_a_rehearsal_leaves_nothing(tmp_path: Path) -> None:
    records = Records(tmp_path)
    records.database.one("SELECT 1")
    before = (os.listdir(tmp_path), journal.last_number(records.database))
    rehearsal.keep_record(records)
    rehearsal.read()
    assert records.rows() == []
    assert (os.listdir(tmp_path), journal.last_number(records.database)) == before
