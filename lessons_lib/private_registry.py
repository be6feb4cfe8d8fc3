"""A registry of one's own for a lesson: a real server, with TLS and a password.

    shop = PrivateRegistry(lesson)
    shop.record("push", lambda: engine.images.push(f"{shop.host}/lunch", tag="1"))
    show.wire(shop.recording("push"))          what the server's own access log has of it

It is `onggi registry serve` in a process of its own, on this host's loopback address. It ends
with the kernel and goes on with the next: images, port and recordings are files of the lesson.
What signing in leaves (docker's config.json) goes into the lesson's folder, not into the user's.
"""

from __future__ import annotations

import contextlib
import json
import os
import secrets
import shutil
import signal
import socket
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from pathlib import Path
from typing import Any

from lessons_lib import attendant
from lessons_lib.certificates import write_certificate
from lessons_lib.language import say
from lessons_lib.lesson import Lesson
from lessons_lib.refusals import Refused
from lessons_lib.shown import Shown
from lessons_lib.waiting import until
from runtime.engine import Engine
from runtime.errors import OnggiError
from runtime.linux import tree
from runtime.linux.alive import is_alive, start_time
from runtime.oci.digest import Digest
from runtime.registry.server.garbage import collect
from runtime.registry.server.inventory import Inventory
from runtime.registry.server.passwords import htpasswd_line

PORT = 5009
USER, PASSWORD = "bori", "ggul-tteok"
HUB = "https://registry-1.docker.io/v2/"
HUB_PATIENCE_S = 3

Request = dict[str, Any]
"""A line of the access log: method, path, status, received, sent (bytes), user…"""


class PrivateRegistry:
    """The server and what a lesson does with it. Making it again goes on with the same one."""

    def __init__(self, lesson: Lesson) -> None:
        self._lesson = lesson
        self._folder = lesson.path("registry")
        self._folder.mkdir(parents=True, exist_ok=True)
        os.environ["DOCKER_CONFIG"] = str(lesson.path("docker"))
        self.user, self.password = USER, PASSWORD
        self.password_file = self._folder / "htpasswd"
        if not self.password_file.exists():
            self.password_file.write_text(htpasswd_line(USER, PASSWORD, cost=10) + "\n")
            write_certificate(self._folder)
        self.port = self._running() or self._start()
        self._trust(lesson.engine.root)

    @property
    def host(self) -> str:
        """What the names of images in this registry begin with."""
        return f"localhost:{self.port}"

    @property
    def inventory(self) -> Inventory:
        """What the registry has, read from its own files: what graders look at."""
        return Inventory(self._storage)

    def sign_out(self) -> None:
        """Forget the password, on the client's side."""
        shutil.rmtree(self._lesson.path("docker"), ignore_errors=True)

    def sign_in(self) -> None:
        """Tell the engine the password, as `onggi login` does."""
        self._lesson.engine.login(self.user, self.password, registry=self.host)

    def record(self, name: str, act: Callable[[], object]) -> None:
        """Do something, and keep what the server's access log has of it as `name`."""
        before = len(self._requests())
        try:
            act()
        finally:
            self._settle()
            self._recorded(name).write_text(json.dumps(self._requests()[before:-1]))

    def recording(self, name: str) -> list[Request]:
        """The requests that were recorded. Raises Refused: nothing was, yet."""
        try:
            found: list[Request] = json.loads(self._recorded(name).read_text())
        except FileNotFoundError:
            raise Refused("private_registry.no-recording", name=name) from None
        return found

    def uploads(self, name: str) -> int:
        """How many blobs travelled to the registry in a recording."""
        return sum("?digest=" in each["path"] for each in self._good(name, 201))

    def downloads(self, name: str) -> int:
        """How many blobs travelled from the registry in a recording."""
        return sum(
            each["method"] == "GET" and "/blobs/" in each["path"] for each in self._good(name, 200)
        )

    def digest(self, repository: str, tag: str) -> str:
        """What a tag means in the registry now; "" if there is no such tag."""
        return self.inventory.tagged(repository, tag) or ""

    def forget(self, repository: str, *tags: str) -> None:
        """Let the registry forget these tags of a repository, or all, and what only they needed."""
        inventory = self.inventory
        for tag in tags or inventory.tags(repository, "", 1000):
            inventory.delete_tag(repository, tag)
        collect(self._storage, grace_s=-3600, untagged=True)

    def other_side(self) -> Engine:
        """An engine that has nothing yet, as on another machine: with a state directory of its
        own. It believes our certificate, and the password is the same user's.
        """
        root = self._other_root
        self._remove_other_side()
        engine = Engine(root)
        self._trust(root)
        return engine

    def hub(self) -> Shown:
        """Whether Docker Hub can be reached from here, and what it says to who has no token."""
        try:
            with urllib.request.urlopen(HUB, timeout=HUB_PATIENCE_S) as answer:
                status, challenge = answer.status, ""
        except urllib.error.HTTPError as error:
            status, challenge = error.code, error.headers.get("WWW-Authenticate", "")
        except OSError:
            return Shown(say("private_registry.no-hub"))
        return Shown(say("private_registry.hub", status=status, challenge=challenge))

    def clean(self) -> Shown:
        """End the server and put away all that the lesson made."""
        self._stop()
        self._remove_other_side()
        os.environ.pop("DOCKER_CONFIG", None)
        shutil.rmtree(self._lesson.engine.root / "certs.d" / self.host, ignore_errors=True)
        with contextlib.suppress(OSError):
            (self._lesson.engine.root / "certs.d").rmdir()
        images = self._lesson.engine.images
        for container in self._lesson.engine.containers.list(all=True):
            if any(tag.startswith(self.host) for tag in container.image.tags):
                container.remove(force=True)
        for image in images.list():
            for name in (*image.tags, *image.attrs.get("RepoDigests", ())):
                if name.startswith(f"{self.host}/"):
                    with contextlib.suppress(OnggiError):
                        images.remove(name, force=True)
        return self._lesson.clean()

    @property
    def _storage(self) -> Path:
        return self._folder / "storage"

    @property
    def _other_root(self) -> Path:
        return self._lesson.engine.root / "lesson09-other-side"

    def _recorded(self, name: str) -> Path:
        return self._folder / f"{name}.json"

    def _good(self, name: str, status: int) -> list[Request]:
        return [each for each in self.recording(name) if each["status"] == status]

    def _requests(self) -> list[Request]:
        lines = (self._folder / "access.log").read_text().splitlines()
        return [json.loads(line) for line in lines]

    def _settle(self) -> None:
        """Wait until all that was asked is in the log: a last question of our own comes after."""
        mark = f"/v2/?{secrets.token_hex(8)}"
        with contextlib.suppress(OSError), socket.create_connection(("localhost", self.port)) as to:
            import ssl

            context = ssl.create_default_context(cafile=str(self._folder / "certificate.pem"))
            with context.wrap_socket(to, server_hostname="localhost") as connection:
                connection.sendall(f"GET {mark} HTTP/1.0\r\nHost: localhost\r\n\r\n".encode())
                connection.recv(1)
        until(lambda: any(each["path"] == mark for each in self._requests()))

    def _trust(self, root: Path) -> None:
        """Put the certificate where the engine of `root` looks for it."""
        place = root / "certs.d" / self.host
        place.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(self._folder / "certificate.pem", place / "ca.crt")

    def _running(self) -> int:
        """The port of the server that is at work for this lesson; 0: there is none."""
        with contextlib.suppress(OSError, ValueError):
            pid, started, port = map(int, (self._folder / "server").read_text().split())
            if is_alive(pid, started):
                return port
        return 0

    def _start(self) -> int:
        port = self._free_port()
        command = ["registry", "serve", "--delete"]
        command += ["--addr", f"127.0.0.1:{port}", "--storage", str(self._storage)]
        command += ["--htpasswd", str(self.password_file)]
        command += ["--tls-cert", str(self._folder / "certificate.pem")]
        command += ["--tls-key", str(self._folder / "key.pem")]
        command += ["--access-log", str(self._folder / "access.log")]
        with (self._folder / "server.log").open("wb") as log:
            server = attendant.begin(command, log)
        if not until(lambda: server.poll() is not None or _answers(port)) or server.poll():
            raise Refused("private_registry.did-not-start", why=self._last_words())
        (self._folder / "server").write_text(f"{server.pid} {start_time(server.pid)} {port}")
        return port

    def _free_port(self) -> int:
        """The lesson's port, or if somebody else has it any that is free."""
        for port in (self._old_port(), PORT, 0):
            with contextlib.suppress(OSError), socket.socket() as probe:
                probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                probe.bind(("127.0.0.1", port))
                return int(probe.getsockname()[1])
        raise Refused("private_registry.did-not-start", why="no free port")

    def _old_port(self) -> int:
        with contextlib.suppress(OSError, ValueError):
            return int((self._folder / "server").read_text().split()[2])
        return PORT

    def _last_words(self) -> str:
        lines = (self._folder / "server.log").read_text().strip().splitlines()
        return lines[-1] if lines else "–"

    def _stop(self) -> None:
        with contextlib.suppress(OSError, ValueError):
            pid, started, _ = map(int, (self._folder / "server").read_text().split())
            if is_alive(pid, started):
                os.kill(pid, signal.SIGTERM)
                with contextlib.suppress(ChildProcessError):
                    os.waitpid(pid, 0)
                until(lambda: not is_alive(pid, started))

    def _remove_other_side(self) -> None:
        if not self._other_root.exists():
            return
        engine = Engine(self._other_root)
        for container in engine.containers.list(all=True):
            container.remove(force=True)
        for _ in range(5):  # its launcher may just be writing its log
            with contextlib.suppress(OSError):
                tree.delete(self._other_root)
                return
            time.sleep(0.1)

    def _repr_mimebundle_(self, **forms: object) -> dict[str, object]:
        return Shown(say("private_registry.ready"))._repr_mimebundle_(**forms)


def _answers(port: int) -> bool:
    with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1):
        return True
    return False


def config_of(shop: PrivateRegistry, repository: str, digest: str) -> str:
    """The digest of the config that a manifest in the registry names: the image's ID."""
    manifest = json.loads(shop.inventory.content.read(Digest(digest)))
    return str(manifest["config"]["digest"])
