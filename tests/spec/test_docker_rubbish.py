"""No parameter of a query makes a handler stumble, whatever is in it.

An answer is a value or a refusal. Anything else would be a 500, or a thread that computes for ever:
a number of 5,000 digits once held the whole server, trying a pattern from each of them on.
"""

from __future__ import annotations

import re

import pytest

from runtime.api import http, routes
from runtime.api.answers import Lines
from runtime.api.call import Call
from runtime.engine import Engine
from runtime.errors import OnggiError

pytestmark = [pytest.mark.needs("containers"), pytest.mark.timeout(300)]

DIGITS = "9" * 5000
RUBBISH = (
    *("--5", "-1", "1e999", "nan", "1.5", "9" * 20, DIGITS, "٣", "2026-99-99T00:00:00Z"),
    *("{", "[]", "null", '{"a":1}', '{"label":["a=b"],"name":["("],"reference":["["]}'),
    *(f'{{"until":["{text}"]}}' for text in ("--5", "9" * 20, DIGITS)),
    *("é\0", "x" * 8000, "../.."),
)
ELSEWHERE = {"fromImage", "fromSrc", "remote"}
"""Parameters that lead to other hosts."""
LEFT_OUT = {
    ("POST", "/auth"): "asks a registry",
    ("GET", "/distribution/{name}/json"): "asks a registry",
    ("POST", "/images/{name}/push"): "asks a registry",
}


class Query(dict[str, list[str]]):
    """A query that remembers which parameters were looked for."""

    def __init__(self, given: dict[str, list[str]]) -> None:
        super().__init__({"stdout": ["1"], **given})
        self.wanted: set[str] = set()

    def get(self, name: str, default: list[str] | None = None) -> list[str] | None:  # type: ignore[override]
        """As of any mapping."""
        self.wanted.add(name)
        return super().get(name, default)


def wanted(engine: Engine, route: routes.Route, given: dict[str, list[str]]) -> set[str]:
    """The parameters that a handler looks at. Raises AssertionError when it stumbles."""
    query = Query(given)
    names = dict.fromkeys(re.findall(r"\{(\w+)\}", route.template), "jar")
    try:
        answer = route.handler(Call(engine, route.method, "/", names, query))
        if isinstance(answer, Lines):
            next(iter(answer.documents), None)
        http._discard(answer)
    except OnggiError:
        pass
    except Exception as error:
        shown = {name: text[:60] for name, (text,) in given.items()}
        raise AssertionError(f"{route.method} {route.template} {shown}") from error
    return query.wanted


def test_every_parameter_may_be_rubbish(engine: Engine) -> None:
    engine.volumes.create("jar")
    found: set[str] = set()
    for route in routes.load():
        if (route.method, route.template) in LEFT_OUT or route.method == "DELETE":
            continue
        if not engine.containers.list(all=True):
            engine.containers.create(
                "onggi/base", ["sleep", "60"], name="jar", network="none", stop_signal="SIGKILL"
            )
        done: set[str] = set(ELSEWHERE)
        todo = wanted(engine, route, {}) - done
        while todo:
            name = todo.pop()
            done.add(name)
            for text in RUBBISH:
                todo |= wanted(engine, route, {name: [text]}) - done
        found |= done
    assert {"filters", "since", "until", "tail", "t", "signal", "limit", "ulimits"} < found
