"""The OCI's own JSON schemas, which refer to each other by file name; each is read once."""

from __future__ import annotations

import functools
import json
from pathlib import Path
from typing import Any

import jsonschema
import referencing
from referencing.jsonschema import DRAFT4


def check(schema: Path, document: Any) -> None:
    """Raises jsonschema.ValidationError."""
    _validator(schema).validate(document)


@functools.cache
def _validator(schema: Path) -> Any:
    @functools.cache
    def retrieve(uri: str) -> referencing.Resource[Any]:
        """Ids lead nowhere: the schema lies beside the one that refers to it."""
        return DRAFT4.create_resource(_read(schema.with_name(uri.rpartition("/")[2])))

    registry: Any = referencing.Registry(retrieve=retrieve)  # type: ignore[call-arg]
    return jsonschema.Draft4Validator(_read(schema), registry=registry)


def _read(schema: Path) -> Any:
    return json.loads(schema.read_text())
