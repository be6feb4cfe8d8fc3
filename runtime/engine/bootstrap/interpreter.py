"""The Python that runs Onggi, as files for an image.

Virtual environments, pyenv, conda and the distribution's own packages all lay Python out in
their way. So the interpreter itself is asked where its parts are. What belongs to the system
(prefix /usr) keeps its place, for a distribution's Python knows its folders by heart; anything
else moves to /usr/local, where it finds itself again: Python looks for `lib/python3.11` beside
the folder that it was started from.

    onggi/python    /usr/local/bin/python3.11     the interpreter, its debugging records taken off
                    /usr/local/lib/python3.11/    the standard library and its extension modules
                    /usr/lib/…/libssl.so.3        the shared libraries that base does not have

Rule: the standard library and nothing else. Not the site-packages, not a sitecustomize.py.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path, PurePosixPath

from runtime.engine.bootstrap.bytecode import module_entries
from runtime.engine.bootstrap.elf import read_loaded_part
from runtime.engine.bootstrap.libraries import Loader, Needs, join
from runtime.engine.bootstrap.tree import Entry, File, Link, merged

_QUESTION = """\
import json, os, sys, sysconfig
paths = sysconfig.get_paths()
print(json.dumps({
    "prefix": sys.prefix,
    "stdlib": paths["stdlib"],
    "extensions": next((p for p in sys.path if os.path.basename(p) == "lib-dynload"), ""),
    "site_packages": paths["purelib"],
    "scripts": paths["scripts"],
    "wheels": sysconfig.get_config_var("WHEEL_PKG_DIR") or "",
    "version": sys.version.split()[0],
    "cache_tag": sys.implementation.cache_tag,
    "modules": sorted(sys.stdlib_module_names),
}))
"""

_LOCAL = PurePosixPath("/usr/local")
_SYSTEM_PREFIX = Path("/usr")

_TOO_LARGE = frozenset(
    {"idlelib", "lib2to3", "test", "tkinter", "turtle", "turtledemo", "_tkinter"}
)
"""What only a desktop or Python's own developers need."""

_TEST_FOLDERS = frozenset({"__pycache__", "test", "tests"})
_NOT_FOR_LINUX = frozenset({".exe", ".bat", ".pyc"})
_BESIDE_MODULES = ("_sysconfigdata_", "_distutils_system_mod", "LICENSE")


@dataclass(frozen=True, slots=True)
class Interpreter:
    """A Python on this host: its program and where its parts are (host paths)."""

    executable: Path
    prefix: Path
    stdlib: Path
    extensions: Path | None
    site_packages: Path
    scripts: Path
    wheels: Path | None
    version: str
    cache_tag: str
    modules: frozenset[str]

    @property
    def name(self) -> str:
        """`python3.11`."""
        return "python" + ".".join(self.version.split(".")[:2])

    def placed(self, path: Path) -> PurePosixPath:
        """Where the image has what the host has at `path`."""
        if self.prefix != _SYSTEM_PREFIX and path.is_relative_to(self.prefix):
            return _LOCAL / path.relative_to(self.prefix)
        return merged(path)


def running_interpreter() -> Interpreter:
    """The Python that runs this code, asked without its virtual environment."""
    name = f"python{sys.version_info.major}.{sys.version_info.minor}"
    return describe_interpreter(Path(sys.base_exec_prefix, "bin", name))


def describe_interpreter(executable: Path) -> Interpreter:
    """What the Python at `executable` says of itself."""
    # -I -S: neither its environment variables nor anybody's site-packages have a say.
    answer = subprocess.run(
        [executable, "-I", "-S", "-c", _QUESTION], capture_output=True, text=True, check=True
    )
    told = json.loads(answer.stdout)
    return Interpreter(
        executable=executable,
        prefix=Path(told["prefix"]),
        stdlib=Path(told["stdlib"]),
        extensions=Path(told["extensions"]) if told["extensions"] else None,
        site_packages=Path(told["site_packages"]),
        scripts=Path(told["scripts"]),
        wheels=Path(told["wheels"]) if told["wheels"] else None,
        version=told["version"],
        cache_tag=told["cache_tag"],
        modules=frozenset(told["modules"]),
    )


def interpreter_entries(python: Interpreter) -> Iterator[Entry]:
    """The interpreter under its three names, its standard library, and what they load."""
    yield from _program_entries(python)
    for module in _standard_library(python):
        yield from _library_module(module, python)
    if loader := Loader.of(python.executable):
        yield from _extension_entries(python, loader)


def _program_entries(python: Interpreter) -> Iterator[Entry]:
    place = python.placed(python.executable)
    yield File(place, partial(read_loaded_part, python.executable), 0o755)
    yield Link(place.with_name("python3"), place.name)
    yield Link(place.with_name("python"), "python3")


def _standard_library(python: Interpreter) -> Iterator[Path]:
    """Every file of every module that Python itself calls a part of it."""
    for top in sorted(python.stdlib.iterdir()):
        name = top.name.partition(".")[0]
        listed = name in python.modules - _TOO_LARGE or name.startswith(_BESIDE_MODULES)
        if listed and top.is_file():
            yield top
        elif listed:
            yield from files_below(top)


def files_below(package: Path) -> Iterator[Path]:
    """A package's files, without tests, caches and what only Windows can run."""
    for place in sorted(package.iterdir()):
        if place.is_dir() and place.name not in _TEST_FOLDERS:
            yield from files_below(place)
        elif place.is_file() and place.suffix not in _NOT_FOR_LINUX:
            yield place


def _library_module(module: Path, python: Interpreter) -> Iterable[Entry]:
    place = python.placed(module)
    if module.suffix != ".py":
        return [File(place, module)]
    told = module.name.startswith("_sysconfigdata_")
    source = _relocated(module.read_bytes(), python) if told else module
    return module_entries(place, source, python.cache_tag)


def _relocated(text: bytes, python: Interpreter) -> bytes:
    """How Python was built, with the folders where it is now instead of where it was."""
    new_home = str(python.placed(python.prefix)).encode()
    return text.replace(str(python.prefix).encode(), new_home)


def _extension_entries(python: Interpreter, loader: Loader) -> Iterator[Entry]:
    """The extension modules that this host can load, and the shared libraries of everything."""
    needs = [loader.needs(python.executable)]
    for module in _extensions(python):
        needed = loader.needs(module)
        if not needed.missing:
            needs.append(needed)
            yield File(python.placed(module), partial(read_loaded_part, module), 0o755)
    yield from _library_entries(python, loader, join(needs))


def _extensions(python: Interpreter) -> list[Path]:
    if python.extensions is None or not python.extensions.is_dir():
        return []
    wanted = python.modules - _TOO_LARGE
    return [p for p in sorted(python.extensions.iterdir()) if p.name.partition(".")[0] in wanted]


def _library_entries(python: Interpreter, loader: Loader, needs: Needs) -> Iterator[Entry]:
    """The system's libraries lie beside the C library, Python's own ones move with it.

    Some builds look for their own ones by an absolute path that is gone now; so there is a
    link to them where the loader looks next.
    """
    own = {name: p for name, p in needs.found.items() if python.placed(p) != merged(p)}
    system = {name: p for name, p in needs.found.items() if name not in own}
    for name, path in own.items():
        place = python.placed(path)
        yield File(place, partial(read_loaded_part, path), 0o755)
        if name not in system:
            yield Link(loader.home(needs) / name, str(place))
    yield from loader.entries(Needs(system))
