"""ChainIDs, against the formula of config.md."""

from __future__ import annotations

import hashlib

from runtime.oci.digest import ChainID, DiffID
from runtime.oci.identity import chain_ids, next_chain_id

A, B, C = (DiffID.of(name) for name in (b"a", b"b", b"c"))


def test_the_lowest_layer_is_its_own_chain() -> None:
    assert chain_ids([A]) == (ChainID(A),)
    assert isinstance(chain_ids([A])[0], ChainID)


def test_each_chain_hashes_the_one_below() -> None:
    below = hashlib.sha256(f"{A} {B}".encode()).hexdigest()
    top = hashlib.sha256(f"sha256:{below} {C}".encode()).hexdigest()
    assert list(map(str, chain_ids([A, B, C]))) == [A, f"sha256:{below}", f"sha256:{top}"]


def test_the_same_layer_elsewhere_is_another_chain() -> None:
    assert chain_ids([A, B])[-1] != chain_ids([B, A])[-1]
    assert next_chain_id(None, B) != next_chain_id(ChainID(A), B)


def test_no_layers_no_chain() -> None:
    assert chain_ids([]) == ()
