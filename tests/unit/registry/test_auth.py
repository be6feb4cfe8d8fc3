"""Passwords and tokens, with a registry and a token server on loopback that watch what they get."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from peers import Handler, Peer, running_peer, said

from runtime.errors import RegistryError
from runtime.registry.client import Registry, Repository
from runtime.registry.credentials import Credential
from runtime.registry.transport import Transport
from runtime.registry.trust import Trust

SECRET = Credential("learner", "jeotgal")


class TokenServer:
    """Sells tokens `t1`, `t2`… of which the registry takes only the newest."""

    def __init__(self, registry: Peer, issuer: Peer, **answer: Any) -> None:
        self.sold = 0
        self.answer = answer
        self.issuer = issuer
        self.taken = True
        issuer.answers["/token"] = self.sell
        challenge = f'Bearer realm="http://{issuer.host}/token",service="test"'
        self.challenge = {"WWW_Authenticate": challenge}
        registry.answers["/v2/"] = said(401, b"{}", **self.challenge)
        registry.answers["/v2/app/tags/list"] = self.tell

    def sell(self, handler: Handler) -> None:
        self.sold += 1
        token = {"token": f"t{self.sold}", **self.answer}
        handler.say(200, json.dumps(token).encode())

    def tell(self, handler: Handler) -> None:
        if handler.headers.get("Authorization") == f"Bearer t{self.sold}" and self.taken:
            handler.say(200, b'{"tags": ["1"]}')
        else:
            handler.say(401, b"{}", **self.challenge)

    @property
    def asked(self) -> list[dict[str, list[str]]]:
        return [parse_qs(urlsplit(path).query) for _, path, _ in self.issuer.requests]


@pytest.fixture
def peers() -> Iterator[tuple[Peer, Peer]]:
    with running_peer() as registry, running_peer() as issuer:
        yield registry, issuer


@pytest.fixture
def transport() -> Iterator[Transport]:
    transport = Transport(Trust(folders=()))
    yield transport
    transport.close()


def repository(transport: Transport, peer: Peer, credential: Credential | None) -> Repository:
    return Repository(Registry(peer.host, transport, credential, 2), "app", "pull")


def test_a_token_is_bought_once_with_the_password(
    peers: tuple[Peer, Peer], transport: Transport
) -> None:
    server = TokenServer(*peers)
    end = repository(transport, peers[0], SECRET)
    assert end.tags() == end.tags() == ["1"]
    assert server.asked == [
        {"service": ["test"], "scope": ["repository:app:pull"], "account": ["learner"]}
    ]
    assert peers[1].requests[0][2]["Authorization"] == SECRET.basic
    sent = {headers.get("Authorization", "") for _, _, headers in peers[0].requests}
    assert sent == {"", "Bearer t1"}, "the registry itself never sees the password"


def test_an_expired_token_is_bought_again(peers: tuple[Peer, Peer], transport: Transport) -> None:
    server = TokenServer(*peers, expires_in=1)
    end = repository(transport, peers[0], None)
    assert end.tags() == end.tags() == ["1"]
    assert server.sold == 2


def test_a_token_that_is_no_longer_taken_is_bought_again_once(
    peers: tuple[Peer, Peer], transport: Transport
) -> None:
    server = TokenServer(*peers)
    end = repository(transport, peers[0], SECRET)
    end.tags()
    server.sold += 1  # somebody else has bought one: ours is not the newest any more
    assert end.tags() == ["1"] and server.sold == 3
    server.taken = False
    with pytest.raises(RegistryError, match="refuses access to app") as refused:
        end.tags()
    assert refused.value.status == 401 and server.sold == 4


def test_an_identity_token_is_refreshed(peers: tuple[Peer, Peer], transport: Transport) -> None:
    TokenServer(*peers)
    bodies = []
    sell = peers[1].answers["/token"]

    def watch(handler: Handler) -> None:
        bodies.append(parse_qs(handler.body.decode()))
        sell(handler)

    peers[1].answers["/token"] = watch
    assert repository(transport, peers[0], Credential(identity_token="long")).tags() == ["1"]
    assert peers[1].requests[0][0] == "POST"
    assert bodies[0]["grant_type"] == ["refresh_token"] and bodies[0]["refresh_token"] == ["long"]


@pytest.mark.parametrize(
    ("body", "told"),
    [
        (b"", "is no token"),
        (b"[]", "is no token"),
        (b'{"token": 5}', "is no token"),
        (b'{"token": "a\\r\\nX-Evil: 1"}', "is no token"),
        (b'{"token": "' + b"x" * (2 << 20) + b'"}', "where a short answer is expected"),
    ],
)
def test_a_token_server_that_sells_nonsense(
    peers: tuple[Peer, Peer], transport: Transport, body: bytes, told: str
) -> None:
    TokenServer(*peers)
    peers[1].answers["/token"] = said(200, body)
    with pytest.raises(RegistryError, match=told):
        repository(transport, peers[0], None).tags()


@pytest.mark.parametrize("realm", ["file:///etc/shadow", "", "ftp://127.0.0.1/"])
def test_a_realm_that_is_no_web_address_gets_nothing(
    peers: tuple[Peer, Peer], transport: Transport, realm: str
) -> None:
    peers[0].answers["/v2/"] = said(401, b"{}", WWW_Authenticate=f'Bearer realm="{realm}"')
    with pytest.raises(RegistryError):
        repository(transport, peers[0], SECRET).tags()
    told = [headers.get("Authorization") for _, _, headers in peers[0].requests]
    assert SECRET.basic not in told or realm == ""


def test_a_wrong_password_at_the_token_server(
    peers: tuple[Peer, Peer], transport: Transport
) -> None:
    TokenServer(*peers)
    peers[1].answers["/token"] = said(401, b"{}")
    registry = Registry(peers[0].host, transport, SECRET)
    with pytest.raises(RegistryError, match="gives no token: status 401") as refused:
        registry.sign_in()
    assert refused.value.code == "UNAUTHORIZED"


def test_basic_is_asked_for_before_it_is_sent(
    peers: tuple[Peer, Peer], transport: Transport
) -> None:
    def guarded(handler: Handler) -> None:
        if handler.headers.get("Authorization") == SECRET.basic:
            handler.say(200, b'{"tags": ["1"]}')
        else:
            handler.say(401, b"{}", WWW_Authenticate='Basic realm="x"')

    peers[0].answers["/v2/"] = peers[0].answers["/v2/app/tags/list"] = guarded
    assert repository(transport, peers[0], SECRET).tags() == ["1"]
    assert "Authorization" not in peers[0].requests[0][2]
    with pytest.raises(RegistryError, match="refuses access"):
        repository(transport, peers[0], None).tags()
    with pytest.raises(RegistryError, match="refuses access"):
        repository(transport, peers[0], Credential("learner", "wrong")).tags()
    assert base64.b64decode(SECRET.basic[6:]) == b"learner:jeotgal"
