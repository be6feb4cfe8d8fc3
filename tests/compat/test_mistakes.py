"""Sixty and more mistakes, typed at `onggi`: it ends as docker does, and says no less.

What docker says to each was recorded (tests/mistakes.py). Exit codes are the same, and whatever
docker's sentence repeats of the line's names and values, ours repeats, too. It may say more.
Each is made twice: with the engine of this host, and by --host at our server.
"""

from __future__ import annotations

import os
import shlex
from collections.abc import Iterator
from pathlib import Path

import leftovers
import pytest
from docker_host import serving
from mistakes import PREPARED, Mistake, read

from runtime.cli.main import main
from runtime.engine import Engine

pytestmark = pytest.mark.needs("containers")


@pytest.fixture(scope="module")
def prepared(base_state: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """What the mistakes are about is there; the address of a server."""
    folder = tmp_path_factory.mktemp("mistakes")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        patch.setenv("ONGGI_ROOT", str(base_state))
        patch.setenv("ONGGI_LANG", "en")
        patch.setenv("DOCKER_CONFIG", str(folder))
        patch.delenv("DOCKER_HOST", raising=False)
        patch.delenv("ONGGI_PULL", raising=False)
        for line in PREPARED:
            assert main(shlex.split(line)) == 0
        with serving(folder / "s", "--group", "root", env=dict(os.environ)) as server:
            yield server.host
        engine = Engine(base_state)
        for container in engine.containers.list(all=True):
            container.remove(force=True)
        engine.volumes.get("data").remove()
        engine.networks.get("home").remove()
        leftovers.end_launchers(base_state)


@pytest.mark.parametrize("where", ["here", "elsewhere"])
@pytest.mark.parametrize("mistake", read(), ids=lambda mistake: mistake.line)
def test_it_is_told_as_docker_tells_it(
    mistake: Mistake, where: str, prepared: str, capfd: pytest.CaptureFixture[str]
) -> None:
    first = ["--host", prepared] if where == "elsewhere" else []
    code = main([*first, *shlex.split(mistake.line)])
    said = "".join(capfd.readouterr())
    expected = mistake.code if mistake.ours is None else mistake.ours
    assert code == expected, (said, mistake.sentence)
    assert mistake.untold(said) == [], (said, mistake.sentence)
    assert said or code == 0
    assert "Traceback" not in said
