"""The picture of disk use: what images weigh on paper, and what they take together.

Docker counts each image's size with all its layers, so a list of ten images from one base adds the
base up ten times. The disk holds it once. Both numbers come from the engine's `df`: `Size`, and of
it `SharedSize`, the layers that some other image has too.

Lengths are multiples of the first image, because bytes differ between hosts and the relation not.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from lessons_lib.drawing import Drawing
from lessons_lib.language import say
from lessons_lib.shown import CLAY, INK, LEAF, Shown, words_table

COUNTS = (1, 2, 10)
MARGIN = 20
LABEL_WIDTH = 150
UNIT = 46
BAR = 18


def disk(df: Mapping[str, Any], images: Sequence[str]) -> Shown:
    """Sum and real use of the first 1, 2 and 10 of `images`, which all stand on one base."""
    rows = [(count, *_weights(df, images[:count])) for count in COUNTS if count <= len(images)]
    unit = rows[0][1]
    told = [(count, paper / unit, real / unit) for count, paper, real in rows]
    head = [say(f"disk.{name}") for name in ("images", "paper", "real")]
    plain = [[str(count), f"{paper:.1f}", f"{real:.1f}"] for count, paper, real in told]
    words = words_table([head, *plain])
    return Shown(words, picture=_picture(told, words))


def _weights(df: Mapping[str, Any], names: Sequence[str]) -> tuple[int, int]:
    """(all sizes added up, shared layers once and each image's own) in bytes."""
    images = [image for image in df["Images"] if set(names) & set(image["RepoTags"])]
    own = sum(image["Size"] - image["SharedSize"] for image in images)
    shared = max(image["SharedSize"] for image in images)
    return sum(image["Size"] for image in images), own + shared


def _picture(told: Sequence[tuple[int, float, float]], words: str) -> str:
    widest = max(paper for _, paper, _ in told)
    wide = 2 * MARGIN + LABEL_WIDTH + UNIT * widest + 60
    drawing = Drawing(wide, 2 * MARGIN + len(told) * 64 + 26)
    _legend(drawing)
    for row, (count, paper, real) in enumerate(told):
        y = MARGIN + 34 + row * 64
        drawing.text(MARGIN, y + 23, say("disk.count", count=count), bold=True)
        for bar, (size, fill) in enumerate(((paper, "#efdcc3"), (real, LEAF))):
            top = y + bar * (BAR + 4)
            x = MARGIN + LABEL_WIDTH
            drawing.box(x, top, UNIT * size, BAR, fill=fill, edge=CLAY if bar == 0 else LEAF)
            drawing.text(x + UNIT * size + 8, top + 14, f"{size:.1f}", size=12, colour=INK)
    return drawing.svg(say("disk.title"), words)


def _legend(drawing: Drawing) -> None:
    x = MARGIN + LABEL_WIDTH
    for name, colour in (("paper", CLAY), ("real", LEAF)):
        drawing.text(x, MARGIN + 12, f"■ {say(f'disk.{name}')}", size=12.5, colour=colour)
        x += 210
