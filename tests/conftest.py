"""Fixtures and rules for all tests: an engine that is ready, needs, and nothing left behind.

`engine`       an Engine whose state directory has the base images; what a test makes is removed
`state_root`   a new, empty state directory
Both set ONGGI_ROOT, so `onggi` in a subprocess works on the same state.

A test that touches the kernel says so with `@pytest.mark.needs(…)` (tests/needs.py) or uses one of
these fixtures. Such tests get the mark `kernel`; they run one after the other, so that each can be
asked what it has left behind.
"""

from __future__ import annotations

import os
import shutil
import signal
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import hypothesis
import leftovers
import needs
import pytest

hypothesis.settings.register_profile("onggi", deadline=None)  # a busy machine is no failure
hypothesis.settings.load_profile("onggi")

if TYPE_CHECKING:
    from runtime.engine import Engine

BEFORE = pytest.StashKey[frozenset[str]]()
PLACE = "ONGGI_TESTS"
"""The variable with this run's folder: the state directories of all its processes lie in it."""

FIXTURES_OF_THE_KERNEL = {"engine", "state_root", "base_state"}


@pytest.fixture(scope="session")
def base_state() -> Iterator[Path]:
    """A state directory with the base images, made once in a session. Use `engine` instead."""
    from runtime.engine import Engine

    with tempfile.TemporaryDirectory(dir=place()) as folder:
        root = Path(folder, "state")
        Engine(root).images.bootstrap()
        yield root
        leftovers.end_launchers(root)


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
    assert left == [], "the test has left this behind"


def place() -> Path:
    """This run's folder."""
    return Path(os.environ[PLACE])


def is_strict() -> bool:
    """See leftovers.py: other people's engines may be at work here, but not in CI."""
    return needs.ci() or leftovers.is_alone(place())


def touches_kernel(item: pytest.Item) -> bool:
    """Whether a test makes something that the host could be left with."""
    used = set(getattr(item, "fixturenames", ()))
    return item.get_closest_marker("needs") is not None or bool(used & FIXTURES_OF_THE_KERNEL)


def pytest_itemcollected(item: pytest.Item) -> None:
    """`-m kernel` are the tests that have to run one after the other."""
    if touches_kernel(item):
        item.add_marker(pytest.mark.kernel)


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
    """Make this run's folder and take the first look, before any worker begins.

    A shell starts what it puts into the background with Ctrl-C ignored, and every process that a
    test starts would inherit that: some of them are tested by it.
    """
    signal.signal(signal.SIGINT, signal.default_int_handler)
    if not hasattr(config, "workerinput"):
        os.environ[PLACE] = tempfile.mkdtemp(prefix="onggi-tests-")
        config.stash[BEFORE] = leftovers.look(is_strict())


@pytest.hookimpl(trylast=True)
def pytest_sessionfinish(session: pytest.Session) -> None:
    """The last look: not even the session's own fixtures may leave something."""
    before = session.config.stash.get(BEFORE, None)
    if before is None:
        return
    left = leftovers.since(before, needs.ci)
    for line in left:
        print(f"\nleft behind by this run: {line}")
    if left:
        session.exitstatus = pytest.ExitCode.TESTS_FAILED
    shutil.rmtree(place(), ignore_errors=True)  # a mount in it has been told above
