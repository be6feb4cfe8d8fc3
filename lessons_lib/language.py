"""Which language the reader reads, and what the library says in it.

The code of a lesson is the same bytes in every language, so nothing in a cell can name the
language. It is found where the notebook lies, in this order:

1. `ONGGI_LANG` (`ko` or `en`), for a class, a grader or a test;
2. the folder of the notebook that this kernel serves, `notebooks/ko` or `notebooks/en`, as
   Jupyter tells it (`JPY_SESSION_NAME`) and as VS Code does (`__vsc_ipynb_file__`);
3. the working directory, which is the notebook's folder in JupyterLab, nbval and nbclient;
4. the locale: `ko_KR.UTF-8` means Korean; everything else means English.

What is said comes from a catalogue: `lessons_lib/texts/<language>/<file>.toml`. There is no
fallback to the other language: a missing text is an error, and `make check` finds it first.
"""

from __future__ import annotations

import os
import sys
import tomllib
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path, PurePath
from typing import Literal, cast

Language = Literal["ko", "en"]
LANGUAGES: tuple[Language, ...] = ("ko", "en")
TEXTS = Path(__file__).with_name("texts")


def current() -> Language:
    """The reader's language, found anew at every call (a test may change the environment)."""
    for candidate in _candidates():
        if candidate in LANGUAGES:
            return candidate
    return "en"


def say(key: str, /, **facts: object) -> str:
    """The text `key` in the reader's language with `facts` filled in (`str.format`).

    `key` is the file's name, a dot and the way through its tables: `show.layers.title` is
    `title` in `[layers]` of `texts/<language>/show.toml`. Raises KeyError for an unknown key.
    """
    return catalogue(current())[key].format(**facts)


@cache
def catalogue(language: Language) -> Mapping[str, str]:
    """All texts of one language by their full keys."""
    texts: dict[str, str] = {}
    for file in sorted((TEXTS / language).glob("*.toml")):
        texts.update(_flat(tomllib.loads(file.read_text("utf-8")), file.stem))
    return texts


def _flat(table: Mapping[str, object], prefix: str) -> Iterator[tuple[str, str]]:
    for name, value in table.items():
        key = f"{prefix}.{name}"
        if isinstance(value, Mapping):
            yield from _flat(value, key)
        else:
            yield key, str(value)


def _candidates() -> Iterator[Language]:
    yield cast(Language, os.environ.get("ONGGI_LANG", ""))
    for notebook in (
        os.environ.get("JPY_SESSION_NAME", ""),
        getattr(sys.modules["__main__"], "__vsc_ipynb_file__", ""),
    ):
        yield cast(Language, PurePath(notebook).parent.name)
    yield cast(Language, Path.cwd().name)
    locale = os.environ.get("LC_ALL") or os.environ.get("LC_MESSAGES") or os.environ.get("LANG")
    yield cast(Language, (locale or "")[:2])
