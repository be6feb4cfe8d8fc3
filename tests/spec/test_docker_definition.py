"""Our copy of docker's definition, and what we know it to be wrong about."""

from __future__ import annotations

import pytest
from witness import docker_api

api = docker_api()


def test_all_of_it_is_there() -> None:
    assert len(api.endpoints()) == 107
    assert api.definition()["basePath"] == "/v1.47"


@pytest.mark.parametrize(
    ("method", "path", "operation"),
    [
        ("GET", "/v1.47/containers/json", "ContainerList"),
        ("GET", "/containers/json/json", "ContainerInspect"),
        ("GET", "/v1.24/images/a/b:c/json?x=/", "ImageInspect"),
        ("DELETE", "/images/localhost:5000/a/b", "ImageDelete"),
        ("GET", "/images/get", "ImageGetAll"),
        ("HEAD", "/_ping", "SystemPingHead"),
        ("PATCH", "/images/get", None),
        ("GET", "/v1.47/nothing", None),
    ],
)
def test_a_path_leads_to_its_operation(method: str, path: str, operation: str | None) -> None:
    found = api.find(method, path)
    assert (found and found.id) == operation


def test_every_exception_is_about_something() -> None:
    assert api.NULL_TOO.keys() - api.places() == set()
    operations = {each.id for each in api.endpoints()} | {"*"}
    assert {operation for operation, _ in api.STATUSES} - operations == set()
    assert api.LINES.keys() - operations == set()


def test_null_is_only_where_it_may_be() -> None:
    api.check("ContainerWait", {"StatusCode": 0, "Error": None})
    with pytest.raises(api.jsonschema.ValidationError):
        api.check("ContainerWait", {"StatusCode": None})
    api.check("BuildCache", {"Parents": None})  # x-nullable
    with pytest.raises(api.jsonschema.ValidationError):
        api.check("BuildCache", {"Type": None})
