"""`onggi build` as people type it: contexts on standard input, -f, and what it says."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tarfile
from pathlib import Path

import pytest

from runtime.engine import Engine


def onggi(*words: str | Path, stdin: bytes = b"", cwd: Path | None = None) -> tuple[int, str]:
    """Exit code, and standard output and error together."""
    done = subprocess.run(
        [sys.executable, "-m", "runtime.cli.main", *words],
        input=stdin,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        cwd=cwd,
        env={**os.environ, "ONGGI_LANG": "en", "PYTHONPATH": str(Path(__file__).parents[2])},
        check=False,
    )
    return done.returncode, done.stdout.decode()


@pytest.fixture
def context(tmp_path: Path) -> Path:
    folder = tmp_path / "context"
    (folder / "sub").mkdir(parents=True)
    (folder / "a").write_text("a")
    (folder / "Dockerfile").write_text("FROM scratch\nCOPY a /\nARG who\nLABEL who=$who\n")
    (folder / "sub" / "Other").write_text("FROM scratch AS other\nLABEL who=other\n")
    return folder


def label(engine: Engine, name: str) -> str:
    return str(engine.images.get(name).labels["who"])


def test_contexts_and_dockerfiles(engine: Engine, context: Path) -> None:
    with tarfile.open(context.parent / "c.tgz", "w:gz") as tar:
        tar.add(context, ".")
    packed = (context.parent / "c.tgz").read_bytes()
    alone = b"FROM scratch\nLABEL who=stdin\n"
    for words, stdin, who in (
        (("--build-arg", "who=me", "-t", "t/a", context), b"", "me"),
        (("-f", "sub/Other", "-t", "t/a", "."), b"", "other"),
        (("-t", "t/a", "-"), packed, ""),
        (("-f", "sub/Other", "-t", "t/a", "-"), packed, "other"),
        (("-t", "t/a", context.parent / "c.tgz"), b"", ""),
        (("-t", "t/a", "-"), alone, "stdin"),
        (("-f", "-", "-t", "t/a", context), alone, "stdin"),
    ):
        code, said = onggi("build", *words, stdin=stdin, cwd=context)
        assert (code, label(engine, "t/a")) == (0, who), said
    assert onggi("build", "-f", "-", "-")[0] != 0


def test_what_it_says(engine: Engine, context: Path, tmp_path: Path) -> None:
    file = tmp_path / "id"
    code, said = onggi("build", "-q", "--iidfile", file, "-t", "t/a", context)
    assert (code, said.strip()) == (0, engine.images.get("t/a").id)
    assert file.read_text() == engine.images.get("t/a").id
    code, said = onggi("build", "--progress", "rawjson", context)
    names = [json.loads(line)["event"] for line in said.splitlines()[:-1]]
    assert (names[0], names.count("StepCached"), names[-1]) == ("StepStarted", 1, "StepDone")
    code, said = onggi("build", "--progress=tty", "--no-cache", "--build-arg", "x=1", context)
    assert "=> [2/4] COPY a /" in said
    assert "without an ARG: x" in said
    assert onggi("build", "--progress=loud", context)[0] != 0
    assert onggi("build", "--platform=linux/riscv64", context)[0] != 0
    code, said = onggi("build", "--no-cache-filter=0", "--progress=plain", context)
    assert "Using cache" not in said
    (context / "Dockerfile").write_text(
        "FROM onggi/base\nRUN --mount=type=cache,id=pip,target=/c echo x > /c/x\n"
    )
    assert onggi("build", "-t", "t/a", context)[0] == 0
    code, said = onggi("system", "df", "-v")
    assert code == 0
    assert [line.split()[0] for line in said.splitlines() if "t/a" in line] == ["t/a"]
    assert "exec.cachemount" in said
    assert onggi("builder", "prune", "-af")[0] == 0
    assert "cachemount" not in onggi("system", "df", "-v")[1]
