"""The capability table: every answer in words, what is missing said first."""

from __future__ import annotations

import pytest

from lessons_lib import host
from lessons_lib.language import LANGUAGES
from runtime.linux.probe import Capability, capabilities

NAMES = [capability.name for capability in capabilities()]


def a_host(*missing: str) -> list[Capability]:
    return [Capability(name, name not in missing, f"tried {name}") for name in NAMES]


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_capability_has_its_words(language: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ONGGI_LANG", language)
    words = host.capabilities_table(a_host(*NAMES)).words
    assert len(words.splitlines()) == 1 + len(NAMES)
    assert all(f"tried {name}" in words for name in NAMES)


def test_advice_stands_only_where_something_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ONGGI_LANG", "en")
    assert "sudo" in host.capabilities_table(a_host("root")).words
    assert "sudo" not in host.capabilities_table(a_host()).words


def test_evidence_is_shown_and_not_obeyed_as_markup() -> None:
    odd = Capability("Linux", True, "<b>7</b>")
    assert "<b>7</b>" not in host.capabilities_table([odd]).page


@pytest.mark.parametrize("name", host.NEEDED_FOR_CONTAINERS)
def test_the_verdict_names_what_containers_lack(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ONGGI_LANG", "en")
    assert name in NAMES
    assert host.verdict(a_host(name)).words != host.verdict(a_host()).words


def test_what_containers_do_not_need_does_not_stop_them() -> None:
    assert host.verdict(a_host("KVM", "user namespace")).words == host.verdict(a_host()).words


def test_the_probe_is_asked_in_a_process_of_its_own() -> None:
    assert [capability.name for capability in host.probed()] == NAMES
