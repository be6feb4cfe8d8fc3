"""Each thing that both languages must share is missed when it is not there."""

from __future__ import annotations

from typing import Any

import pytest

from lessons_lib.publish import parity


def book(**prose: str) -> dict[str, Any]:
    cells = [
        {"id": key, "cell_type": "markdown", "source": text, "metadata": {}}
        for key, text in prose.items()
    ]
    code = {"id": "run", "cell_type": "code", "source": "run()", "metadata": {"tags": ["a"]}}
    return {"cells": [*cells, code]}


KO = book(a="## 이미지\n`ls` 명령은 [여기](../en/x.ipynb)와 ![그림](p.svg)\n```sh\nls\n```")
EN = book(a="## Images\nThe `ls` command: [here](../ko/x.ipynb), ![picture](p.svg)\n```sh\nls\n```")


def test_translations_of_each_other_have_no_difference() -> None:
    assert list(parity.differences(KO, EN)) == []


@pytest.mark.parametrize(
    ("old", "new", "aspect"),
    [
        ("## ", "# ", "heading levels"),
        ("../ko/x.ipynb", "../ko/y.ipynb", "links and pictures"),
        ("![picture]", "[picture]", "links and pictures"),
        ("`ls`", "`ll`", "inline code"),
        ("`ls`", "ls", "inline code"),
        ("```sh", "```dockerfile", "blocks of code"),
    ],
)
def test_prose_that_differs_in_shape(old: str, new: str, aspect: str) -> None:
    changed = book(a=EN["cells"][0]["source"].replace(old, new))
    assert [fault.split(": ")[1] for fault in parity.differences(KO, changed)] == [aspect]


@pytest.mark.parametrize("field", ["source", "metadata"])
def test_code_cells_are_the_same_in_all_but_their_outputs(field: str) -> None:
    changed = book(a=EN["cells"][0]["source"])
    changed["cells"][1][field] = "other" if field == "source" else {}
    assert len(list(parity.differences(KO, changed))) == 1


def test_other_cells_or_another_order() -> None:
    assert list(parity.differences(book(a="가", b="나"), book(b="b", a="a"))) == [
        "the two languages have other cells or another order"
    ]


def test_prose_in_the_wrong_alphabet_is_noticed_and_code_does_not_count() -> None:
    assert list(parity.wrong_alphabet(KO, "ko")) == []
    assert list(parity.wrong_alphabet(EN, "en")) == []
    assert list(parity.wrong_alphabet(EN, "ko")) == ["0% of the ko prose is Hangul"]
    assert len(list(parity.wrong_alphabet(KO, "en"))) == 1
    assert (
        list(parity.wrong_alphabet(book(a="한국어 문장 `docker run --rm -it image`"), "ko")) == []
    )


def test_a_glossary_term_is_said_the_glossarys_way() -> None:
    terms = {"layer": "레이어"}
    english = book(a="Two layers, `layer` too.")
    assert list(parity.unlike_the_glossary(book(a="레이어 두 개"), english, terms)) == []
    assert list(parity.unlike_the_glossary(book(a="층(layer) 두 개"), english, terms)) == []
    assert list(parity.unlike_the_glossary(book(a="층 두 개"), english, terms)) == [
        "“a”: en says “layer”, ko does not say “레이어”"
    ]
    assert list(parity.unlike_the_glossary(book(a="가"), book(a="`layer`"), terms)) == []
