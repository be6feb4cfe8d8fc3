"""The catalogue: which language, and that a Korean sentence says the same facts."""

from __future__ import annotations

import re
from string import Formatter

import pytest

from runtime.cli import flags, messages
from runtime.cli.command import SEE_HELP
from runtime.cli.commands import NOUNS, paths
from runtime.cli.first_flags import ALL
from runtime.errors import NotFound

LOCALE_VARIABLES = ("ONGGI_LANG", "LC_ALL", "LC_MESSAGES", "LANG")


@pytest.fixture(autouse=True)
def no_locale(monkeypatch: pytest.MonkeyPatch) -> None:
    for variable in LOCALE_VARIABLES:
        monkeypatch.delenv(variable, raising=False)


def test_english_without_a_locale() -> None:
    assert messages.language() == "en"
    assert messages.translate("Print usage") == "Print usage"


@pytest.mark.parametrize("variable", LOCALE_VARIABLES)
@pytest.mark.parametrize("value", ["ko", "ko_KR.UTF-8", "ko_KR.eucKR"])
def test_korean_by_every_variable(
    monkeypatch: pytest.MonkeyPatch, variable: str, value: str
) -> None:
    monkeypatch.setenv(variable, value)
    assert messages.language() == "ko"
    assert messages.translate("Print usage") == "사용법을 출력"


def test_the_order_of_the_variables(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LANG", "ko_KR.UTF-8")
    monkeypatch.setenv("LC_ALL", "C.UTF-8")
    assert messages.language() == "en"
    monkeypatch.setenv("ONGGI_LANG", "ko")
    assert messages.language() == "ko"
    monkeypatch.setenv("ONGGI_LANG", "")
    assert messages.language() == "en"


def fields(template: str) -> set[str]:
    return {name for _, name, _, _ in Formatter().parse(template) if name}


def test_a_korean_template_has_the_same_facts() -> None:
    differing = [en for en, ko in messages.KO.items() if fields(en) != fields(ko)]
    assert not differing


def test_no_particle_is_attached_to_a_fact() -> None:
    """Which particle fits depends on the fact's last sound, and nobody knows that here."""
    attached = re.compile(r"\}['»\"`]?(이|가|은|는|을|를|와|과|로|으로)(?![가-힣])")
    assert not [ko for ko in messages.KO.values() if attached.search(ko)]


def test_a_text_of_several_lines_is_found_line_by_line() -> None:
    korean = messages.in_korean(SEE_HELP)
    assert korean.split("\n") == [messages.KO[line] for line in SEE_HELP.split("\n")]


def test_an_error_is_told_in_korean() -> None:
    error = NotFound("no such object: {name}", name="web")
    assert error.told(messages.in_korean) == (
        "그런 이름의 컨테이너, 이미지, 네트워크, 볼륨이 없습니다: web",
        "",
    )


def test_every_help_text_has_its_korean() -> None:
    verbs = set(paths().values())
    helps = {flag.help for verb in verbs for flag in verb.load().flags}
    helps |= {flag.help for flag in ALL} | {verb.summary for verb in verbs}
    helps |= {noun.summary for noun in NOUNS.values()}
    assert not {text for text in helps if text not in messages.KO}


def test_every_refusal_of_a_flag_has_its_korean() -> None:
    kinds = [kind for kind in vars(flags).values() if isinstance(kind, flags.Kind)]
    assert all(kind.refusal in messages.KO for kind in kinds if kind.refusal)
