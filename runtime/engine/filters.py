"""Filters of `containers.list`: which containers somebody wants to see.

Docker Engine API, ContainerList "filters": values of one filter are alternatives (of labels:
all must hold), different filters must all hold.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from runtime.errors import InvalidInput, NotFound

if TYPE_CHECKING:
    from runtime.engine.container import Container

Test = Callable[["Container", str], bool]


def keep_containers(containers: Sequence[Container], filters: Mapping[str, Any]) -> list[Container]:
    """Those that pass every filter. Raises InvalidInput for a filter that does not exist."""
    for name in filters:
        if name not in _TESTS:
            raise InvalidInput(
                "there is no filter {name}",
                hint="the filters are: {known}",
                name=name,
                known=", ".join(_TESTS),
            )
    return [
        container
        for container in containers
        if all(_passes(container, name, values) for name, values in filters.items())
    ]


def _passes(container: Container, name: str, values: Any) -> bool:
    texts = [str(values)] if isinstance(values, str | int) else [str(value) for value in values]
    quantifier = all if name == "label" else any
    return quantifier(_TESTS[name](container, text) for text in texts)


def _has_name(container: Container, text: str) -> bool:
    try:
        return re.search(text, container.name) is not None
    except re.error as error:
        raise InvalidInput(
            "not a pattern: {text}: {reason}",
            hint="write a part of the name, or a regular expression",
            text=text,
            reason=str(error),
        ) from error


def _has_label(container: Container, text: str) -> bool:
    name, equals, value = text.partition("=")
    labels = container.labels
    return name in labels and (not equals or labels[name] == value)


def _descends_from(container: Container, text: str) -> bool:
    try:
        ancestor = container.images.get(text)
    except NotFound:
        return False
    lowest = ancestor.config.diff_ids
    return container.image.config.diff_ids[: len(lowest)] == lowest


_TESTS: dict[str, Test] = {
    "id": lambda container, text: container.id.startswith(text),
    "name": _has_name,
    "status": lambda container, text: container.status == text,
    "label": _has_label,
    "ancestor": _descends_from,
    "exited": lambda container, text: (
        container.status == "exited" and str(container.exit_code) == text
    ),
}
