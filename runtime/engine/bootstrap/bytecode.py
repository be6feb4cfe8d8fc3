"""Python's bytecode caches, made fit to travel.

Python keeps what it compiled in `__pycache__/name.cpython-311.pyc`, and believes such a file when
it records the time stamp of the source. In a layer time stamps are no content, so nothing would
be believed, and every container would compile every module anew: `pip` would start three times
slower. The same cache may record a hash of the source instead (PEP 552). So the host's
code is kept, and only the 16 bytes before it are written anew.

    magic number │ flags │ time stamp and size of the source   as the host has it
    magic number │ flags │ hash of the source                  as an image has it
"""

from __future__ import annotations

from collections.abc import Iterator
from importlib.util import MAGIC_NUMBER, source_hash
from pathlib import Path, PurePosixPath

from runtime.engine.bootstrap.tree import Entry, File

_HEADER_BYTES = 16
_HASHED, _CHECKED = 0b01, 0b10


def module_entries(source: Path, place: PurePosixPath, cache_tag: str) -> Iterator[Entry]:
    """A module at `place`, with the host's bytecode for it where that is up to date.

    `cache_tag` names the interpreter (`cpython-311`): caches of other ones are passed over.
    """
    yield File(place, source)
    cache = source.parent / "__pycache__" / f"{source.stem}.{cache_tag}.pyc"
    try:
        code = hashed_bytecode(cache.read_bytes(), source.read_bytes(), source.stat().st_mtime)
    except OSError:
        return
    if code is not None:
        yield File(place.parent / "__pycache__" / cache.name, code)


def hashed_bytecode(cache: bytes, source: bytes, source_mtime: float) -> bytes | None:
    """`cache` as one that is checked by the source's content, not by its time stamp.

    None if it is not for this very source, or for another version of Python: copying it
    would run something else than the source says.
    """
    magic, flags, recorded = cache[:4], int.from_bytes(cache[4:8], "little"), cache[8:16]
    digest = source_hash(source)
    stamp = _four_bytes(int(source_mtime)) + _four_bytes(len(source))
    expected = digest if flags & _HASHED else stamp
    if magic != MAGIC_NUMBER or recorded != expected:
        return None
    return magic + _four_bytes(_HASHED | _CHECKED) + digest + cache[_HEADER_BYTES:]


def _four_bytes(number: int) -> bytes:
    return (number & 0xFFFF_FFFF).to_bytes(4, "little")
