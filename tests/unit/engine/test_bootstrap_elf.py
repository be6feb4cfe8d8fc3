"""ELF files: the loader a program asks for, and the part of a file that is ever loaded."""

from __future__ import annotations

import shutil
import struct
import subprocess
import sys
import sysconfig
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runtime.engine.bootstrap.elf import loaded_part, parse_elf, read_elf

SHELL = Path("/bin/sh").resolve()
HEADER = {32: "HHIIIIIHHHHHH", 64: "HHIQQQIHHHHHH"}
NO_ELF = [b"", b"#!/bin/sh\n", b"\x7fELF", b"\x7fELF\x02\x01" + bytes(9)]


def tiny_elf(bits: int, order: str, interpreter: bytes) -> bytes:
    """An executable of two segments, with debugging records of 500 bytes at its end."""
    wide = bits == 64
    identity = b"\x7fELF" + bytes([2 if wide else 1, 1 if order == "<" else 2, 1]) + bytes(9)
    size, each = (64, 56) if wide else (52, 32)
    name_at = size + 2 * each
    loaded = name_at + len(interpreter)
    header = struct.pack(
        order + HEADER[bits], 2, 62, 1, 0, size, loaded + 100, 0, size, each, 2, 64, 7, 6
    )
    if wide:
        interp = struct.pack(order + "IIQQQQQQ", 3, 4, name_at, 0, 0, len(interpreter), 0, 1)
        load = struct.pack(order + "IIQQQQQQ", 1, 5, 0, 0, 0, loaded, loaded, 4096)
    else:
        interp = struct.pack(order + "IIIIIIII", 3, name_at, 0, 0, len(interpreter), 0, 4, 1)
        load = struct.pack(order + "IIIIIIII", 1, 0, 0, 0, loaded, loaded, 5, 4096)
    return identity + header + interp + load + interpreter + b"D" * 500


@pytest.mark.parametrize("bits", [32, 64])
@pytest.mark.parametrize("order", ["<", ">"])
def test_every_class_and_byte_order_is_read(bits: int, order: str) -> None:
    content = tiny_elf(bits, order, b"/lib/ld.so.1\0")
    elf = parse_elf(content)
    assert elf is not None
    assert elf.interpreter == Path("/lib/ld.so.1")
    assert (elf.bits, elf.loaded_bytes, elf.is_static) == (bits, len(content) - 500, False)


@pytest.mark.parametrize("bits", [32, 64])
@pytest.mark.parametrize("order", ["<", ">"])
def test_what_is_only_for_debuggers_is_cut_off_and_no_longer_pointed_at(
    bits: int, order: str
) -> None:
    content = tiny_elf(bits, order, b"/lib/ld.so.1\0")
    kept = loaded_part(content)
    assert len(kept) == len(content) - 500
    assert parse_elf(kept) == parse_elf(content)
    fields = struct.unpack_from(
        order + ("HHIQQQIHHHHHH" if bits == 64 else "HHIIIIIHHHHHH"), kept, 16
    )
    offset, count, names = fields[5], fields[11], fields[12]
    assert (offset, count, names) == (0, 0, 0)
    assert fields[10] == 64, "the size of a section header may stay"


def test_the_shell_of_this_host_names_a_loader_that_is_there() -> None:
    elf = read_elf(SHELL)
    assert elf is not None
    assert elf.is_static or (elf.interpreter and elf.interpreter.exists())


@pytest.mark.needs("busybox")
def test_a_static_busybox_names_none() -> None:
    busybox = read_elf(Path(shutil.which("busybox") or ""))
    assert busybox is not None
    assert busybox.is_static


@pytest.mark.parametrize(
    "content", [b"", b"#!/bin/sh\n", b"\x7fELF", b"\x7fELF\x02\x01" + bytes(9)]
)
def test_what_is_no_elf_file_is_none_and_stays_whole(content: bytes) -> None:
    assert parse_elf(content) is None
    assert loaded_part(content) == content


def test_a_file_that_cannot_be_read_is_none(tmp_path: Path) -> None:
    assert read_elf(tmp_path) is None
    assert read_elf(tmp_path / "absent") is None


@given(st.binary(max_size=300))
def test_no_bytes_behind_the_magic_make_it_fail(tail: bytes) -> None:
    parse_elf(b"\x7fELF" + tail)
    loaded_part(b"\x7fELF" + tail)


def test_the_running_interpreter_still_runs_without_its_debugging_records(tmp_path: Path) -> None:
    program = tmp_path / "python"
    program.write_bytes(loaded_part(Path(sys.executable).resolve().read_bytes()))
    program.chmod(0o755)
    for library in Path(sysconfig.get_config_var("LIBDIR")).glob("libpython3*.so*"):
        (tmp_path / library.name).write_bytes(loaded_part(library.read_bytes()))
    answer = subprocess.run(
        [program, "-S", "-c", "print(6 * 7)"],
        env={"PYTHONHOME": sys.base_prefix, "LD_LIBRARY_PATH": str(tmp_path)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (answer.stdout, answer.stderr) == ("42\n", "")
