"""What is asked of the keeper, from outside.

    {"verb": "plug", "container": …, "pid": …, …} + a network namespace      container/cable.py
    {"verb": "connect", "container": …, "network": …, "place": {…}}
    {"verb": "disconnect", "container": …, "network": …}
    {"verb": "remove", "network": …}
    {"verb": "settle"}                                what it does at its start is what is wanted

Rule: it knows nothing of netlink, and costs its importers nothing.
"""

from __future__ import annotations

from pathlib import Path

from runtime.linux import namespaces, process
from runtime.linux.packets import Message
from runtime.network.records import NetworkRecords
from runtime.resident import ATTEMPTS, KEEPER


def world() -> str:
    """Where the caller's devices are: this boot of the host, and this network namespace."""
    return f"{process.boot_id()} {namespaces.identity('self', 'network')}"


def ask(root: Path, message: Message) -> None:
    """Have it done. Raises what the keeper refuses."""
    for _ in range(ATTEMPTS):
        with KEEPER.ask(root, message) as connection:
            if KEEPER.answer(connection) is not None:
                return
    raise KEEPER.silence(root)


def settle(root: Path, records: NetworkRecords) -> None:
    """If a keeper was killed, and something of ours is in the kernel, let another one clean up."""
    if records.anything_in(world()) and not KEEPER.lives(root):
        ask(root, {"verb": "settle"})
