"""How large a long proof is: as usual, or in full with `make test FULL=1`.

The usual size is large enough to find what the proof is there to find; the full one finds what
happens once in many times. Both are seeded.
"""

from __future__ import annotations

import os

FULL = os.environ.get("ONGGI_FULL", "") not in ("", "0")


def sized(usual: int, full: int) -> int:
    """The one that this run is asked for."""
    return full if FULL else usual
