"""`make lab`: open JupyterLab where a learner begins.

    python -m lessons_lib.lab        the start page (00), in the language of the locale
    python -m lessons_lib.lab ko     the first lesson in Korean (en: in English)

On a machine with a screen the browser opens by itself. On a server it prints the address: always
127.0.0.1 with a token, also for root. What it says, it says in both languages, because nobody has
chosen one yet.
"""

from __future__ import annotations

import os
import secrets
import socket
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from lessons_lib.language import LANGUAGES, Language, catalogue, current
from lessons_lib.publish.notebook import START
from lessons_lib.publish.shelf import HOME, Shelf

ADDRESS = "127.0.0.1"
FIRST = "03"
FIRST_PORT, LAST_PORT = 8888, 8987


def main(arguments: Sequence[str]) -> None:
    """Become JupyterLab. Does not return."""
    chosen = next((each for each in LANGUAGES if each in arguments), None)
    page = f"notebooks/{chosen}/{first_lesson()}" if chosen else f"notebooks/{current()}/{START}"
    port, token = free_port(), secrets.token_hex(24)
    address = f"http://{ADDRESS}:{port}/lab/tree/{page}.ipynb?token={token}"
    for line in greeting(address, port):
        print(line, flush=True)
    command = command_line(f"{page}.ipynb", port)
    os.chdir(HOME)
    # A terminal of JupyterLab's finds `onggi`, too.
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", os.defpath)])
    environment = {**os.environ, "JUPYTER_TOKEN": token, "PATH": path}
    os.execve(sys.executable, command, environment)


def first_lesson() -> str:
    """Where a beginner begins. Lesson 02 takes containers apart: it is for later."""
    return Shelf().named([FIRST])[0]


def command_line(page: str, port: int) -> list[str]:
    """JupyterLab with its own file browser on the whole work tree: the engine's source is part
    of the lessons. It asks nothing of the network: no news, no updates.
    """
    return [
        *(sys.executable, "-m", "jupyterlab", str(HOME)),
        f"--ServerApp.ip={ADDRESS}",
        f"--ServerApp.port={port}",
        "--ServerApp.port_retries=0",
        f"--LabApp.default_url=/lab/tree/{page}",
        "--log-level=WARN",  # else the address is out of sight before it is read
        "--KernelManager.transport_encryption=auto",  # other users of a server may listen
        "--LabApp.news_url=None",
        "--LabApp.extension_manager=readonly",
        "--LabApp.check_for_updates_class=jupyterlab.NeverCheckForUpdate",
        *([] if has_screen(os.environ) else ["--no-browser"]),
        *(["--allow-root"] if os.geteuid() == 0 else []),
    ]


def greeting(address: str, port: int) -> Iterator[str]:
    """What is said before JupyterLab says anything, in both languages."""
    screen = has_screen(os.environ)
    keys = ["opening" if screen else "address"]
    keys += [] if screen else ["tunnel"]
    keys += [] if os.geteuid() == 0 else ["without-root"]
    for language in LANGUAGES:
        for key in keys:
            yield say(language, key, address=address, port=port)
        yield ""


def say(language: Language, key: str, **facts: object) -> str:
    """A text of `texts/<language>/lab.toml`."""
    return catalogue(language)[f"lab.{key}"].format(**facts)


def has_screen(environment: Mapping[str, str]) -> bool:
    """Whether a browser can open here. Root has none: browsers refuse to run as root."""
    if os.geteuid() == 0:
        return False
    return sys.platform == "darwin" or bool(
        environment.get("DISPLAY") or environment.get("WAYLAND_DISPLAY")
    )


def free_port() -> int:
    """The first port from 8888 on that nobody listens on, so that the printed address is right."""
    for port in range(FIRST_PORT, LAST_PORT + 1):
        with socket.socket() as attempt:
            attempt.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                attempt.bind((ADDRESS, port))
            except OSError:
                continue
            return port
    sys.exit("\n".join(say(language, "no-port", last=LAST_PORT) for language in LANGUAGES))


if __name__ == "__main__":
    main(sys.argv[1:])
