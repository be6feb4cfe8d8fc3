"""Docker's lines of a build, and what a request for one says."""

from __future__ import annotations

import base64
import json
from typing import Any, cast

import pytest

from runtime.api.build import Said, _options
from runtime.api.call import Call
from runtime.api.credentials import auth_config, auth_configs
from runtime.build import events
from runtime.engine import Engine
from runtime.errors import InvalidInput
from runtime.oci.digest import DiffID
from runtime.registry.server.answers import Headers

DIFF = DiffID("sha256:" + "ab" * 32)
NOBODY = cast(Engine, None)


def call(query: dict[str, list[str]] | None = None, **headers: str) -> Call:
    """A request for a build."""
    named = Headers((name.replace("_", "-"), value) for name, value in headers.items())
    return Call(NOBODY, "POST", "/build", query=query or {}, headers=named)


def test_events_are_dockers_lines() -> None:
    lines: list[Any] = []
    said = Said(lines.append)
    for event in (
        events.StepStarted(1, 2, "FROM x"),
        events.StepDone(0.1),
        events.StepStarted(2, 2, "RUN y"),
        events.Output("stdout", "김".encode()[:2]),
        events.Output("stderr", b"!"),
        events.Output("stdout", "김".encode()[2:]),
        events.LayerWritten(DIFF, 7),
        events.StepCached(DIFF),
        events.UnusedBuildArguments(("A", "B")),
    ):
        said.event(event)
    assert [line["stream"] for line in lines] == [
        *("Step 1/2 : FROM x", "\n", "Step 2/2 : RUN y", "\n", "!", "김"),
        *(" ---> abababababab\n", " ---> Using cache\n", " ---> abababababab\n"),
        "[Warning] One or more build-args [A B] were not consumed\n",
    ]


def test_a_request_is_read_as_docker_reads_it() -> None:
    found = _options(
        call(
            {
                "t": ["a:1", ""],
                "buildargs": ['{"A":"1","B":null}'],
                "labels": ["null"],
                "memory": ["0"],
                "cpushares": ["7"],
                "ulimits": ["null"],
                "extrahosts": [""],
                "nocache": ["1"],
                "cachefrom": ["[]"],
            }
        )
    )
    assert found["tag"] == ["a:1"] and found["buildargs"] == {"A": "1"} and found["labels"] == {}
    assert found["container_limits"] == {"cpushares": "7"} and found["ulimits"] == []
    assert found["extra_hosts"] == [] and found["nocache"] and found["dockerfile"] == "Dockerfile"
    assert found["auth_configs"] == {} and "fileobj" in found and "path" not in found
    remote = _options(call({"remote": ["https://x/y.git"]}))
    assert remote["path"] == "https://x/y.git" and remote["dockerfile"] is None


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("buildargs", "{"),
        ("buildargs", "[]"),
        ("buildargs", '{"A":1}'),
        ("labels", '"x"'),
        ("ulimits", "{}"),
        ("shmsize", "x"),
        ("cgroupparent", "/x"),
        ("outputs", '[{"Type":"local"}]'),
    ],
)
def test_what_is_wrong_is_named(name: str, text: str) -> None:
    with pytest.raises(InvalidInput) as error:
        _options(call({name: [text]}))
    assert name in error.value.message


def encoded(value: Any, padding: str = "=") -> str:
    """As a header."""
    return base64.urlsafe_b64encode(json.dumps(value).encode()).decode().rstrip("=" + padding)


def test_credentials_are_those_that_were_sent() -> None:
    pair = base64.b64encode(b"bori:pass:word").decode()
    assert auth_config(call()) == {} and auth_config(call(X_Registry_Auth="rubbish!")) == {}
    assert auth_config(call(X_Registry_Auth=encoded({}))) == {}
    named = auth_config(call(X_Registry_Auth=encoded({"username": "u", "password": "p", "x": 1})))
    assert named == {"username": "u", "password": "p"}
    joined = auth_config(call(X_Registry_Auth=encoded({"auth": pair})))
    assert joined["username"] == "bori" and joined["password"] == "pass:word"
    several = auth_configs(call(X_Registry_Config=encoded({"r:5000": {"auth": pair}, "x": 1})))
    assert several == {"r:5000": joined}
