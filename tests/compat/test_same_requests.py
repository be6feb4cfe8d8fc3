"""`onggi --host` asks an engine for the same as docker's own client, for the same command line.

Both speak to a server that writes down what it is asked (tests/recorder.py), so that a flag that is
read otherwise, forgotten or sent under another name is seen, for every engine of docker's there is.
"""

from __future__ import annotations

import os
import shlex
import subprocess
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import needs
import pytest
from recorder import LISTED, Asked, recording

from runtime.cli.main import main

if reason := needs.why_missing("docker"):  # no mark: these tests touch no kernel
    assert not needs.ci(), reason
    pytest.skip(reason, allow_module_level=True)

DEBIANS = "/usr/bin/docker"
"""Docker's client as Debian has it: API 1.41."""

LINES = (
    "create app",
    "create app sh -c 'echo hi'",
    "create --name web -e A=1 -e B=2 -w /srv -u 7:8 -h jar --domainname home app",
    "create -it --rm app sh",
    "create -l a=b -l c --entrypoint sh app -c true",
    "create --restart on-failure:3 --stop-signal SIGUSR1 --stop-timeout 5 app",
    "create -m 64m --memory-swap 128m --memory-reservation 32m --memory-swappiness 5 app",
    "create --cpus 0.5 -c 512 --cpuset-cpus 0-1 --cpuset-mems 0 app",
    "create --cpu-period 50000 --cpu-quota 25000 --cpu-rt-period 7 --cpu-rt-runtime 5 app",
    "create --pids-limit 20 --oom-score-adj 100 --oom-kill-disable app",
    "create --blkio-weight 300 --blkio-weight-device /dev/sda:200 app",
    "create --device-read-bps /dev/sda:1mb --device-write-iops /dev/sda:10 app",
    "create --ulimit nofile=1024:2048 --ulimit nproc=10 --shm-size 1g app",
    "create --privileged --read-only --init app",
    "create --cap-add NET_ADMIN --cap-drop ALL --security-opt no-new-privileges app",
    "create --group-add 5 --group-add audio app",
    "create --device /dev/fuse --device /dev/null:/dev/x:r --device-cgroup-rule 'c 1:3 r' app",
    "create --tmpfs /run --tmpfs /tmp:size=64m --sysctl net.core.somaxconn=512 app",
    "create -v data:/data -v /srv:/srv:ro -v /anonymous app",
    "create --mount type=bind,src=/srv,dst=/srv,readonly app",
    "create --mount type=volume,src=data,dst=/data --mount type=tmpfs,dst=/t,tmpfs-size=1m app",
    "create --volumes-from other:ro --volume-driver local app",
    "create -p 4000:80 -p 127.0.0.1:53:53/udp -p 8000-8002:80-82 app",
    "create -P --expose 90 --expose 91/udp app",
    "create --dns 10.0.0.1 --dns-search home --dns-option ndots:2 --add-host db:10.0.0.5 app",
    "create --network home --network-alias www --ip 10.5.0.9 app",
    "create --network host --pid host --ipc host --uts host app",
    "create --network none --cgroupns host --userns host app",
    "create --health-cmd true --health-interval 5s --health-retries 2 --health-timeout 1s app",
    "create --no-healthcheck app",
    "create --log-driver json-file --log-opt max-size=1m app",
    "create --gpus all app",
    "create --gpus 2 app",
    "create --storage-opt size=1G --runtime runc --cgroup-parent /x app",
    "create --link other:db app",
    "create --mac-address 92:d0:c6:0a:29:33 app",
    "create --platform linux/amd64 app",
    "run -d --name web -p 80 app",
    "start web",
    "stop web",
    "stop -t 3 web",
    "restart -t 1 web",
    "kill web",
    "kill -s USR1 web",
    "pause web",
    "unpause web",
    "rename web other",
    "rm web",
    "rm -fv web",
    "rm --link web/db",
    "update -m 80m --memory-swap -1 --cpus 2 --pids-limit 30 --restart always web",
    "update --cpu-shares 3 --blkio-weight 20 --cpuset-cpus 0 web",
    "wait web",
    "diff web",
    "top web",
    "top web -o pid,args",
    "port web",
    "ps -a",
    "ps -n 3",
    "ps -l",
    "ps -s",
    "ps --filter status=exited --filter label=a=b --filter label=c",
    "ps --no-trunc",
    "ps -q",
    "ps -aq --no-trunc",
    "ps --format '{{json .Names}}'",
    "ps --format '{{.ID}} {{.Names}} {{.Label \"a\"}} {{.Labels}} {{.Ports}} {{.Mounts}}'",
    "ps --format 'table {{.Names}}\\t{{.State}}\\t{{.Size}}\\t{{.Networks}}'",
    "ps --format '{{.Image}} {{.Command}} {{.Status}} {{.LocalVolumes}}'",
    "ps --format '{{upper .State}} {{len .Names}} {{truncate .ID 3}} {{pad .State 1 1}}|'",
    "ps --format '{{if eq .State \"exited\"}}x{{else}}y{{end}}'",
    "images -q",
    "images --digests",
    "images --no-trunc",
    "images --format '{{.Repository}}:{{.Tag}} {{.ID}} {{.Size}} {{.CreatedSince}}'",
    "images --format 'table {{.ID}}\\t{{.Tag}}'",
    "history --no-trunc app",
    "history -q app",
    "history --format '{{.ID}} {{.CreatedBy}} {{.Size}} {{.Comment}}' app",
    "network ls -q",
    "network ls --no-trunc",
    "network ls --format '{{.Name}} {{.Driver}} {{.Internal}} {{.IPv6}} {{.Labels}}'",
    "network inspect -f '{{.Name}} {{json .IPAM.Config}}' home",
    "volume ls",
    "volume ls -q",
    "volume ls --format '{{.Name}} {{.Driver}} {{.Mountpoint}} {{.Labels}} {{.Label \"a\"}}'",
    "volume inspect -f '{{.Name}} {{.Driver}}' data",
    "inspect -f '{{.State.Status}} {{.Config.Image}} {{json .NetworkSettings.Ports}}' web",
    "port web 80",
    "system df",
    "system df -v",
    "system df --format '{{.Type}} {{.TotalCount}} {{.Active}} {{.Size}} {{.Reclaimable}}'",
    "images -a",
    "images app",
    "images --filter dangling=true",
    "history app",
    "tag app team/app:2",
    "rmi app",
    "rmi -f 127.0.0.1:5000/team/app:2",
    "rmi --no-prune app",
    "commit -m words -a me -c 'CMD [\"x\"]' web team/app:3",
    "commit --pause=false web",
    "container prune -f --filter until=1h",
    "image prune -f",
    "image prune -af --filter label=a",
    "volume prune -f",
    "network prune -f",
    "builder prune -f",
    "builder prune -af --filter until=1h --keep-storage 1gb",
    "volume create data",
    "volume create -d local -o type=none -o device=/srv -o o=bind --label a=b data",
    "volume ls --filter dangling=true",
    "volume rm data",
    "volume rm -f data",
    "network create home",
    "network create --subnet 10.5.0.0/24 --gateway 10.5.0.1 --ip-range 10.5.0.0/25 home",
    "network create --internal --attachable --label a=b -o x=y --ipv6 --subnet fd00::/64 home",
    "network create --aux-address a=10.5.0.9 --subnet 10.5.0.0/24 --ipam-opt k=v home",
    "network create --config-only conf",
    "network create --config-from conf -d bridge home",
    "network connect --alias www --ip 10.5.0.9 --link a:b --driver-opt k=v home web",
    "network disconnect -f home web",
    "network ls --filter driver=bridge",
    "network rm home",
    "exec web true",
    "exec -d -e A=1 -w /srv -u 7 --privileged web sleep 1",
    "inspect --type container web",
    "container inspect -s web",
    "login -u me -p secret 127.0.0.1:5000",
    "pull app",
    "pull -a 127.0.0.1:5000/team/app",
    "pull --platform linux/arm64 team/app:2",
    "push 127.0.0.1:5000/team/app:2",
    "push -a 127.0.0.1:5000/team/app",
    "run -d --pull always --platform linux/amd64 127.0.0.1:5000/team/app",
)


KEPT = '{"auths": {"127.0.0.1:5000": {"auth": "Ym9yaTpqYXI="}}}'
"""A client's config.json: it has logged in at a registry (bori, jar)."""


def asked_by_docker(program: str, socket: Path, line: str) -> subprocess.CompletedProcess[str]:
    """Let the client carry out the line."""
    environment = {
        **os.environ,
        "DOCKER_HOST": f"unix://{socket}",
        "DOCKER_CONFIG": str(socket.parent),
    }
    environment.pop("DOCKER_API_VERSION", None)
    return subprocess.run(
        [program, *shlex.split(line)],
        env=environment,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


SAME: Mapping[str, Callable[[Any], Any]] = {
    "NetworkMode": lambda value: "default" if value == "bridge" else value,
    "CapAdd": lambda value: sorted(name.removeprefix("CAP_") for name in value),
    "CapDrop": lambda value: sorted(name.removeprefix("CAP_") for name in value),
    "Binds": lambda value: value and sorted(value),  # out of a map of Go's: in any order
    "RestartPolicy": lambda value: value if value["Name"] != "no" else None,
    "keep-storage": lambda value: value if value != "0" else None,
    "MemorySwappiness": lambda value: value if value != -1 else None,
}
"""Members that both write otherwise and mean the same."""

WITHOUT = {
    "Detach": "which `exec` says again when it begins",
    "CheckDuplicate": "which every engine does by now",
    "ConsoleSize": "the window's, if there is one",
    "MaximumRetryCount": "0 is none, -1 is docker's word for it",
    "DetachKeys": "an engine elsewhere watches for none: our own end does",
    "AttachStdout": "whether it is attached is no part of what is created",
    "AttachStderr": "the same",
}
"""Members that are not compared, and why."""


def meaning(value: Any) -> Any:
    """A request's JSON, with what means the same written the same."""
    if isinstance(value, Mapping):
        members = {
            name: SAME.get(name, meaning)(item)
            for name, item in value.items()
            if name not in WITHOUT
        }
        return {name: item for name, item in members.items() if item is not None}
    return [meaning(item) for item in value] if isinstance(value, list) else value


CHANGES = ("POST", "DELETE", "PUT")


def told(asked: list[Asked]) -> list[Any]:
    """What counts: what changes something, or else what is looked at, in order."""
    counts = [each for each in asked if each.method in CHANGES] or asked
    if len(counts) > 1:  # docker's client waits even for what it leaves alone
        counts = [each for each in counts if not each.path.endswith("/wait")]
    unique = [each for at, each in enumerate(counts) if each not in counts[:at]]
    return [(*each[:2], meaning(each.query), meaning(each.body) or None) for each in unique]


@pytest.mark.parametrize("line", LINES)
def test_the_same_line_asks_for_the_same(
    line: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    with tempfile.TemporaryDirectory() as folder:
        socket = Path(folder, "s")
        monkeypatch.setenv("ONGGI_LANG", "en")
        monkeypatch.setenv("DOCKER_CONFIG", folder)
        monkeypatch.setenv("DOCKER_HOST", "tcp://127.0.0.1:1")
        Path(folder, "config.json").write_text(KEPT)
        with recording(socket, "1.41") as asked:
            done = asked_by_docker(DEBIANS, socket, line)
            theirs, said = told(asked), done.stdout
            assert theirs, done.stderr
            asked.clear()
            Path(folder, "config.json").write_text(KEPT)
            code = main(["--host", f"unix://{socket}", *shlex.split(line)])
            ours, written = told(asked), capsys.readouterr()
    assert ours == theirs
    assert (code, written.out) == (done.returncode, said), written.err


def _port(inside: int, outside: int = 0, ip: str = "", protocol: str = "tcp") -> dict[str, Any]:
    published = {"IP": ip, "PublicPort": outside} if ip else {}
    return {"PrivatePort": inside, "Type": protocol, **published}


PORTS = (
    [_port(port) for port in (80, 81, 82, 90, 91, 443)],
    [_port(port, port, "0.0.0.0") for port in (80, 81, 83)],
    [_port(80 + at, 8000 + at, "0.0.0.0") for at in range(3)],
    [_port(80, 80, "127.0.0.1"), _port(80, 80, "10.0.0.1"), _port(81, 81, "10.0.0.1")],
    [_port(53, 53, "0.0.0.0", "udp"), _port(53), _port(53, 5353, "0.0.0.0"), _port(54)],
    [_port(9, 9, "0.0.0.0", "udp"), _port(10, 10, "0.0.0.0"), _port(11, 11, "0.0.0.0", "udp")],
    [_port(80, 4000, "0.0.0.0"), _port(80, 4001, "0.0.0.0"), _port(80, 80, "0.0.0.0")],
)


@pytest.mark.parametrize("ports", PORTS)
@pytest.mark.parametrize("client", [DEBIANS, "docker"])
def test_ports_are_written_alike(
    client: str,
    ports: list[dict[str, Any]],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setitem(LISTED[0], "Ports", ports)
    with tempfile.TemporaryDirectory() as folder, recording(Path(folder, "s"), "1.41"):
        line = "ps -a --format {{.Ports}}"
        theirs = asked_by_docker(client, Path(folder, "s"), line).stdout
        assert main(["--host", f"unix://{folder}/s", *line.split()]) == 0
    assert capsys.readouterr().out == theirs
