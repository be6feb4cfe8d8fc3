"""Passwords: who may use the registry. The file is Apache's htpasswd, with bcrypt only.

    user:$2y$05$…      one a line; `onggi registry htpasswd USER` prints one

bcrypt is slow on purpose, so that a stolen file does not give the passwords away. But a client
sends its password with each request. So whoever has been let in is remembered, as a keyed hash
that is worth nothing outside of this process, until the file changes.

Whether a user exists must not be heard from how long a refusal takes: for an unknown one, the
hash of some known one is tried in vain, always the same for the same name.

Rule: the only module that imports bcrypt. No password is ever logged or compared byte by byte.
RFC 7617
"""

from __future__ import annotations

import base64
import binascii
import hmac
import secrets
from collections import OrderedDict
from pathlib import Path

import bcrypt

from runtime.errors import InvalidInput

_REMEMBERED = 1000
_KINDS = ("$2y$", "$2b$", "$2a$")
_LONGEST_BYTES = 72
"""bcrypt reads no more of a password; two that differ only later would be the same."""


class Passwords:
    """The users of an htpasswd file, read again when it has changed."""

    def __init__(self, file: Path) -> None:
        """Raises InvalidInput: a line that cannot be used, or no user at all."""
        self._file = file
        self._key = secrets.token_bytes(32)
        self._admitted: OrderedDict[bytes, None] = OrderedDict()
        self._version = self._look()
        self._users = _read(file)

    def user(self, authorization: str) -> str | None:
        """Who sends this Authorization header; None for whoever is to be refused. It may take as
        long as bcrypt does.
        """
        user, password = _basic(authorization)
        self._refresh()
        mark = hmac.digest(self._key, b"%d:%s%s" % (len(user), user, password), "sha256")
        if mark in self._admitted:
            return user.decode(errors="replace")
        if not self._verify(user, password):
            return None
        self._admitted[mark] = None
        while len(self._admitted) > _REMEMBERED:
            self._admitted.popitem(last=False)
        return user.decode(errors="replace")

    def is_remembered(self, authorization: str) -> bool:
        """Whether `user` will answer at once."""
        user, password = _basic(authorization)
        mark = hmac.digest(self._key, b"%d:%s%s" % (len(user), user, password), "sha256")
        return mark in self._admitted and self._look() == self._version

    def _verify(self, user: bytes, password: bytes) -> bool:
        known = self._users.get(user)
        stored = known or self._decoy(user)
        # bcrypt itself ends a password at a zero byte, or refuses it.
        usable = len(password) <= _LONGEST_BYTES and b"\0" not in password
        right = bcrypt.checkpw(password if usable else b"", stored)
        return right and usable and known is not None

    def _decoy(self, user: bytes) -> bytes:
        """The hash that is tried for an unknown user."""
        stored = list(self._users.values())
        number = int.from_bytes(hmac.digest(self._key, user, "sha256")[:8], "big")
        return stored[number % len(stored)]

    def _look(self) -> tuple[int, int, int]:
        status = self._file.stat()
        return status.st_mtime_ns, status.st_size, status.st_ino

    def _refresh(self) -> None:
        """A file that cannot be used, because it is just being written, changes nothing yet."""
        try:
            version = self._look()
            if version != self._version:
                self._users = _read(self._file)
                self._version = version
                self._admitted.clear()
        except (OSError, InvalidInput):
            return


def htpasswd_line(user: str, password: str, cost: int = 10) -> str:
    """A line for the file. Raises InvalidInput for a user or password that could not be sent."""
    if not user or any(c in ":\n\r" or not c.isprintable() for c in user):
        raise InvalidInput("not a user name: {user!r}", user=user)
    if not 0 < len(password.encode()) <= _LONGEST_BYTES or "\0" in password:
        raise InvalidInput("a password has 1 to {limit} bytes", limit=_LONGEST_BYTES)
    hashed = bcrypt.hashpw(password.encode(), bcrypt.gensalt(cost)).decode()
    return f"{user}:{hashed.replace('$2b$', '$2y$', 1)}"  # Apache's name for the same


def _read(file: Path) -> dict[bytes, bytes]:
    users: dict[bytes, bytes] = {}
    for number, line in enumerate(file.read_bytes().splitlines(), 1):
        if not line.strip() or line.startswith(b"#"):
            continue
        user, colon, stored = line.strip().partition(b":")
        if not (user and colon and _is_bcrypt(stored)):
            raise InvalidInput(
                "{path}:{line}: not a user with a bcrypt hash",
                hint="`onggi registry htpasswd USER` prints such a line",
                path=file,
                line=number,
            )
        users[user] = stored
    if not users:
        raise InvalidInput("{path}: there is no user in this file", path=file)
    return users


def _is_bcrypt(stored: bytes) -> bool:
    """Tried, not guessed: what bcrypt cannot read must be found out before somebody logs in."""
    if not stored.decode(errors="replace").startswith(_KINDS) or len(stored) != 60:
        return False
    cost = stored[4:6]
    return cost.isdigit() and 4 <= int(cost) <= 16 and stored[6:7] == b"$"


def _basic(authorization: str) -> tuple[bytes, bytes]:
    """User and password; both empty when the header is none of this kind."""
    scheme, _, encoded = authorization.partition(" ")
    if scheme.lower() != "basic":
        return b"", b""
    try:
        text = base64.b64decode(encoded.strip(), validate=True)
    except (binascii.Error, ValueError):
        return b"", b""
    user, _, password = text.partition(b":")
    return user, password
