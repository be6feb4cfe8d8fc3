"""The names of the images that any host can make, apart from how: every command must know them."""

BASES = ("onggi/base", "onggi/python")
"""What others build on: `onggi image bootstrap` makes these."""

NAMES = (*BASES, "onggi/registry")
"""All of them. What is missing is made when it is asked for."""
