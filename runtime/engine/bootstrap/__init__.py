"""Base images with no download: `bootstrap`, and the NAMES of what it can make."""

from runtime.engine.bootstrap.layers import NAMES, bootstrap

__all__ = ["NAMES", "bootstrap"]
