"""The flags that stand before the command: which engine is meant, and what else is true for every
command.
"""

from __future__ import annotations

from runtime.cli.connection import HOST_FLAGS
from runtime.cli.flags import HELP, SWITCH, WORD, Flag

FIRST_FLAGS = (
    Flag("config", "", WORD, "Location of client config files"),
    Flag("debug", "D", SWITCH, "Accepted as docker's; there is nothing more to be told"),
    *HOST_FLAGS,
    Flag("log-level", "l", WORD, "Accepted as docker's; there is nothing more to be told", "info"),
    Flag("version", "v", SWITCH, "Print version information and quit"),
)

ALL = (*FIRST_FLAGS, HELP)
