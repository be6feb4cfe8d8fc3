"""Docker's config.json: what docker has written we read, and what we write docker reads."""

from __future__ import annotations

import base64
import json
import os
from pathlib import Path
from typing import Any

import pytest

from runtime.errors import InvalidInput, OnggiError
from runtime.registry.credentials import HUB_KEY, Credential, CredentialFile

AUTH = base64.b64encode(b"learner:jeot:gal").decode()


def written(path: Path, members: dict[str, Any]) -> CredentialFile:
    path.write_text(json.dumps(members))
    return CredentialFile(path)


@pytest.mark.parametrize(
    ("key", "registry"),
    [
        ("registry.example:5000", "registry.example:5000"),
        ("https://registry.example/v1/", "registry.example"),
        (HUB_KEY, "docker.io"),
    ],
)
def test_keys_as_docker_writes_them(tmp_path: Path, key: str, registry: str) -> None:
    file = written(tmp_path / "c", {"auths": {key: {"auth": AUTH}}})
    assert file.find(registry) == Credential("learner", "jeot:gal")
    assert file.find("other.example") is None


def test_nobody_else_gets_what_is_for_the_hub(tmp_path: Path) -> None:
    file = written(tmp_path / "c", {"auths": {HUB_KEY: {"auth": AUTH}}})
    assert file.find("index.docker.io.evil.example") is None
    assert file.find("docker.io.evil") is None


def test_an_identity_token(tmp_path: Path) -> None:
    entry = {"auth": base64.b64encode(b"learner:").decode(), "identitytoken": "t"}
    file = written(tmp_path / "c", {"auths": {"r:1": entry}})
    found = file.find("r:1")
    assert found is not None and found.identity_token == "t"
    file.keep("s:1", found)
    assert file.find("s:1") == found


def test_what_is_kept_is_for_its_owner_only_and_changes_nothing_else(tmp_path: Path) -> None:
    path = tmp_path / "deep/config.json"
    file = CredentialFile(path)
    assert file.find("r:1") is None and file.forget("r:1") is False and not path.exists()
    file.keep("r:1", Credential("learner", "jeotgal"))
    members = json.loads(path.read_text())
    path.write_text(json.dumps({**members, "HttpHeaders": {"한": "글"}}))
    file.keep("s:1", Credential("other", "x"))
    assert path.stat().st_mode & 0o777 == 0o600
    assert path.parent.stat().st_mode & 0o777 == 0o700
    assert json.loads(path.read_text())["HttpHeaders"] == {"한": "글"}
    assert file.forget("r:1") is True
    assert (file.find("r:1"), file.find("s:1")) == (None, Credential("other", "x"))
    assert os.listdir(path.parent) == ["config.json"]


def test_a_link_stays_a_link(tmp_path: Path) -> None:
    (tmp_path / "real").write_text("{}")
    (tmp_path / "link").symlink_to("real")
    CredentialFile(tmp_path / "link").keep("r:1", Credential("a", "b"))
    assert (tmp_path / "link").is_symlink() and "r:1" in (tmp_path / "real").read_text()


@pytest.mark.parametrize("text", ["{", "[]", '{"auths": {"r:1": {"auth": "%%%"}}}'])
def test_a_damaged_file_is_refused(tmp_path: Path, text: str) -> None:
    (tmp_path / "c").write_text(text)
    with pytest.raises(InvalidInput, match="cannot be read"):
        CredentialFile(tmp_path / "c").find("r:1")


def test_a_password_is_not_shown() -> None:
    assert "secret" not in repr(Credential("a", "secret", "secret"))


HELPER = """#!/bin/sh
echo "$1 $(cat)" >> "$HELPER_LOG"
case "$1" in
get) if [ "$HELPER_KNOWS" ]; then echo '{"ServerURL": "r", "Username": "u", "Secret": "s"}'
     else echo 'credentials not found in native keychain'; exit 1; fi;;
store) [ -z "$HELPER_BROKEN" ] || { echo broken >&2; exit 1; };;
esac
"""


def test_a_helper_keeps_what_the_file_does_not(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "docker-credential-test").write_text(HELPER)
    (tmp_path / "docker-credential-test").chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    monkeypatch.setenv("HELPER_LOG", str(tmp_path / "log"))
    file = written(tmp_path / "c", {"credHelpers": {"r:1": "test"}, "auths": {}})
    assert file.find("r:1") is None
    assert file.keep("r:1", Credential("u", "s")) == "test"
    monkeypatch.setenv("HELPER_KNOWS", "1")
    assert file.find("r:1") == Credential("u", "s")
    assert file.forget("r:1") is True
    log = (tmp_path / "log").read_text().splitlines()
    assert [line.split(" ")[0] for line in log] == ["get", "store", "get", "get", "erase"]
    assert json.loads(log[1].removeprefix("store ")) == {
        "ServerURL": "r:1",
        "Username": "u",
        "Secret": "s",
    }
    assert "s" not in (tmp_path / "c").read_text().replace("credHelpers", "").replace(
        "auths", ""
    ).replace("test", "")
    monkeypatch.setenv("HELPER_BROKEN", "1")
    with pytest.raises(OnggiError, match="docker-credential-test failed: broken"):
        file.keep("r:1", Credential("u", "s"))


def test_a_helper_is_a_name_and_no_path(tmp_path: Path) -> None:
    file = written(tmp_path / "c", {"credsStore": "../../bin/sh"})
    with pytest.raises(InvalidInput, match="no name of a credential helper"):
        file.find("r:1")
