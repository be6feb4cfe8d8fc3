"""Names of containers: which are allowed, and one for whoever gave none.

Docker invents an adjective and a famous scientist. Ours are what stands in a Korean kitchen
yard: an adjective and a jar, romanized, with a number if the yard is full.
"""

from __future__ import annotations

import re
import secrets

from runtime.errors import InvalidInput

_ALLOWED = re.compile(r"[a-zA-Z0-9][a-zA-Z0-9_.-]+", re.ASCII)

_ADJECTIVES = (
    *("brave", "bright", "calm", "clever", "cosy", "curious", "eager", "fair", "gentle", "glad"),
    *("happy", "humble", "jolly", "keen", "kind", "lively", "lucky", "merry", "mild", "modest"),
    *("neat", "noble", "patient", "plain", "proud", "quick", "quiet", "ripe", "round", "salty"),
    *("shiny", "simple", "sleepy", "smooth", "solid", "spicy", "steady", "sunny", "sweet", "warm"),
)
_JARS = (
    *(
        "onggi",
        "hangari",
        "dok",
        "danji",
        "ttukbaegi",
        "siru",
        "sigeumchi",
        "doenjang",
        "gochujang",
    ),
    *("ganjang", "kimchi", "jeotgal", "makgeolli", "sikhye", "jangdokdae", "dongi", "jabaegi"),
    *("buchu", "baechu", "mumallaengi", "cheonggukjang", "maesil", "yuja", "omija", "sobagi"),
)


def checked(name: str) -> str:
    """The name, if a container may have it; docker's `/name` is taken as `name`.

    Raises InvalidInput.
    """
    name = name.removeprefix("/")
    if not _ALLOWED.fullmatch(name) or len(name) > 255:
        raise InvalidInput(
            "not a name for a container: {name!r}",
            hint="use two or more of a-z A-Z 0-9 _ . - and begin with a letter or digit",
            name=name[:100],
        )
    return name


def invented() -> str:
    """A name that is probably free: one of a thousand pairs, with four random digits."""
    pair = f"{secrets.choice(_ADJECTIVES)}_{secrets.choice(_JARS)}"
    return f"{pair}_{secrets.token_hex(2)}"
