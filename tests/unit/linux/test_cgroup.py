"""Limits as files: one table for each version of the kernel's interface."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from runtime.errors import HostLacks, KernelError
from runtime.linux import cgroup
from runtime.linux.cgroup import Cgroup, Controller, settings_v1, settings_v2

MIB = 1 << 20

TABLE: list[tuple[dict[str, Any], list[tuple[str, Any]], list[tuple[str, Any]]]] = [
    ({}, [], []),
    (
        {"memory": {"limit": 64 * MIB}},
        [("memory.limit_in_bytes", 64 * MIB)],
        [("memory.max", "67108864")],
    ),
    (
        {"memory": {"limit": 64 * MIB, "swap": 128 * MIB}},
        [("memory.limit_in_bytes", 64 * MIB), ("memory.memsw.limit_in_bytes", 128 * MIB)],
        [("memory.max", "67108864"), ("memory.swap.max", "67108864")],
    ),
    (
        {"memory": {"limit": 64 * MIB, "swap": 64 * MIB}},
        [("memory.limit_in_bytes", 64 * MIB), ("memory.memsw.limit_in_bytes", 64 * MIB)],
        [("memory.max", "67108864"), ("memory.swap.max", "0")],
    ),
    (
        {"memory": {"limit": -1, "swap": -1}},
        [("memory.limit_in_bytes", -1), ("memory.memsw.limit_in_bytes", -1)],
        [("memory.max", "max"), ("memory.swap.max", "max")],
    ),
    (
        {"memory": {"reservation": 32 * MIB}},
        [("memory.soft_limit_in_bytes", 32 * MIB)],
        [("memory.low", "33554432")],
    ),
    (
        {"cpu": {"quota": 50_000, "period": 100_000}},
        [("cpu.cfs_period_us", 100_000), ("cpu.cfs_quota_us", 50_000)],
        [("cpu.max", "50000 100000")],
    ),
    (
        {"cpu": {"quota": 20_000}},
        [("cpu.cfs_period_us", 100_000), ("cpu.cfs_quota_us", 20_000)],
        [("cpu.max", "20000 100000")],
    ),
    (
        {"cpu": {"quota": -1}},
        [("cpu.cfs_period_us", 100_000), ("cpu.cfs_quota_us", -1)],
        [("cpu.max", "max 100000")],
    ),
    ({"cpu": {"shares": 2}}, [("cpu.shares", 2)], [("cpu.weight", "1")]),
    ({"cpu": {"shares": 1024}}, [("cpu.shares", 1024)], [("cpu.weight", "39")]),
    ({"cpu": {"shares": 262_144}}, [("cpu.shares", 262_144)], [("cpu.weight", "10000")]),
    ({"pids": {"limit": 20}}, [("pids.max", 20)], [("pids.max", "20")]),
    ({"pids": {"limit": -1}}, [("pids.max", -1)], [("pids.max", "max")]),
]


@pytest.mark.parametrize(("resources", "version_1", "version_2"), TABLE, ids=lambda _: "")
def test_what_is_written_where(
    resources: dict[str, Any], version_1: list[tuple[str, Any]], version_2: list[tuple[str, Any]]
) -> None:
    assert [(file, value) for _, file, value in settings_v1(resources)] == version_1
    assert [(file, value) for _, file, value in settings_v2(resources)] == version_2


@pytest.mark.parametrize("resources", [resources for resources, _, _ in TABLE], ids=str)
def test_a_file_s_name_begins_with_its_controller(resources: dict[str, Any]) -> None:
    for controller, file, _ in (*settings_v1(resources), *settings_v2(resources)):
        assert file.startswith(controller + ".")


def test_a_controller_is_found_where_it_is_mounted() -> None:
    """One line of /proc/self/mounts is not enough to be wrong about: ask the kernel's list."""
    enabled = {
        line.split()[0]
        for line in Path("/proc/cgroups").read_text().splitlines()[1:]
        if line.split()[3] == "1"
    }
    for name, controller in cgroup.controllers().items():
        assert controller.name == name
        assert controller.mount.is_dir()
        # io and hugetlb have other names in version 2, so only what we use is compared.
        assert name in enabled or name not in cgroup.CONTROLLERS


@pytest.fixture
def no_controllers(monkeypatch: pytest.MonkeyPatch) -> None:
    """A host whose control groups are not mounted."""
    nothing: dict[str, Controller] = {}
    monkeypatch.setattr(cgroup, "controllers", lambda: nothing)


@pytest.mark.usefixtures("no_controllers")
def test_a_limit_without_its_controller_is_what_the_host_lacks() -> None:
    with pytest.raises(HostLacks) as refusal:
        Cgroup("test").create({"pids": {"limit": 5}})
    assert refusal.value.feature == "pids"
    Cgroup("test").create({})


@pytest.mark.needs("root", "cgroup:pids")
def test_a_group_is_made_and_limited_and_removed() -> None:
    group = Cgroup("test-of-a-group")
    try:
        group.create({"pids": {"limit": 5}})
        directory = group.directory("pids")
        assert directory is not None
        assert (directory / "pids.max").read_text() == "5\n"
        assert group.name in cgroup.names()
        assert group.processes() == frozenset()
    finally:
        group.remove()
    assert not any(directory.exists() for directory in group.directories())
    group.remove()


@pytest.mark.needs("root", "cgroup:cpu")
def test_a_value_that_the_kernel_refuses_leaves_no_group() -> None:
    group = Cgroup("test-of-a-refusal")
    with pytest.raises(KernelError, match="Invalid argument"):
        group.create({"cpu": {"quota": 1, "period": 1}})
    assert not any(directory.exists() for directory in group.directories())


@pytest.fixture
def version_2(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A version 2 tree of plain files, in which our parent group is already."""
    found = {name: Controller(name, tmp_path, 2) for name in ("memory", "pids")}
    monkeypatch.setattr(cgroup, "controllers", lambda: found)
    (tmp_path / "cgroup.controllers").write_text("hugetlb memory misc pids\n")
    (tmp_path / "cgroup.subtree_control").write_text("")
    (tmp_path / "onggi").mkdir()
    return tmp_path


def test_a_member_out_of_sight_is_never_killed_as_0(version_2: Path) -> None:
    """To kill process 0 is to kill one's own process group."""
    group = Cgroup("test-sight")
    (version_2 / "onggi" / group.name).mkdir()
    (version_2 / "onggi" / group.name / "cgroup.procs").write_text("0\n0\n")
    assert group.processes() == frozenset()
    group.kill()


def test_version_2_hands_on_only_what_we_limit(
    version_2: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One at a time: one that is refused must not take the others with it."""
    written = []

    def refuse(path: Path, value: str) -> None:
        written.append(value)
        raise KernelError("write", str(path), 16)

    monkeypatch.setattr(cgroup, "_write", refuse)
    (version_2 / "onggi" / "cgroup.controllers").write_text("")
    (version_2 / "onggi" / "cgroup.subtree_control").write_text("")
    Cgroup("test-refused").create({})
    assert written == []
    (version_2 / "onggi" / "cgroup.controllers").write_text("hugetlb memory misc pids\n")
    Cgroup("test-refused").create({})
    assert written == ["+memory", "+pids"]
    with pytest.raises(HostLacks, match="no cgroup controller for memory"):
        Cgroup("test-refused").create({"memory": {"limit": 1 << 26}})


def test_controllers_that_are_mounted_together_are_one_hierarchy(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """As systemd mounts version 1; mounting one of them alone would be refused (EBUSY)."""
    places = {"cpu": "cpu,cpuacct", "cpuacct": "cpu,cpuacct", "memory": "memory"}
    found = {name: Controller(name, Path("/", place), 1) for name, place in places.items()}
    found["pids"] = Controller("pids", Path("/unified"), 2)
    monkeypatch.setattr(cgroup, "controllers", lambda: found)
    assert cgroup.hierarchies_v1() == (("cpu", "cpuacct"), ("memory",))
