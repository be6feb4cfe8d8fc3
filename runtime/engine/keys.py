"""The keys that leave a container without ending it: Ctrl-P Ctrl-Q, or what --detach-keys says.

Pure: bytes in, bytes out. docs.docker.com, `docker attach`, "Override the detach sequence"
"""

from __future__ import annotations

from runtime.errors import InvalidInput

DEFAULT = "ctrl-p,ctrl-q"
CONTROL = "@abcdefghijklmnopqrstuvwxyz[\\]^_"
"""The key beside Ctrl, by the byte that both together send. man 7 ascii"""


def parse_keys(text: str) -> bytes:
    """`a`, `ctrl-p,ctrl-q`, `ctrl-@,DEL` → the bytes they send; "" means the default.

    Raises InvalidInput for a key that there is not.
    """
    return bytes(_code(key) for key in (text or DEFAULT).split(","))


def _code(key: str) -> int:
    name, letter = key[:-1], key[-1:]
    if len(key) == 1 and key.isascii():
        return ord(key)
    if name == "ctrl-" and letter in CONTROL:
        return CONTROL.index(letter)
    if key == "DEL":
        return 0x7F
    raise InvalidInput(
        "no such key: {key!r}",
        hint="write a letter, or ctrl- and one of a-z @ [ \\ ] ^ _, with commas between them",
        key=key,
    )


class Keys:
    """Watches what is typed for the sequence, which itself is never passed on."""

    def __init__(self, sequence: bytes) -> None:
        self._sequence = sequence
        self._held = b""

    def pass_on(self, typed: bytes) -> tuple[bytes, bool]:
        """What of `typed` goes on, and whether the sequence is complete.

        What might become the sequence is held back until the next key says that it does not.
        """
        passed = bytearray()
        for code in typed:
            self._held += bytes((code,))
            if self._held == self._sequence:
                return bytes(passed), True
            while not self._sequence.startswith(self._held):
                passed.append(self._held[0])
                self._held = self._held[1:]
        return bytes(passed), False
