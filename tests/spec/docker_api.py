"""Docker's API as its own definition has it: which endpoints there are, and what they answer.

    endpoint = find("GET", "/v1.41/networks/web")        # NetworkInspect
    problems(endpoint, 200, "application/json", body)    # [] or sentences
    check("NetworkInspect", network.attrs)               # one document, by an operation's id

The definition is Swagger 2.0, whose schemas are those of JSON Schema (draft 4) but for
`x-nullable`. Docker itself does not keep to it everywhere: each place where it does not, and we
follow docker rather than its definition, is a line in one of the lists here, with its reason.
"""

from __future__ import annotations

import functools
import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import jsonschema
from jsonschema.exceptions import best_match

SPECIFICATION = Path(__file__).parent / "schemas" / "docker-engine-api-v1.47.json"

NIL = "Go writes a list, a map or a pointer with nothing in it as null"

NULL_TOO: Mapping[str, str] = {
    "SystemInfo.GenericResources": NIL,
    "SystemInfo.Warnings": NIL,
    "PluginsInfo.Authorization": NIL,
    "SystemDataUsage.Images": NIL,
    "SystemDataUsage.Containers": NIL,
    "SystemDataUsage.Volumes": NIL,
    "SystemDataUsage.BuildCache": NIL,
    "ImageSummary.RepoDigests": NIL,
    "ImageSummary.Labels": NIL,
    "ImageConfig.Env": NIL,
    "ImageConfig.Cmd": NIL,
    "ImageConfig.Volumes": NIL,
    "ImageConfig.Entrypoint": NIL,
    "ImageConfig.Labels": NIL,
    "ImageHistoryResponseItem.Tags": NIL,
    "IPAM.Options": NIL,
    "VolumeListResponse.Warnings": NIL,
    "VolumeListResponse.Volumes": NIL,
    "Volume.Labels": NIL,
    "Volume.Options": NIL,
    "ExecInspect.ExitCode": "it has not ended",
    "EndpointSettings.DNSNames": NIL,
    "EndpointSettings.Links": NIL,
    "EndpointSettings.Aliases": NIL,
    "ContainerConfig.Env": NIL,
    "ContainerConfig.Cmd": NIL,
    "ContainerConfig.Volumes": NIL,
    "ContainerConfig.Entrypoint": NIL,
    "Resources.BlkioDeviceReadBps": NIL,
    "Resources.BlkioDeviceWriteBps": NIL,
    "Resources.BlkioDeviceReadIOps": NIL,
    "Resources.BlkioDeviceWriteIOps": NIL,
    "Resources.DeviceCgroupRules": NIL,
    "Resources.DeviceRequests": NIL,
    "Resources.MemorySwappiness": NIL,
    "Resources.Ulimits": NIL,
    "HostConfig.Binds": NIL,
    "HostConfig.VolumesFrom": NIL,
    "HostConfig.CapAdd": NIL,
    "HostConfig.CapDrop": NIL,
    "HostConfig.ExtraHosts": NIL,
    "HostConfig.GroupAdd": NIL,
    "HostConfig.Links": NIL,
    "HostConfig.SecurityOpt": NIL,
    "ContainerWaitResponse.Error": NIL,
    "ContainerPrune.ContainersDeleted": NIL,
    "NetworkPrune.NetworksDeleted": NIL,
    "VolumePrune.VolumesDeleted": NIL,
    "ImagePrune.ImagesDeleted": NIL,
    "BuildPrune.CachesDeleted": NIL,
}
"""Members that may be null though the definition does not say so, and why."""

STATUSES: Mapping[tuple[str, int], str] = {
    ("*", 400): "a bad query, header or body is refused everywhere, and said only of some",
    ("*", 500): "of the engine's own failures",
    ("*", 501): "what is not implemented: docs/API.md",
    ("ExecStart", 101): "as for attach: a client that asks for an upgrade gets one",
    ("ImageGet", 404): "docker's answer for an image that is not there",
    ("ImageGetAll", 404): "docker's answer for an image that is not there",
    ("ImageCreate", 401): "what the registry answers is told on: who is there?",
    ("DistributionInspect", 404): "docker's answer for an image that no registry has",
    ("VolumeCreate", 404): "docker's answer for a driver that is not there",
    ("NetworkCreate", 503): "an overlay network needs a swarm",
    ("ContainerPause", 409): "docker's answer where the state forbids it",
    ("ContainerUnpause", 409): "docker's answer where the state forbids it",
    ("ContainerStart", 409): "docker's answer for one that is paused",
    ("ContainerList", 404): "docker's answer where a filter names a container that is not there",
    ("ContainerLogs", 409): "of a container that keeps no log; dockerd has a 500 for it",
    ("ContainerTop", 409): "docker's answer for one that does not run",
    ("ImageBuild", 404): "docker's answer for a base image that nobody has, before the first line",
    ("ImageList", 404): "docker's answer where a filter names an image that is not there",
    ("NetworkCreate", 409): "docker's answer for a name that is taken",
}
"""Answers that the definition does not have, by operation ("*": all of them), and why."""

LINES: Mapping[str, str] = {
    "SystemEvents": "EventMessage",
    "ImageCreate": "CreateImageInfo",
    "ImageBuild": "BuildInfo",
    "ImagePush": "PushImageInfo",
    "ImageLoad": "BuildInfo",
    "ContainerStats": "ContainerStats",
}
"""Streams of documents, one a line. Of most the definition gives the lines no schema, but has one
under this name.
"""

LEFT_OUT = {
    "HostConfig": {"KernelMemoryTCP", "Mounts", "Annotations", "StorageOpt", "Init"},
    "Config": {"NetworkDisabled", "MacAddress", "ArgsEscaped", "ExposedPorts", "Healthcheck"},
    "State": {"Health"},
}
"""Members that docker, too, leaves out where they say nothing. (omitempty in its Go sources)"""

LEFT_OUT["HostConfig"] |= {"Tmpfs", "Sysctls"}
LEFT_OUT["Config"] |= {"StopSignal", "StopTimeout", "Shell"}

_MOMENT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,9})?(Z|[+-]\d\d:\d\d)", re.ASCII)

_formats = jsonschema.FormatChecker(formats=())


@_formats.checks("dateTime")
@_formats.checks("date-time")
def _is_moment(value: object) -> bool:
    """RFC 3339, as Go writes it."""
    return not isinstance(value, str) or _MOMENT.fullmatch(value) is not None


@dataclass(frozen=True, slots=True)
class Endpoint:
    """One operation of the definition."""

    id: str
    method: str
    template: str
    tag: str
    responses: Mapping[str, Mapping[str, Any]]


@functools.cache
def definition() -> Mapping[str, Any]:
    """All of it."""
    found: Mapping[str, Any] = json.loads(SPECIFICATION.read_text())
    return found


@functools.cache
def endpoints() -> tuple[Endpoint, ...]:
    """Every operation, in the definition's order."""
    return tuple(
        Endpoint(each["operationId"], method.upper(), template, each["tags"][0], each["responses"])
        for template, operations in definition()["paths"].items()
        for method, each in operations.items()
    )


def find(method: str, path: str) -> Endpoint | None:
    """The operation that a request with this path (with or without a version) asks for."""
    bare = re.sub(r"^/v\d+\.\d+(?=/)", "", path.partition("?")[0])
    fitting = [each for each in endpoints() if _pattern(each.template).fullmatch(bare)]
    named = [each for each in fitting if each.method == method]
    return min(named, key=lambda each: each.template.count("{"), default=None)


@functools.cache
def _pattern(template: str) -> re.Pattern[str]:
    """The names of images have slashes."""
    parts = re.split(r"\{\w+\}", template)
    return re.compile(".+".join(map(re.escape, parts)))


def problems(endpoint: Endpoint, status: int, kind: str, body: bytes) -> list[str]:
    """What an answer has that it should not have, or lacks. `kind` is its Content-Type. The last
    line of a stream may be cut off: its reader has gone.
    """
    if found := status_problems(endpoint, status):
        return found
    schema = endpoint.responses.get(str(status), {}).get("schema")
    if status in (204, 304):
        return [f"{status} with a body"] if body else []
    if status >= 400:
        return _of_document("ErrorResponse", kind, body)
    if endpoint.id in LINES and kind.startswith("application/json"):
        lines = body.split(b"\n")[:-1] if b"\n" in body else []
        return [each for line in lines if line.strip() for each in _line(endpoint, line)]
    if schema is None or schema.get("type") == "string":
        return []
    return _of_document(endpoint.id, kind, body)


def status_problems(endpoint: Endpoint, status: int) -> list[str]:
    """The same for an answer without a document."""
    known = {(endpoint.id, status), ("*", status)} & STATUSES.keys()
    if known or str(status) in endpoint.responses:
        return []
    return [f"the status {status} is none of this operation"]


def _line(endpoint: Endpoint, line: bytes) -> list[str]:
    return _of_document(LINES[endpoint.id], "application/json", line)


def _of_document(name: str, kind: str, body: bytes) -> list[str]:
    if not kind.startswith("application/json"):
        return [f"the type {kind!r} of an answer that is JSON"]
    try:
        document = json.loads(body)
    except ValueError as error:
        return [f"not JSON: {error}: {body[:80]!r}"]
    return [
        f"{_told(best_match([error]) or error)}" for error in _validator(name).iter_errors(document)
    ]


def _told(error: jsonschema.ValidationError) -> str:
    return f"{error.json_path} {error.message[:300]}"


def check(name: str, document: Any) -> None:
    """Raises jsonschema.ValidationError. `name` is one of the definitions, or of an operation
    whose answer it is.
    """
    _validator(name).validate(document)


@functools.cache
def _validator(name: str) -> jsonschema.Draft4Validator:
    schemas = _schemas()
    if name not in schemas:
        schemas = {**schemas, name: _converted(_answer(name), name)}
    schema = {"$ref": f"#/definitions/{name}", "definitions": schemas}
    return jsonschema.Draft4Validator(schema, format_checker=_formats)


@functools.cache
def _schemas() -> Mapping[str, dict[str, Any]]:
    return {key: _converted(each, key) for key, each in definition()["definitions"].items()}


def _answer(operation: str) -> Mapping[str, Any]:
    """The schema of an operation's good answer."""
    responses = next(each.responses for each in endpoints() if each.id == operation)
    found: Mapping[str, Any] = next(
        each["schema"] for status, each in responses.items() if status < "3" and "schema" in each
    )
    return found


def places() -> set[str]:
    """The names of all schemas, and of all that they consist of."""
    found: set[str] = set()
    for name in (*definition()["definitions"], *(each.id for each in endpoints() if _has(each))):
        found |= set(_places(definition()["definitions"].get(name) or _answer(name), name))
    return found


def _has(endpoint: Endpoint) -> bool:
    return any("schema" in each for status, each in endpoint.responses.items() if status < "3")


def _places(schema: Mapping[str, Any], name: str) -> Iterator[str]:
    yield name
    for each, of in schema.get("properties", {}).items():
        yield from _places(of, f"{name}.{each}")
    for part in schema.get("allOf", ()):
        yield from _places(part, name)
    if "items" in schema:
        yield from _places(schema["items"], f"{name}[]")
    if isinstance(more := schema.get("additionalProperties"), dict):
        yield from _places(more, f"{name}.*")


def _converted(schema: Mapping[str, Any], name: str) -> dict[str, Any]:
    """Swagger's schema as JSON Schema's. `name` says where it stands: "Network.IPAM"."""
    found: dict[str, Any] = {}
    for key, value in schema.items():
        match key:
            case "properties":
                found[key] = {each: _converted(of, f"{name}.{each}") for each, of in value.items()}
            case "items":
                found[key] = _converted(value, f"{name}[]")
            case "additionalProperties" if isinstance(value, dict):
                found[key] = _converted(value, f"{name}.*")
            case "allOf":
                found[key] = [_converted(each, name) for each in value]
            case "x-nullable":
                pass
            case _:
                found[key] = value
    if not (schema.get("x-nullable") or name in NULL_TOO):
        return found
    return {"anyOf": [{"type": "null"}, found]}


def members(name: str) -> Iterator[str]:
    """The names that a document of this definition, or answer of this operation, has."""
    known = definition()["definitions"]
    yield from _members(known[name] if name in known else _answer(name))


def _members(schema: Mapping[str, Any]) -> Iterator[str]:
    for part in schema.get("allOf", [schema]):
        if "$ref" in part:
            yield from members(part["$ref"].rpartition("/")[2])
        yield from part.get("properties", {})
