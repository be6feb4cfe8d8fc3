"""The answers of docker's API, as its own specification defines them."""

from __future__ import annotations

import functools
import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import jsonschema

SPECIFICATION = Path(__file__).parent / "schemas" / "docker-engine-api-v1.47.json"

LEFT_OUT = {
    "HostConfig": {"KernelMemoryTCP", "Mounts", "Annotations", "StorageOpt", "Init"},
    "Config": {"NetworkDisabled", "MacAddress", "ArgsEscaped", "ExposedPorts", "Healthcheck"},
    "State": {"Health"},
}
"""Members that docker, too, leaves out where they say nothing. (omitempty in its Go sources)"""

LEFT_OUT["HostConfig"] |= {"Tmpfs", "Sysctls"}
LEFT_OUT["Config"] |= {"StopSignal", "StopTimeout", "Shell"}


def check(definition: str, document: Any) -> None:
    """Raises jsonschema.ValidationError."""
    schema = {"$ref": f"#/definitions/{definition}", "definitions": definitions()}
    jsonschema.Draft4Validator(schema).validate(document)


@functools.cache
def definitions() -> Mapping[str, Any]:
    """By name."""
    found: Mapping[str, Any] = json.loads(SPECIFICATION.read_text())["definitions"]
    return found


def members(definition: str) -> Iterator[str]:
    """The names that an object of this definition has."""
    schema = definitions()[definition]
    for part in schema.get("allOf", [schema]):
        if "$ref" in part:
            yield from members(part["$ref"].rpartition("/")[2])
        yield from part.get("properties", {})
