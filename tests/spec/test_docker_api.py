"""Each endpoint of docker's definition is in our table, or in the list of those that are not."""

from __future__ import annotations

import re
from typing import Any

import pytest
from witness import docker_api

from runtime.api import routes

api = docker_api()
routes.load()

BESIDE = {
    ("POST", "/grpc"): "what BuildKit's client asks for, in no definition",
}
"""Endpoints that the definition does not have, and why we know them."""


def shape(method: str, template: str) -> tuple[str, str]:
    """The names in braces are each one's own business."""
    return method, re.sub(r"\{\w+\}", "{}", template)


ANSWERED = {shape(each.method, each.template) for each in routes.ROUTES}
REFUSED = {shape(*each) for each in routes.NOT_IMPLEMENTED}


@pytest.mark.parametrize("endpoint", api.endpoints(), ids=lambda each: each.id)
def test_an_endpoint_is_answered_or_refused_with_a_reason(endpoint: Any) -> None:
    wanted = shape(endpoint.method, endpoint.template)
    assert (wanted in ANSWERED) != (wanted in REFUSED)


def test_there_is_nothing_else() -> None:
    defined = {shape(each.method, each.template) for each in api.endpoints()}
    assert (ANSWERED | REFUSED) - defined == {shape(*each) for each in BESIDE}


@pytest.mark.parametrize("endpoint", api.endpoints(), ids=lambda each: each.id)
def test_a_path_leads_to_its_own_handler(endpoint: Any) -> None:
    """A name may hold slashes, so that of two templates the wrong one could fit."""
    path = re.sub(r"\{\w+\}", "localhost:5000/a/b", endpoint.template)
    found = routes.find(endpoint.method, path)
    template = found[0].template if found else (routes.why_not(endpoint.method, path) or ("",))[0]
    assert shape("", template) == shape("", endpoint.template)
