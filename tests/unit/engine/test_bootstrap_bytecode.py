"""Bytecode caches: believed in an image, the same bytes in every process."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path, PurePosixPath

from runtime.engine.bootstrap.bytecode import compile_module, module_entries
from runtime.engine.bootstrap.tree import Tree, write_tree

MODULE = b'"""A module."""\nimport sys\nGREETING = "hello", "hello"\ndef hi(): return GREETING\n'
PLACE = PurePosixPath("/usr/lib/python/hello.py")
TAG = str(sys.implementation.cache_tag)


def imported(folder: Path) -> tuple[str, str]:
    """What the module `hello` of this folder says, and what Python says of its files."""
    script = f"import sys; sys.path[:0] = [{str(folder)!r}]; import hello; print(hello.hi())"
    answer = subprocess.run(
        [sys.executable, "-I", "-S", "-v", "-c", script], capture_output=True, text=True, check=True
    )
    lines = [line for line in answer.stderr.splitlines() if str(folder) in line]
    return answer.stdout.strip(), "\n".join(lines)


def written(tmp_path: Path) -> Path:
    write_tree(Tree.of(module_entries(PLACE, MODULE, TAG)), tmp_path, epoch=1_000_000_000)
    return tmp_path / PLACE.parent.relative_to("/")


def test_python_believes_the_cache_whatever_the_time_stamps_are(tmp_path: Path) -> None:
    folder = written(tmp_path)
    (folder / "hello.py").touch()
    greeting, said = imported(folder)
    assert greeting == "('hello', 'hello')"
    assert f"hello.{TAG}.pyc matches" in said
    assert "# wrote" not in said


def test_it_does_not_believe_it_for_another_source(tmp_path: Path) -> None:
    folder = written(tmp_path)
    (folder / "hello.py").write_bytes(MODULE.replace(b"hello", b"world"))
    greeting, said = imported(folder)
    assert greeting == "('world', 'world')"
    assert "pyc matches" not in said


def test_another_process_writes_the_same_bytes() -> None:
    script = (
        "import sys\n"
        "keep = [sys.intern('hello'), sys.intern('GREETING'), sys.intern('A module.')]\n"
        "from pathlib import PurePosixPath\n"
        "from runtime.engine.bootstrap.bytecode import compile_module\n"
        f"sys.stdout.buffer.write(compile_module(PurePosixPath({str(PLACE)!r}), {MODULE!r}))\n"
    )
    there = subprocess.run([sys.executable, "-O", "-c", script], capture_output=True, check=True)
    assert there.stdout == compile_module(PLACE, MODULE)


def test_a_module_that_does_not_compile_has_an_empty_cache_which_python_passes_over(
    tmp_path: Path,
) -> None:
    assert compile_module(PLACE, b"def (:\n") == b""
    folder = written(tmp_path)
    next((folder / "__pycache__").iterdir()).write_bytes(b"")
    assert imported(folder)[0] == "('hello', 'hello')"


def test_the_cache_names_the_place_in_the_image_and_no_other() -> None:
    assert str(PLACE).encode() in compile_module(PLACE, MODULE)
