"""`engine.events`: the journal as docker's JSON.

    {"Type": "container", "Action": "die", "Actor": {"ID": "3f2a…", "Attributes": {"exitCode": "0",
     "image": "onggi/base", "name": "web"}}, "scope": "local", "time": …, "timeNano": …}

Docker Engine API 1.47, SystemEvents; the filters are those of moby's daemon/events/filter.go.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Generator, Iterator, Mapping
from typing import Any

from runtime import journal
from runtime.database import Database
from runtime.engine import moments
from runtime.engine.watch import Watch
from runtime.errors import InvalidInput
from runtime.journal import Event

Moment = moments.Moment | None

Test = Callable[[Event, str], bool]


def events(
    database: Database,
    since: Moment,
    until: Moment,
    filters: Mapping[str, Any],
    *,
    decode: bool,
    follow: bool,
) -> Generator[Any, None, None]:
    """See `Engine.events`. Raises InvalidInput for a filter that does not exist, and at once:
    not only when the first event is asked for.
    """
    refuse_unknown(filters)
    number = journal.last_number(database)
    since_ns = in_nanoseconds(since) if since is not None or follow else 0
    found = _selected(database, number, since_ns, in_nanoseconds(until), follow)
    chosen = (each for each in found if _passes(each, filters))
    return (as_docker(each) if decode else as_line(each) for each in chosen)


def refuse_unknown(filters: Mapping[str, Any]) -> None:
    """Raises InvalidInput for a filter that does not exist."""
    for name in filters:
        if name not in _TESTS:
            raise InvalidInput(
                "there is no filter {name}",
                hint="the filters are: {known}",
                name=name,
                known=", ".join(_TESTS),
            )


class Listener:
    """Events as they come, for a program that listens to much at once and has no thread for each.

    When its descriptor is readable, or the moment `due` (of the monotonic clock) has come, `take`
    has news; when it is `over` there will be none. Raises as `events`.
    """

    def __init__(
        self,
        database: Database,
        watch: Watch,
        since_ns: int | None,
        until_ns: int | None,
        filters: Mapping[str, Any],
    ) -> None:
        refuse_unknown(filters)
        self._filters, self._until_ns = filters, until_ns
        self._subscription = watch.subscribe()
        self._past = [] if since_ns is None else journal.since(database, since_ns)
        self._number = max((each.number for each in self._past), default=0)
        self.over = False
        self.due: float | None = None
        if until_ns is not None:
            self.due = time.monotonic() + (until_ns - time.time_ns()) / 10**9

    def fileno(self) -> int:
        """Readable when something has happened."""
        return self._subscription.fileno()

    def take(self) -> bytes:
        """All that has happened since the last time, as JSON lines; b"" for nothing."""
        self.over = self._until_ns is not None and time.time_ns() >= self._until_ns
        heard = [each for each in self._subscription.take() if each.number > self._number]
        found, self._past = [*self._past, *heard], []
        return b"".join(
            as_line(each)
            for each in found
            if (self._until_ns is None or each.time_ns <= self._until_ns)
            and _passes(each, self._filters)
        )

    def close(self) -> None:
        """Nobody listens any more."""
        self._subscription.close()


def in_nanoseconds(moment: Moment) -> int | None:
    """Since 1970; None for none. Raises InvalidInput."""
    return None if moment is None else moments.as_nanoseconds(moment, time.time_ns())


def as_docker(event: Event) -> dict[str, Any]:
    """With docker's keys; those before `Type` are older ones, which its API has for these two."""
    attributes = dict(sorted(event.attributes.items()))
    older = {}
    if event.type in ("container", "image"):
        older = {"status": event.action, "id": event.actor}
    if event.type == "container":
        older["from"] = attributes.get("image", "")
    return {
        **older,
        "Type": event.type,
        "Action": event.action,
        "Actor": {"ID": event.actor, "Attributes": attributes},
        "scope": "local",
        "time": event.time_ns // 10**9,
        "timeNano": event.time_ns,
    }


def as_line(event: Event) -> bytes:
    """As it comes over docker's API."""
    return json.dumps(as_docker(event), ensure_ascii=False).encode() + b"\n"


def _selected(
    database: Database, number: int, since_ns: int | None, until_ns: int | None, follow: bool
) -> Iterator[Event]:
    """Events between two moments. Those that are still to come (after the one with this number)
    are waited for.
    """
    past = [] if since_ns is None else journal.since(database, since_ns)
    for event in past:
        if until_ns is None or event.time_ns <= until_ns:
            yield event
        number = max(number, event.number)
    left_s = None if until_ns is None else until_ns / 10**9 - time.time()
    if not follow or (left_s is not None and left_s <= 0):
        return
    deadline_s = None if left_s is None else time.monotonic() + left_s
    for each in journal.follow(database, number, deadline_s):
        if each is not None and (until_ns is None or each.time_ns <= until_ns):
            yield each


def _passes(event: Event, filters: Mapping[str, Any]) -> bool:
    """Values of one filter are alternatives (of labels: all must hold); all filters must hold."""
    for name, values in filters.items():
        texts = [str(values)] if isinstance(values, str | int) else [str(each) for each in values]
        quantifier = all if name == "label" else any
        if texts and not quantifier(_TESTS[name](event, text) for text in texts):
            return False
    return True


def _has_action(event: Event, text: str) -> bool:
    """`exec_create: sh` is also an `exec_create`, `health_status: healthy` a `health_status`."""
    return text in (event.action, event.action.partition(":")[0])


def _is_container(event: Event, text: str) -> bool:
    name = event.attributes.get("name", "")
    return event.type == "container" and (event.actor.startswith(text) or name.startswith(text))


def _is_image(event: Event, text: str) -> bool:
    name = event.attributes.get("name" if event.type == "image" else "image", "")
    return text in (name, _without_tag(name)) or (event.type == "image" and event.actor == text)


def _without_tag(name: str) -> str:
    path, colon, tag = name.rpartition(":")
    return path if colon and "/" not in tag else name


def _has_label(event: Event, text: str) -> bool:
    name, equals, value = text.partition("=")
    return name in event.attributes and (not equals or event.attributes[name] == value)


def _is_a(kind: str) -> Test:
    """A filter that is called as what it is about: an id or a name, or how one begins."""

    def test(event: Event, text: str) -> bool:
        names = (event.actor, event.attributes.get("name", ""))
        return event.type == kind and any(name.startswith(text) for name in names)

    return test


_NAMED = ("config", "daemon", "network", "node", "plugin", "secret", "service")

_TESTS: dict[str, Test] = {
    "container": _is_container,
    "event": _has_action,
    "image": _is_image,
    "label": _has_label,
    "type": lambda event, text: event.type == text,
    "volume": lambda event, text: event.type == "volume" and event.actor == text,
    "scope": lambda event, text: text == "local",
    **{kind: _is_a(kind) for kind in _NAMED},
}
