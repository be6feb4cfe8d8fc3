"""The picture of copy-up: one folder, seen through all the directories that lie behind it.

The top row is what a process in the container sees. Below it stand the directories that the kernel
looks through, the writable one first. A solid box is a file that is seen, a pale one is hidden
behind another, a dashed one with a − is a whiteout: "there is nothing here, look no further". Where
a whole folder was made anew, its row says so in place of what it hides.
"""

from __future__ import annotations

from lessons_lib.drawing import Drawing
from lessons_lib.language import say
from lessons_lib.overlay import Shelf, Trace, covering, pile
from lessons_lib.shown import BERRY, CLAY, FAINT, INK, LEAF, RULE, Shown, words_table
from runtime.engine.container import Container
from runtime.engine.image import Image

LABEL_WIDTH = 270
COLUMN = 185
ROW = 56
MARGIN = 20


def shelves(thing: Image | Container, folder: str) -> Shown:
    """What lies behind `folder` (an absolute path) of a container or an image.

    Shows the layers that have something there. For a running container the top row is read through
    its own root, so it is the kernel's answer; for an image it follows the kernel's rule.
    """
    inside = f"{folder.rstrip('/')}/…"
    shown = [each for each in pile(thing) if each.names(folder) or each.hides_below(inside)]
    names = sorted({name for shelf in shown for name in shelf.names(folder)})
    paths = [f"{folder.rstrip('/')}/{name}" for name in names]
    seen = [_seen(thing, shown, path) for path in paths]
    words = _words(shown, folder, paths, seen)
    return Shown(words, picture=_picture(shown, folder, paths, seen, words))


def _seen(thing: Image | Container, shown: list[Shelf], path: str) -> Shelf | None:
    """Where the file lies that is seen under `path`; its text is read through the top."""
    if isinstance(thing, Container) and thing.status == "running":
        top = Shelf(0, "", thing.root_path)
        return top if top.trace(path) is Trace.FILE else None
    return covering(shown, path)


def _words(shown: list[Shelf], folder: str, paths: list[str], seen: list[Shelf | None]) -> str:
    names = [path.rpartition("/")[2] for path in paths]
    tops = [_content(shelf, path) for shelf, path in zip(seen, paths, strict=True)]
    rows = [["", *names], [say("shelves.seen", folder=folder), *tops]]
    for shelf in shown:
        rows.append([_label(shelf), *(_in_words(shown, shelf, path) for path in paths)])
    return words_table(rows)


def _content(shelf: Shelf | None, path: str) -> str:
    return (shelf.first_line(path) or say("shelves.there")) if shelf else say("shelves.absent")


def _in_words(shown: list[Shelf], shelf: Shelf, path: str) -> str:
    trace = shelf.trace(path)
    if trace is Trace.NOTHING:
        return say("shelves.opaque") if shelf.hides_below(path) else "·"
    if trace is Trace.WHITEOUT:
        return say("shelves.whiteout")
    text = _content(shelf, path)
    return text if covering(shown, path) is shelf else say("shelves.hidden", text=text)


def _label(shelf: Shelf) -> str:
    key = "shelves.writable" if shelf.writable else "shelves.layer"
    return say(key, number=shelf.number, name=shelf.made_by)


def _picture(
    shown: list[Shelf], folder: str, paths: list[str], seen: list[Shelf | None], words: str
) -> str:
    wide = 2 * MARGIN + LABEL_WIDTH + COLUMN * max(1, len(paths))
    drawing = Drawing(wide, 2 * MARGIN + 26 + ROW * (len(shown) + 1) + 10)
    top = MARGIN + 26
    for column, path in enumerate(paths):
        x = MARGIN + LABEL_WIDTH + column * COLUMN
        name = path.rpartition("/")[2]
        drawing.text(x + 8, MARGIN + 12, name, size=13, mono=True, bold=True, room=COLUMN - 16)
        _draw_seen(drawing, x, top, _content(seen[column], path), gone=seen[column] is None)
        _draw_column(drawing, x, top + ROW + 10, shown, path)
    drawing.text(MARGIN, top + 28, say("shelves.seen", folder=folder), bold=True)
    drawing.line(MARGIN, top + ROW, wide - MARGIN, top + ROW, colour=RULE)
    for row, shelf in enumerate(shown, start=1):
        colour = LEAF if shelf.writable else INK
        y = top + 10 + ROW * row + 28
        drawing.text(MARGIN, y, _label(shelf), colour=colour, room=LABEL_WIDTH - 12)
    return drawing.svg(say("shelves.title", folder=folder), words)


def _draw_seen(drawing: Drawing, x: float, y: float, text: str, *, gone: bool) -> None:
    edge = RULE if gone else INK
    drawing.box(x, y + 6, COLUMN - 12, ROW - 16, fill="none" if gone else "#ffffff", edge=edge)
    colour = FAINT if gone else INK
    drawing.text(x + 10, y + 30, text, size=12, mono=True, colour=colour, room=COLUMN - 30)


def _draw_column(drawing: Drawing, x: float, y: float, shown: list[Shelf], path: str) -> None:
    """One name through all directories; an arrow where the writable one copied it up."""
    for row, shelf in enumerate(shown):
        _draw_trace(drawing, x, y + row * ROW, shown, shelf, path)
    owners = [row for row, shelf in enumerate(shown) if shelf.trace(path) is Trace.FILE]
    copied = len(owners) > 1 and shown[owners[0]].writable
    if copied and not shown[owners[0]].hides_below(path):
        bottom, roof = y + owners[1] * ROW + 6, y + (owners[0] + 1) * ROW - 10
        drawing.arrow_up(x + 16, bottom, roof, colour=LEAF)
        drawing.text(x + COLUMN - 20, roof + 12, "copy-up", size=11, colour=LEAF, anchor="end")


def _draw_trace(
    drawing: Drawing, x: float, y: float, shown: list[Shelf], shelf: Shelf, path: str
) -> None:
    trace = shelf.trace(path)
    text = _in_words(shown, shelf, path)
    if trace is Trace.NOTHING:
        colour = BERRY if shelf.hides_below(path) else FAINT
        drawing.text(x + COLUMN / 2 - 6, y + 30, text, size=12, colour=colour, anchor="middle")
        return
    gone = trace is Trace.WHITEOUT
    hidden = covering(shown, path) is not shelf
    edge = BERRY if gone else FAINT if hidden else LEAF if shelf.writable else CLAY
    fill = "none" if gone or hidden else "#e3eddf" if shelf.writable else "#efdcc3"
    drawing.box(x, y + 6, COLUMN - 12, ROW - 16, fill=fill, edge=edge, dashed=gone)
    colour = BERRY if gone else FAINT if hidden else INK
    drawing.text(x + 10, y + 30, text, size=12, colour=colour, room=COLUMN - 30)
