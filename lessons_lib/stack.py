"""The picture of layers: images and containers as towers that share their lower floors.

Every layer is drawn once, however many images stand on it, because on the disk it is there once.
Two images share a floor exactly if its ChainIDs are equal. So the towers are a forest: a layer's
children are the layers that some image or container puts directly on top of it.

Everything is read from the real store: the layers from the image, what they contain from their
directories, a container's writable layer from its snapshot.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from lessons_lib.drawing import Drawing
from lessons_lib.language import say
from lessons_lib.overlay import kept_paths, made_by
from lessons_lib.shown import CLAY, FAINT, INK, LEAF, Shown
from runtime.engine.container import Container
from runtime.engine.image import Image

FLOOR_HEIGHT = 58
FLOOR_GAP = 6
MARGIN = 20
NARROWEST = 250
WIDEST = 620

FILLS = ("#e8c9a8", "#efdcc3", "#f3e6d3")
"""A floor that several towers share is darker than one that stands for itself."""


@dataclass(slots=True)
class Floor:
    """One layer: what made it, what it holds, who ends here, and what stands on it."""

    number: int
    made_by: str
    holds: str
    writable: bool = False
    ends: list[str] = field(default_factory=list)
    above: dict[str, Floor] = field(default_factory=dict)

    @property
    def columns(self) -> int:
        """How many towers stand on this floor."""
        return sum(floor.columns for floor in self.above.values()) or 1

    @property
    def height(self) -> int:
        """Floors from here to the highest roof."""
        return 1 + max((floor.height for floor in self.above.values()), default=0)

    def shares(self) -> int:
        """How many images and containers use this floor."""
        return len(self.ends) + sum(floor.shares() for floor in self.above.values())


def layers(*shown: Image | Container) -> Shown:
    """The towers of these images and containers, drawn from the store, and the same in words."""
    ground: dict[str, Floor] = {}
    for thing in shown:
        _build(ground, thing)
    floors = list(ground.values())
    words = "\n".join(_words(floors))
    alone = sum(floor.columns for floor in floors) == 1
    settings = _settings(shown) if alone else ""
    return Shown(_joined(settings, words), picture=_picture(floors, settings, words))


def _build(ground: dict[str, Floor], thing: Image | Container) -> None:
    """Add one tower; floors that stand already are used again."""
    image = thing.image if isinstance(thing, Container) else thing
    here, floor = ground, None
    for number, layer in enumerate(image.layers, start=1):
        if layer.chain_id not in here:
            holds = _holds(layer.files) or say("stack.nothing")
            here[layer.chain_id] = Floor(number, made_by(layer.created_by), holds)
        floor = here[layer.chain_id]
        here = floor.above
    if isinstance(thing, Container):
        holds = _holds(thing.upper_path) or say("stack.nothing-yet")
        here[thing.name] = Floor(len(image.layers) + 1, thing.name, holds, writable=True)
        here[thing.name].ends.append(thing.name)
    elif floor is not None:
        floor.ends.append(_name(image))


def _name(image: Image) -> str:
    return image.tags[0].removesuffix(":latest") if image.tags else image.short_id


def _holds(directory: Path) -> str:
    """Up to three of a layer's paths, or that they are many; "" for none."""
    paths = kept_paths(directory, most=4)
    return say("stack.many") if len(paths) > 3 else " · ".join(paths)


def _settings(shown: Sequence[Image | Container]) -> str:
    """What belongs to the topmost image and is no layer."""
    top = shown[-1]
    if isinstance(top, Container):
        return ""
    config = top.config.config
    said = [f"{name}={value}" for name, _, value in (e.partition("=") for e in config.env)]
    own = [entry for entry in said if not entry.startswith(("PATH=", "LANG=", "LC_", "SSL_"))]
    command = [" ".join((*(config.entrypoint or ()), *(config.cmd or ())))]
    parts = [*(f"ENV {entry}" for entry in own), *(f"CMD {c}" for c in command if c)]
    return say("stack.settings", settings=" · ".join(parts)) if parts else ""


def _joined(settings: str, words: str) -> str:
    return f"{words}\n{settings}" if settings else words


def _words(floors: Sequence[Floor], depth: int = 0) -> Iterator[str]:
    """The forest from the ground up; what stands on a floor is indented below it."""
    for floor in floors:
        indent = "  " * depth
        yield f"{indent}{_title(floor)}: {floor.holds}{_roof(floor)}"
        yield from _words(list(floor.above.values()), depth + 1)


def _title(floor: Floor) -> str:
    key = "stack.writable" if floor.writable else "stack.layer"
    return say(key, number=floor.number, made_by=floor.made_by)


def _roof(floor: Floor) -> str:
    names = [] if floor.writable else floor.ends
    return say("stack.is", names=", ".join(names)) if names else ""


def _picture(floors: Sequence[Floor], settings: str, words: str) -> str:
    columns = sum(floor.columns for floor in floors)
    column = WIDEST if columns == 1 else max(NARROWEST, WIDEST / columns)
    tallest = max((floor.height for floor in floors), default=0)
    slip = 40 if settings else 0
    high = 2 * MARGIN + tallest * (FLOOR_HEIGHT + FLOOR_GAP) + slip
    drawing = Drawing(2 * MARGIN + columns * column, high)
    if settings:
        wide = drawing.width - 2 * MARGIN
        drawing.box(MARGIN, MARGIN, wide - FLOOR_GAP, 30, fill="none", edge=FAINT, dashed=True)
        drawing.text(MARGIN + 12, MARGIN + 20, settings, size=12.5, colour=INK, room=wide - 24)
    x = float(MARGIN)
    for floor in floors:
        _draw(drawing, floor, x, drawing.height - MARGIN - FLOOR_HEIGHT, column)
        x += floor.columns * column
    return drawing.svg(say("stack.title"), words)


def _draw(drawing: Drawing, floor: Floor, x: float, y: float, column: float) -> None:
    """One floor at its place, then those above it from left to right."""
    wide = floor.columns * column - FLOOR_GAP
    fill = "none" if floor.writable else FILLS[0 if floor.shares() > 1 else 1]
    edge = LEAF if floor.writable else CLAY
    drawing.box(x, y, wide, FLOOR_HEIGHT, fill=fill, edge=edge, dashed=floor.writable)
    title = _title(floor)
    drawing.text(x + 12, y + 24, title, size=13.5, bold=True, room=wide - 24)
    roof = _roof(floor).strip()
    left = wide - 24 - (150 if roof else 0)
    drawing.text(x + 12, y + 45, floor.holds, size=12, mono=True, colour=FAINT, room=left)
    if roof:
        drawing.text(x + wide - 12, y + 45, roof, size=12.5, bold=True, colour=CLAY, anchor="end")
    for above in floor.above.values():
        _draw(drawing, above, x, y - FLOOR_HEIGHT - FLOOR_GAP, column)
        x += above.columns * column
