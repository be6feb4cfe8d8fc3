"""ELF, as much of it as is needed to copy a program: its header and its program headers.

The program headers are what the kernel and the dynamic loader read. Two of them matter here:

    INTERP    the path of the loader that must start this program; a static program has none
    LOAD      a range of the file that is mapped into memory

Everything behind the last of these ranges is for linkers and debuggers.

Rule: this file looks at bytes; it runs nothing and opens nothing but the file it is given.
man 5 elf
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from pathlib import Path

_MAGIC = b"\x7fELF"
_LOAD, _INTERP = 1, 3

# After e_ident: type machine version entry phoff shoff flags ehsize phentsize phnum shentsize …
_HEADER = {1: "HHIIIIIHHHHHH", 2: "HHIQQQIHHHHHH"}
# Of a program header: its type, its offset in the file, its size in the file.
_SEGMENT = {1: ("IIIII", (0, 1, 4)), 2: ("IIQQQQ", (0, 2, 5))}
_SECTION_FIELDS = {1: ((32, 4), (48, 4)), 2: ((40, 8), (60, 4))}
"""(offset, size) of e_shoff, and of e_shnum with e_shstrndx behind it, per ELF class."""


@dataclass(frozen=True, slots=True)
class Elf:
    """What a file's program headers say. `loaded_bytes`: how much of its start is ever used."""

    interpreter: Path | None
    loaded_bytes: int
    bits: int

    @property
    def is_static(self) -> bool:
        """Whether the kernel alone can start it. (True for a shared library too.)"""
        return self.interpreter is None


def parse_elf(content: bytes) -> Elf | None:
    """What the program headers of `content` say; None if it is no (whole) ELF file."""
    try:
        return _parse(content) if content.startswith(_MAGIC) else None
    except (struct.error, KeyError, IndexError):
        return None


def read_elf(path: Path) -> Elf | None:
    """`parse_elf` of a file; None also when it cannot be read."""
    try:
        return parse_elf(path.read_bytes())
    except OSError:
        return None


def read_loaded_part(path: Path) -> bytes:
    """`loaded_part` of a file. Raises OSError."""
    return loaded_part(path.read_bytes())


def loaded_part(content: bytes) -> bytes:
    """An ELF file without what is only for linkers and debuggers; anything else unchanged.

    This is `strip`, the thorough kind: an interpreter that was built on this machine often
    carries three times its own size in debugging records.
    """
    elf = parse_elf(content)
    if elf is None:
        return content
    kept = bytearray(content[: elf.loaded_bytes])
    # The section headers are gone, so the header must not point at them any more.
    for offset, size in _SECTION_FIELDS[elf.bits // 32]:
        kept[offset : offset + size] = bytes(size)
    return bytes(kept)


def _parse(content: bytes) -> Elf:
    word, order = content[4], "<" if content[5] == 1 else ">"
    header = struct.unpack_from(order + _HEADER[word], content, 16)
    start, each, count = header[4], header[8], header[9]
    shape, wanted = _SEGMENT[word]
    interpreter, end = None, start + each * count
    for index in range(count):
        fields = struct.unpack_from(order + shape, content, start + each * index)
        kind, offset, size = (fields[position] for position in wanted)
        if kind == _INTERP:
            interpreter = Path(content[offset : offset + size].rstrip(b"\0").decode())
        if kind == _LOAD:
            end = max(end, offset + size)
    return Elf(interpreter, end, bits=32 * word)
