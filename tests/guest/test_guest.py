"""A host with the other version of the control groups, as a machine: each check of `checks.py` is a
test. On a host with both versions the controllers are version 1's, so the machine has version 2.

It runs when the first of these tests is run.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest
from conftest import place
from guest import checks, initramfs, machine
from guest.kernel import fetch
from guest.machine import Report, versions

pytestmark = pytest.mark.needs("containers", "qemu", "kernel package")


@pytest.fixture(scope="module")
def reports() -> Iterator[Mapping[str, Report]]:
    """What the machine has told, by version."""
    from runtime.engine import Engine

    kernel = fetch()
    with tempfile.TemporaryDirectory(dir=place()) as name:
        folder = Path(name)
        engine = Engine(folder / "state")
        engine.images.bootstrap(names=("onggi/base",))
        engine.containers.lifecycle.records.database.close()
        (folder / "state" / "reserve").unlink(missing_ok=True)
        archive = folder / "initramfs"
        initramfs.write(kernel, folder / "state", archive)
        running = {
            version: machine.begin(version, kernel, archive, folder) for version in versions()
        }
        yield {version: machine.finish(version, each, folder) for version, each in running.items()}


@pytest.mark.timeout(900)
@pytest.mark.parametrize("version", versions())
def test_the_machine_has_run_every_check(reports: Mapping[str, Report], version: str) -> None:
    report = reports[version]
    assert report.done, report.said[-4000:]
    assert list(report.errors) == list(checks.all_checks())


@pytest.mark.timeout(900)
@pytest.mark.parametrize("version", versions())
@pytest.mark.parametrize("check", checks.all_checks())
def test_on_a_pure_host(reports: Mapping[str, Report], version: str, check: str) -> None:
    error = reports[version].errors.get(check)
    if error is None:
        pytest.fail("the machine ended before this check", pytrace=False)
    if error:
        pytest.fail(error, pytrace=False)
