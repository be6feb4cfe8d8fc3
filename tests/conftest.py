"""Fixtures and rules for all tests: an engine that is ready, needs, and nothing left behind.

`engine`       an Engine whose state directory has the base images; what a test makes is removed
`state_root`   a new, empty state directory
`own_world`    a network of the module's own (worlds.py)
`docker_host`  a server of docker's API for that `engine`
They set ONGGI_ROOT, so `onggi` in a subprocess works on the same state.

A test that touches the kernel says so with `@pytest.mark.needs(…)` (tests/needs.py) or uses one of
these fixtures. Such tests get the mark `kernel`. Each is asked what it has left behind, so no two
of them may work in the same place at once: with `-n 3` there are three lanes (lane.py), each a
place of its own; where a host has no lanes, they run one after the other.
"""

from __future__ import annotations

import fcntl
import os
import shlex
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import hypothesis
import lane
import leftovers
import needs
import pytest
import worlds

SLOW_GRAMMAR = "rfc3987_syntax"
"""A module that jsonschema loads if it can, in seconds, to check a format that we do not use."""

sys.modules[SLOW_GRAMMAR] = None  # type: ignore[assignment]
hypothesis.settings.register_profile("onggi", deadline=None)  # a busy machine is no failure
hypothesis.settings.load_profile("onggi")

if TYPE_CHECKING:
    from runtime.engine import Engine

BEFORE = pytest.StashKey[frozenset[str]]()
LEFT_IN_LANES = pytest.StashKey[list[str]]()
TOLD = pytest.StashKey[set[str]]()
PLACE = "ONGGI_TESTS"
"""The variable with this run's folder: the state directories of all its processes lie in it."""

LEFT_BEHIND = 8
"""The exit code of a run that has left something: not one of pytest's own."""

TOGETHER = {
    "tests/compat/test_docker_cli.py",
    "tests/compat/test_exchange.py",
    "tests/compat/test_registry_client.py",
    "tests/guest/test_guest.py",
    "tests/kernel/test_names.py",
    "tests/kernel/test_networks.py",
    "tests/kernel/test_ports.py",
    "tests/unit/engine/test_bootstrap_layers.py",
    "tests/unit/engine/test_bootstrap_recipes.py",
    "tests/unit/lessons_lib/publish/test_learner.py",
    "tests/unit/lessons_lib/publish/test_publish.py",
}
"""Files whose tests share something that takes long to make: all of them go to one worker."""

FIXTURES_OF_THE_KERNEL = {"engine", "state_root", "base_state"}


@pytest.fixture(scope="session")
def base_state() -> Iterator[Path]:
    """A state directory with the base images, one for each worker. Use `engine` instead."""
    with tempfile.TemporaryDirectory(dir=place()) as folder:
        root = Path(folder, "state")
        subprocess.run(["cp", "--archive", "--reflink=auto", _first_state(), root], check=True)
        yield root
        leftovers.end_launchers(root)


def _first_state() -> Path:
    """The one that is bootstrapped, by the first worker that needs it; the others copy it."""
    from runtime.engine import Engine

    root, made = place() / "state", place() / "state.made"
    with (place() / "state.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not made.exists():
            Engine(root).images.bootstrap()
            leftovers.end_launchers(root)
            made.touch()
    return root


@pytest.fixture
def engine(base_state: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Engine]:
    """An engine with base images and nothing else, at the beginning of every test."""
    from runtime.engine import Engine

    monkeypatch.setenv("ONGGI_ROOT", str(base_state))
    engine = Engine(base_state)
    tags = {tag for image in engine.images.list() for tag in image.tags}
    yield engine
    for container in engine.containers.list(all=True):
        container.remove(force=True)
    for tag in [tag for image in engine.images.list() for tag in image.tags]:
        if tag not in tags:
            engine.images.remove(tag, force=True)
    engine.prune(volumes=True)
    for volume in engine.volumes.list():
        volume.remove()


@pytest.fixture
def state_root(monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A new, empty state directory."""
    with tempfile.TemporaryDirectory(dir=place()) as folder:
        root = Path(folder, "state")
        monkeypatch.setenv("ONGGI_ROOT", str(root))
        yield root
        leftovers.end_launchers(root)


@pytest.fixture
def docker_host(unwatched_host: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """`onggi serve` for that engine, behind a witness: an answer that is not as docker's definition
    has it fails the test. It is what DOCKER_HOST is set to.
    """
    from witness import witnessed

    with witnessed(Path(unwatched_host.removeprefix("unix://"))) as witness:
        monkeypatch.setenv("DOCKER_HOST", f"unix://{witness.socket}")
        yield f"unix://{witness.socket}"


@pytest.fixture
def unwatched_host(
    engine: Engine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[str]:
    """The same without the witness, for thousands of listeners and for talkers of rubbish."""
    from docker_host import serving

    with serving(tmp_path / "docker.sock", "--group", "root") as server:
        monkeypatch.setenv("DOCKER_HOST", server.host)
        yield server.host


@pytest.fixture(scope="module")
def own_world(base_state: Path) -> Iterator[None]:
    """Nothing of this module's tests is in the host's network, nor in that of other tests."""
    with worlds.own_network():
        yield
        leftovers.end_launchers(base_state)


@pytest.fixture(autouse=True)
def nothing_is_left_behind(request: pytest.FixtureRequest) -> Iterator[None]:
    """Compare the host before and after each test that touches the kernel.

    It is set up before and torn down after the test's own fixtures, but for `base_state`.
    """
    if not touches_kernel(request.node):
        yield
        return
    strict = is_strict()
    before = leftovers.look(strict)
    yield
    left = leftovers.since(before, lambda: strict and is_strict())
    if left:
        request.config.stash[TOLD] |= set(left)
        pytest.fail("\n  ".join(["the test has left behind", *left]), pytrace=False)


def place() -> Path:
    """This run's folder."""
    return Path(os.environ[PLACE])


def is_strict() -> bool:
    """See leftovers.py: other people's engines may be at work here, but not in CI or a lane."""
    return needs.ci() or bool(lane.current()) or leftovers.is_alone(place())


def touches_kernel(item: pytest.Item) -> bool:
    """Whether a test makes something that the host could be left with."""
    used = set(getattr(item, "fixturenames", ()))
    return item.get_closest_marker("needs") is not None or bool(used & FIXTURES_OF_THE_KERNEL)


def pytest_itemcollected(item: pytest.Item) -> None:
    """`-m kernel` are the tests of which only one may run in a place at once."""
    if touches_kernel(item):
        item.add_marker(pytest.mark.kernel)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin with the longest, which have a timeout of their own, and with whole files: nobody
    shall wait for them at the end.
    """

    def weight(item: pytest.Item) -> tuple[float, bool]:
        mark = item.get_closest_marker("timeout")
        patience_s = float(mark.args[0]) if mark else 0
        return patience_s, item.nodeid.partition("::")[0] in TOGETHER

    items.sort(key=weight, reverse=True)


def pytest_runtest_setup(item: pytest.Item) -> None:
    """Skip a test whose needs this host does not have; with CI=true let it fail."""
    names = [name for mark in item.iter_markers("needs") for name in mark.args]
    if FIXTURES_OF_THE_KERNEL & set(getattr(item, "fixturenames", ())):
        names.append("containers")
    missing = [reason for reason in map(needs.why_missing, names) if reason]
    if missing and needs.ci():
        pytest.fail(f"with CI=true nothing may be missing: {'; '.join(missing)}", pytrace=False)
    if missing:
        pytest.skip("; ".join(missing))


def pytest_configure(config: pytest.Config) -> None:
    """Make this run's folder and take the first look, before any worker begins; and in its lane,
    a worker's.

    A shell starts what it puts into the background with Ctrl-C ignored, and every process that a
    test starts would inherit that: some of them are tested by it.
    """
    signal.signal(signal.SIGINT, signal.default_int_handler)
    config.stash[TOLD] = set()
    os.environ["ONGGI_PULL"] = "never"  # a name that is not here is no reason to ask the world
    if config.option.collectonly:
        return  # nothing will run that could leave something
    if not hasattr(config, "workerinput"):
        os.environ[PLACE] = tempfile.mkdtemp(prefix="t-")
        config.stash[LEFT_IN_LANES] = []
    if not hasattr(config, "workerinput") or lane.current():
        config.stash[BEFORE] = leftovers.look(is_strict())


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_setupnodes(specs: list[Any]) -> None:
    """Give each worker a lane of its own."""
    if lane.is_possible():
        for spec in specs:
            spec.python = shlex.join([sys.executable, lane.__file__])


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Any:
    """Give a worker the next test when it is ready for it, in the order of
    `pytest_collection_modifyitems`; or a whole file.
    """
    from xdist.scheduler import LoadScopeScheduling  # type: ignore[import-untyped]

    def scope(nodeid: str) -> str:
        path = nodeid.partition("::")[0]
        return path if path in TOGETHER else nodeid

    config.option.loadscopereorder = False
    scheduler = LoadScopeScheduling(config, log)
    scheduler._split_scope = scope
    return scheduler


@pytest.hookimpl(trylast=True)
def pytest_sessionfinish(session: pytest.Session) -> None:
    """The last look: not even the session's own fixtures may leave something."""
    before = session.config.stash.get(BEFORE, None)
    if before is None:
        return
    left = leftovers.since(before, lambda: needs.ci() or bool(lane.current()))
    left = [line for line in left if line not in session.config.stash[TOLD]]  # a test has failed
    if hasattr(session.config, "workeroutput"):
        session.config.workeroutput["left"] = left
        return
    for line in [*left, *session.config.stash[LEFT_IN_LANES]]:
        print(f"\nleft behind by this run: {line}")
        session.exitstatus = LEFT_BEHIND
    lane.remove_left(place())
    shutil.rmtree(place(), ignore_errors=True)  # a mount in it has been told above


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node: Any) -> None:
    """A worker has ended: hear what its lane was left with."""
    left = getattr(node, "workeroutput", {}).get("left", [])
    node.config.stash[LEFT_IN_LANES] += [f"{line}, in {node.gateway.id}" for line in left]
