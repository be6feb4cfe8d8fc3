"""Copying blobs from one end to the other: what pull and push have in common.

    pull   a registry ──▶ the content store
    push   the content store ──▶ a registry

An end is anything that can hand out a blob from some byte on (`Source`), or take one in
(`Sink`). Several blobs travel at a time. When a connection breaks, the sink says how much it has
and the source goes on from there; only when nothing has arrived for several tries it is given up.
The sink checks digest and size before it keeps anything, so a cut or a lie leaves nothing.

Saving and loading an archive is not done with this: a tar is one stream, whose blobs come in
whatever order it has.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import FIRST_EXCEPTION, Future, ThreadPoolExecutor, wait
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Protocol, TypeVar

from runtime.errors import CutOff
from runtime.oci.descriptor import Descriptor

_T = TypeVar("_T")


class Source(Protocol):
    """Where blobs come from."""

    def pieces(self, blob: Descriptor, offset: int) -> Iterator[bytes]:
        """The blob's bytes from `offset` on. Raises CutOff where trying again may help."""
        ...


class Intake(Protocol):
    """A blob on its way in. Leaving the `with` block without `commit` leaves nothing."""

    def received(self) -> int:
        """How many bytes are there, and need not be sent again."""
        ...

    def take(self, pieces: Iterable[bytes], offset: int) -> None:
        """Take in what comes, which begins at `offset`. Raises CutOff, IntegrityError."""
        ...

    def commit(self) -> None:
        """Check it and keep it. Raises CutOff, IntegrityError."""
        ...


class Sink(Protocol):
    """Where blobs go."""

    def intake(self, blob: Descriptor) -> AbstractContextManager[Intake]:
        """Begin to take in a blob that is not there yet."""
        ...


@dataclass
class Patience:
    """How often something is tried again, and when: `first_s` after the first failure, twice as
    long after each further one, at most `longest_s`. Where something has moved meanwhile counting
    begins anew, but `most_tries` are the end of it.

    `pause` sleeps, and raises when all is over.
    """

    pause: Callable[[float], None]
    tries: int = 6
    most_tries: int = 100
    first_s: float = 0.1
    longest_s: float = 30.0
    failures: int = 0
    all_failures: int = 0

    def bear(self, cut: CutOff) -> None:
        """Wait before the next try; raises `cut` when it was one too many, or the other side asks
        for more time than anybody has.
        """
        self.failures += 1
        self.all_failures += 1
        wait_s = min(self.first_s * 2 ** (self.failures - 1), self.longest_s)
        is_enough = self.failures >= self.tries or self.all_failures >= self.most_tries
        if is_enough or (cut.wait_s or 0) > self.longest_s:
            raise cut
        self.pause(max(wait_s, cut.wait_s or 0))

    def renew(self) -> None:
        """Something has moved."""
        self.failures = 0


def persist(act: Callable[[], _T], patience: Patience) -> _T:
    """What `act` returns, tried until it is not cut off."""
    while True:
        try:
            return act()
        except CutOff as cut:
            patience.bear(cut)


def copy_blob(
    source: Source,
    sink: Sink,
    blob: Descriptor,
    patience: Patience,
    tell: Callable[[int], None] = lambda _received: None,
) -> None:
    """Bring one blob over. `tell` hears how many of its bytes have been passed on."""
    with sink.intake(blob) as intake:

        def go_on() -> None:
            offset = intake.received()
            if offset < blob.size or blob.size == 0:
                intake.take(_counted(source.pieces(blob, offset), offset, moved), offset)
            intake.commit()

        def moved(received: int) -> None:
            patience.renew()
            tell(received)

        persist(go_on, patience)


def in_parallel(
    items: Sequence[_T], act: Callable[[_T], None], workers: int, cancel: Callable[[], None]
) -> None:
    """`act` on every item, up to `workers` at a time. The first failure, and Ctrl-C, calls
    `cancel`, which ends the others; then that failure is raised.
    """
    if not items:
        return
    over = threading.Event()

    def act_unless_over(item: _T) -> None:
        if not over.is_set():
            act(item)

    with ThreadPoolExecutor(min(workers, len(items)), thread_name_prefix="copy") as pool:
        futures: list[Future[None]] = [pool.submit(act_unless_over, item) for item in items]
        try:
            done, _ = wait(futures, return_when=FIRST_EXCEPTION)
            for future in futures:  # in their order: the first failure is the cause of the others
                if future in done:
                    future.result()
        except BaseException:
            over.set()
            cancel()
            raise


def _counted(pieces: Iterator[bytes], offset: int, tell: Callable[[int], None]) -> Iterator[bytes]:
    for piece in pieces:
        offset += len(piece)
        yield piece
        tell(offset)
