"""Following: what comes now and then, to thousands of listeners, without a thread for each.

A source's descriptor is watched by the event loop, as the sockets are. When there is news, a thread
of the pool takes it, because it may lie on a disk, and the loop sends it.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable
from concurrent.futures import Executor

from runtime.api.answers import Source


async def follow(
    source: Source,
    write: Callable[[bytes], Awaitable[None]],
    pool: Executor,
    taken: Callable[[], None] = lambda: None,
) -> None:
    """Send what the source gives, until it is over. `taken` is called whenever it has been asked.

    Cancelled when the client goes away.
    """
    loop = asyncio.get_running_loop()
    while True:
        taking = loop.run_in_executor(pool, source.take)
        try:
            data = await asyncio.shield(taking)
        except asyncio.CancelledError:
            await asyncio.wait([taking])  # nobody may close what a thread has in hand
            raise
        taken()
        if data:
            await write(data)
        elif source.over:
            return
        else:
            await readable(source.fileno(), source.due)


async def readable(descriptor: int, due: float | None = None) -> None:
    """Sleep until it is, or until the moment `due`."""
    loop = asyncio.get_running_loop()
    woken = asyncio.Event()
    loop.add_reader(descriptor, woken.set)
    try:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout_at(due):
                await woken.wait()
    finally:
        loop.remove_reader(descriptor)


async def writable(descriptor: int) -> None:
    """Sleep until something can be written to it."""
    loop = asyncio.get_running_loop()
    woken = asyncio.Event()
    loop.add_writer(descriptor, woken.set)
    try:
        await woken.wait()
    finally:
        loop.remove_writer(descriptor)
