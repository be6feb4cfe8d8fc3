"""Pictures and tables of real images and containers: what they say is what is there."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from xml.etree import ElementTree

import pytest

from lessons_lib import show
from lessons_lib.language import say
from lessons_lib.lesson import Lesson
from lessons_lib.upper import entries
from runtime.engine import Engine
from runtime.engine.container import Container
from runtime.engine.image import Image

pytestmark = pytest.mark.needs("containers")


@pytest.fixture
def lesson(engine: Engine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Lesson]:
    monkeypatch.setenv("ONGGI_LESSONS", str(tmp_path))
    lesson = Lesson("77-pictures", engine)
    yield lesson
    lesson.clean()


@pytest.fixture
def jar(lesson: Lesson) -> Image:
    lesson.write("jar/a.txt", "one\ntwo\n")
    lesson.write("jar/b.txt", "three\n")
    lesson.write("Dockerfile", "FROM onggi/base\nCOPY jar /jar\nRUN rm /jar/b.txt\nCMD cat x\n")
    image, _ = lesson.engine.images.build(path=lesson.folder, tag="lesson77/jar")
    return image


@pytest.fixture
def busy(lesson: Lesson, jar: Image) -> Container:
    """A container that has added, changed and deleted a file."""
    busy = lesson.engine.containers.run(jar, "sleep 1d", name="busy", detach=True)
    assert isinstance(busy, Container)
    busy.exec_run(["sh", "-c", "echo four >> /jar/a.txt; echo new > /jar/c.txt"])
    busy.exec_run("rm /etc/passwd")
    return busy


def drawn_text(picture: str) -> list[str]:
    root = ElementTree.fromstring(picture)
    return [text.text or "" for text in root.iter("{http://www.w3.org/2000/svg}text")]


def test_every_layer_is_drawn_once(jar: Image, busy: Container) -> None:
    shown = show.layers(jar, jar, busy)
    assert len(shown.words.splitlines()) == len(jar.layers) + 1
    for text in ("COPY jar /jar", "RUN rm /jar/b.txt", "= lesson77/jar"):
        assert text in shown.words


def test_a_layers_own_files_and_whiteouts_are_named(jar: Image) -> None:
    words = show.layers(jar).words
    assert "/jar/a.txt · /jar/b.txt" in words
    assert "−/jar/b.txt" in words


def test_settings_are_shown_and_are_no_layer(jar: Image) -> None:
    assert any("cat x" in text for text in drawn_text(show.layers(jar).picture))
    assert "cat x" in show.layers(jar).words


def test_towers_part_where_the_layers_do(lesson: Lesson, jar: Image) -> None:
    base = lesson.engine.images.get("onggi/base")
    lesson.write("other/Dockerfile", "FROM onggi/base\nRUN echo 1 > /other\n")
    other, _ = lesson.engine.images.build(path=lesson.path("other"), tag="lesson77/other")
    words = show.layers(jar, other).words.splitlines()
    assert len(words) == len(base.layers) + 3
    indents = [len(line) - len(line.lstrip()) for line in words]
    assert indents.count(2 * len(base.layers)) == 2


def test_copy_up_is_seen_from_above_and_from_the_side(busy: Container) -> None:
    shown = show.overlay(busy, "/jar")
    top, own, *below = shown.words.splitlines()[1:]
    assert "one / two / four" in top
    assert "one / two / four" in own
    assert say("shelves.hidden", text="one / two") in "\n".join(below)
    assert drawn_text(shown.picture).count("copy-up") == 1


def test_a_deleted_file_is_a_whiteout_above_and_a_hidden_file_below(jar: Image) -> None:
    lines = show.overlay(jar, "/jar").words.splitlines()
    assert say("shelves.absent") in lines[1]
    assert say("shelves.whiteout") in lines[2]
    assert say("shelves.hidden", text="three") in lines[3]


def test_the_top_row_is_the_kernels_own_answer(busy: Container) -> None:
    top = show.overlay(busy, "/jar").words.splitlines()[1]
    seen = busy.exec_run("cat /jar/c.txt").output.decode().strip()
    assert seen in top


def test_changes_are_those_of_docker_diff(busy: Container) -> None:
    rows = [line.split()[1:3] for line in show.changes(busy).words.splitlines()[1:]]
    assert ["C", "/jar/a.txt"] in rows
    assert ["A", "/jar/c.txt"] in rows
    assert ["D", "/etc/passwd"] in rows
    assert len(rows) == len({tuple(row) for row in rows})


def test_the_root_mount_is_the_layers_and_the_writable_one(jar: Image, busy: Container) -> None:
    words = show.mounts(busy).words
    assert "overlay" in words
    assert len(words.splitlines()) == 2 + len(jar.layers)


def test_worlds_are_apart_and_the_kernel_is_one(busy: Container) -> None:
    rows = show.worlds(busy).words.splitlines()
    shared = [row for row in rows if row.endswith(say("worlds.shared"))]
    assert any(say("worlds.kernel") in row for row in shared)
    apart = [row for row in rows if row.endswith(say("worlds.own"))]
    for kind in ("mount", "pid", "uts", "ipc", "network", "cgroup"):
        assert any(say("worlds.namespace", kind=kind) in row for row in apart)
    assert show.inner_pid(busy) == 1


def test_disk_use_counts_a_shared_base_once(lesson: Lesson) -> None:
    names = [f"lesson77/s:{number}" for number in range(3)]
    for number, name in enumerate(names):
        lesson.write(f"{number}/Dockerfile", f"FROM onggi/base\nRUN echo {number} > /n\n")
        lesson.engine.images.build(path=lesson.path(str(number)), tag=name)
    rows = [line.split() for line in show.disk(lesson.engine.df(), names).words.splitlines()[1:]]
    assert rows == [["1", "1.0", "1.0"], ["2", "2.0", "1.0"]]


def test_every_picture_is_the_same_twice_and_well_formed(jar: Image, busy: Container) -> None:
    def draw() -> list[str]:
        shown = (show.layers(jar, busy), show.overlay(busy, "/jar"), show.worlds(busy))
        return [each.picture for each in shown]

    pictures = draw()
    for picture in pictures:
        ElementTree.fromstring(picture)
    assert pictures == draw()


def test_clean_removes_the_lessons_things_and_nothing_else(lesson: Lesson, busy: Container) -> None:
    engine = lesson.engine
    engine.containers.run("onggi/base", "sleep 1d", name="mine", detach=True)
    lesson.clean()
    assert [container.name for container in engine.containers.list(all=True)] == ["mine"]
    assert engine.images.get("onggi/base")
    assert not lesson.folder.exists()
    assert not engine.images.list(name="lesson77/jar")


def test_removing_containers_that_are_not_there_is_no_error(lesson: Lesson) -> None:
    lesson.remove("nobody", "nothing")


def test_a_folder_made_anew_hides_all_that_lies_below(busy: Container) -> None:
    busy.exec_run(["sh", "-c", "rm -r /jar && mkdir /jar && echo new > /jar/d.txt"])
    words = show.overlay(busy, "/jar").words
    below = next(line for line in words.splitlines() if "COPY jar /jar" in line)
    assert say("shelves.hidden", text="one / two") in below
    writable = next(line for line in words.splitlines() if busy.name in line)
    assert writable.count(say("shelves.opaque")) == 2 and writable.rstrip().endswith("new")
    assert "copy-up" not in drawn_text(show.overlay(busy, "/jar").picture)
    assert [line.split()[1:3] for line in show.changes(busy).words.splitlines()[1:]] == [
        ["D", "/etc/passwd"],
        ["D", "/jar/a.txt"],
        ["A", "/jar/d.txt"],
    ]


def test_a_folder_of_the_image_that_was_deleted_is_not_seen(busy: Container) -> None:
    busy.exec_run("rm -r /jar")
    for line in show.overlay(busy, "/jar").words.splitlines()[2:]:
        assert "one / two" not in line or say("shelves.hidden", text="one / two") in line


def test_the_writable_directory_is_shown_as_it_lies_on_the_disk(busy: Container) -> None:
    busy.exec_run(["sh", "-c", "rm -r /jar && mkdir /jar && ln -s nowhere /jar/link"])
    kinds = {entry.path: entry.kind for entry in entries(busy.upper_path)}
    assert kinds == {
        "/etc": "directory",
        "/etc/passwd": "whiteout",
        "/jar": "opaque",
        "/jar/link": "link",
    }
    words = show.upper(busy).words
    assert "trusted.overlay.opaque=y" in words and say("upper.whiteout") in words
