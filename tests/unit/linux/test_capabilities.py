"""Capability sets: names, bits, and what this process holds."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from runtime.linux import capabilities, probe
from runtime.oci.spec import DEFAULT_CAPABILITIES


@pytest.mark.parametrize(
    ("name", "number"),
    [
        ("CAP_CHOWN", 0),
        ("CAP_KILL", 5),
        ("CAP_SETPCAP", 8),
        ("CAP_SYS_ADMIN", 21),
        ("CAP_SETFCAP", 31),
        ("CAP_MAC_OVERRIDE", 32),
        ("CAP_CHECKPOINT_RESTORE", 40),
    ],
)
def test_numbers_are_the_kernel_s(name: str, number: int) -> None:
    """include/uapi/linux/capability.h"""
    assert capabilities.bits((name,)) == 1 << number


def test_the_kernel_has_no_capability_that_has_no_name() -> None:
    last = int(Path("/proc/sys/kernel/cap_last_cap").read_text())
    assert last < len(capabilities.NAMES)


def test_docker_s_fourteen_as_the_mask_that_everybody_knows() -> None:
    assert capabilities.bits(DEFAULT_CAPABILITIES) == 0xA80425FB


def test_an_unknown_name_is_a_mistake_of_the_program() -> None:
    with pytest.raises(ValueError):
        capabilities.bits(("CAP_EVERYTHING",))


def test_what_is_held_is_in_the_bounding_set_of_the_status_file() -> None:
    line = next(
        line
        for line in Path("/proc/self/status").read_text().splitlines()
        if line.startswith("CapBnd:")
    )
    known = capabilities.bits(capabilities.NAMES)
    assert capabilities.bits(capabilities.held("CapBnd")) == int(line.split()[1], 16) & known


def _give_everything_up() -> None:
    keep = frozenset({"CAP_CHOWN", "CAP_KILL"}) & capabilities.held("CapBnd")
    capabilities.drop_bounding(keep)
    capabilities.capset(effective=0, permitted=capabilities.bits(keep), inheritable=0)
    capabilities.clear_ambient()
    assert capabilities.held("CapBnd") == capabilities.held("CapPrm") == keep
    assert capabilities.held("CapEff") == frozenset()
    with pytest.raises(OSError, match="capset"):
        capabilities.capset(effective=1 << 21, permitted=1 << 21, inheritable=0)


@pytest.mark.needs("root")
def test_what_was_given_up_does_not_come_back() -> None:
    before = capabilities.held()
    assert probe.tried(_give_everything_up) == ""
    assert capabilities.held() == before
    assert os.geteuid() == 0
