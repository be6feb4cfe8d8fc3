"""pip, so that `RUN pip install` works.

It comes from where this Python has it: installed beside Onggi, or else the wheel that Python
brings along for `ensurepip`. A wheel is a zip file of exactly what belongs in site-packages.

Rule: pip and its own record of itself; no other package, no configuration of the host.
PEP 427, PEP 376
"""

from __future__ import annotations

import zipfile
from collections.abc import Iterator
from importlib.metadata import Distribution, PackageNotFoundError, distribution
from pathlib import Path

from runtime.engine.bootstrap.bytecode import module_entries
from runtime.engine.bootstrap.interpreter import Interpreter, files_below
from runtime.engine.bootstrap.tree import Entry, File
from runtime.errors import HostLacks

_ABOUT_THIS_HOST = frozenset({"direct_url.json", "REQUESTED"})
"""What an installation notes about how it came there."""

_SCRIPT = """\
#!{python}
import sys
from pip._internal.cli.main import main

sys.exit(main())
"""


def pip_entries(python: Interpreter) -> Iterator[Entry]:
    """pip for `python`: the package, and the commands pip, pip3 and pip3.11.

    Raises HostLacks when this Python has no pip anywhere.
    """
    yield from _script_entries(python)
    yield from _wheels_for_ensurepip(python)
    if installed := _installed_pip():
        yield from _installed_entries(installed, python)
    else:
        yield from _wheel_entries(_bundled_wheel(python), python)


def _script_entries(python: Interpreter) -> Iterator[Entry]:
    text = _SCRIPT.format(python=python.placed(python.executable)).encode()
    for name in ("pip", "pip3", python.name.replace("python", "pip")):
        yield File(python.placed(python.scripts) / name, text, 0o755)


def _installed_pip() -> Distribution | None:
    try:
        return distribution("pip")
    except PackageNotFoundError:
        return None


def _installed_entries(pip: Distribution, python: Interpreter) -> Iterator[Entry]:
    place = python.placed(python.site_packages)
    site_packages = Path(str(pip.locate_file("")))
    record = site_packages / f"pip-{pip.version}.dist-info"
    for file in (*files_below(site_packages / "pip"), *files_below(record)):
        target = place / file.relative_to(site_packages)
        if file.suffix == ".py":
            yield from module_entries(target, file, python.cache_tag)
        elif file.name not in _ABOUT_THIS_HOST:
            yield File(target, file)


def _bundled_wheel(python: Interpreter) -> Path:
    folders = [python.stdlib / "ensurepip" / "_bundled", python.wheels]
    for folder in filter(None, folders):
        if wheels := sorted(folder.glob("pip-*.whl")):
            return wheels[-1]
    raise HostLacks(
        "the Python that runs Onggi has no pip",
        feature="pip",
        evidence=f"{python.executable} -m ensurepip",
        hint="install python3-venv, or pip into Onggi's environment",
    )


def _wheel_entries(wheel: Path, python: Interpreter) -> Iterator[Entry]:
    place = python.placed(python.site_packages)
    with zipfile.ZipFile(wheel) as archive:
        for name in archive.namelist():
            if name.endswith(".py"):
                yield from module_entries(place / name, archive.read(name), python.cache_tag)
            elif not name.endswith((".exe", "/")):
                yield File(place / name, archive.read(name))


def _wheels_for_ensurepip(python: Interpreter) -> Iterator[Entry]:
    """Debian keeps them outside of ensurepip; without them `python3 -m venv` fails."""
    if python.wheels:
        for wheel in sorted(python.wheels.glob("*.whl")):
            yield File(python.placed(wheel), wheel)
