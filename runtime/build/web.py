"""The web: one file, asked of a server. The door of `urllib`, and the one place where a build uses
the network.

Only http and https are spoken, also after a redirect: no address leads to a file of this host.
RFC 9110 (13, "Conditional Requests")
"""

from __future__ import annotations

import contextlib
import http.client
import posixpath
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from typing import IO

from runtime.errors import OnggiError

BLOCK_BYTES = 1 << 20
TIMEOUT_S = 60
"""How long a server may say nothing."""

_NOT_MODIFIED = 304
_FAILURES = (OSError, http.client.HTTPException, ValueError)


@dataclass(frozen=True, slots=True)
class Answer:
    """What a server answers. `response` is None when the file is what it was before."""

    address: str
    response: http.client.HTTPResponse | None

    @property
    def is_unchanged(self) -> bool:
        """Whether there is nothing to receive: the caller has it."""
        return self.response is None

    def header(self, name: str) -> str:
        """A header's value, or ""."""
        return self.response.headers.get(name, "") if self.response else ""

    @property
    def file_name(self) -> str:
        """What the file is called: as the server says, else as the address ends."""
        said = self.response.headers.get_filename("") if self.response else ""
        path = urllib.parse.unquote(urllib.parse.urlsplit(self.address).path)
        for text in (said or "", path):
            name = posixpath.basename(text.replace("\0", ""))
            if name not in ("", ".", ".."):
                return name
        return "download"

    @property
    def modified_s(self) -> int:
        """Last-Modified as seconds since 1970; 0 if it does not say."""
        try:
            return max(int(parsedate_to_datetime(self.header("Last-Modified")).timestamp()), 0)
        except ValueError:
            return 0

    def receive(self, file: IO[bytes], largest_bytes: int) -> int:
        """Copy the body into `file`; how many bytes it was. Raises OnggiError when it is too
        large, or shorter than was promised.
        """
        count = 0
        with _told_in_our_words():
            while block := self.response.read(BLOCK_BYTES) if self.response else b"":
                count += len(block)
                if count > largest_bytes:
                    raise OnggiError("more than {limit} bytes", limit=largest_bytes)
                file.write(block)
            file.flush()
        promised = self.header("Content-Length")
        if promised.isdecimal() and int(promised) != count:
            raise OnggiError(
                "it ends after {count} of {promised} bytes", count=count, promised=promised
            )
        return count


@contextlib.contextmanager
def ask(address: str, etag: str = "", last_modified: str = "") -> Iterator[Answer]:
    """The server's answer, its body still to be received. With what it said the last time, it
    may answer that nothing has changed. Raises OnggiError.
    """
    with _told_in_our_words():
        request = urllib.request.Request(address, headers={"User-Agent": "onggi"})  # noqa: S310
        if etag:
            request.add_header("If-None-Match", etag)
        elif last_modified:
            request.add_header("If-Modified-Since", last_modified)
        response = _open(request)
    if response is None:
        yield Answer(address, None)
    else:
        with response:
            yield Answer(address, response)


def _open(request: urllib.request.Request) -> http.client.HTTPResponse | None:
    """None: nothing has changed."""
    try:
        response: http.client.HTTPResponse = _opener().open(request, timeout=TIMEOUT_S)
    except urllib.error.HTTPError as error:
        error.close()
        if error.code == _NOT_MODIFIED:
            return None
        raise
    return response


def _opener() -> urllib.request.OpenerDirector:
    """Speaks http and https and nothing else: `build_opener` would add file, ftp and data."""
    opener = urllib.request.OpenerDirector()
    for handler in (
        urllib.request.ProxyHandler(),
        urllib.request.UnknownHandler(),
        urllib.request.HTTPHandler(),
        urllib.request.HTTPSHandler(),
        urllib.request.HTTPDefaultErrorHandler(),
        urllib.request.HTTPRedirectHandler(),
        urllib.request.HTTPErrorProcessor(),
    ):
        opener.add_handler(handler)
    return opener


@contextlib.contextmanager
def _told_in_our_words() -> Iterator[None]:
    try:
        yield
    except _FAILURES as cause:
        if isinstance(cause, OnggiError):
            raise
        why = (
            cause if isinstance(cause, urllib.error.HTTPError) else getattr(cause, "reason", cause)
        )
        reason = str(why) or type(cause).__name__
        raise OnggiError("{reason}", reason=reason) from cause
