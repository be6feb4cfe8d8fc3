"""onggi/registry: our own registry server, as an image of its own.

Below are onggi/python's layers. On top come the packages that the server imports, from where this
Python has them, and Onggi's own modules. So the image runs exactly the code that made it.

Rule: nothing of the host but these packages' files; not who installed them, nor from where.
PEP 376, PEP 503
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import partial
from importlib.metadata import Distribution, PackageNotFoundError, distribution
from pathlib import Path, PurePosixPath

import runtime
from runtime.engine.bootstrap.bytecode import module_entries
from runtime.engine.bootstrap.elf import read_loaded_part
from runtime.engine.bootstrap.interpreter import Interpreter, files_below
from runtime.engine.bootstrap.libraries import Loader, join
from runtime.engine.bootstrap.tree import Entry, File, Folder
from runtime.errors import HostLacks

STORAGE = "/var/lib/registry"
PORT = 5000
PACKAGES = ("aiohttp", "bcrypt")

_NOT_NEEDED = frozenset({".c", ".h", ".hash", ".pxd", ".pyc", ".pyi", ".pyx"})
_ABOUT_THIS_HOST = frozenset({"direct_url.json", "INSTALLER", "RECORD", "REQUESTED"})
_SCRIPT = """\
#!{python}
import sys
from runtime.cli.main import main

sys.exit(main())
"""


def package_entries(python: Interpreter) -> Iterator[Entry]:
    """PACKAGES and what they need in turn, with their shared libraries.

    Raises HostLacks when one is not installed.
    """
    native: list[Path] = []
    for package in _closure(PACKAGES):
        for file in package.files or ():
            if ".." in file.parts or _is_left_out(PurePosixPath(file)):
                continue
            source = Path(str(package.locate_file(file)))
            if source.suffix == ".so":
                native.append(source)
            yield from _module(python, PurePosixPath(file), source)
    if loader := Loader.of(python.executable):
        needs = map(loader.needs, [python.executable, *native])
        yield from loader.entries(join(needs))


def runtime_entries(python: Interpreter) -> Iterator[Entry]:
    """Onggi's own modules, its command, and the folder for the images."""
    home = Path(runtime.__path__[0])
    for source in files_below(home):
        yield from _module(python, PurePosixPath(source.relative_to(home.parent)), source)
    text = _SCRIPT.format(python=python.placed(python.executable)).encode()
    yield File(python.placed(python.scripts) / "onggi", text, 0o755)
    yield Folder(PurePosixPath(STORAGE), 0o700)


def _module(python: Interpreter, place: PurePosixPath, source: Path) -> Iterator[Entry]:
    target = python.placed(python.site_packages) / place
    if source.suffix == ".py":
        yield from module_entries(target, source, python.cache_tag)
    elif source.suffix == ".so":
        yield File(target, partial(read_loaded_part, source), 0o755)
    else:
        yield File(target, source)


def _is_left_out(file: PurePosixPath) -> bool:
    return (
        file.suffix in _NOT_NEEDED
        or file.name in _ABOUT_THIS_HOST
        or bool({"tests", "test", "__pycache__"} & set(file.parts))
    )


def _closure(names: tuple[str, ...]) -> list[Distribution]:
    """The packages called `names`, and what they need as long as it is installed: what another
    Python or system would need is not.
    """
    found: dict[str, Distribution] = {}
    waiting = list(names)
    while waiting:
        name = re.sub(r"[-_.]+", "-", waiting.pop()).lower()
        if name in found:
            continue
        try:
            found[name] = distribution(name)
        except PackageNotFoundError as cause:
            if name in names:
                raise _without(name) from cause
            continue
        needed = [each for each in found[name].requires or () if "extra ==" not in each]
        waiting += [re.split(r"[^\w.-]", each, maxsplit=1)[0] for each in needed]
    return [found[name] for name in sorted(found)]


def _without(name: str) -> HostLacks:
    return HostLacks(
        "the Python that runs Onggi has no package {name}",
        feature=name,
        evidence=f"importlib.metadata.distribution({name!r})",
        hint="install Onggi with its dependencies: pip install {name}",
        name=name,
    )
