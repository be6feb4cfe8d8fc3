"""Everything the engine says when it refuses can be said in Korean, with the same facts."""

from __future__ import annotations

import ast
import string
from collections.abc import Iterator

import pytest
from sources import Module, modules

from lessons_lib.language import LANGUAGES, Language, catalogue
from runtime import errors
from runtime.cli.messages import KO

ERRORS = {
    name
    for name, value in vars(errors).items()
    if isinstance(value, type) and issubclass(value, errors.OnggiError)
} - {"KernelError"}  # its one template is in errors.py

REBUILDS = {"runtime.linux.packets"}
"""Here an error that came over a socket is made again: its template was seen elsewhere."""


def fields(template: str) -> set[str]:
    """The names of the facts in a template."""
    return {name for _, name, _, _ in string.Formatter().parse(template) if name is not None}


def templates(module: Module) -> Iterator[tuple[str, int]]:
    """Each literal message and hint of an error that the module makes, with its line."""
    for node in ast.walk(module.tree):
        if isinstance(node, ast.Call) and _name(node.func) in ERRORS:
            given = [*node.args[:1], *(k.value for k in node.keywords if k.arg == "hint")]
            for value in given:
                yield from ((text, node.lineno) for text in _literals(value, module, node.lineno))


def _name(function: ast.expr) -> str:
    return function.attr if isinstance(function, ast.Attribute) else getattr(function, "id", "")


def _literals(value: ast.expr, module: Module, line: int) -> Iterator[str]:
    """The texts that an expression can be; it must be literals and choices between them."""
    match value:
        case ast.Constant(value=str(text)):
            yield text
        case ast.IfExp(body=one, orelse=other):
            yield from _literals(one, module, line)
            yield from _literals(other, module, line)
        case ast.BoolOp(values=values):
            for each in values:
                yield from _literals(each, module, line)
        case ast.JoinedStr():
            pytest.fail(f"{module.path}:{line}: an f-string cannot be translated")


RUNTIME = [module for module in modules() if module.name.startswith("runtime.")]


def test_every_refusal_has_its_korean_with_the_same_facts() -> None:
    found = [
        (text, f"{module.path}:{line}: {text}")
        for module in RUNTIME
        for text, line in templates(module)
        if text
    ]
    assert [where for text, where in found if text not in KO] == []
    assert [where for text, where in found if fields(KO[text]) != fields(text)] == []


def test_korean_has_the_facts_of_its_english_and_is_korean() -> None:
    assert [text for text, korean in KO.items() if fields(korean) != fields(text)] == []
    assert [text for text, korean in KO.items() if not korean.strip()] == []


def test_both_catalogues_have_the_same_texts_with_the_same_facts() -> None:
    ko, en = (catalogue(language) for language in LANGUAGES)
    assert set(ko) == set(en)
    assert [key for key in ko if fields(ko[key]) != fields(en[key])] == []


@pytest.mark.parametrize("language", LANGUAGES)
def test_no_text_of_a_catalogue_is_blank_or_in_the_other_language(language: Language) -> None:
    for key, text in catalogue(language).items():
        assert text.strip(), key
        if language == "en":
            assert not any("가" <= letter <= "힣" for letter in text), f"{key}: {text}"
