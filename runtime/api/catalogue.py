"""docs/API.md, out of the table: which of docker's endpoints are here, which are not, and why.

    python -m runtime.api.catalogue > docs/API.md

tests/tidy compares the file with what this says; tests/spec compares the table with docker's
definition: each of its endpoints is in one of the two lists.
"""

from __future__ import annotations

import importlib
import inspect
from collections.abc import Iterator

from runtime.api import routes
from runtime.api.call import NEWEST, OLDEST
from runtime.api.text import spoken

HEAD = """\
# Docker's API

`onggi serve` speaks the Docker Engine API {newest}, with or without a version in the path, down to
{oldest}. The definition is docker's own (github.com/moby/moby, api/swagger.yaml): parameters,
bodies and answers are not repeated here, and every answer in the tests is held against its schemas.

**Whoever may write to the socket is root on this host**: he can start a container that shows him
all files. The socket belongs to root and one group, mode 660. There is no TCP without TLS, unless
the address is this host's own and a flag says so.

This file is written by `python -m runtime.api.catalogue > docs/API.md`.
"""

ABSENT = """
## Not implemented

These answer 501 with the reason.
"""


def page() -> str:
    """The whole file."""
    head = HEAD.format(newest=spoken(NEWEST), oldest=spoken(OLDEST))
    return "\n".join([head, *_sections(), ABSENT, *_absent()]) + "\n"


def _sections() -> Iterator[str]:
    """A table for each module of handlers, in the order in which they are asked."""
    routes.load()
    for name in routes.MODULES:
        module = f"runtime.api.{name}"
        rows = [each for each in routes.ROUTES if each.handler.__module__ == module]
        about = _first_line(importlib.import_module(module).__doc__)
        yield f"\n## {name.capitalize()}\n\n{about}\n\n| | | |\n|---|---|---|"
        for each in sorted(rows, key=lambda each: (each.template, each.method)):
            yield f"| {each.method} | `{each.template}` | {_first_line(each.handler.__doc__)} |"


def _absent() -> Iterator[str]:
    yield "| | | |\n|---|---|---|"
    for (method, template), reason in sorted(routes.NOT_IMPLEMENTED.items()):
        yield f"| {method} | `{template}` | {reason} |"


def _first_line(text: str | None) -> str:
    """The first paragraph of a docstring, on one line."""
    return " ".join(inspect.cleandoc(text or "").partition("\n\n")[0].split())


if __name__ == "__main__":
    print(page(), end="")
