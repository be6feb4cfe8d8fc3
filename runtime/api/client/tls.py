"""TLS ends here: what HTTP says in clear over a pair of sockets goes on in cipher.

    HTTP ──socket pair──▶ Relay ══TLS══▶ engine

Whoever is attached reads in one thread and writes in another, and one connection of TLS must not
be used by two. So a loop of its own owns it, which nobody waits for and which waits for nobody. A
half that is closed in clear is closed in cipher, too (close_notify), which to an engine is the end
of a program's input; what the program says to that still comes. `api/tls.py` is the other end.

RFC 8446, 6.1; man 2 poll
"""

from __future__ import annotations

import contextlib
import errno
import select
import socket
import ssl
import threading

from runtime.api.client.address import Tls

CHUNK_BYTES = 1 << 16
MOST_HELD = 1 << 20
"""As much may be on its way in one direction; then the one who sends has to wait."""

LEAVING_S = 10.0
"""How long whoever hangs up waits until the last that he said has gone."""


def context_of(tls: Tls) -> ssl.SSLContext:
    """Raises OSError for files that are not there, or are no certificates."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    if not tls.verifies:
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    elif tls.ca:
        context.load_verify_locations(tls.ca)
    else:
        context.load_default_certs()
    if tls.cert or tls.key:
        context.load_cert_chain(tls.cert, tls.key or None)
    return context


class Relay:
    """A connection in cipher; `clear` is for who speaks in clear."""

    def __init__(self, engine: socket.socket, host: str, tls: Tls) -> None:
        """Takes `engine` over. Raises OSError, also for certificates that do not fit."""
        self._engine = engine
        self._incoming, self._outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        context = context_of(tls)
        self._tls = context.wrap_bio(self._incoming, self._outgoing, server_hostname=host)
        self._greet()
        self.clear, self._inner = socket.socketpair()
        self.error: OSError | None = None
        """Why it ended, if not by somebody's wish."""
        self._to_engine, self._to_clear = bytearray(), bytearray()
        self._engine_speaks = self._clear_speaks = self._clear_hears = True
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def _greet(self) -> None:
        """The handshake, while nobody has anything else to do."""
        while True:
            try:
                self._tls.do_handshake()
                break
            except ssl.SSLWantReadError:
                self._engine.sendall(self._outgoing.read())
            data = self._engine.recv(CHUNK_BYTES)
            if not data:
                raise ConnectionResetError(errno.ECONNRESET, "it hung up before it said who it is")
            self._incoming.write(data)
        self._engine.sendall(self._outgoing.read())

    def wait(self) -> None:
        """After `clear` was shut down: until what was said has gone."""
        self._thread.join(LEAVING_S)

    def _run(self) -> None:
        self._engine.setblocking(False)
        self._inner.setblocking(False)
        try:
            while not self._is_over():
                self._turn()
        except OSError as error:  # one of TLS, too
            self.error = error
        finally:
            self._inner.close()
            self._engine.close()

    def _is_over(self) -> bool:
        """When one of both has gone, and what it said has arrived."""
        if self._engine_speaks:
            return not self._clear_hears and not self._to_engine
        return not self._to_clear or not self._clear_hears

    def _turn(self) -> None:
        """Wait until something can go on, and let it."""
        poll = select.poll()
        hears_engine = self._engine_speaks and len(self._to_clear) < MOST_HELD
        hears_clear = self._clear_speaks and len(self._to_engine) < MOST_HELD
        if self._engine_speaks or self._to_engine:
            poll.register(self._engine, _events(hears_engine, bool(self._to_engine)))
        # Even with nothing to wait for, poll tells that somebody has gone: when all is read only.
        if self._clear_hears and (hears_clear or self._to_clear or not self._clear_speaks):
            poll.register(self._inner, _events(hears_clear, bool(self._to_clear)))
        for descriptor, events in poll.poll():
            if descriptor == self._engine.fileno():
                self._serve_engine(events)
            else:
                self._serve_clear(events)

    def _serve_engine(self, events: int) -> None:
        if events & select.POLLOUT:
            del self._to_engine[: self._engine.send(self._to_engine)]
        if events & (select.POLLIN | select.POLLHUP | select.POLLERR):
            data = self._engine.recv(CHUNK_BYTES)
            self._incoming.write(data) if data else self._incoming.write_eof()
            self._decrypt()

    def _decrypt(self) -> None:
        """All that has come whole."""
        with contextlib.suppress(ssl.SSLWantReadError):
            while data := self._read():
                self._to_clear += data
            self._engine_speaks = False
        self._to_engine += self._outgoing.read()  # an answer to what TLS itself has asked

    def _read(self) -> bytes:
        """The next piece; b"" at the end. Raises SSLWantReadError."""
        try:
            return self._tls.read(CHUNK_BYTES)
        except (ssl.SSLZeroReturnError, ssl.SSLEOFError):
            return b""

    def _serve_clear(self, events: int) -> None:
        if events & select.POLLIN:
            if data := self._inner.recv(CHUNK_BYTES):
                self._tls.write(data)
            else:
                self._clear_speaks = False
                with contextlib.suppress(ssl.SSLError):  # it would wait for the engine's own
                    self._tls.unwrap()
            self._to_engine += self._outgoing.read()
        elif events & select.POLLHUP and not self._clear_speaks:
            self._clear_hears = False
        if events & select.POLLOUT:
            with contextlib.suppress(BrokenPipeError):  # it has gone, as the next turn will find
                del self._to_clear[: self._inner.send(self._to_clear)]


def _events(reads: bool, writes: bool) -> int:
    return (select.POLLIN if reads else 0) | (select.POLLOUT if writes else 0)
