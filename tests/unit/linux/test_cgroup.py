"""A group is made, limited, changed, entered and removed, in the trees that a host has."""

from __future__ import annotations

from pathlib import Path

import pytest

from runtime.errors import HostLacks, KernelError
from runtime.linux import cgroup, cgroup_mounts
from runtime.linux.cgroup import Cgroup
from runtime.linux.cgroup_mounts import Controller


def test_a_controller_is_found_where_it_is_mounted() -> None:
    """One line of /proc/self/mounts is not enough to be wrong about: ask the kernel's list."""
    enabled = {
        line.split()[0]
        for line in Path("/proc/cgroups").read_text().splitlines()[1:]
        if line.split()[3] == "1"
    }
    for name, controller in cgroup_mounts.controllers().items():
        assert controller.name in (name, "io")
        assert controller.mount.is_dir()
        # hugetlb and others have other names in version 2, so only what we use is compared.
        assert name in enabled or name not in cgroup_mounts.CONTROLLERS


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
    monkeypatch.setattr(cgroup_mounts, "controllers", lambda: found)
    assert cgroup_mounts.hierarchies_v1() == (("cpu", "cpuacct"), ("memory",))


@pytest.mark.needs("root", "cgroup:memory", "cgroup:pids")
def test_limits_change_together_or_not_at_all() -> None:
    group = Cgroup("test-of-a-change")
    group.create({"memory": {"limit": 64 << 20, "swap": 64 << 20}, "pids": {"limit": 5}})
    directories = [group.directory(name) for name in ("memory", "pids")]
    files = [file for each in directories if each for file in each.glob("*.[lm][ia][mx]*")]

    def contents() -> list[str]:
        return [file.read_text() for file in files if not file.name.startswith("memory.kmem")]

    try:
        before = contents()
        with pytest.raises(KernelError, match="out of range"):
            group.change(
                {"memory": {"limit": 32 << 20, "swap": 96 << 20}, "pids": {"limit": 7 << 80}}
            )
        assert contents() == before
        group.change({"pids": {"limit": 7}})
        assert contents() != before
    finally:
        group.remove()
