"""The door for Python: `from runtime.engine import Engine`.

`Engine` is loaded when it is asked for: who only lists containers (engine/glance.py) comes through
this package, too, and must not wait for everything that can start one.
"""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from runtime.engine.engine import Engine

__all__ = ["Engine"]


def __getattr__(name: str) -> Any:
    if name == "Engine":
        from runtime.engine.engine import Engine

        return Engine
    raise AttributeError(name)
