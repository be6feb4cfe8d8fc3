"""Between a person and the engine, on real containers: docker's documents, lists and flags."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest
import witness

from runtime.engine import Engine
from runtime.errors import ContainerFailed

pytestmark = pytest.mark.needs("containers")

ONGGI = (sys.executable, "-m", "runtime.cli.main")


docker_api = witness.docker_api()


@pytest.fixture(autouse=True)
def english(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ONGGI_LANG", "en")


def onggi(*line: str, stdin: str | None = None) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*ONGGI, *line], input=stdin, capture_output=True, text=True, timeout=60, check=False
    )


def out(*line: str) -> str:
    done = onggi(*line)
    assert (done.returncode, done.stderr) == (0, "")
    return done.stdout


def test_inspect_has_docker_s_whole_shape(engine: Engine) -> None:
    created = engine.containers.create("onggi/base", ["sleep", "60"], name="one")
    running = engine.containers.run(
        "onggi/base",
        ["sleep", "60"],
        name="two",
        detach=True,
        stop_timeout=3,
        stop_signal="SIGINT",
        mem_limit="64m",
        labels={"a": "b"},
        environment={"A": 1},
    )
    for container in (created, running):
        document = json.loads(json.dumps(container.attrs))
        docker_api.check("ContainerInspect", document)
        for name, definition in (
            ("HostConfig", "HostConfig"),
            ("Config", "ContainerConfig"),
            ("State", "ContainerState"),
            ("NetworkSettings", "NetworkSettings"),
        ):
            missing = set(docker_api.members(definition)) - set(document[name])
            assert missing <= docker_api.LEFT_OUT.get(name, set())
    assert (
        document["Config"]
        | {
            "StopSignal": "SIGINT",
            "StopTimeout": 3,
            "Labels": {"a": "b"},
            "Cmd": ["sleep", "60"],
        }
        == document["Config"]
    )
    assert "A=1" in document["Config"]["Env"]
    assert document["HostConfig"]["Memory"] == 64 << 20
    assert document["HostConfig"]["MemorySwap"] == 128 << 20
    assert document["NetworkSettings"]["SandboxKey"] == f"/proc/{running.pid}/ns/net"
    assert set(document) == set(docker_api.members("ContainerInspect")) - {
        "SizeRw",
        "SizeRootFs",
    }
    sized = json.loads(out("inspect", "-s", "two"))[0]
    assert sized["SizeRootFs"] - sized["SizeRw"] == running.image.size


def test_templates_may_ask_for_what_docker_leaves_out(engine: Engine) -> None:
    engine.containers.create("onggi/base", ["true"], name="one")
    form = "{{with .State.Health}}{{.Status}}{{else}}none{{end}} {{if .HostConfig.Init}}init{{end}}"
    assert out("inspect", "-f", form, "one") == "none \n"
    assert "Health" not in out("inspect", "-f", "{{json .State}}", "one")
    assert onggi("inspect", "-f", "{{.State.Helth}}", "one").returncode == 1


def test_an_image_has_docker_s_whole_shape(engine: Engine) -> None:
    image = engine.images.get("onggi/base")
    document = json.loads(out("image", "inspect", "onggi/base"))[0]
    docker_api.check("ImageInspect", document)
    missing = set(docker_api.members("ImageInspect")) - set(document)
    assert missing <= {"Variant", "OsVersion"}
    docker_api.check("ImageHistory", image.history())


def test_a_failure_says_what_docker_s_sdk_says(engine: Engine) -> None:
    command = ["sh", "-c", "echo bad >&2; exit 3"]
    with pytest.raises(ContainerFailed) as caught:
        engine.containers.run("onggi/base", command, name="bad")
    refusal = caught.value
    assert (refusal.exit_status, refusal.command, refusal.image) == (
        3,
        tuple(command),
        "onggi/base",
    )
    assert (refusal.container, refusal.stderr) == (engine.containers.get("bad"), b"bad\n")


def test_what_docker_s_api_answers(engine: Engine) -> None:
    container = engine.containers.run("onggi/base", ["touch", "/x"], name="one", detach=True)
    docker_api.check("ContainerWait", container.wait())
    docker_api.check("ContainerChanges", container.diff())
    docker_api.check("ContainerList", [each.summary(0) for each in engine.containers.glances()])
    docker_api.check("ImageList", [each.summary(each.tags) for each in engine.images.list()])
    docker_api.check("SystemDataUsage", engine.df())
    docker_api.check("ContainerPrune", engine.containers.prune())
    docker_api.check("ImagePrune", engine.images.prune())


def test_lists_show_what_docker_s_show(engine: Engine) -> None:
    for number in ("1", "2", "3"):
        out("create", "--name", f"c{number}", "-l", f"n={number}", "onggi/base", "echo", "a b")
    engine.containers.run(
        "onggi/base", ["sh", "-c", "echo x >/x; exit 3"], name="done", detach=True
    )
    engine.containers.get("done").wait()
    names = ["ps", "-a", "--format", "{{.Names}}"]
    assert out(*names).split() == ["done", "c3", "c2", "c1"]
    assert out(*names, "-n", "2").split() == ["done", "c3"]
    assert out(*names, "-l").split() == ["done"]
    assert out(*names, "-f", "before=c3").split() == ["c2", "c1"]
    assert out(*names, "-f", "since=c1", "-f", "status=created").split() == ["c3", "c2"]
    assert out(*names, "-f", "exited=3").split() == ["done"]
    assert out(*names, "-f", "ancestor=onggi/base", "-f", "label=n=2").split() == ["c2"]
    assert out("ps", "-aq", "--no-trunc", "-l") == engine.containers.get("done").id + "\n"
    row = json.loads(out("ps", "-a", "-f", "name=c1", "--format", "json"))
    assert row["Command"] == "\"echo 'a b'\""
    assert (row["Networks"], row["Mounts"], row["LocalVolumes"]) == ("bridge", "", "0")
    assert row["Status"] == "Created"
    assert re.fullmatch(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d [+-]\d{4} \S+", row["CreatedAt"])
    sized = out("ps", "-as", "-f", "name=done")
    assert re.search(r"Exited \(3\) .* done +\d[\d.]*k?B \(virtual [\d.]+MB\)\n", sized)


def test_an_image_that_lost_its_name_is_shown_by_its_id(engine: Engine, tmp_path: Path) -> None:
    (tmp_path / "Dockerfile").write_text("FROM onggi/base\nLABEL n=1\n")
    first = out("build", "-qt", "moving", str(tmp_path)).strip()
    out("create", "--name", "old", "moving", "true")
    form = ["ps", "-a", "--format", "{{.Image}}"]
    assert out(*form) == "moving\n"
    (tmp_path / "Dockerfile").write_text("FROM onggi/base\nLABEL n=2\n")
    out("build", "-qt", "moving", "-t", "moving:two", str(tmp_path))
    assert out(*form) == first[7:19] + "\n"
    assert out(*form, "--no-trunc") == first + "\n"
    tags = ["images", "--format", "{{.Repository}}:{{.Tag}}"]
    assert out(*tags, "moving").split() == ["moving:latest", "moving:two"]
    assert out(*tags, "moving:two").split() == ["moving:two"]
    assert out(*tags, "-f", "reference=m*:t*").split() == ["moving:two"]
    assert out(*tags, "-f", "dangling=true").split() == ["<none>:<none>"]
    assert out("images", "-q", "-f", "label=n=1") == first[7:19] + "\n"
    assert out("rm", "old") == "old\n"
    done = onggi("image", "prune", stdin="n\n")
    assert (done.returncode, done.stderr) == (1, "Nothing was removed.\n")
    assert first in out("image", "prune", "-f")


def test_a_prune_takes_what_its_filters_say(engine: Engine) -> None:
    for name in ("keep", "go"):
        out("create", "--name", name, "-l", name, "onggi/base", "true")
    assert out("container", "prune", "-f", "--filter", "until=1h").startswith("Total")
    out("container", "prune", "-f", "--filter", "label!=keep")
    assert [each.name for each in engine.containers.list(all=True)] == ["keep"]


def test_files_and_flags_of_run(engine: Engine, tmp_path: Path) -> None:
    (tmp_path / "env").write_text("# a note\nA='1'\n")
    (tmp_path / "labels").write_text("tier=front\n")
    cid = tmp_path / "cid"
    files = ["--env-file", str(tmp_path / "env"), "--label-file", str(tmp_path / "labels")]
    flags = [*files, "--cidfile", str(cid), "--stop-timeout", "1", "--pull", "never", "--rm"]
    assert out("run", *flags, "--platform", "linux", "onggi/base", "sh", "-c", "echo $A") == "'1'\n"
    assert re.fullmatch("[0-9a-f]{64}", cid.read_text())
    done = onggi("run", *flags, "onggi/base", "true")
    assert done.returncode == 125
    assert done.stderr.startswith("onggi: container ID file found")
    cid.unlink()
    assert onggi("run", *flags, "--platform", "plan9/x", "onggi/base", "true").returncode == 125
    assert not cid.exists()
    assert onggi("run", "--pull", "never", "nosuch", "true").returncode == 125
