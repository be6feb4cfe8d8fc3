"""Authentication: what a registry wants to see, and who gets to see what.

    401 Bearer realm="https://auth.example/token",service="…"      the registry sends us on
    GET https://auth.example/token?service=…&scope=…               there a password buys a token
    {"token": "…", "expires_in": 300}                              for these scopes, for a while
    Authorization: Bearer …                                        which the registry believes

Basic is the same without the middle. A token is asked for once for each set of scopes, and again
when its time is nearly over or the registry no longer takes it.

Rule: a password goes to the registry that it is for, and to the token server that this registry
names, if that is not by a worse road: never in the clear where the registry itself is not.

distribution.github.io/distribution/spec/auth (token, oauth2, scope)
"""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlencode, urlsplit

from runtime.errors import CutOff, RegistryError
from runtime.registry.credentials import Credential
from runtime.registry.messages import Challenge, parse_challenges
from runtime.registry.transport import LATER, Answer, Transport

CLIENT_ID = "onggi"
USUAL_LIFE_S = 60
"""What a token has that does not say when it expires: the specification's."""

_MARGIN_S = 5
_TOKEN_BYTES = 1 << 20

Scopes = frozenset[str]


class Authenticator:
    """The Authorization headers for one registry, at `base` (scheme and host)."""

    def __init__(self, transport: Transport, base: str, credential: Credential | None) -> None:
        self._transport = transport
        self._base = base
        self._credential = credential
        self._challenge: Challenge | None = None
        self._tokens: dict[Scopes, tuple[str, float]] = {}
        self._lock = threading.Lock()

    def headers(self, scopes: Scopes) -> dict[str, str]:
        """What to send with a request that needs `scopes`; nothing while nobody has asked for it.

        Raises RegistryError, CutOff: the token server's.
        """
        challenge = self._challenge
        if challenge is None:
            return {}
        if self._credential and self._credential.registry_token:
            return {"Authorization": f"Bearer {self._credential.registry_token}"}
        if challenge.scheme == "basic":
            return {"Authorization": self._credential.basic} if self._credential else {}
        return {"Authorization": f"Bearer {self._token(challenge, scopes)}"}

    def learn(self, answer: Answer, scopes: Scopes, sent: str) -> bool:
        """After a 401 to the header `sent` ("" for none): whether another try makes sense."""
        challenges = parse_challenges(answer.headers("WWW-Authenticate"))
        offered = {each.scheme: each for each in challenges}
        challenge = offered.get("bearer") or offered.get("basic")
        if challenge is None:
            return False
        with self._lock:
            self._challenge = challenge
            if sent == f"Bearer {self._tokens.get(scopes, ('', 0.0))[0]}":
                del self._tokens[scopes]
        return challenge.scheme == "bearer" or (self._credential is not None and not sent)

    def _token(self, challenge: Challenge, scopes: Scopes) -> str:
        with self._lock:
            token, ends_s = self._tokens.get(scopes, ("", 0.0))
            if time.monotonic() < ends_s:
                return token
            token, life_s = self._buy(challenge, scopes)
            self._tokens[scopes] = (token, time.monotonic() + life_s - _MARGIN_S)
            return token

    def _buy(self, challenge: Challenge, scopes: Scopes) -> tuple[str, float]:
        """A new token, and how many seconds it lives."""
        address = self._transport.allowed(challenge.realm, self._base)
        is_public = self._transport.is_public(self._base)
        credential = self._credential
        if credential and credential.identity_token:
            form = urlencode(
                {
                    "grant_type": "refresh_token",
                    "service": challenge.service,
                    "client_id": CLIENT_ID,
                    "refresh_token": credential.identity_token,
                    "scope": " ".join(sorted(scopes)),
                }
            ).encode()
            headers = {"Content-Type": "application/x-www-form-urlencoded"}
            with self._transport.ask(
                "POST", address, headers, form, public_only=is_public
            ) as answer:
                return self._read(answer)
        query: list[tuple[str, str]] = [("scope", scope) for scope in sorted(scopes)]
        query += [("service", challenge.service)] if challenge.service else []
        query += [("account", credential.username)] if credential else []
        mark = "&" if urlsplit(address).query else "?"
        headers = {"Authorization": credential.basic} if credential else {}
        with self._transport.ask(
            "GET", f"{address}{mark}{urlencode(query)}", headers, public_only=is_public
        ) as answer:
            return self._read(answer)

    def _read(self, answer: Answer) -> tuple[str, float]:
        host = urlsplit(answer.address).netloc
        if answer.status in LATER:
            raise CutOff(
                "the token server {host} answers {status}",
                host=host,
                status=answer.status,
                wait_s=answer.wait_s,
            )
        body = answer.read(_TOKEN_BYTES)
        if answer.status != 200:
            raise RegistryError(
                "the token server {host} gives no token: status {status}",
                hint="is the name or the password wrong? `onggi login {registry}` keeps new ones",
                code="UNAUTHORIZED" if answer.status in (400, 401, 403) else "",
                status=answer.status,
                host=host,
                registry=urlsplit(self._base).netloc,
            )
        said = _object(body)
        token = said.get("token") or said.get("access_token")
        if not isinstance(token, str) or not token.isascii() or not token.isprintable():
            raise RegistryError(
                "the token server {host} sends what is no token", host=host, status=answer.status
            )
        life = said.get("expires_in")
        return token, life if isinstance(life, int | float) and life > 0 else USUAL_LIFE_S


def _object(body: bytes) -> Mapping[str, Any]:
    try:
        value = json.loads(body)
    except (ValueError, RecursionError):
        return {}
    return value if isinstance(value, dict) else {}
