"""Python's bytecode caches, made to travel.

Python keeps what it has compiled in `__pycache__/name.cpython-311.pyc`, and believes such a file
if it records the source's time stamp. Without these files pip starts three times slower, and the
first command in a container writes them, so that a layer holds files which nobody put there. With
time stamps they would be of no use, for in a layer those are no content. So each one
records a hash of its source (PEP 552):

    magic number │ flags │ hash of the source │ code

The host's own caches are not copied: they name folders of this host, and differ by chance.
"""

from __future__ import annotations

import marshal
from collections.abc import Iterator
from functools import partial
from importlib.util import MAGIC_NUMBER, source_hash
from pathlib import Path, PurePosixPath

from runtime.engine.bootstrap.tree import Entry, File

_CHECKED_HASH = (0b11).to_bytes(4, "little")

_WITHOUT_REFERENCES = 2
"""The marshal version before references between equal objects came: which ones are shared
depends on what else the compiling process holds, and would change the bytes from run to run."""


def module_entries(place: PurePosixPath, source: Path | bytes, cache_tag: str) -> Iterator[Entry]:
    """A Python module at `place`, and its bytecode for the interpreter named `cache_tag`
    (`cpython-311`), which must be the one that runs this code.
    """
    yield File(place, source)
    cache = place.parent / "__pycache__" / f"{place.stem}.{cache_tag}.pyc"
    yield File(cache, partial(_compile, place, source))


def _compile(place: PurePosixPath, source: Path | bytes) -> bytes:
    return compile_module(place, source.read_bytes() if isinstance(source, Path) else source)


def compile_module(place: PurePosixPath, text: bytes) -> bytes:
    """The cache file of the module `text` at `place`: the same bytes in every process.

    Empty for a text that does not compile: Python passes over an empty cache file.
    """
    try:
        code = compile(text, str(place), "exec", dont_inherit=True, optimize=0)
    except (SyntaxError, ValueError):
        return b""
    body = marshal.dumps(code, _WITHOUT_REFERENCES)
    return MAGIC_NUMBER + _CHECKED_HASH + source_hash(text) + body
