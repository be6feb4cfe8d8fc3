"""Whom we speak to by plain HTTP, and by which certificate a registry is known."""

from __future__ import annotations

import ssl
from pathlib import Path

import pytest

from runtime.errors import InvalidInput
from runtime.registry.trust import Trust, checked_mirror, host_of

LISTED = Trust(("registry.lan:5000", "10.0.0.0/8", "plain.lan"), ())


@pytest.mark.parametrize(
    ("host", "insecure"),
    [
        ("localhost", True),
        ("localhost:5000", True),
        ("a.localhost:5000", True),
        ("127.0.0.1", True),
        ("127.8.8.8:80", True),
        ("[::1]:5000", True),
        ("registry.lan:5000", True),
        ("registry.lan:5001", False),
        ("registry.lan", False),
        ("plain.lan:1234", True),
        ("10.1.2.3:5000", True),
        ("11.1.2.3:5000", False),
        ("registry-1.docker.io", False),
        ("localhost.evil.example", False),
        ("127.0.0.1.evil.example", False),
    ],
)
def test_who_may_speak_plainly(host: str, insecure: bool) -> None:
    assert LISTED.is_insecure(host) is insecure
    assert LISTED.schemes(host) == (("https", "http") if insecure else ("https",))
    verified = LISTED.context(host).verify_mode is ssl.CERT_REQUIRED
    assert verified is not insecure


def test_a_certificate_that_is_there_is_insisted_on(tmp_path: Path) -> None:
    trust = Trust(("localhost:5000",), (tmp_path / "ours", tmp_path / "dockers"))
    assert trust.folder("localhost:5000") == tmp_path / "ours/localhost:5000"
    (tmp_path / "dockers/localhost:5000").mkdir(parents=True)
    (tmp_path / "dockers/localhost:5000/ca.crt").write_text("no certificate")
    assert trust.schemes("localhost:5000") == ("https",)
    with pytest.raises(InvalidInput, match="cannot be read"):
        trust.context("localhost:5000")
    assert trust.schemes("../dockers/localhost:5000") == ("https",)


def test_the_settings_of_a_state_directory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "registries.json").write_text('{"insecure-registries": ["a.lan"]}')
    monkeypatch.setenv("ONGGI_INSECURE_REGISTRIES", " b.lan:1 ,, 10.0.0.0/8")
    trust = Trust.of(tmp_path)
    assert trust.insecure == ("a.lan", "b.lan:1", "10.0.0.0/8")
    mirrors = '{"registry-mirrors": ["https://m.lan/", "http://127.0.0.1:5000"]}'
    (tmp_path / "registries.json").write_text(mirrors)
    assert Trust.of(tmp_path).mirrors == ("https://m.lan", "http://127.0.0.1:5000")
    (tmp_path / "registries.json").write_text("[]")
    with pytest.raises(InvalidInput, match="is not understood"):
        Trust.of(tmp_path)


@pytest.mark.parametrize("text", ["m.lan", "ftp://m", "https://", "https://m/x", "http://u:p@m"])
def test_what_is_no_mirror(text: str) -> None:
    with pytest.raises(InvalidInput, match="no registry mirror"):
        checked_mirror(text)


def test_a_host_without_its_port() -> None:
    assert [host_of(text) for text in ("a:1", "a", "[::1]:5", "[::1]")] == ["a", "a", "::1", "::1"]
