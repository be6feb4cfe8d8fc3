"""What is in the repository: the files that git knows, and Python modules as syntax trees."""

from __future__ import annotations

import ast
import functools
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

HOME = Path(__file__).resolve().parents[1]


@dataclass(frozen=True, slots=True)
class Module:
    """A Python file of ours: its dotted name, where it is, and what it says."""

    name: str
    path: str
    tree: ast.Module


@functools.cache
def tracked() -> tuple[str, ...]:
    """All files that git knows or would add, by their path from the top, as they are now."""
    listing = subprocess.run(
        # The checkout may belong to somebody else than root, who runs the tests of the kernel.
        ["git", "-c", "safe.directory=*", "ls-files", "-z", "-c", "-o", "--exclude-standard"],
        cwd=HOME,
        check=True,
        capture_output=True,
        text=True,
    )
    return tuple(sorted(name for name in listing.stdout.split("\0") if (HOME / name).is_file()))


@functools.cache
def modules() -> tuple[Module, ...]:
    """Every module of `runtime/` and `lessons_lib/`."""
    paths = [path for path in tracked() if path.startswith(("runtime/", "lessons_lib/"))]
    return tuple(_module(path) for path in paths if path.endswith(".py"))


def _module(path: str) -> Module:
    name = path.removesuffix(".py").removesuffix("/__init__").replace("/", ".")
    return Module(name, path, ast.parse((HOME / path).read_text("utf-8"), path))


@functools.cache
def imports(module: Module) -> tuple[tuple[str, int], ...]:
    """The first part of each absolute import's name, with its line."""
    return tuple(_imports(module))


def _imports(module: Module) -> Iterator[tuple[str, int]]:
    for node in ast.walk(module.tree):
        if isinstance(node, ast.Import):
            yield from ((alias.name.split(".")[0], node.lineno) for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            yield node.module.split(".")[0], node.lineno
