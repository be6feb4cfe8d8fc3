"""`make bench`, our registry's server: what eight clients get out of it, as a ratio to Debian's
docker-registry.

    push    eight new blobs of 16 MB, each by POST, PATCH and PUT
    pull    eight blobs of 16 MB
    memory  the most that the server ever had, after all of that

Both servers are asked by the same clients, on loopback, in turns. Needs docker-registry.
"""

from __future__ import annotations

import http.client
import os
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from urllib.parse import urlsplit

from bench import report, turns
from own_registry import running_registry
from registries import running_registry as running_peer

from runtime.oci.digest import Digest

CLIENTS = 8
BLOB_BYTES = 16_000_000
ROUNDS = 5
LIMIT = 1.25
"""Of the time: 0.8 of the speed."""
MEMORY_MB = 120.0


def push(port: int, number: int) -> Digest:
    """A blob that nobody has seen, as docker and skopeo push one."""
    data = os.urandom(16) + bytes(BLOB_BYTES - 16)
    digest = Digest.of(data)
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    location = ask(connection, "POST", f"/v2/bench/{number}/blobs/uploads/", 202)
    location = ask(connection, "PATCH", location, 202, data)
    mark = "&" if "?" in location else "?"
    ask(connection, "PUT", f"{location}{mark}digest={digest}", 201)
    connection.close()
    return digest


def pull(port: int, number: int, digest: Digest) -> None:
    """A blob, thrown away."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    connection.request("GET", f"/v2/bench/{number}/blobs/{digest}")
    answer = connection.getresponse()
    buffer = bytearray(1 << 20)
    count = 0
    while some := answer.readinto(buffer):
        count += some
    assert (answer.status, count) == (200, BLOB_BYTES)
    connection.close()


def ask(
    connection: http.client.HTTPConnection, method: str, path: str, status: int, body: bytes = b""
) -> str:
    """One request; the Location of its answer, without the host."""
    connection.request(method, path, body)
    answer = connection.getresponse()
    answer.read()
    assert answer.status == status, (method, path, answer.status)
    address = urlsplit(answer.headers.get("Location", ""))
    return f"{address.path}?{address.query}" if address.query else address.path


def push_all(port: int) -> None:
    """All clients at once."""
    with ThreadPoolExecutor(CLIENTS) as pool:
        list(pool.map(partial(push, port), range(CLIENTS)))


def pull_all(port: int, digests: list[Digest]) -> None:
    """The same."""
    with ThreadPoolExecutor(CLIENTS) as pool:
        list(pool.map(lambda n: pull(port, n, digests[n]), range(CLIENTS)))


def main() -> int:
    """0 if all ratios are within their limits."""
    with (
        tempfile.TemporaryDirectory(prefix="onggi-bench-") as folder,
        running_registry(Path(folder)) as ours,
        running_peer(Path(folder, "peer")) as peer,
    ):
        times = turns(partial(push_all, ours.port), partial(push_all, peer.port), ROUNDS, 1)
        fine = report("serve 8 pushes", *times, LIMIT)
        mine = [push(ours.port, n) for n in range(CLIENTS)]
        theirs = [push(peer.port, n) for n in range(CLIENTS)]
        times = turns(
            partial(pull_all, ours.port, mine), partial(pull_all, peer.port, theirs), ROUNDS, 1
        )
        fine = report("serve 8 pulls", *times, LIMIT) and fine
        status = Path(f"/proc/{ours.process.pid}/status").read_text()
        most_mb = int(status.partition("VmHWM:")[2].split()[0]) / 1000
        print(f"server's memory  {most_mb:.0f} MB (≤ {MEMORY_MB:.0f}) after 12 × 128 MB")
        return 0 if fine and most_mb <= MEMORY_MB else 1


if __name__ == "__main__":
    sys.exit(main())
