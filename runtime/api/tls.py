"""TLS ends here: what comes over TCP in cipher goes on in clear over a pair of sockets.

    client ══TLS══▶ Relay ──socket pair──▶ HTTP

The event loop has TLS of its own, but there a client that closes its half is taken for one that
has gone, and `echo hi | docker run -i … cat` would get no answer. Here a half that is closed in
cipher (close_notify) is a half that is closed in clear.

Whoever speaks here is root on this host, so a client must show a certificate of our authority.
RFC 8446, 6.1
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
import ssl
from collections.abc import Callable
from pathlib import Path

from runtime.errors import InvalidInput

HANDSHAKE_S = 20.0
CHUNK_BYTES = 1 << 16


def context_of(authority: Path, certificate: Path, key: Path) -> ssl.SSLContext:
    """TLS with clients that `authority` has signed. Raises InvalidInput: a file cannot be used."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.verify_mode = ssl.CERT_REQUIRED
    try:
        # A key with a passphrase would ask on the terminal.
        context.load_cert_chain(certificate, key, password=lambda: "")
        context.load_verify_locations(authority)
    except (OSError, ssl.SSLError, ValueError) as cause:
        raise InvalidInput(
            "certificate and key cannot be used: {path}: {reason}",
            path=certificate,
            reason=str(cause),
        ) from cause
    return context


class Relay(asyncio.Protocol):
    """A connection in cipher. `serve` makes the protocol of the one in clear."""

    def __init__(self, context: ssl.SSLContext, serve: Callable[[], asyncio.Protocol]) -> None:
        self._incoming, self._outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        self._tls = context.wrap_bio(self._incoming, self._outgoing, server_side=True)
        self._serve = serve
        self._greeted = False
        self._clear: _Clear | None = None
        self._opening: asyncio.Task[None] | None = None
        self._loop = asyncio.get_running_loop()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Somebody has come."""
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport
        self._patience = self._loop.call_later(HANDSHAKE_S, transport.abort)

    def data_received(self, data: bytes) -> None:
        """Cipher: of the handshake, or of what the client says."""
        self._incoming.write(data)
        self._go_on()

    def eof_received(self) -> None:
        """It has hung up without a word."""
        self._incoming.write_eof()

    def connection_lost(self, error: Exception | None) -> None:
        """It has gone."""
        self._patience.cancel()
        if self._clear is not None:
            self._clear.transport.close()

    def pause_writing(self) -> None:
        """The client reads slowly: HTTP waits."""
        if self._clear is not None:
            self._clear.transport.pause_reading()

    def resume_writing(self) -> None:
        """It has read."""
        if self._clear is not None:
            self._clear.transport.resume_reading()

    def _go_on(self) -> None:
        """As far as what has come allows."""
        try:
            if not self._greeted:
                self._tls.do_handshake()
                self._greeted = True
                self._patience.cancel()
                self.transport.pause_reading()
                self._opening = self._loop.create_task(self._open())
            self._pass_on()
        except ssl.SSLWantReadError:
            pass
        except ssl.SSLError:  # no certificate, a wrong one, no TLS at all
            self._flush()
            self.transport.close()
            return
        self._flush()

    async def _open(self) -> None:
        """The connection in clear, once we know who it is."""
        ours, theirs = socket.socketpair()
        for each in (ours, theirs):
            each.setblocking(False)
        try:
            await self._loop.connect_accepted_socket(self._serve, theirs)
            _, self._clear = await self._loop.connect_accepted_socket(lambda: _Clear(self), ours)
        except OSError:
            ours.close()
            theirs.close()
            self.transport.abort()
            return
        if self.transport.is_closing():
            self._clear.transport.close()
            return
        self.transport.resume_reading()
        self._go_on()

    def _pass_on(self) -> None:
        """What the client has said so far. Raises SSLWantReadError at its end."""
        while self._clear is not None:
            try:
                data = self._tls.read(CHUNK_BYTES)
            except ssl.SSLZeroReturnError:
                data = b""
            if not data:  # close_notify
                self._clear.finish()
                return
            self._clear.transport.write(data)

    def say(self, data: bytes) -> None:
        """To the client."""
        self._tls.write(data)
        self._flush()

    def say_no_more(self) -> None:
        """HTTP has finished: say so, and hang up."""
        with contextlib.suppress(ssl.SSLError):  # it wants to read the client's own, or has it
            self._tls.unwrap()
        self._flush()
        self.transport.close()

    def _flush(self) -> None:
        if data := self._outgoing.read():
            self.transport.write(data)


class _Clear(asyncio.Protocol):
    """Our end of the pair."""

    transport: asyncio.Transport

    def __init__(self, relay: Relay) -> None:
        self._relay = relay

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """HTTP is at the other end."""
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport

    def data_received(self, data: bytes) -> None:
        """From HTTP."""
        self._relay.say(data)

    def finish(self) -> None:
        """The client has no more to say."""
        if not self.transport.is_closing():
            self.transport.write_eof()

    def connection_lost(self, error: Exception | None) -> None:
        """HTTP has hung up."""
        self._relay.say_no_more()

    def pause_writing(self) -> None:
        """HTTP reads slowly: the client waits."""
        self._relay.transport.pause_reading()

    def resume_writing(self) -> None:
        """It has read."""
        self._relay.transport.resume_reading()
