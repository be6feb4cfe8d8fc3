"""An engine that does nothing but write down what it is asked, for comparing clients.

It answers with the least that lets a client go on. What a client asks for the same command line is
what `onggi` and `docker` are compared by: no container is needed for that.
"""

from __future__ import annotations

import base64
import contextlib
import json
import re
import socketserver
import threading
import urllib.parse
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any, NamedTuple

ID = "c" * 64
IMAGE = "sha256:" + "d" * 64
CONTAINER = {
    "Id": ID,
    "Name": "/web",
    "Image": IMAGE,
    "Config": {"Tty": False, "OpenStdin": False, "Image": "app"},
    "HostConfig": {"AutoRemove": False},
    "State": {"Status": "running", "Running": True, "Paused": False, "Restarting": False},
    "NetworkSettings": {
        "Ports": {"80/tcp": [{"HostIp": "0.0.0.0", "HostPort": "4000"}], "81/tcp": None},
        "Networks": {},
    },
}
LISTED = [
    {
        "Id": ID,
        "Names": ["/web", "/other/web"],
        "Image": "app",
        "ImageID": IMAGE,
        "Command": "sh -c 'while true; do sleep 1; done'",
        "Created": 1700000000,
        "Ports": [
            {"IP": "0.0.0.0", "PrivatePort": 80, "PublicPort": 4000, "Type": "tcp"},
        ],
        "Labels": {"a": "1"},
        "State": "exited",
        "Status": "Exited (0) 2 minutes ago",
        "HostConfig": {"NetworkMode": "default"},
        "NetworkSettings": {"Networks": {"bridge": {}}},
        "Mounts": [
            {"Type": "volume", "Name": "d" * 64, "Source": "/x", "Driver": "local"},
            {"Type": "bind", "Source": "/srv/data/of/a/long/name", "Destination": "/data"},
        ],
        "SizeRw": 5,
        "SizeRootFs": 8700000,
    },
    {
        "Id": "a" * 64,
        "Names": ["/created"],
        "Image": IMAGE,
        "ImageID": IMAGE,
        "Command": "true",
        "Created": 1600000000,
        "Ports": [],
        "Labels": {},
        "State": "created",
        "Status": "Created",
        "HostConfig": {"NetworkMode": "none"},
        "NetworkSettings": {"Networks": {"none": {}}},
        "Mounts": [],
        "SizeRw": 0,
        "SizeRootFs": 1000,
    },
]
IMAGES = [
    {
        "Id": IMAGE,
        "ParentId": "",
        "RepoTags": ["team/app:1"],
        "RepoDigests": ["team/app@sha256:" + "9" * 64],
        "Created": 1700000000,
        "Size": 8700000,
        "VirtualSize": 8700000,
        "SharedSize": 1000,
        "Labels": {"a": "b"},
        "Containers": 1,
    },
    {
        "Id": "sha256:" + "2" * 64,
        "ParentId": "",
        "RepoTags": ["<none>:<none>"],
        "RepoDigests": ["<none>@<none>"],
        "Created": 1600000000,
        "Size": 123,
        "VirtualSize": 123,
        "SharedSize": 0,
        "Labels": None,
        "Containers": 0,
    },
]
HISTORY = [
    {
        "Id": IMAGE,
        "Created": 1700000000,
        "CreatedBy": '/bin/sh -c #(nop)  CMD ["sh" "-c" "a long line of words"]',
        "Tags": ["app:latest"],
        "Size": 0,
        "Comment": "words",
    },
    {
        "Id": "<missing>",
        "Created": 1600000000,
        "CreatedBy": "/bin/sh -c #(nop) ADD file",
        "Tags": None,
        "Size": 8700000,
        "Comment": "",
    },
]
VOLUMES = [
    {
        "Name": "data",
        "Driver": "local",
        "Mountpoint": "/var/lib/data",
        "Scope": "local",
        "Labels": {"a": "1"},
        "Options": None,
        "CreatedAt": "2026-01-02T03:04:05Z",
        "UsageData": {"RefCount": 1, "Size": 4096},
    },
]
NETWORK = {
    "Name": "home",
    "Id": "f" * 64,
    "Created": "2026-01-02T03:04:05.123456789Z",
    "Scope": "local",
    "Driver": "bridge",
    "EnableIPv6": False,
    "IPAM": {"Driver": "default", "Options": None, "Config": [{"Subnet": "10.5.0.0/24"}]},
    "Internal": True,
    "Attachable": False,
    "Ingress": False,
    "ConfigFrom": {"Network": ""},
    "ConfigOnly": False,
    "Containers": {},
    "Options": {},
    "Labels": {"a": "1"},
}
CACHE = [
    {
        "ID": f"sha256:{number:064x}" if number % 2 else f"{number:025x}",
        "Parents": parents,
        "Type": kind,
        "Description": "mount / from exec /bin/sh -c true",
        "InUse": number == 2,
        "Shared": number == 3,
        "Size": 1234567 * number,
        "CreatedAt": "2024-01-02T03:04:05.123456789Z",
        "LastUsedAt": used,
        "UsageCount": number,
    }
    for number, kind, parents, used in (
        (1, "regular", None, "2025-01-02T03:04:05.5Z"),
        (2, "exec.cachemount", None, "2024-05-02T03:04:05Z"),
        (3, "regular", ["sha256:1", "sha256:2"], "2025-01-02T03:04:05.25Z"),
        (4, "source.local", None, None),
    )
]
USAGE = {
    "LayersSize": 9000000,
    "Images": IMAGES,
    "Containers": LISTED,
    "Volumes": VOLUMES,
    "BuildCache": CACHE,
}
PUSHING = "The push refers to repository"
ANSWERS: tuple[tuple[str, str, int, Any], ...] = (
    ("GET", r"/containers/json", 200, LISTED),
    ("GET", r"/containers/[^/]+/json", 200, CONTAINER),
    ("POST", r"/containers/create", 201, {"Id": ID, "Warnings": []}),
    ("POST", r"/containers/prune", 200, {"ContainersDeleted": [], "SpaceReclaimed": 0}),
    ("POST", r"/containers/[^/]+/wait", 200, {"StatusCode": 0}),
    ("POST", r"/containers/[^/]+/update", 200, {"Warnings": []}),
    ("POST", r"/containers/[^/]+/exec", 201, {"Id": "e" * 64}),
    ("GET", r"/exec/[^/]+/json", 200, {"Running": False, "ExitCode": 0}),
    (
        "GET",
        r"/containers/[^/]+/changes",
        200,
        [{"Path": "/a", "Kind": 1}, {"Path": "/b", "Kind": 0}],
    ),
    (
        "GET",
        r"/containers/[^/]+/top",
        200,
        {"Titles": ["PID", "CMD"], "Processes": [["7", "sh"]]},
    ),
    ("POST", r"/commit", 201, {"Id": IMAGE}),
    ("GET", r"/images/json", 200, IMAGES),
    ("POST", r"/images/prune", 200, {"ImagesDeleted": [], "SpaceReclaimed": 0}),
    ("GET", r"/images/.+/history", 200, HISTORY),
    ("POST", r"/images/.+/tag", 201, None),
    ("DELETE", r"/images/.+", 200, [{"Untagged": "app:latest"}]),
    ("POST", r"/build/prune", 200, {"CachesDeleted": [], "SpaceReclaimed": 0}),
    ("GET", r"/networks", 200, [NETWORK]),
    ("GET", r"/system/df", 200, USAGE),
    ("POST", r"/networks/create", 201, {"Id": "f" * 64, "Warning": ""}),
    ("POST", r"/networks/prune", 200, {"NetworksDeleted": []}),
    ("GET", r"/networks/[^/]+", 200, NETWORK),
    ("GET", r"/volumes", 200, {"Volumes": VOLUMES, "Warnings": []}),
    ("POST", r"/volumes/create", 201, {"Name": "data", "Driver": "local"}),
    ("POST", r"/volumes/prune", 200, {"VolumesDeleted": [], "SpaceReclaimed": 0}),
    ("GET", r"/volumes/[^/]+", 200, VOLUMES[0]),
    ("POST", r"/auth", 200, {"Status": "Login Succeeded"}),
    ("POST", r"/images/create", 200, None),
    ("POST", r"/images/.+/push", 200, {"status": f"{PUSHING} [127.0.0.1:5000/team/app]"}),
)
"""Method, path, status, body. What is not listed is 204."""


class Asked(NamedTuple):
    """One request, without what says nothing: empty members of JSON are left out. Who somebody is
    to a registry stands in a header; here it is part of the query.
    """

    method: str
    path: str
    query: dict[str, Any]
    body: Any


def essence(value: Any) -> Any:
    """The same without what is empty, false or 0: leaving it out means the same to an engine."""
    if isinstance(value, dict):
        members = {name: essence(item) for name, item in value.items()}
        return {name: item for name, item in members.items() if item not in (None, {}, [], "", 0)}
    return [essence(item) for item in value] if isinstance(value, list) else value


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def _serve(self) -> None:
        parts = urllib.parse.urlsplit(self.path)
        path = re.sub(r"^/v\d+\.\d+", "", parts.path)
        data = self.rfile.read(int(self.headers.get("content-length", 0)))
        query = _read(urllib.parse.parse_qs(parts.query, keep_blank_values=False))
        known = base64.urlsafe_b64decode(self.headers.get("X-Registry-Auth", "e30="))
        if who := essence(json.loads(known)):
            query["X-Registry-Auth"] = who
        server: Any = self.server
        if path != "/_ping":
            server.asked.append(Asked(self.command, path, query, _document(data)))
        status, document = _answer(self.command, path)
        body = b"" if document is None else json.dumps(document).encode()
        self.send_response(status)
        self.send_header("Api-Version", server.version)
        self.send_header("Ostype", "linux")
        self.send_header("Content-Type", "application/json")
        if status != 204:
            self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    do_GET = do_POST = do_DELETE = do_HEAD = do_PUT = _serve

    def log_message(self, *_: object) -> None:
        """Nothing."""

    def address_string(self) -> str:
        """A unix socket's peer has none."""
        return "peer"


def _read(query: dict[str, list[str]]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name, values in query.items():
        texts = [json.loads(text) if text[:1] in "{[" else text for text in values]
        found[name] = texts[0] if len(texts) == 1 else texts
    return found


def _document(data: bytes) -> Any:
    try:
        return essence(json.loads(data)) or None
    except ValueError:
        return data or None


def _answer(method: str, path: str) -> tuple[int, Any]:
    for verb, pattern, status, document in ANSWERS:
        if verb == method and re.fullmatch(pattern, path):
            return status, document
    return (200, None) if path == "/_ping" else (204, None)


class _Server(socketserver.ThreadingUnixStreamServer):
    daemon_threads = True

    def __init__(self, place: str, version: str) -> None:
        super().__init__(place, _Handler)
        self.version = version
        self.asked: list[Asked] = []


@contextlib.contextmanager
def recording(place: Path, version: str) -> Iterator[list[Asked]]:
    """A server at the socket `place` that says it speaks `version`; what it is asked, while the
    block lasts.
    """
    with _Server(str(place), version) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        try:
            yield server.asked
        finally:
            server.shutdown()
