"""What our images are made of, told layer by layer.

    onggi/base      a shell and the usual small tools
                    a web client, certificates, time zones
    onggi/python    … both layers of onggi/base, and
                    the interpreter with its standard library
                    pip
    onggi/registry  … all of onggi/python, and
                    aiohttp, bcrypt and what they need
                    Onggi itself

A recipe reads the host and writes nothing. Its layers hold no date of the host: the same files
make the same image, on whichever day.
"""

from __future__ import annotations

import platform
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import chain
from pathlib import Path

from runtime.engine.bootstrap.busybox import busybox_entries, find_busybox, shows_unicode
from runtime.engine.bootstrap.host_programs import (
    SHELL_TOOLS,
    UNICODE_TOOLS,
    find_web_client,
    program_entries,
)
from runtime.engine.bootstrap.interpreter import (
    Interpreter,
    interpreter_entries,
    running_interpreter,
)
from runtime.engine.bootstrap.pip import pip_entries
from runtime.engine.bootstrap.registry import PORT, STORAGE, package_entries, runtime_entries
from runtime.engine.bootstrap.skeleton import skeleton_entries
from runtime.engine.bootstrap.tree import Tree
from runtime.engine.bootstrap.worldwide import (
    CERTIFICATES,
    certificate_entries,
    locale_entries,
    time_zone_entries,
)
from runtime.oci.image import RunConfig

BASE, PYTHON, REGISTRY = "onggi/base", "onggi/python", "onggi/registry"

ENVIRONMENT = (
    "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
    "LANG=C.UTF-8",
    # One place for every TLS library, wherever the host's build of it would look.
    f"SSL_CERT_FILE={CERTIFICATES}",
)


@dataclass(frozen=True, slots=True)
class LayerRecipe:
    """One layer: its files, a title for whoever waits, and where the files came from."""

    title: str
    created_by: str
    tree: Tree


@dataclass(frozen=True, slots=True)
class ImageRecipe:
    """One image: all its layers, the lowest first, and what it runs."""

    name: str
    layers: tuple[LayerRecipe, ...]
    config: RunConfig


def base_recipe(busybox: Path | None = None) -> ImageRecipe:
    """onggi/base around `busybox`; with None, around the host's own programs."""
    tools = _busybox_layer(busybox) if busybox else _host_tools_layer()
    better = UNICODE_TOOLS if busybox and not shows_unicode(busybox) else ()
    web = _web_layer(better, tools.tree)
    return ImageRecipe(BASE, (tools, web), RunConfig(env=ENVIRONMENT, cmd=("sh",)))


def python_recipe(base: ImageRecipe, python: Interpreter) -> ImageRecipe:
    """onggi/python: `python` and its pip on top of `base`."""
    below = [layer.tree for layer in base.layers]
    interpreter = LayerRecipe(
        title="onggi/python: interpreter and standard library",
        created_by=f"onggi bootstrap: Python {python.version}, which runs Onggi on this host, "
        "with its standard library and shared libraries",
        tree=Tree.of(interpreter_entries(python)).on_top_of(*below),
    )
    pip = LayerRecipe(
        title="onggi/python: pip",
        created_by=f"onggi bootstrap: pip of Python {python.version} on this host",
        tree=Tree.of(pip_entries(python)).on_top_of(*below, interpreter.tree),
    )
    return ImageRecipe(
        PYTHON, (*base.layers, interpreter, pip), RunConfig(env=ENVIRONMENT, cmd=("python3",))
    )


def registry_recipe(below: ImageRecipe, python: Interpreter) -> ImageRecipe:
    """onggi/registry: `onggi registry serve` on top of onggi/python. Words after the image's name
    are further flags of it.
    """
    trees = [layer.tree for layer in below.layers]
    packages = LayerRecipe(
        title="onggi/registry: web server and passwords",
        created_by="onggi bootstrap: aiohttp, bcrypt and what they need, as installed on this host",
        tree=Tree.of(package_entries(python)).on_top_of(*trees),
    )
    own = LayerRecipe(
        title="onggi/registry: Onggi itself",
        created_by="onggi bootstrap: Onggi's own modules",
        tree=Tree.of(runtime_entries(python)).on_top_of(*trees, packages.tree),
    )
    serve = ("onggi", "registry", "serve", "--addr", f"0.0.0.0:{PORT}", "--storage", STORAGE)
    config = RunConfig(
        env=ENVIRONMENT,
        entrypoint=serve,
        exposed_ports=(f"{PORT}/tcp",),
        volumes=(STORAGE,),
    )
    return ImageRecipe(REGISTRY, (*below.layers, packages, own), config)


def recipes(names: Iterable[str]) -> list[ImageRecipe]:
    """The recipes needed for `names`: each one's layers begin with those of the one before."""
    wanted = set(names)
    made = [base_recipe(find_busybox())]
    if wanted & {PYTHON, REGISTRY}:
        python = running_interpreter()
        made.append(python_recipe(made[0], python))
        if REGISTRY in wanted:
            made.append(registry_recipe(made[1], python))
    return made


def host_name() -> str:
    """The distribution that the files come from: `Debian GNU/Linux 12 (bookworm)`."""
    try:
        return platform.freedesktop_os_release()["PRETTY_NAME"]
    except (OSError, KeyError):
        return platform.system()


def _busybox_layer(busybox: Path) -> LayerRecipe:
    return LayerRecipe(
        title="onggi/base: shell and small tools",
        created_by=f"onggi bootstrap: {busybox} of this host, a link for each of its tools; "
        "folders and /etc written by Onggi",
        tree=Tree.of(chain(skeleton_entries(), busybox_entries(busybox), locale_entries())),
    )


def _host_tools_layer() -> LayerRecipe:
    entries = chain(skeleton_entries(), program_entries(SHELL_TOOLS), locale_entries())
    return LayerRecipe(
        title="onggi/base: shell and small tools",
        created_by="onggi bootstrap: this host's own shell and tools with their shared "
        "libraries; folders and /etc written by Onggi",
        tree=Tree.of(entries),
    )


def _web_layer(tools: tuple[str, ...], below: Tree) -> LayerRecipe:
    client = find_web_client()
    programs = (*tools, client) if client else tools
    entries = chain(program_entries(programs), certificate_entries(), time_zone_entries())
    return LayerRecipe(
        title="onggi/base: web client, certificates, time zones",
        created_by=f"onggi bootstrap: {', '.join(programs)} of this host with shared libraries; "
        "its public certificates and time zones",
        tree=Tree.of(entries).on_top_of(below),
    )
