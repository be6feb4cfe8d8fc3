"""Credentials: who we are to a registry, in docker's own file, so that both know each other's.

    $DOCKER_CONFIG/config.json, else ~/.docker/config.json
    {"auths": {"registry.example:5000": {"auth": base64 of name:password}},
     "credsStore": "secretservice", "credHelpers": {"gcr.example": "gcr"}}

A helper is a program, `docker-credential-NAME`, that keeps them elsewhere. The file is written
under another name first, readable for its owner only; members that we do not know stay.

docs.docker.com/reference/cli/docker/login; github.com/docker/docker-credential-helpers
"""

from __future__ import annotations

import base64
import contextlib
import json
import os
import subprocess
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from runtime.errors import InvalidInput, OnggiError
from runtime.oci.reference import DEFAULT_DOMAIN

HUB_KEY = "https://index.docker.io/v1/"
"""Under which docker keeps what is for Docker Hub."""

_TOKEN_NAME = "<token>"  # noqa: S105 (what a helper calls the owner of an identity token)
_HELPER_PATIENCE_S = 60


@dataclass(frozen=True, slots=True)
class Credential:
    """A name with its password; or an identity token, which a token server takes for both; or a
    registry token: what a token server would give.
    """

    username: str = ""
    password: str = field(default="", repr=False)
    identity_token: str = field(default="", repr=False)
    registry_token: str = field(default="", repr=False)

    @property
    def basic(self) -> str:
        """The Authorization header of HTTP's Basic scheme. RFC 7617"""
        pair = f"{self.username}:{self.password}".encode()
        return "Basic " + base64.b64encode(pair).decode()

    @classmethod
    def of(cls, given: Mapping[str, str]) -> Credential:
        """What docker's SDK calls an auth_config."""
        return cls(
            given.get("username", ""),
            given.get("password", ""),
            given.get("identitytoken", "") or given.get("identity_token", ""),
            given.get("registrytoken", ""),
        )


class CredentialFile:
    """Docker's config.json. Whoever reads it gets what it says at that moment."""

    def __init__(self, path: Path | None = None) -> None:
        self.path = path or _directory() / "config.json"

    def find(self, registry: str) -> Credential | None:
        """What is known for a registry (host[:port]). Raises InvalidInput for a damaged file,
        OnggiError where a helper fails.
        """
        members = self._read()
        key = key_of(registry)
        if helper := _helper(members, key):
            return _ask_helper(helper, key)
        auths = _object(members.get("auths"))
        for name, entry in auths.items():
            if name == key or (key != HUB_KEY and _host(name) == registry):
                return self._credential(_object(entry))
        return None

    def known(self) -> dict[str, Credential]:
        """All that the file itself knows, by registry (host[:port])."""
        found = {}
        for name, entry in _object(self._read().get("auths")).items():
            if credential := self._credential(_object(entry)):
                found[DEFAULT_DOMAIN if name == HUB_KEY else _host(name)] = credential
        return found

    def keep(self, registry: str, credential: Credential) -> str:
        """Remember it; returns where: the file's path, or the helper's name."""
        members = self._read()
        key = key_of(registry)
        if helper := _helper(members, key):
            name = _TOKEN_NAME if credential.identity_token else credential.username
            secret = credential.identity_token or credential.password
            request = {"ServerURL": key, "Username": name, "Secret": secret}
            _call_helper(helper, "store", json.dumps(request))
            return helper
        entry = {"auth": credential.basic.removeprefix("Basic ")}
        if credential.identity_token:
            pair = base64.b64encode(f"{credential.username}:".encode()).decode()
            entry = {"auth": pair, "identitytoken": credential.identity_token}
        self._write({**members, "auths": {**_object(members.get("auths")), key: entry}})
        return str(self.path)

    def forget(self, registry: str) -> bool:
        """Whether there was something to forget."""
        members = self._read()
        key = key_of(registry)
        if helper := _helper(members, key):
            known = _ask_helper(helper, key) is not None
            if known:
                _call_helper(helper, "erase", key)
            return known
        auths = _object(members.get("auths"))
        kept = {name: entry for name, entry in auths.items() if name not in (key, registry)}
        if len(kept) == len(auths):
            return False
        self._write({**members, "auths": kept})
        return True

    def _credential(self, entry: Mapping[str, Any]) -> Credential | None:
        name, password = str(entry.get("username", "")), str(entry.get("password", ""))
        token = str(entry.get("identitytoken", ""))
        if text := entry.get("auth"):
            try:
                decoded = base64.b64decode(str(text), validate=True).decode()
            except ValueError as cause:
                raise self._damaged(cause) from cause
            name, _, password = decoded.rstrip("\0").partition(":")
        return Credential(name, password, token) if name or token else None

    def _read(self) -> dict[str, Any]:
        try:
            members = json.loads(self.path.read_bytes())
        except FileNotFoundError:
            return {}
        except (ValueError, RecursionError) as cause:
            raise self._damaged(cause) from cause
        if not isinstance(members, dict):
            raise self._damaged("it is no JSON object")
        return members

    def _damaged(self, reason: object) -> InvalidInput:
        return InvalidInput("{file} cannot be read: {reason}", file=self.path, reason=reason)

    def _write(self, members: Mapping[str, Any]) -> None:
        """All or nothing. A link is followed, as docker does: the file may be kept elsewhere."""
        place = Path(os.path.realpath(self.path))
        place.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        descriptor, name = tempfile.mkstemp(dir=place.parent, prefix=place.name)  # mode 600
        try:
            with open(descriptor, "w", encoding="utf-8") as file:
                file.write(json.dumps(members, indent="\t", ensure_ascii=False) + "\n")
                file.flush()
                os.fsync(file.fileno())
            Path(name).rename(place)
        except BaseException:
            Path(name).unlink(missing_ok=True)
            raise


def key_of(registry: str) -> str:
    """Under which name docker keeps a registry's credentials."""
    return HUB_KEY if registry == DEFAULT_DOMAIN else registry


def _directory() -> Path:
    given = os.environ.get("DOCKER_CONFIG")
    return Path(given) if given else Path.home() / ".docker"


def _host(name: str) -> str:
    """A key as older versions wrote it, without scheme and path."""
    return name.removeprefix("https://").removeprefix("http://").partition("/")[0]


def _object(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _helper(members: Mapping[str, Any], key: str) -> str:
    """The helper that is responsible for a registry; "" if it is the file itself."""
    named = _object(members.get("credHelpers")).get(key) or members.get("credsStore") or ""
    if named and (not isinstance(named, str) or not named.replace("-", "").isalnum()):
        raise InvalidInput("this is no name of a credential helper: {name!r}", name=str(named)[:80])
    return str(named)


def _ask_helper(helper: str, key: str) -> Credential | None:
    """None if it knows nothing of the registry."""
    try:
        said = json.loads(_call_helper(helper, "get", key))
        name, secret = str(said["Username"]), str(said["Secret"])
    except (ValueError, KeyError, TypeError):
        return None
    if name == _TOKEN_NAME:
        return Credential(identity_token=secret)
    return Credential(name, secret)


def _call_helper(helper: str, verb: str, request: str) -> str:
    """What it answers; "" if it has no such credentials. Raises OnggiError."""
    program = f"docker-credential-{helper}"
    done: subprocess.CompletedProcess[str] | None = None
    with contextlib.suppress(FileNotFoundError, subprocess.TimeoutExpired):
        done = subprocess.run(
            [program, verb],
            input=request,
            capture_output=True,
            text=True,
            timeout=_HELPER_PATIENCE_S,
            check=False,
        )
    if done is not None and done.returncode == 0:
        return done.stdout
    said = (done.stdout + done.stderr).strip() if done else "no such program, or no answer"
    if verb == "get" and "credentials not found" in said:
        return ""
    raise OnggiError(
        "the credential helper {program} failed: {reason}", program=program, reason=said[:200]
    )
