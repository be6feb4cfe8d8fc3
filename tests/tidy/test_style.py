"""The house style, where a program can see it: docstrings, names, doors."""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator, Mapping
from pathlib import PurePath

from sources import Module, imports, modules, tracked

EMPTY_NAMES = {"utils", "util", "helpers", "helper", "common", "info", "misc"}
"""Names that say nothing about what is inside."""

DOORS: Mapping[str, frozenset[str]] = {
    "aiohttp": frozenset({"runtime.serving", "runtime.api.http", "runtime.registry.server.http"}),
    "cryptography": frozenset({"lessons_lib.certificates"}),
    "bcrypt": frozenset({"runtime.registry.server.passwords"}),
    "nbformat": frozenset({"lessons_lib.publish.notebook"}),
    "nbclient": frozenset({"lessons_lib.publish.execute"}),
    "IPython": frozenset(
        {
            "lessons_lib.build_live",
            "lessons_lib.checks",
            "lessons_lib.lesson",
            "lessons_lib.refusals",
            "lessons_lib.travel_live",
        }
    ),
    "pygments": frozenset({"lessons_lib.show"}),
    "urllib3": frozenset({"runtime.registry.transport"}),
    "dnslib": frozenset({"runtime.network.names"}),
    "pyroute2": frozenset({"runtime.network.links"}),
    "zstandard": frozenset({"runtime.layer.compression"}),
}
"""Each third-party package, and the modules that may import it."""

OURS = {"runtime", "lessons_lib"}


def test_what_is_public_has_a_docstring() -> None:
    missing = [
        f"{module.path}: {name}"
        for module in modules()
        for name, node in _public(module)
        if not ast.get_docstring(node)
    ]
    assert missing == []


def test_other_peoples_packages_come_in_by_their_door() -> None:
    """Say in DOORS that a module is one."""
    beside = [
        f"{module.path}:{line} imports {package}"
        for module in modules()
        for package, line in imports(module)
        if package not in OURS and package not in sys.stdlib_module_names
        if module.name not in DOORS.get(package, frozenset())
    ]
    assert beside == []


def test_every_door_is_used() -> None:
    used = {(package, module.name) for module in modules() for package, _ in imports(module)}
    doors = {(package, name) for package, names in DOORS.items() for name in names}
    assert doors - used == set()


def test_names_say_what_is_inside() -> None:
    assert [path for path in tracked() if PurePath(path).stem.lower() in EMPTY_NAMES] == []


def test_parts_of_the_engine_are_loaded_one_by_one() -> None:
    """Importing a package runs its __init__: only a door may have something in there."""
    full = {m.name for m in modules() if m.path.endswith("__init__.py") and m.tree.body}
    assert {name for name in full if name.count(".") < 2} <= {
        *("runtime.engine", "lessons_lib.publish", "lessons_lib.exercises")
    }


def _public(module: Module) -> Iterator[tuple[str, ast.Module | ast.FunctionDef | ast.ClassDef]]:
    """The module, its functions and classes. An empty `__init__.py` has nothing to say."""
    if module.tree.body:
        yield module.name, module.tree
    for node in module.tree.body:
        if isinstance(node, ast.FunctionDef | ast.ClassDef) and not node.name.startswith("_"):
            yield node.name, node
