"""Run a notebook and keep outputs that are the same on every host. The only door to nbclient.

A fresh kernel starts in the notebook's folder, as JupyterLab starts it. Its home and its state
directory are temporary, so a lesson begins as on a learner's first day.

Rule: what reaches a committed notebook holds no time, no path of this host and no warning.
"""

from __future__ import annotations

import contextlib
import os
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError

from lessons_lib.publish.notebook import Book, Cell, code_cells

CELL_TIMEOUT_S = 120
"""A cell that needs longer than this on a slow host is not for a lesson."""

_UNSET = (
    *("ONGGI_LANG", "ONGGI_LESSONS", "JPY_SESSION_NAME", "NBGRADER_EXECUTION"),
    *("LC_ALL", "LC_MESSAGES", "IPYTHONDIR", "XDG_DATA_HOME", "XDG_CONFIG_HOME"),
)
_SET = {
    "LANG": "C.UTF-8",
    "TZ": "UTC",
    "COLUMNS": "100",
    "PYTHONHASHSEED": "0",
    "PYDEVD_DISABLE_FILE_VALIDATION": "1",  # else the debugger greets on stderr
}


class Unpublishable(Exception):
    """A cell failed, or left something behind that must not be published."""


@dataclass(frozen=True, slots=True)
class Scratch:
    """The folders that a lesson works in while it is published."""

    home: Path
    state: Path

    def environment(self) -> Mapping[str, str]:
        """What the kernel gets: this process's, without what would choose or change outputs."""
        kept = {name: value for name, value in os.environ.items() if name not in _UNSET}
        return {**kept, **_SET, "HOME": str(self.home), "ONGGI_ROOT": str(self.state)}

    def paths(self) -> Iterator[str]:
        """What no output may tell."""
        yield from map(str, (self.home, self.state, Path(__file__).resolve().parents[2]))

    def containers(self) -> list[str]:
        """The containers that a lesson has not removed."""
        place = self.state / "containers"
        return sorted(path.name for path in place.iterdir()) if place.exists() else []


@contextlib.contextmanager
def scratch(state: Path | None = None) -> Iterator[Scratch]:
    """Temporary folders; `state` takes a state directory that already has its base images."""
    with tempfile.TemporaryDirectory(prefix="onggi-") as place:
        home = Path(place, "home")
        home.mkdir()
        yield Scratch(home, state or Path(place, "state"))


@contextlib.contextmanager
def kernel(book: Book, folder: Path, where: Scratch) -> Iterator[NotebookClient]:
    """A fresh kernel for `book` as if it lay in `folder`. It is gone afterwards."""
    folder.mkdir(parents=True, exist_ok=True)
    client = NotebookClient(
        book,
        timeout=CELL_TIMEOUT_S,
        kernel_name="python3",
        extra_arguments=["--log-level=ERROR"],  # else it warns that it speaks unencrypted TCP
        resources={"metadata": {"path": str(folder)}},
        record_timing=False,
        store_widget_state=False,
        coalesce_streams=True,
    )
    with client.setup_kernel(env=where.environment()):
        yield client


def execute(book: Book, folder: Path, where: Scratch) -> None:
    """Fill `book`'s outputs.

    Raises Unpublishable for a cell that fails without being meant to, an output that may not be
    published, and a container that is left behind.
    """
    with kernel(book, folder, where) as client:
        for index, cell in enumerate(book.cells):
            if cell.cell_type == "code":
                run(client, cell, index)
    for number, cell in enumerate(code_cells(book), 1):
        cell.execution_count = number
        for output in cell.outputs:
            _settle(output, number)
        _check(cell, where)
    if left := where.containers():
        raise Unpublishable(f"the lesson leaves {len(left)} containers behind")


def run(client: NotebookClient, cell: Cell, index: int) -> None:
    """One cell. Raises Unpublishable with the traceback of a cell that is not meant to fail."""
    try:
        client.execute_cell(cell, index)
    except CellExecutionError as failure:
        raise Unpublishable(f"cell “{cell.id}” failed:\n{failure}") from failure


def _settle(output: Cell, number: int) -> None:
    """Keep of an output what is the same at every run."""
    if output.output_type == "execute_result":
        output.execution_count = number
    elif output.output_type == "error" and not _is_told_in_words(output):
        # A traceback holds paths and line numbers of this host's Python.
        output.traceback = [f"{output.ename}: {output.evalue}"]


def _is_told_in_words(output: Cell) -> bool:
    return not any("Traceback" in line or "\x1b" in line for line in output.traceback)


def _check(cell: Cell, where: Scratch) -> None:
    for output in cell.outputs:
        if output.get("name") == "stderr":
            raise Unpublishable(f"cell “{cell.id}” writes to stderr:\n{output.text}")
        told = [path for path in where.paths() if path in str(output)]
        if told:
            raise Unpublishable(f"cell “{cell.id}” tells a path of this host: {told[0]}")
