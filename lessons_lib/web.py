"""Asking for a page: from this machine, and from inside a container.

    page("http://127.0.0.1:4060")            from the notebook, as a browser would
    asked_from(container, "http://kitchen")  from inside, with what its image has: curl or wget

Both give what the page says, and "" if nobody answers.
"""

from __future__ import annotations

import urllib.request

from lessons_lib.waiting import until
from runtime.engine.container import Container

PATIENCE_S = 60.0
"""A server that has just been started may still be reading its own program."""

TIMEOUT_S = 3

_ASK = (
    "if command -v curl >/dev/null; then curl -sf -m {seconds} {url};"
    " else wget -q -T {seconds} -O - {url}; fi"
)


def page(url: str, patience_s: float = PATIENCE_S) -> str:
    """What is there, asked for until somebody answers or the patience is over."""
    said = [""]

    def answered() -> bool:
        said[0] = _page(url)
        return bool(said[0])

    until(answered, patience_s)
    return said[0]


def asked_from(container: Container, url: str, patience_s: float = 0.0) -> str:
    """The same from inside a container. Without patience it asks once."""
    said = [""]
    line = _ASK.format(seconds=TIMEOUT_S, url=url)

    def answered() -> bool:
        done = container.exec_run(["sh", "-c", line])
        said[0] = done.output.decode(errors="replace").strip() if done.exit_code == 0 else ""
        return bool(said[0])

    until(answered, patience_s)
    return said[0]


def _page(url: str) -> str:
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with opener.open(url, timeout=TIMEOUT_S) as answer:
            return str(answer.read().decode(errors="replace").strip())
    except (OSError, ValueError):
        return ""
