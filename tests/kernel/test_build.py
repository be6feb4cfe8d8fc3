"""Builds whose RUNs run: in real containers, on real base images."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import tarfile
import time
from pathlib import Path, PurePosixPath

import pytest

from runtime.build import events
from runtime.build.tree import ImageTree
from runtime.engine import Engine
from runtime.engine.image import Image
from runtime.errors import BuildFailed, DockerfileError

BASE = "FROM onggi/base\n"


@pytest.fixture
def context(tmp_path: Path) -> Path:
    return tmp_path


def build(engine: Engine, context: Path, dockerfile: str, **options: object) -> Image:
    (context / "Dockerfile").write_text(dockerfile)
    image, _ = engine.images.build(path=context, tag="test/built", **options)  # type: ignore[arg-type]
    return image


def shell(engine: Engine, image: Image, script: str) -> str:
    """What a container of the image says."""
    said: bytes = engine.containers.run(image.id, ["sh", "-c", script], remove=True)
    return said.decode()


def names(engine: Engine, image: Image, layer: int = -1) -> set[str]:
    """What is in a layer's tar."""
    with tarfile.open(engine.images.content.path(image.layers[layer].digest)) as tar:
        return set(tar.getnames())


def leftovers(engine: Engine) -> list[str]:
    """Snapshots of builds, bundles of RUNs, blobs half written."""
    folders = (engine.root / "builds", engine.images.content.ingest)
    files = [path.name for folder in folders for path in folder.glob("*")]
    return [*engine.images.snapshots.keys(), *files]


def test_a_command_sees_what_the_dockerfile_says(engine: Engine, context: Path) -> None:
    image = build(
        engine,
        context,
        BASE
        + "ARG who=me\nENV greeting='hello there'\nWORKDIR /place/here\nUSER 1000:50\n"
        + "USER root\nRUN id -u > user; pwd > dir; echo $greeting $who > env\n"
        + 'RUN ["/bin/sh", "-c", "echo exec $0 > exec", "form"]\n',
        buildargs={"who": "you"},
    )
    said = shell(engine, image, "cd /place/here; cat user dir env exec; echo $greeting-$who")
    assert said == "0\n/place/here\nhello there you\nexec form\nhello there-\n"


def test_a_user_without_rights_stays_without_them(engine: Engine, context: Path) -> None:
    dockerfile = BASE + "USER 1000\nWORKDIR /mine\nRUN touch file && id -u > who\n"
    image = build(engine, context, dockerfile + "RUN ! touch /etc/passwd\n")
    assert shell(engine, image, "cat /mine/who; stat -c %u /mine /mine/file") == "1000\n" * 3


def test_a_layer_holds_what_the_command_changed_and_nothing_of_the_container(
    engine: Engine, context: Path
) -> None:
    image = build(
        engine,
        context,
        BASE + "RUN mkdir /new && echo x > /new/file && ls /proc /sys /dev /etc > /dev/null\n",
    )
    assert names(engine, image) == {"new", "new/file"}


def test_deleting_leaves_a_whiteout(engine: Engine, context: Path) -> None:
    (context / "a").write_text("a")
    image = build(
        engine, context, BASE + "COPY a /data/a\nRUN rm /data/a && rm -r /usr/share/zoneinfo\n"
    )
    assert {"data/.wh.a", "usr/share/.wh.zoneinfo"} < names(engine, image)
    assert shell(engine, image, "ls -A /data; ls /usr/share/zoneinfo 2>&1 | wc -l").endswith("1\n")


def test_output_is_told_while_the_command_runs(engine: Engine, context: Path) -> None:
    seen: list[tuple[float, events.Event]] = []
    build(
        engine,
        context,
        BASE + "RUN echo first; sleep 1; echo second >&2\n",
        progress=lambda event: seen.append((time.monotonic(), event)),
    )
    outputs = [(at, event) for at, event in seen if isinstance(event, events.Output)]
    assert [event for _, event in outputs] == [
        events.Output("stdout", b"first\n"),
        events.Output("stderr", b"second\n"),
    ]
    assert outputs[1][0] - outputs[0][0] > 0.5


@pytest.mark.parametrize(
    ("run", "status", "tail"),
    [
        ("RUN echo some words; exit 7", 7, "some words\n"),
        ("RUN no-such-program", 127, "not found"),
        ('RUN ["/no/such/program"]', 127, "/no/such/program"),
        ('RUN ["/etc/passwd"]', 126, "/etc/passwd"),
        ("RUN sh -c 'kill -9 $$'; exit $?", 137, ""),
    ],
)
def test_a_failing_command_is_reported_and_leaves_nothing(
    engine: Engine, context: Path, run: str, status: int, tail: str
) -> None:
    with pytest.raises(BuildFailed) as caught:
        build(engine, context, f"{BASE}WORKDIR /w\n{run}\n")
    assert caught.value.exit_status == status
    assert (caught.value.line, caught.value.file) == (3, "Dockerfile")
    assert tail in caught.value.log_tail
    assert leftovers(engine) == []


def test_an_unknown_user_is_named_with_its_place(engine: Engine, context: Path) -> None:
    with pytest.raises(DockerfileError, match="3:1: the image knows no user nobody-here"):
        build(engine, context, BASE + "USER nobody-here\nRUN true\n")
    assert leftovers(engine) == []


def test_two_state_directories_make_the_same_image(
    engine: Engine, context: Path, state_root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (context / "tool.sh").write_text("#!/bin/sh\necho tool\n")
    (context / "tool.sh").chmod(0o755)
    dockerfile = (
        BASE
        + "WORKDIR /app\nCOPY --chown=1000 tool.sh .\n"
        + "RUN ./tool.sh > out; ln out hard; ln -s out soft; mkdir d; touch -d 2001-01-01 d/old\n"
        + "RUN stat -c '%n %Y' out d/old > times; echo $SOURCE_DATE_EPOCH >> times; rm soft\n"
    )
    monkeypatch.setenv("SOURCE_DATE_EPOCH", "1700000000")
    first = build(engine, context, dockerfile)
    time.sleep(1.1)
    os.utime(context / "tool.sh", (5, 5))
    other = Engine(state_root)
    other.images.bootstrap(names=("onggi/base",))
    second = build(other, context, dockerfile)
    assert first.id == second.id
    assert first.manifest_digest == second.manifest_digest
    seen = "out 1700000000\nd/old 1700000000\n1700000000\n"
    assert shell(engine, first, "cat /app/times") == seen


def test_a_rebuild_runs_nothing(engine: Engine, context: Path) -> None:
    dockerfile = BASE + "RUN date +%N > /now\nLABEL a=1\n"
    first = build(engine, context, dockerfile)
    again = build(engine, context, dockerfile)
    assert again.id == first.id
    assert build(engine, context, dockerfile, nocache=True).id != first.id


def test_layers_read_as_the_kernel_shows_them(engine: Engine, context: Path) -> None:
    """COPY and WORKDIR look into an image without mounting it: overlayfs is the judge."""
    (context / "tree/sub").mkdir(parents=True)
    (context / "tree/sub/file").write_text("x")
    image = build(
        engine,
        context,
        BASE
        + "RUN mkdir -p /t/gone/deep /t/again/old /t/kept && touch /t/gone/f /t/kept/f /t/file\n"
        + "RUN rm -r /t/gone /t/again /t/file && mkdir -p /t/again/new /t/file/now\n"
        + "COPY tree /t/kept/\nCOPY tree /t/gone/\nRUN ln -s kept /t/link && rm /t/kept/f\n"
        + "COPY tree/sub/file /t/link/through\n",
    )
    seen = shell(engine, image, "cd /t && find . | sort").split()
    chain = image.layers[-1].chain_id
    tree = ImageTree.of(engine.images.snapshots.view(chain))
    top = PurePosixPath("/t")
    assert all(tree.resolve(top / name, follow_last=False).entry for name in seen)
    assert "./kept/through" in seen
    for gone in ("gone/deep", "gone/f", "again/old", "kept/f"):
        assert f"./{gone}" not in seen
        assert tree.resolve(top / gone).entry is None


BUILD_FOR_EVER = """
import sys
from runtime.engine import Engine
Engine(sys.argv[1]).images.build(path=sys.argv[2], progress=lambda event: print(event, flush=True))
"""


def test_a_killed_builder_takes_its_command_with_it(engine: Engine, context: Path) -> None:
    (context / "Dockerfile").write_text(BASE + "WORKDIR /done\nRUN echo under way; sleep 4321\n")
    builder = subprocess.Popen(
        [sys.executable, "-c", BUILD_FOR_EVER, engine.root, context],
        stdout=subprocess.PIPE,
        text=True,
        cwd=Path(__file__).parents[2],
    )
    assert builder.stdout is not None
    assert any("under way" in line for line in builder.stdout)
    builder.send_signal(signal.SIGKILL)
    builder.wait()
    deadline = time.monotonic() + 10
    while "4321" in (running := commands()) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert "4321" not in running
    engine.prune()
    assert leftovers(engine) == []
    seen: list[events.Event] = []
    build(engine, context, BASE + "WORKDIR /done\nRUN true\n", progress=seen.append)
    assert any(isinstance(event, events.StepDone) for event in seen)


def commands() -> str:
    """The command lines of all processes."""
    lines = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            lines.append(path.read_bytes().replace(b"\0", b" ").decode(errors="replace"))
        except OSError:
            continue
    return "\n".join(lines)
