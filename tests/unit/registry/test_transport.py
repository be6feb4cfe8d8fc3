"""Where answers may lead, and through whom we ask."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest
from peers import running_peer, said

from runtime.errors import CutOff, RegistryError
from runtime.registry.client import Registry, Repository
from runtime.registry.transport import Transport
from runtime.registry.trust import Trust


@pytest.fixture
def transport() -> Iterator[Transport]:
    transport = Transport(Trust(("registry.test",), ()))
    yield transport
    transport.close()


@pytest.mark.parametrize(
    ("base", "location", "leads_to"),
    [
        ("https://a.example/v2/", "/x?y=1", "https://a.example/x?y=1"),
        ("https://a.example/v2/", "https://b.example:8443/x", "https://b.example:8443/x"),
        ("http://a.example/v2/", "https://b.example/x", "https://b.example/x"),
        ("http://a.example/v2/", "http://b.example/x", "http://b.example/x"),
        ("https://a.example/v2/", "http://a.example/x", None),
        ("https://a.example/v2/", "//b.example/x", "https://b.example/x"),
        ("https://a.example/v2/", "file:///etc/passwd", None),
        ("https://a.example/v2/", "https://user:pw@b.example/", None),
        ("https://a.example/v2/", "javascript:1", None),
        ("https://a.example/v2/", "https://[", None),
    ],
)
def test_where_an_answer_may_lead_to(
    transport: Transport, base: str, location: str, leads_to: str | None
) -> None:
    if leads_to is None:
        with pytest.raises(RegistryError):
            transport.allowed(location, base)
    else:
        assert transport.allowed(location, base) == leads_to


def test_a_proxy_is_asked_for_others_and_not_for_this_host(
    transport: Transport, monkeypatch: pytest.MonkeyPatch
) -> None:
    with running_peer() as proxy, running_peer() as near:
        monkeypatch.setenv("http_proxy", f"http://{proxy.host}")
        monkeypatch.setenv("https_proxy", f"http://{proxy.host}")
        monkeypatch.delenv("no_proxy", raising=False)
        for place, prefix in ((proxy, "http://registry.test"), (near, "")):
            place.answers[f"{prefix}/v2/"] = said(200, b"{}")
            place.answers[f"{prefix}/v2/app/tags/list"] = said(200, b'{"tags": ["1"]}')
        for host in ("registry.test", near.host):
            assert Repository(Registry(host, transport), "app", "pull").tags() == ["1"]
        assert {path.partition("/v2/")[0] for _, path, _ in proxy.requests} == {
            "http://registry.test"
        }
        assert len(near.requests) == 2


def test_retry_after_in_seconds_and_as_a_date(transport: Transport) -> None:
    with running_peer() as peer:
        later = format_datetime(datetime.now(UTC) + timedelta(seconds=100), usegmt=True)
        waits = {}
        for text in ("7", later, "soon", ""):
            peer.answers["/x"] = said(503, Retry_After=text)
            with transport.ask("GET", f"http://{peer.host}/x") as answer:
                waits[text] = answer.wait_s
        assert waits["7"] == 7 and waits["soon"] is None and waits[""] is None
        assert 50 < (waits[later] or 0) <= 100


def test_nobody_is_there(transport: Transport) -> None:
    with running_peer() as peer:
        gone = peer.host
    with pytest.raises(CutOff, match="Connection refused"):
        Registry(gone, transport, tries=1).connect()
    with pytest.raises(RegistryError, match=r"there is no host nosuch\.invalid"):
        Registry("nosuch.invalid", transport).connect()
