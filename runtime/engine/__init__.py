"""The door for Python: `from runtime.engine import Engine`."""

from runtime.engine.engine import Engine

__all__ = ["Engine"]
