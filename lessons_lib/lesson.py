"""A lesson that is open: its folder, its base images, and what it must put away.

    lesson = Lesson("03-images-and-containers", engine)

Everything a lesson makes is recognised by its name, not remembered: images are `lesson03/…`,
volumes and networks `lesson03-…`, and its containers are those of such images. So cells can run
twice, a restarted kernel goes on where it was, and `clean` removes what an earlier run left, too.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import textwrap
from pathlib import Path
from typing import TYPE_CHECKING, Any

from IPython.display import clear_output

from lessons_lib import docker_command, folder, refusals
from lessons_lib.language import say
from lessons_lib.refusals import Refused
from lessons_lib.shown import Shown
from runtime.engine import Engine
from runtime.errors import NotFound, OnggiError

if TYPE_CHECKING:
    from runtime.build.events import Event
    from runtime.engine.image import Image
    from runtime.engine.networks import Network

BASE = "onggi/base"


class Lesson:
    """One lesson on one engine. Making it again is harmless."""

    def __init__(self, name: str, engine: Engine) -> None:
        refusals.show_in_notebook()
        self.name = name
        self.engine = engine
        self.folder = folder.enter(name)
        self._have_base_images()

    @property
    def prefix(self) -> str:
        """What the names of this lesson's images begin with: "lesson03/"."""
        return f"lesson{self.name.partition('-')[0]}/"

    def write(self, path: str, text: str) -> None:
        """Write a file of the lesson, such as "kimchi/Dockerfile"; the old text is replaced.

        The text may be indented like the code around it.
        """
        place = self.path(path)
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_text(textwrap.dedent(text).lstrip("\n"), "utf-8")

    def path(self, path: str) -> Path:
        """The place of a lesson's file or folder."""
        return self.folder / path

    def build(self, name: str, recipe: str, **options: Any) -> tuple[Image, list[Event]]:
        """Build the image `name` of this lesson from a recipe in its folder `name`; and the log.

        `options` are those of `engine.images.build`.
        """
        self.write(f"{name}/Dockerfile", recipe)
        return self.engine.images.build(path=self.path(name), tag=self.prefix + name, **options)

    def says(self, name: str, command: str | list[str] | None = None) -> str:
        """What a new container of the lesson's image `name` writes; it is gone afterwards."""
        written = self.engine.containers.run(self.prefix + name, command, remove=True)
        return bytes(written).decode().rstrip("\n")

    def remove(self, *names: str) -> None:
        """Remove containers of these names, running or not; missing ones are no error."""
        for name in names:
            try:
                self.engine.containers.get(name).remove(force=True, v=True)
            except NotFound:
                continue

    def has(self, name: str) -> bool:
        """Whether there is a container of that name."""
        try:
            self.engine.containers.get(name)
        except NotFound:
            return False
        return True

    def network(self, name: str, subnet: str = "") -> Network:
        """The lesson's network of that name, made if it is not there: "alley" is "lesson06-alley".

        A lesson that shows addresses gives a `subnet`, else the engine chooses one.
        """
        whole = self.prefix.replace("/", "-") + name
        ipam = {"Config": [{"Subnet": subnet}]} if subnet else None
        try:
            return self.engine.networks.get(whole)
        except NotFound:
            return self.engine.networks.create(whole, ipam=ipam)

    def clean(self) -> Shown:
        """Remove everything this lesson made: containers, volumes, networks, images, files."""
        docker_command.stop_serving()
        prefix = self.prefix.replace("/", "-")
        for container in self.engine.containers.list(all=True):
            # An exercise not begun, `FROM onggi/base` alone, is that image under one more name.
            names = container.image.tags
            if names and all(tag.startswith(self.prefix) for tag in names):
                container.remove(force=True, v=True)
        for volume in self.engine.volumes.list():
            if volume.name.startswith(prefix):
                volume.remove()
        for network in self.engine.networks.list():
            if network.name.startswith(prefix):
                network.remove()
        tags = [tag for image in self.engine.images.list() for tag in image.tags]
        for tag in tags:
            if tag.startswith(self.prefix):
                self.engine.images.remove(tag, force=True)
        shutil.rmtree(self.folder, ignore_errors=True)
        with contextlib.suppress(OSError):  # other lessons may have their folders there
            self.folder.parent.rmdir()
        return Shown(say("lesson.clean"))

    def _have_base_images(self) -> None:
        """Make the base image if it is missing: out of this host's files, in a moment.

        Raises Refused where that takes a privilege which this process does not have.
        """
        try:
            self.engine.images.get(BASE)
        except NotFound:
            self._make_base_images()

    def _make_base_images(self) -> None:
        try:
            self.engine.images.bootstrap((BASE,), progress=_told)
        except OnggiError as error:
            if os.geteuid() == 0:
                raise
            raise Refused("lesson.no-privilege") from error
        finally:
            clear_output(wait=True)

    def _repr_mimebundle_(self, **forms: object) -> dict[str, object]:
        return Shown(say("lesson.ready"))._repr_mimebundle_(**forms)


def _told(what: str, done: int, total: int) -> None:
    """Bootstrap's progress, as a line that replaces the last one; at its ends and every tenth."""
    if done in (0, total) or done * 10 // total > (done - 1) * 10 // total:
        clear_output(wait=True)
        print(f"{what} {done}/{total}")
