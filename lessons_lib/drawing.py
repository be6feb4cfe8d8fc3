"""A sheet to draw on: the few SVG shapes that the lessons' pictures need.

The same calls give the same bytes. Text is fitted by display width, because a Hangul syllable
takes about twice the room of a Latin letter, and a picture cannot ask its reader's font.

SVG 1.1: 9 "Basic shapes", 10 "Text"; 5.4 "title and desc" for those who listen to a picture.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from lessons_lib.shown import INK, MONO, PAPER, SANS, escaped, width

LATIN_WIDTH = 0.56
"""A Latin letter's width in parts of the font size; a Hangul syllable takes nearly twice that."""


@dataclass(slots=True)
class Drawing:
    """Shapes in the order in which they are painted; lengths are pixels."""

    width: float
    height: float
    shapes: list[str] = field(default_factory=list)

    def box(
        self,
        x: float,
        y: float,
        wide: float,
        high: float,
        *,
        fill: str,
        edge: str,
        dashed: bool = False,
    ) -> None:
        """A rounded box; `dashed` for what may still change or is not really there."""
        dashes = ' stroke-dasharray="6 4"' if dashed else ""
        self.shapes.append(
            f'<rect x="{x:g}" y="{y:g}" width="{wide:g}" height="{high:g}" rx="6" '
            f'fill="{fill}" stroke="{edge}" stroke-width="1.5"{dashes}/>'
        )

    def text(
        self,
        x: float,
        y: float,
        text: str,
        *,
        size: float = 13,
        colour: str = INK,
        anchor: str = "start",
        mono: bool = False,
        bold: bool = False,
        room: float = 0,
    ) -> None:
        """One line with its baseline at `y`, shortened with … to `room` pixels (0: never)."""
        shown = fitted(text, room, size) if room else text
        weight = ' font-weight="600"' if bold else ""
        self.shapes.append(
            f'<text x="{x:g}" y="{y:g}" font-family="{MONO if mono else SANS}" '
            f'font-size="{size:g}" fill="{colour}" text-anchor="{anchor}"{weight}>'
            f"{escaped(shown)}</text>"
        )

    def line(
        self, x1: float, y1: float, x2: float, y2: float, *, colour: str, dashed: bool = False
    ) -> None:
        """A straight line."""
        dashes = ' stroke-dasharray="3 4"' if dashed else ""
        self.shapes.append(
            f'<line x1="{x1:g}" y1="{y1:g}" x2="{x2:g}" y2="{y2:g}" '
            f'stroke="{colour}" stroke-width="1.5"{dashes}/>'
        )

    def arrow_up(self, x: float, bottom: float, top: float, *, colour: str) -> None:
        """An arrow from `bottom` to `top`, drawn without a marker: those need an id."""
        self.line(x, bottom, x, top + 8, colour=colour)
        points = f"{x:g},{top:g} {x - 5:g},{top + 9:g} {x + 5:g},{top + 9:g}"
        self.shapes.append(f'<polygon points="{points}" fill="{colour}"/>')

    def arrow_down(self, x: float, top: float, bottom: float, *, colour: str) -> None:
        """An arrow from `top` to `bottom`."""
        self.line(x, top, x, bottom - 8, colour=colour)
        points = f"{x:g},{bottom:g} {x - 5:g},{bottom - 9:g} {x + 5:g},{bottom - 9:g}"
        self.shapes.append(f'<polygon points="{points}" fill="{colour}"/>')

    def svg(self, title: str, description: str) -> str:
        """The whole picture on paper of its own, with its words for a screen reader."""
        size = f"{self.width:g} {self.height:g}"
        return (
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {size}" '
            f'width="{self.width:g}" height="{self.height:g}" role="img">'
            f"<title>{escaped(title)}</title><desc>{escaped(description)}</desc>"
            f'<rect width="100%" height="100%" rx="8" fill="{PAPER}"/>{"".join(self.shapes)}</svg>'
        )


def fitted(text: str, room: float, size: float) -> str:
    """The longest beginning of `text` that fits into `room` pixels, with … where it was cut."""
    cells = int(room / (size * LATIN_WIDTH))
    if width(text) <= cells:
        return text
    while text and width(text) + 1 > cells:
        text = text[:-1]
    return text.rstrip() + "…"
