"""Shared libraries: what loaders answer, and where libraries go in an image."""

from __future__ import annotations

from pathlib import Path, PurePosixPath

import pytest

from runtime.engine.bootstrap.elf import read_elf
from runtime.engine.bootstrap.libraries import Loader, Needs, join
from runtime.engine.bootstrap.tree import File

GLIBC = """\
\tlinux-vdso.so.1 (0x00007fb4d95b4000)
\tlibz.so.1 => /lib/x86_64-linux-gnu/libz.so.1 (0x00007fb4d93e4000)
\tlibgone.so.2 => not found
\tlibc.so.6 => /lib/x86_64-linux-gnu/libc.so.6 (0x00007fb4d8e1e000)
\t/lib64/ld-linux-x86-64.so.2 (0x00007fb4d95b6000)
"""

MUSL = """\
\t/lib/ld-musl-x86_64.so.1 (0x7f8c3d0c0000)
\tlibz.so.1 => /usr/lib/libz.so.1 (0x7f8c3d0a0000)
\tlibc.musl-x86_64.so.1 => /lib/ld-musl-x86_64.so.1 (0x7f8c3d0c0000)
"""
MUSL_ERRORS = """\
Error loading shared library libgone.so.2: No such file or directory (needed by x.so)
Error relocating x.so: PyList_New: symbol not found
"""


def speaking(tmp_path: Path, out: str, errors: str = "", code: int = 0) -> Loader:
    """A loader that was recorded on another host."""
    program = tmp_path / "ld.so"
    program.write_text(f"#!/bin/sh\ncat <<'E'\n{out}E\ncat >&2 <<'E'\n{errors}E\nexit {code}\n")
    program.chmod(0o755)
    return Loader(program)


def test_glibc_is_understood(tmp_path: Path) -> None:
    needs = speaking(tmp_path, GLIBC).needs(Path("x"))
    assert needs.found == {
        "libz.so.1": Path("/lib/x86_64-linux-gnu/libz.so.1"),
        "libc.so.6": Path("/lib/x86_64-linux-gnu/libc.so.6"),
    }
    assert needs.missing == ("libgone.so.2",)


def test_musl_is_understood_though_it_complains(tmp_path: Path) -> None:
    needs = speaking(tmp_path, MUSL, MUSL_ERRORS, 127).needs(Path("x"))
    assert set(needs.found) == {"libz.so.1", "libc.musl-x86_64.so.1"}
    assert needs.missing == ("libgone.so.2",)


def test_libraries_lie_beside_the_c_library() -> None:
    loader = Loader(Path("/lib64/ld-linux-x86-64.so.2"))
    needs = Needs({"libx.so": Path("/opt/x/libx.so"), "libc.so.6": Path("/lib/there/libc.so.6")})
    placed = {entry.path for entry in loader.entries(needs)}
    assert placed >= {
        PurePosixPath("/usr/lib/there/libx.so"),
        PurePosixPath("/usr/lib/there/libc.so.6"),
        PurePosixPath("/usr/lib64/ld-linux-x86-64.so.2"),
    }


def test_musl_is_not_copied_twice() -> None:
    loader = Loader(Path("/lib/ld-musl-x86_64.so.1"))
    needs = Needs({"libc.musl-x86_64.so.1": Path("/lib/ld-musl-x86_64.so.1")})
    placed = {str(entry.path) for entry in loader.entries(needs)}
    assert "/usr/lib/ld-musl-x86_64.so.1" in placed
    assert "/usr/lib/libc.musl-x86_64.so.1" not in placed


def test_the_real_loader_finds_every_library_of_the_real_shell() -> None:
    shell = Path("/bin/sh").resolve()
    loader = Loader.of(shell)
    if loader is None:
        elf = read_elf(shell)
        assert elf is not None
        assert elf.is_static
        return
    needs = loader.needs(shell)
    assert needs.missing == ()
    sources = [e.source for e in loader.entries(needs) if isinstance(e, File)]
    assert loader.path in sources
    assert all(isinstance(source, Path) and source.is_file() for source in sources)


def test_of_the_environment_the_loader_gets_only_the_library_path(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LD_PRELOAD", "/preloaded.so")
    monkeypatch.setenv("LD_LIBRARY_PATH", "/libraries")
    loader = Loader(tmp_path / "ld.so")
    loader.path.write_text(
        "#!/bin/sh\nprintf 'x => %s (0x1)\\ny => %s (0x1)\\n' $LD_LIBRARY_PATH $LD_PRELOAD\n"
    )
    loader.path.chmod(0o755)
    assert loader.needs(Path("x")).found == {"x": Path("/libraries")}


def test_needs_are_joined() -> None:
    joined = join([Needs({"a": Path("/a")}, ("x",)), Needs({"b": Path("/b")}, ("x", "w"))])
    assert joined == Needs({"a": Path("/a"), "b": Path("/b")}, ("w", "x"))
