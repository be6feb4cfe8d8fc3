"""The names of the base images, apart from how they are made: every command must know them."""

NAMES = ("onggi/base", "onggi/python")
"""The images that any host can make."""
