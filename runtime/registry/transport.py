"""The transport: one HTTP request to a peer that may mean harm, and its answer.

    Transport.ask(GET, address, headers) ──▶ Answer: status, headers, and pieces of its body

Whoever asks decides where to; this file sees to it that a peer can do no more than answer:

* It never redirects by itself. `redirected` says where an answer leads to, if that is allowed:
  http or https, never from https down to http, and not out of the public network into this host
  or the private network that it stands in. The last rule is checked on the connection that was
  made, not on a name, which may mean another address a moment later.
* A peer that is silent, or drips, for `patience_s` is left. Bodies have a limit or are read in
  pieces; headers have http.client's (100 of them, 64 KiB each).
* No content is unpacked on the way: digests are over what was stored, so a Content-Encoding that
  nobody has asked for is refused.

Broken connections and answers that mean "later" are CutOff, which may be tried again; everything
else is final. `close` wakes every thread that waits for a peer.

Rule: this file is the door for urllib3 and knows nothing of registries.
RFC 9110, RFC 9112
"""

from __future__ import annotations

import contextlib
import http.client
import io
import ipaddress
import re
import socket
import ssl
import threading
import time
import urllib.request
import weakref
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from errno import ECONNRESET
from typing import IO, Any
from urllib.parse import urljoin, urlsplit

import urllib3
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool
from urllib3.exceptions import HTTPError

from runtime.errors import CutOff, OnggiError, RegistryError
from runtime.registry.trust import Trust, host_of, is_loopback

# Whom we trust without a certificate is decided in `trust`, by the user, who need not be warned.
urllib3.disable_warnings(urllib3.exceptions.InsecureRequestWarning)

PIECE_BYTES = 1 << 18
PATIENCE_S = 60.0
LEAST_BYTES_PER_S = 128
"""Below that, over the time of our patience, a peer drips."""

REDIRECTS = frozenset({301, 302, 303, 307, 308})
LATER = frozenset({408, 425, 429, 500, 502, 503, 504})
"""Statuses that may be another one the next time. RFC 9110, 15; RFC 6585 (429)."""

USER_AGENT = "onggi"
ERROR_BODY_BYTES = 1 << 16
_PLAIN_TO_TLS = re.compile("WRONG_VERSION_NUMBER|RECORD_LAYER_FAILURE|UNKNOWN_PROTOCOL")


class Answer:
    """What a peer answers, its body still to be read; closed by the one who asked."""

    def __init__(
        self, address: str, response: Any, transport: Transport, *, is_empty: bool = False
    ) -> None:
        """`is_empty`: it has no body, whatever its headers say: HEAD was asked."""
        self.address = address
        self._is_empty = is_empty
        self.status: int = response.status
        self._response = response
        self._transport = transport

    def header(self, name: str) -> str:
        """A header's value, or ""."""
        return str(self._response.headers.get(name, ""))

    def headers(self, name: str) -> list[str]:
        """Every value of a header that may come several times."""
        return [str(value) for value in self._response.headers.getlist(name)]

    @property
    def length(self) -> int | None:
        """How many bytes the body is said to have."""
        text = self.header("Content-Length")
        return int(text) if re.fullmatch(r"\d{1,18}", text, re.ASCII) else None

    @property
    def redirected(self) -> str | None:
        """Where the answer sends us to; None if it does not. Raises RegistryError where nobody
        should follow.
        """
        location = self.header("Location")
        if self.status not in REDIRECTS or not location:
            return None
        return self._transport.allowed(location, self.address)

    def pieces(self) -> Iterator[bytes]:
        """The body as it comes. Raises CutOff, RegistryError for a body that is packed."""
        if self.header("Content-Encoding") not in ("", "identity"):
            raise RegistryError(
                "{host} sends its content packed ({encoding}), which nobody asked for",
                host=_host(self.address),
                encoding=self.header("Content-Encoding")[:50],
                status=self.status,
            )
        pace = _Pace(self._transport.patience_s, _host(self.address))
        with self._transport.naming(self.address):
            while piece := self._response.read1(PIECE_BYTES, decode_content=False):
                self._transport.refuse_closed()
                pace.count(len(piece))
                yield piece
            self._transport.refuse_closed()  # a connection that was shut down ends like a body

    def read(self, limit: int) -> bytes:
        """The whole body. Raises RegistryError where it has more than `limit` bytes."""
        data = bytearray()
        for piece in self.pieces():
            data += piece
            if len(data) > limit:
                raise RegistryError(
                    "{host} sends more than {limit} bytes where a short answer is expected",
                    host=_host(self.address),
                    limit=limit,
                    status=self.status,
                )
        return bytes(data)

    @property
    def wait_s(self) -> float | None:
        """What its Retry-After asks for. RFC 9110, 10.2.3: seconds, or a date."""
        text = self.header("Retry-After")
        if re.fullmatch(r"\d{1,9}", text, re.ASCII):
            return float(text)
        with contextlib.suppress(ValueError, TypeError):
            moment = parsedate_to_datetime(text)
            moment = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
            return max((moment - datetime.now(UTC)).total_seconds(), 0.0)
        return None

    def finish(self) -> None:
        """Give the connection back; drop it if more of the body is left than is worth reading."""
        length = 0 if self._is_empty else self.length
        with contextlib.suppress(HTTPError, OSError, ValueError):
            if length is not None and length < ERROR_BODY_BYTES:
                self._response.drain_conn()
        self._response.close()


class Transport:
    """Asks any number of peers, from any number of threads, with connections that stay open."""

    def __init__(self, trust: Trust, patience_s: float = PATIENCE_S) -> None:
        self.trust = trust
        self.patience_s = patience_s
        self.closed = threading.Event()
        self._managers: dict[tuple[str, bool], urllib3.PoolManager] = {}
        self._peers: dict[str, bool] = {}  # host → whether it is in the public network
        # Sockets: a connection forgets its own, when the peer says that it will close it.
        self._sockets: weakref.WeakSet[Any] = weakref.WeakSet()
        self._lock = threading.Lock()

    @contextlib.contextmanager
    def ask(
        self,
        method: str,
        address: str,
        headers: Mapping[str, str] = {},
        body: bytes | IO[bytes] | None = None,
        *,
        public_only: bool = False,
    ) -> Iterator[Answer]:
        """The answer to one request, while the block lasts. A `body` that is a stream needs a
        Content-Length among the headers.

        With `public_only` an address of this host or of a private network is refused. Raises
        CutOff, RegistryError.
        """
        self.refuse_closed()
        with self.naming(address):
            response: Any = self._manager(address, public_only).request(
                method,
                address,
                headers={"User-Agent": USER_AGENT, "Accept-Encoding": "identity", **headers},
                body=body,
                redirect=False,
                retries=False,
                preload_content=False,
                decode_content=False,
            )
        answer = Answer(address, response, self, is_empty=method == "HEAD")
        try:
            yield answer
        finally:
            answer.finish()

    def allowed(self, location: str, base: str) -> str:
        """The whole address of a Location or realm that `base` has named. Raises RegistryError."""
        address, parts = location, None
        with contextlib.suppress(ValueError):  # "https://["
            address = urljoin(base, location)
            parts = urlsplit(address)
        if (
            parts is None
            or parts.scheme not in ("http", "https")
            or not parts.hostname
            or parts.username
        ):
            raise RegistryError(
                "{host} leads to {address}, which is no address of the web",
                host=_host(base),
                address=address[:200],
            )
        if parts.scheme == "http" and urlsplit(base).scheme == "https":
            raise RegistryError(
                "{host} leads from https to {address}, where everybody can listen",
                host=_host(base),
                address=address[:200],
            )
        return address

    def is_public(self, address: str) -> bool:
        """Whether the peer of this address, asked before, stands in the public network."""
        return self._peers.get(_host(address), False)

    def refuse_closed(self) -> None:
        """Raises RegistryError once `close` was called."""
        if self.closed.is_set():
            raise RegistryError("it was cancelled")

    def wait(self, seconds: float) -> None:
        """Sleep, unless it is over meanwhile. Raises RegistryError then."""
        self.closed.wait(seconds)
        self.refuse_closed()

    def close(self) -> None:
        """No thread waits for a peer any longer."""
        self.closed.set()
        with self._lock:
            sockets = [*self._sockets]
        for each in sockets:
            with contextlib.suppress(OSError):  # not TLS's farewell: another thread is in there
                socket.socket.shutdown(each, socket.SHUT_RDWR)
        for manager in self._managers.values():
            manager.clear()

    @contextlib.contextmanager
    def naming(self, address: str) -> Iterator[None]:
        """What goes wrong on the wire, in our words. Raises CutOff, RegistryError."""
        try:
            yield
        except ssl.SSLError as cause:
            raise self._refused_tls(address, cause) from cause
        except (HTTPError, OSError, ValueError) as cause:
            self.refuse_closed()
            raise self._failed(address, cause) from cause

    def _failed(self, address: str, cause: Exception) -> OnggiError:
        inner = _innermost(cause)
        if isinstance(inner, OnggiError):  # ours: what we were sending could not be read
            return inner
        if isinstance(inner, ssl.SSLError):
            return self._refused_tls(address, inner)
        if isinstance(inner, socket.gaierror):
            return RegistryError(
                "there is no host {host}: {reason}",
                hint="is the name right, and is there a network?",
                host=_host(address),
                reason=inner.strerror or str(inner),
            )
        if isinstance(inner, ValueError | http.client.HTTPException) and not isinstance(
            inner, http.client.IncompleteRead
        ):
            return RegistryError(
                "{host} does not answer as HTTP has it: {reason}",
                host=_host(address),
                reason=str(inner)[:200] or type(inner).__name__,
            )
        return CutOff(
            "the connection to {host} failed: {reason}",
            host=_host(address),
            reason=getattr(inner, "strerror", None) or str(inner)[:200] or type(inner).__name__,
        )

    def _refused_tls(self, address: str, cause: ssl.SSLError) -> RegistryError:
        host = _host(address)
        if _PLAIN_TO_TLS.search(str(cause)):
            return PlainPeer(
                "{host} speaks plain HTTP, which anybody on the way can read and change",
                hint="if that is meant, say so: ONGGI_INSECURE_REGISTRIES={host}",
                host=host,
            )
        if isinstance(cause, ssl.SSLCertVerificationError):
            return RegistryError(
                "the certificate of {host} cannot be trusted: {reason}",
                hint="put the certificate of who signed it into {directory}/ca.crt",
                host=host,
                reason=cause.verify_message,
                directory=self.trust.folder(host),
            )
        return CutOff(
            "the connection to {host} failed: {reason}",
            host=host,
            reason=cause.reason or str(cause),
        )

    def _manager(self, address: str, public_only: bool) -> urllib3.PoolManager:
        host = _host(address)
        with self._lock:
            if (host, public_only) not in self._managers:
                self._managers[host, public_only] = self._new_manager(address, public_only)
            return self._managers[host, public_only]

    def _new_manager(self, address: str, public_only: bool) -> urllib3.PoolManager:
        options: dict[str, Any] = {
            "timeout": urllib3.Timeout(connect=min(self.patience_s, 20.0), read=self.patience_s),
            "maxsize": 8,
            "blocksize": PIECE_BYTES,
            "ssl_context": self.trust.context(_host(address)),
        }
        proxy = _proxy(address)
        manager = (
            urllib3.ProxyManager(proxy, **options) if proxy else urllib3.PoolManager(**options)
        )
        manager.pool_classes_by_scheme = self._watched_pools(public_only, proxied=bool(proxy))
        return manager

    def _watched_pools(self, public_only: bool, *, proxied: bool) -> dict[str, Any]:
        """Pools whose connections look at whom they have reached before anything is said."""

        def look(connection: Any) -> None:
            with self._lock:
                self._sockets.add(connection.sock)
            if proxied:  # the proxy decides which addresses it reaches, not we
                return
            where = connection.sock.getpeername()[0].partition("%")[0]
            is_public = ipaddress.ip_address(where).is_global
            self._peers[_netloc(connection)] = is_public
            if public_only and not is_public:
                connection.close()
                raise RegistryError(
                    "a public registry leads to {host}, an address of this host or a private "
                    "network",
                    host=_netloc(connection),
                )

        class PlainConnection(HTTPConnection):
            response_class = _WholeResponse

            def connect(self) -> None:
                super().connect()
                look(self)

        class TlsConnection(HTTPSConnection):
            response_class = _WholeResponse

            def connect(self) -> None:
                super().connect()
                look(self)

        class PlainPool(HTTPConnectionPool):
            ConnectionCls = PlainConnection

        class TlsPool(HTTPSConnectionPool):
            ConnectionCls = TlsConnection

        return {"http": PlainPool, "https": TlsPool}


class PlainPeer(RegistryError):
    """Who was asked by TLS does not know it."""


class _WholeLines(io.BufferedReader):
    """A line without an end is the end of a connection, and not of the line."""

    def readline(self, limit: int | None = -1) -> bytes:
        line = super().readline(limit)
        if not line.endswith(b"\n") and (limit is None or limit < 0 or len(line) < limit):
            raise ConnectionResetError(ECONNRESET, "it ends within an answer")
        return line


class _WholeResponse(http.client.HTTPResponse):
    """http.client takes headers for whole that were cut off: half an address for an address."""

    def __init__(self, sock: socket.socket, *arguments: Any, **keywords: Any) -> None:
        super().__init__(sock, *arguments, **keywords)
        self.fp = _WholeLines(self.fp.detach())


class _Pace:
    """Notices a peer that drips: always something, never enough."""

    def __init__(self, patience_s: float, host: str) -> None:
        self._patience_s = patience_s
        self._host = host
        self._since_s = time.monotonic()
        self._bytes = 0

    def count(self, size: int) -> None:
        self._bytes += size
        passed_s = time.monotonic() - self._since_s
        if passed_s < self._patience_s:
            return
        if self._bytes < passed_s * LEAST_BYTES_PER_S:
            raise CutOff(
                "{host} sends too slowly: {count} bytes in {seconds} seconds",
                host=self._host,
                count=self._bytes,
                seconds=round(passed_s),
            )
        self._since_s, self._bytes = time.monotonic(), 0


def _innermost(error: BaseException) -> BaseException:
    """What urllib3 has wrapped, often several times."""
    for inner in (getattr(error, "reason", None), *error.args, error.__cause__):
        if isinstance(inner, BaseException) and inner is not error:
            return _innermost(inner)
    return error


def _host(address: str) -> str:
    """host[:port] of an address, as docker names registries; "" if it has none."""
    return urlsplit(address).netloc.rpartition("@")[2].lower()


def _netloc(connection: Any) -> str:
    host = f"[{connection.host}]" if ":" in connection.host else connection.host
    return (
        host if connection.port in (None, connection.default_port) else f"{host}:{connection.port}"
    ).lower()


def _proxy(address: str) -> str | None:
    """The proxy that the environment names for the address; this host's are never asked by one."""
    parts = urlsplit(address)
    if urllib.request.proxy_bypass(parts.netloc) or is_loopback(host_of(parts.netloc)):
        return None
    return urllib.request.getproxies().get(parts.scheme)
