"""What a handler is asked: parameters and bodies are read, or refused by their names."""

from __future__ import annotations

from typing import Any, cast

import pytest

from runtime.api import errors, routes
from runtime.api.call import LARGEST_DOCUMENT, Call
from runtime.api.creation import read_create, read_update
from runtime.api.errors import Refused, document_of, status_of
from runtime.errors import CommandNotStarted, Conflict, InvalidInput, NotFound, RegistryError
from runtime.oci.document import Document


def call(query: dict[str, list[str]] | None = None, *pieces: bytes) -> Call:
    """A request of which the engine does not matter."""
    return Call(cast(Any, None), "POST", "/x", query=query or {}, pieces=lambda: iter(pieces))


@pytest.mark.parametrize("text", ["", "0", "no", "False", " none "])
def test_a_query_says_no(text: str) -> None:
    assert not call({"all": [text]}).flag("all", default=True)


@pytest.mark.parametrize("text", ["1", "true", "yes", "anything"])
def test_a_query_says_yes(text: str) -> None:
    assert call({"all": [text]}).flag("all")


def test_a_number_is_whole_or_refused() -> None:
    assert call({"t": ["5"]}).whole("t") == 5 and call().whole("t", 7) == 7
    for text in ("5s", "9" * 5000, "1_0", "٣"):
        with pytest.raises(InvalidInput, match="t takes a whole number"):
            call({"t": [text]}).whole("t")


def test_filters_in_both_of_dockers_ways() -> None:
    for text in ('{"label": {"a": true, "b": false}}', '{"label": ["a"]}'):
        assert call({"filters": [text]}).filters() == {"label": ["a"]}
    for text in ("[]", "{", '{"a": 1}', '{"a": [1]}', "[" * 100_000):
        with pytest.raises(InvalidInput, match="filters is no JSON object"):
            call({"filters": [text]}).filters()


def test_a_body_has_a_limit() -> None:
    with pytest.raises(Refused) as refused:
        call(None, *[b" " * (1 << 20)] * ((LARGEST_DOCUMENT >> 20) + 1)).document()
    assert refused.value.status == 413


def test_half_a_character_is_refused() -> None:
    with pytest.raises(InvalidInput, match="half a character"):
        call(None, rb'{"Name": "\ud800"}').document()
    assert call(None, rb'{"Name": "\ud83c\udffa \\ud800"}').json() == {"Name": "🏺 \\ud800"}


def test_errors_have_dockers_statuses_and_words() -> None:
    assert status_of(NotFound("x")) == 404 and status_of(Conflict("x")) == 409
    assert status_of(InvalidInput("x")) == 400 and status_of(RegistryError("x", status=401)) == 401
    assert status_of(RegistryError("x", status=502)) == 500
    gone = NotFound("no such container: {name}", name="web")
    assert document_of(gone) == {"message": "No such container: web"}
    missing = CommandNotStarted("{command} is not there", exit_code=127, command="x")
    assert "executable file not found" in document_of(missing)["message"]
    assert set(errors.WHY_NOT_STARTED) == {126, 127}


def test_names_in_paths_may_hold_slashes() -> None:
    routes.load()
    found = routes.find("GET", "/containers/a%2Fb/c/json")
    assert found is not None and found[1] == {"name": "a/b/c"}
    listed = routes.find("GET", "/containers/json")
    assert listed is not None and listed[0].template == "/containers/json"
    assert routes.find("PATCH", "/containers/json") is None


def test_empty_members_ask_for_nothing() -> None:
    host = {"Memory": 0, "Binds": None, "MemorySwappiness": -1, "Isolation": "", "Init": None}
    image, options = read_create(
        Document({"Image": "x", "HostConfig": host, "Labels": {}, "Env": None}, "body")
    )
    assert image == "x" and {key: value for key, value in options.items() if value} == {}


def test_places_and_binds_are_volumes() -> None:
    body = {"Image": "x", "Volumes": {"/data": {}}, "HostConfig": {"Binds": ["/a:/b"]}}
    assert read_create(Document(body, "body"))[1]["volumes"] == ("/data", "/a:/b")


def test_only_some_things_can_be_changed_later() -> None:
    assert read_update(Document({"Memory": 1 << 26}, "body")) == {"mem_limit": 1 << 26}
    with pytest.raises(InvalidInput, match="cannot be changed later"):
        read_update(Document({"Privileged": True}, "body"))


def test_open_system_paths_are_two_empty_lists() -> None:
    def read(**host: object) -> dict[str, object]:
        return read_create(Document({"Image": "x", "HostConfig": host}, "body"))[1]

    assert read(MaskedPaths=[], ReadonlyPaths=[])["security_opt"] == ["systempaths=unconfined"]
    assert "security_opt" not in read(MaskedPaths=None, ReadonlyPaths=None)
    with pytest.raises(InvalidInput, match=r"HostConfig\.MaskedPaths"):
        read(MaskedPaths=[])
    with pytest.raises(InvalidInput, match=r"HostConfig\.ReadonlyPaths"):
        read(ReadonlyPaths=["/proc/x"])
    with pytest.raises(InvalidInput, match="annotations"):
        read(Annotations={"a": "b"})
