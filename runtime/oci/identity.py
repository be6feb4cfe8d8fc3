"""Identity of layer chains: the same layer on another base is another file system.

A DiffID names what one layer changes. What a container sees is that layer on all those below,
and this is what snapshots are kept and shared by. So each ChainID hashes the one below it:

    ChainID(L0)      = DiffID(L0)
    ChainID(L0…Ln)   = sha256(ChainID(L0…Ln−1) + " " + DiffID(Ln))

image-spec: config.md "Layer ChainID"
"""

from __future__ import annotations

from collections.abc import Iterable

from runtime.oci.digest import ChainID, DiffID


def next_chain_id(parent: ChainID | None, diff_id: DiffID) -> ChainID:
    """The identity of layer `diff_id` applied on `parent`; None: on nothing."""
    if parent is None:
        return ChainID(diff_id)
    return ChainID.of(f"{parent} {diff_id}".encode())


def chain_ids(diff_ids: Iterable[DiffID]) -> tuple[ChainID, ...]:
    """One ChainID per layer, lowest first; the last one is the image's whole file system."""
    chain: list[ChainID] = []
    for diff_id in diff_ids:
        chain.append(next_chain_id(chain[-1] if chain else None, diff_id))
    return tuple(chain)
